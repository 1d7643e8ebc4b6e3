"""``dmn ask`` as a user meets it."""

import io
import json
import subprocess
import sys

import pytest
import torch

from dmn_cli.runs.assembly import prepare
from dmn_cli.training import checkpoint
from tests.report.test_mistakes import made
from tests.training.conftest import small


@pytest.fixture
def network(tmp_path):
    """A checkpoint in the working directory; what it answers does not matter here."""
    made = prepare(small(), torch.device("cpu"), 1).checkpoint
    checkpoint.save(tmp_path / "best.pt", made)
    return "best.pt"


STORY = (
    "1 Mary moved to the bathroom.\n2 John went to the moon.\n3 Where is Mary?\tbathroom\t1\n"
    "1 Bill left.\n2 Where is Bill?\n"
)


def test_a_story_from_a_file(dmn, network, tmp_path):
    (tmp_path / "story.txt").write_text(STORY)
    done = dmn("ask", network, "--file", "story.txt")
    assert done.code == 0
    assert done.out == dmn("ask", network, "--story", "story.txt").out  # as it was called
    lines = [line.split() for line in done.out.splitlines() if line.strip()]
    first, second = [number for number, line in enumerate(lines) if line[:2] == ["Where", "is"]]
    assert lines[first][2] == "Mary?"
    assert lines[first + 1] == ["pass", "1"]
    assert lines[first + 2][0] == "fact"
    assert lines[first + 4][:-1] == ["●", "Mary", "moved", "to", "the", "bathroom."]
    assert 0 <= float(lines[first + 4][-1]) <= 1
    assert lines[first + 6][:-1] == ["(end", "of", "passes)"]
    assert lines[second + 4][:-1] == ["Bill", "left."]
    assert lines[-1][1:4] == ["of", "1", "right:"]
    assert "\x1b" not in done.out
    assert done.err == "never seen in training: moon, bill, left\n"


def test_many_questions_are_summed_up(dmn, network, tmp_path):
    """Gold answers are scored, as `dmn eval` scores them; no table each."""
    story = "1 Mary moved to the garden.\n2 Where is Mary?\tgarden\t1\n3 John left.\n4 Where is John?\tmoon\t3\n"
    (tmp_path / "many.txt").write_text(story * 20)
    done = dmn("ask", network, "--file", "many.txt")
    (row,) = json.loads(dmn("eval", network, "--file", "many.txt", "--json").out)["tasks"]
    assert done.out.startswith(f"{row['correct']} of 40 right: ")
    assert "pass 1" not in done.out
    assert done.out.count("true answer: ") == 10
    assert "many.txt:4  Where is John?" in done.out
    assert dmn("ask", network, "--file", "many.txt", "--tables").out.count("pass 1") == 40
    (tmp_path / "many.txt").write_text("Mary left.\n" + "Where is Mary?\n" * 7)
    asked = dmn("ask", network, "--file", "many.txt").out
    assert [line[:16] for line in asked.splitlines()] == ["Where is Mary?  "] * 7


@pytest.fixture
def pipe(monkeypatch):
    def write(text):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    return write


def test_a_story_from_a_pipe_as_json(dmn, network, pipe):
    pipe("Mary moved to the bathroom\n\nWhere is Mary?\nJohn went to the garden\nWhere is John?")
    done = dmn("ask", network, "--json")
    assert (done.code, done.err) == (0, "")
    content = json.loads(done.out)
    assert content["checkpoint"] == "best.pt"
    one, two = content["questions"]
    assert one["facts"] == ["Mary moved to the bathroom", "(end of passes)"]
    assert two["facts"] == ["Mary moved to the bathroom", "John went to the garden", "(end of passes)"]
    assert [len(gates) for gates in two["gates"]] == [3]
    assert one["answer"]
    assert 0 < one["probability"] < 1
    assert len(one["others"]) == 2
    assert one["right"] is None
    assert one["unknown"] == []


BAD = {
    "Mary slept.\n": "stdin: no question",
    "": "stdin: no question",
    "\nWhere is Mary?\n": "stdin:2: 'Where is Mary?' has no fact before it",
    "Mary slept.\n\n!!\n": "stdin:3: no words in '!!'",
}


@pytest.mark.parametrize("text", BAD)
def test_bad_stories(text, dmn, network, pipe):
    for options in ([], ["--json"]):
        pipe(text)
        done = dmn("ask", network, *options)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"error: {BAD[text]}\nhint: ")
        assert len(done.err.splitlines()) == 2


def test_a_closed_stdin_is_empty(dmn, network, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    done = dmn("ask", network)
    sys.stdin.close()
    assert (done.code, done.err.splitlines()[0]) == (2, "error: stdin: no question")


def test_bad_files(dmn, network, tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 ?\n")
    assert "latin.txt:1: not UTF-8 text" in dmn("ask", network, "--file", "latin.txt").err
    assert "none.txt: cannot be read" in dmn("ask", network, "--file", "none.txt").err
    assert "none.pt: cannot be read" in dmn("ask", "none.pt").err


def test_questions_on_the_command_line(dmn, network, pipe, tmp_path):
    pipe("")
    done = dmn("ask", network, "--question", "Mary went to the hallway. Where is Mary?", "--json")
    (one,) = json.loads(done.out)["questions"]
    assert (one["facts"][:-1], one["question"]) == (["Mary went to the hallway."], "Where is Mary?")
    pipe("Mary went to the hallway.\n")
    done = dmn("ask", network, "--question", "where is mary", "--question", "Where is John?", "--json")
    assert [one["question"] for one in json.loads(done.out)["questions"]] == ["where is mary?", "Where is John?"]
    (tmp_path / "s.txt").write_text("Mary left.\nBill left.")
    (one,) = json.loads(dmn("ask", network, "--file", "s.txt", "--question", "Where?", "--json").out)["questions"]
    assert one["facts"][:-1] == ["Mary left.", "Bill left."]


def test_what_looks_like_a_question_is_noted(dmn, network, pipe):
    pipe("Mary left.\nwhere is mary\nWhere is Mary?\n")
    done = dmn("ask", network)
    assert done.err.startswith("stdin:2: taken as a fact: 'where is mary'; a question ends in ?\n")


def test_lines_for_programs(dmn, network, pipe):
    asked = [
        '{"facts": ["Mary went home. He left."], "question": "Where is Mary?", "id": 7}',
        "{",
        "[1]",
        '{"facts": "Mary left.", "question": "Where is Mary?"}',
        '{"facts": ["!"], "question": "Where is Mary?"}',
        '{"facts": ["Mary left."], "question": ""}',
        '{"facts": ["Mary left."], "questions": "Why?"}',
        '{"question": "Where is Mary?"}',
        '{"facts": ["Mary left."], "question": "where is mary"}',
        "[" * 100_000,
    ]
    pipe("\n".join(asked))
    done = dmn("ask", network, "--lines")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert len(rows) == len(asked)
    assert (rows[0]["id"], rows[0]["facts"][0]) == (7, "Mary went home. He left.")
    assert rows[8]["answer"]
    errors = ["not JSON", "not an object", "facts:", "facts:", "question:", "unknown key 'questions'", "has no fact"]
    for number, row, error in zip(range(2, 9), rows[1:8], errors, strict=True):
        assert row["error"].startswith(f"stdin:{number}: ")
        assert error in row["error"]
    assert done.code == 2
    assert done.err.startswith("error: stdin: 8 of 10 lines could not be answered\nhint: ")
    assert dmn("ask", network, "--lines", "--json").code == 2


def test_lines_are_answered_one_by_one(network, tmp_path):
    """Each at once: a program that waits for an answer before it asks on gets it."""
    command = [sys.executable, "-m", "dmn_cli", "ask", network, "--lines"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for name in ("Mary", "John"):
            process.stdin.write(json.dumps({"facts": [f"{name} left."], "question": f"Where is {name}?"}) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["question"] == f"Where is {name}?"
        process.stdin.close()
        assert process.wait(60) == 0


def test_without_a_network_in_the_box(dmn, monkeypatch, tmp_path):
    monkeypatch.setattr("dmn_cli.training.box.NETWORK", tmp_path / "none.pt")
    for verb in ("ask", "demo"):
        done = dmn(verb)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: there is no network in the box")


@pytest.fixture
def converse(dmn, network, monkeypatch):
    """A session on a terminal, by its lines; it ends at Ctrl-D."""

    def talk(*lines):
        left = iter(lines)

        def typed(prompt):
            try:
                return next(left)
            except StopIteration:
                raise EOFError from None

        monkeypatch.setattr("builtins.input", typed)
        monkeypatch.setattr("sys.stdin", io.StringIO())
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        done = dmn("ask", network)
        assert done.code == 0
        assert done.err.startswith("It knows ")
        return done

    return talk


def test_a_conversation(converse):
    """A mistake is explained and forgiven."""
    done = converse("Where is Mary?", "Mary went to the garden", "!!", "Where is Mary?")
    assert "has no fact before it" in done.err
    assert "no words in '!!'" in done.err
    assert done.out.count("Where is Mary?  ") == 1


def test_unknown_words_are_flagged_as_they_are_typed(converse):
    done = converse("Zork went to the garden", "Where is Mary?", "Mary went to the moon", "Zork left")
    assert [line for line in done.err.splitlines() if line.startswith("never")] == [
        "never seen in training: zork",
        "never seen in training: moon",
        "never seen in training: zork, left",
    ]


def test_a_question_without_its_sign_is_asked_about(converse):
    assert "where is mary  " in converse("Mary went to the garden", "where is mary", "y").out
    assert "where is mary  " in converse("Mary went to the garden", "where is mary", "").out
    taken = converse("Mary went to the garden", "where is mary", "n", ":story").out
    assert taken == "  1  Mary went to the garden\n  2  where is mary\n"
    done = converse("Mary went to the garden", "where is mary", "where is mary?", "yes")
    assert "'where is mary?': Enter or y for yes, n for no" in done.err  # no line is swallowed
    assert done.out.count("where is mary  ") == 1


def test_commands(converse):
    done = converse(
        "A left.", "B left. C left.", ":undo", ":story", ":new", ":story", ":undo", ":story", ":moon", ":q", "X?"
    )
    assert done.out == "  1  A left.\n  1  A left.\n"
    assert "taken back; 1 fact left" in done.err
    assert "(a new story)\nno facts yet\n" in done.err
    assert ":moon: no such command" in done.err
    assert converse(":undo").err.endswith("there is nothing to take back\n\n")
    assert converse(":help").err.count(":undo") == 2


def test_a_new_story_is_said(converse):
    done = converse("A left.", "Where is A?", "", "B left.", ":story", "1 C left.", "2 D left.", "1 E left.", ":story")
    assert done.err.count("(a new story)") == 3
    assert done.out.endswith("  1  E left.\n")
    assert "  1  B left.\n" in done.out


def test_on_a_terminal_the_gates_are_coloured(capsys):
    from rich.console import Console

    from dmn_cli.report.heat import heat_table

    console = Console(force_terminal=True, color_system="truecolor", width=60)
    facts, gates = ["[bold]A[/bold] fact", "another"], [[1.0, 0.0], [0.25, 0.5]]
    shown = made("Why?", facts=facts, gates=gates, passes=["", ""], supporting=[])
    with console.capture() as capture:
        console.print(heat_table(shown))
    lines = capture.get().splitlines()
    assert "[bold]A[/bold] fact" in lines[3]  # as written
    assert "48;2;255;140;0m  1.00" in lines[3]
    assert "48;2;255;226;191m  0.25" in lines[3]
    assert "48;2" not in lines[4].split("0.00")[0]


def test_what_is_told_reaches_no_terminal_raw(dmn, network, pipe):
    pipe("Mary went to the \x1b[31mhall\x1b[0m.\nWhere is \x1b]0;x\x07Mary?\n")
    done = dmn("ask", network)
    assert done.code == 0
    assert "\x1b" not in done.out + done.err
    assert "\\x1b[31mhall" in done.out


ROW = {"passage": "Mary moved to the bathroom. John went to the garden.", "question": "Where is Mary?"}
FILES = {
    "rows": json.dumps(ROW) + "\n" + json.dumps({"facts": ["Mary left."], "question": "Where is Mary?", "answer": "x"}),
    "list": json.dumps([ROW]),
    "nested": json.dumps(
        {
            "story": [
                {"id": "1", "type": 0, "text": "Mary left.", "supporting_ids": [], "answer": ""},
                {"id": "2", "type": 1, "text": "Where is Mary?", "supporting_ids": ["1"], "answer": ""},
            ]
        }
    ),
    "ParlAI": "text:Mary left.\\nWhere is Mary?\tepisode_done:True\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_rows(name, dmn, network, tmp_path):
    (tmp_path / "x.jsonl").write_text(FILES[name])
    done = dmn("ask", network, "--file", "x.jsonl", "--json")
    assert (done.code, done.err) == (0, "")
    first, *others = json.loads(done.out)["questions"]
    assert (first["question"], first["right"]) == ("Where is Mary?", None)
    assert first["facts"][0] in ("Mary moved to the bathroom.", "Mary left.")
    assert [one["gold"] for one in others] == ["x"] * (name == "rows")
    assert dmn("ask", network, "--file", "x.jsonl", "--question", "Who?").code == 2


def test_a_fact_that_begins_with_a_bracket_is_one(dmn, network, tmp_path):
    (tmp_path / "x.txt").write_text("[Mary] left.\n{John} slept.\nWhere is Mary?\n")
    done = dmn("ask", network, "--file", "x.txt", "--json")
    assert json.loads(done.out)["questions"][0]["facts"][:2] == ["[Mary] left.", "{John} slept."]


def test_rows_that_are_wrong_are_named(dmn, network, tmp_path):
    (tmp_path / "x.jsonl").write_text(json.dumps(ROW) + '\n{"passage": 3}\n')
    assert "x.jsonl:2: expected text for passage, question and answer" in dmn("ask", network, "--file", "x.jsonl").err
