"""The parts that DMN+ replaces (arXiv 1603.01417). Where an equation has no sure number, its section is named."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dmn_cli.batch import Batch, Packed, Sentences
from dmn_cli.model.episode import Episode
from dmn_cli.model.gate import Gate
from dmn_cli.model.gru import GRU


class PositionEncoding(nn.Module):
    """Sentence vectors f = Σ_j l_j ∘ w_j, with l_jd = (1 − j/M) − (d/D)(1 − 2j/M) (§3.1)."""

    def forward(self, vectors: Tensor, batch: Batch) -> Tensor:
        """The vectors of the different sentences: word vectors (V, D) → (U, D)."""
        return position_encoding(vectors, batch.sentences)


def position_encoding(vectors: Tensor, sentences: Sentences) -> Tensor:
    """Since l_jd = (1 − j/M) − (d/D)(1 − 2j/M), f is the difference of two weighted sums of the words.

    Args:
        vectors: (V, D) the word vectors.
        sentences: the sentences, U of them.

    Returns:
        (U, D)
    """
    size = vectors.shape[1]
    first, second = (
        F.embedding_bag(
            sentences.words, vectors, sentences.starts, mode="sum", per_sample_weights=weights.to(vectors.dtype)
        )
        for weights in (sentences.first, sentences.second)
    )
    dimension = torch.arange(1, size + 1, device=vectors.device, dtype=vectors.dtype) / size
    return first - dimension * second


class SentenceReader(nn.Module):
    """Sentence vectors, and a GRU over these: the input fusion layer (§3.1).

    The backward GRU starts at the last fact that a question may use, so its states differ between questions. Questions
    share the sentence vectors, their projections and the forward states.

    Args:
        sentences: from word vectors (V, E) to the vectors (U, size) of the different sentences.
        size: of a sentence vector.
        hidden_size: H.
        dropout: on the sentence vectors.
        bidirectional: add the states of a GRU that runs backward, as DMN+ does.
    """

    def __init__(self, sentences: nn.Module, size: int, hidden_size: int, dropout: float, *, bidirectional: bool):
        super().__init__()
        self.sentences = sentences
        self.gru = GRU(size, hidden_size)
        self.backward_gru = GRU(size, hidden_size) if bidirectional else None
        self.dropout = dropout

    def forward(self, vectors: Tensor, batch: Batch) -> tuple[Tensor, Packed]:
        """Read the stories of a batch.

        Args:
            vectors: (V, E) the word vectors.
            batch: the stories.

        Returns:
            facts (F, H), or with a backward GRU a fact for every row that is one (≤ N, H); and the rows, whose index
            is the fact. The number of facts is the index of the end-of-passes fact.
        """
        sentences = F.dropout(self.sentences(vectors, batch), self.dropout, self.training)
        index = batch.fact_sentence[batch.story_facts.index]
        states, _ = self.gru(self.gru.project(sentences), batch.story_facts.of(index))
        states = torch.empty_like(states).index_copy(0, batch.story_facts.index, states)
        facts = self.facts(states, sentences, batch)
        if self.backward_gru is None:
            return facts, batch.rows

        rows = batch.rows
        is_fact = rows.index < len(facts)
        count = torch.bincount(rows.sequence[is_fact], minlength=rows.count)
        backward = reverse(rows, count)
        projected = self.backward_gru.project(sentences)
        states, _ = self.backward_gru(projected, backward.of(batch.fact_sentence[backward.index]))
        sequence, step = rows.sequence[is_fact], rows.step[is_fact]
        facts = facts[rows.index[is_fact]] + states[backward.row(sequence, count[sequence] - 1 - step)]
        return facts, rows.of(torch.where(is_fact, is_fact.cumsum(0) - 1, len(facts)))

    def facts(self, states: Tensor, sentences: Tensor, batch: Batch) -> Tensor:
        """The facts (F, H) of the forward GRU: its states (F, H)."""
        return states


def reverse(rows: Packed, count: Tensor) -> Packed:
    """The first ``count`` (B,) steps of every sequence, in reverse order."""
    steps = torch.arange(int(count.max()) if len(count) else 0, device=count.device)
    step, sequence = (steps[:, None] < count[None, :]).nonzero(as_tuple=True)
    sizes = torch.bincount(step, minlength=len(steps)).tolist()
    index = rows.index[rows.row(sequence, count[sequence] - 1 - step)]
    return Packed(index, sequence, step, sizes, rows.count)


class DMNPlusGate(Gate):
    """The gate over four terms: z = [c∘q, c∘m, |c − q|, |c − m|] (eq. 8)."""

    @staticmethod
    def size(hidden_size: int) -> int:
        """The length of z."""
        return 4 * hidden_size

    @staticmethod
    def bilinear(hidden_size: int) -> None:
        """There is no Wb."""

    def z(self, c: Tensor, m: Tensor, q: Tensor) -> Tensor:
        """z of every row, (N, H) each → (N, 4H)."""
        return torch.cat([c * q, c * m, (c - q).abs(), (c - m).abs()], 1)


class AttentionGRU(nn.Module):
    """The attention GRU: h_t = g_t n_t + (1 − g_t) h_{t−1}, n_t the GRU's new state; e is the last h (§3.3).

    Args:
        hidden_size: H.
    """

    def __init__(self, hidden_size: int):
        super().__init__()
        self.gru = GRU(hidden_size, hidden_size)

    def of(self, facts: Tensor) -> Episode:
        """The episodes over facts (F, H)."""
        inputs = self.gru.project(facts)
        return lambda rows, g: self.gru(inputs, rows, gate=g, attention=True)[1]


class UntiedReLU(nn.Module):
    """The memory update with a layer for each pass: m^k = ReLU(W_k [m^{k−1}; e^k; q] + b_k) (eq. 13).

    Args:
        hidden_size: H.
        passes: P.
    """

    def __init__(self, hidden_size: int, passes: int):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(3 * hidden_size, hidden_size) for _ in range(passes))

    def forward(self, k: int, m: Tensor, e: Tensor, q: Tensor) -> Tensor:
        """m^k (Q, H) from the number of the pass (from 0), m^{k−1}, e^k and q, (Q, H) each."""
        updated: Tensor = self.layers[k](torch.cat([m, e, q], 1))
        return updated.relu()
