"""How the ``dmn`` command ends, whatever the verb."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dmn_cli.generator.layout import write


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


VERBS = ["train", "eval", "ask", "suite", "report", "download-babi", "generate-babi", "data", "config", "bench"]
PAGES = [
    "",
    *VERBS,
    *(f"data {verb}" for verb in ("stats", "show", "check")),
    *(f"config {verb}" for verb in ("list", "show", "diff", "copy", "init", "validate", "reference")),
]


@pytest.mark.parametrize("columns", [40, 57, 80, 200])
@pytest.mark.parametrize("page", PAGES)
def test_help_wraps_at_words_and_has_an_example(page, columns, dmn, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    short, long = dmn(*page.split(), "-h"), dmn(*page.split(), "--help")
    assert short == long
    assert (short.code, short.err) == (0, "")
    assert max(map(len, short.out.splitlines())) <= columns
    assert "…" not in short.out.replace("en-valid …", "").replace("verbs …", "")
    assert not re.search(r"[a-z]\.\.\.", short.out)  # no sentence is cut
    monkeypatch.setenv("COLUMNS", "80")
    wide = dmn(*page.split(), "-h").out
    assert sorted(wide.split()) == sorted(short.out.split()), "the same words at any width"
    assert f"Example: dmn {page}" in wide if page else "$ dmn train --config task1.yaml" in wide


def test_help_in_groups_each_verb_with_a_sentence_and_an_example(dmn):
    lines = dmn("-h").out.splitlines()
    groups = [line for line in lines if line and line[0] != " " and line.endswith(":")]
    assert groups == ["Options:", "Train and ask:", "Stories:", "Configs and speed:"]
    for verb in VERBS:
        after = lines[lines.index(f"  {verb}") + 1 :]
        example = next(line for line in after if line.startswith("      $ "))
        assert example.startswith(f"      $ dmn {verb}")
        assert after[after.index(example) - 1].endswith(".")


@pytest.mark.parametrize(
    ("line", "word", "offered"),
    [
        ("train --config", "dmn-1", ["dmn-10k-weak.yaml", "dmn-10k.yaml"]),
        ("config show", "quick", ["quickstart.yaml"]),
        (
            "train --set",
            "model.gate",
            [f"model.gate{end}=" for end in ("", "_features", "_order", "_words")],
        ),
        ("train --set", "model.gate=s", ["model.gate=sigmoid", "model.gate=softmax"]),
        ("train --set", "train.ep", ["train.epochs=", "train.epochs=100"]),  # of two, so that no space is added
        ("train --set", "train.epochs=", ["train.epochs=100"]),
        ("train --device", "cu", ["cuda", "cuda:0"]),
        # as bash cuts words
        ("train --set", "model.gate = s", ["sigmoid", "softmax"]),
        ("train --set", "model.gate =", ["sigmoid", "softmax", "by-order"]),
        ("train --set train.seed = 1 --set", "model.gate = by", ["by-order"]),
        ("train --set train.seed = 1 --device", "cuda :", ["0"]),
        ("train --set train.seed = 1 --config", "quick", ["quickstart.yaml"]),
    ],
)
def test_completion(line, word, offered, dmn, monkeypatch):
    words = f"dmn {line} {word}".split()
    monkeypatch.setenv("_DMN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "\n".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    assert sorted(dmn().out.split()) == sorted(offered)


@pytest.mark.parametrize(("shell", "has"), [("bash", "complete -o"), ("zsh", "#compdef dmn"), ("fish", "complete --")])
def test_completion_of_a_shell_that_is_named(shell, has, dmn, monkeypatch):
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "")  # restored afterwards
    assert has in dmn("--show-completion", shell).out
    done = dmn("--show-completion", "csh")
    assert (done.code, "csh" in done.err) == (2, True)


HOSTILE = "\x1b[31mred\x1b]0;title\x07\x9b2J\u202e.yaml"


@pytest.mark.parametrize(
    "line", ["config show {}", "data show --file {}", "data check {}", "ask {}", "eval {}", "data stats --data-dir {}"]
)
def test_control_characters_of_names_are_shown_not_sent(line, dmn):
    done = dmn(*(word.replace("{}", HOSTILE) for word in line.split()))
    assert done.code == 2
    assert "red" in done.err
    assert not set("\x1b\x07\x9b\u202e") & set(done.out + done.err)


def test_markup_in_the_name_of_a_folder_stays_in_a_tables_title(dmn, tmp_path):
    write(tmp_path / "[bold]made", [1], 20, 20, 0)
    assert dmn("data", "stats", "--data-dir", "[bold]made").out.splitlines()[0].rstrip() == "[bold]made/en"


def test_control_characters_of_files_are_shown_not_sent(dmn):
    story = f"1 Mary {HOSTILE} went home.\n2 Where is Mary?\tho\x1b[0mme\t1\n"
    Path(f"{HOSTILE}.txt").write_text(story, encoding="utf-8")
    Path("configs").mkdir()
    Path(f"configs/{HOSTILE}").write_text(f"# {HOSTILE}", encoding="utf-8")
    for line in (["data", "show", "--file", f"{HOSTILE}.txt"], ["data", "check", f"{HOSTILE}.txt"], ["config", "list"]):
        done = dmn(*line)
        assert "red" in done.out + done.err
        assert not set("\x1b\x07\x9b\u202e") & set(done.out + done.err), line


def test_a_message_on_a_terminal_wraps_at_words(dmn, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    piped = dmn("data", "show").err + dmn("config", "show", "nowhere").err
    assert "hint: looked here, in configs/ and in the package; `dmn config list` names" in piped
    monkeypatch.setattr(sys.stderr.__class__, "isatty", lambda _: True)
    shown = dmn("data", "show").err + dmn("config", "show", "nowhere").err
    assert max(map(len, shown.splitlines())) <= 40
    assert shown.split() == piped.split()


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
