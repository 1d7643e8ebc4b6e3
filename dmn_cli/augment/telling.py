"""What a story tells of its words: features that show all that an answer can hang on.

They are order in the sentence, what comes next, what the supporting facts, the question and the answer say together;
for questions without supporting facts, what any fact that shares a word with the question says together with it and
the answer, and what a fact that shares one with that fact says.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterator

from dmn_cli.data.stories import Question, Story
from dmn_cli.data.words import every_word, words

Numbers = tuple[int, ...]

Feature = tuple[str, Numbers, tuple[str, ...]]
"""A kind, numbers, and one to three words: renaming words renames them in the last part."""

Words = tuple[str, ...]

Told = tuple[Callable[..., Iterator[Feature]], tuple[object, ...]]
"""Features not yet made, since most are told many times: a function and its arguments, but for the tested words."""


def tells(story: Story) -> Iterator[Told]:
    """What a story tells, as often as it does: of its facts, and of its questions with theirs."""
    facts = [tuple(words(fact)) for fact in story.facts]
    latest: dict[str, int] = {}  # the last fact so far that holds a word
    for at, fact in enumerate(facts):
        yield _sentence, ("fact", fact)
        if at:
            yield _pairs, ("next", (), facts[at - 1], fact)
        for word in dict.fromkeys(fact):
            if word in latest:
                yield _linked, ("again", (), facts[latest[word]], fact, word)
            else:
                yield _pairs, ("first", (), (word,), fact)
            latest[word] = at
    for question in story.questions:
        yield from _asked(question, facts)


def _asked(question: Question, facts: list[Words]) -> Iterator[Told]:
    text, answer = tuple(words(question.text)), tuple(every_word(question.answer))
    yield _sentence, ("question", text)
    yield _pairs, ("asked", (), text, answer)
    yield _pairs, ("answer", (), answer, answer)
    yield _answered, (answer,)
    for word in dict.fromkeys(text):
        if holding := [fact for fact in facts[: question.facts] if word in fact]:
            yield _pairs, ("last asked", (), (word,), holding[-1])
            yield _pairs, ("last answered", (), holding[-1], answer)
    supporting = question.supporting
    for order, at in enumerate(supporting):
        place = (min(order, 3), min(len(supporting) - order, 3))  # among the supporting facts, from both ends
        fact = facts[at]
        yield _pairs, ("supporting asked", place, fact, text)
        yield _pairs, ("supporting answered", place, fact, answer)
        yield _matches, (place, fact, text, answer)
        if order:
            before = supporting[order - 1]
            yield _pairs, ("chain", (before < at,), facts[before], fact)
            for word in set(facts[before]) & set(fact):
                yield _linked, ("linked", place, facts[before], fact, word)
    if not supporting:
        for fact in facts[: question.facts]:
            yield _matches, ((0, 0), fact, text, answer)
        yield from _hops(facts[: question.facts], text, answer)


def _sentence(kind: str, sentence: Words, tested: Collection[str]) -> Iterator[Feature]:
    """Where words stand in a sentence, which follow each other, and which stand together."""
    for at, word in enumerate(sentence):
        if word in tested:
            yield f"{kind} start", (at,), (word,)
            yield f"{kind} end", (len(sentence) - at,), (word,)
    for two in itertools.pairwise(sentence):
        yield f"{kind} order", (), two
    yield from _pairs(kind, (), sentence, sentence, tested)


def _pairs(kind: str, numbers: Numbers, left: Words, right: Words, tested: Collection[str]) -> Iterator[Feature]:
    others = dict.fromkeys(right)
    known = [other for other in others if other in tested]
    for one in dict.fromkeys(left):
        yield from ((kind, numbers, (one, other)) for other in (others if one in tested else known))


def _answered(answer: Words, tested: Collection[str]) -> Iterator[Feature]:
    return (("answered", (at, len(answer)), (word,)) for at, word in enumerate(answer) if word in tested)


def _linked(
    kind: str, place: Numbers, one: Words, other: Words, word: str, tested: Collection[str]
) -> Iterator[Feature]:
    """Two facts that share a word, whichever it is: where it stands in them, and what stands around it."""
    return _pairs(kind, (*place, one.index(word), other.index(word)), one, other, tested)


def _matches(place: Numbers, fact: Words, text: Words, answer: Words, tested: Collection[str]) -> Iterator[Feature]:
    """A fact that shares a word with the question, whichever it is, and the answer to that."""
    for (asked, word), (told, same) in itertools.product(enumerate(text), enumerate(fact)):
        if word != same:
            continue
        for at, part in enumerate(answer):
            yield from (("match", (*place, asked, told, at, spot), (near, part)) for spot, near in enumerate(fact))
            for (spot, near), (site, other) in itertools.product(enumerate(fact), enumerate(text)):
                if other != word:
                    yield f"match asked {spot} {site}", (asked, told, at), (near, other, part)


def _hops(facts: list[Words], text: Words, answer: Words) -> Iterator[Told]:
    """A fact that shares a word with the last one which shares a word with the question; and the answer.

    A word of most facts links nothing.
    """
    held = Counter(word for fact in facts for word in dict.fromkeys(fact))
    linking = {word for word, count in held.items() if count <= len(facts) / 2}
    for asked, word in enumerate(text):
        holding = [at for at, fact in enumerate(facts) if word in fact] if word in linking else []
        for (told, link), at in itertools.product(enumerate(facts[holding[-1]]) if holding else (), range(len(facts))):
            if link in linking and link != word and at != holding[-1] and link in facts[at]:
                yield _pairs, ("hop", (asked, told, facts[at].index(link)), facts[at], answer)
