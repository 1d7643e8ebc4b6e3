"""Control characters from stories, file names and servers reach no terminal and no table raw."""

import pytest

from dmn_cli.report.tables import markdown
from dmn_cli.text import in_cell, safe, visible

EVIL = "\x1b[31mred\x07\x1b]0;title\x07\u202e\x9b"


def story(n: int) -> str:
    lines = []
    for number in range(n):
        lines += [f"1 Mary{EVIL} went to the hall.", f"2 John went to the garden{number % 3}."]
        lines += [f"3 Where is Mary{EVIL}?\thall{EVIL}\t1", f"4 Where is John?\tgarden{number % 3}\t2"]
    return "\n".join(lines) + "\n"


def raw(text: str) -> list[str]:
    return [character for character in "\x1b\x07\x9b\u202e" if character in text]


@pytest.fixture
def evil(tmp_path, dmn):
    """A network trained on stories with control characters."""
    for split in ("train", "test"):
        (tmp_path / f"{split}.txt").write_text(story(30))
    (tmp_path / "evil.yaml").write_text(
        "data: {source: files, train: train.txt, test: test.txt}\n"
        "model: {hidden_size: 4, embedding_size: 4, gate: softmax}\ntrain: {epochs: 1}\n"
    )
    done = dmn("train", "--config", "evil.yaml", "--run-dir", "run", "--device", "cpu")
    assert done.code == 0, done.err
    assert raw(done.out + done.err) == []
    return dmn


@pytest.mark.parametrize(
    "arguments",
    [
        ["eval", "run", "--errors", "20"],
        ["eval", "run", "--markdown"],
        ["eval", "run", "--csv"],
        ["ask", "run", "--file", "test.txt", "--tables"],
        ["data", "show", "--file", "test.txt"],
        ["report", "run"],
        ["runs"],
        ["compare", "run", "run"],
        ["verify", "run"],
    ],
)
def test_of_stories(arguments, evil):
    done = evil(*arguments)
    assert done.out + done.err
    assert raw(done.out + done.err) == []


def test_of_file_names(dmn, tmp_path):
    for verb in ("eval", "ask", "view", "verify", "report"):
        done = dmn(verb, f"no{EVIL}such")
        assert done.code == 2, done.err
        assert raw(done.out + done.err) == []
        assert "\\x1b[31m" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["data", "convert", "test.txt", f"new{EVIL}.txt"],
        ["view", "run", "--out", f"new{EVIL}.html"],
        ["view", "run", "--svg", f"new{EVIL}.svg"],
        ["ask", "run", "--file", "test.txt", "--picture", f"new{EVIL}.svg"],
        ["eval", "run", "--predictions", f"new{EVIL}.jsonl"],
        ["generate-babi", "--out", f"new{EVIL}", "--task", "1", "--train", "5", "--test", "5"],
        ["config", "init", f"new{EVIL}.yaml"],
        ["config", "copy", "evil.yaml", f"new{EVIL}.yaml"],
        ["train", "--config", "evil.yaml", "--run-dir", f"new{EVIL}", "--device", "cpu"],
        ["suite", "--config", f"other{EVIL}.yaml", "--suite-dir", "suite", "--no-page", "--jobs", "1"],
    ],
)
def test_of_files_that_are_written(arguments, evil, tmp_path):
    (tmp_path / f"other{EVIL}.yaml").write_text((tmp_path / "evil.yaml").read_text())
    done = evil(*arguments)
    assert done.code == 0, done.err
    assert raw(done.out + done.err) == []


def test_of_a_page(evil, tmp_path):
    assert evil("view", "run").code == 0
    page = (tmp_path / "run" / "report.html").read_text()
    assert "hall" in page
    assert raw(page) == []


def test_a_cell_does_not_end_its_row():
    row = markdown(["name"], [["a|b\nc\x1b"]]).splitlines()[2]
    assert row == "| a\\|b c\\x1b |"
    assert in_cell("x" * 10_000).count("x") < 600


def test_breaks_of_our_own_stay():
    assert safe("a\n\tb\x00") == "a\n\tb\\x00"
    assert visible("naïve 漢字 🙂") == "naïve 漢字 🙂"
