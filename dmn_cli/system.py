"""What only the operating system can tell or do: keep other processes out of a folder, and how much memory was used."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from dmn_cli.errors import FAILED, DmnError


class InUseError(DmnError):
    """A folder belongs to another process, or to another run."""


@contextlib.contextmanager
def exclusive(folder: Path, busy: str, patience: float = 0.0) -> Iterator[int | None]:
    """Keep other processes out of a folder; the lock goes with the process, however it ends.

    This is flock and not the package filelock: a suite's runs inherit its lock, so that it is free only when the last
    of them has ended, and filelock hands out no descriptor to inherit.

    Args:
        folder: which is there.
        busy: what to say if another process has the lock.
        patience: seconds to wait for it.

    Yields:
        the file descriptor that holds the lock: a child that inherits it holds the lock too. None where there are no
        such locks (Windows).

    Raises:
        InUseError: another process has the lock.
        DmnError: the folder cannot be locked.
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
            except BlockingIOError as error:
                if time.monotonic() > until:
                    raise InUseError(f"{folder}: {busy}", code=FAILED) from error
            except OSError as error:
                hint = "some network disks have no locks: choose a folder on another disk"
                raise DmnError(f"{folder}: cannot be locked: {error.strerror}", hint, FAILED) from error
            time.sleep(0.05)
        yield handle
    finally:
        os.close(handle)


def peak_memory() -> int:
    """The most memory that this process has held so far, in bytes; 0 where the system does not say (Windows)."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")


def whole_memory() -> int | None:
    """The memory that this process may use at most, in bytes: the machine's, or its container's; None: not known."""
    found = [_meminfo("MemTotal"), _number(CGROUP / "memory.max")]
    return min((size for size in found if size is not None), default=None)


def free_memory() -> int | None:
    """The memory that is not in use, in bytes; None: not known."""
    most, used = _number(CGROUP / "memory.max"), _number(CGROUP / "memory.current")
    found = [_meminfo("MemAvailable"), None if most is None or used is None else most - used]
    return min((size for size in found if size is not None), default=None)


def _meminfo(key: str) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for line in MEMINFO.read_text().splitlines():
            name, _, rest = line.partition(":")
            if name == key:
                return int(rest.split()[0]) * 1024
    return None


def _number(path: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):  # "max": no limit
        return int(path.read_text())
    return None
