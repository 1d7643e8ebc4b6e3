"""What training changes in its stories from epoch to epoch, so that one story becomes many; others never change."""

from typing import NamedTuple

from dmn_cli.augment import rename, reorder
from dmn_cli.augment.thin import thin
from dmn_cli.config import DataConfig
from dmn_cli.data.stories import Story

Stories = dict[int, list[Story]]
"""By task."""


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
