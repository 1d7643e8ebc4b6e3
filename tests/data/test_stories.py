"""The file format: what is read, what is refused, and the real files."""

import re
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmn_cli.data import stories
from dmn_cli.data.stories import Question, Story
from dmn_cli.data.words import words
from dmn_cli.errors import DmnError

TEXT = """1 Mary moved to the bathroom.
2 John went to the hallway.
3 Where is Mary? \tbathroom\t1
4 Daniel went back to the hallway.
5 What is in the hall?\tjohn,daniel\t2 4
1 Sandra slept.
2 Who slept?\tSandra\t1
"""

PARSED = [
    Story(
        ("Mary moved to the bathroom.", "John went to the hallway.", "Daniel went back to the hallway."),
        (Question("Where is Mary?", "bathroom", 2, (0,)), Question("What is in the hall?", "john,daniel", 3, (1, 2))),
    ),
    Story(("Sandra slept.",), (Question("Who slept?", "Sandra", 1, (0,)),)),
]


def test_question_lines_count_in_the_ids():
    assert stories.parse(TEXT) == PARSED


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("\n", "\r\n"),
        TEXT.rstrip("\n"),
        TEXT.replace("\n", "\n\n"),
        "\n \n" + TEXT,
        TEXT.replace("\n", " \n"),
        TEXT.replace("\t1\n", "\t1 \n"),
        TEXT.replace("\n", "\r"),
        TEXT.replace("\n", "\t\t\n"),
        TEXT.replace("\n", " \t \u00a0\n"),
        re.sub("^([0-9]) ", "\\1\u00a0", TEXT, flags=re.M),
        re.sub("^([0-9]) ", "\u202f\\1\u3000\t", TEXT, flags=re.M),
        re.sub("^([0-9]) ", "\ufeff\\1 ", TEXT, flags=re.M),
        re.sub("^([0-9]) ", "\u200f\\1\u200f ", TEXT, flags=re.M),
        TEXT.translate(dict(zip(map(ord, "0123456789"), "٠١٢٣٤٥٦٧٨٩", strict=True))),
        TEXT.translate(dict(zip(map(ord, "0123456789"), "०१२३४५६७८९", strict=True))),
        TEXT.translate(dict(zip(map(ord, "0123456789"), "０１２３４５６７８９", strict=True))),
    ],
)
def test_endings_and_blank_lines_do_not_matter(text):
    assert stories.parse(text) == PARSED


def test_a_byte_order_mark_and_other_alphabets(tmp_path):
    path = tmp_path / "own.txt"
    path.write_bytes("\ufeff1 Žofie šla na půdu.\n2 Kde je Žofie?\tpůda\t1\n".encode())
    story = stories.read(path)[0]
    assert story.questions[0].answer == "půda"
    assert story.facts == ("Žofie šla na půdu.",)


def test_supporting_facts_are_optional():
    assert stories.parse("1 A b.\n2 What?\tb\n")[0].questions[0].supporting == ()


def test_a_tab_after_a_fact_is_none():
    assert stories.parse("1 A b.\t\n2 C d.\t \t\n3 What?\tb\t1\n")[0].facts == ("A b.", "C d.")


def test_facts_that_ask_or_count_stay_facts():
    told = (
        "Where? He did not say.",
        'Mary asked "where?" twice.',
        "Really?",
        "There are 3 boxes and  2 mats in room 7",
    )
    text = "".join(f"{number} {fact}\n" for number, fact in enumerate(told, start=1)) + "5 What?\tb\n"
    assert stories.parse(text)[0].facts == told


def test_candidates_are_read_past_with_a_note(caplog):
    (story,) = stories.parse("1 A b.\n2 What XXXXX?\tb\t\tb|c|d\n", "cbt.txt")
    assert story.questions == (Question("What XXXXX?", "b", 1),)
    assert caplog.messages == [
        "note: cbt.txt: candidates (a fourth field) are ignored: any answer of training can be given"
    ]


def test_the_turns_of_a_dialogue_are_facts():
    (story,) = stories.parse("1 It rains.\n2 hi\thello\n3 I go.\n4 who?\tBob|Rob\t3 1\n5 bye\tbye\n")
    said = stories.as_dialogue(story)
    assert said.facts == ("It rains.", "hi hello", "I go.", "who? Bob", "bye bye")
    assert [(q.facts, q.supporting) for q in said.questions] == [(1, ()), (3, (2, 0)), (4, ())]


def test_a_story_without_a_question_is_left_out_with_a_note(caplog):
    """``1 hour later`` looks like a new story; that the one before it is lost is said."""
    told = "1 Mary went home.\n1 hour later she left.\n2 Where is she?\tout\n"
    assert [story.facts for story in stories.parse(told, "own")] == [("hour later she left.",)]
    (note,) = caplog.messages
    assert note == "note: own: stories without a question are left out (1 begins a new one): 1, the first at own:1"


def test_a_question_may_come_first():
    assert stories.parse("1 What?\tb\t\n")[0] == Story((), (Question("What?", "b", 0),))


MALFORMED = {
    "Mary moved.\n": "text:1: no line number: 'Mary moved.'",
    "1 A b.\n3 C d.\n": "text:2: line number 3, expected 2, or 1 for a new story",
    "2 A b.\n": "text:1: line number 2, expected 1",
    "1 A b.\n2 ...\n": "text:2: no words after the line number",
    "1 A b.\n2 \n": "text:2: no words after the line number",
    "1 A b.\n2\n": "text:2: no line number: '2'",
    "1 A b.\n2 C d.\n1 hour later E f.\n3 What?\tb\n": "text:3: begins with 1, so a new story, but text:4",
    "1 A b.\n2 What?\tb\n1 hour later E f.\n4 What?\tb\n": "text:3: begins with 1",
    "1 A b.\n1 hour later E f.\n3 What?\tb\n": "text:2: begins with 1",
    "1 A b.\n2 C d.\n1 hour later.\n1 day later.\n3 What?\tb\n": "text:4: begins with 1",
    "1 A b.\n3 C d.\n2 What?\tb\n": "text:2: line number 3, expected 2, or 1 for a new story",
    "1 A b.\n2 C d.\n2 What?\tb\n": "text:3: line number 2, expected 3, or 1 for a new story",
    "1 A b.\n\n2 What?\t\t1\n": "text:3: no answer after the tab",
    "1 A b.\n2 ?\tb\t1\n": "text:2: no words before the tab",
    "1 A b.\n2 What?\tb\t2\n": "text:2: supporting ID '2' is not a fact before this question: the facts before it are",
    "1 A b.\n2 What?\tb\tx\n": "text:2: supporting ID 'x'",
    "1 A b.\n2 What?\tb\t1,1\n": "text:2: supporting ID '1,1'",
    "1 What?\tb\t1\n": "text:1: supporting ID '1' is not a fact before this question: no fact stands before it",
    "1 A b.\n2 C d.\n3 What?\tb\t0\n": "the facts before it are 1-2",
    "1 A b.\n2 What?\tb\t1\tmore\tstill\n": "text:2: 5 fields, expected question, answer and supporting IDs",
    "1 A b.\n2 What?\t\n": "text:2: no answer after the tab",
    "1 A b.\n2 What?    b    1\n": "text:2: the tabs of this question became spaces: 'What?    b    1'",
    "1 A b.\n2 What? b 1\n": "text:2: the tabs of this question became spaces",
    "1 A b.\n2 What? red box\n": "text:2: the tabs of this question became spaces",
    "1 A b.\n2 C d.\n3 Where is Mary    kitchen    1 2\n": "text:3: the tabs of this question became spaces",
    "1 小明去了。\n2 在哪里？ 厨房\n": "text:2: the tabs of this question became spaces",
    "-1 A b.\n": "text:1: no line number",
    "1A b.\n": "text:1: no line number",
    "9" * 5000 + " A b.\n": "text:1: no line number: '" + "9" * 39 + "…'",
    f"1 A b.\n2 What?\tb\t{'9' * 5000}\n": "text:2: supporting ID '" + "9" * 39 + "…' is not a fact",
    "x" * 100: "no line number: '" + "x" * 39 + "…'",
}


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_lines_are_named(text):
    with pytest.raises(DmnError) as error:
        stories.parse(text)
    assert MALFORMED[text] in error.value.message
    assert error.value.code == 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot be read: No such file"),
        (b"1 A b.\n2 \xff\xfe?\tb\t1\n", "own.txt:2: not UTF-8 text"),
        (b"", "no question in this file"),
        (b"1 A b.\n", "no question in this file"),
    ],
)
def test_files_that_are_no_stories(content, expected, tmp_path):
    path = tmp_path / "own.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DmnError, match=expected):
        stories.read(path)


def sentences():
    return st.lists(st.text("abcžü'", min_size=1, max_size=5).filter(words), min_size=1, max_size=4).map(" ".join)


@st.composite
def any_story(draw):
    facts = draw(st.lists(sentences(), max_size=6))
    before = sorted(draw(st.lists(st.integers(0, len(facts)), min_size=1, max_size=4)))
    questions = []
    for count in before:
        supporting = draw(st.lists(st.integers(0, count - 1), max_size=3)) if count else []
        questions.append(Question(draw(sentences()) + "?", "a,b", count, tuple(supporting)))
    return Story(tuple(facts), tuple(questions))


@given(st.lists(any_story(), min_size=1, max_size=4))
def test_what_is_written_is_read_back(written):
    assert stories.parse(stories.dump(written)) == written


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        parsed = stories.parse(text)
    except DmnError as error:
        assert error.message.startswith("text:")
    else:
        assert all(story.questions for story in parsed)


@given(st.lists(st.sampled_from(["1 A b.", "2 Where?\tx\t1", "3 C.", "1 ?", "\t", "2", "4 W?\tx,y\t3 1"]), max_size=6))
def test_lines_in_any_order_are_read_or_refused(lines):
    try:
        stories.parse("\n".join(lines))
    except DmnError as error:
        assert error.message.startswith("text:")


@pytest.mark.slow
def test_every_real_file_is_read_whole_and_written_back(archive):
    count = 0
    with tarfile.open(archive) as tar:
        for member in tar:
            if not member.name.endswith((".txt",)) or "/qa" not in member.name or "10k" in member.name:
                continue
            text = tar.extractfile(member).read().decode()
            parsed = stories.parse(text, member.name)
            assert stories.parse(stories.dump(parsed)) == parsed
            questions = sum(len(story.questions) for story in parsed)
            assert questions == text.count("\t") / 2
            assert all(question.supporting for story in parsed for question in story.questions)
            count += questions
    assert count == 120_000
