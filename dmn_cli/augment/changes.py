"""What training changes in its stories from epoch to epoch, so that one story becomes many; others never change."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from dmn_cli import records
from dmn_cli.augment import rename, reorder
from dmn_cli.augment.thin import thin
from dmn_cli.config import DataConfig
from dmn_cli.data.stories import Story
from dmn_cli.errors import DmnError
from dmn_cli.files import write_atomic

T = TypeVar("T")

Stories = dict[int, list[Story]]
"""By task."""

FILES = RENAMED, REORDERED = "renamed.json", "reordered.json"
"""Where a run's folder says what was found in its training stories."""


class Changes(NamedTuple):
    """What is changed.

    Attributes:
        renamed: the interchangeable words of each task, with ``data.renamed``.
        reordered: the tasks whose facts have no order, with ``data.reordered``.
        thinned: ``data.thinned``.
    """

    renamed: dict[int, rename.Classes]
    reordered: list[int]
    thinned: float

    def __bool__(self) -> bool:
        return bool(self.renamed or self.reordered or self.thinned)

    def of(self, stories: Stories, seed: str) -> list[Story]:
        """The stories of one epoch; ``seed`` decides them, and nothing else does."""
        changed: list[Story] = []
        for task, of_task in stories.items():
            if task in self.renamed:
                of_task = rename.rename(of_task, self.renamed[task], f"renamed {seed} {task}")
            if self.thinned:
                of_task = thin(of_task, self.thinned, f"thinned {seed} {task}")
            if task in self.reordered:
                of_task = reorder.reorder(of_task, f"reordered {seed} {task}")
            changed += of_task
        return changed


def find(data: DataConfig, stories: Stories) -> Changes:
    """What the training stories, as far as training may look at them, allow."""
    renamed = {task: rename.find_classes(of_task) for task, of_task in stories.items()} if data.renamed else {}
    reordered = [task for task in stories if reorder.is_free(stories[task])] if data.reordered else []
    return Changes(renamed, reordered, data.thinned)


def write(folder: Path, data: DataConfig, changes: Changes) -> None:
    """Keep what was found in a run's folder."""
    if data.renamed:
        write_atomic(folder / RENAMED, json.dumps(changes.renamed, indent=2) + "\n")
    if data.reordered:
        write_atomic(folder / REORDERED, json.dumps(changes.reordered) + "\n")


def read(folder: Path, data: DataConfig, stories: Stories) -> Changes:
    """What was found when a run began: another machine's arithmetic could find otherwise where there is doubt.

    Raises:
        DmnError: a file is missing, damaged or another run's.
    """
    hint = "the run cannot go on without it: start a new one"
    renamed = _read(folder / RENAMED, _classes, hint) if data.renamed else {}
    if data.renamed and renamed.keys() != stories.keys():
        raise DmnError(f"{folder / RENAMED}: not of this run's tasks", hint)
    reordered = _read(folder / REORDERED, _tasks, hint) if data.reordered else []
    if not {*reordered} <= stories.keys():
        raise DmnError(f"{folder / REORDERED}: not of this run's tasks", hint)
    return Changes(renamed, reordered, data.thinned)


def _read(path: Path, parse: Callable[[str], T], hint: str) -> T:
    try:
        return records.read(path, parse, hint)
    except FileNotFoundError as error:
        raise DmnError(f"{path}: no such file", hint) from error


def _classes(text: str) -> dict[int, rename.Classes]:
    classes: dict[int, rename.Classes] = {int(task): of_task for task, of_task in json.loads(text).items()}
    for of_task in classes.values():
        if not isinstance(of_task, list):
            raise TypeError("not a list of classes")
        for kind in of_task:
            if not isinstance(kind, list) or not all(isinstance(word, str) and word.split() for word in kind):
                raise TypeError("a class is a list of words")
    return classes


def _tasks(text: str) -> list[int]:
    tasks: list[int] = json.loads(text)
    if not isinstance(tasks, list) or not all(isinstance(task, int) for task in tasks):
        raise TypeError("not a list of tasks")
    return tasks
