"""A gate that sees more than z: further terms of every row, which change from pass to pass."""

from functools import reduce
from typing import Protocol

import torch
from torch import Tensor, nn

from dmn_cli.batch import Batch, Packed
from dmn_cli.model.fast.gate import FactoredGate
from dmn_cli.model.gate import Gate


class Terms(Protocol):
    """Further terms of one batch."""

    def __call__(self, g: Tensor | None) -> Tensor | None:
        """The terms (N, K) before a pass, from what the rows counted in the pass before (N,); None: nothing yet."""

    def select(self, rows: Packed, kept: Tensor) -> "Terms":
        """Those of some questions: their rows, and which of the former rows (n,) these are."""


class FurtherTerms(nn.Linear):
    """Further terms (N, K) and their columns of W1, (H, K)."""

    def of(self, rows: Packed, batch: Batch) -> Terms:
        """The terms of a batch."""
        raise NotImplementedError

    def start(self, gate: Gate) -> None:
        """Initialise the gate for these terms. Does nothing unless overridden."""


class SeeingGate(nn.Module):
    """G = W2 tanh(W1 z + Σ W' z' + b1) + b2 with further terms z'.

    Args:
        gate: the gate over z.
        further: the terms z' by name.
    """

    def __init__(self, gate: Gate, further: dict[str, FurtherTerms]):
        super().__init__()
        self.further, self.gate = nn.ModuleDict(further), gate
        for terms in further.values():
            terms.start(gate)

    def of(self, facts: Tensor, q: Tensor, rows: Packed, batch: Batch) -> "_Seeing":
        """The gates of a batch, see Gate.of."""
        further = [(layer, layer.of(rows, batch)) for layer in self.further.values() if isinstance(layer, FurtherTerms)]
        return _Seeing(self.gate.of(facts, q, rows, batch), further)


class _Seeing:
    def __init__(self, gates: FactoredGate, further: list[tuple[FurtherTerms, Terms]]):
        self.gates, self.further = gates, further

    def __call__(self, m: Tensor, g: Tensor | None) -> Tensor:
        seen = [(layer, terms(g)) for layer, terms in self.further]
        added = [layer(terms) for layer, terms in seen if terms is not None]
        return self.gates.logits(m, reduce(torch.add, added) if added else None)

    def select(self, rows: Packed, kept: Tensor) -> "_Seeing":
        further = [(layer, terms.select(rows, kept)) for layer, terms in self.further]
        return _Seeing(self.gates.select(rows, kept), further)


class Looked(FurtherTerms):
    """Where the last pass looked: how much the facts after this one counted, this one, and those before it.

    Args:
        hidden_size: H.
    """

    def __init__(self, hidden_size: int):
        super().__init__(3, hidden_size, bias=False)

    def of(self, rows: Packed, batch: Batch) -> "_Looked":
        """The terms of a batch."""
        return _Looked(rows)


class _Looked:
    def __init__(self, rows: Packed):
        self.rows = rows

    def __call__(self, g: Tensor | None) -> Tensor | None:
        if g is None:
            return None
        weights = self.rows.padded(g, 0.0)
        up_to = weights.cumsum(1)
        terms = torch.stack([up_to[:, -1:] - up_to, weights, up_to - weights], 2)
        return terms[self.rows.sequence, self.rows.step]

    def select(self, rows: Packed, kept: Tensor) -> "_Looked":
        return _Looked(rows)
