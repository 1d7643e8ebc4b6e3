"""How the ``dmn`` command ends, whatever the verb."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("line", "message", "command"),
    [
        ("frobnicate", "No such command 'frobnicate'", "dmn"),
        ("train --frob", "No such option: --frob", "dmn train"),
        ("train --task 21", "Invalid value for '--task': ", "dmn train"),
        ("train --config", "Option '--config' requires an argument", "dmn train"),
        ("eval", "Missing argument 'checkpoint'", "dmn eval"),
        ("eval best.pt --split dev", "Invalid value for '--split': ", "dmn eval"),
        ("data stats --task x", "Invalid value for '--task': ", "dmn data stats"),
    ],
)
def test_wrong_usage_is_one_line_and_where_to_look(line, message, command, dmn):
    done = dmn(*line.split())
    assert (done.code, done.out) == (2, "")
    error, hint = done.err.splitlines()
    assert error.lower().startswith(f"error: {message}".lower())
    assert hint == f"hint: `{command} --help` explains the options"


@pytest.mark.parametrize(("line", "usage"), [("", "Usage: dmn [OPTIONS]"), ("data", "Usage: dmn data [OPTIONS]")])
def test_no_arguments_show_the_help(line, usage, dmn):
    done = dmn(*line.split())
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(usage)
    assert "hint: " not in done.err


@pytest.mark.parametrize("line", ["eval missing.pt", "eval --frob"])
def test_debug_shows_where_and_changes_no_exit_code(line, dmn, monkeypatch):
    plain = dmn(*line.split())
    monkeypatch.setenv("DMN_DEBUG", "1")
    debug = dmn(*line.split())
    assert "Traceback" not in plain.err
    assert debug.err.startswith("Traceback")
    assert debug.err.endswith(plain.err)
    assert debug.code == plain.code == 2


@pytest.mark.parametrize(("number", "text", "code"), [(13, "Permission denied", 2), (28, "No space left on device", 1)])
def test_a_bad_path_is_bad_input_and_a_full_disk_is_not(number, text, code, dmn, monkeypatch):
    def fail(path, *_, **__):
        raise OSError(number, text, str(path))

    monkeypatch.setattr(Path, "is_dir", fail)
    for line in ("ask locked/run", "data check locked/run"):
        done = dmn(*line.split())
        assert (done.code, done.err) == (code, f"error: locked/run: {text}\n")


def shell(folder, arguments, **environment):
    """``dmn ARGUMENTS`` in a shell, which can close its streams."""
    return subprocess.run(
        f"exec '{sys.executable}' -m dmn_cli {arguments}",
        shell=True,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("arguments", ["config show task1.yaml", "data check mine.txt"])
def test_signs_that_the_encoding_lacks_are_replaced(encoding, arguments, tmp_path):
    (tmp_path / "mine.txt").write_text("1 Žofie went home.\n2 Where is Žofie?\thome\t1\n", encoding="utf-8")
    plain = shell(tmp_path, arguments, PYTHONIOENCODING="utf-8")
    done = shell(tmp_path, arguments, PYTHONIOENCODING=encoding)
    assert done.returncode == plain.returncode == 0
    assert b"Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) == len(plain.stdout.splitlines())


def test_closed_streams_are_empty_and_silent(tmp_path):
    silent = shell(tmp_path, "eval missing.pt 2>&-")
    assert (silent.returncode, silent.stdout, silent.stderr) == (2, b"", b"")
    assert shell(tmp_path, "config list >&-").returncode == 0
    done = shell(tmp_path, "generate-babi --tasks 1 --out made 2>&-")  # with a progress bar
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"made: 2 files")
