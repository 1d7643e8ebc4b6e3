"""Gates that know the order of facts: of the open ones only the latest counts, or the earliest."""

import enum
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from dmn_cli.model.gate import SOFTMAX, Weighting, categorical_cross_entropy


class Order(enum.Enum):
    """Which of a question's open gates counts, as the training stories say."""

    LATEST = "latest"
    EARLIEST = "earliest"
    NONE = "none"  # no fact overrides another: a softmax


NEVER = -1e4
"""The logit of a gate that is shut; finite, so that its gradient is 0 and not NaN."""


def by_order(logits: Tensor, earliest: bool = False) -> Tensor:
    """Each fact's weight where the latest open gate counts: ``g_t Π_{u>t} (1 − g_u)`` with g = σ(logit).

    This is what is left of c_t at the end of the episode h_t = g_t c_t + (1 − g_t) h_{t−1}. So the gate of a fact need
    not know whether a later fact overrides it.

    Args:
        logits: (A, T) of the gates, −∞ where there is no fact.
        earliest: go through the story backward, so that the earliest open gate counts.

    Returns:
        (A, T) logarithms, −∞ where there is no fact. The weights of a question sum to 1 less the chance that no gate is
        open.
    """
    none = logits.isneginf()
    logits = logits.masked_fill(none, NEVER)
    closed = F.logsigmoid(-logits)
    up_to = closed.cumsum(1)
    overridden = up_to - closed if earliest else up_to[:, -1:] - up_to
    return (F.logsigmoid(logits) + overridden).masked_fill(none, -torch.inf)


BY_ORDER = {
    Order.LATEST: Weighting(by_order, categorical_cross_entropy),
    Order.EARLIEST: Weighting(partial(by_order, earliest=True), categorical_cross_entropy),
    Order.NONE: SOFTMAX,
}
