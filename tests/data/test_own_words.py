"""Short trainings on people's own words: what the reader of words keeps apart, the network learns."""

import json

import pytest

from tests.own_stories import make

PLACES = ["kitchen", "garden", "office", "market"]
NAMES = ["Ram", "Rima", "Romi", "Sita"]
WENT, WHERE = "{a} went to the {p}.", "Where is {a}?"
CASES = {
    "control": (NAMES, PLACES, WENT, WHERE),
    "Devanagari": (["राम", "रीमा", "रोमी", "सीता"], ["रसोई", "बगीचे", "दफ़्तर", "बाज़ार"], "{a} {p} में गया।", "{a} कहाँ है?"),
    "Tamil": (["கமல்", "கமலா", "கோமல்", "குமார்"], ["சமையலறை", "தோட்டம்", "சந்தை", "பள்ளி"], "{a} {p} சென்றார்.", "{a} எங்கே?"),
    "Thai": (["มานี", "มานะ", "มาลี", "มะลิ"], ["ครัว", "สวน", "ตลาด", "วัด"], "{a}ไปที่{p}", "{a}อยู่ที่ไหน"),
    "Chinese": (["小明", "小红", "大明", "小华"], ["厨房", "花园", "市场", "学校"], "{a}去了{p}。", "{a}在哪里？"),
    "languages": (["C", "C++", "C#", "Java"], PLACES, "{a} is used in the {p}.", WHERE),
    "vowelled Arabic": (
        ["عَلِي", "عُلَا", "عَلَا", "عَلَّا"],
        ["البيت", "السوق", "المطبخ", "الحديقة"],
        "ذهب {a} إلى {p}.",
        "أين {a}؟",
    ),
}


def accuracy(dmn, tmp_path, epochs=15, config="weak.yaml", sets=()):
    """Train on train.txt, and the accuracy on test.txt."""
    (tmp_path / "own.yaml").write_text(
        f"base: {config}\ndata: {{source: files, train: train.txt, test: test.txt}}\n"
        f"train: {{epochs: {epochs}, supervision: weak}}\n"
    )
    done = dmn("train", "--config", "own.yaml", "--json", "--quiet", *(part for one in sets for part in ("--set", one)))
    assert done.code == 0, done.err
    return json.loads(done.out)["mean_accuracy"]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_own_words_are_learnt(case, dmn, tmp_path):
    make(tmp_path / "train.txt", *CASES[case], 300, 1)
    make(tmp_path / "test.txt", *CASES[case], 150, 2)
    assert accuracy(dmn, tmp_path) >= 0.97


@pytest.mark.slow
def test_an_apostrophe_is_one_however_it_is_typed(dmn, tmp_path):
    make(tmp_path / "train.txt", ["O’Neil", "O’Brien", "O’Hara", "Neil"], PLACES, WENT, WHERE, 300, 1)
    make(tmp_path / "test.txt", ["O'Neil", "O'Brien", "O'Hara", "Neil"], PLACES, WENT, WHERE, 150, 2)
    assert accuracy(dmn, tmp_path) >= 0.97


@pytest.mark.slow
def test_signs_between_words_are_words(dmn, tmp_path):
    """Ana < Ben: who is the smaller? 50 % where the sign is lost, 75 % where < and > are renamed as one class."""
    import random

    for name, n, seed in (("train.txt", 300, 1), ("test.txt", 150, 2)):
        draw, lines = random.Random(seed), []
        for _ in range(n):
            one, other = draw.sample(["Ana", "Ben", "Cem", "Dia"], 2)
            sign = draw.choice("<>")
            smaller = one if sign == "<" else other
            lines += [f"1 {one} {sign} {other}", f"2 Who is smaller?\t{smaller}\t1"]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    assert accuracy(dmn, tmp_path) >= 0.97
