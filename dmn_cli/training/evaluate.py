"""Evaluation of a checkpoint, task by task."""

from dmn_cli.babi.tasks import TASKS
from dmn_cli.report.results import TaskResult
from dmn_cli.splits import OWN, Split
from dmn_cli.training.build import dataset
from dmn_cli.training.checkpoint import Checkpoint
from dmn_cli.training.metrics import score


def evaluate(checkpoint: Checkpoint, split: Split) -> list[TaskResult]:
    """Ask every question of a split, task by task."""
    config = checkpoint.config
    results = []
    for task, stories in split.stories.items():
        data = dataset(config, checkpoint.vocabulary, stories)
        scored = score(checkpoint.model, data, config.train.batch_size)
        name = "own stories" if task == OWN else TASKS[task].name
        published = _published(checkpoint, task) if split.is_babi and task != OWN else None
        results.append(TaskResult(task, name, scored.questions, scored.correct, published))
    return results


def _published(checkpoint: Checkpoint, task: int) -> float:
    """The figure of the paper whose setting it is: the DMN with supporting facts, DMN+ without."""
    weak = checkpoint.config.train.supervision == "weak"
    return round((TASKS[task].dmn_plus if weak else TASKS[task].dmn) / 100, 4)
