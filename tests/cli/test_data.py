"""``dmn data``, as a user runs it."""

import json
import re
from pathlib import Path

import pytest

from dmn_cli.generator.layout import write
from tests.cli.test_generate import dmn

STORY = (
    "1 Mary went to the kitchen.\n2 John went to the garden.\n3 Where is Mary?\tkitchen\t1\n"
    "4 Mary went to the garden.\n5 Where is Mary?\tgarden\t4\n6 Where is John?\tgarden\t2\n"
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    write(folder / "data", range(1, 21), 20, 20, 0)
    return folder


def test_stats_of_all_tasks(data: Path) -> None:
    ended = dmn(data, "data", "stats")
    assert (ended.returncode, ended.stderr) == (0, "")
    rows = [line.split() for line in ended.stdout.splitlines() if line.strip()[:1].isdigit()]
    assert [row[0] for row in rows] == [str(task) for task in range(1, 21) for _ in range(2)]
    assert rows[0][:7] == ["1", "single-supporting-fact", "train", "4", "20", "6.0", "10"]
    assert rows[1][2] == "test"
    assert len(rows[1]) == len(rows[0]) + 1  # the questions that stand in training


@pytest.mark.parametrize(("columns", "named"), [(80, False), (130, True)])
def test_a_narrow_terminal_has_every_figure_if_not_the_names(
    columns: int, named: bool, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", str(columns))
    for command in (("stats", "--task", "1"), ("check", "data")):
        shown = re.sub(r"\x1b\[[0-9;]*m", "", dmn(data, "data", *command).stdout)
        assert "…" not in shown
        assert max(map(len, shown.splitlines())) <= columns
        assert "majority" in shown or "supporting facts" in shown
    assert ("single-supporting-fact" in dmn(data, "data", "stats", "--task", "1").stdout) == named


def test_stats_as_json(data: Path) -> None:
    ended = dmn(data, "data", "stats", "--tasks", "2,4", "--json", "--data-dir", "data")
    found = json.loads(ended.stdout)
    assert found["folder"] == "data/en"
    assert [(row["task"], row["split"], row["stories"]) for row in found["splits"]] == [
        (2, "train", 4),
        (2, "test", 4),
        (4, "train", 20),
        (4, "test", 20),
    ]
    assert found["splits"][2]["facts"] == 2
    assert 0 < found["splits"][2]["majority"] <= 1


def test_stats_of_what_is_there(data: Path) -> None:
    missing = data / "data" / "en" / "qa3_three-supporting-facts_train.txt"
    text = missing.read_bytes()
    missing.unlink()
    try:
        ended = dmn(data, "data", "stats")
        assert ended.returncode == 0
        assert ended.stderr == "note: left out, since files are missing: task 3\n"
        assert "three-supporting-facts" not in ended.stdout
        ended = dmn(data, "data", "stats", "--task", "3")
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.startswith("error: data/en/qa3_three-supporting-facts_train.txt: no such file")
    finally:
        missing.write_bytes(text)


def test_show_a_story_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("1 Fred left.\n2 Who left?\tFred\n" + STORY)
    ended = dmn(tmp_path, "data", "show", "--file", "mine.txt", "--story", "2")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == (
        "mine.txt, story 2 of 2\n"
        ">   1 Mary went to the kitchen.  (3)\n"
        ">   2 John went to the garden.  (6)\n"
        "    3 Where is Mary?  kitchen  < 1\n"
        ">   4 Mary went to the garden.  (5)\n"
        "    5 Where is Mary?  garden  < 4\n"
        "    6 Where is John?  garden  < 2\n"
    )
    assert "    2 Who left?  Fred\n" in dmn(tmp_path, "data", "show", "--file", "mine.txt").stdout


def test_show_a_task(data: Path) -> None:
    shown = dmn(data, "data", "show", "--task", "15", "--split", "test", "--story", "3").stdout.splitlines()
    assert shown[0] == "data/en/qa15_basic-deduction_test.txt, story 3 of 5"
    assert len(shown) == 13
    lines = (data / "data" / "en" / "qa15_basic-deduction_test.txt").read_text().splitlines()[24:36]
    assert [line[2:].split("  (")[0].lstrip() for line in shown[1:9]] == lines[:8]
    assert [line.split()[0] for line in shown[9:]] == ["9", "10", "11", "12"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ([], "error: give --task N or --file FILE\n"),
        (["--task", "1", "--file", "x"], "error: give --task N or --file FILE\n"),
        (
            ["--task", "1", "--story", "9"],
            "error: --story 9: data/en/qa1_single-supporting-fact_train.txt has 4 stories\n",
        ),
        (["--task", "1", "--split", "valid"], "error: --split valid: en has train, test\n"),
        (["--task", "1", "--subset", "fr"], "error: --subset 'fr': the directories of v1.2 are en, en-10k, "),
        (["--file", "none.txt"], "error: none.txt: cannot be read: No such file or directory\n"),
    ],
)
def test_what_cannot_be_shown(options: list[str], error: str, data: Path) -> None:
    ended = dmn(data, "data", "show", *options)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(error)


def test_check_of_a_file_that_cannot_be_read_shows_no_table(tmp_path: Path) -> None:
    (tmp_path / "broken.txt").write_text("0 Mary went to the kitchen.\n")
    ended = dmn(tmp_path, "data", "check", "broken.txt")
    assert (ended.returncode, ended.stdout) == (2, "broken.txt:1: line number 0, expected 1\n")
    assert ended.stderr == "error: 1 finding in 1 file\n"


def test_check_names_every_finding(tmp_path: Path) -> None:
    (tmp_path / "qa1_x_train.txt").write_text(
        STORY.replace("\tgarden\t4", "\tkitchen\t1") + STORY.replace("\t2", "\t1")
    )
    (tmp_path / "broken.txt").write_text("1 Mary went to the kitchen.\n")
    ended = dmn(tmp_path, "data", "check", "qa1_x_train.txt", "broken.txt")
    assert ended.returncode == 2
    assert ended.stderr == "error: 3 findings in 2 files\n"
    assert ended.stdout.splitlines()[-3:] == [
        "qa1_x_train.txt: story 1: Where is Mary? answer 'kitchen', but its facts give 'garden'",
        "qa1_x_train.txt: story 2: Where is John? supporting facts `Mary went to the kitchen.`, "
        "but the answer follows from `John went to the garden.`",
        "broken.txt: no question in this file",
    ]
    row = next(line.split() for line in ended.stdout.splitlines() if "single-supporting-fact" in line)
    assert row == ["1", "single-supporting-fact", "6", "83.33", "66.66"]


def test_check_as_json(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text(STORY + "1 Fred left.\n2 Who left?\tFred\n")
    (tmp_path / "qa1_x_train.txt").write_text(STORY.replace("\tkitchen", "\tgarden"))
    ended = dmn(tmp_path, "data", "check", "mine.txt", ".", "--json")
    assert ended.returncode == 2
    own, task = json.loads(ended.stdout)["tasks"]
    assert (own["task"], own["questions"], own["findings"]) == (None, 0, [])
    assert own["notes"] == [
        "mine.txt: story 2: cannot read 'Fred left.': no sentence of the twenty tasks; only the format was checked"
    ]
    assert (task["task"], task["questions"], task["answers"], task["labelled"], task["supporting"]) == (1, 3, 2, 3, 2)
    assert len(task["findings"]) == 1


def test_check_needs_files(tmp_path: Path) -> None:
    ended = dmn(tmp_path, "data", "check")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: data: no such file or folder")


def test_a_very_long_line_is_shortened(tmp_path: Path) -> None:
    (tmp_path / "qa1_x_train.txt").write_text(STORY.replace("\tkitchen", "\t" + "garden " * 15_000))
    ended = dmn(tmp_path, "data", "check", "qa1_x_train.txt")
    assert ended.returncode == 2
    finding = next(line for line in ended.stdout.splitlines() if line.startswith("qa1"))
    assert len(finding) < 600
    assert finding.startswith("qa1_x_train.txt: story 1: Where is Mary? answer 'garden garden")
    assert "characters) …" in finding
    assert finding.endswith("but its facts give 'kitchen'")


@pytest.mark.parametrize("columns", [40, 60])
def test_figures_on_a_very_narrow_terminal(columns: int, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = " ".join(dmn(data, "data", "stats", "--tasks", "1").stdout.split())
    assert "task 1, split train, stories 4, asked 20, facts 6.0, most 10" in shown
