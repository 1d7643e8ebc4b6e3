"""Renaming: words that could stand for each other change places, so that one story becomes many.

Words are interchangeable where a story and the same story with these words permuted are equally likely. Whether they
are is read from the training stories alone, by the test of ``chance``: every story tells how many times more a feature
stands in it than the renamed feature. ``telling`` makes the features, ``symmetry`` tests them.
"""

import itertools
import logging
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dmn_cli.augment import symmetry
from dmn_cli.augment.symmetry import Table
from dmn_cli.data.stories import Story
from dmn_cli.data.words import alternatives, every_word, parts, words

Classes = list[list[str]]
"""Classes of interchangeable words and phrases, both in alphabetical order. A phrase that stands alone is not renamed,
and nor are its words."""

EVERYWHERE = 0.9
"""The part of all facts, or of all questions, that hold a word which belongs to no phrase."""

STORIES = 1000
"""Stories looked at, at most: enough to tell words apart."""

WORDS = 5000
"""Words looked at, at most."""

FEWEST = 25
"""Stories that a word must stand in; of a rarer one too little is known."""

LARGEST = 3.5
"""Standard deviations from chance that two words may have, in the mean over the pairs between two groups that join."""

WORK = 20_000_000
"""Cells of the table that swaps are tested on at most."""

PERMUTATIONS = 6
"""Of a whole class that are tested."""

CERTAIN = 4.5
"""Standard deviations from chance that each of them may have."""

JOINT = "_"
"""Between the words of a phrase while it is taken for one word."""

MOST_ANSWERS = 1000
"""Renamed forms of an answer beyond which they are not listed."""

log = logging.getLogger(__name__)


def find_classes(stories: Sequence[Story]) -> Classes:
    """Find the words that can be renamed, in training stories alone; the same stories give the same classes.

    Both swaps of two words of a class and permutations of the whole class have passed the test; when in doubt, words
    stay apart. The work has limits, which are counts and not times; what they leave out is logged.
    """
    stories = stories[:STORIES]
    phrases = find_phrases(stories)
    stories = [_map(story, lambda text: _join(text, phrases)) for story in stories]
    known = [word for word, count in _held(stories).most_common(WORDS) if count >= FEWEST]
    if len(known) < 2:
        return []
    log.info("looking for words to rename among the %d that are in %d stories or more", len(known), FEWEST)
    table = symmetry.table(stories, known)
    candidates = _candidates(stories[: table.stories])
    if len(candidates) < 2:
        return []
    far = _distances(candidates, table)
    if len(far) < len(candidates):
        log.warning(
            "note: data.renamed: only %d of %d words were compared, those of questions and answers first: to compare "
            "all takes too long; no others are renamed",
            len(far),
            len(candidates),
        )
    classes = [certain for group in _groups(candidates, far) for certain in _certain(group, table)]
    found = {word for kind in classes for word in kind}
    words_of = {JOINT.join(phrase): phrase for phrase in phrases}
    kept = [[word] for word in words_of if word not in found and found & {*words_of[word]}]
    return sorted([" ".join(words_of.get(word, [word])) for word in sorted(kind)] for kind in classes + kept)


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
    made: dict[str, list[str]] = {}
    while True:
        counts = Counter(itertools.chain.from_iterable(texts))
        pairs = Counter(pair for text in texts for pair in itertools.pairwise(text) if not alone & {*pair})
        joined = [[*pair] for pair, n in pairs.items() if n >= FEWEST and n in (counts[pair[0]], counts[pair[1]])]
        if not joined:
            return sorted((made[word] for word in counts if word in made), key=lambda phrase: -len(phrase))
        made |= {JOINT.join(pair): [part for word in pair for part in made.get(word, [word])] for pair in joined}
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


# --- the test


def _held(stories: Sequence[Story], answers: bool = True) -> Counter[str]:
    """In how many stories each word stands."""
    held: Counter[str] = Counter()
    for story in stories:
        texts = [*story.facts, *(question.text for question in story.questions)]
        said = [every_word(question.answer) for question in story.questions] if answers else []
        held.update({*itertools.chain(*map(words, texts), *said)})
    return held


def _candidates(stories: Sequence[Story]) -> list[str]:
    """The words of facts and questions but the rare; a word of answers alone (*yes*, *two*) is never renamed.

    First come those that most questions and their answers hold, since these are worth most.
    """
    held = _held(stories, answers=False)
    questions = [question for story in stories for question in story.questions]
    asked = Counter(w for q in questions for w in {*words(q.text), *every_word(q.answer)})
    return sorted((word for word in held if held[word] >= FEWEST), key=lambda word: (-asked[word], -held[word], word))


def _distances(candidates: Sequence[str], table: Table) -> Tensor:
    """(W, W) how far from chance the swap of every two of the first words is: of as many as the work allows."""
    differ = table.differ(candidates).tolist()
    far = torch.full((len(candidates), len(candidates)), math.inf)
    for at, other in enumerate(candidates):
        for before, one in enumerate(candidates[:at]):
            if not differ[at][before]:
                far[at, before] = far[before, at] = table.distance({one: other, other: one})
        if table.work > WORK:
            return far[: at + 1, : at + 1]
    return far


@dataclass(frozen=True)
class _Group:
    """Words, and the two groups that were joined to it."""

    words: list[str]
    parts: tuple["_Group", ...] = ()


def _groups(words: Sequence[str], far: Tensor) -> list[_Group]:
    """Join the nearest words and groups first, by the mean distance of their words (average linkage).

    If two words cannot be told from a third, neither can they from each other. So the mean over all pairs says more
    than any single one, of which the largest of many is large by chance.
    """
    groups = [_Group([word]) for word in words[: len(far)]]
    far = far.clone()
    while far.min() <= LARGEST:
        one, other = sorted(divmod(int(far.argmin()), len(far)))
        left, right = groups[one], groups[other]
        sizes = len(left.words), len(right.words)
        groups[one] = _Group(left.words + right.words, (left, right))
        far[one] = far[:, one] = (sizes[0] * far[one] + sizes[1] * far[other]) / sum(sizes)
        far[other] = far[:, other] = far[one, one] = math.inf
        groups[other] = _Group([])
    return groups


def _certain(group: _Group, table: Table) -> Classes:
    """The words of a group, if permutations of all of them pass the test as well; else of the groups it is made of."""
    if len(group.words) < 2:
        return []
    if len(group.words) == 2:
        return [group.words]
    kind = sorted(group.words)
    draw = random.Random(" ".join(kind))
    new = [draw.sample(kind, len(kind)) for _ in range(PERMUTATIONS)]
    far = [table.distance(dict(zip(kind, order, strict=True))) for order in new if order != kind]
    if max(far, default=0) <= CERTAIN:
        return [kind]
    return [certain for part in group.parts for certain in _certain(part, table)]
