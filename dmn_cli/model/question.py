"""The question module: from words to one vector (arXiv 1506.07285, §2.2)."""

from torch import Tensor, nn

from dmn_cli.batch import Batch
from dmn_cli.model.gru import GRU


class QuestionModule(nn.Module):
    """A GRU over the question's words, q_t = GRU(w_t, q_{t−1}), of which the last state q is kept.

    Args:
        embedding_size: E.
        hidden_size: H.
        gru: a GRU to share with the input (ours); None: a new one, as in the paper.
    """

    def __init__(self, embedding_size: int, hidden_size: int, gru: GRU | None = None):
        super().__init__()
        self.gru = GRU(embedding_size, hidden_size) if gru is None else gru

    def forward(self, vectors: Tensor, batch: Batch) -> Tensor:
        """Read the questions of a batch, each different text once: word vectors (V, E) → q (Q, H)."""
        last: Tensor
        _, last = self.gru(self.gru.project(vectors), batch.question_words)
        return last[batch.question_text]
