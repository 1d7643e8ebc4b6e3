"""bAbI v1.2 in the data folder: fetched from a mirror or an archive, put in place whole or not at all, and found again.

``babi/`` in the data folder holds the data, with a manifest that is written last. Names that start with ``.babi`` are
work in progress (a broken download, a folder being filled, the lock) and are never read as data.
"""

import hashlib
import json
import math
import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dmn_cli.babi.fetch import Mirror, SourceError, fetch, say
from dmn_cli.babi.tasks import TASKS
from dmn_cli.babi.unpack import ORIGINAL, SUBSETS, file_names, published_digests, unpack
from dmn_cli.errors import FAILED, DmnError, code_of
from dmn_cli.files import sha256, sync_folder, write_atomic
from dmn_cli.system import InUseError, exclusive

_PARLAI = 19_212_062, "f7f0bee187efca0d81c3daac1b162cda4eb7f9505dee5ad6846eabbed3dbf92e"
MIRRORS = (
    Mirror("https://dl.fbaipublicfiles.com/parlai/babi/babi.tar.gz", *_PARLAI),
    Mirror("http://parl.ai/downloads/babi/babi.tar.gz", *_PARLAI),
    Mirror(
        "http://www.thespermwhale.com/jaseweston/babi/tasks_1-20_v1-2.tar.gz",
        15_719_851,
        "0364ebde659f14d11bc21744516c5ec49d3d06cb692733f66680771244998898",
    ),
    Mirror("https://s3.amazonaws.com/text-datasets/babi_tasks_1-20_v1-2.tar.gz", 11_745_123),
)
MIRROR_VARIABLE = "DMN_BABI_MIRROR"  # in the environment: URLs to use instead of these

FOLDER = "babi"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Report:
    """What a data folder holds after ``download``.

    Attributes:
        folder: where the data is.
        fresh: put there just now; else it was there, and every file was checked again.
        files: how many files, licence and README included.
        present: for each directory that is there, how many of its files are, and the names of those that are not.
        lacking: the directories of v1.2 that are not there.
        unpublished: the files for which no digest is published.
    """

    folder: Path
    fresh: bool
    files: int
    present: dict[str, tuple[int, list[str]]]
    lacking: list[str]
    unpublished: list[str]


# ---- reading ---------------------------------------------------------------------------------------------------------


def task_files(folder: Path, subset: str, task: int) -> dict[str, Path]:
    """The files of one task by split: train and test, and valid in the ``en-valid`` directories.

    Args:
        folder: the directory of the subset, as ``find_data`` returns it.
        subset: a directory of v1.2, e.g. ``en-10k``.
        task: 1 to 20.

    Raises:
        DmnError: one of them is not there.
    """
    files = {split: folder / name for split, name in file_names(subset, task).items()}
    data_dir = folder.parent.parent if folder.parent.name in (FOLDER, ORIGINAL) else folder.parent
    for split, path in files.items():
        if not path.is_file():
            raise DmnError(
                f"{path}: no such file (task {task} of {subset}, {split})",
                "the archive that this data came from may lack it: put the file there, or "
                f"`{_command(data_dir)} --force`",
            )
    return files


def find_data(data_dir: Path, subset: str) -> Path:
    """The directory of a subset: as ``download`` left it, or as a user unpacked it in ``data_dir`` by hand.

    It is quick: the digests were checked when the data was put there.

    Raises:
        DmnError: it is not there.
    """
    folder = data_dir / FOLDER
    whole = [folder] if (folder / MANIFEST).is_file() else []
    for root in [*whole, data_dir / ORIGINAL, data_dir]:
        if any((root / subset).glob("qa*_*.txt")):
            return root / subset
    if whole:
        raise DmnError(
            f"{folder}: no {subset} here: the archive that it came from lacks it",
            f"`{_command(data_dir)} --force` fetches all of bAbI v1.2",
        )
    if folder.exists():
        raise _not_whole(folder)
    raise DmnError(
        f"{data_dir}: no bAbI data here ({subset})", f"`{_command(data_dir)}` fetches it; {_ways_out(data_dir)}"
    )


def ensure_data(data_dir: Path, subset: str, quiet: bool = False) -> Path:
    """The directory of a subset, downloaded first where the data folder holds no data.

    Raises:
        DmnError: it is not there, and cannot be had.
    """
    with suppress(DmnError):
        return find_data(data_dir, subset)
    if not (data_dir / FOLDER).exists():
        say(f"{data_dir}: no bAbI data ({subset}) here yet", quiet)
        download(data_dir, quiet=quiet)
    return find_data(data_dir, subset)


# ---- the command -----------------------------------------------------------------------------------------------------


def download(
    data_dir: Path,
    *,
    archive: Path | None = None,
    mirrors: Sequence[str] = (),
    force: bool = False,
    quiet: bool = False,
) -> Report:
    """Put bAbI v1.2 into ``data_dir/babi``, or check what is there.

    Args:
        data_dir: the data folder; made where it does not exist.
        archive: take the data from this file instead of a mirror.
        mirrors: URLs to use instead of ``DMN_BABI_MIRROR`` in the environment or, without that, ``MIRRORS``.
        force: replace what is there; it stays until the new data is checked.
        quiet: no progress and no notes on stderr.

    Raises:
        DmnError: no mirror works, or the data that is there is damaged (code 1); the input is wrong (code 2).
    """
    sources = _mirrors(mirrors)
    folder = data_dir / FOLDER
    if archive:
        _readable(archive)
    if folder.exists() and not force:
        with suppress(DmnError, OSError), exclusive(data_dir, "another process writes there"):
            _tidy(data_dir, parts=True)  # of a process that was killed after the swap
        return verify(folder)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DmnError(f"{data_dir}: cannot be made: {error.strerror}") from error
    try:
        with _locked(data_dir, quiet):
            _tidy(data_dir)
            if folder.exists() and not force:  # another process was quicker
                return verify(folder)
            files = _from_archive(archive, data_dir) if archive else _from_mirrors(sources, data_dir, quiet)
    except OSError as error:
        raise DmnError(f"{error.filename or data_dir}: {error.strerror or error}", code=code_of(error)) from error
    return _report(folder, files, fresh=True)


def verify(folder: Path) -> Report:
    """Check every file of a folder that ``download`` made against its digest.

    Raises:
        DmnError: files are missing or changed (code 1).
    """
    try:
        files: dict[str, str] = json.loads((folder / MANIFEST).read_text())["files"]
        state = {name: sha256(folder / name) if (folder / name).is_file() else "" for name in files}
        wrong = [f"{name} ({'changed' if state[name] else 'missing'})" for name in files if state[name] != files[name]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _not_whole(folder) from error
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise DmnError(
            f"{folder}: {len(wrong)} of {len(files)} files damaged: {', '.join(wrong[:3])}{more}",
            f"`{_command(folder.parent)} --force` replaces them",
            FAILED,
        )
    return _report(folder, files, fresh=False)


def _report(folder: Path, files: dict[str, str], fresh: bool) -> Report:
    present: dict[str, tuple[int, list[str]]] = {}
    for subset in SUBSETS:
        expected = [name for task in TASKS for name in file_names(subset, task).values()]
        missing = [name for name in expected if f"{subset}/{name}" not in files]
        if len(missing) < len(expected):
            present[subset] = len(expected) - len(missing), missing
    lacking = [subset for subset in SUBSETS if subset not in present]
    unpublished = [name for name in files if name not in published_digests()]
    return Report(folder, fresh, len(files), present, lacking, unpublished)


def _not_whole(folder: Path) -> DmnError:
    return DmnError(
        f"{folder}: not whole, or not made by `dmn download-babi`: no good {MANIFEST} in it",
        f"move it away, or replace it: `{_command(folder.parent)} --force`",
        FAILED,
    )


def _command(data_dir: Path) -> str:
    return "dmn download-babi" + ("" if data_dir == Path("data") else f" --data-dir {shlex.quote(str(data_dir))}")


def _ways_out(data_dir: Path) -> str:
    return (
        f"`{_command(data_dir)} --archive FILE` takes a copy that you have, `--mirror URL` another address; "
        "or train on stories made by this package: `dmn train --config quickstart.yaml`"
    )


def _mirrors(urls: Sequence[str]) -> Sequence[Mirror]:
    """The mirrors to try; a known URL keeps its known digest."""
    known = {mirror.url: mirror for mirror in MIRRORS}
    urls = urls or os.environ.get(MIRROR_VARIABLE, "").split()
    for url in urls:
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            good = False
        if not good or not url.isascii() or not url.isprintable() or " " in url:
            raise DmnError(f"{url!r} is not an http:// or https:// address", "a file is given with --archive FILE")
    return [known.get(url, Mirror(url)) for url in urls] or MIRRORS


# ---- into place ------------------------------------------------------------------------------------------------------


def _readable(archive: Path) -> None:
    try:
        archive.open("rb").close()
    except OSError as error:
        raise DmnError(f"{archive}: cannot be read: {error.strerror}") from error


def _from_archive(archive: Path, data_dir: Path) -> dict[str, str]:
    try:
        return _install(archive, data_dir, str(archive))
    except SourceError as error:
        raise DmnError(f"{archive}: {error}") from error


def _from_mirrors(mirrors: Sequence[Mirror], data_dir: Path, quiet: bool) -> dict[str, str]:
    dead = []
    for number, mirror in enumerate(mirrors, start=1):
        say(f"mirror {number} of {len(mirrors)}: {mirror.url}", quiet)
        try:
            return _from_mirror(mirror, data_dir, quiet)
        except SourceError as error:
            say(f"  given up: {error}", quiet)
            dead.append(f"  {mirror.url}: {error}")
    raise DmnError("\n".join(["bAbI cannot be downloaded, no mirror works:", *dead]), _ways_out(data_dir), FAILED)


def _from_mirror(mirror: Mirror, data_dir: Path, quiet: bool) -> dict[str, str]:
    # one part a URL: a later run, or a retry, goes on with it, and never with that of another archive
    part = data_dir / f".babi-{hashlib.sha256(mirror.url.encode()).hexdigest()[:8]}.part"
    for last in (False, True):
        fetch(mirror, part, quiet)
        try:
            found = sha256(part)
            if mirror.sha256 not in (None, found):
                raise SourceError(f"damaged or another archive: sha-256 {found[:12]}…, not {str(mirror.sha256)[:12]}…")
            files = _install(part, data_dir, mirror.url)
        except SourceError as error:
            part.unlink()
            if last:
                raise
            say(f"  {error}; once more from the start", quiet)
        else:
            _tidy(data_dir, parts=True)
            return files
    raise AssertionError("not reached")


def _install(archive: Path, data_dir: Path, source: str) -> dict[str, str]:
    """Unpack beside the target, write the manifest last, and only then swap the folders."""
    new, old, folder = data_dir / ".babi.new", data_dir / ".babi.old", data_dir / FOLDER
    try:
        files = unpack(archive, new)
        manifest = {"format_version": 1, "source": source, "archive_sha256": sha256(archive), "files": files}
        write_atomic(new / MANIFEST, json.dumps(manifest, indent=1))
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        sync_folder(data_dir)
    finally:
        _tidy(data_dir)
    return files


def _tidy(data_dir: Path, parts: bool = False) -> None:
    """Clear what an earlier process left; if it was killed between the two renames of a swap, undo the first."""
    old, folder = data_dir / ".babi.old", data_dir / FOLDER
    if old.exists() and not folder.exists():
        old.rename(folder)
    for path in (old, data_dir / ".babi.new"):
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.exists():
            shutil.rmtree(path)
    for path in data_dir.glob(".babi-*.part*") if parts else ():
        with suppress(OSError):  # the next start tries again
            path.unlink()


@contextmanager
def _locked(data_dir: Path, quiet: bool) -> Iterator[None]:
    """One process at a time in a data folder; none where there are no locks."""
    with ExitStack() as lock:
        try:
            lock.enter_context(exclusive(data_dir, "another process writes there"))
        except InUseError:
            say(f"{data_dir}: waiting for another process that writes there", quiet)
            lock.enter_context(exclusive(data_dir, "another process writes there", math.inf))
        except DmnError:
            pass  # a file system without locks
        yield
