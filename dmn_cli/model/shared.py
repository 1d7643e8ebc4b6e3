"""The words that sentences share: which facts tell of what the question, or a fact found before, tells of."""

from typing import NamedTuple

import torch
from torch import Tensor

from dmn_cli.batch import Batch, Packed


class SharedWords(NamedTuple):
    """What the facts of a batch share before a pass; of each shared word its rarity, squared.

    Attributes:
        question: (N,) what the fact of each row shares with the row's question.
        found: (N,) what it shares with the facts that counted in the pass before; in the first pass, with the question.
        before: (N,) how much it counted in all passes before, 1 at most.
        sentence: (N,) the sentence of this fact, U for the end-of-passes fact, which shares nothing.
        sentences: (U + 1, U + 1) what the different sentences share.
    """

    question: Tensor
    found: Tensor
    before: Tensor
    sentence: Tensor
    sentences: Tensor

    def terms(self) -> Tensor:
        """(N, 3) what the gate sees of each row."""
        return torch.stack([self.question, self.found, self.before], 1)

    def after(self, rows: Packed, weights: Tensor) -> "SharedWords":
        """The same after a pass in which the fact of each row counted ``weights`` (N,)."""
        counted = weights.new_zeros(rows.count, len(self.sentences))
        counted = counted.index_put((rows.sequence, self.sentence), weights, accumulate=True)
        found = (counted @ self.sentences)[rows.sequence, self.sentence]
        return self._replace(found=found, before=(self.before + weights).clamp(max=1))

    def select(self, kept: Tensor) -> "SharedWords":
        """Of these rows only."""
        question, found, before, sentence = (of_row[kept] for of_row in self[:-1])
        return SharedWords(question, found, before, sentence, self.sentences)


def shared_words(batch: Batch, rarity: Tensor) -> SharedWords:
    """What is shared before the first pass, where ``rarity`` (V,) tells how much a word says, 0 to 1."""
    sentences, questions = (_bags(words, rarity) for words in (batch.sentence_words, batch.question_words))
    sentences = torch.cat([sentences, sentences.new_zeros(1, len(rarity))])
    of_fact = torch.cat([batch.fact_sentence, batch.fact_sentence.new_tensor([len(sentences) - 1])])
    sentence = of_fact[batch.rows.index]
    question = (sentences @ questions.T)[sentence, batch.question_text[batch.rows.sequence]]
    return SharedWords(question, question, torch.zeros_like(question), sentence, sentences @ sentences.T)


def _bags(words: Packed, rarity: Tensor) -> Tensor:
    """The rarities of each sequence's words, (B, V); 0 for a word it has not."""
    bags = rarity.new_zeros(words.count, len(rarity))
    bags[words.sequence, words.index] = rarity[words.index]
    return bags
