"""The words that sentences share: which facts tell of what the question, or a fact found before, tells of."""

from typing import NamedTuple

import torch
from torch import Tensor

from dmn_cli.batch import Batch, Packed


class SharedWords(NamedTuple):
    """What the facts of a batch share with questions and with each other; of each word its rarity, squared.

    Attributes:
        question: (N,) what the fact of each row shares with the row's question.
        sentence: (N,) the sentence of this fact, U for the end-of-passes fact, which shares nothing.
        sentences: (U + 1, U + 1) what the different sentences share.
    """

    question: Tensor
    sentence: Tensor
    sentences: Tensor

    def with_facts(self, rows: Packed, weights: Tensor) -> Tensor:
        """What the fact of each row shares with the facts of a pass, (N,), each as much as it counted in it, (N,)."""
        counted = weights.new_zeros(rows.count, len(self.sentences))
        counted = counted.index_put((rows.sequence, self.sentence), weights, accumulate=True)
        return (counted @ self.sentences)[rows.sequence, self.sentence]

    def select(self, kept: Tensor) -> "SharedWords":
        """Of these rows only."""
        return self._replace(question=self.question[kept], sentence=self.sentence[kept])


def shared_words(batch: Batch, rarity: Tensor) -> SharedWords:
    """The words that sentences share, where ``rarity`` (V,) tells how much a word says, 0 to 1."""
    sentences, questions = (_bags(words, rarity) for words in (batch.sentence_words, batch.question_words))
    sentences = torch.cat([sentences, torch.zeros_like(sentences[:1])])
    of_fact = torch.cat([batch.fact_sentence, batch.fact_sentence.new_tensor([len(sentences) - 1])])
    sentence = of_fact[batch.rows.index]
    question = (sentences @ questions.T)[sentence, batch.question_text[batch.rows.sequence]]
    return SharedWords(question, sentence, sentences @ sentences.T)


def _bags(words: Packed, rarity: Tensor) -> Tensor:
    """The rarities of each sequence's words, (B, V); 0 for a word it has not."""
    bags = rarity.new_zeros(words.count, len(rarity))
    bags[words.sequence, words.index] = rarity[words.index]
    return bags
