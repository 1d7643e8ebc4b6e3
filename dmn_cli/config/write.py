"""New config files: a copy of one, and one for stories of the user's own."""

from pathlib import Path

from dmn_cli.config.read import find, read_text
from dmn_cli.errors import DmnError, code_of
from dmn_cli.files import write_atomic

INIT = """\
# dmn train --config {name}
# My own stories, in bAbI's format
base: weak.yaml # learns from answers only; strong.yaml, where the stories name their supporting facts
data:
  source: files
  train: train.txt # paths are taken from the working directory
  # valid: valid.txt # without it, a tenth of the training stories is set aside; data.validation is another part
  test: test.txt # read once, after the training; leave it out if there is none
train:
  epochs: 50 # at most; a large file needs fewer, a small one more
  patience: 20 # stop after so many epochs without a better validation accuracy
"""


def copy(name: str, to: Path | None) -> Path:
    """Copy a config to a new file.

    Args:
        name: see ``find``.
        to: the file; None: one of the same name, here.

    Returns:
        The file.

    Raises:
        DmnError: there is no such config, the file exists or it cannot be written.
    """
    source = find(name)
    target = Path(source.name) if to is None else to
    first, *lines = read_text(source).splitlines(keepends=True) or [""]
    if first.startswith("#"):
        first = first.replace(source.name, target.name)  # the command that uses it
    return _write(target, first + "".join(lines))


def init(path: Path) -> Path:
    """Write a config for stories of the user's own.

    Raises:
        DmnError: the file exists or cannot be written.
    """
    return _write(path, INIT.format(name=path.name))


def _write(path: Path, text: str) -> Path:
    if path.exists():
        raise DmnError(f"{path}: is there already", "give another name for the new config")
    try:
        write_atomic(path, text)
    except OSError as error:
        raise DmnError(f"{path}: cannot be written: {error.strerror}", code=code_of(error)) from error
    return path
