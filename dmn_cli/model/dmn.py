"""The Dynamic Memory Network: input, question, episodic memory and answer modules put together."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dmn_cli.batch import Batch, Packed
from dmn_cli.model.answer import GRUAnswer, LinearAnswer
from dmn_cli.model.input import SentenceReader, WordReader
from dmn_cli.model.memory import EpisodicMemory, Recall
from dmn_cli.model.question import QuestionModule
from dmn_cli.model.shared import shared_words


class Loss(NamedTuple):
    """The two parts of J = α E(gates) + β E(answers), in nats, each the mean over the questions of a batch."""

    gates: Tensor
    answers: Tensor


class DMN(nn.Module):
    """The network of arXiv 1506.07285, and by its arguments that of arXiv 1603.01417 (DMN+).

    Args:
        words: V, the size of the vocabulary.
        answers: A, the number of answers (``answer="linear"``) or of answer words (``answer="gru"``).
        hidden_size: H.
        embedding_size: E.
        passes, free_passes: P, the most passes over the facts, and how many of them are not taught.
        reader: ``"words"``: see input.WordReader; ``"positions"`` or ``"sentences"``: see input.SentenceReader. With
            ``"sentences"`` one GRU reads the words of sentences and questions, so that the same name leaves the same
            trace in both.
        bidirectional, residual: see input.SentenceReader.
        gate_features, gate_order, gate_words, gate, episode, memory, memory_features, end_of_passes: see
            memory.EpisodicMemory (``memory`` is its ``update``).
        answer: ``"linear"`` or ``"gru"``: see answer.LinearAnswer and answer.GRUAnswer.
        embedding_dropout: on the word vectors; a batch drops the same elements of a word wherever it stands.
        fact_dropout: on the facts, or the sentence vectors.
        answer_dropout: on what the answer is read from.
    """

    rarity: Tensor | None

    def __init__(
        self,
        *,
        words: int,
        answers: int,
        hidden_size: int = 80,
        embedding_size: int = 80,
        passes: int = 3,
        free_passes: int = 0,
        reader: str = "words",
        bidirectional: bool = False,
        residual: bool = False,
        gate_features: str = "dmn",
        gate_order: bool = False,
        gate_words: bool = False,
        gate: str = "sigmoid",
        episode: str = "gru",
        memory: str = "gru",
        memory_features: str = "episode",
        end_of_passes: bool = False,
        answer: str = "linear",
        embedding_dropout: float = 0.0,
        fact_dropout: float = 0.0,
        answer_dropout: float = 0.0,
    ):
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(words, embedding_size).uniform_(-(3**0.5), 3**0.5))
        self.input: nn.Module = (
            WordReader(embedding_size, hidden_size, fact_dropout)
            if reader == "words"
            else SentenceReader(
                embedding_size,
                hidden_size,
                fact_dropout,
                word_gru=reader == "sentences",
                bidirectional=bidirectional,
                residual=residual,
            )
        )
        self.question = QuestionModule(
            embedding_size,
            hidden_size,
            getattr(self.input, "word_gru", None),
            residual=residual and reader == "positions",
        )
        self.memory = EpisodicMemory(
            hidden_size,
            passes=passes,
            free_passes=free_passes,
            gate_features=gate_features,
            gate_order=gate_order,
            gate_words=gate_words,
            gate=gate,
            episode=episode,
            update=memory,
            features=memory_features,
            end_of_passes=end_of_passes,
        )
        self.answer: LinearAnswer | GRUAnswer = (LinearAnswer if answer == "linear" else GRUAnswer)(
            hidden_size, answers, answer_dropout
        )
        self.embedding_dropout = embedding_dropout
        # how rare each word is, 0 to 1: whoever builds the network says so
        self.register_buffer("rarity", torch.ones(words) if gate_words else None)

    def recall(self, batch: Batch, hops: Tensor | None = None) -> tuple[Recall, Tensor, Packed]:
        """The memory after all passes, the questions (Q, H), and the rows the passes went over."""
        vectors = F.dropout(self.embedding, self.embedding_dropout, self.training)
        facts, rows = self.input(vectors, batch)
        question = self.question(vectors, batch)
        shared = shared_words(batch, self.rarity) if self.rarity is not None else None
        return self.memory(facts, question, rows, hops, shared), question, rows

    def loss(self, batch: Batch, supervised: bool) -> Loss:
        """The losses of a batch.

        Args:
            batch: the questions.
            supervised: teach the gates the supporting facts, and let a question make as many passes as it has of
                these, after the free ones; else the gates' loss is 0.
        """
        hops = None
        if supervised:
            hops = (self.memory.free_passes + (batch.supporting >= 0).sum(1)).clamp(max=self.memory.passes)
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


def gate_loss(recall: Recall, supporting: Tensor, rows: Packed, memory: EpisodicMemory) -> Tensor:
    """E(gates): cross-entropy of each pass with its supporting fact, in nats, the mean over the questions.

    Pass k aims at the k-th supporting fact, the pass after the last of them at the end-of-passes fact. If there are
    more supporting facts than passes, the last pass aims at all that are left, in equal parts. Passes are counted
    after the free ones, which aim at nothing.

    Args:
        recall: what the memory attended to.
        supporting: (Q, K) steps of the supporting facts, −1 for none.
        rows: the facts of each question.
        memory: the module that made ``recall``.
    """
    hops = (supporting >= 0).sum(1)
    last = torch.bincount(rows.sequence, minlength=rows.count) - 1
    total = recall.memory.new_zeros(())
    for number, (asked, logits, log_weights) in enumerate(recall.passes[memory.free_passes :]):
        is_last = number == memory.passes - memory.free_passes - 1
        aims = supporting[asked, number:] if is_last else supporting[asked, number : number + 1]
        if memory.end is not None:
            ends = torch.where(hops[asked] == number, last[asked], -1)
            aims = torch.cat([aims, ends[:, None]], 1)
        target = torch.zeros_like(logits).scatter_add(1, aims.clamp(min=0), (aims >= 0).to(logits.dtype))
        taught = (target.sum(1, keepdim=True) > 0).expand_as(target) & (logits > -torch.inf)
        if memory.kind == "sigmoid":
            loss = F.binary_cross_entropy_with_logits(logits[taught], target[taught], reduction="sum")
        else:
            target = target / target.sum(1, keepdim=True).clamp(min=1)
            loss = -(target[taught] * log_weights[taught]).sum()
        total = total + loss
    return total / len(supporting)
