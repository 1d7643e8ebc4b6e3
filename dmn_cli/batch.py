"""The layout the model computes on: packed rows, and a batch of questions with the stories they are asked of.

Sequences of different lengths are packed, longest first, step by step: the rows of step t are those of the
sequences that have a step t. No row is padding, so nothing needs a mask and nothing is computed in vain.

Sizes: N rows, B sequences, S stories, F facts, Q questions, T question texts, U sentence texts, K supporting facts.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Packed:
    """Sequences packed step by step, longest first.

    Attributes:
        index: (N,) what each row stands for: a row of some table.
        sequence: (N,) the sequence of each row: 0, 1, … within a step.
        step: (N,) the step of each row.
        sizes: how many sequences have a first, second, … step; never rising.
        count: B, how many sequences there are, empty ones too.
    """

    index: Tensor
    sequence: Tensor
    step: Tensor
    sizes: list[int]
    count: int

    def of(self, index: Tensor) -> "Packed":
        """The same rows, standing for something else."""
        return replace(self, index=index)

    def lengths(self) -> Tensor:
        """(B,) how many rows each sequence has."""
        return torch.bincount(self.sequence, minlength=self.count)

    def row(self, sequence: Tensor, step: Tensor) -> Tensor:
        """The row of a sequence's step, both of any one shape."""
        starts = torch.tensor([0, *self.sizes[:-1]], device=step.device).cumsum(0)
        return starts[step] + sequence

    def select(self, sequences: Tensor) -> tuple["Packed", Tensor]:
        """The same rows for some sequences only, which are numbered anew.

        Args:
            sequences: (B,) bool, the ones to keep.

        Returns:
            their packed rows, and (n,) which of the N rows these are.
        """
        rows = sequences[self.sequence].nonzero().squeeze(1)
        number = sequences.cumsum(0) - 1
        step = self.step[rows]
        sizes = torch.bincount(step).tolist()
        kept = Packed(self.index[rows], number[self.sequence[rows]], step, sizes, int(sequences.sum()))
        return kept, rows

    def padded(self, values: Tensor, fill: float) -> Tensor:
        """Values of the rows, (N,), as a table (B, steps) filled up with ``fill``."""
        table = values.new_full((self.count, max(len(self.sizes), 1)), fill)
        return table.index_put((self.sequence, self.step), values)


@dataclass(frozen=True, slots=True)
class Sentences:
    """Different sentences, each as a bag of weighted words (U sentences, W words in all).

    Attributes:
        words: (W,) word numbers, sentence after sentence.
        starts: (U,) where each sentence starts among them.
        first: (W,) 1 − j/M for the j-th of M words.
        second: (W,) 1 − 2j/M.
    """

    words: Tensor
    starts: Tensor
    first: Tensor
    second: Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Questions, sorted by their number of facts, most first, and the stories they are asked of.

    Attributes:
        story_words: the stories' words (S sequences; index = word number), each fact closed by <eof>.
        fact_ends: (F,) the row of ``story_words`` at which each fact ends.
        sentences: the different sentences among the facts, the longest first.
        sentence_words: the same sentences (U sequences; index = word number).
        fact_sentence: (F,) the sentence of each fact.
        story_facts: the stories' facts (S sequences; index = fact).
        question_words: the different question texts (T sequences; index = word number).
        question_text: (Q,) the text of each question.
        rows: the facts each question may use (Q sequences; index = fact, F for the end-of-passes fact).
        supporting: (Q, K) steps of ``rows`` at which the supporting facts stand, in order, −1 where there is none.
        answer: (Q,) the answer among the answers of training, −1 for one that training has never seen.
        answer_words: (Q, L) the answer's words and the end token, then −1; an unseen word is −2.
        also: (Q, A) other answers that are as right, −1 where there is none.
        also_words: (Q, A, L) their words, as in ``answer_words``.
        number: (Q,) which questions of the data set these are.
    """

    story_words: Packed
    fact_ends: Tensor
    sentences: Sentences
    sentence_words: Packed
    fact_sentence: Tensor
    story_facts: Packed
    question_words: Packed
    question_text: Tensor
    rows: Packed
    supporting: Tensor
    answer: Tensor
    answer_words: Tensor
    also: Tensor
    also_words: Tensor
    number: Tensor

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return _to(self, device)  # type: ignore[no-any-return]


def _to(value: Any, device: torch.device | str) -> Any:
    """A tensor, or the tensors of one of the classes above, on a device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, Packed | Sentences | Batch):
        return replace(value, **{field.name: _to(getattr(value, field.name), device) for field in fields(value)})
    return value
