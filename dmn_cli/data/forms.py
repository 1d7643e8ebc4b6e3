"""Forms of one word, as *cat* and *cats*: found from how words are spelled and from where they stand.

Two words may be forms of one if they begin alike and go on with endings that other words have as well (Goldsmith,
Unsupervised Learning of the Morphology of a Natural Language, 2001: an ending counts where several stems have it). And
one never stands in a sentence in which the other could stand: *kitchen* and *garden* change places, forms do not.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence

from dmn_cli.data.stories import Story
from dmn_cli.data.words import alternatives, parts, words

STEM = 3
"""Letters that forms of a word share at their beginning, at least; and at least half of the longer one."""

STEMS = 2
"""Different stems that go on with the same two endings, at least."""

Texts = Sequence[Sequence[str]]


def of_stories(stories: Iterable[Story]) -> dict[str, str]:
    """The forms in stories, as ``find`` gives them; a part of an answer is a sentence as well."""
    told: dict[str, list[str]] = {}
    for story in stories:
        for text in (*story.facts, *(question.text for question in story.questions)):
            if text not in told:
                told[text] = words(text)
        for question in story.questions:
            for one in alternatives(question.answer):
                told |= {part: part.split() for part in parts(one)}
    return find([*told.values()])


def find(texts: Texts) -> dict[str, str]:
    """The name of each word that has several forms: the same for all of them, the first in alphabetical order."""
    pairs = _productive({word for text in texts for word in text})
    apart = _exchanged(texts, {word for pair in pairs for word in pair})
    name: dict[str, str] = {}
    for one, other in sorted(pairs):
        if (one, other) not in apart:
            old, new = sorted((name.get(one, one), name.get(other, other)), reverse=True)
            name |= {one: new, other: new} | {word: new for word, its in name.items() if its == old}
    return name


def shared(*some: str) -> int:
    """How many letters words share at their beginning."""
    return next((at for at, letters in enumerate(zip(*some, strict=False)) if len({*letters}) > 1), min(map(len, some)))


def _productive(known: Iterable[str]) -> set[tuple[str, str]]:
    """Two words, in alphabetical order, that begin alike, with endings that several stems have."""
    alike: dict[str, list[str]] = defaultdict(list)
    for word in sorted(known):
        if word.isalpha():
            alike[word[:STEM]].append(word)
    stems: dict[tuple[str, str], dict[str, tuple[str, str]]] = defaultdict(dict)
    for some in alike.values():
        for one, other in itertools.combinations(some, 2):
            stem = shared(one, other)
            if stem >= STEM and 2 * stem >= max(len(one), len(other)):
                stems[one[stem:], other[stem:]][one[:stem]] = one, other
    return {pair for of_stem in stems.values() if len(of_stem) >= STEMS for pair in of_stem.values()}


def _exchanged(texts: Texts, known: set[str]) -> set[tuple[str, str]]:
    """Those among some words that stand in the same place of the same sentence, in both orders."""
    there: dict[tuple[tuple[str, ...], tuple[str, ...]], set[str]] = defaultdict(set)
    for text in texts:
        for at, word in enumerate(text):
            if word in known:
                there[tuple(text[:at]), tuple(text[at + 1 :])].add(word)
    return {pair for some in there.values() for pair in itertools.permutations(some, 2)}
