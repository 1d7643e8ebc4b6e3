"""Stories and questions as people have brought them, put to the command line: the right value, or one clear line."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.test_own_words import CASES, NAMES, PLACES, WENT, WHERE
from tests.own_stories import make
from tests.page.tools import dmn_in


def write_config(
    folder, name="own.yaml", base="weak.yaml", epochs=15, data="train: train.txt, test: test.txt", more=""
):
    text = f"base: {base}\ndata: {{source: files, {data}}}\ntrain: {{epochs: {epochs}}}\n{more}"
    (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with runs/own, a network that knows who went where and answers everything right."""
    folder = tmp_path_factory.mktemp("people")
    make(folder / "train.txt", NAMES, PLACES, WENT, WHERE, 300, 1)
    make(folder / "test.txt", NAMES, PLACES, WENT, WHERE, 150, 2)
    write_config(folder)
    dmn_in(folder, "train", "--config", "own.yaml", "--quiet")
    return folder


@pytest.fixture
def here(folder, dmn, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


def answers(dmn, *lines, network="runs/own"):
    """What ``dmn ask`` answers to a story: the answer and the facts of each question, and what it says besides."""
    Path("story.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    done = dmn("ask", network, "--file", "story.txt", "--json")
    if done.code:
        return done.code, done.err
    return [(row["answer"], row["facts"]) for row in json.loads(done.out)["questions"]], done.err


# ---- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("said", "correct"), [("{}", 300), ("{}.", 300), ("{}!", 300), ("the {}", 0), ("{}|hall", 300)]
)
def test_answers_are_compared_as_words_and_the_unseen_are_counted(said, correct, here, dmn):
    make(here / "said.txt", NAMES, PLACES, WENT, WHERE, 150, 2, ans=said.format)
    [row] = json.loads(dmn("eval", "runs/own", "--file", "said.txt", "--json").out)["tasks"]
    assert (row["correct"], row["unseen_answers"]) == (correct, 300 - correct)
    table = dmn("eval", "runs/own", "--file", "said.txt")
    assert ("never seen" in table.out) == (correct == 0)
    said = "300 of 300 questions have an answer never seen in training"
    assert (said in " ".join(table.out.split())) == (correct == 0)


@pytest.mark.slow
def test_answers_are_printed_as_the_file_wrote_them(dmn, tmp_path):
    for name, n, seed in (("train.txt", 300, 1), ("test.txt", 20, 2)):
        make(tmp_path / name, NAMES, ["Rome", "New York", "São Paulo", "McMurdo"], "{a} flew to {p}.", WHERE, n, seed)
    write_config(tmp_path)
    assert dmn("train", "--config", "own.yaml", "--quiet").code == 0
    for place in ("Rome", "New York", "São Paulo", "McMurdo"):
        assert answers(dmn, f"ram flew to {place.upper()}", "where is RAM?")[0][0][0] == place


@pytest.mark.slow
def test_stories_of_another_task(dmn, tmp_path):
    made = ("--set", "data.source=generated", "--set", "train.epochs=1")
    assert dmn("train", "--config", "task1.yaml", *made, "--quiet").code == 0
    assert dmn("generate-babi", "--tasks", "11", "--train", "20", "--test", "20", "--out", "made").code == 0
    done = dmn("eval", "runs/task1", "--file", "made/en/qa11_basic-coreference_test.txt")
    assert "words were never seen in training: afterwards, he" in " ".join(done.out.split())


@pytest.mark.slow
def test_devanagari_with_the_papers_supervision(dmn, tmp_path):
    for name, n, seed in (("train.txt", 300, 1), ("test.txt", 150, 2)):
        make(tmp_path / name, *CASES["Devanagari"], n, seed)
    write_config(tmp_path, base="dmn-l.yaml", epochs=25)
    assert json.loads(dmn("train", "--config", "own.yaml", "--quiet", "--json").out)["mean_accuracy"] >= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("signs", [("<", ">"), ("!=", "="), (":=", "="), ("<=", "=>"), ("→", "←"), ("<:", ">:")])
def test_a_sign_alone_decides(signs, dmn, tmp_path):
    for name, n, seed in (("train.txt", 300, 1), ("test.txt", 150, 2)):
        draw, lines = random.Random(seed), []
        for _ in range(n):
            one, other = draw.sample(["Ana", "Ben", "Cem", "Dia"], 2)
            sign = draw.choice(signs)
            lines += [f"1 {one} {sign} {other}", f"2 Who is it?\t{one if sign == signs[0] else other}\t1"]
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_config(tmp_path)
    assert json.loads(dmn("train", "--config", "own.yaml", "--quiet", "--json").out)["mean_accuracy"] >= 0.97


# ---- dmn ask ---------------------------------------------------------------------------------------------------------

GARDEN, OFFICE, MARKET = "Ram went to the garden.", "Sita went to the office.", "Ram went to the market."
HOUR = "1 hour later Ram went to the kitchen."
STORIES = [
    ([f"{GARDEN} Where is Ram?"], [("garden", [GARDEN])]),
    ([f"{GARDEN} {OFFICE} {MARKET}", "Where is Ram?"], [("market", [GARDEN, OFFICE, MARKET])]),
    ([GARDEN, HOUR, "Where is Ram?"], [("kitchen", [GARDEN, HOUR])]),
    ([f"1 {GARDEN}", HOUR, "2 Where is Ram?"], [("kitchen", [GARDEN, HOUR])]),
    ([f"1 {GARDEN}", f"2 {OFFICE}", HOUR, "3 Where is Ram?"], [("kitchen", [GARDEN, OFFICE, HOUR])]),
    ([GARDEN, "Where is Ram?", "", OFFICE, "Where is Sita?"], [("garden", [GARDEN]), ("office", [OFFICE])]),
    ([f"१ {GARDEN}", f"२\u00a0{MARKET}\t", "३ Where is Ram?\tmarket\t२\t\t"], [("market", [GARDEN, MARKET])]),
    ([GARDEN.replace(" ", "\u202f"), "Where is Ram ?"], [("garden", [GARDEN.replace(" ", "\u202f")])]),
]


@pytest.mark.slow
@pytest.mark.parametrize(("lines", "expected"), STORIES)
def test_nothing_that_is_told_is_swallowed(lines, expected, here, dmn):
    assert answers(dmn, *lines)[0] == expected


@pytest.mark.slow
def test_a_question_without_its_sign_is_said(here, dmn):
    code, said = answers(dmn, GARDEN, "where is ram")
    assert (code, "story.txt:2: taken as a fact: 'where is ram'; a question ends in ?" in said) == (2, True)


@pytest.mark.slow
def test_questions_without_facts(here, dmn, tmp_path, monkeypatch):
    """``jump twice and run``: no batch has a fact. A network that learnt from such questions is asked such."""
    code, said = answers(dmn, "jump twice and run?")
    assert (code, "has no fact before it" in said) == (2, True)
    draw, lines = random.Random(0), []
    for _ in range(300):
        one, other, twice = (
            draw.choice(["jump", "run", "walk", "look"]),
            draw.choice(["jump", "run"]),
            draw.random() < 0.5,
        )
        lines.append(f"1 {one}{' twice' * twice} and {other}\t{' '.join([one] * (1 + twice) + [other]).upper()}\n")
    (tmp_path / "train.txt").write_text("".join(lines))
    write_config(tmp_path, epochs=30, data="train: train.txt", more="model: {answer: gru}\n")
    monkeypatch.chdir(tmp_path)
    dmn_in(tmp_path, "train", "--config", "own.yaml", "--quiet")
    assert answers(dmn, "jump twice and run?")[0] == [("JUMP JUMP RUN", [])]


# ---- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base", ["strong.yaml", "weak.yaml", "dmn-l.yaml", "dmn-plus.yaml", "task1.yaml", "middle.yaml"]
)
def test_a_base_may_have_a_base(base, dmn, tmp_path):
    make(tmp_path / "train.txt", NAMES, PLACES, WENT, WHERE, 20, 1)
    (tmp_path / "middle.yaml").write_text("base: strong.yaml\n")
    write_config(tmp_path, base=base, data="train: train.txt")
    done = dmn("train", "--config", "own.yaml", "--set", "train.gate_epochs=0", "--dry-run")
    assert (done.code, "18 stories, 36 questions" in done.out) == (0, True), done.err


def test_a_long_line_is_not_printed_whole(dmn, tmp_path):
    for text in ("x" * 100_000, f"1 A {'b ' * 50_000}\n2 {'c ' * 50_000}?\td\te\n", f"1 {'A' * 100_000} b\n2 C?\tb\n"):
        (tmp_path / "long.txt").write_text(text)
        done = dmn("data", "check", "long.txt")
        assert len(done.out + done.err) < 2_000


def test_maps_that_contradict_each_other(dmn, tmp_path):
    lines = ("The study is south of the cellar.", "The hall is east of the study.", "The cellar is south of the study.")
    (tmp_path / "map.txt").write_text(
        "".join(f"{at} {line}\n" for at, line in enumerate(lines, 1)) + "4 What is south of the cellar?\tstudy\t1\n"
    )
    done = dmn("data", "check", "map.txt")
    assert done.code == 2
    assert "contradict each other: `The study is south of the cellar.`, `The cellar is south" in " ".join(
        done.out.split()
    )


def test_stories_that_are_not_babis_are_checked_as_far_as_can_be(dmn, tmp_path):
    (tmp_path / "own.txt").write_text("1 Der Hund bellt.\n2 Wer bellt?\tHund\t1\n")
    done = dmn("data", "check", "own.txt")
    assert (done.code, "only the format was checked" in " ".join(done.err.split())) == (0, True)


WHERE_IS = b"2 Where is Ram?\tgarden\t1\n"
FILES = {
    "tabs that became spaces": (b"1 Ram left.\n2 Where is Ram?   garden   1\n", "own:2: the tabs of this question"),
    "tabs at the end": (b"1 Ram went to the garden.\t\t\n2 Where is Ram?\tgarden\t1\t\t\n", ""),
    "four fields": (
        b"1 Ram left.\n2 Where is Ram?\tgarden\t\tgarden|hall\n",
        "candidates (a fourth field) are ignored",
    ),
    "old Macintosh lines": (b"1 Ram left.\r2 Where is Ram?\tgarden\t1\r", ""),
    "a hard space": ("1\u00a0Ram left.\n2\u202fWhere is Ram?\tgarden\t1\n".encode(), ""),
    "Arabic numbers": ("١ Ram left.\n٢ Where is Ram?\tgarden\t١\n".encode(), ""),
    "a byte order mark": (b"\xef\xbb\xbf1 Ram left.\n" + WHERE_IS, ""),
    "UTF-16": ("1 Ram left.\n2 Where is Ram?\tgarden\t1\n".encode("utf-16"), "own: UTF-16, expected UTF-8 text"),
    "a NUL": (b"1 Ram\0left.\n" + WHERE_IS, "own:1: a NUL byte"),
    "an hour": (b"1 Ram left.\n2 Sita left.\n1 hour later\n3 Who?\tRam\n", "own:3: begins with 1, so a new story"),
    "an hour, early": (
        b"1 Ram left.\n1 hour later\n2 Who?\tRam\n",
        "left out (1 begins a new one): 1, the first at own:1",
    ),
    "out of order": (b"1 Ram left.\n3 Sita left.\n" + WHERE_IS, "own:2: line number 3, expected 2"),
    "JSON": (b'[{"passage": "A b.", "question": "C?", "answer": "d"},\n{"passage": }]', "own:2: not JSON"),
    "JSON lines": (b'{"passage": "A b.", "question": "C?", "answer": "d"}\n{"story": 1}\n', "own:2: expected text for"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_is_read_right_or_its_line_is_named(what, dmn, tmp_path):
    data, line = FILES[what]
    (tmp_path / "own").write_bytes(data)
    shown = dmn("data", "show", "--file", "own")
    assert "Traceback" not in shown.err
    assert len(shown.err.splitlines()) <= 2
    if line:
        assert line in shown.err
    else:
        assert (shown.code, shown.err) == (0, "")
        assert shown.out.splitlines()[1:] == [
            f">   1 Ram {'went to the garden' if 'end' in what else 'left'}.  (2)",
            "    2 Where is Ram?  garden  < 1",
        ]


# ---- size ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_prose_is_begun_soon_and_says_what_it_left_out(dmn, tmp_path):
    """300 stories of 20 sentences of 15 words, 1,500 words by Zipf's law: before, 86 s and more, without a word."""
    draw, lines = random.Random(0), []
    words, weights = [f"w{at}" for at in range(1, 1501)], [1 / at for at in range(1, 1501)]
    for _ in range(300):
        facts = [draw.choices(words, weights, k=15) for _ in range(20)]
        lines += [f"{at} {' '.join(fact)}.\n" for at, fact in enumerate(facts, 1)]
        lines.append(f"21 What {' '.join(draw.choices(words, weights, k=5))}?\t{draw.choice(facts[0])}\n")
    (tmp_path / "train.txt").write_text("".join(lines))
    write_config(tmp_path, data="train: train.txt")
    done = dmn("train", "--config", "own.yaml", "--dry-run")
    said = " ".join(done.err.split())
    assert (done.code, "looking for words to rename among the" in said) == (0, True)
    assert "no others are renamed" in said
    assert "data.reordered: the facts keep their order: to look at such long stories takes too long" in said


def test_help_imports_nothing_heavy_and_is_there_at_once():
    """No wait without a word: torch is not imported to print a help."""
    code = "import sys; from dmn_cli.cli.app import main; sys.argv = ['dmn', 'train', '-h']; main()"
    checked = f"import sys, atexit; atexit.register(lambda: print('torch' in sys.modules)); {code}"
    done = subprocess.run([sys.executable, "-c", checked], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "False", done.stderr
