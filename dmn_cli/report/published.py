"""Which published accuracies may stand beside a result."""

from typing import NamedTuple

from dmn_cli.babi.tasks import TASKS
from dmn_cli.babi.unpack import published_digests
from dmn_cli.config import Config
from dmn_cli.splits import tasks


class Published(NamedTuple):
    """A published row of accuracies, one network per task.

    Attributes:
        name: of the network.
        subset: of bAbI that it was trained on.
        supervision: as ``train.supervision``.
        percents: accuracies by task, as printed.
    """

    name: str
    subset: str
    supervision: str
    percents: dict[int, float]

    def accuracy(self, task: int) -> float:
        """From 0 to 1."""
        return round(self.percents[task] / 100, 4)


PUBLISHED = (
    Published("DMN", "en", "strong", {task.number: task.dmn for task in TASKS.values()}),
    Published("MemNN", "en", "strong", {task.number: task.memnn for task in TASKS.values()}),
    Published("DMN+", "en-10k", "weak", {task.number: task.dmn_plus for task in TASKS.values()}),
)
"""DMN and MemNN: arXiv 1506.07285, table 1; DMN+: arXiv 1603.01417, table 2."""


def published(config: Config, split: str, digests: dict[str, str]) -> list[Published]:
    """The published rows whose setting a result has; the one that its network is held against comes first.

    They stand beside answers to the test split of bAbI alone, by a network of one task, trained on as many questions
    and with the supervision of the paper.

    Args:
        config: that the network was trained with.
        split: that was answered.
        digests: SHA-256 of each file that was read, by its path: of the split, and where they are known of training.
    """
    if config.data.source != "babi" or split != "test" or len(tasks(config.data)) > 1:
        return []
    subset = {digest for name, (_, digest) in published_digests().items() if name.startswith(f"{config.data.subset}/")}
    if not digests or not set(digests.values()) <= subset:
        return []
    return [row for row in PUBLISHED if (row.subset, row.supervision) == (config.data.subset, config.train.supervision)]
