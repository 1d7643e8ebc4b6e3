"""Files that are whole or not there at all."""

import contextlib
import glob
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

TEMPORARY = ".tmp"
"""How the name of a file ends that is being written; it begins with a dot."""


SENT_TO = "DMN_SENT_TO"
"""In the environment of a run that works for a suite on another machine: the folder that the suite's files were sent
to. They have their absolute paths below it."""


def here(path: Path) -> Path:
    """Where a file of the user's is to be read: itself, or the copy that was sent here. Relative paths need no
    change: the working directory is in that folder too."""
    sent_to = os.environ.get(SENT_TO)
    return Path(f"{sent_to}{path}") if sent_to and path.is_absolute() else path


def as_named(path: Path) -> Path:
    """What the user called a file that ``here`` gave."""
    sent_to = os.environ.get(SENT_TO)
    return Path(str(path).removeprefix(sent_to)) if sent_to else path


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let errors of the system name a file: those of a full disk name none."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a file so that whoever looks, after a crash too, sees the old content or the new one, whole.

    Args:
        path: the file; its folder must exist.
        data: the content; text is written as UTF-8.

    Raises:
        OSError: with the file's name.
    """
    with naming(path):
        _write(path, data)


def _write(path: Path, data: bytes | str) -> None:
    _remove_left(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY)
    try:
        with os.fdopen(handle, "wb") as file:
            _lock(handle)
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())  # mkstemp's files are their owner's alone
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _remove_left(path: Path) -> None:
    """Remove what a process left that was killed while it wrote this file: what another writes now is locked."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*{TEMPORARY}"):
        with contextlib.suppress(OSError), left.open("rb") as file:
            if _lock(file.fileno()):
                left.unlink()


def _lock(handle: int) -> bool:
    """Whether this process now has the lock of a file; False too where there are no locks."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def append(path: Path, text: str) -> None:
    """Add text to a file.

    Raises:
        OSError: with the file's name.
    """
    with naming(path), path.open("a", encoding="utf-8") as file:
        file.write(text)


def remove_temporaries(*folders: Path) -> None:
    """Remove what ``write_atomic`` left in folders where it was killed."""
    for folder in folders:
        for path in folder.glob(f".*{TEMPORARY}"):
            path.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Make renames in a folder survive a crash of the machine, where the system can."""
    with contextlib.suppress(OSError):  # Windows opens no folders
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with naming(path), path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
