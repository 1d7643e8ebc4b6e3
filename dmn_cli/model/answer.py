"""The answer module: from the last memory and the question to an answer (arXiv 1506.07285, §2.4)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dmn_cli.batch import Batch
from dmn_cli.model import beam
from dmn_cli.model.beam import LONGEST_ANSWER
from dmn_cli.model.gru import GRU


class LinearAnswer(nn.Module):
    """One of the answers of training: a linear layer on [m; q].

    Args:
        hidden_size: H.
        answers: A, how many there are.
        dropout: on [m; q].
    """

    def __init__(self, hidden_size: int, answers: int, dropout: float):
        super().__init__()
        self.linear = nn.Linear(2 * hidden_size, answers)
        self.dropout = dropout
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, memory: Tensor, question: Tensor) -> Tensor:
        """Logits of the answers: memory (Q, H), question (Q, H) → (Q, A)."""
        both = F.dropout(torch.cat([memory, question], 1), self.dropout, self.training)
        logits: Tensor = self.linear(both)
        return logits

    def loss(self, memory: Tensor, question: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy in nats, the mean over the questions; an answer that training has never seen adds nothing."""
        logits = self(memory, question)
        return F.cross_entropy(logits, batch.answer, ignore_index=-1, reduction="sum") / len(logits)

    def predict(self, memory: Tensor, question: Tensor) -> Tensor:
        """The likeliest answer's number, (Q, 1)."""
        return self(memory, question).argmax(1, keepdim=True)  # type: ignore[no-any-return]

    def likeliest(self, memory: Tensor, question: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The likeliest answers, the best first, (Q, K, 1), and the logarithms of their probabilities, (Q, K).

        K is ``count``, or A where there are fewer answers. The first is the answer of ``predict``.
        """
        log_probabilities = self(memory, question).log_softmax(1)
        likeliest, answers = log_probabilities.topk(min(count, log_probabilities.shape[1]))
        return answers[..., None], likeliest


class GRUAnswer(nn.Module):
    """An answer word by word, until the end token.

    a_0 = m, y_t = softmax(W a_t) (eq. 9), a_t = GRU([y_{t−1}; q], a_{t−1}) (eq. 10).

    Args:
        hidden_size: H.
        words: A, how many words answers are made of, the end token (number 0) among them.
        dropout: on a_t before the softmax.
    """

    def __init__(self, hidden_size: int, words: int, dropout: float):
        super().__init__()
        self.gru = GRU(words + hidden_size, hidden_size)
        self.linear = nn.Linear(hidden_size, words)
        self.dropout = dropout
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def step(self, previous: Tensor, question: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One word: previous words (Q,) (−1: none yet), question (Q, H), state (Q, H) → logits (Q, A), state."""
        # the classes stand for themselves (one-hot); before the first word there is none
        word = F.one_hot(previous + 1, self.linear.out_features + 1)[:, 1:].to(question.dtype)
        state = self.gru.cell(torch.cat([word, question], 1), state)
        return self.linear(F.dropout(state, self.dropout, self.training)), state

    def loss(self, memory: Tensor, question: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy in nats, fed the true words: the sum over an answer's words, the mean over the questions."""
        total = memory.new_zeros(())
        previous, state = torch.full_like(batch.answer, -1), memory
        for word in batch.answer_words.unbind(1):
            logits, state = self.step(previous, question, state)
            total = total + F.cross_entropy(logits, word.clamp(min=-1), ignore_index=-1, reduction="sum")
            previous = word.clamp(min=-1)
        return total / len(memory)

    def predict(self, memory: Tensor, question: Tensor) -> Tensor:
        """The likeliest words one after the other, each fed back; (Q, L), −1 after the end token."""
        words: list[Tensor] = []
        previous, state = torch.full((len(memory),), -1, device=memory.device), memory
        ended = torch.zeros_like(previous, dtype=torch.bool)
        while not ended.all() and len(words) < LONGEST_ANSWER:
            logits, state = self.step(previous, question, state)
            previous = logits.argmax(1)
            words.append(previous.masked_fill(ended, -1))
            ended = ended | (previous == 0)
        return torch.stack(words, 1) if words else previous[:, None]

    def likeliest(self, memory: Tensor, question: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The answer of ``predict``, and after it the likeliest others that a beam search finds; see ``beam``."""
        return beam.likeliest(self.step, self.predict(memory, question), memory, question, count)
