"""Readers in which the same name leaves the same trace in facts and questions."""

from torch import Tensor, nn

from dmn_cli.batch import Batch
from dmn_cli.model.dmn_plus import SentenceReader
from dmn_cli.model.gru import GRU
from dmn_cli.model.question import QuestionModule


class WordGRU(nn.Module):
    """Sentence vectors by a GRU over the sentence's words: its last state. The questions may share it.

    Args:
        embedding_size: E.
        hidden_size: H.
    """

    def __init__(self, embedding_size: int, hidden_size: int):
        super().__init__()
        self.gru = GRU(embedding_size, hidden_size)

    def forward(self, vectors: Tensor, batch: Batch) -> Tensor:
        """The vectors of the different sentences: word vectors (V, E) → (U, H)."""
        last: Tensor
        _, last = self.gru(self.gru.project(vectors), batch.sentence_words)
        return last


class ResidualReader(SentenceReader):
    """Adds to a fact the vector of its own sentence, so that the sentence's own words are not lost."""

    def facts(self, states: Tensor, sentences: Tensor, batch: Batch) -> Tensor:
        """Forward states (F, H) + sentence vectors (U, H) of the facts."""
        return states + sentences[batch.fact_sentence]


class ResidualQuestion(QuestionModule):
    """Adds to q the sum of the question's word vectors."""

    def forward(self, vectors: Tensor, batch: Batch) -> Tensor:
        """Word vectors (V, E) → q (Q, H), with E = H."""
        words = batch.question_words
        _, last = self.gru(self.gru.project(vectors), words)
        return last.index_add(0, words.sequence, vectors[words.index])[batch.question_text]  # type: ignore[no-any-return]
