"""The question module: from words to one vector."""

from torch import Tensor, nn

from dmn_cli.batch import Batch
from dmn_cli.model.gru import GRU


class QuestionModule(nn.Module):
    """A GRU over the question's words, of which the last state is kept (arXiv 1506.07285, §2.2).

    Args:
        embedding_size: E.
        hidden_size: H.
        gru: the one to read with; None: one of its own.
        residual: add the sum of the word vectors.
    """

    def __init__(self, embedding_size: int, hidden_size: int, gru: GRU | None = None, residual: bool = False):
        super().__init__()
        self.gru = GRU(embedding_size, hidden_size) if gru is None else gru
        self.residual = residual

    def forward(self, vectors: Tensor, batch: Batch) -> Tensor:
        """Read the questions of a batch, each different text once: word vectors (V, E) → q (Q, H)."""
        last: Tensor
        words = batch.question_words
        _, last = self.gru(self.gru.project(vectors), words)
        if self.residual:
            last = last.index_add(0, words.sequence, vectors[words.index])
        return last[batch.question_text]
