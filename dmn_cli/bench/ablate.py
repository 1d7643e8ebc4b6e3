"""What each idea brings: training without it, measured by turns with training as it is."""

import copy
import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from dmn_cli.batch import Batch, Packed
from dmn_cli.bench.measure import Measured, first_questions, on_kernels, spread, trainer
from dmn_cli.config import Config
from dmn_cli.data import vocabulary as vocab
from dmn_cli.data.batches import order
from dmn_cli.data.stories import Story
from dmn_cli.model.fast import kernels
from dmn_cli.model.gate import Gate
from dmn_cli.splits import load_training
from dmn_cli.training.build import build, dataset, decide

AS_SHIPPED = "as shipped"


class WholeGate(Gate):
    """The gate as it is written (arXiv 1506.07285, eq. 5 and 6): all of z for every row, in every pass."""

    def of(self, facts: Tensor, q: Tensor, rows: Packed, batch: Batch) -> "_Whole":  # type: ignore[override]
        """The gates of a batch."""
        return _Whole(self, facts, q, rows)


class _Whole:
    def __init__(self, gate: Gate, facts: Tensor, q: Tensor, rows: Packed):
        self.gate, self.facts, self.rows, self.q = gate, facts, rows, q[rows.sequence]

    def __call__(self, m: Tensor, g: Tensor | None) -> Tensor:
        return self.gate(self.facts[self.rows.index], m[self.rows.sequence], self.q)  # type: ignore[no-any-return]

    def select(self, rows: Packed, kept: Tensor) -> "_Whole":
        selected = copy.copy(self)
        selected.rows, selected.q = rows, self.q[kept]
        return selected


def ablate(config: Config, threads: int, repeats: int) -> dict[str, Measured]:
    """Questions a second of training without one idea each.

    Args:
        config: the network (with nine-term gates) and the stories.
        threads: for everything that is measured.
        repeats: how often each is measured, by turns.

    Returns:
        for each way to train: median, lowest and highest rate.
    """
    torch.set_num_threads(threads)
    train, _ = load_training(config.data)
    stories = list(first_questions([story for some in train.stories.values() for story in some]))
    words = vocab.build(stories)
    decided = decide(config, train.stories, words)

    def make(stories: list[Story], whole_gate: bool = False) -> Callable[[], float]:
        model = build(config, words, decided)
        if whole_gate:
            model.memory.gate.__class__ = WholeGate
        data = dataset(config, words, stories)
        return trainer(model, config, data, order(data, config.train.batch_size, 0, config.train.shuffle))

    shipped = make(stories)
    alone = [dataclasses.replace(story, questions=(question,)) for story in stories for question in story.questions]
    turns = {
        AS_SHIPPED: shipped,
        "every question reads its story by itself": make(alone),
        "the gate in one piece, in PyTorch": make(stories, whole_gate=True),
    }
    for path in kernels.paths():
        if path != kernels.active():
            turns[f"kernels: {path}"] = lambda path=path: on_kernels(path, shipped)  # type: ignore[misc]
    for turn in turns.values():
        turn()
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(repeats):
        for name, turn in turns.items():
            taken[name].append(turn())
    return {name: spread(rates) for name, rates in taken.items()}


def without(rates: dict[str, Measured]) -> dict[str, float]:
    """How many times faster training is as shipped than without each idea."""
    return {name: rates[AS_SHIPPED].median / rate.median for name, rate in rates.items() if name != AS_SHIPPED}
