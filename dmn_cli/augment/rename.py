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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dmn_cli.augment import symmetry
from dmn_cli.augment.symmetry import Table
from dmn_cli.data import forms
from dmn_cli.data.stories import Story
from dmn_cli.data.words import alternatives, every_word, parts, words

Classes = list[list[str]]
"""Classes of interchangeable words and phrases, both in alphabetical order. Forms of one word, as *cat* and *cats*, are
one member, joined by ``FORM``. A phrase that stands alone is not renamed, and nor are its words."""

FORM = "\t"
"""Between the forms of one word."""

Item = tuple[str, ...]
"""A word with its forms: those of two items that can change places stand in the same order."""

EVERYWHERE = 0.9
"""The part of all facts, or of all questions, that hold a word which belongs to no phrase."""

STORIES = 1000
"""Stories looked at, at most: enough to tell words apart."""

WORDS = 5000
"""Words looked at, at most."""

FEWEST = 25
"""Stories that a word must stand in; of a rarer one too little is known."""

MOST_FORMS = 5
"""Forms of a word that are put in order; words with more are never renamed."""

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
    name = forms.of_stories(stories)
    phrases = find_phrases(stories, name)
    stories = [_map(story, lambda text: _join(text, phrases)) for story in stories]
    known = [word for word, count in _held(stories).most_common(WORDS) if count >= FEWEST]
    if len(known) < 2:
        return []
    log.info("looking for words to rename among the %d that are in %d stories or more", len(known), FEWEST)
    table = symmetry.table(stories, known, {word: _name(word, name) for word in _held(stories)} if name else None)
    items = _items(_candidates(stories[: table.stories]), known, table, name)
    if len(items) < 2:
        return []
    far = _distances(items, table)
    if len(far) < len(items):
        log.warning(
            "note: data.renamed: only %d of %d words were compared, those of questions and answers first: to compare "
            "all takes too long; no others are renamed",
            len(far),
            len(items),
        )
    every = _forms(_held(stories), name)
    classes = [_with_rare_forms(kind, every, name) for group in _groups(items, far) for kind in _certain(group, table)]
    words_of = {JOINT.join(phrase): phrase for phrase in phrases}
    found = {word for kind in classes for item in kind for word in item}
    kept = [[(word,)] for word in words_of if word not in found and found & {*words_of[word]}]

    def member(item: Item) -> str:
        return FORM.join(" ".join(words_of.get(word, [word])) for word in item)

    return sorted([member(item) for item in sorted(kind)] for kind in classes + kept if kind)


def find_phrases(stories: Iterable[Story], name: Mapping[str, str] | None = None) -> list[list[str]]:
    """Words that stand for one thing together (*pink rectangle*, *box of chocolates*), the longest first.

    Two neighbours are joined if one of them never stands without the other; then the same for what this leaves. Words
    that are in nearly every sentence, like *the*, or that an answer consists of, are left alone.

    Args:
        stories: the stories.
        name: of words with several forms, as ``forms.find`` gives it: a neighbour in any of its forms is the same.
    """
    name = name or {}
    stories = list(stories)
    facts = [words(fact) for story in stories for fact in story.facts]
    questions = [words(question.text) for story in stories for question in story.questions]
    alone: set[str] = set()
    for texts in (facts, questions):
        held = Counter(word for text in texts for word in set(text))
        alone.update(word for word, count in held.items() if count >= EVERYWHERE * len(texts))
    said = [one for story in stories for question in story.questions for one in alternatives(question.answer)]
    answered = [part.split() for one in said for part in parts(one)]
    alone |= {part[0] for part in answered if len(part) == 1}
    texts = facts + questions + answered
    made: dict[str, list[str]] = {}
    while True:
        counts, pairs, seen = Counter[str](), Counter[tuple[str, str]](), set[tuple[str, str]]()
        for text in texts:
            counts.update(_name(word, name) for word in text)
            some = [pair for pair in itertools.pairwise(text) if not alone & {*pair}]
            seen.update(some)
            pairs.update((_name(one, name), _name(other, name)) for one, other in some)
        never = {pair for pair, n in pairs.items() if n >= FEWEST and n in (counts[pair[0]], counts[pair[1]])}
        joined = [[*pair] for pair in sorted(seen) if (_name(pair[0], name), _name(pair[1], name)) in never]
        if not joined:
            left = Counter(itertools.chain.from_iterable(texts))
            return sorted((made[word] for word in left if word in made), key=lambda phrase: -len(phrase))
        made |= {JOINT.join(pair): [part for word in pair for part in made.get(word, [word])] for pair in joined}
        texts = [_join(text, joined) for text in texts]


def _name(word: str, name: Mapping[str, str]) -> str:
    """What the forms of a word share; those of a phrase are forms of its words."""
    if word in name or JOINT not in word:
        return name.get(word, word)
    return JOINT.join(name.get(part, part) for part in word.split(JOINT))


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
    phrases = _phrases(classes)
    kinds = [[member.split(FORM) for member in kind] for kind in classes]
    for answer in {one for story in stories for q in story.questions for one in alternatives(q.answer)}:
        said = [_join(part.split(), phrases, " ") for part in parts(answer)]
        every = {*itertools.chain(*said)}
        used = [[forms for forms in kind if every & {*forms}] for kind in kinds]
        if math.prod(math.perm(len(kind), len(some)) for kind, some in zip(kinds, used, strict=True)) > MOST_ANSWERS:
            continue
        orders = (itertools.permutations(kind, len(some)) for kind, some in zip(kinds, used, strict=True))
        before = [forms for some in used for forms in some]
        for order in itertools.product(*orders):
            new = _new(before, itertools.chain(*order))
            found.add(",".join(" ".join(new.get(word, word) for word in part) for part in said))
    return sorted(found)


def _order(classes: Classes, generator: random.Random) -> dict[str, str]:
    new: dict[str, str] = {}
    for kind in classes:
        new |= _new(*([m.split(FORM) for m in order] for order in (kind, generator.sample(kind, len(kind)))))
    return new


def _new(before: Iterable[Sequence[str]], after: Iterable[Sequence[str]]) -> dict[str, str]:
    """What each form of some words becomes, if others take their places."""
    pairs = zip(before, after, strict=True)
    return {old: new for one, other in pairs for old, new in zip(one, other, strict=True)}


def _phrases(classes: Classes) -> list[list[str]]:
    """Those among the words of classes, the longest first."""
    several = (word.split() for kind in classes for member in kind for word in member.split(FORM) if " " in word)
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


def _forms(known: Iterable[str], name: Mapping[str, str]) -> dict[str, list[str]]:
    """The words of each name."""
    found: dict[str, list[str]] = {}
    for word in known:
        found.setdefault(_name(word, name), []).append(word)
    return found


def _items(candidates: Sequence[str], known: Sequence[str], table: Table, name: Mapping[str, str]) -> list[Item]:
    """The candidates, each with all its forms.

    Of two words with as many forms, the forms are put in the same order where one form can stand for the other; there
    may be several such orders, and then that of their endings is taken.
    """
    forms_of = _forms(sorted(known), name)
    items = [(*forms_of[one],) for one in dict.fromkeys(_name(word, name) for word in candidates)]
    number = {word: at for at, word in enumerate(known)}
    differ = table.differ(known).tolist()
    first: list[Item] = []  # of those that cannot be told apart
    ordered = []
    for item in items:
        orders = itertools.permutations(item) if 1 < len(item) <= MOST_FORMS else [item]
        fit = [
            (sum(map(str.__ne__, _endings(order), _endings(other))), at, order)
            for order in orders
            for at, other in enumerate(first)
            if len(other) == len(order) > 1
            and not any(differ[number[a]][number[b]] for a, b in zip(order, other, strict=True))
        ]
        ordered.append(min(fit)[2] if fit else item)
        if not fit:
            first.append(item)
    return ordered


def _endings(item: Item) -> list[str]:
    """What the forms of a word go on with after what all of them begin with."""
    stem = forms.shared(*item)
    return [form[stem:] for form in item]


def _distances(items: Sequence[Item], table: Table) -> Tensor:
    """(W, W) how far from chance the swap of every two of the first words is: of as many as the work allows."""
    every = [word for item in items for word in item]
    number = {word: at for at, word in enumerate(every)}
    differ = table.differ(every).tolist()
    far = torch.full((len(items), len(items)), math.inf)
    for at, other in enumerate(items):
        for before, one in enumerate(items[:at]):
            if len(one) == len(other) and not any(
                differ[number[a]][number[b]] for a, b in zip(one, other, strict=True)
            ):
                far[at, before] = far[before, at] = table.distance(_new([one, other], [other, one]))
        if table.work > WORK:
            return far[: at + 1, : at + 1]
    return far


@dataclass(frozen=True)
class _Group:
    """Words, and the two groups that were joined to it."""

    words: list[Item]
    parts: tuple["_Group", ...] = ()


def _groups(words: Sequence[Item], far: Tensor) -> list[_Group]:
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


def _certain(group: _Group, table: Table) -> list[list[Item]]:
    """The words of a group, if permutations of all of them pass the test as well; else of the groups it is made of."""
    if len(group.words) < 2:
        return []
    if len(group.words) == 2:
        return [group.words]
    kind = sorted(group.words)
    draw = random.Random(" ".join(item[0] for item in kind))
    new = [draw.sample(kind, len(kind)) for _ in range(PERMUTATIONS)]
    far = [table.distance(_new(kind, order)) for order in new if order != kind]
    if max(far, default=0) <= CERTAIN:
        return [kind]
    return [certain for part in group.parts for certain in _certain(part, table)]


def _with_rare_forms(kind: list[Item], every: Mapping[str, list[str]], name: Mapping[str, str]) -> list[Item]:
    """A class with the forms of its words that were too rare to look at, told by endings that all its words have.

    A word with a rare form that the others lack cannot change places, nor can the only word that is left.
    """
    rare = [[form for form in every[_name(item[0], name)] if form not in item] for item in kind]
    if not any(rare):
        return kind
    stems = [forms.shared(*item, *some) for item, some in zip(kind, rare, strict=True)]
    ends = [{form[stem:]: form for form in some} for stem, some in zip(stems, rare, strict=True)]
    sets = [frozenset(some) for some in ends]
    most = max(sets, key=lambda some: (sets.count(some), sorted(some)))
    full = [
        (*item, *(end[one] for one in sorted(most))) for item, end in zip(kind, ends, strict=True) if {*end} == most
    ]
    return full if len(full) > 1 else []
