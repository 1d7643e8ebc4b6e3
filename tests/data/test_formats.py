"""Other formats than bAbI's, told apart by what stands in them."""

import gzip
import io
import json
import zipfile

import pytest

from dmn_cli.data import formats
from dmn_cli.data.stories import Question, Story, dump, read
from dmn_cli.errors import DmnError

STORY = Story(
    ("Mary moved to the bathroom.", "John went to the hallway.", "Daniel slept."),
    (Question("Where is Mary?", "bathroom", 2, (0,)), Question("Who slept?", "Daniel", 3, (2,))),
)
LINES = [
    ("1", 0, STORY.facts[0], [], ""),
    ("2", 0, STORY.facts[1], [], ""),
    ("3", 1, "Where is Mary?", ["1"], "bathroom"),
    ("4", 0, STORY.facts[2], [], ""),
    ("5", 1, "Who slept?", ["4"], "Daniel"),
]
KEYS = ("id", "type", "text", "supporting_ids", "answer")
COLUMNS = {"story": {key: [line[at] for line in LINES] for at, key in enumerate(KEYS)}}
ROWS = {"story": [dict(zip(KEYS, line, strict=True)) for line in LINES]}
FLAT = {
    "passage": "Mary moved to the bathroom.\nJohn went to the hallway.\n",
    "question": "Where is Mary?",
    "answer": "bathroom",
    "task": 1,
}
PARLAI = (
    "text:Mary moved to the bathroom.\\nJohn went to the hallway.\\nWhere is Mary?\tlabels:bathroom\n"
    "text:Daniel slept.\\nWho slept?\tlabels:Daniel\tlabel_candidates:Daniel|Mary\tepisode_done:True\n"
    "text:What?\tlabels:this|that\tepisode_done:True\n"
)


@pytest.mark.parametrize(
    "text", [json.dumps(COLUMNS), json.dumps(ROWS), json.dumps([COLUMNS], indent=1), dump([STORY])]
)
def test_a_story_in_every_dress(text):
    assert formats.parse(text.encode(), "own") == [STORY]


def test_rows_of_json():
    one = Story(STORY.facts[:2], (Question("Where is Mary?", "bathroom", 2),))
    text = "\n".join(json.dumps(row) for row in (FLAT, {**FLAT, "passage": FLAT["passage"].replace("\n", " ")}))
    assert formats.parse(text.encode(), "own.jsonl") == [one, one]


def test_parlai(caplog):
    first, second = formats.parse(PARLAI.encode(), "own")
    assert first == STORY.unsupported()
    assert second == Story((), (Question("What?", "this|that", 0),))
    assert caplog.messages == ["note: own: candidates are ignored: any answer of training can be given"]


def test_an_archive_of_one_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        archive.writestr("folder/own.txt", dump([STORY]))
    assert read(tmp_path / "own.zip") == [STORY]
    with zipfile.ZipFile(tmp_path / "own.zip", "a") as archive:
        archive.writestr("more.txt", "1 no\n")
    with pytest.raises(DmnError, match=r"own.zip: 2 files in it, expected one"):
        read(tmp_path / "own.zip")


MALFORMED = {
    '{"passage": "A."}\n': "own:1: expected text for passage, question and answer; found passage",
    json.dumps(FLAT) + "\n{oh\n": "own:2: not JSON",
    "[1]": "own:1: expected an object",
    json.dumps([FLAT, {"passage": "A."}], indent=1): "own:8: expected text for passage, question and answer",
    json.dumps([FLAT, FLAT], indent=1).replace('"task"', "task", 1): "own:6: not JSON: Expecting property name",
    json.dumps([FLAT, FLAT], indent=1).replace("},", "}"): "own:8: not JSON: no comma between two rows",
    json.dumps([FLAT])[:-1]: "own:1: not JSON: no comma between two rows|own:1: not JSON: Expecting value",
    json.dumps([FLAT]) + "\n\nmore": "own:1: not JSON: 'more' after the end of the list",
    json.dumps(FLAT) + '\n\n{"passage": "A b"\n"question": "?"}': "own:4: not JSON: Expecting ',' delimiter",
    json.dumps(FLAT).replace("1}", "9" * 5000 + "}"): "own:1: not JSON",
    "[" * 100_000: "own:1: (not JSON|expected an object)",
    '{"story": {"id": ["1"]}}': "a story wants id, type, text, supporting_ids, answer",
    json.dumps(ROWS).replace('"supporting_ids": ["4"]', '"supporting_ids": ["9"]'): "supporting id '9' is no fact",
    json.dumps({**FLAT, "answer": " "}): "no answer to 'Where is Mary\\?'",
    json.dumps({**FLAT, "question": "?"}): "a question without words",
    "text:Hello\nlabels:x\n": "own:2: no field `text:`",
    "PK\x03\x04oh": "own: damaged or locked archive",
}


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_wrong_is_named(text):
    with pytest.raises(DmnError, match=MALFORMED[text]) as error:
        formats.parse(text.encode(), "own")
    assert error.value.code == 2


PAIR = "1 A b.\n2 What?\tb\n"


@pytest.mark.parametrize(
    "data",
    [
        PAIR.encode("utf-8-sig"),
        PAIR.replace("\n", "\r").encode(),
        PAIR.replace("\n", "\r\n").encode(),
        PAIR.replace("\n2", "\n\ufeff2").encode(),  # two files that became one
        (json.dumps({"passage": "A b.", "question": "What?", "answer": "b"}) + "\r").encode("utf-8-sig"),
        ("text:A b.\\nWhat?\tlabels:b\tepisode_done:True\r").encode("utf-8-sig"),
    ],
)
def test_line_endings_and_byte_order_marks(data):
    assert formats.parse(data, "own") == [Story(("A b.",), (Question("What?", "b", 1),))]


def zipped(*files):
    with io.BytesIO() as whole:
        with zipfile.ZipFile(whole, "w") as archive:
            for at, data in enumerate(files):
                archive.writestr(f"{at}.txt", data)
        return whole.getvalue()


NO_TEXT = [
    (zipped(), "own: no files in it, expected one"),
    (zipped(PAIR, PAIR), "own: 2 files in it, expected one"),
    (zipped(zipped(PAIR)), "own/0.txt: an archive in an archive"),
    (zipped(gzip.compress(PAIR.encode(), mtime=0)), "own/0.txt: compressed"),
    (gzip.compress(PAIR.encode(), mtime=0), r"own: compressed \(gzip\), not text"),
    (b"%PDF-1.7", "own: a PDF, not text"),
    (PAIR.encode("utf-16"), "own: UTF-16, expected UTF-8 text"),
    (PAIR.encode("utf-16-be"), "own: UTF-16, expected UTF-8 text"),
    (PAIR.encode("utf-32"), "own: UTF-16, expected UTF-8 text"),
    (b"1 A b.\r2 C\0d.\r", "own:2: a NUL byte"),
    (b"1 A b.\r\n2 \xff\r\n", "own:2: not UTF-8 text"),
]


@pytest.mark.parametrize(("data", "what"), NO_TEXT)
def test_what_is_no_text_is_named(data, what):
    with pytest.raises(DmnError, match=what):
        formats.parse(data, "own")


def test_convert(dmn, tmp_path):
    (tmp_path / "in.jsonl").write_text(json.dumps(COLUMNS))
    done = dmn("data", "convert", "in.jsonl", "out.txt")
    assert (done.code, done.out) == (0, "out.txt: 1 stories, 2 questions\n")
    assert read(tmp_path / "out.txt") == [STORY]
    again = dmn("data", "convert", "in.jsonl", "out.txt")
    assert (again.code, "already there" in again.err) == (2, True)
