"""Two networks, or two suites of networks, that were asked the same questions."""

import math
import statistics
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dmn_cli.babi.tasks import TASKS
from dmn_cli.report.live import sparkline
from dmn_cli.report.prediction import Prediction
from dmn_cli.report.tables import percent

CHANCE = "chance: McNemar's exact test, p of such a difference by chance"

SEEDS_SHOWN = 3
"""Seeds of a suite that are shown one by one."""


class Side(NamedTuple):
    """One of the two: its name, its predictions, and its validation accuracies epoch by epoch (none: not known)."""

    name: str
    predictions: list[Prediction]
    curve: list[float]


class Compared(NamedTuple):
    """Two networks; both have a prediction for every question, in the same order.

    Attributes:
        first, second: the two.
        differences: between their configs; "" for none.
    """

    first: Side
    second: Side
    differences: str

    @property
    def pairs(self) -> list[tuple[Prediction, Prediction]]:
        """What each of them answered to every question."""
        return list(zip(self.first.predictions, self.second.predictions, strict=True))


class Counts(NamedTuple):
    """How many questions were asked, and which of the two had them right."""

    questions: int
    both: int
    only_first: int
    only_second: int

    def __add__(self, other: object) -> "Counts":
        """Of both together."""
        assert isinstance(other, Counts)
        return Counts(*map(sum, zip(self, other, strict=True)))

    @property
    def p(self) -> float:
        """McNemar's exact test: how probable such a difference or a larger one is if both are equally good."""
        return mcnemar(self.only_first, self.only_second)


class TaskOfTwo(NamedTuple):
    """A task that both suites have.

    Attributes:
        task: 1 to 20; 0 for own stories.
        name: of the task.
        first, second: the accuracies of each suite, 0 to 1, by seed.
        counts: over the questions of all seeds that both have; None where their networks could not be asked.
    """

    task: int
    name: str
    first: dict[int, float]
    second: dict[int, float]
    counts: Counts | None


class ComparedSuites(NamedTuple):
    """Two suites.

    Attributes:
        first, second: their names.
        differences: between their configs; "" for none.
        tasks: those that both have.
        notes: what was left out, and why.
    """

    first: str
    second: str
    differences: str
    tasks: list[TaskOfTwo]
    notes: list[str]

    @property
    def counts(self) -> Counts | None:
        """Over all tasks."""
        known = [task.counts for task in self.tasks if task.counts]
        return sum(known[1:], known[0]) if known else None

    def means(self, second: bool) -> dict[int, float]:
        """The mean accuracy of one of the suites over the tasks, by seed; of the seeds that have all of them."""
        of_tasks = [task.second if second else task.first for task in self.tasks]
        seeds = [seed for seed in of_tasks[0] if all(seed in task for task in of_tasks)]
        return {seed: statistics.fmean(task[seed] for task in of_tasks) for seed in seeds}


def mcnemar(only_first: int, only_second: int) -> float:
    """The two-sided exact test: of n questions that one alone has right, each is the first's with chance 1/2."""
    n = only_first + only_second
    tail: int = sum(math.comb(n, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, float(Fraction(2 * tail, 2**n)))


def count(pairs: Sequence[tuple[Prediction, Prediction]]) -> Counts:
    """Who is right how often."""
    return Counts(
        len(pairs),
        sum(bool(one.right and other.right) for one, other in pairs),
        sum(bool(one.right and not other.right) for one, other in pairs),
        sum(bool(other.right and not one.right) for one, other in pairs),
    )


def by_task(compared: Compared) -> dict[int, list[tuple[Prediction, Prediction]]]:
    """The pairs of answers of each task."""
    found: dict[int, list[tuple[Prediction, Prediction]]] = {}
    for pair in compared.pairs:
        found.setdefault(pair[0].task, []).append(pair)
    return found


def as_json(compared: Compared) -> dict[str, Any]:
    """As plain types: counts by task and over all, and the questions that only one of them has right."""
    found = by_task(compared)
    return {
        "first": compared.first.name,
        "second": compared.second.name,
        "differences": compared.differences,
        "tasks": [{"task": task, **_plain(count(pairs))} for task, pairs in found.items()],
        "all": _plain(count(compared.pairs)),
        "questions": [
            {
                "task": one.task,
                "place": one.place,
                "story": one.story,
                "question": one.question,
                "gold": one.gold,
                "first": one.answer,
                "second": other.answer,
            }
            for one, other in compared.pairs
            if one.right != other.right
        ],
    }


def _plain(counts: Counts) -> dict[str, Any]:
    right = {"first": counts.both + counts.only_first, "second": counts.both + counts.only_second}
    return {**counts._asdict(), "right": right, "p": counts.p}


def as_text(compared: Compared, most: int) -> Iterator[RenderableType]:
    """For the terminal: configs, accuracy by task, curves, and questions that only one of them has right."""
    first, second = compared.first, compared.second
    yield _head(first.name, second.name, compared.differences)
    yield _table(compared)
    for name, side in (("A", first), ("B", second)):
        if side.curve:
            yield Text(f"validation {name}  {sparkline(side.curve)}  {percent(max(side.curve))} % at best")
    for name, is_first in (("A", True), ("B", False)):
        alone = [pair for pair in compared.pairs if pair[0].right != pair[1].right and bool(pair[0].right) == is_first]
        if alone and most:
            some = f", {most} of them" if len(alone) > most else ""
            yield Text(f"\nonly {name} is right: {len(alone)} question{'s' * (len(alone) > 1)}{some}")
        for one, other in alone[:most]:
            wrong = other.answer if is_first else one.answer
            where = one.place or f"story {one.story}"
            yield Text(f"  {where}  {one.question}  {one.gold}, not {wrong or '(nothing)'}")


def _head(first: str, second: str, differences: str) -> Text:
    changes = "".join(f"\n  {change}" for change in differences.split(", ")) if differences else " none"
    return Text(f"A  {first}\nB  {second}\nconfig, A → B:{changes}")


def _table(compared: Compared) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("task", "name", "asked", "A", "B", "only A", "only B", "chance"):
        table.add_column(column, justify="left" if column == "name" else "right", no_wrap=column != "name")
    found = by_task(compared)
    for task, pairs in found.items():
        name = TASKS[task].name if task else "own stories"
        table.add_row(str(task or "–"), name, *_cells(count(pairs)))
    if len(found) > 1:
        table.add_section()
        table.add_row("", "all", *_cells(count(compared.pairs)), style="bold")
    table.caption, table.caption_justify = CHANCE, "left"
    return table


def _cells(counts: Counts) -> list[str]:
    asked = counts.questions
    right = [percent((counts.both + alone) / asked) + " %" for alone in (counts.only_first, counts.only_second)]
    return [str(asked), *right, *_alone(counts)]


def _alone(counts: Counts | None) -> list[str]:
    """The questions that one alone has right, and how probable that is by chance."""
    if counts is None:
        return ["–", "–", "–"]
    p = "< 0.0001" if counts.p < 0.0001 else f"{counts.p:.4f}"
    return [str(counts.only_first), str(counts.only_second), p]


def suites_as_json(compared: ComparedSuites) -> dict[str, Any]:
    """As plain types: accuracies by task and seed, and counts by task and over all."""
    tasks = [{**task._asdict(), "counts": task.counts and _plain(task.counts)} for task in compared.tasks]
    means = {"first": compared.means(second=False), "second": compared.means(second=True)}
    counts = compared.counts and _plain(compared.counts)
    return {**compared._asdict(), "tasks": tasks, "mean": {**means, "counts": counts}}


def suites_as_text(compared: ComparedSuites) -> Iterator[RenderableType]:
    """For the terminal: configs, and accuracy by task of both, seed by seed."""
    yield _head(compared.first, compared.second, compared.differences)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("task", justify="right", no_wrap=True)
    table.add_column("name")
    for side, seeds in (("A", compared.means(second=False)), ("B", compared.means(second=True))):
        named = ", ".join(map(str, seeds))
        many = f"{len(seeds)} seeds" if len(seeds) > SEEDS_SHOWN else f"seed{'s' * (len(seeds) > 1)} {named}"
        table.add_column(f"{side}, %\n{many}", justify="right", no_wrap=True)
    for column in ("only A", "only B", "chance"):
        table.add_column(column, justify="right", no_wrap=True)
    for task in compared.tasks:
        sides = map(_by_seed, (task.first, task.second))
        name = Text(task.name, no_wrap=True, overflow="ellipsis")
        table.add_row(str(task.task or "–"), name, *sides, *_alone(task.counts))
    if len(compared.tasks) > 1:
        means = (_by_seed(compared.means(second=second), 2) for second in (False, True))
        table.add_section()
        table.add_row("", "mean", *means, *_alone(compared.counts), style="bold")
    table.caption, table.caption_justify = f"only A, only B: questions of the seeds that both have\n{CHANCE}", "left"
    yield table
    for note in compared.notes:
        yield Text(f"note: {note}")


def _by_seed(accuracies: dict[int, float], digits: int = 1) -> str:
    """The accuracies of a few seeds; of more their mean and standard deviation."""
    if len(accuracies) <= SEEDS_SHOWN:
        return " ".join(percent(accuracy, digits) for accuracy in accuracies.values()) or "–"
    of = accuracies.values()
    return f"{percent(statistics.fmean(of), digits)} ± {percent(statistics.stdev(of), digits)}"
