"""The episodic memory: passes over the facts, each gated by question and memory (arXiv 1506.07285, §2.3)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dmn_cli.batch import Packed
from dmn_cli.model.gate import gate_logits, pair
from dmn_cli.model.gru import GRU
from dmn_cli.model.shared import SharedWords


class Pass(NamedTuple):
    """One pass over the facts, of the questions that had not stopped before it.

    Attributes:
        asked: (A,) these questions.
        logits: (A, steps) of the gates, −∞ after a question's last fact.
        log_weights: (A, steps) the logarithm of what each fact counts, 0 to 1; −∞ there too.
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


class EpisodicMemory(nn.Module):
    """Gates, episodes and memory updates; m⁰ = q.

    Args:
        hidden_size: H.
        passes: P, the most passes.
        free_passes: how many of them come before the first that is taught; no question stops in these.
        gate_features: ``"dmn"`` or ``"dmn-plus"``, see Gate.
        gate_order: the gate also sees where the last pass looked, see Gate.
        gate_words: the gate also sees which words facts share, see Gate; and it starts by following them.
        gate: ``"sigmoid"``, ``"softmax"`` (over the facts of a question) or ``"ordered"``, see ``ordered``.
        episode: ``"gru"``: h_t = g GRU(c_t, h_{t−1}) + (1 − g) h_{t−1}; ``"attention-gru"`` (arXiv 1603.01417,
            eq. 12); ``"weighted-sum"``: e = Σ g_t c_t.
        update: ``"gru"``: m = GRU(e, m); ``"relu"``: m = ReLU(W_k [m; e; q] + b) with untied weights
            (arXiv 1603.01417, eq. 13); ``"linear"``: the same without the ReLU, and m + e to start with;
            ``"tied-linear"``: that with one W for all passes, as the GRU has.
        features: ``"episode"``: the update takes e as it is; ``"products"``: tanh(W [e; e∘q; e∘m; |e−q|; |e−m|] + b)
            in its place (added to it where the update is linear: e itself is what the next gate matches), as the gate
            sees a fact: what of the episode is new, and what was asked for.
        end_of_passes: the last fact of every question means that its passes are over.
    """

    order: Tensor

    def __init__(
        self,
        hidden_size: int,
        *,
        passes: int,
        free_passes: int,
        gate_features: str,
        gate_order: bool,
        gate_words: bool,
        gate: str,
        episode: str,
        update: str,
        features: str,
        end_of_passes: bool,
    ):
        super().__init__()
        self.passes, self.free_passes = passes, free_passes
        self.kind, self.episode_kind, self.update_kind = gate, episode, update
        self.starts_as_a_sum = update in ("linear", "tied-linear")
        self.gate = Gate(hidden_size, gate_features, gate_order, gate_words)
        self.register_buffer("order", torch.tensor(LATEST))  # whoever builds the network says which, see ``ordered``
        self.episode_gru = None if episode == "weighted-sum" else GRU(hidden_size, hidden_size)
        self.products = nn.Linear(5 * hidden_size, hidden_size) if features == "products" else None
        layers = 1 if update == "tied-linear" else passes
        self.update: nn.Module = (
            GRU(hidden_size, hidden_size)
            if update == "gru"
            else nn.ModuleList(nn.Linear(3 * hidden_size, hidden_size) for _ in range(layers))
        )
        if self.starts_as_a_sum:
            self._start_as_a_sum()
        if gate_words and gate != "softmax":
            nn.init.constant_(self.gate.second.bias, SHUT)
        self.end = nn.Parameter(torch.randn(1, hidden_size) / hidden_size**0.5) if end_of_passes else None

    @torch.no_grad()
    def _start_as_a_sum(self) -> None:
        """Start with m + e for the memory and, up to a factor, with c · q and c · m for the bilinear terms of the gate.

        So every pass looks for facts that share words with the question and the facts found before from the first step
        on, as the memory network of arXiv 1503.08895 (eq. 2, 4) does.
        """
        size = self.gate.second.in_features
        identity = torch.eye(size)
        for layer in self.update.children():
            assert isinstance(layer, nn.Linear)
            layer.weight.copy_(torch.cat([identity, identity, torch.zeros(size, size)], 1))
            layer.bias.zero_()
        if self.gate.bilinear is not None:
            self.gate.bilinear.copy_(identity / size)

    def forward(
        self,
        facts: Tensor,
        question: Tensor,
        rows: Packed,
        hops: Tensor | None = None,
        shared: SharedWords | None = None,
    ) -> Recall:
        """Attend, sum up and remember, pass by pass.

        Args:
            facts: (F, H).
            question: (Q, H).
            rows: the facts of each question; index F is the end-of-passes fact.
            hops: (Q,) in training, how many passes each question is to have; none: its gates decide.
            shared: the words that facts share, with ``gate_words``.
        """
        if self.end is not None:
            facts = torch.cat([facts, self.end])
        inputs = self.episode_gru.project(facts) if self.episode_gru is not None else None  # the same in every pass
        once = self.gate.once(facts, question, rows)  # so is this part of the gates

        memory = question
        made = torch.zeros(len(question), dtype=torch.long, device=question.device)
        asked = torch.arange(len(question), device=question.device)
        passes: list[Pass] = []
        weights: Tensor | None = None
        for number in range(self.passes):
            if shared is not None and weights is not None:
                shared = shared.after(rows, weights[rows.sequence, rows.step])
            words = shared.terms() if shared is not None else None
            values = self.gate(facts, _rows(memory, asked), rows, once, weights, words)
            logits = rows.padded(values, -torch.inf)
            log_weights = self._log_weights(logits)
            passes.append(Pass(asked, logits, log_weights))
            if self.end is not None and number >= self.free_passes:
                stops = self._stops(log_weights, rows) if hops is None else hops[asked] <= number
                if stops.any():
                    asked = asked[~stops]
                    log_weights = log_weights[~stops]
                    rows, kept = rows.select(~stops)
                    once = once._replace(per_row=once.per_row[kept])
                    shared = shared.select(kept) if shared is not None else None
                    if not len(asked):
                        break
            weights = log_weights.exp()
            episode = self._episode(facts, inputs, rows, weights[rows.sequence, rows.step])
            updated = self._update(number, _rows(memory, asked), episode, _rows(question, asked))
            memory = updated if len(asked) == len(memory) else memory.index_copy(0, asked, updated)
            made = made.index_add(0, asked, torch.ones_like(asked))
        return Recall(memory, passes, made)

    def _log_weights(self, logits: Tensor) -> Tensor:
        """(A, steps) the logarithm of what each fact counts in a pass."""
        if self.kind == "ordered":
            return ordered(logits, self.order)
        return logits.log_softmax(1) if self.kind == "softmax" else F.logsigmoid(logits)

    def _stops(self, log_weights: Tensor, rows: Packed) -> Tensor:
        """(A,) whether a question's gates pick its last fact, the end of passes."""
        last = torch.bincount(rows.sequence, minlength=rows.count) - 1
        return log_weights.argmax(1) == last

    def _episode(self, facts: Tensor, inputs: Tensor | None, rows: Packed, gates: Tensor) -> Tensor:
        """e (A, H) of one pass."""
        if self.episode_gru is None or inputs is None:
            weighted = gates[:, None] * facts[rows.index]
            return weighted.new_zeros(rows.count, weighted.shape[1]).index_add(0, rows.sequence, weighted)
        last: Tensor
        _, last = self.episode_gru(inputs, rows, gate=gates, attention=self.episode_kind == "attention-gru")
        return last

    def _update(self, number: int, memory: Tensor, episode: Tensor, question: Tensor) -> Tensor:
        """m^k (A, H) from m^{k−1}, e^k and q."""
        if self.products is not None:
            differences = [(episode - question).abs(), (episode - memory).abs()]
            features = torch.cat([episode, episode * question, episode * memory, *differences], 1)
            products = torch.tanh(self.products(features))
            episode = episode + products if self.starts_as_a_sum else products
        if isinstance(self.update, GRU):
            return self.update.cell(episode, memory)
        assert isinstance(self.update, nn.ModuleList)
        layer = self.update[0 if self.update_kind == "tied-linear" else number]
        updated: Tensor = layer(torch.cat([memory, episode, question], 1))
        return updated.relu() if self.update_kind == "relu" else updated


def _rows(table: Tensor, asked: Tensor) -> Tensor:
    """The rows of these questions, which are in order; the table itself if they are all."""
    return table if len(asked) == len(table) else table[asked]


SHARED, BEFORE, SHUT = 1.0, 2.0, -3.0
"""With ``gate_words``, what every hidden unit of a gate gets for a rare word that is shared and for a fact that counted
before; and what a gate that is not a softmax is at, without a shared word: nearly shut."""

LATEST, EARLIEST, NONE = 0.0, 1.0, 2.0
"""Which of a question's open gates counts: the one of the latest fact, of the earliest, or none more than others."""


def ordered(logits: Tensor, order: Tensor) -> Tensor:
    """What each fact counts where the latest open gate counts: ``g_t Π_{u>t} (1 − g_u)`` with g = σ(logit).

    This is what is left of c_t at the end of the episode h_t = g_t c_t + (1 − g_t) h_{t−1}. So the gate of a fact need
    not know whether a later fact overrides it.

    Args:
        logits: (A, steps) of the gates, −∞ where there is no fact.
        order: () ``LATEST``; ``EARLIEST``: the story is gone through backward; or ``NONE``: no fact overrides another,
            and the gates are a softmax.

    Returns:
        (A, steps) logarithms, −∞ where there is no fact. The weights of a question sum to 1 less the chance that no
        gate is open.
    """
    if order == NONE:
        return logits.log_softmax(1)
    none = logits.isneginf()
    logits = logits.masked_fill(none, NEVER)
    closed = F.logsigmoid(-logits)
    up_to = closed.cumsum(1)
    overridden = up_to - closed if order == EARLIEST else up_to[:, -1:] - up_to
    return (F.logsigmoid(logits) + overridden).masked_fill(none, -torch.inf)


NEVER = -1e4
"""The logit of a gate that is shut; finite, so that its gradient is 0 and not NaN."""


class Gate(nn.Module):
    """The gate before its sigmoid or softmax: W2 tanh(W1 z + b1) + b2.

    DMN: z = [c, m, q, c∘q, c∘m, |c−q|, |c−m|, cᵀ Wb q, cᵀ Wb m] (arXiv 1506.07285, eq. 6).
    DMN+: z = [c∘q, c∘m, |c−q|, |c−m|] (arXiv 1603.01417, eq. 8).
    With ``order`` z has three terms more (ours), from what the facts counted in the pass before: how much those after
    c did, how much c, and how much those before it. In the first pass they are 0.
    With ``words`` three more (ours): the rare words that c shares with the question; those that it shares with the
    facts that counted in the pass before (in the first pass, with the question); and how much c counted in all passes
    before, 1 at most. The gate starts with the second of these less the third: so a pass looks for facts that tell of
    what the last one found, and were not found before.

    W1 z is linear in z, so its columns are used piece by piece: what c and q alone decide once a batch, what m
    decides once a pass, and only the terms of c with m for every row in every pass.
    """

    def __init__(self, hidden_size: int, features: str, order: bool, words: bool):
        super().__init__()
        self.order = nn.Linear(3, hidden_size, bias=False) if order else None
        self.words = nn.Linear(3, hidden_size, bias=False) if words else None
        self.sizes = [hidden_size] * 7 + [1] * 2 if features == "dmn" else [hidden_size] * 4
        self.first = nn.Linear(sum(self.sizes), hidden_size)
        self.second = nn.Linear(hidden_size, 1)
        self.bilinear = nn.Parameter(torch.empty(hidden_size, hidden_size)) if features == "dmn" else None
        nn.init.xavier_uniform_(self.first.weight)
        nn.init.xavier_uniform_(self.second.weight)
        nn.init.zeros_(self.first.bias)
        nn.init.zeros_(self.second.bias)
        if self.bilinear is not None:
            nn.init.xavier_uniform_(self.bilinear)
        if self.words is not None:
            up = self.second.weight.detach().sign().T  # what raises the gate by every hidden unit
            self.words.weight = nn.Parameter(up * torch.tensor([0.0, SHARED, -BEFORE]))

    def once(self, facts: Tensor, question: Tensor, rows: Packed) -> "Once":
        """What is the same in every pass: facts (F, H), question (Q, H)."""
        columns = self.first.weight.split(self.sizes, dim=1)
        if self.bilinear is None:
            cq, cm, dq, dm = columns
            bias = self.first.bias.expand(len(question), -1)
            per_row = pair(facts, question, None, rows.index, rows.sequence, torch.cat([cq, dq], 1), per_question=bias)
            return Once(per_row, torch.cat([cm, dm], 1), None)
        c, m, q, cq, cm, dq, dm, bq, bm = columns
        per_row = pair(
            facts,
            question,
            F.linear(question, self.bilinear),
            rows.index,
            rows.sequence,
            torch.cat([cq, dq, bq], 1),
            per_fact=F.linear(facts, c),
            per_question=F.linear(question, q, self.first.bias),
        )
        return Once(per_row, torch.cat([cm, dm, bm], 1), m)

    def forward(
        self,
        facts: Tensor,
        memory: Tensor,
        rows: Packed,
        once: "Once",
        weights: Tensor | None = None,
        words: Tensor | None = None,
    ) -> Tensor:
        """The logits of every row, (N,).

        Args:
            facts: (F, H).
            memory: (Q, H).
            rows: the facts of each question.
            once: see ``once``.
            weights: (Q, steps) of the pass before; none before the first.
            words: (N, 3) the terms of ``words``.
        """
        per_row = once.per_row
        if self.words is not None and words is not None:
            per_row = per_row + self.words(words)
        if self.order is not None and weights is not None:
            before = weights.cumsum(1)
            terms = torch.stack([before[:, -1:] - before, weights, before - weights], 2)
            per_row = per_row + self.order(terms[rows.sequence, rows.step])
        bilinear = F.linear(memory, self.bilinear) if self.bilinear is not None else None
        per_question = F.linear(memory, once.memory_weight) if once.memory_weight is not None else None
        return gate_logits(
            facts,
            memory,
            bilinear,
            rows.index,
            rows.sequence,
            once.pair_weight,
            per_row,
            per_question,
            self.second.weight.squeeze(0),
            self.second.bias,
        )


class Once(NamedTuple):
    """What the gates of all passes share.

    Attributes:
        per_row: (N, G) the part of W1 z + b1 that is the same in every pass.
        pair_weight: the columns of W1 for c∘m, |c−m| and cᵀ Wb m.
        memory_weight: those for m; None without these.
    """

    per_row: Tensor
    pair_weight: Tensor
    memory_weight: Tensor | None
