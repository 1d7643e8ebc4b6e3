"""Whether training stories and their changed copies are equally likely: a randomisation test.

Fisher, The Design of Experiments, 1935. Every story tells how many times more a feature stands in it than in its
changed copy. If both are equally likely, the sign of a story's differences is a coin's toss.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor

Feature = TypeVar("Feature")

TOSSES = 200
"""Random signs that the statistics are compared with."""

CLEAR = 6.5
"""Standard deviations of a single feature from which there is no doubt."""

MOST = 32_767
"""How often a feature counts in a story, at most."""


def table(counts: Sequence[Mapping[Feature, int]]) -> tuple[dict[Feature, int], Tensor]:
    """What the stories tell, as numbers.

    Args:
        counts: how often each feature stands in each story.

    Returns:
        the row of each feature, in the order they were met; and the counts (features + 1, stories), where the last row
        is of features that no story has: all 0.
    """
    row = {feature: at for at, feature in enumerate(dict.fromkeys(itertools.chain.from_iterable(counts)))}
    cells = torch.zeros(len(row) + 1, len(counts), dtype=torch.int16)
    for column, count in enumerate(counts):
        rows = torch.tensor([row[feature] for feature in count], dtype=torch.long)
        cells[rows, column] = torch.tensor(list(count.values())).clamp(-MOST, MOST).to(torch.int16)
    return row, cells


def tosses(stories: int) -> Tensor:
    """Signs for so many stories, (1 + TOSSES, stories): the first row, the stories as they are, all ones."""
    signs = torch.randint(0, 2, (TOSSES, stories), generator=torch.Generator().manual_seed(0)) * 2.0 - 1
    return torch.cat([torch.ones(1, stories), signs])


def far_from(differences: Tensor, kinds: list[str], signs: Tensor) -> float:
    """How far from chance the differences are.

    Args:
        differences: (features, stories) a feature's count in the story less that in its changed copy.
        kinds: of each feature; the statistics are each kind's sum of squares, and the largest square of all.
        signs: of ``tosses``.

    Returns:
        the largest statistic, in standard deviations from the mean of the random ones; infinite where a single
        feature settles it, or where there are no differences.
    """
    variance = differences.square().sum(1)
    differences, kept = differences[variance > 0], (variance > 0).tolist()
    variance = variance[variance > 0]
    if not len(variance) or (differences.sum(1).square() / variance).max() > CLEAR**2:
        return math.inf
    squares = (signs @ differences.T).square() / variance
    number = {kind: at for at, kind in enumerate(dict.fromkeys(itertools.compress(kinds, kept)))}
    which = torch.tensor([number[kind] for kind in itertools.compress(kinds, kept)])
    sums = torch.zeros(len(signs), len(number)).index_add_(1, which, squares)
    # the cube root of a sum of squares is nearly normal (Wilson and Hilferty, 1931)
    statistics = torch.cat([sums, squares.amax(1, keepdim=True)], 1).pow(1 / 3)
    random_ones = statistics[1:]
    return float(((statistics[0] - random_ones.mean(0)) / (random_ones.std(0) + 0.01)).max())
