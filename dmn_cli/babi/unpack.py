"""What bAbI v1.2 consists of, and how it is taken out of an archive that nobody need trust."""

import gzip
import hashlib
import os
import shutil
import tarfile
import zlib
from functools import cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, cast, get_args

from dmn_cli.babi.fetch import SourceError, megabytes
from dmn_cli.babi.tasks import TASKS
from dmn_cli.config import Subset
from dmn_cli.files import sha256, sync_folder

SUBSETS: tuple[str, ...] = get_args(Subset)
ORIGINAL = "tasks_1-20_v1-2"  # the folder that every archive of v1.2 holds
DOCUMENTS = ("LICENSE.txt", "README.txt")

MAX_UNPACKED = 1_000_000_000  # bytes; five of the eight directories hold 73 MB
MAX_MEMBERS = 10_000  # v1.2 has 362 files
MAX_READ = 16_000_000  # bytes that tarfile may ask for at once: it trusts the sizes in extended headers

_DAMAGED = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,  # a gzip file that is cut off
    ValueError,  # this and the next: headers made to confuse tarfile
    RecursionError,
)


def file_names(subset: str, task: int) -> dict[str, str]:
    """The names of a task's files by split: train and test, and valid in the ``en-valid`` directories."""
    if subset.startswith("en-valid"):
        return {split: f"qa{task}_{split}.txt" for split in ("train", "valid", "test")}
    return {split: f"qa{task}_{TASKS[task].name}_{split}.txt" for split in ("train", "test")}


@cache
def published_digests() -> dict[str, tuple[str, str]]:
    """Algorithm and digest of the files of v1.2, by path; some files have none published."""
    lines = Path(__file__).with_name("digests.txt").read_text(encoding="utf-8").splitlines()
    entries = [line.split() for line in lines if not line.startswith("#")]
    return {name: (algorithm, digest) for algorithm, digest, name in entries}


def unpack(archive: Path, folder: Path) -> dict[str, str]:
    """Unpack the original directories of v1.2, and check the digest of each file.

    No path of the archive is ever used: a member whose path ends in that of a file of v1.2 is written there, the
    others are left out. So nothing is needed of tarfile's own extraction and its filters, which not every Python that
    we support has (that of Debian 12 does not).

    Args:
        archive: a tar archive, gzipped or not.
        folder: where to; it must not exist.

    Returns:
        The sha-256 of each file by its path in ``folder``.

    Raises:
        SourceError: no tar archive; one that is damaged, dangerous, or without stories; or a story file is not v1.2's.
    """
    files: dict[str, str] = {}
    try:
        with archive.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream = _Bounded(cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if packed else raw)
            with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r:") as tar:
                for count, member in enumerate(tar, start=1):
                    _refuse(member, count)
                    name = _wanted(member.name)
                    if name and member.isreg() and name not in files:
                        _write(cast(IO[bytes], tar.extractfile(member)), folder / name)
                        files[name] = _check(name, folder / name)
            while stream.read(1 << 16):  # to the end: gzip checks its sum there
                pass
    except _DAMAGED as error:
        reason = str(error) or type(error).__name__
        raise SourceError(f"not a tar archive, or a damaged one ({reason[0].lower()}{reason[1:]})") from error
    if not files.keys() - set(DOCUMENTS):
        raise SourceError(f"holds no bAbI story file (such as {ORIGINAL}/en/qa1_single-supporting-fact_train.txt)")
    for path in (folder, *(folder / subset for subset in SUBSETS)):
        sync_folder(path)
    return files


class _Bounded:
    """An unpacked stream that refuses to be a bomb: what tarfile needs of a file."""

    def __init__(self, stream: IO[bytes]):
        self.stream = stream

    def read(self, size: int) -> bytes:
        if not 0 <= size <= MAX_READ:
            raise SourceError(f"refused: a header of {size:,} bytes")
        self._limit(self.stream.tell() + size)
        return self.stream.read(size)

    def seek(self, position: int) -> int:
        self._limit(position)
        return self.stream.seek(position)

    def tell(self) -> int:
        return self.stream.tell()

    def _limit(self, position: int) -> None:
        if position > MAX_UNPACKED:
            raise SourceError(f"refused: more than {megabytes(MAX_UNPACKED)} unpacked")


def _refuse(member: tarfile.TarInfo, count: int) -> None:
    """Stop at anything that no archive of bAbI has a reason to hold, even where it would not be unpacked."""
    path = PurePosixPath(member.name)
    if count > MAX_MEMBERS:
        raise SourceError(f"refused: more than {MAX_MEMBERS:,} entries")
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or PureWindowsPath(member.name).drive:
        raise SourceError(f"refused: a path that leads outside: {member.name!r}")
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise SourceError(f"refused: a link, a device or the like: {member.name!r}")
    if member.size < 0:
        raise SourceError(f"refused: a size below zero: {member.name!r}")


def _wanted(path: str) -> str | None:
    """The path in v1.2 of a member: what follows the folder ``tasks_1-20_v1-2``, at whatever depth that is."""
    name = f"/{path}".rpartition(f"/{ORIGINAL}/")[2]
    return name if name in _known_files() else None


@cache
def _known_files() -> frozenset[str]:
    stories = {f"{subset}/{name}" for subset in SUBSETS for task in TASKS for name in file_names(subset, task).values()}
    return frozenset(stories | set(DOCUMENTS))


def _write(source: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as target:
        shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())


def _check(name: str, path: Path) -> str:
    """The sha-256 of an unpacked file, which must be as published."""
    found = sha256(path)
    algorithm, published = published_digests().get(name, ("", ""))
    if algorithm == "md5":
        same = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == published
    else:
        same = published in ("", found)
    # a mirror may have touched up its README; only the stories decide whether results can be compared
    if not same and name not in DOCUMENTS:
        raise SourceError(f"{name} is not that of bAbI v1.2: its {algorithm} is not {published}")
    return found
