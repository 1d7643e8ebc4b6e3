"""The gate in factors, for packed rows.

W1 z is linear in z, so its columns are used piece by piece: what c and q alone decide once per batch, what m decides
once per pass, and only the terms of c with m for every row in every pass.
"""

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from dmn_cli.batch import Packed
from dmn_cli.model.fast import kernels


class FactoredGate:
    """The gates of one batch: G(c, m, q) = W2 tanh(W1 z + b1) + b2 for every row, see model.gate.

    Args:
        facts: (F, H).
        q: (Q, H) the questions.
        rows: the facts of each question.
        W1: over z of nine terms (arXiv 1506.07285, eq. 5), or without ``Wb`` of four (arXiv 1603.01417, eq. 8).
        W2: from its hidden units to a logit.
        Wb: (H, H) of the bilinear terms.
    """

    def __init__(self, facts: Tensor, q: Tensor, rows: Packed, W1: nn.Linear, W2: nn.Linear, Wb: Tensor | None):
        self.rows = rows
        self.kept: Tensor | None = None
        self.batch = _Batch(facts.detach(), rows, W1, W2, Wb)
        parameters = W1.weight, W1.bias, W2.weight, W2.bias, Wb
        self.per_row: Tensor = _First.apply(self.batch, facts, q, *parameters)  # type: ignore[no-untyped-call]

    def __call__(self, m: Tensor, g: Tensor | None = None) -> Tensor:
        """The logits (N,) of all rows: memories (Q, H)."""
        return self.logits(m)

    def logits(self, m: Tensor, further: Tensor | None = None) -> Tensor:
        """The same, where W1 z + b1 has ``further`` (N, G) added to it."""
        logits: Tensor = _Logits.apply(self.batch, self.rows, self.kept, self.per_row, m, further)  # type: ignore[no-untyped-call]
        return logits

    def select(self, rows: Packed, kept: Tensor) -> "FactoredGate":
        """The gates of some questions: their rows, and which of the former rows (n,) these are."""
        selected = copy.copy(self)
        selected.rows, selected.kept = rows, kept if self.kept is None else self.kept[kept]
        return selected


class Terms(NamedTuple):
    """W1 z + b1 of every row, in parts: those of a fact f with a vector v, and what is added to them.

    Attributes:
        facts: (C, H).
        other: (Q, H) the vectors v: the questions or the memories.
        both: (Q, G + H) what is added to all rows of a question, and Wb v; None: neither.
        fact, question: (N,) int64, those of the row.
        W1: (G, …).
        columns: where in W1 those for f ∘ v start, those for |f − v|, and that for fᵀ Wb v; negative: there is none.
        per_fact: (C, G) added to all rows of a fact; or None.
        bias: (G,) added to all rows; or None.
        once: (M, G) added to the rows: row n is ``kept[n]`` here, or n if ``kept`` (N,) is None; or None.
        kept: int64.
        further: (N, G) added to the rows; or None.
        w2, b2: (G,) and (1,), for the logits w2 · tanh(W1 z + b1) + b2; or None.
    """

    facts: Tensor
    other: Tensor
    both: Tensor | None
    fact: Tensor
    question: Tensor
    W1: Tensor
    columns: tuple[int, int, int]
    per_fact: Tensor | None = None
    bias: Tensor | None = None
    once: Tensor | None = None
    kept: Tensor | None = None
    further: Tensor | None = None
    w2: Tensor | None = None
    b2: Tensor | None = None


class Sums(NamedTuple):
    """The gradients of ``Terms``, of the same shapes. They are added to; but that of ``further`` is only written."""

    facts: Tensor
    other: Tensor
    both: Tensor | None
    W1: Tensor
    per_fact: Tensor | None = None
    bias: Tensor | None = None
    once: Tensor | None = None
    further: Tensor | None = None
    w2: Tensor | None = None
    b2: Tensor | None = None


class _Total(NamedTuple):
    """What all passes of a batch add to on the way back: the gradients of what they share."""

    facts: Tensor
    once: Tensor
    W1: Tensor
    b1: Tensor
    w2: Tensor
    b2: Tensor
    Wb: Tensor | None
    of_m: Tensor | None


class _Batch:
    """What the passes of a batch share. On the way back each adds to the same gradients, and ``_First``, which is the
    last there, hands them out: none is made anew for a pass.
    """

    def __init__(self, facts: Tensor, rows: Packed, W1: nn.Linear, W2: nn.Linear, Wb: Tensor | None):
        hidden = facts.shape[1]
        self.facts, self.fact, self.question = facts.contiguous(), rows.index.contiguous(), rows.sequence.contiguous()
        self.W1, self.b1, self.w2 = W1.weight.detach().contiguous(), W1.bias.detach(), W2.weight.detach().reshape(-1)
        self.b2, self.Wb = W2.bias.detach(), None if Wb is None else Wb.detach()
        self.compiled = kernels.usable(facts, self.W1, self.b1, self.w2, self.b2, self.Wb)
        self.of_q, self.of_m = None, None
        self.with_q, self.with_m = (0, 2 * hidden, -1), (hidden, 3 * hidden, -1)
        if self.Wb is not None:
            self.of_q, self.of_m = (torch.cat([self.W1[:, at * hidden : (at + 1) * hidden], self.Wb]) for at in (2, 1))
            self.with_q = 3 * hidden, 5 * hidden, 7 * hidden
            self.with_m = 4 * hidden, 6 * hidden, 7 * hidden + 1
        self.backward = -1
        self.sums: _Total | None = None

    def total(self) -> _Total:
        """The gradients that this way back adds to."""
        backward = torch._C._current_graph_task_id()
        if self.sums is None or self.backward != backward:  # one that was not gone to its end leaves something here
            facts, *parameters = _zeros(self.facts, self.W1, self.b1, self.w2, self.b2, self.Wb, self.of_m)
            self.sums = _Total(facts, facts.new_zeros(self.fact.shape[0], self.W1.shape[0]), *parameters)
            self.backward = backward
        return self.sums


class _First(torch.autograd.Function):
    """W1 z + b1 without the terms of m, (N, G)."""

    @staticmethod
    def forward(ctx: Any, batch: _Batch, facts: Tensor, q: Tensor, *parameters: Tensor | None) -> Tensor:
        ctx.batch = batch
        both = None if batch.of_q is None else q @ batch.of_q.T
        per_fact = None if batch.of_q is None else facts @ batch.W1[:, : facts.shape[1]].T
        ctx.terms = Terms(
            *(
                batch.facts,
                q.detach().contiguous(),
                both,
                batch.fact,
                batch.question,
                batch.W1,
                batch.with_q,
                per_fact,
                batch.b1,
            )
        )
        ctx.set_materialize_grads(False)
        return (kernels.gate_forward if batch.compiled else _forward)(ctx.terms)[0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_first: Tensor | None) -> tuple[Tensor | None, ...]:
        batch, terms = ctx.batch, ctx.terms
        total = batch.total()
        if d_first is not None:
            total.once.add_(d_first)
        d_q, d_both, d_per_fact = _zeros(terms.other, terms.both, terms.per_fact)
        sums = Sums(total.facts, d_q, d_both, total.W1, per_fact=d_per_fact, bias=total.b1)
        (kernels.gate_backward if batch.compiled else _backward)(total.once, terms, None, sums)
        if terms.both is not None:
            units, hidden = batch.W1.shape[0], d_q.shape[1]
            d_q.addmm_(d_both, batch.of_q)
            total.facts.addmm_(d_per_fact, batch.W1[:, :hidden])
            total.W1[:, :hidden].addmm_(d_per_fact.T, terms.facts)
            total.W1[:, hidden : 2 * hidden].add_(total.of_m[:units])
            total.W1[:, 2 * hidden : 3 * hidden].addmm_(d_both[:, :units].T, terms.other)
            total.Wb.add_(total.of_m[units:]).addmm_(d_both[:, units:].T, terms.other)
        batch.sums = None
        return None, total.facts, d_q, total.W1, total.b1, total.w2[None], total.b2, total.Wb


class _Logits(torch.autograd.Function):
    """The logits of one pass, (N,). The gradients of all but m and ``further`` go by way of ``_Batch``."""

    @staticmethod
    def forward(
        ctx: Any,
        batch: _Batch,
        rows: Packed,
        kept: Tensor | None,
        per_row: Tensor,
        m: Tensor,
        further: Tensor | None,
    ) -> Tensor:
        both = None if batch.of_m is None else m @ batch.of_m.T
        if further is not None:
            further = kernels.checked(further, rows.index.shape[0], batch.W1.shape[0])
        m = kernels.checked(m.detach(), m.shape[0], batch.facts.shape[1])
        terms = Terms(
            *(batch.facts, m, both, rows.index.contiguous(), rows.sequence.contiguous(), batch.W1, batch.with_m),
            once=per_row.detach(),
            kept=kept,
            further=further,
            w2=batch.w2,
            b2=batch.b2,
        )
        first, logits = (kernels.gate_forward if batch.compiled else _forward)(terms)
        ctx.batch, ctx.terms, ctx.first = batch, terms, first
        return logits

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_logits: Tensor) -> tuple[Tensor | None, ...]:
        batch, terms = ctx.batch, ctx.terms
        total = batch.total()
        d_m, d_both = _zeros(terms.other, terms.both)
        d_further = None if terms.further is None else terms.further.new_empty(terms.further.shape)
        sums = Sums(*(total.facts, d_m, d_both, total.W1), once=total.once, further=d_further, w2=total.w2, b2=total.b2)
        (kernels.gate_backward if batch.compiled else _backward)(d_logits, terms, ctx.first, sums)
        if d_both is not None:
            d_m.addmm_(d_both, batch.of_m)
            total.of_m.addmm_(d_both.T, terms.other)
        return None, None, None, None, d_m, d_further


def _zeros(*tensors: Tensor | None) -> list[Any]:
    return [None if tensor is None else tensor.new_zeros(tensor.shape) for tensor in tensors]  # contiguous


def _forward(terms: Terms) -> tuple[Tensor, Tensor]:
    """W1 z + b1 (N, G), with ``w2`` its tanh; and the logits (N,), none without ``w2``."""
    fact, question, both, units = terms.fact, terms.question, terms.both, len(terms.W1)
    first = _features(terms) @ _columns(terms).T
    for table, index in ((terms.per_fact, fact), (terms.once, terms.kept), (terms.further, None), (terms.bias, None)):
        if table is not None:
            first += table if index is None else table[index]
    if both is not None:
        first += both[:, :units][question]
    if terms.w2 is None or terms.b2 is None:
        return first, first.new_empty(0)
    return first.tanh_(), first @ terms.w2 + terms.b2


def _backward(d_out: Tensor, terms: Terms, first: Tensor | None, sums: Sums) -> None:
    """Add to the gradients of ``terms``; ``first`` is what ``_forward`` gave with ``w2``."""
    (units, _), hidden = terms.W1.shape, terms.facts.shape[1]
    fact, question, both = terms.fact, terms.question, terms.both
    d_first = d_out
    if terms.w2 is not None and first is not None and sums.w2 is not None and sums.b2 is not None:
        d_first = d_out[:, None] * terms.w2 * (1 - first * first)
        sums.w2.add_(d_out @ first)
        sums.b2.add_(d_out.sum())
    if sums.per_fact is not None:
        sums.per_fact.index_add_(0, fact, d_first)
    if sums.bias is not None:
        sums.bias.add_(d_first.sum(0))
    if sums.once is not None:
        sums.once.index_add_(0, terms.kept, d_first) if terms.kept is not None else sums.once.add_(d_first)
    if sums.further is not None:
        sums.further.copy_(d_first)

    product, difference, dot = terms.columns
    d_weight = d_first.T @ _features(terms)
    sums.W1[:, product : product + hidden].add_(d_weight[:, :hidden])
    sums.W1[:, difference : difference + hidden].add_(d_weight[:, hidden : 2 * hidden])
    d_features = d_first @ _columns(terms)
    f, v = terms.facts[fact], terms.other[question]
    d_product, d_difference = d_features[:, :hidden], d_features[:, hidden : 2 * hidden] * (f - v).sign_()
    d_f = torch.addcmul(d_difference, d_product, v)
    sums.other.index_add_(0, question, torch.addcmul(-d_difference, d_product, f))
    if both is not None and sums.both is not None:
        sums.W1[:, dot].add_(d_weight[:, -1])
        d_dot = d_features[:, 2 * hidden :]
        d_f.addcmul_(d_dot, both[:, units:][question])
        sums.both.index_add_(0, question, torch.cat([d_first, d_dot * f], 1))
    sums.facts.index_add_(0, fact, d_f)


def _features(terms: Terms) -> Tensor:
    """The terms of z looked at, (N, 2H + 1): ``[f ∘ v, |f − v|, fᵀ Wb v]``. The derivative of |x| at 0 is 0."""
    f, v = terms.facts[terms.fact], terms.other[terms.question]
    features = [f * v, (f - v).abs_()]
    if terms.both is not None:
        features.append((f * terms.both[:, len(terms.W1) :][terms.question]).sum(1, keepdim=True))
    return torch.cat(features, 1)


def _columns(terms: Terms) -> Tensor:
    """Their columns of W1, (G, 2H + 1)."""
    (product, difference, dot), hidden = terms.columns, terms.facts.shape[1]
    ends = [(product, product + hidden), (difference, difference + hidden), *[(dot, dot + 1)] * (dot >= 0)]
    return torch.cat([terms.W1[:, start:end] for start, end in ends], 1)
