"""The Dynamic Memory Network: input, question, episodic memory and answer modules put together."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dmn_cli.batch import Batch, Packed
from dmn_cli.model.answer import GRUAnswer, LinearAnswer
from dmn_cli.model.loss import Loss, gate_loss
from dmn_cli.model.memory import EpisodicMemory, Recall


class DMN(nn.Module):
    """The network of arXiv 1506.07285, figure 2.

    Args:
        embedding: (V, E) the word vectors, which input and question share.
        input: from the words of the stories to facts, as input.WordReader.
        question: from the words of the questions to q.
        memory: from facts and q to m.
        answer: from m and q to answers.
        embedding_dropout: on the word vectors; one mask per batch: a word loses the same elements at every occurrence.
    """

    def __init__(
        self,
        embedding: nn.Parameter,
        input: nn.Module,
        question: nn.Module,
        memory: EpisodicMemory,
        answer: LinearAnswer | GRUAnswer,
        *,
        embedding_dropout: float = 0.0,
    ):
        super().__init__()
        self.embedding = embedding
        self.input, self.question, self.memory, self.answer = input, question, memory, answer
        self.embedding_dropout = embedding_dropout

    def recall(self, batch: Batch, hops: Tensor | None = None) -> tuple[Recall, Tensor, Packed]:
        """The memory after all passes, the questions (Q, H), and the rows the passes went over."""
        vectors = F.dropout(self.embedding, self.embedding_dropout, self.training)
        facts, rows = self.input(vectors, batch)
        question = self.question(vectors, batch)
        return self.memory(facts, question, batch, rows, hops), question, rows

    def loss(self, batch: Batch, supervised: bool) -> Loss:
        """The losses of a batch.

        Args:
            batch: the questions.
            supervised: teach the gates the supporting facts, and let a question make as many passes as it has of
                these; else the gates' loss is 0.
        """
        hops = None
        if supervised:
            hops = (self.memory.first_taught + (batch.supporting >= 0).sum(1)).clamp(max=self.memory.passes)
        recall, question, rows = self.recall(batch, hops)
        answers = self.answer.loss(recall.memory, question, batch)
        if not supervised:
            return Loss(torch.zeros_like(answers), answers)
        return Loss(gate_loss(recall, batch.supporting, rows, self.memory), answers)

    @torch.no_grad()
    def predict(self, batch: Batch) -> tuple[Tensor, Recall]:
        """Answers (Q, 1) or answer words (Q, L), as the answer module numbers them, and what the memory attended to."""
        recall, question, _ = self.recall(batch)
        return self.answer.predict(recall.memory, question), recall

    @torch.no_grad()
    def likeliest(self, batch: Batch, count: int) -> tuple[Tensor, Tensor, Recall]:
        """The answer of ``predict`` and the next likeliest, and what the memory attended to.

        Returns:
            answers (Q, K, 1) or answer words (Q, K, L), as the answer module numbers them; the logarithms of their
            probabilities, (Q, K), −∞ where there are no K; and the memory. K is ``count`` at most.
        """
        recall, question, _ = self.recall(batch)
        answers, log_probabilities = self.answer.likeliest(recall.memory, question, count)
        return answers, log_probabilities, recall
