"""A DMN as one would write it from the paper with torch.nn: the baseline of ``dmn bench``, never used for training.

Every question brings its own copy of its story; sequences are padded to the longest of the batch; the readers are
``nn.GRU``, episode and memory ``nn.GRUCell`` in Python loops, and the gate sees all its features at once.
"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from dmn_cli.data.batches import Dataset


class TextbookDMN(nn.Module):
    """The DMN with nine-term sigmoid or softmax gates, gated GRU episodes, a GRU memory and a linear answer.

    Args:
        words: V.
        answers: A.
        hidden_size: H, of embeddings too.
        passes: P.
        reader: ``"words"`` or ``"positions"``.
        gate: ``"sigmoid"`` or ``"softmax"``.
    """

    def __init__(self, words: int, answers: int, hidden_size: int, passes: int, reader: str, gate: str):
        super().__init__()
        self.passes, self.reader, self.kind = passes, reader, gate
        self.embedding = nn.Embedding(words, hidden_size)
        self.input = nn.GRU(hidden_size, hidden_size, batch_first=True)
        self.question = nn.GRU(hidden_size, hidden_size, batch_first=True)
        self.bilinear = nn.Linear(hidden_size, hidden_size, bias=False)
        self.gate = nn.Sequential(nn.Linear(7 * hidden_size + 2, hidden_size), nn.Tanh(), nn.Linear(hidden_size, 1))
        self.episode = nn.GRUCell(hidden_size, hidden_size)
        self.memory = nn.GRUCell(hidden_size, hidden_size)
        self.answer = nn.Linear(2 * hidden_size, answers)

    def forward(self, stories: list[list[Tensor]], questions: list[Tensor]) -> Tensor:
        """Logits (Q, A) for questions (Q texts of word numbers) about stories (Q lists of sentences)."""
        counts = torch.tensor([len(story) for story in stories])
        facts = self._facts(stories, counts)  # (Q, T, H)
        mask = torch.arange(facts.shape[1]) < counts[:, None]
        q = self._last_states(questions)  # (Q, H)
        memory = q
        for _ in range(self.passes):
            gates = self._gates(facts, memory, q, mask)
            h = torch.zeros_like(q)
            for t in range(facts.shape[1]):
                g = gates[:, t, None]
                h = g * self.episode(facts[:, t], h) + (1 - g) * h
            memory = self.memory(h, memory)
        logits: Tensor = self.answer(torch.cat([memory, q], 1))
        return logits

    def _facts(self, stories: list[list[Tensor]], counts: Tensor) -> Tensor:
        if self.reader == "words":
            texts = [torch.cat(story) for story in stories]
            lengths = torch.tensor([len(text) for text in texts])
            embedded = self.embedding(pad_sequence(texts, batch_first=True))
            packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
            states, _ = pad_packed_sequence(self.input(packed)[0], batch_first=True)
            ends = [torch.tensor([len(sentence) for sentence in story]).cumsum(0) - 1 for story in stories]
            where = pad_sequence(ends, batch_first=True)
            return states.gather(1, where[:, :, None].expand(-1, -1, states.shape[2]))
        without_eof = [[sentence[:-1] for sentence in story] for story in stories]
        vectors = [torch.stack([self._encode(sentence) for sentence in story]) for story in without_eof]
        packed = pack_padded_sequence(
            pad_sequence(vectors, batch_first=True), counts, batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(self.input(packed)[0], batch_first=True)
        return states

    def _encode(self, sentence: Tensor) -> Tensor:
        """One position-encoded sentence."""
        size = self.embedding.embedding_dim
        part = (torch.arange(1, len(sentence) + 1) / len(sentence))[:, None]
        dimension = torch.arange(1, size + 1) / size
        vector: Tensor = ((1 - part - dimension * (1 - 2 * part)) * self.embedding(sentence)).sum(0)
        return vector

    def _last_states(self, texts: list[Tensor]) -> Tensor:
        lengths = torch.tensor([len(text) for text in texts])
        embedded = self.embedding(pad_sequence(texts, batch_first=True))
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        _, last = self.question(packed)
        return last[0]  # type: ignore[no-any-return]

    def _gates(self, facts: Tensor, memory: Tensor, question: Tensor, mask: Tensor) -> Tensor:
        m, q = memory[:, None].expand_as(facts), question[:, None].expand_as(facts)
        wq, wm = (self.bilinear(v)[:, None] for v in (question, memory))
        bilinear = [(facts * wq).sum(2, keepdim=True), (facts * wm).sum(2, keepdim=True)]
        features = [facts, m, q, facts * q, facts * m, (facts - q).abs(), (facts - m).abs(), *bilinear]
        logits = self.gate(torch.cat(features, 2)).squeeze(2).masked_fill(~mask, -torch.inf)
        return torch.sigmoid(logits) if self.kind == "sigmoid" else logits.softmax(1)


def batch_of(data: Dataset, questions: Tensor) -> tuple[list[list[Tensor]], list[Tensor], Tensor]:
    """The stories, texts and answers of questions, each question by itself."""
    stories, texts = [], []
    for number in questions.tolist():
        first = int(data.story_start[data.story[number]])
        starts = data.fact_start[first : first + int(data.facts[number]) + 1].tolist()
        stories.append([data.words[a:b] for a, b in itertools.pairwise(starts)])
        text = int(data.text[number])
        texts.append(data.text_words[int(data.text_start[text]) : int(data.text_start[text + 1])])
    return stories, texts, data.answer[questions]


def train_step(model: TextbookDMN, optimizer: torch.optim.Optimizer, data: Dataset, questions: Tensor) -> None:
    """Collate, forward, backward, clip, step."""
    stories, texts, answers = batch_of(data, questions)
    loss = F.cross_entropy(model(stories, texts), answers)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 10.0)
    optimizer.step()
