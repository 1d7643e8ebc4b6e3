"""The gate of the episodic memory (arXiv 1506.07285, §2.3): how much a fact counts in a pass."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dmn_cli.batch import Batch, Packed
from dmn_cli.model.fast.gate import FactoredGate


def z(c: Tensor, m: Tensor, q: Tensor, Wb: Tensor) -> Tensor:
    """z(c, m, q), eq. 5: how a fact, the memory and the question relate.

    Args:
        c, m, q: (N, H) fact, memory and question of every row.
        Wb: (H, H), the same in both bilinear terms.

    Returns:
        (N, 7H + 2)
    """
    terms = [c, m, q, c * q, c * m, (c - q).abs(), (c - m).abs(), _dot(c, q @ Wb.T), _dot(c, m @ Wb.T)]
    return torch.cat(terms, 1)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(1, keepdim=True)


class Gates(Protocol):
    """The gates of one batch."""

    def __call__(self, m: Tensor, g: Tensor | None) -> Tensor:
        """The logits (N,) of all rows, from the memories m (Q, H).

        ``g`` (N,) is what the rows counted in the pass before, None in the first. The paper's gate does not look at it.
        """

    def select(self, rows: Packed, kept: Tensor) -> "Gates":
        """The gates of some questions: their rows, and which of the former rows (n,) these are."""


class Attention(Protocol):
    """What the memory needs of a gate: Gate.of."""

    def of(self, facts: Tensor, q: Tensor, rows: Packed, batch: Batch) -> Gates: ...


class Gate(nn.Module):
    """The gate of eq. 6 before its sigmoid or softmax: G(c, m, q) = W2 tanh(W1 z(c, m, q) + b1) + b2.

    Args:
        hidden_size: H.
    """

    def __init__(self, hidden_size: int):
        super().__init__()
        self.W1 = nn.Linear(self.size(hidden_size), hidden_size)
        self.W2 = nn.Linear(hidden_size, 1)
        self.Wb = self.bilinear(hidden_size)
        nn.init.xavier_uniform_(self.W1.weight)
        nn.init.xavier_uniform_(self.W2.weight)
        nn.init.zeros_(self.W1.bias)
        nn.init.zeros_(self.W2.bias)
        if self.Wb is not None:
            nn.init.xavier_uniform_(self.Wb)

    @staticmethod
    def size(hidden_size: int) -> int:
        """The length of z."""
        return 7 * hidden_size + 2

    @staticmethod
    def bilinear(hidden_size: int) -> nn.Parameter | None:
        """Wb (H, H), for the gates that have one."""
        return nn.Parameter(torch.empty(hidden_size, hidden_size))

    def z(self, c: Tensor, m: Tensor, q: Tensor) -> Tensor:
        """z of every row, (N, H) each → (N, 7H + 2)."""
        assert self.Wb is not None
        return z(c, m, q, self.Wb)

    def forward(self, c: Tensor, m: Tensor, q: Tensor) -> Tensor:
        """G of every row: fact, memory, question (N, H) each → (N,)."""
        G: Tensor = self.W2(torch.tanh(self.W1(self.z(c, m, q))))
        return G.squeeze(1)

    def of(self, facts: Tensor, q: Tensor, rows: Packed, batch: Batch) -> FactoredGate:
        """``forward`` for the rows of a batch, pass by pass, with nothing computed twice; see fast.gate.

        Args:
            facts: (F, H).
            q: (Q, H) the questions.
            rows: the facts of each question.
            batch: what facts and questions were read from; further terms of a gate need it.
        """
        return FactoredGate(facts, q, rows, self.W1, self.W2, self.Wb)


class Weighting(NamedTuple):
    """How the logits of a pass become gates, and the loss that teaches them.

    Attributes:
        log_g: logits (A, T) → the logarithm of the gates g (A, T). A logit of −∞ is no fact.
        cross_entropy: logits, log g, and target (A, T), 1 at the facts to attend to → the sum over the questions that
            have a target, in nats.
    """

    log_g: Callable[[Tensor], Tensor]
    cross_entropy: Callable[[Tensor, Tensor, Tensor], Tensor]


def sigmoid(logits: Tensor) -> Tensor:
    """log g with g = σ(G), every fact by itself: (A, T) → (A, T)."""
    return F.logsigmoid(logits)


def softmax(logits: Tensor) -> Tensor:
    """log g with g = softmax(G) over the facts of a question: (A, T) → (A, T)."""
    return logits.log_softmax(1)


def binary_cross_entropy(logits: Tensor, log_g: Tensor, target: Tensor) -> Tensor:
    """Every gate by itself: −Σ_t [y_t log g_t + (1 − y_t) log (1 − g_t)]."""
    taught = _taught(target) & (logits > -torch.inf)
    return F.binary_cross_entropy_with_logits(logits[taught], target[taught], reduction="sum")


def categorical_cross_entropy(logits: Tensor, log_g: Tensor, target: Tensor) -> Tensor:
    """All gates of a question together: −Σ_t y_t log g_t, with Σ_t y_t = 1."""
    taught = _taught(target) & (logits > -torch.inf)
    target = target / target.sum(1, keepdim=True).clamp(min=1)
    return -(target[taught] * log_g[taught]).sum()


def _taught(target: Tensor) -> Tensor:
    return (target.sum(1, keepdim=True) > 0).expand_as(target)


SIGMOID = Weighting(sigmoid, binary_cross_entropy)
"""g = σ(G), eq. 6: every fact by itself."""

SOFTMAX = Weighting(softmax, categorical_cross_entropy)
"""g = softmax(G) over the facts: the paper's other choice, for gates that are taught (§4.1)."""
