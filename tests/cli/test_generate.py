"""``dmn generate-babi``, as a user runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dmn_cli.babi.tasks import parse_tasks
from dmn_cli.errors import DmnError


def dmn(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DMN_")}
    return subprocess.run(
        [sys.executable, "-m", "dmn_cli", *arguments],
        cwd=folder,
        env=environment | {"PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def test_all_tasks_twice_are_the_same_bytes_and_check_finds_nothing(tmp_path: Path) -> None:
    options = ["generate-babi", "--tasks", "all", "--train", "100", "--test", "50", "--seed", "7", "--out"]
    for name in ("a", "b"):
        ended = dmn(tmp_path, *options, name)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout == f"{name}: 40 files, 100 training and 50 test questions per task (generated, not bAbI)\n"
    first, second = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.txt")}
        for name in ("a", "b")
    )
    assert len(first) == 41
    assert first == second
    ended = dmn(tmp_path, "data", "check", "a")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith("\n40 files: nothing found\n")
    rows = [line.split() for line in ended.stdout.splitlines() if line.strip()[:1].isdigit()][:20]
    assert [row[:1] + row[2:] for row in rows] == [[str(task), "150", "100.00", "100.00"] for task in range(1, 21)]


def test_options_and_words(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("places: [roof, cellar, attic, porch, shed, barn, loft]")
    options = ["--tasks", "19", "--train", "5", "--test", "5", "--hops", "4", "--entities", "7", "--words", "w.yaml"]
    assert dmn(tmp_path, "generate-babi", "--out", "out", "--quiet", *options).returncode == 0
    text = (tmp_path / "out" / "en" / "qa19_path-finding_train.txt").read_text()
    lines = text.splitlines()
    assert lines[6].startswith("7 How do you go from the ")
    assert len(lines[6].split("\t")[2].split()) == 4
    command = "dmn generate-babi --tasks 19 --train 5 --test 5 --seed 0 --entities 7 --hops 4 --words w.yaml"
    assert f"\n    {command}\n" in (tmp_path / "out" / "README.txt").read_text()
    assert dmn(tmp_path, "data", "check", "out", "--words", "w.yaml").returncode == 0


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--tasks", "1", "--hops", "3"], "error: task 1: hops 3: tasks 17, 18 and 19 have that choice\n"),
        (["--facts", "20"], "error: task 4: facts 20: their number follows from the number of places: --entities\n"),
        (["--tasks", "0"], "error: --tasks: expected `all`, or numbers and ranges from 1 to 20 as in 1,5-8; not '0'\n"),
        (["--words", "none.yaml"], "error: none.yaml: cannot be read: No such file or directory\n"),
    ],
)
def test_bad_options_are_one_line_and_leave_nothing(options: list[str], error: str, tmp_path: Path) -> None:
    ended = dmn(tmp_path, "generate-babi", "--out", "out", "--train", "5", "--test", "5", *options)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", error)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    ended = dmn(tmp_path, "generate-babi", "--out", "out")
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: out: is not empty\nhint: ")


def test_one_task(tmp_path: Path) -> None:
    ended = dmn(tmp_path, "generate-babi", "--out", "out", "--task", "3", "--train", "5", "--test", "5")
    assert ended.stdout.startswith("out: 2 files")
    assert "dmn generate-babi --tasks 3 --train 5" in (tmp_path / "out" / "README.txt").read_text()
    ended = dmn(tmp_path, "generate-babi", "--out", "out", "--task", "3", "--tasks", "1-2")
    assert (ended.returncode, ended.stderr) == (2, "error: --task and --tasks: give one of them\n")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("all", [*range(1, 21)]), ("3", [3]), ("5, 1,5", [1, 5]), ("15-19,2", [2, 15, 16, 17, 18, 19]), ("20-20", [20])],
)
def test_tasks(text: str, numbers: list[int]) -> None:
    assert parse_tasks(text) == numbers


@pytest.mark.parametrize("text", ["", "x", "0", "21", "5-3", "1-", "-1", "1;2", "1-21", "١", "all,1"])
def test_other_tasks_are_refused(text: str) -> None:
    with pytest.raises(DmnError, match="--tasks"):
        parse_tasks(text)


def test_a_grammar_is_named_in_the_readme_and_checked_with_it(tmp_path: Path) -> None:
    options = ["--tasks", "5,19", "--train", "20", "--test", "10", "--grammar", "inflected"]
    assert dmn(tmp_path, "generate-babi", "--out", "out", "--quiet", *options).returncode == 0
    command = "dmn generate-babi --tasks 5,19 --train 20 --test 10 --seed 0 --grammar inflected"
    assert f"\n    {command}\n" in (tmp_path / "out" / "README.txt").read_text()
    ended = dmn(tmp_path, "data", "check", "out", "--grammar", "inflected")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith("\n4 files: nothing found\n")
    assert "cannot read" in dmn(tmp_path, "data", "check", "out").stdout


def test_english_files_are_retold_and_are_no_longer_babi(tmp_path: Path) -> None:
    made = dmn(tmp_path, "generate-babi", "--out", "made", "--tasks", "2", "--train", "20", "--test", "10", "-q")
    assert made.returncode == 0
    retell = ["data", "retell", "--grammar", "verb-final", "--data-dir", "made", "--out", "told"]
    ended = dmn(tmp_path, *retell)
    assert (ended.returncode, ended.stdout) == (0, "told: 2 files retold by the grammar verb-final (not bAbI)\n")
    readme = (tmp_path / "told" / "README.txt").read_text()
    assert readme.startswith("These stories were retold in a made-up language. They are not bAbI.\n")
    assert "\n    dmn data retell --grammar verb-final --data-dir made --subset en\n" in readme
    ended = dmn(tmp_path, "data", "check", "told", "--grammar", "verb-final")
    assert (ended.returncode, ended.stdout.endswith("\n2 files: nothing found\n")) == (0, True)
    for name in ("train", "test"):
        file = f"en/qa2_two-supporting-facts_{name}.txt"
        old, new = ((tmp_path / folder / file).read_text().splitlines() for folder in ("made", "told"))
        assert [line.split("\t")[2:] for line in old] == [line.split("\t")[2:] for line in new]
        assert [line.split()[0] for line in old] == [line.split()[0] for line in new]
    assert dmn(tmp_path, *retell).stderr == "error: told: is not empty\nhint: --force replaces it\n"
    assert dmn(tmp_path, *retell, "--force").returncode == 0


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ([], "error: give --grammar NAME\n"),
        (["--grammar", "klingon"], "error: --grammar klingon: there is no such grammar\n"),
        (["--grammar", "inflected", "--subset", "hn"], "error: --subset hn: not in English\n"),
        (["--grammar", "inflected", "--subset", "xy"], "error: --subset 'xy': the directories of v1.2 are "),
        (
            ["--grammar", "inflected", "--tasks", "1"],
            "error: made/en/qa1_single-supporting-fact_train.txt: story 1",
        ),
    ],
)
def test_what_cannot_be_retold_is_one_line_and_leaves_nothing(options: list[str], error: str, tmp_path: Path) -> None:
    (tmp_path / "made" / "en").mkdir(parents=True)
    for split in ("train", "test"):
        text = "1 Mary sang.\n2 Where is Mary?\tkitchen\t1\n"
        (tmp_path / "made" / "en" / f"qa1_single-supporting-fact_{split}.txt").write_text(text)
    ended = dmn(tmp_path, "data", "retell", "--data-dir", "made", "--out", "told", *options)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(error)
    assert not (tmp_path / "told").exists()
