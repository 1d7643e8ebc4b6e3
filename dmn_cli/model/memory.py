"""The episodic memory: passes over the facts, each gated by question and memory (arXiv 1506.07285, §2.3)."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from dmn_cli.batch import Batch, Packed
from dmn_cli.model.episode import Summary
from dmn_cli.model.gate import Attention, Gates, Weighting
from dmn_cli.model.gru import GRU


class Pass(NamedTuple):
    """One pass over the facts, of the questions that had not stopped before it.

    Attributes:
        asked: (A,) these questions.
        logits: (A, T) of the gates, −∞ after a question's last fact.
        log_weights: (A, T) the logarithm of what each fact counts, 0 to 1; −∞ there too.
    """

    asked: Tensor
    logits: Tensor
    log_weights: Tensor


class Recall(NamedTuple):
    """What the memory made of a batch.

    Attributes:
        memory: (Q, H) after the last pass of each question.
        passes: what each pass attended to.
        hops: (Q,) how many passes changed the question's memory.
    """

    memory: Tensor
    passes: list[Pass]
    hops: Tensor


class Update(Protocol):
    """A memory update, see MemoryGRU."""

    def __call__(self, k: int, m: Tensor, e: Tensor, q: Tensor) -> Tensor: ...


class MemoryGRU(nn.Module):
    """The memory update (§2.3): m^k = GRU(e^k, m^{k−1}).

    Args:
        hidden_size: H.
    """

    def __init__(self, hidden_size: int):
        super().__init__()
        self.gru = GRU(hidden_size, hidden_size)

    def forward(self, k: int, m: Tensor, e: Tensor, q: Tensor) -> Tensor:
        """m^k (Q, H) from the number of the pass (from 0), m^{k−1}, e^k and q, (Q, H) each."""
        return self.gru.cell(e, m)


class EpisodicMemory(nn.Module):
    """Passes k = 1 … P over the facts; m^0 = q.

        g_t^k = σ(G(c_t, m^{k−1}, q))       gate, or a softmax over t
        e^k   = episode(c, g^k)             episode
        m^k   = update(m^{k−1}, e^k, q)     update

    Args:
        gate: G.
        weighting: from G to g.
        episode: e.
        update: m, a module as MemoryGRU.
        passes: P, the most passes.
        hidden_size: H.
        end_of_passes: append a fact that means: enough. A question's passes stop when its gates pick it.
        first_taught: the first pass that the supporting facts teach, and the first in which a question may stop. It is
            0 in the paper.
    """

    def __init__(
        self,
        gate: Attention,
        weighting: Weighting,
        episode: Summary,
        update: Update,
        *,
        passes: int,
        hidden_size: int,
        end_of_passes: bool,
        first_taught: int = 0,
    ):
        super().__init__()
        self.passes, self.hidden_size, self.first_taught = passes, hidden_size, first_taught
        self.weighting = weighting
        self.gate, self.episode, self.update = gate, episode, update
        self.end = nn.Parameter(torch.randn(1, hidden_size) / hidden_size**0.5) if end_of_passes else None

    def forward(
        self, facts: Tensor, question: Tensor, batch: Batch, rows: Packed, hops: Tensor | None = None
    ) -> Recall:
        """Attend, sum up and remember, pass by pass.

        Args:
            facts: (F, H).
            question: (Q, H).
            batch: what they were read from.
            rows: the facts of each question; index F is the end-of-passes fact.
            hops: (Q,) in training, how many passes each question is to have; none: its gates decide.
        """
        if self.end is not None:
            facts = torch.cat([facts, self.end])
        gates: Gates = self.gate.of(facts, question, rows, batch)
        episode = self.episode.of(facts)

        m = question
        made = torch.zeros(len(question), dtype=torch.long, device=question.device)
        asked = torch.arange(len(question), device=question.device)
        passes: list[Pass] = []
        g: Tensor | None = None
        for k in range(self.passes):
            logits = rows.padded(gates(_rows(m, asked), g), -torch.inf)
            log_g = self.weighting.log_g(logits)
            passes.append(Pass(asked, logits, log_g))
            if self.end is not None and k >= self.first_taught:
                stops = _picks_last(log_g, rows) if hops is None else hops[asked] <= k
                if stops.any():
                    asked, log_g = asked[~stops], log_g[~stops]
                    rows, kept = rows.select(~stops)
                    gates = gates.select(rows, kept)
                    if not len(asked):
                        break
            g = log_g.exp()[rows.sequence, rows.step]
            e = episode(rows, g)
            updated = self.update(k, _rows(m, asked), e, _rows(question, asked))
            m = updated if len(asked) == len(m) else m.index_copy(0, asked, updated)
            made = made.index_add(0, asked, torch.ones_like(asked))
        return Recall(m, passes, made)


def _picks_last(log_g: Tensor, rows: Packed) -> Tensor:
    """(A,) whether a question's gates pick its last fact, the end of passes."""
    return log_g.argmax(1) == rows.lengths() - 1


def _rows(table: Tensor, asked: Tensor) -> Tensor:
    """The rows of these questions, which are in order; the table itself if they are all."""
    return table if len(asked) == len(table) else table[asked]
