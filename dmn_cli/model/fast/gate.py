"""The gate in factors, for packed rows.

W1 z is linear in z, so its columns are used piece by piece: what c and q alone decide once per batch, what m decides
once per pass, and only the terms of c with m for every row in every pass.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

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
        self.facts, self.rows, self.W2, self.Wb = facts, rows, W2, Wb
        hidden = facts.shape[1]
        at = rows.index, rows.sequence
        self.W_m: Tensor | None
        if Wb is None:
            cq, cm, dq, dm = W1.weight.split([hidden] * 4, dim=1)
            bias = W1.bias.expand(len(q), -1)
            self.per_row = pair(facts, q, None, *at, torch.cat([cq, dq], 1), per_question=bias)
            self.W_pair, self.W_m = torch.cat([cm, dm], 1), None
        else:
            c, m, of_q, cq, cm, dq, dm, bq, bm = W1.weight.split([hidden] * 7 + [1] * 2, dim=1)
            self.per_row = pair(
                facts,
                q,
                F.linear(q, Wb),
                *at,
                torch.cat([cq, dq, bq], 1),
                per_fact=F.linear(facts, c),
                per_question=F.linear(q, of_q, W1.bias),
            )
            self.W_pair, self.W_m = torch.cat([cm, dm, bm], 1), m

    def __call__(self, m: Tensor, g: Tensor | None = None) -> Tensor:
        """The logits (N,) of all rows: memories (Q, H)."""
        return self.logits(m)

    def logits(self, m: Tensor, further: Tensor | None = None) -> Tensor:
        """The same, where W1 z + b1 has ``further`` (N, G) added to it."""
        return gate_logits(
            self.facts,
            m,
            F.linear(m, self.Wb) if self.Wb is not None else None,
            self.rows.index,
            self.rows.sequence,
            self.W_pair,
            self.per_row if further is None else self.per_row + further,
            F.linear(m, self.W_m) if self.W_m is not None else None,
            self.W2.weight.squeeze(0),
            self.W2.bias,
        )

    def select(self, rows: Packed, kept: Tensor) -> "FactoredGate":
        """The gates of some questions: their rows, and which of the former rows (n,) these are."""
        selected = copy.copy(self)
        selected.rows, selected.per_row = rows, self.per_row[kept]
        return selected


def pair(
    facts: Tensor,
    other: Tensor,
    bilinear: Tensor | None,
    fact: Tensor,
    question: Tensor,
    weight: Tensor,
    per_fact: Tensor | None = None,
    per_question: Tensor | None = None,
) -> Tensor:
    """The gate's first layer over the features of a fact f and a vector v: ``[f ∘ v, |f − v|, fᵀ Wb v] weightᵀ``.

    The features (N, 2H + 1) are not kept: the backward pass computes them again. The derivative of |x| at 0 is 0.

    Args:
        facts: (C, H).
        other: (Q, H), the vectors v: the questions or the memories.
        bilinear: (Q, H), Wb v for every v; None leaves the last feature out.
        fact: (N,) int64, the row's fact.
        question: (N,) int64, the row's question.
        weight: (G, 2H + 1), or (G, 2H) without ``bilinear``.
        per_fact: (C, G), added to the rows of each fact; or None.
        per_question: (Q, G), added to the rows of each question; or None.

    Returns:
        (N, G)
    """
    first: Tensor = _Pair.apply(  # type: ignore[no-untyped-call]
        facts, other, bilinear, fact, question, weight, per_fact, per_question
    )
    return first


def gate_logits(
    facts: Tensor,
    memory: Tensor,
    bilinear: Tensor | None,
    fact: Tensor,
    question: Tensor,
    weight: Tensor,
    once: Tensor,
    per_question: Tensor | None,
    w2: Tensor,
    b2: Tensor,
) -> Tensor:
    """The logit of every row's gate (arXiv 1506.07285, eq. 6, before the sigmoid): ``w2 · tanh(W1 z + b1) + b2``.

    ``W1 z + b1`` is linear in z, so it is a sum of what does not change between passes (``once``), what is the same
    for all facts of a question (``per_question``) and the terms of a fact with the memory (``pair``).

    Args:
        facts, memory, bilinear, fact, question, weight, per_question: as in ``pair``.
        once: (N, G).
        w2: (G,).
        b2: a scalar, or one element.

    Returns:
        (N,)
    """
    logits: Tensor = _GateLogits.apply(  # type: ignore[no-untyped-call]
        facts, memory, bilinear, fact, question, weight, None, per_question, once, w2, b2.reshape(1)
    )
    return logits


class _Pair(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *args: Any) -> Tensor:
        ctx.compiled = _compiled(*args)
        ctx.save_for_backward(*args)
        return (kernels.gate_forward if ctx.compiled else _forward)(*args)[0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_first: Tensor) -> tuple[Any, ...]:
        return (kernels.gate_backward if ctx.compiled else _backward)(d_first, *ctx.saved_tensors)[:8]


class _GateLogits(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *args: Any) -> Tensor:
        ctx.compiled = _compiled(*args)
        first, logits = (kernels.gate_forward if ctx.compiled else _forward)(*args)
        ctx.save_for_backward(*args, first)
        return logits

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_logits: Tensor) -> tuple[Any, ...]:
        return (kernels.gate_backward if ctx.compiled else _backward)(d_logits, *ctx.saved_tensors)


def _compiled(*args: Tensor | None) -> bool:
    return kernels.usable(*(tensor for tensor in args if tensor is not None and tensor.is_floating_point()))


def _forward(
    facts: Tensor,
    other: Tensor,
    bilinear: Tensor | None,
    fact: Tensor,
    question: Tensor,
    weight: Tensor,
    per_fact: Tensor | None,
    per_question: Tensor | None,
    once: Tensor | None = None,
    w2: Tensor | None = None,
    b2: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The first layer (N, G), before its tanh without ``w2``; and the logits (N,), none without ``w2``."""
    features = _features(facts, other, bilinear, fact, question)
    first = features @ weight.T if once is None else torch.addmm(once, features, weight.T)
    if per_fact is not None:
        first += per_fact[fact]
    if per_question is not None:
        first += per_question[question]
    if w2 is None or b2 is None:
        return first, first.new_empty(0)
    return first.tanh_(), first @ w2 + b2


def _backward(
    d_out: Tensor,
    facts: Tensor,
    other: Tensor,
    bilinear: Tensor | None,
    fact: Tensor,
    question: Tensor,
    weight: Tensor,
    per_fact: Tensor | None,
    per_question: Tensor | None,
    once: Tensor | None = None,
    w2: Tensor | None = None,
    b2: Tensor | None = None,
    first: Tensor | None = None,
) -> tuple[Tensor | None, ...]:
    """The gradients of all that ``_forward`` takes; ``first`` is what it gave with ``w2``."""
    hidden = facts.shape[1]
    d_first, d_w2, d_b2 = d_out, None, None
    if w2 is not None and first is not None:
        d_first, d_w2, d_b2 = d_out[:, None] * w2 * (1 - first * first), d_out @ first, d_out.sum(0, keepdim=True)
    d_per_fact = None if per_fact is None else torch.zeros_like(per_fact).index_add_(0, fact, d_first)
    d_per_question = None if per_question is None else torch.zeros_like(per_question).index_add_(0, question, d_first)

    d_weight = d_first.T @ _features(facts, other, bilinear, fact, question)
    d_features = d_first @ weight
    f, v = facts[fact], other[question]
    d_product, d_difference = d_features[:, :hidden], d_features[:, hidden : 2 * hidden] * (f - v).sign_()
    d_f = torch.addcmul(d_difference, d_product, v)
    d_v = torch.addcmul(-d_difference, d_product, f)
    d_bilinear = None
    if bilinear is not None:
        d_dot = d_features[:, 2 * hidden :]
        d_f.addcmul_(d_dot, bilinear[question])
        d_bilinear = torch.zeros_like(bilinear).index_add_(0, question, d_dot * f)
    d_facts = torch.zeros_like(facts).index_add_(0, fact, d_f)
    d_other = torch.zeros_like(other).index_add_(0, question, d_v)
    d_once = d_first if once is not None else None
    return d_facts, d_other, d_bilinear, None, None, d_weight, d_per_fact, d_per_question, d_once, d_w2, d_b2


def _features(facts: Tensor, other: Tensor, bilinear: Tensor | None, fact: Tensor, question: Tensor) -> Tensor:
    f, v = facts[fact], other[question]
    features = [f * v, (f - v).abs_()]
    if bilinear is not None:
        features.append((f * bilinear[question]).sum(1, keepdim=True))
    return torch.cat(features, 1)
