"""Reordering: where the order of facts says nothing, they change places, so that one story becomes many.

Whether it says nothing is read from the training stories alone, by the test of ``chance``: if so, a story is as likely
as the same story told backwards, and as the same with its facts in any other order. (Backwards shows best what comes
first; but who stands between two others in a queue is the same from both its ends.) The features are to show all that
an answer can hang on: of facts that follow each other, which words come first, and what each shares with the other,
with the question, with the answer and with other facts that tell the answer. When in doubt, the order stays.
"""

import itertools
import logging
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import torch

from dmn_cli.augment import chance
from dmn_cli.data.stories import Question, Story
from dmn_cli.data.words import every_word, words

Feature = tuple[object, ...]
"""A kind, and what tells two facts in their order apart from the same two swapped."""

PAIRS = 15_000
"""Of facts that are looked at: enough to see an order."""

TELLINGS = 600_000
"""Features that are counted, each as often as it is told: no further story is looked at."""

FEWEST = 500
"""Questions; of fewer too little is known."""

SLIGHT = 6.0
"""Standard deviations from chance that an order may have: in bAbI's task 19 the last fact is needed a little more often
than others, which says nothing of the answer. In tasks where order matters it is 10 or more."""


log = logging.getLogger(__name__)


def reorder(stories: Iterable[Story], seed: str) -> list[Story]:
    """Every story with its facts in another order; each question comes after the same facts as before.

    Args:
        stories: the stories.
        seed: decides the orders, and nothing else does.
    """
    generator = random.Random(seed)
    return [_reordered(story, generator) for story in stories]


def _reordered(story: Story, generator: random.Random) -> Story:
    ends = sorted({0, len(story.facts), *(question.facts for question in story.questions)})
    stretches = [generator.sample(range(first, last), last - first) for first, last in itertools.pairwise(ends)]
    old = list(itertools.chain.from_iterable(stretches))
    new = {fact: number for number, fact in enumerate(old)}
    questions = (replace(q, supporting=tuple(new[fact] for fact in q.supporting)) for q in story.questions)
    return Story(tuple(story.facts[fact] for fact in old), tuple(questions))


def is_free(stories: Iterable[Story]) -> bool:
    """Whether the order of facts says nothing, as far as these stories tell; supporting facts are not looked at."""
    stories = list(stories)
    looked_at, told = _enough(stories)
    if sum(len(story.questions) for story in looked_at) < FEWEST:
        if len(looked_at) < len(stories):
            log.warning("note: data.reordered: the facts keep their order: to look at such long stories takes too long")
        return False
    parts = [_parts(story) for story in looked_at]
    backwards = (_features([(after, fact) for fact, after in pairs], facts, asked) for pairs, facts, asked in parts)
    if _far(told, backwards) > SLIGHT:
        return False
    others = reorder(looked_at, "any other order")
    return _far(told, (_features(*_parts(other)) for other in others)) <= SLIGHT


def _enough(stories: Iterable[Story]) -> tuple[list[Story], list[Counter[Feature]]]:
    """The first stories, with ``PAIRS`` pairs of facts or ``TELLINGS`` features; and what each of them tells."""
    looked_at: list[Story] = []
    told: list[Counter[Feature]] = []
    pairs, left = 0, TELLINGS
    for story in stories:
        left -= sum(question.facts for question in story.questions)  # which takes time, too
        if pairs >= PAIRS or left <= 0:
            break
        follow, facts, asked = _parts(story)
        count = Counter(itertools.islice(_features(follow, facts, asked), left + 1))
        if count.total() > left:
            break
        pairs += len(follow)
        left -= count.total()
        looked_at.append(story)
        told.append(count)
    return looked_at, told


def _parts(story: Story) -> tuple[list[tuple[int, int]], list[list[str]], list["_Asked"]]:
    """Of a story the pairs of facts that tell of their order, the words of its facts, and its questions."""
    facts = [words(fact) for fact in story.facts]
    return _follow(facts), facts, [_asked(question, facts[: question.facts]) for question in story.questions]


def _far(told: list[Counter[Feature]], others: Iterable[Iterable[Feature]]) -> float:
    """How far from chance the differences between stories and their changed copies are."""
    counts = [one.copy() for one in told]
    for one, other in zip(counts, others, strict=True):
        one.subtract(other)
    number: dict[Feature, int] = {}
    kinds: dict[str, int] = {}
    cells = [(number.setdefault(f, len(number)), at, n) for at, count in enumerate(counts) for f, n in count.items()]
    kind = torch.tensor([kinds.setdefault(str(feature[0]), len(kinds)) for feature in number])
    feature, story, difference = torch.tensor(cells).T
    return chance.far_from(feature, story, difference.float(), kind, chance.tosses(len(counts)))


def _follow(facts: list[list[str]]) -> list[tuple[int, int]]:
    """Every fact with the next one, and with the next one that has a certain word of it."""
    pairs = set(itertools.pairwise(range(len(facts))))
    last: dict[str, int] = {}
    for at, fact in enumerate(facts):
        pairs.update((last[word], at) for word in fact if last.get(word, at) != at)
        last.update(dict.fromkeys(fact, at))
    return sorted(pairs)


class _Asked(NamedTuple):
    """The words of an answer; and of each fact before its question the places of the words that it shares.

    Attributes:
        answer: the words.
        shares: with the question.
        tells: with the answer.
        leads: with another fact that tells a word of the answer.
    """

    answer: list[str]
    shares: list[tuple[int, ...]]
    tells: list[tuple[int, ...]]
    leads: list[tuple[int, ...]]


def _asked(question: Question, facts: list[list[str]]) -> _Asked:
    text, answer = words(question.text), every_word(question.answer)
    telling = [Counter({*fact}) if {*fact} & {*answer} else Counter() for fact in facts]
    every = sum(telling, Counter())
    shares, tells = [_places(fact, text) for fact in facts], [_places(fact, answer) for fact in facts]
    leads = [_places(fact, every - own) for fact, own in zip(facts, telling, strict=True)]
    return _Asked(answer, shares, tells, leads)


def _places(fact: list[str], others: Iterable[str]) -> tuple[int, ...]:
    others = {*others}
    return tuple(at for at, word in enumerate(fact) if word in others)


def _features(pairs: Iterable[tuple[int, int]], facts: list[list[str]], questions: list[_Asked]) -> Iterator[Feature]:
    """What a story tells of pairs of its facts, if the first of each comes first."""
    for first, second in pairs:
        one, other = facts[first], facts[second]
        link = frozenset((a, b) for a, word in enumerate(one) for b, same in enumerate(other) if word == same)
        apart = [(a, b) for a in dict.fromkeys(one) for b in dict.fromkeys(other) if a != b]
        yield from (("words", *two) for two in apart)
        yield from (("linked", link, *two) for two in apart)
        for asked in questions:
            if max(first, second) >= len(asked.shares):
                continue
            shares, tells, leads = (
                (of_fact[first], of_fact[second]) for of_fact in (asked.shares, asked.tells, asked.leads)
            )
            yield "asked", shares, tells
            yield "led", link, shares, tells, leads
            for at, part in enumerate(asked.answer):
                yield "answered", at, part, shares
                yield from (("told", at, part, *two) for two in apart if not {*two} & {*one} & {*other})
