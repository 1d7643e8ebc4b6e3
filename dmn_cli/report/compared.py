"""Two networks that were asked the same questions."""

import math
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

    @property
    def p(self) -> float:
        """McNemar's exact test: how probable such a difference or a larger one is if both are equally good."""
        return mcnemar(self.only_first, self.only_second)


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


def _by_task(compared: Compared) -> dict[int, list[tuple[Prediction, Prediction]]]:
    found: dict[int, list[tuple[Prediction, Prediction]]] = {}
    for pair in compared.pairs:
        found.setdefault(pair[0].task, []).append(pair)
    return found


def as_json(compared: Compared) -> dict[str, Any]:
    """As plain types: counts by task and over all, and the questions that only one of them has right."""
    by_task = _by_task(compared)
    return {
        "first": compared.first.name,
        "second": compared.second.name,
        "differences": compared.differences,
        "tasks": [{"task": task, **_plain(count(pairs))} for task, pairs in by_task.items()],
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
    yield Text(f"A  {first.name}\nB  {second.name}")
    changes = compared.differences.replace(", ", "\n  ") if compared.differences else "none"
    yield Text(f"config, A → B: {'' if changes == 'none' else chr(10) + '  '}{changes}")
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


def _table(compared: Compared) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("task", "name", "asked", "A", "B", "only A", "only B", "chance"):
        table.add_column(column, justify="left" if column == "name" else "right", no_wrap=column != "name")
    by_task = _by_task(compared)
    for task, pairs in by_task.items():
        name = TASKS[task].name if task else "own stories"
        table.add_row(str(task or "–"), name, *_cells(count(pairs)))
    if len(by_task) > 1:
        table.add_section()
        table.add_row("", "all", *_cells(count(compared.pairs)), style="bold")
    table.caption, table.caption_justify = "chance: McNemar's exact test, p of such a difference by chance", "left"
    return table


def _cells(counts: Counts) -> list[str]:
    asked = counts.questions
    right = [percent((counts.both + alone) / asked) + " %" for alone in (counts.only_first, counts.only_second)]
    p = "< 0.0001" if counts.p < 0.0001 else f"{counts.p:.4f}"
    return [str(asked), *right, str(counts.only_first), str(counts.only_second), p]
