"""One process at a time in a folder."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from dmn_cli.errors import FAILED, DmnError


class InUseError(DmnError):
    """A folder belongs to another process, or to another run."""


@contextlib.contextmanager
def exclusive(folder: Path, busy: str, patience: float = 0.0) -> Iterator[int | None]:
    """Keep other processes out of a folder; the lock goes with the process, however it ends.

    Args:
        folder: which is there.
        busy: what to say if another process has the lock.
        patience: seconds to wait for it.

    Yields:
        the file descriptor that holds the lock: a child that inherits it holds the lock too. None where there are no
        such locks (Windows).

    Raises:
        InUseError: another process has the lock.
    """
    try:
        import fcntl
    except ImportError:
        yield None
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() > until:
                    raise InUseError(f"{folder}: {busy}", code=FAILED) from error
            time.sleep(0.05)
        yield handle
    finally:
        os.close(handle)
