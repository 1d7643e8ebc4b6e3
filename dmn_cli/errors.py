"""The one error a user ever sees: what was wrong, what to do next, which exit code."""

import contextlib
import errno
import re
from collections.abc import Iterator

FAILED = 1  # the work itself failed: a download, a training that diverged
BAD_INPUT = 2  # what the user gave is wrong: an option, a config, a story file, a checkpoint
INTERRUPTED = 130  # Ctrl-C
TERMINATED = 143  # SIGTERM


class DmnError(Exception):
    """Something the user can act on; printed as one line (and a hint), never as a traceback.

    Args:
        message: what was wrong and where, e.g. ``"stories.txt:3: no line number"``.
        hint: what to do next, or "".
        code: the exit code of the process.
    """

    def __init__(self, message: str, hint: str = "", code: int = BAD_INPUT):
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


def code_of(error: OSError) -> int:
    """The exit code: ``BAD_INPUT`` where a path is at fault, ``FAILED`` where the machine is, e.g. a full disk."""
    return BAD_INPUT if error.errno in _OF_A_PATH else FAILED


_OF_A_PATH = {
    errno.ENOENT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENOTEMPTY,
    errno.ELOOP,
    errno.ENAMETOOLONG,
}


OF_A_STREAM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE}
"""Errors of a write, which name a file if it was one (see ``files``): else it was to stdout or stderr."""


class Stopped(BaseException):
    """Ctrl-C or SIGTERM; not an ``Exception``, so that no handler of ordinary errors swallows it.

    Args:
        code: the exit code of the process, 130 or 143.
        hint: how to go on, or "".
    """

    def __init__(self, code: int, hint: str = ""):
        super().__init__(code)
        self.code = code
        self.hint = hint


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Turn the ways in which Python and torch say that there is too little memory into one.

    Raises:
        DmnError: of exit code 1; with what was asked for, where it is known.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        text = str(error)
        if not isinstance(error, MemoryError) and not re.search("out of memory|can't allocate memory", text):
            raise
        asked = re.search("tried to allocate ([0-9.]+ [A-Za-z]+)", text, re.IGNORECASE)
        what = f"out of memory: tried to allocate {asked[1]}" if asked else "out of memory"
        hint = "a smaller model (model.hidden_size) or batch (train.batch_size) needs less"
        raise DmnError(what, hint, FAILED) from error
