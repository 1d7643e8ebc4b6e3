"""Tables of results: for the terminal, and as CSV and Markdown."""

import csv
import io
from collections.abc import Sequence

from rich import box
from rich.table import Table

from dmn_cli.config import Config
from dmn_cli.report.results import TaskResult, interval, mean_accuracy
from dmn_cli.splits import named
from dmn_cli.text import in_cell

HEADER = ["task", "name", "questions", "accuracy", "95 % interval", "published", "passed"]

UNSEEN = "never seen"
"""The column of questions with an answer that training has never seen."""

WORDS = ("name", "passed", "config", "setting", "changed", "command")
"""The columns that hold words; the others hold numbers."""

Rows = Sequence[Sequence[object]]


def markdown(header: Sequence[str], rows: Rows) -> str:
    """Rows as a Markdown table."""
    rule = [":--" if column in WORDS else "--:" for column in header]
    return "".join("| " + " | ".join(in_cell(str(cell)) for cell in row) + " |\n" for row in (header, rule, *rows))


def comma_separated(header: Sequence[str], rows: Rows) -> str:
    """Rows as CSV; None is an empty cell, true and false are written as in JSON."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([str(cell).lower() if isinstance(cell, bool) else cell for cell in row])
    return buffer.getvalue()


def title(config: Config, split: str, is_babi: bool) -> str:
    """What the results are of: the stories and the split, and whose figures stand beside them."""
    unknown = f"{config.data.dir}/{config.data.subset} (not known to be bAbI: no published digest)"
    stories = {
        "babi": f"bAbI {config.data.subset}" if is_babi else unknown,
        "generated": "generated stories (not bAbI)",
        "files": named(config.data, split) or named(config.data, "train"),
    }[config.data.source]
    return f"{stories}, {split} split"


def as_table(results: list[TaskResult], title: str) -> Table:
    """A table for the terminal, with a line for the mean where there are several tasks."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    header, rows = _rows(results)
    for column in header:
        table.add_column(column, justify="left" if column in WORDS else "right", no_wrap=True)
    for result, row in zip(results, rows, strict=False):
        table.add_row(*row, style=None if result.passed else "yellow")
    if len(results) > 1:
        table.add_section()
        table.add_row(*rows[-1], style="bold")
    return table


def as_markdown(results: list[TaskResult]) -> str:
    """A Markdown table."""
    return markdown(*_rows(results))


def as_csv(results: list[TaskResult]) -> str:
    """A line per task, with plain numbers from 0 to 1."""
    header = [
        "task",
        "name",
        "questions",
        "correct",
        "accuracy",
        "low",
        "high",
        "published",
        "passed",
        "unseen_answers",
    ]
    rows = []
    for result in results:
        low, high = interval(result.correct, result.questions)
        share = [result.accuracy, round(low, 6), round(high, 6)]
        rows.append([*result[:4], *share, result.published, result.passed, result.unseen])
    return comma_separated(header, rows)


def _rows(results: list[TaskResult]) -> tuple[list[str], list[list[str]]]:
    """Header and rows, the mean last; answers that training has never seen are counted where there are any."""
    rows = [*map(_cells, results), *([_mean(results)] if len(results) > 1 else [])]
    if not any(result.unseen for result in results):
        return HEADER, rows
    unseen = [result.unseen for result in results]
    counts = [*unseen, *([sum(unseen)] if len(results) > 1 else [])]
    return [*HEADER, UNSEEN], [[*row, str(count)] for row, count in zip(rows, counts, strict=True)]


def _cells(result: TaskResult) -> list[str]:
    low, high = interval(result.correct, result.questions)
    return [
        str(result.task) if result.task else "–",
        result.name,
        str(result.questions),
        f"{percent(result.accuracy)} %",
        f"{percent(low)} – {percent(high)}",
        "–" if result.published is None else f"{percent(result.published)} %",
        "yes" if result.passed else "no",
    ]


def _mean(results: list[TaskResult]) -> list[str]:
    published = [result.published for result in results if result.published is not None]
    return [
        "",
        "mean",
        str(sum(result.questions for result in results)),
        f"{percent(mean_accuracy(results), 2)} %",
        "",
        f"{percent(sum(published) / len(published))} %" if len(published) == len(results) else "–",
        f"{sum(result.passed for result in results)} of {len(results)}",
    ]


def percent(part: float, digits: int = 1) -> str:
    """0.976 → 97.6; a mean gets two digits: at 10,000 questions errors are below a tenth of a percent."""
    return f"{100 * part:.{digits}f}"
