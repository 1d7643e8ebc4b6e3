"""Gate terms of shared words: which facts tell of what the question, or a fact found before, tells of."""

import torch
from torch import Tensor, nn

from dmn_cli.batch import Batch, Packed
from dmn_cli.model.extensions.gate import FurtherTerms
from dmn_cli.model.gate import Gate

SHARED, BEFORE = 1.0, 2.0
"""Initial weights of a rare word that is shared, and (negated) of a fact that counted before."""

SHUT = -3.0
"""Where a gate that is not a softmax starts without a shared word: nearly shut."""


class SharedWords(FurtherTerms):
    """The rare words that a fact shares with the question; those that it shares with the facts that counted in the pass
    before (in the first pass, with the question); and how much it counted in all passes before, 1 at most.

    The gate starts with the second of these less twice the third. So a pass looks for facts that tell of what the last
    one found, and were not found before.

    Args:
        hidden_size: H.
        rarity: (V,) in [0, 1], of every word; forms of one word have the same.
        same: (V,) whole numbers below V, the same for all forms of one word; None: no word has several forms.
        shut: start with gates that are nearly shut: for gates that are not a softmax.
    """

    rarity: Tensor
    same: Tensor | None

    def __init__(self, hidden_size: int, rarity: Tensor, same: Tensor | None, *, shut: bool):
        super().__init__(3, hidden_size, bias=False)
        self.register_buffer("rarity", rarity)
        self.register_buffer("same", same)
        self.shut = shut

    @torch.no_grad()
    def start(self, gate: Gate) -> None:
        """Start by following shared words from fact to fact."""
        up = gate.W2.weight.sign().T  # what raises the gate by every hidden unit
        self.weight.copy_(up * torch.tensor([0.0, SHARED, -BEFORE]))
        if self.shut:
            nn.init.constant_(gate.W2.bias, SHUT)

    def of(self, rows: Packed, batch: Batch) -> "_Terms":
        """The terms of a batch."""
        sentences, questions = (self._bags(words) for words in (batch.sentence_words, batch.question_words))
        sentences = torch.cat([sentences, sentences.new_zeros(1, len(self.rarity))])  # the end-of-passes fact's
        of_fact = torch.cat([batch.fact_sentence, batch.fact_sentence.new_tensor([len(sentences) - 1])])
        sentence = of_fact[batch.rows.index]
        asked = (sentences @ questions.T)[sentence, batch.question_text[batch.rows.sequence]]
        return _Terms(rows, sentences, sentence, asked, torch.zeros_like(asked))

    def _bags(self, words: Packed) -> Tensor:
        """The rarities of each sequence's words, (B, V); 0 for a word it has not. Forms of one word are one."""
        bags = self.rarity.new_zeros(words.count, len(self.rarity))
        bags[words.sequence, words.index if self.same is None else self.same[words.index]] = self.rarity[words.index]
        return bags


class _Terms:
    """What the rows share; of each shared word its rarity, squared.

    Args:
        rows: the facts of each question.
        sentences: (U + 1, V) the rarities of the different sentences' words, the last of the end-of-passes fact.
        sentence: (N,) the sentence of the fact of each row, U for the end-of-passes fact, which shares nothing.
        asked: (N,) what the fact shares with the question.
        before: (N,) how much it counted in all passes before.
    """

    def __init__(self, rows: Packed, sentences: Tensor, sentence: Tensor, asked: Tensor, before: Tensor):
        self.rows, self.sentences, self.sentence, self.asked, self.before = rows, sentences, sentence, asked, before

    def __call__(self, g: Tensor | None) -> Tensor:
        found = self.asked
        if g is not None:
            counted = g.new_zeros(self.rows.count, len(self.sentences))
            counted = counted.index_put((self.rows.sequence, self.sentence), g, accumulate=True)
            found = (counted @ self.sentences @ self.sentences.T)[self.rows.sequence, self.sentence]
            self.before = (self.before + g).clamp(max=1)
        return torch.stack([self.asked, found, self.before], 1)

    def select(self, rows: Packed, kept: Tensor) -> "_Terms":
        return _Terms(rows, self.sentences, self.sentence[kept], self.asked[kept], self.before[kept])
