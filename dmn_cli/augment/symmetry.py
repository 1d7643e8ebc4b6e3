"""Whether stories whose words change places are as likely as the stories themselves, by the test of ``chance``."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dmn_cli.augment.chance import CLEAR, far_from, tosses
from dmn_cli.augment.telling import Telling
from dmn_cli.data.stories import Story

TELLINGS = 4_000_000
"""Features that are counted, each as often as it is told: no further story is looked at."""

SELDOM = 3.0
"""Stories that a feature stands in, in the mean over its place, for the place to be looked at: else it says little."""

CALL = 20_000
"""The cells that take as long as everything else in a test."""


@dataclass
class Table:
    """How often each feature stands in each story: the cells that are not 0, feature by feature.

    Attributes:
        number: of each word, from 1.
        stories: S, how many were looked at.
        code: (F,) the features as whole numbers, ascending.
        place: (F,) the number of its place.
        kind: (F,) the number of its kind.
        words: (F, 3) its words, 0 where it has none.
        start: (F + 2,) where its cells begin; the last feature has none.
        story: (C,) of each cell.
        count: (C,) of each cell.
        of: the features of each word.
        work: cells that tests have looked at so far.
    """

    number: dict[str, int]
    stories: int
    code: Tensor
    place: Tensor
    kind: Tensor
    words: Tensor
    start: Tensor
    story: Tensor
    count: Tensor
    of: dict[str, Tensor]
    work: int = 0

    def __post_init__(self) -> None:
        self.signs = tosses(self.stories)
        self.alone = self.words[:, 1] == 0
        feature = torch.repeat_interleave(torch.arange(len(self.start) - 1), self.start.diff())
        zeros = torch.zeros(len(self.start) - 1)
        self.sums = zeros.index_add(0, feature, self.count)
        self.squares = zeros.index_add(0, feature, self.count.square())

    def differ(self, words: Sequence[str]) -> Tensor:
        """(W, W) whether a single feature without other words tells two words apart, beyond doubt."""
        rows = torch.cat([self.of[word][self.alone[self.of[word]]] for word in words])
        which = torch.cat([torch.full((int(self.alone[self.of[word]].sum()),), at) for at, word in enumerate(words)])
        apart = torch.zeros(len(words), len(words), dtype=torch.bool)
        for place in self.place[rows].unique():
            here = self.place[rows] == place
            sums, squares = torch.zeros(2, len(words))
            sums[which[here]], squares[which[here]] = self.sums[rows[here]], self.squares[rows[here]]
            apart |= (sums[:, None] - sums).square() > (squares[:, None] + squares) * CLEAR**2
        return apart

    def distance(self, new: Mapping[str, str]) -> float:
        """How far from chance stories are from themselves with other words: ``chance.far_from``.

        Args:
            new: what each of some words becomes: a permutation of them.
        """
        rows = torch.cat([self.of[word] for word in new]).unique()
        names = torch.arange(len(self.number) + 1)
        for old, other in new.items():
            names[self.number[old]] = self.number[other]
        wanted = _code(self.place[rows], names[self.words[rows]], len(names))
        found = torch.searchsorted(self.code, wanted).clamp(max=len(self.code) - 1)
        there = self.code[found] == wanted
        if all(new[other] == old for old, other in new.items()):  # of two features that become each other, one
            kept = ~there | (rows < found)
            rows, found, there = rows[kept], found[kept], there[kept]
        found = found.where(there, len(self.code))
        self.work += CALL
        # no difference has more variance than both squares together
        if ((self.sums[rows] - self.sums[found]) ** 2 > (self.squares[rows] + self.squares[found]) * CLEAR**2).any():
            return math.inf
        distance = math.inf
        for some in (self.alone[rows], torch.ones_like(there)):  # most fail the first test, which is quick
            left, right = rows[some], found[some]
            distance = far_from(*self._differences(left, right), self.kind[left], self.signs)
            if distance == math.inf:
                break
        return distance

    def _differences(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features' counts less those of others: the number in the list, the story, and the count, (C,) each."""
        both = torch.cat([left, right])
        length = self.start[both + 1] - self.start[both]
        row = torch.repeat_interleave(torch.arange(len(both)), length)
        cell = torch.arange(len(row)) + (self.start[both] - (length.cumsum(0) - length))[row]
        count = self.count[cell].where(row < len(left), -self.count[cell])
        self.work += len(cell)
        return row % len(left), self.story[cell], count


def table(stories: Iterable[Story], words: Sequence[str], name: Mapping[str, str] | None = None) -> Table:
    """What stories tell of words: of as many stories as ``TELLINGS`` allows. Other words are not looked at.

    Args:
        stories: the stories.
        words: the words.
        name: of each word with several forms what its forms share.
    """
    telling = Telling(words, name or {})
    for story in stories:
        telling.tell(story)
        if len(telling.told) > TELLINGS:
            break
    size, ends = telling.size, torch.tensor(telling.ends)
    story_of = torch.repeat_interleave(torch.arange(len(ends) - 1), ends.diff())
    code, feature = torch.frombuffer(telling.told, dtype=torch.long).unique(return_inverse=True)
    cell, count = (feature * len(ends) + story_of).unique(return_counts=True)
    place = code // size**3
    held = place[cell // len(ends)].bincount(minlength=len(telling.places)) / place.bincount(
        minlength=len(telling.places)
    )
    often = held[place] >= SELDOM
    kept = often[cell // len(ends)]
    cell, count, code, place = cell[kept], count[kept], code[often], place[often]
    cell = (often.cumsum(0) - 1)[cell // len(ends)] * len(ends) + cell % len(ends)
    words_F3 = torch.stack([code // size**2 % size, code // size % size, code % size], 1)
    kinds: dict[object, int] = {}
    kind = torch.tensor([kinds.setdefault(name, len(kinds)) for name, *_ in telling.places])
    by_word, of = words_F3.flatten().sort(stable=True)
    borders = torch.searchsorted(by_word, torch.arange(size + 1))
    return Table(
        number=telling.number,
        stories=len(ends) - 1,
        code=code,
        place=place,
        kind=kind[place],
        words=words_F3,
        start=torch.searchsorted(cell, torch.arange(len(code) + 2) * len(ends)),
        story=cell % len(ends),
        count=count.float(),
        of={word: (of[borders[at] : borders[at + 1]] // 3).unique() for word, at in telling.number.items()},
    )


def _code(place: Tensor, words_F3: Tensor, size: int) -> Tensor:
    """Features as whole numbers, (F,): below 2^63 with 5,000 words and 7 · 10^7 places."""
    for word in words_F3.unbind(1):
        place = place * size + word
    return place
