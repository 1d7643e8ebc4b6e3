"""What training minimises: J = α E(gates) + β E(answers) (arXiv 1506.07285, §2.5 and §4.1)."""

from typing import NamedTuple

import torch
from torch import Tensor

from dmn_cli.batch import Packed
from dmn_cli.model.memory import EpisodicMemory, Recall


class Loss(NamedTuple):
    """The two parts of J, in nats, each the mean over the questions of a batch."""

    gates: Tensor
    answers: Tensor

    def total(self, alpha: float, beta: float) -> Tensor:
        """J = α E(gates) + β E(answers). With β = 0 nothing is computed back through the answers."""
        return alpha * self.gates + beta * self.answers if beta else alpha * self.gates


def gate_loss(recall: Recall, supporting: Tensor, rows: Packed, memory: EpisodicMemory) -> Tensor:
    """E(gates): cross-entropy of each pass with its supporting fact, in nats, the mean over the questions.

    Pass k aims at the k-th supporting fact, the pass after the last of them at the end-of-passes fact. If there are
    more supporting facts than passes, the last pass aims at all that are left, in equal parts.

    Args:
        recall: what the memory attended to.
        supporting: (Q, K) steps of the supporting facts, −1 for none.
        rows: the facts of each question.
        memory: the module that made ``recall``.
    """
    hops = (supporting >= 0).sum(1)
    last = rows.lengths() - 1
    total = recall.memory.new_zeros(())
    for k, (asked, logits, log_g) in enumerate(recall.passes[memory.first_taught :]):
        is_last = k == memory.passes - memory.first_taught - 1
        aims = supporting[asked, k:] if is_last else supporting[asked, k : k + 1]
        if memory.end is not None:
            ends = torch.where(hops[asked] == k, last[asked], -1)
            aims = torch.cat([aims, ends[:, None]], 1)
        target = torch.zeros_like(logits).scatter_add(1, aims.clamp(min=0), (aims >= 0).to(logits.dtype))
        total = total + memory.weighting.cross_entropy(logits, log_g, target)
    return total / len(supporting)
