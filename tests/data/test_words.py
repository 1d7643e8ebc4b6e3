"""What differs stays different, what is one word is read as one, and bAbI's files as ever."""

import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmn_cli.data import stats
from dmn_cli.data import words as tokens
from dmn_cli.data.stats import notes
from dmn_cli.data.stories import parse
from dmn_cli.data.vocabulary import build
from dmn_cli.data.words import (
    DICTIONARY,
    FOLDED,
    LETTERS,
    alternatives,
    every_word,
    joined,
    parts,
    spelled,
    words,
)

SPACES = [chr(code) for code in range(0x110000) if chr(code).isspace()]


@pytest.mark.parametrize(
    "different",
    [
        ["राम", "रीमा", "रोमी", "सीता", "रमा"],  # Devanagari: vowel signs
        ["கமல்", "கமலா", "கோமல்"],  # Tamil
        ["มา", "มี", "มู", "ม้า", "หมา"],  # Thai: vowels and tones
        ["كَتَبَ", "كُتِبَ", "كُتُب"],  # vowelled Arabic
        ["סֵפֶר", "סַפָּר", "סָפַר"],  # pointed Hebrew
        ["می‌خواهم", "میخواهم"],  # a zero width non-joiner parts letters
        ["C", "C++", "C#", "C*", "C-"],
        ["A", "A+", "A-"],
        ["5", "-5", "+5", ".5", "5%", "5°", "$5", "5$", "#5", "5²"],
        ["3.5", "3 5", "35", "3,5"],
        ["Ana < Ben", "Ana > Ben", "Ana = Ben", "Ana Ben", "Ana <= Ben", "Ana → Ben", "Ana ← Ben"],
        ["a/b", "a b", "a+b", "a*b", "ab"],
        ["x²", "x³", "x2", "x"],
        ["½", "¼"],
        ["😀", "😢", "👨‍👩‍👧", "👨", "🇩🇪", "🇫🇷"],
        ["♂", "♀", "☐", "☑"],
        ["(a b) c", "a (b c)", "[a b] c"],
        ["Maße", "Masse"],
        ["résumé", "resume"],
        ["U.S", "us"],
        [".NET", "net"],
        ["厨房", "花园", "厨", "厨房里"],
        ["e-mail", "email"],
        ["snake_case", "snake case"],
        ["a != b", "a = b", "a == b", "a =! b", "a ! b"],
        ["x := 1", "x = 1", "x =: 1", "x 1"],
        ["std::x", "std x", "std:x"],
        ["Int <: Number", "Int < Number", "Int >: Number", "Int <? Number", "Int Number"],
        ["if !a", "if a"],
        ["a ?-> b", "a -> b", "a .+ b", "a + b"],
        ["10:30", "10 30", "1030", "10..30"],
        ["a :) b", "a :( b", "a ;) b", "a :-) b", "a ) b"],
        ["5′", "5″", "5"],
        ["Maryʻ", "Mary"],
    ],
)
def test_what_differs_stays_different(different):
    read = {tuple(words(text)) for text in different}
    assert () not in read
    assert len(read) == len(different)


@pytest.mark.parametrize(
    "same",
    [
        ["O'Neil", "O’Neil", "o'neil", "Oʼneil", "O´Neil", "O`Neil"],
        ["Mary-Ann", "Mary‐Ann", "mary‑ann"],
        ["-5", "−5"],
        ["caf\u00e9", "cafe\u0301", "CAFÉ", "café."],
        [
            "Where is Mary?",
            "where is mary",
            "Where is Mary ?",
            '"Where is Mary?"',
            "¿Where, is Mary…",
            "«Where is» Mary!",
        ],
        ["C++.", "c++", "C++,"],
        ["小明去了厨房。", "小明去了厨房", "小明 去了 厨房"],
        ["भूमिका।", "भूमिका"],
        ["❤", "❤\ufe0f"],
        ["محمد", "محمـــد"],
        ["co\u00adop", "coop"],
        ["\u200eRome", "Rome"],
        ["ΟΔΟΣ", "οδος"],
        ["O'Neil", "O′Neil", "O‛Neil", "O＇Neil"],
        ["Hawai'i", "Hawaiʻi", "Hawai‘i"],
        ['צה"ל', "צה״ל"],
        ["a != b.", "a!=b", "«a» != b!"],
        ["Is it + ?", "is it +", "Is it +?!"],
        ["Mary went home", *(f"Mary{space}went{space}home" for space in SPACES)],
        ["12 boxes", "١٢ boxes", "१२ boxes", "１２ boxes", "๑๒ boxes"],
        ["3.5", "٣٫٥"],
        ["Mary = x", "Ｍａｒｙ　＝　ｘ"],
    ],
)
def test_what_is_folded_is_one(same):
    assert len({tuple(words(text)) for text in same}) == 1


def test_words():
    assert words("Where is the red square? ") == ["where", "is", "the", "red", "square"]
    assert words("If Mary-Ann can't, John won’t!") == ["if", "mary-ann", "can't", "john", "won't"]
    assert words("小明去了厨房。") == ["小", "明", "去", "了", "厨", "房"]
    assert words("ม้าอยู่", LETTERS) == ["ม้", "า", "อ", "ยู่"]
    assert words("มานีC++อยู่ ที่วัด ๓", DICTIONARY) == ["มานี", "c++", "อยู่", "ที่วัด", "3"]
    assert words("राम रसोई में गया।") == ["राम", "रसोई", "में", "गया"]
    assert words("if(a<=b){ c->d }") == ["if", "(", "a", "<=", "b", ")", "{", "c", "->", "d", "}"]
    assert words("... ?! «»") == []
    assert spelled("O’Neil went to Rome.") == ["O'Neil", "went", "to", "Rome"]


def test_rule_1_is_that_of_old_checkpoints():
    assert words("C++ and राम, won’t", 1) == ["c", "and", "र", "म", "won’t"]
    assert parts("apple, Milk.,the  mat", 1) == ["apple", "milk.", "the mat"]
    assert alternatives("a|b", 1) == ["a|b"]


def test_rule_2_is_that_of_checkpoints_of_before():
    assert words("a != b 10:30 O′Neil ٣ :)", 2) == ["a", "=", "b", "10", "30", "o", "′", "neil", "٣", ")"]
    assert parts("a != b,٣", 2) == ["a = b", "٣"]


def test_a_vocabulary_has_the_dictionary_only_for_thai(monkeypatch):
    thai, english = parse("1 มานีไปวัด\n2 ใคร\tมานี\n"), parse("1 A b.\n2 What?\tb\n")
    assert (build(thai).rule, build(english).rule, build(thai, rule=2).rule) == (DICTIONARY, LETTERS, 2)
    assert build(thai).words[2:] == ["มานี", "วัด", "ใคร", "ไป"]
    assert notes(thai) == []
    monkeypatch.setattr(tokens, "has_dictionary", lambda: False)
    monkeypatch.setattr(stats, "has_dictionary", lambda: False)
    assert build(thai).rule == LETTERS
    (note,) = notes(thai)
    assert note.endswith(
        "read letter by letter, from which more stories are needed to learn; pip install pythainlp "
        + "brings the words of Thai"
    )


def test_the_words_of_answers():
    assert parts("apple, Milk,football") == ["apple", "milk", "football"]
    assert parts("red  square ,\u00a0mat.,") == ["red square", "mat"]
    assert parts("?") == ["?"]  # an answer of punctuation alone stays one
    assert alternatives("bakery|the bakery") == ["bakery", "the bakery"]
    assert alternatives("|") == ["|"]
    assert every_word("red square,mat|box") == ["red", "square", "mat", "box"]
    assert joined(["red", "box", ",", "mat"]) == "red box,mat"
    assert joined(["厨", "房", ",", "ม้", "า"]) == "厨房,ม้า"


def test_all_that_is_folded_is_documented():
    assert {*FOLDED} == {
        *("case", "Unicode's form", "apostrophes", "hyphens", "punctuation", "quotation marks", "invisible signs"),
        *("digits", "full width", "spaces"),
    }


SIGNS = st.one_of(st.characters(exclude_categories=("Cs",)), st.sampled_from("ab .:;<=-+#,!?'’()|\u200d\u0301小กาม1٣"))


@given(st.text(SIGNS, max_size=12))
def test_words_are_their_own_words(text):
    """Renamed stories are words with spaces between them, and read again."""
    found = words(text)
    assert words(" ".join(found)) == found
    assert all(len(word.split()) == 1 for word in found)
    assert parts(",".join(parts(text))) == parts(text)


@pytest.mark.slow
def test_every_line_of_the_real_files_has_the_words_it_always_had(archive):
    lines = set()
    with tarfile.open(archive) as tar:
        for member in tar:
            if "/qa" in member.name:
                lines.update(tar.extractfile(member).read().decode().split("\n"))
    fields = [line.partition(" ")[2].split("\t") for line in lines]
    texts, answers = {of_line[0] for of_line in fields}, {of_line[1] for of_line in fields if len(of_line) > 1}
    assert (len(texts) > 5_000, len(answers) > 100) == (True, True)
    assert [text for text in texts if words(text) != words(text, 1)] == []
    assert [answer for answer in answers if parts(answer) != parts(answer, 1)] == []
