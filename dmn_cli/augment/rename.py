"""Renaming: words that could stand for each other change places, so that one story becomes many.

Two words are interchangeable where a story and the same story with the two swapped are equally likely. Whether they
are is read from the training stories alone, by the test of ``chance``: every story tells how many times more a feature
stands in it than the swapped feature. The features are to show all that an answer can hang on: order in the sentence,
what comes next, what the supporting facts, the question and the answer say together; for questions without supporting
facts, what any fact that shares a word with the question says together with it and the answer, and what a fact that
shares one with that fact says.
"""

import itertools
import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import torch

from dmn_cli.augment import chance
from dmn_cli.data.stories import Question, Story
from dmn_cli.data.words import alternatives, every_word, parts, words

Classes = list[list[str]]
"""Classes of interchangeable words and phrases, both in alphabetical order. A phrase that stands alone is not renamed,
and nor are its words."""

Feature = tuple[str, tuple[int, ...], tuple[str, ...]]
"""A kind, numbers, and words: swapping two words swaps them in the last part."""

EVERYWHERE = 0.9
"""The part of all facts, or of all questions, that hold a word which belongs to no phrase."""

STORIES = 1000
"""Stories looked at, at most: enough to tell words apart."""

FEWEST = 25
"""Stories that a word must stand in; of a rarer one too little is known."""

LARGEST = 4.0
"""Standard deviations from chance that two words of a class may have."""

JOINT = "_"
"""Between the words of a phrase while it is taken for one word."""

MOST_ANSWERS = 1000
"""Renamed forms of an answer beyond which they are not listed."""


def find_classes(stories: Sequence[Story]) -> Classes:
    """Find the words that can be renamed, in training stories alone; the same stories give the same classes.

    Every two words of a class have passed the test; when in doubt, words stay apart.
    """
    phrases = find_phrases(stories)
    stories = [_map(story, lambda text: _join(text, phrases)) for story in stories[:STORIES]]
    number, table = chance.table([Counter(_features(story)) for story in stories])
    alone: dict[str, list[Feature]] = defaultdict(list)
    features_of: dict[str, list[Feature]] = defaultdict(list)
    for feature in number:
        if len(feature[2]) == 1:
            alone[feature[2][0]].append(feature)
        for word in set(feature[2]):
            features_of[word].append(feature)

    signs = chance.tosses(len(stories))
    distance: dict[tuple[str, str], float] = {}
    for first, second in itertools.combinations(_candidates(stories), 2):
        for features in (alone, features_of):  # most fail the first test, which is quick
            pairs = _swapped(itertools.chain(features[first], features[second]), first, second)
            left = torch.tensor([number[feature] for feature in pairs])
            right = torch.tensor([number.get(feature, len(number)) for feature in pairs.values()])
            kinds = [feature[0] for feature in pairs]
            distance[first, second] = chance.far_from((table[left] - table[right]).float(), kinds, signs)
            if distance[first, second] == math.inf:
                break
    classes = _cliques(distance)
    found = {word for kind in classes for word in kind}
    parts = {JOINT.join(phrase): phrase for phrase in phrases}
    kept = [[word] for word in parts if word not in found and found & {*parts[word]}]
    return sorted([" ".join(parts.get(word, [word])) for word in kind] for kind in classes + kept)


def find_phrases(stories: Iterable[Story]) -> list[list[str]]:
    """Words that stand for one thing together (*pink rectangle*, *box of chocolates*), the longest first.

    Two neighbours are joined if one of them never stands without the other; then the same for what this leaves. Words
    that are in nearly every sentence, like *the*, or in an answer are left alone.
    """
    facts = [words(fact) for story in stories for fact in story.facts]
    questions = [words(question.text) for story in stories for question in story.questions]
    alone = {word for story in stories for question in story.questions for word in every_word(question.answer)}
    for texts in (facts, questions):
        held = Counter(word for text in texts for word in set(text))
        alone.update(word for word, count in held.items() if count >= EVERYWHERE * len(texts))
    texts = facts + questions
    parts: dict[str, list[str]] = {}
    while True:
        counts = Counter(itertools.chain.from_iterable(texts))
        pairs = Counter(pair for text in texts for pair in itertools.pairwise(text) if not alone & {*pair})
        joined = [[*pair] for pair, n in pairs.items() if n >= FEWEST and n in (counts[pair[0]], counts[pair[1]])]
        if not joined:
            return sorted((parts[word] for word in counts if word in parts), key=lambda phrase: -len(phrase))
        parts |= {JOINT.join(pair): [part for word in pair for part in parts.get(word, [word])] for pair in joined}
        texts = [_join(text, joined) for text in texts]


def _join(text: list[str], phrases: Sequence[list[str]], joint: str = JOINT) -> list[str]:
    """A sentence with the words of each phrase as one word; of two phrases that fit, the one named first."""
    joined: list[str] = []
    at = 0
    while at < len(text):
        phrase = next((phrase for phrase in phrases if text[at : at + len(phrase)] == phrase), text[at : at + 1])
        joined.append(joint.join(phrase))
        at += len(phrase)
    return joined


def rename(stories: Iterable[Story], classes: Classes, seed: str) -> list[Story]:
    """Every story with the words of each class in a new order of its own.

    Args:
        stories: the stories.
        classes: of interchangeable words.
        seed: decides the orders, and nothing else does.

    Returns:
        the stories in lower case and without punctuation, which is all that encoding looks at.
    """
    generator = random.Random(seed)
    phrases = _phrases(classes)
    return [_renamed(story, _order(classes, generator), phrases) for story in stories]


def answers(stories: Iterable[Story], classes: Classes) -> list[str]:
    """All answers that renaming can make of those of the stories, in alphabetical order.

    Answers with more than ``MOST_ANSWERS`` renamed forms (long lists) are left out.
    """
    found: set[str] = set()
    for answer in {one for story in stories for q in story.questions for one in alternatives(q.answer)}:
        used = [[word for word in kind if word in every_word(answer)] for kind in classes]
        if math.prod(math.perm(len(kind), len(some)) for kind, some in zip(classes, used, strict=True)) > MOST_ANSWERS:
            continue
        orders = (itertools.permutations(kind, len(some)) for kind, some in zip(classes, used, strict=True))
        before = [word for some in used for word in some]
        for order in itertools.product(*orders):
            new = dict(zip(before, itertools.chain(*order), strict=True))
            renamed = ([new.get(word, word) for word in part.split()] for part in parts(answer))
            found.add(",".join(map(" ".join, renamed)))
    return sorted(found)


def _order(classes: Classes, generator: random.Random) -> dict[str, str]:
    return {old: new for kind in classes for old, new in zip(kind, generator.sample(kind, len(kind)), strict=True)}


def _phrases(classes: Classes) -> list[list[str]]:
    """Those among the words of classes, the longest first."""
    several = (word.split() for kind in classes for word in kind if " " in word)
    return sorted(several, key=lambda phrase: -len(phrase))


def _renamed(story: Story, new: dict[str, str], phrases: Sequence[list[str]]) -> Story:
    return _map(story, lambda text: [new.get(word, word) for word in _join(text, phrases, " ")])


def _map(story: Story, change: Callable[[list[str]], list[str]]) -> Story:
    """A story with the words of every sentence, and of every part of an answer, changed."""

    def text(sentence: str) -> str:
        return " ".join(change(words(sentence)))

    def answer(whole: str) -> str:
        return "|".join(",".join(" ".join(change(part.split())) for part in parts(one)) for one in alternatives(whole))

    questions = [replace(q, text=text(q.text), answer=answer(q.answer)) for q in story.questions]
    return Story(tuple(map(text, story.facts)), tuple(questions))


# --- what a story tells of its words


def _features(story: Story) -> Iterator[Feature]:
    """What a story tells, as often as it does: of its facts, and of its questions with theirs."""
    facts = [words(fact) for fact in story.facts]
    latest: dict[str, int] = {}  # the last fact so far that holds a word
    for at, fact in enumerate(facts):
        yield from _sentence("fact", fact)
        if at:
            yield from _pairs("next", (), facts[at - 1], fact)
        for word in dict.fromkeys(fact):
            if word in latest:
                yield from _linked("again", (), facts[latest[word]], fact, word)
            else:
                yield from _pairs("first", (), [word], fact)
            latest[word] = at
    for question in story.questions:
        yield from _question(question, facts)


def _question(question: Question, facts: list[list[str]]) -> Iterator[Feature]:
    text, answer = words(question.text), every_word(question.answer)
    yield from _sentence("question", text)
    yield from _pairs("asked", (), text, answer)
    yield from _pairs("answer", (), answer, answer)
    yield from (("answered", (at, len(answer)), (word,)) for at, word in enumerate(answer))
    for word in dict.fromkeys(text):
        if holding := [fact for fact in facts[: question.facts] if word in fact]:
            yield from _pairs("last asked", (), [word], holding[-1])
            yield from _pairs("last answered", (), holding[-1], answer)
    supporting = question.supporting
    for order, at in enumerate(supporting):
        place = (min(order, 3), min(len(supporting) - order, 3))  # among the supporting facts, from both ends
        fact = facts[at]
        yield from _pairs("supporting asked", place, fact, text)
        yield from _pairs("supporting answered", place, fact, answer)
        yield from _matches(place, fact, text, answer)
        if order:
            before = supporting[order - 1]
            yield from _pairs("chain", (before < at,), facts[before], fact)
            for word in set(facts[before]) & set(fact):
                yield from _linked("linked", place, facts[before], fact, word)
    if not supporting:
        for fact in facts[: question.facts]:
            yield from _matches((0, 0), fact, text, answer)
        yield from _hops(facts[: question.facts], text, answer)


def _sentence(kind: str, sentence: list[str]) -> Iterator[Feature]:
    """Where words stand in a sentence, which follow each other, and which stand together."""
    for at, word in enumerate(sentence):
        yield f"{kind} start", (at,), (word,)
        yield f"{kind} end", (len(sentence) - at,), (word,)
    for two in itertools.pairwise(sentence):
        yield f"{kind} order", (), two
    yield from _pairs(kind, (), sentence, sentence)


def _pairs(kind: str, numbers: tuple[int, ...], left: Iterable[str], right: Iterable[str]) -> Iterator[Feature]:
    right = dict.fromkeys(right)
    return ((kind, numbers, (one, other)) for one in dict.fromkeys(left) for other in right)


def _linked(kind: str, place: tuple[int, ...], one: list[str], other: list[str], word: str) -> Iterator[Feature]:
    """Two facts that share a word, whichever it is: where it stands in them, and what stands around it."""
    return _pairs(kind, (*place, one.index(word), other.index(word)), one, other)


def _matches(place: tuple[int, int], fact: list[str], text: list[str], answer: list[str]) -> Iterator[Feature]:
    """A fact that shares a word with the question, whichever it is, and the answer to that."""
    for (asked, word), (told, same) in itertools.product(enumerate(text), enumerate(fact)):
        if word != same:
            continue
        for at, part in enumerate(answer):
            yield from (("match", (*place, asked, told, at, spot), (near, part)) for spot, near in enumerate(fact))
            for near, other in itertools.product(dict.fromkeys(fact), dict.fromkeys(text)):
                if other != word:
                    yield "match asked", (asked, told, at), (near, other, part)


def _hops(facts: list[list[str]], text: list[str], answer: list[str]) -> Iterator[Feature]:
    """A fact that shares a word with the last one which shares a word with the question; and the answer.

    A word of most facts links nothing.
    """
    held = Counter(word for fact in facts for word in dict.fromkeys(fact))
    linking = {word for word, count in held.items() if count <= len(facts) / 2}
    for asked, word in enumerate(text):
        holding = [at for at, fact in enumerate(facts) if word in fact] if word in linking else []
        for (told, link), at in itertools.product(enumerate(facts[holding[-1]]) if holding else (), range(len(facts))):
            if link in linking and link != word and at != holding[-1] and link in facts[at]:
                yield from _pairs("hop", (asked, told, facts[at].index(link)), facts[at], answer)


# --- the test


def _candidates(stories: Sequence[Story]) -> list[str]:
    """The words of facts and questions but the rare; a word of answers alone (*yes*, *two*) is never renamed."""
    texts = [{w for text in (*s.facts, *(q.text for q in s.questions)) for w in words(text)} for s in stories]
    return sorted(word for word, count in Counter(itertools.chain(*texts)).items() if count >= FEWEST)


def _swapped(features: Iterable[Feature], one: str, other: str) -> dict[Feature, Feature]:
    """Each feature with what the swap of two words makes of it; of two that become each other, one."""
    swap = {one: other, other: one}
    pairs: dict[Feature, Feature] = {}
    for kind, numbers, these in features:
        swapped = (kind, numbers, tuple(swap.get(word, word) for word in these))
        if swapped not in pairs:
            pairs[kind, numbers, these] = swapped
    return pairs


def _cliques(distance: dict[tuple[str, str], float]) -> Classes:
    """Join the nearest words first, and classes only where every two of their words have passed."""
    classes: list[list[str]] = []
    of: dict[str, list[str]] = {}
    for (one, other), near in sorted(distance.items(), key=lambda item: item[1]):
        if near > LARGEST:
            break
        left, right = of.setdefault(one, [one]), of.setdefault(other, [other])
        if left is right or any(distance[min(a, b), max(a, b)] > LARGEST for a in left for b in right):
            continue
        left += right
        of.update(dict.fromkeys(right, left))
    for kind in of.values():
        if len(kind) > 1 and sorted(kind) not in classes:
            classes.append(sorted(kind))
    return sorted(classes)
