"""A run's folder: its files, its name, and who may write in it."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from dmn_cli import config as configs
from dmn_cli import records
from dmn_cli.augment.changes import Changes, Stories
from dmn_cli.augment.rename import FORM
from dmn_cli.config import Config, DataConfig
from dmn_cli.errors import DmnError
from dmn_cli.files import remove_temporaries, write_atomic
from dmn_cli.records import Epoch, Results, Start, Starts, Usage
from dmn_cli.report import tables
from dmn_cli.report.results import TaskResult, as_json
from dmn_cli.system import InUseError, exclusive

T = TypeVar("T")

CONFIG, STARTS, METRICS, RESULTS, USAGE = "config.yaml", "run.json", "metrics.jsonl", "results.json", "usage.json"
RENAMED, REORDERED = "renamed.json", "reordered.json"

BUSY = "another process is training in it"


# ---- paths -----------------------------------------------------------------------------------------------------------


def best(folder: Path) -> Path:
    """The checkpoint of a run with the best validation accuracy."""
    return folder / "checkpoints" / "best.pt"


def last(folder: Path) -> Path:
    """The newest checkpoint of a run, from which it is resumed."""
    return folder / "checkpoints" / "last.pt"


def is_done(folder: Path) -> bool:
    """Whether a run ended and all its files are written."""
    return (folder / "done").exists()


def new(name: str) -> Path:
    """The first folder ``runs/NAME``, ``runs/NAME-2``, … that does not exist yet."""
    return next(folder for folder in _named(name) if not (folder.exists() or folder.is_symlink()))


def newest(name: str) -> Path:
    """The last folder ``runs/NAME``, ``runs/NAME-2``, … that exists.

    Raises:
        DmnError: there is none.
    """
    found = None
    for folder in _named(name):
        if not folder.exists():
            break
        found = folder
    if found is None:
        raise DmnError(f"runs/{name}: there is no such run to resume", "name its folder with --run-dir")
    return found


def _named(name: str) -> Iterator[Path]:
    yield Path("runs") / name
    number = 2
    while True:
        yield Path("runs") / f"{name}-{number}"
        number += 1


# ---- who may write ---------------------------------------------------------------------------------------------------


def identity(folder: Path) -> tuple[int, int] | None:
    """Device and inode; None where there is no folder. While it is locked no other folder gets the same."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def lock(folder: Path) -> contextlib.AbstractContextManager[int | None]:
    """Keep other processes out; see ``system.exclusive``."""
    return exclusive(folder, BUSY)


def check_free(folder: Path) -> None:
    """See that a new run may have a folder: at most what is left of a start that was killed before its first save.

    Raises:
        InUseError: it may not.
    """
    left = ("checkpoints", RENAMED, REORDERED, f".{RENAMED}.", f".{REORDERED}.", f".{last(folder).name}.")
    there = [folder] if folder.is_file() else folder.rglob("*")
    if not all(path.name.startswith(left) for path in there):
        raise InUseError(f"{folder}: already there", "choose another --run-dir, or go on with it: --resume")


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[contextlib.ExitStack]:
    """Make the folder of a new run and lock it; what is written in it is taken back if the start fails.

    Yields:
        what lets go of the lock: at the end of this context, unless it is taken over (``pop_all``).

    Raises:
        InUseError: the folder is not free.
        DmnError: it cannot be made.
    """
    is_new = not folder.exists()
    try:
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DmnError(f"{folder}: cannot be made: {error.strerror}") from error
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock(folder))
        except InUseError:
            raise
        except BaseException:  # there is no lock to have
            _clear(folder, is_new)
            raise
        check_free(folder)
        clear_killed_start(folder)
        try:
            yield stack
        except BaseException:
            _clear(folder, is_new)
            raise


def clear_killed_start(folder: Path) -> None:
    """Remove what a start that was killed before its first save left."""
    remove_temporaries(folder, folder / "checkpoints")
    for name in (RENAMED, REORDERED):
        (folder / name).unlink(missing_ok=True)


def _clear(folder: Path, remove: bool) -> None:
    """Take back what a start has written; with ``remove`` the folder too."""
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    for name in (RENAMED, REORDERED, CONFIG, STARTS):
        (folder / name).unlink(missing_ok=True)
    if remove:
        with contextlib.suppress(OSError):  # something else has been put there
            folder.rmdir()


# ---- what is in it ---------------------------------------------------------------------------------------------------


def write_config(folder: Path, config: Config) -> None:
    """Write config.yaml, if it is not there yet."""
    if not (folder / CONFIG).exists():
        write_atomic(folder / CONFIG, configs.dump(config))


def starts(folder: Path) -> list[Start]:
    """The start and the resumptions so far; none where there is no record."""
    hint = "delete it: the run goes on, its record begins anew"
    try:
        return records.read(folder / STARTS, records.STARTS, hint).starts
    except FileNotFoundError:
        return []


def trained_on(checkpoint: Path) -> dict[str, str]:
    """SHA-256 of each training file by its path, as far as the run's record beside a checkpoint says."""
    recorded = starts(checkpoint.absolute().parent.parent)
    return recorded[-1].data if recorded and isinstance(recorded[-1].data, dict) else {}


def write_starts(folder: Path, starts: list[Start]) -> None:
    """Write run.json."""
    records.write(folder / STARTS, Starts(starts=starts))


def epochs(folder: Path, hint: str) -> list[Epoch]:
    """The epochs so far."""
    try:
        return records.read_epochs(folder / METRICS, hint)
    except FileNotFoundError:
        return []


def add_epoch(folder: Path, epoch: Epoch) -> None:
    """Add an epoch to metrics.jsonl."""
    records.append_epoch(folder / METRICS, epoch)


def forget_after(folder: Path, epoch: int) -> None:
    """Drop the metrics of epochs that a resumed run will make again."""
    if (folder / METRICS).exists():
        made = epochs(folder, "delete it: the run goes on without the metrics so far")
        records.write_epochs(folder / METRICS, [line for line in made if line.epoch <= epoch])


def usage(folder: Path) -> Usage:
    """What a run has cost so far; zeros where nothing is known."""
    try:
        return records.read(folder / USAGE, records.USAGE, "delete it: only what the run cost so far is lost")
    except FileNotFoundError:
        return Usage(seconds=0.0, peak_memory_mb=0.0)


def write_usage(folder: Path, usage: Usage) -> None:
    """Write usage.json."""
    records.write(folder / USAGE, usage)


def write_results(
    folder: Path, results: list[TaskResult], split: str, digests: dict[str, str], notes: list[str]
) -> None:
    """Write a run's results as JSON, CSV and Markdown."""
    records.write(folder / RESULTS, Results(split=split, **as_json(results), data=digests, notes=notes))
    write_atomic(folder / "results.csv", tables.as_csv(results))
    write_atomic(folder / "results.md", tables.as_markdown(results))


def write_done(folder: Path, why: str) -> None:
    """Mark a run as done, when all else is written."""
    write_atomic(folder / "done", f"{why}\n")


def forget_done(folder: Path) -> None:
    """A run that was done goes on: its results are those of fewer epochs."""
    for name in (RESULTS, "results.csv", "results.md", "done"):
        (folder / name).unlink(missing_ok=True)


def write_changes(folder: Path, data: DataConfig, changes: Changes) -> None:
    """Write what was found in the training stories: renamed.json and reordered.json."""
    if data.renamed:
        records.write(folder / RENAMED, changes.renamed)
    if data.reordered:
        records.write(folder / REORDERED, changes.reordered)


def changes(folder: Path, data: DataConfig, stories: Stories) -> Changes:
    """What was found when a run began: another machine's arithmetic could find otherwise where there is doubt.

    Raises:
        DmnError: a file is missing, damaged or another run's.
    """
    renamed = _found(folder / RENAMED, records.RENAMED) if data.renamed else {}
    if data.renamed and renamed.keys() != stories.keys():
        raise DmnError(f"{folder / RENAMED}: not of this run's tasks", _LOST)
    if any(len({member.count(FORM) for member in kind}) > 1 for classes in renamed.values() for kind in classes):
        raise DmnError(f"{folder / RENAMED}: words of one class with more forms than others", _LOST)
    reordered = _found(folder / REORDERED, records.REORDERED) if data.reordered else []
    if not {*reordered} <= stories.keys():
        raise DmnError(f"{folder / REORDERED}: not of this run's tasks", _LOST)
    return Changes(renamed, reordered, data.thinned)


_LOST = "the run cannot go on without it: start a new one"


def _found(path: Path, of: "TypeAdapter[T]") -> T:
    try:
        return records.read(path, of, _LOST)
    except FileNotFoundError as error:
        raise DmnError(f"{path}: no such file", _LOST) from error
