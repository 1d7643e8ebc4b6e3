"""Whether training stories and their changed copies are equally likely: a randomisation test.

Fisher, The Design of Experiments, 1935. Every story tells how many times more a feature stands in it than in its
changed copy. If both are equally likely, the sign of a story's differences is a coin's toss.
"""

import math

import torch
from torch import Tensor

TOSSES = 200
"""Random signs that the statistics are compared with."""

CLEAR = 6.5
"""Standard deviations of a single feature from which there is no doubt."""

ROWS = 20_000
"""Features whose statistics are made at a time: 16 MB."""


def tosses(stories: int) -> Tensor:
    """Signs for so many stories, (stories, 1 + TOSSES): the first column, the stories as they are, all ones."""
    signs = torch.randint(0, 2, (TOSSES, stories), generator=torch.Generator().manual_seed(0)) * 2.0 - 1
    return torch.cat([torch.ones(stories, 1), signs.T], 1)


def far_from(feature: Tensor, story: Tensor, difference: Tensor, kinds: Tensor, signs: Tensor) -> float:
    """How far from chance the differences are.

    Args:
        feature, story, difference: (C,) each: a feature's count in the story less that in its changed copy, or parts of
            this that add up. Where there is none, it is 0.
        kinds: (F,) the number of each feature's kind; the statistics are each kind's sum of squares, and the largest
            square of all.
        signs: of ``tosses``.

    Returns:
        the largest statistic, in standard deviations from the mean of the random ones; infinite where a single
        feature settles it, or where there are no differences.
    """
    cells, by_cell = (feature * len(signs) + story).sort()
    cell, which = cells.unique_consecutive(return_inverse=True)
    value = torch.zeros(len(cell)).index_add_(0, which, difference[by_cell])
    cell, value = cell[value != 0], value[value != 0]
    feature, story = cell // len(signs), cell % len(signs)
    variance = torch.zeros(len(kinds)).index_add_(0, feature, value.square())
    if (torch.zeros(len(kinds)).index_add_(0, feature, value).square() > CLEAR**2 * variance).any():
        return math.inf
    kept = feature.bincount(minlength=len(kinds)) > 1  # in a single story: the same whatever the sign
    if not kept.any():
        return math.inf
    some, kind = kinds[kept].unique(return_inverse=True)
    taken = kept[feature]
    row, story = (kept.cumsum(0) - 1)[feature[taken]], story[taken]
    value = value[taken] * variance[feature[taken]].rsqrt()
    starts = torch.searchsorted(row, torch.arange(0, len(kind) + ROWS, ROWS)).tolist()
    sums, largest = torch.zeros(len(some), signs.shape[1]), torch.zeros(1, signs.shape[1])
    for first, start, end in zip(range(0, len(kind), ROWS), starts, starts[1:], strict=False):
        index = torch.stack([row[start:end] - first, story[start:end]])
        size = (min(ROWS, len(kind) - first), len(signs))
        some_rows = torch.sparse_coo_tensor(index, value[start:end], size, is_coalesced=True, check_invariants=False)
        squares = torch.sparse.mm(some_rows, signs).square()
        sums.index_add_(0, kind[first : first + ROWS], squares)
        largest = torch.maximum(largest, squares.amax(0, keepdim=True))
    # the cube root of a sum of squares is nearly normal (Wilson and Hilferty, 1931)
    statistics = torch.cat([sums, largest]).pow(1 / 3)
    random_ones = statistics[:, 1:]
    return float(((statistics[:, 0] - random_ones.mean(1)) / (random_ones.std(1) + 0.01)).max())
