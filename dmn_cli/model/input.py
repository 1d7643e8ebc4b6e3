"""The input module: from words to facts."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dmn_cli.batch import Batch, Packed, Sentences
from dmn_cli.model.gru import GRU


class WordReader(nn.Module):
    """A GRU over all words of a story; its states at the ends of the facts are the facts (arXiv 1506.07285, §2.1).

    A state knows the words before it only, so a story is read once for all its questions.

    Args:
        embedding_size: E.
        hidden_size: H.
        dropout: on the facts.
    """

    def __init__(self, embedding_size: int, hidden_size: int, dropout: float):
        super().__init__()
        self.gru = GRU(embedding_size, hidden_size)
        self.dropout = dropout

    def forward(self, vectors: Tensor, batch: Batch) -> tuple[Tensor, Packed]:
        """Read the stories of a batch.

        Args:
            vectors: (V, E) the word vectors.
            batch: the stories.

        Returns:
            facts (F, H), and the batch's rows, whose index is a fact.
        """
        states, _ = self.gru(self.gru.project(vectors), batch.story_words)
        return F.dropout(states[batch.fact_ends], self.dropout, self.training), batch.rows


class SentenceReader(nn.Module):
    """Sentences, each a vector of its own, and a GRU over these (arXiv 1603.01417, §3.1).

    The backward GRU starts at the last fact that a question may use: its states are the question's own. What
    questions share are the sentence vectors, their projections and the forward states.

    Args:
        embedding_size: E.
        hidden_size: H.
        dropout: on the sentence vectors.
        word_gru: a sentence vector is the last state of a GRU over the sentence's words, (H,); without one it is the
            position encoding, (E,).
        bidirectional: add a GRU that runs backward (the fusion layer of DMN+).
        residual: add the sentence vector itself, so that a fact says at least what its own sentence says; wants
            vectors of size H.
    """

    def __init__(
        self,
        embedding_size: int,
        hidden_size: int,
        dropout: float,
        *,
        word_gru: bool,
        bidirectional: bool,
        residual: bool,
    ):
        super().__init__()
        size = hidden_size if word_gru else embedding_size
        self.word_gru = GRU(embedding_size, hidden_size) if word_gru else None
        self.gru = GRU(size, hidden_size)
        self.backward_gru = GRU(size, hidden_size) if bidirectional else None
        self.dropout, self.residual = dropout, residual

    def sentences(self, vectors: Tensor, batch: Batch) -> Tensor:
        """The vectors of the different sentences: word vectors (V, E) → (U, H) or (U, E)."""
        if self.word_gru is None:
            return position_encoding(vectors, batch.sentences)
        last: Tensor
        _, last = self.word_gru(self.word_gru.project(vectors), batch.sentence_words)
        return last

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
        facts = torch.empty_like(states).index_copy(0, batch.story_facts.index, states)
        if self.residual:
            facts = facts + sentences[batch.fact_sentence]
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


def reverse(rows: Packed, count: Tensor) -> Packed:
    """The first ``count`` (B,) steps of every sequence, in reverse order."""
    steps = torch.arange(int(count.max()) if len(count) else 0, device=count.device)
    step, sequence = (steps[:, None] < count[None, :]).nonzero(as_tuple=True)
    sizes = torch.bincount(step, minlength=len(steps)).tolist()
    index = rows.index[rows.row(sequence, count[sequence] - 1 - step)]
    return Packed(index, sequence, step, sizes, rows.count)


def position_encoding(vectors: Tensor, sentences: Sentences) -> Tensor:
    """Sentence vectors f = Σ_j l_j ∘ w_j, with l_jd = (1 − j/M) − (d/D)(1 − 2j/M) (arXiv 1603.01417, eq. 7).

    l_jd is a number of the word plus d/D times another one, so f comes from two weighted sums of the words.

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
