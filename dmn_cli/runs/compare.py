"""Two networks, asked the same questions."""

from pathlib import Path

import torch

from dmn_cli.babi.tasks import SplitName
from dmn_cli.config import differences
from dmn_cli.errors import DmnError
from dmn_cli.report.compared import Compared, Side
from dmn_cli.runs import folder as folders
from dmn_cli.splits import Split, tasks
from dmn_cli.training import checkpoint as checkpoints
from dmn_cli.training.checkpoint import Checkpoint
from dmn_cli.training.locate import choose, own
from dmn_cli.training.predictions import predict


def compare(
    first: Path, second: Path, split: SplitName, file: Path | None, data_dir: Path | None, device: torch.device
) -> Compared:
    """Ask two networks the same questions.

    Args:
        first, second: run folders or checkpoints.
        split: of the first one's stories, in the tasks that the second knows too.
        file: other stories.
        data_dir: where bAbI lies, if not where the first was trained.
        device: where to compute.

    Raises:
        DmnError: a checkpoint or the stories are missing, or there is no task that both know.
    """
    paths = [folders.best(path) if path.is_dir() else path for path in (first, second)]
    one, other = (checkpoints.load(path, device) for path in paths)
    stories = own(file) if file is not None else _stories(one, other, paths[0], split, data_dir)
    sides = [
        Side(str(path), list(predict(network, stories)), _curve(path))
        for path, network in ((first, one), (second, other))
    ]
    return Compared(sides[0], sides[1], differences(one.config, other.config))


def _stories(one: Checkpoint, other: Checkpoint, path: Path, split: SplitName, data_dir: Path | None) -> Split:
    data = one.config.data
    both = [number for number in tasks(data) if number in tasks(other.config.data)]
    if not both:
        raise DmnError("these two were trained on no common task", "--file FILE asks both about other stories")
    numbers = both if data.source != "files" else []
    return choose(data, path, split, data_dir=data_dir, tasks=numbers)[1]


def _curve(path: Path) -> list[float]:
    """The validation accuracies of a run, epoch by epoch."""
    return [epoch.valid_accuracy for epoch in folders.epochs(path, "delete it")] if path.is_dir() else []
