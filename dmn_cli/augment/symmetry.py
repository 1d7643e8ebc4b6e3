"""Whether stories whose words change places are as likely as the stories themselves, by the test of ``chance``."""

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dmn_cli.augment.chance import CLEAR, MOST, far_from, tosses
from dmn_cli.augment.telling import Feature, Told, tells
from dmn_cli.data.stories import Story

CELLS = 40_000_000
"""Features times stories that a table has at most: 80 MB."""

TELLINGS = 12_000_000
"""Features that are counted at most, each as often as it is told."""

GROUPS = 6_000_000
"""Groups of features that are told at most."""

MOST_WORDS = 3
"""Words of a feature."""


@dataclass
class Table:
    """How often each feature stands in each story.

    Attributes:
        number: of each tested word, from 1.
        code: (F,) the features as whole numbers, ascending.
        place: (F,) the number of all that is not a tested word in it: its kind, its numbers, its other words.
        kind: (F,) the number of its kind.
        words: (F, 3) its tested words, 0 where it has none.
        alone: (F,) whether it has no more than one word.
        counts: (F + 1, S) in the last row nothing.
        of: the features of each word.
        signs: of ``chance.tosses``.
        work: cells that tests have looked at so far.
    """

    number: dict[str, int]
    code: Tensor
    place: Tensor
    kind: Tensor
    words: Tensor
    alone: Tensor
    counts: Tensor
    of: dict[str, Tensor]
    signs: Tensor
    work: int = 0

    def __post_init__(self) -> None:
        rows = self.counts.split(8192)
        self.sums = torch.cat([part.sum(1, dtype=torch.float32) for part in rows])
        self.squares = torch.cat([part.float().square().sum(1) for part in rows])

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
        # no difference has more variance than both squares together
        if ((self.sums[rows] - self.sums[found]) ** 2 > (self.squares[rows] + self.squares[found]) * CLEAR**2).any():
            return math.inf
        distance = math.inf
        for some in (self.alone[rows], torch.ones_like(there)):  # most fail the first test, which is quick
            left, right = rows[some], found[some]
            self.work += len(left) * self.counts.shape[1]
            distance = far_from((self.counts[left] - self.counts[right]).float(), self.kind[left], self.signs)
            if distance == math.inf:
                break
        return distance


def fit(stories: Sequence[Story], words: Sequence[str]) -> Table | None:
    """The table of as many words, the first ones, as its limits allow; None if they allow no two."""
    count = len(words)
    while count > 1:
        if table := _table(stories, words[:count]):
            return table
        count //= 4
    return None


def _table(stories: Sequence[Story], tested: Sequence[str]) -> Table | None:
    """The table of all features that hold one of the words; None where it is too large."""
    known = frozenset(tested)
    features: dict[Feature, int] = {}
    made: dict[Told, array[int]] = {}
    told = array("q")
    ends = [0]
    groups = 0
    for story in stories:
        for one in tells(story):
            groups += 1
            if one not in made:
                make, arguments = one
                made[one] = array("q", [features.setdefault(f, len(features)) for f in make(*arguments, known)])
            told.extend(made[one])
            if groups > GROUPS or len(told) > TELLINGS or len(features) * len(stories) > CELLS:
                return None
        ends.append(len(told))
    lengths = torch.tensor(ends).diff()
    cell = torch.tensor(told) * len(stories) + torch.repeat_interleave(torch.arange(len(stories)), lengths)
    counts = torch.zeros((len(features) + 1) * len(stories), dtype=torch.int32)
    counts.index_add_(0, cell, torch.ones_like(cell, dtype=torch.int32))
    return _sorted(features, counts.clamp_(max=MOST).to(torch.int16).view(-1, len(stories)), tested)


def _sorted(features: Iterable[Feature], counts: Tensor, tested: Sequence[str]) -> Table:
    number = {word: at for at, word in enumerate(tested, start=1)}
    places: dict[object, int] = {}
    kinds: dict[str, int] = {}
    place, kind, words, alone = array("q"), array("q"), array("q"), array("b")
    for what, numbers, these in features:
        held = [number.get(word, 0) for word in these]
        others = tuple("" if at else word for at, word in zip(held, these, strict=True))
        place.append(places.setdefault((what, numbers, others), len(places)))
        kind.append(kinds.setdefault(what, len(kinds)))
        words.extend(held + [0] * (MOST_WORDS - len(held)))
        alone.append(len(these) == 1)
    words_F3 = torch.tensor(words).view(-1, MOST_WORDS)
    code, order = _code(torch.tensor(place), words_F3, len(tested) + 1).sort()
    words_F3 = words_F3[order]
    by_word, of = words_F3.flatten().sort(stable=True)
    ends = torch.searchsorted(by_word, torch.arange(len(tested) + 2))
    return Table(
        number=number,
        code=code,
        place=torch.tensor(place)[order],
        kind=torch.tensor(kind)[order],
        words=words_F3,
        alone=torch.tensor(alone, dtype=torch.bool)[order],
        counts=torch.cat([counts[:-1][order], counts[-1:]]),
        of={word: of[ends[at] : ends[at + 1]] // MOST_WORDS for word, at in number.items()},
        signs=tosses(counts.shape[1]),
    )


def _code(place: Tensor, words_F3: Tensor, size: int) -> Tensor:
    """Features as whole numbers, (F,): below 2^63, since there are 4 · 10^7 places and 5,000 words at most."""
    for word in words_F3.unbind(1):
        place = place * size + word
    return place
