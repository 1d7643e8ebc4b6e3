"""The episode: what a pass sums up (arXiv 1506.07285, §2.3)."""

from collections.abc import Callable
from typing import Protocol

from torch import Tensor, nn

from dmn_cli.batch import Packed
from dmn_cli.model.gru import GRU

Episode = Callable[[Packed, Tensor], Tensor]
"""From rows and their gates g (N,) to the episode e (Q, H) of one pass."""


class Summary(Protocol):
    """What the memory needs of an episode module: GatedGRU.of."""

    def of(self, facts: Tensor) -> Episode: ...


class GatedGRU(nn.Module):
    """Eq. 7 and 8: h_t = g_t GRU(c_t, h_{t−1}) + (1 − g_t) h_{t−1} with h_0 = 0, and e is the last h.

    Args:
        hidden_size: H.
    """

    def __init__(self, hidden_size: int):
        super().__init__()
        self.gru = GRU(hidden_size, hidden_size)

    def step(self, c: Tensor, h: Tensor, g: Tensor) -> Tensor:
        """h_t of every row: c_t (N, H), h_{t−1} (N, H), g_t (N, 1) → (N, H)."""
        return g * self.gru.step(c, h) + (1 - g) * h

    def of(self, facts: Tensor) -> Episode:
        """The episodes over facts (F, H), whose projections are the same in every pass."""
        inputs = self.gru.project(facts)
        return lambda rows, g: self.gru(inputs, rows, gate=g)[1]


class WeightedSum(nn.Module):
    """e = Σ_t g_t c_t: the paper's other choice, with a softmax over the facts (§4.1)."""

    def of(self, facts: Tensor) -> Episode:
        """The episodes over facts (F, H)."""

        def episode(rows: Packed, g: Tensor) -> Tensor:
            weighted = g[:, None] * facts[rows.index]
            return weighted.new_zeros(rows.count, facts.shape[1]).index_add(0, rows.sequence, weighted)

        return episode
