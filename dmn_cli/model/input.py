"""The input module: from words to facts (arXiv 1506.07285, §2.1)."""

from torch import Tensor, nn
from torch.nn import functional as F

from dmn_cli.batch import Batch, Packed
from dmn_cli.model.gru import GRU


class WordReader(nn.Module):
    """A GRU over all words of a story, h_t = GRU(w_t, h_{t−1}); its states at the ends of the facts are the facts c.

    Each fact is closed by ``<eof>``: its state is taken there. A state depends only on the words up to it. So a story
    is read once for all its questions.

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
