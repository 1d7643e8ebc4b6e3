"""Evaluation of a checkpoint, task by task."""

from collections.abc import Mapping
from types import MappingProxyType

from dmn_cli.babi.tasks import TASKS
from dmn_cli.data.stats import unseen
from dmn_cli.report.published import published
from dmn_cli.report.results import TaskResult
from dmn_cli.splits import OWN, Split, tasks
from dmn_cli.training.build import dataset
from dmn_cli.training.checkpoint import Checkpoint
from dmn_cli.training.metrics import score


def evaluate(
    checkpoint: Checkpoint, split: Split, name: str, trained: Mapping[str, str] = MappingProxyType({})
) -> list[TaskResult]:
    """Ask every question of a split, task by task.

    Args:
        checkpoint: what answers.
        split: the stories.
        name: of the split, "" for other stories; published accuracies stand beside the test split alone.
        trained: SHA-256 of each file that it was trained on, by its path, where that is known.
    """
    config = checkpoint.config
    rows = published(config, name, {**trained, **split.digests})
    results = []
    for task, stories in split.stories.items():
        data = dataset(config, checkpoint.vocabulary, stories)
        scored = score(checkpoint.model, data, config.train.batch_size)
        title = "own stories" if task == OWN else TASKS[task].name
        figure = rows[0].accuracy(task) if rows and [task] == tasks(config.data) else None
        missing = unseen(stories, checkpoint.vocabulary, by_word=config.model.answer == "gru").answers
        results.append(TaskResult(task, title, scored.questions, scored.correct, figure, missing))
    return results
