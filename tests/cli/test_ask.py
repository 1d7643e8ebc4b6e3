"""``dmn ask`` as a user meets it."""

import io
import json
import sys

import pytest
import torch

from dmn_cli.runs.assembly import prepare
from dmn_cli.training import checkpoint
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
    done = dmn("ask", network, "--story", "story.txt")
    assert done.code == 0
    lines = [line.split() for line in done.out.splitlines() if line.strip()]
    first, second = [number for number, line in enumerate(lines) if line[:2] == ["Where", "is"]]
    assert lines[first][2] == "Mary?"
    assert lines[first + 1] == ["fact", "pass", "1"]
    assert lines[first + 3][:-1] == ["Mary", "moved", "to", "the", "bathroom."]
    assert 0 <= float(lines[first + 3][-1]) <= 1
    assert lines[first + 5][:-1] == ["(end", "of", "passes)"]
    assert lines[second + 3][:-1] == ["Bill", "left."]
    assert "\x1b" not in done.out
    assert done.err == "never seen in training: moon\nnever seen in training: bill, left\n"


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
    assert one["unknown"] == []


BAD = {
    "Mary slept.\n": "stdin: no question",
    "": "stdin: no question",
    "Where is Mary?\n": "stdin:1: 'Where is Mary?' has no fact before it",
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
    assert "latin.txt: not UTF-8 text" in dmn("ask", network, "--story", "latin.txt").err
    assert "none.txt: cannot be read" in dmn("ask", network, "--story", "none.txt").err
    assert "none.pt: cannot be read" in dmn("ask", "none.pt").err


@pytest.mark.parametrize("end", ["", None])
def test_a_conversation(end, dmn, network, monkeypatch):
    """On a terminal a mistake is explained and forgiven; an empty line or Ctrl-D ends."""
    lines = iter(["Where is Mary?", "Mary went to the garden", "!!", "Where is Mary?", end])

    def typed(prompt):
        line = next(lines)
        if line is None:
            raise EOFError
        return line

    monkeypatch.setattr("builtins.input", typed)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    done = dmn("ask", network)
    assert done.code == 0
    assert done.err.startswith("It knows ")
    assert "garden" in done.err
    assert "has no fact before it" in done.err
    assert "no words in '!!'" in done.err
    assert done.out.count("Where is Mary?  ") == 1


def test_on_a_terminal_the_gates_are_coloured(capsys):
    from rich.console import Console

    from dmn_cli.report.heat import heat_table

    console = Console(force_terminal=True, color_system="truecolor", width=60)
    with console.capture() as capture:
        console.print(heat_table(["[bold]A[/bold] fact", "another"], [[1.0, 0.0], [0.25, 0.5]]))
    lines = capture.get().splitlines()
    assert "[bold]A[/bold] fact" in lines[3]  # as written
    assert "48;2;255;140;0m  1.00" in lines[3]
    assert "48;2;255;226;191m  0.25" in lines[3]
    assert "48;2" not in lines[4].split("0.00")[0]
