"""What a reader needs to see why a network errs: its mistakes, grouped, and what it takes answers for."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from dmn_cli.data.words import words
from dmn_cli.report.mistakes import SLOT, slots
from dmn_cli.report.prediction import END_OF_PASSES, Prediction

MOST_BYTES = 700_000
"""Of the mistakes in a page; of more, a share of every kind is shown."""

MOST_GROUPS, MOST_ANSWERS = 12, 10
"""Rows of a grouping, and answers of the confusion: those with most mistakes."""

NUMBERS = ("task", "supporting facts", "oldest supporting fact", "facts before the question")
"""Groupings whose groups stand in the order of their numbers, not of their mistakes."""

NTH = ("first", "second", "third")

TELLING = 1.5
"""A group is worth a sentence if it has so many times the mistakes that its number of questions would let expect."""


class Group(NamedTuple):
    """Questions that are alike in something, e.g. ``where is _``.

    Attributes:
        text: what they have in common.
        questions, wrong: how many there are, and how many of them were answered wrong.
    """

    text: str
    questions: int
    wrong: int


class Grouping(NamedTuple):
    """All questions, by one thing.

    Attributes:
        title: of what they are grouped by.
        groups: the one with most mistakes first; in the order of their texts where these are numbers.
        of: of each question the text of its group.
    """

    title: str
    groups: list[Group]
    of: list[str]


def groupings(predictions: Sequence[Prediction]) -> list[Grouping]:
    """The questions by all that may tell mistakes from right answers; of several groups each."""
    kinds, names = _kinds(predictions)
    by: dict[str, Callable[[int, Prediction], str]] = {
        "task": lambda _, one: str(one.task),
        "kind of question": lambda at, _: kinds[at],
        "names in the question": lambda at, _: names[at],
        "supporting facts": lambda _, one: str(len(one.supporting)) if one.supporting else "not known",
        "supporting facts attended to": lambda _, one: _found(one),
        "oldest supporting fact": lambda _, one: _age(one),
        "facts before the question": lambda _, one: _range(_facts(one)),
        "true answer": lambda _, one: one.gold,
    }
    found = []
    for title, key in by.items():
        of = [key(at, one) for at, one in enumerate(predictions)]
        asked = Counter(of)
        wrong = Counter(text for text, one in zip(of, predictions, strict=True) if one.right is False)
        groups = [Group(text, asked[text], wrong[text]) for text in asked]
        groups.sort(key=lambda group: (_number(group.text) if title in NUMBERS else 0, *_most_first(group)))
        if len(groups) > 1:
            found.append(Grouping(title, groups, of))
    return found


def _kinds(predictions: Sequence[Prediction]) -> tuple[list[str], list[str]]:
    """Of each question its kind, in which the names are blanks, and these names in the order of the alphabet."""
    asked = [tuple(words(one.question)) for one in predictions]
    of_task = {
        task: slots(text for text, one in zip(asked, predictions, strict=True) if one.task == task)
        for task in {one.task for one in predictions}
    }
    kinds = [of_task[one.task][text] for text, one in zip(asked, predictions, strict=True)]
    names = [
        ", ".join(sorted(word for word, part in zip(text, kind, strict=True) if part == SLOT)) or "none"
        for text, kind in zip(asked, kinds, strict=True)
    ]
    return [" ".join(kind) for kind in kinds], names


def _facts(one: Prediction) -> int:
    return len(one.facts) - (one.facts[-1:] == [END_OF_PASSES])


def _found(one: Prediction) -> str:
    """Which supporting facts counted most in no pass."""
    if not one.supporting:
        return "not known"
    missed = [at for at, fact in enumerate(one.supporting) if fact not in one.attended]
    if not missed:
        return "all"
    if len(one.supporting) > 3:
        return f"missed {len(missed)}"
    return "missed the " + " and ".join(NTH[at] for at in missed) + f" of {len(one.supporting)}"


def _age(one: Prediction) -> str:
    """How many facts back the first of the supporting facts is."""
    return f"{_range(_facts(one) - min(one.supporting))} back" if one.supporting else "not known"


def _most_first(group: Group) -> tuple[int, int, str]:
    return -group.wrong, -group.questions, group.text


def _number(text: str) -> float:
    """Where a group stands in the order of its numbers: up to 5, 6–10, …, not known."""
    found = re.match("[0-9]+", text.removeprefix("up to "))
    return int(found[0]) if found else math.inf


def _range(count: int) -> str:
    for low, high in ((0, 5), (6, 10), (11, 20), (21, 40), (41, 80)):
        if count <= high:
            return f"{low}–{high}" if low else f"up to {high}"
    return "81 and more"


class Telling(NamedTuple):
    """A group in which mistakes are far more frequent than elsewhere.

    Attributes:
        title: of the grouping.
        group: one of its groups.
        questions, wrong: of all groups together.
    """

    title: str
    group: Group
    questions: int
    wrong: int


def telling(found: Sequence[Grouping]) -> list[Telling]:
    """The groups that say most about the mistakes, four at most."""
    said: list[tuple[float, Telling]] = []
    for grouping in found:
        asked = sum(group.questions for group in grouping.groups)
        wrong = sum(group.wrong for group in grouping.groups)
        for group in grouping.groups:
            of_wrong, of_asked = group.wrong / max(wrong, 1), group.questions / asked
            if group.wrong >= 3 and of_wrong >= 0.25 and of_wrong >= TELLING * of_asked and group.text != "not known":
                said.append((of_wrong**2 / of_asked, Telling(grouping.title, group, asked, wrong)))
    return [one for _, one in sorted(said, key=lambda pair: -pair[0])[:4]]


def for_script(predictions: Sequence[Prediction], found: Sequence[Grouping]) -> list[dict[str, Any]]:
    """The mistakes as plain types, as many as fit: of every kind of question in turn."""
    by_kind: dict[str, list[int]] = {}
    kinds = next((grouping.of for grouping in found if grouping.title == "kind of question"), [""] * len(predictions))
    for at, one in enumerate(predictions):
        if one.right is False:
            by_kind.setdefault(kinds[at], []).append(at)
    turns = [(turn, kind, at) for kind, of_kind in enumerate(by_kind.values()) for turn, at in enumerate(of_kind)]
    chosen, size = [], 0
    for _, _, at in sorted(turns):
        content = _plain(predictions[at], [grouping.of[at] for grouping in found])
        size += len(json.dumps(content))
        if size > MOST_BYTES:
            break
        chosen.append((at, content))
    return [content for _, content in sorted(chosen, key=lambda pair: pair[0])]


def _plain(one: Prediction, groups: list[str]) -> dict[str, Any]:
    return {
        "task": one.task,
        "place": one.place.rsplit("/", 1)[-1],
        "question": one.question,
        "gold": one.gold,
        "answers": [[one.answer, round(one.probability, 4)], *([a, round(p, 4)] for a, p in one.others)],
        "facts": one.facts,
        "gates": [[round(gate, 3) for gate in gates] for gates in one.gates],
        "passes": one.passes,
        "supporting": one.supporting,
        "unknown": one.unknown,
        "groups": groups,
    }
