"""``dmn config``, as a user runs it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dmn_cli.config import Config, dump, load, reference, shipped


def dmn(folder: Path, *arguments: str | bytes) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DMN_")}
    return subprocess.run(
        [sys.executable, "-m", "dmn_cli", "config", *arguments],
        cwd=folder,
        env=environment | {"PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def test_list_names_every_config_what_it_is_and_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "mine.yaml").write_text("# dmn train --config mine.yaml\n# My own\n")
    ended = dmn(tmp_path, "list")
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert lines[:3] == ["in configs/", "  mine.yaml  " + " " * 8 + "My own", f"in {shipped()}/"]
    assert [line.split()[0] for line in lines[3:]] == sorted(
        (path.name for path in shipped().glob("*.yaml")),
        key=lambda name: re.sub("[0-9]+", lambda number: f"{int(number[0]):03}", name),  # task2 before task10
    )
    assert "  task19.yaml" in [line[:13] for line in lines]


def test_list_leaves_out_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "configs" / "folder.yaml").mkdir(parents=True)
    (tmp_path / "configs" / "gone.yaml").symlink_to("nowhere")
    ended = dmn(tmp_path, "list")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"in {shipped()}/\n")


def test_show_prints_a_config_that_can_be_used(tmp_path: Path) -> None:
    ended = dmn(tmp_path, "show", "task2.yaml", "--set", "train.learning_rate=1e-2", "--set", "model.gate=softmax")
    assert (ended.returncode, ended.stderr) == (0, "")
    (tmp_path / "mine.yaml").write_text(ended.stdout, encoding="utf-8")
    wanted = load("task2.yaml", ["train.learning_rate=1e-2", "model.gate=softmax"])
    assert load(tmp_path / "mine.yaml") == wanted
    assert "  # Of Adam.\n  learning_rate: 0.01\n" in ended.stdout
    assert [line for line in ended.stdout.splitlines() if "#" not in line] == dump(wanted).splitlines()


def test_validate_says_ok(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").touch()
    ended = dmn(tmp_path, "validate", "empty.yaml", "task1.yaml")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "empty.yaml: ok\ntask1.yaml: ok\n", "")


def test_validate_gives_every_error_of_every_config(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("model: {gat: x}")
    (tmp_path / "a.yaml").write_text("base: base.yaml\ntrain: {seed: -1}")
    (tmp_path / "b.yaml").write_text("base: base.yaml")
    ended = dmn(tmp_path, "validate", "a.yaml", "nowhere", "b.yaml", "task3.yaml")
    assert ended.returncode == 2
    assert ended.stdout == "task3.yaml: ok\n"
    assert ended.stderr.splitlines() == [
        "error: a.yaml:2:9 train.seed: expected a whole number from 0 to 2147483647, not -1",
        "base.yaml:1:9 model.gat: unknown key; did you mean gate?",
        "nowhere: no such config",
        "hint: looked here, in configs/ and in the package; `dmn config list` names the configs that come with it",
    ]


@pytest.mark.parametrize(
    ("text", "arguments", "line"),
    [
        (b"model:\n\tgate: x", [], "error: c.yaml:2:1: a tab; indent with spaces"),
        (b"\xff\xfea", [], "error: c.yaml:1: not UTF-8 text"),
        (b"{" * 50_000, [], "error: c.yaml:1:2: expected `key: value`"),
        (b"a: &a\nb: *a", [], "error: c.yaml:1:4: anchors (&), aliases (*) and tags (!) are not used in a config"),
        (b"", ["--set", "train.lr=1"], "error: --set train.lr: unknown key; did you mean learning_rate?"),
        (b"", ["--set", b"data.dir=\xff"], "error: --set data.dir: not text: character 56575"),
    ],
)
def test_a_malformed_config_is_one_line_and_exit_2(
    tmp_path: Path, text: bytes, arguments: list[str], line: str
) -> None:
    (tmp_path / "c.yaml").write_bytes(text)
    ended = dmn(tmp_path, "validate", "c.yaml", *arguments)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", line + "\n")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    ended = dmn(tmp_path, "show", str(tmp_path))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"error: {tmp_path}: cannot be read: Is a directory\n"


def test_reference_prints_the_readme_section(tmp_path: Path) -> None:
    ended = dmn(tmp_path, "reference")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, reference(), "")


def test_the_default_shown_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").touch()
    assert dmn(tmp_path, "show", "empty.yaml").stdout == dump(Config(), comments=True)


def test_diff_names_the_keys_that_differ(tmp_path: Path) -> None:
    ended = dmn(tmp_path, "diff", "dmn.yaml", "dmn-softmax.yaml", "--set", "train.learning_rate=1e-5")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        "model.gate: sigmoid → softmax",
        "model.episode: gru → weighted-sum",
        "train.learning_rate: 0.003 → 1.0e-05",
    ]
    assert dmn(tmp_path, "diff", "task3.yaml", "task3.yaml").stdout == "every key is the same\n"


def test_copy_makes_a_config_to_change(tmp_path: Path) -> None:
    assert dmn(tmp_path, "copy", "strong.yaml").stdout == "strong.yaml: written\n"
    assert (tmp_path / "strong.yaml").read_bytes() == (shipped() / "strong.yaml").read_bytes()
    assert load(tmp_path / "strong.yaml") == load(shipped() / "strong.yaml")
    assert dmn(tmp_path, "copy", "task7.yaml", "mine.yaml").returncode == 0
    first, *rest = (tmp_path / "mine.yaml").read_text().splitlines()
    assert first == "# dmn train --config mine.yaml"
    assert rest == (shipped() / "task7.yaml").read_text().splitlines()[1:]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["copy", "task1.yaml", "there.yaml"], "error: there.yaml: is there already\n"),
        (["copy", "there.yaml"], "error: there.yaml: is there already\n"),
        (["copy", "nowhere"], "error: nowhere: no such config\n"),
        (["copy", "task1.yaml", "no/folder.yaml"], "error: no/folder.yaml: cannot be written: No such file"),
        (["init", "there.yaml"], "error: there.yaml: is there already\n"),
    ],
)
def test_a_file_is_not_written_over(tmp_path: Path, arguments: list[str], error: str) -> None:
    (tmp_path / "there.yaml").write_text("# mine\n")
    ended = dmn(tmp_path, *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(error)
    assert (tmp_path / "there.yaml").read_text() == "# mine\n"


def test_init_writes_a_config_for_own_files(tmp_path: Path) -> None:
    ended = dmn(tmp_path, "init")
    assert (ended.returncode, ended.stderr) == (0, "")
    loaded = load(tmp_path / "mine.yaml")
    assert (loaded.data.source, loaded.data.train, loaded.data.test) == ("files", "train.txt", "test.txt")
    assert (tmp_path / "mine.yaml").read_text().startswith("# dmn train --config mine.yaml\n")
    text = (tmp_path / "mine.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(text.replace("weak.yaml", "strong.yaml").replace("# valid", "valid"))
    assert load(tmp_path / "mine.yaml").train.supervision == "strong"
