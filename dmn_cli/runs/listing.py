"""The runs in a folder, beside each other."""

import itertools
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dmn_cli.config import Config, load, plain
from dmn_cli.errors import DmnError
from dmn_cli.records import RESULTS, Epoch, Start, read
from dmn_cli.runs import folder as folders
from dmn_cli.splits import OWN, tasks

SHOWN_ELSEWHERE = ("data.tasks", "train.seed")
"""Keys that have a column of their own."""


class Listed(NamedTuple):
    """A run, as far as its files tell.

    Attributes:
        name: its folder.
        tasks: that it was trained on, by number; [0] for a user's own stories.
        config: what it was started with, by name; "" where that is not known.
        seed: ``train.seed``.
        differs: keys whose values are not those of that config: ``train.epochs=5``; None where it is not to be found.
        state: ``done``; ``epoch 3/12``: it was stopped, or runs now; ``unreadable: …``.
        valid: best validation accuracy, 0 to 1; None before the first epoch.
        test: mean accuracy of its tasks, 0 to 1; None before its end.
        split: that ``test`` is of.
        started: in UTC (ISO 8601).
        seconds: that it took, or its steps did, where no more is known.
    """

    name: str
    tasks: list[int]
    config: str
    seed: int | None
    differs: list[str] | None
    state: str
    valid: float | None
    test: float | None
    split: str
    started: str
    seconds: float


def listed(paths: Sequence[Path]) -> list[Listed]:
    """The runs in folders, also those of suites, by name.

    Raises:
        DmnError: a folder is missing, or none holds a run.
    """
    for path in paths:
        if not path.is_dir():
            raise DmnError(f"{path}: no such folder", "name a folder of runs; `dmn train` makes them in runs/")
    found = [folder for path in paths for folder in _runs(path)]
    if not found:
        raise DmnError(
            f"{', '.join(map(str, paths))}: no run here", "`dmn train --config task1.yaml` makes one in runs/"
        )
    return [_row(folder) for folder in found]


def _runs(path: Path) -> Iterator[Path]:
    """The runs in a folder, or the folder itself; a run holds no others."""
    if folders.last(path).exists() or (path / folders.STARTS).exists():
        yield path
        return
    for inside in sorted(path.iterdir(), key=lambda folder: _by_number(folder.name)):
        if inside.is_dir() and not inside.is_symlink():
            yield from _runs(inside)


def _by_number(name: str) -> list[tuple[int, str]]:
    """task2 before task10."""
    parts = name.replace("-", " - ").replace("task", "task ").split()
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def _row(folder: Path) -> Listed:
    try:
        return _read(folder)
    except (DmnError, OSError) as error:
        what = error.message if isinstance(error, DmnError) else f"{error.filename}: {error.strerror}"
        return Listed(str(folder), [], "", None, None, f"unreadable: {what.splitlines()[0]}", None, None, "", "", 0.0)


def _read(folder: Path) -> Listed:
    config = load(folder / folders.CONFIG)
    epochs = folders.epochs(folder, "")
    starts = folders.starts(folder)
    done = folders.is_done(folder)
    results = read(folder / folders.RESULTS, RESULTS, "") if done else None
    name, differs = _origin(starts[0], config, folder) if starts else ("", None)
    kept = [epoch.valid_accuracy for epoch in epochs if epoch.best]
    return Listed(
        name=str(folder),
        tasks=tasks(config.data),
        config=name,
        seed=config.train.seed,
        differs=differs,
        state="done" if done else f"epoch {len(epochs)}/{config.train.epochs}",
        valid=max(kept) if kept else None,
        test=results.mean_accuracy if results else None,
        split=results.split if results else "",
        started=starts[0].started if starts else "",
        seconds=_seconds(folder, epochs),
    )


def _seconds(folder: Path, epochs: list[Epoch]) -> float:
    return folders.usage(folder).seconds or sum(epoch.seconds for epoch in epochs)


def _origin(start: Start, config: Config, folder: Path) -> tuple[str, list[str] | None]:
    """The config that a run was started with, and what is not as in it."""
    try:
        typed = shlex.split(start.command)
    except ValueError:
        typed = []
    given = [after for word, after in itertools.pairwise(typed) if word in ("--config", "-c")]
    given += [word.partition("=")[2] for word in typed if word.startswith("--config=")]
    if not given:
        return "", None
    name = Path(given[-1]).name
    of_suite = folder.parent / folders.CONFIG  # wherever the suite was moved to, its config lies beside its runs
    try:
        origin = plain(load(str(of_suite) if name == of_suite.name and of_suite.exists() else given[-1]))
    except DmnError:
        return name, None
    return name, [
        f"{section}.{key}={value}"
        for section, keys in plain(config).items()
        for key, value in keys.items()
        if value != origin[section][key] and f"{section}.{key}" not in SHOWN_ELSEWHERE
    ]


def named(numbers: list[int]) -> str:
    """Task numbers for a reader: 1-3,7; "own" for own stories."""
    if numbers == [OWN]:
        return "own"
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    return ",".join(str(span[0]) if len(span) == 1 else f"{span[0]}-{span[-1]}" for span in spans)
