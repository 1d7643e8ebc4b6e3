"""What kinds of questions a network gets wrong, and what it takes answers for."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dmn_cli.data.words import words
from dmn_cli.report.heat import answer_line, heat_table
from dmn_cli.report.prediction import Prediction
from dmn_cli.report.tables import percent

SLOT = "_"
"""What stands in a kind of question for a word that varies."""

VARIES = 3
"""Different words in one place from which on it counts as a slot: names, places; not *gave* and *received*."""

SHOWN = 10
"""Kinds shown."""

WIDTH, LONGEST = 80, 14
"""Columns of a terminal that the matrix of answers fits into, and letters of an answer in it."""


class Kind(NamedTuple):
    """A kind of question: ``where is _``; with several tasks its task."""

    task: int
    text: str
    questions: int
    correct: int


class Confusion(NamedTuple):
    """How often an answer was given for another one."""

    gold: str
    answer: str
    times: int


class Matrix(NamedTuple):
    """How often which answer was given for which, right answers too.

    Attributes:
        gold: the true answers, one a row.
        given: the answers, one a column.
        counts: of each row and column.
        others: of each row the questions that another answer was given to than those in ``given``.
        answers: in how many answers there are mistakes; rows and columns may be fewer.
    """

    gold: list[str]
    given: list[str]
    counts: list[list[int]]
    others: list[int]
    answers: int


def slots(questions: Iterable[Sequence[str]]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """The kind of each question, by its words: words that vary between otherwise equal questions become ``_``.

    *Where is Mary*, *where is John* and *where is Bill* are ``where is _``. A word varies if at least ``VARIES``
    different ones stand in its place, all else being equal, slots too; this is repeated until nothing changes.
    """
    kinds = {tuple(question): tuple(question) for question in questions}
    while True:
        inside: dict[tuple[int, tuple[str, ...]], set[str]] = defaultdict(set)
        for kind in set(kinds.values()):
            for place, word in enumerate(kind):
                inside[place, _without(kind, place)].add(word)
        varies = {key for key, words in inside.items() if SLOT in words or len(words) >= VARIES}
        found = {
            question: tuple(SLOT if (at, _without(kind, at)) in varies else word for at, word in enumerate(kind))
            for question, kind in kinds.items()
        }
        if found == kinds:
            return kinds
        kinds = found


def _without(kind: tuple[str, ...], place: int) -> tuple[str, ...]:
    return (*kind[:place], SLOT, *kind[place + 1 :])


def kinds(predictions: Sequence[Prediction]) -> list[Kind]:
    """How many questions of each kind were answered right; the kind with most mistakes first."""
    of_task = {task: [words(one.question) for one in predictions if one.task == task] for task in _tasks(predictions)}
    texts = {task: slots(questions) for task, questions in of_task.items()}
    asked: Counter[tuple[int, tuple[str, ...]]] = Counter()
    correct: Counter[tuple[int, tuple[str, ...]]] = Counter()
    for one in predictions:
        kind = one.task, texts[one.task][tuple(words(one.question))]
        asked[kind] += 1
        correct[kind] += bool(one.right)
    found = [Kind(task, " ".join(text), asked[task, text], correct[task, text]) for task, text in asked]
    return sorted(found, key=lambda kind: (kind.correct - kind.questions, -kind.questions, kind.text))


def confusions(predictions: Iterable[Prediction]) -> list[Confusion]:
    """Gold answers and the wrong ones given for them, the most frequent first."""
    count = Counter((one.gold, one.answer) for one in predictions if one.right is False)
    return sorted((Confusion(*pair, number) for pair, number in count.items()), key=lambda one: (-one.times, *one[:2]))


def matrix(predictions: Iterable[Prediction], most: int) -> Matrix:
    """The confusion of true and given answers, of at most so many: those that are part of most mistakes."""
    known = [one for one in predictions if one.right is not None]
    pairs = Counter((one.gold, one.gold if one.right else one.answer) for one in known)
    part_of = Counter(answer for pair in pairs.elements() if pair[0] != pair[1] for answer in pair)
    named = sorted(answer for answer, _ in part_of.most_common(most))
    gold = [answer for answer in named if any(answer == true for true, _ in pairs)]
    given = [answer for answer in named if any(answer == said for _, said in pairs)]
    asked = Counter(one.gold for one in known)
    counts = [[pairs[true, said] for said in given] for true in gold]
    others = [asked[true] - sum(row) for true, row in zip(gold, counts, strict=True)]
    return Matrix(gold, given, counts, others, len(part_of))


def _tasks(predictions: Iterable[Prediction]) -> list[int]:
    return list(dict.fromkeys(prediction.task for prediction in predictions))


def as_rows(predictions: Sequence[Prediction], most: int) -> dict[str, Any]:
    """For JSON: kinds, confusions, and the wrong questions, at most so many."""
    wrong = [prediction.as_row() for prediction in predictions if prediction.right is False]
    return {
        "kinds": [kind._asdict() for kind in kinds(predictions)],
        "confusions": [confusion._asdict() for confusion in confusions(predictions)],
        "wrong": len(wrong),
        "errors": wrong[:most],
    }


def as_tables(predictions: Sequence[Prediction]) -> Iterator[RenderableType]:
    """For the terminal: accuracy by kind of question, and which answers are taken for which."""
    several = len(_tasks(predictions)) > 1
    yield Text("accuracy by kind of question")
    table = _table("kind", "asked", "wrong", "accuracy")
    found = kinds(predictions)
    for kind in found[:SHOWN]:
        text = f"task {kind.task}: {kind.text}" if several else kind.text
        right = f"{percent(kind.correct / kind.questions)} %"
        table.add_row(Text(text), str(kind.questions), str(kind.questions - kind.correct), right)
    yield table
    if len(found) > SHOWN:
        yield Text(f"and {len(found) - SHOWN} more\n")
    if any(one.right is False for one in predictions):
        yield from _matrix(predictions)


def _matrix(predictions: Sequence[Prediction]) -> Iterator[RenderableType]:
    """The largest matrix that fits the width of a terminal."""

    def width(texts: Iterable[str]) -> list[int]:
        return [min(LONGEST, max(5, len(text))) + 1 for text in texts]

    for most in range(SHOWN, 0, -1):
        found = matrix(predictions, most)
        if max(width(["", *found.gold])) + sum(width([*found.given, "others"])) <= WIDTH:
            break
    yield Text("confusion: true answers down, given ones across")
    table = _table()
    table.add_column("", no_wrap=True)
    for answer in [*found.given, "others"] if any(found.others) else found.given:
        table.add_column(Text(_cut(answer)), justify="right", no_wrap=True)
    for true, row, other in zip(found.gold, found.counts, found.others, strict=True):
        of_row = [_count(count, said == true) for said, count in zip(found.given, row, strict=True)]
        table.add_row(Text(_cut(true)), *of_row, *([_count(other, False)] if any(found.others) else []))
    yield table
    if found.answers > most:
        yield Text(f"the {most} answers in most mistakes; --json has all {found.answers}\n")


def _cut(answer: str) -> str:
    answer = answer or "(nothing)"
    return answer if len(answer) <= LONGEST else f"{answer[: LONGEST - 1]}…"


def _count(count: int, is_right: bool) -> Text:
    return Text(str(count) if count else "·", style="green" if is_right else "bold" if count else "dim")


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        is_text = column == "kind"
        table.add_column(column, justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text)
    return table


def as_list(predictions: Sequence[Prediction], most: int) -> Iterator[RenderableType]:
    """The wrong questions, at most so many: the place of each, true and given answer, what the passes attended to."""
    wrong = [prediction for prediction in predictions if prediction.right is False]
    for number, one in enumerate(wrong[:most], start=1):
        where = f"task {one.task}, " if one.task else ""
        place = f", {one.place}" if one.place else ""
        yield Text(f"\n{number} of {len(wrong)} wrong: {where}story {one.story}{place}", style="bold")
        yield Text(f"  {one.question}\n  true answer  {one.gold}\n  answered     {answer_line(one)}")
        if one.unknown:
            yield Text(f"  never seen in training: {', '.join(one.unknown)}", style="yellow")
        yield heat_table(one)
