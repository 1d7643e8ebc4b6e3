"""Tables of sweeps: a row for each point of a grid, by its accuracy on validation."""

import json
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table

from dmn_cli.report.suites import spread
from dmn_cli.report.tables import comma_separated, markdown
from dmn_cli.text import in_cell

Content = dict[str, Any]


def as_table(content: Content, seconds: Mapping[str, str]) -> Table:
    """A table for the terminal.

    Args:
        content: what a sweep's results.json holds.
        seconds: how long the runs of each point took, by its folder.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    header, rows = _rows(content)
    for column in [*header, "time", ""]:
        table.add_column(column, justify="right")
    for point, row in zip(content["points"], rows, strict=True):
        is_best = point["folder"] == content["chosen"]
        table.add_row(*row, seconds.get(point["folder"], ""), "best" * is_best, style="bold" if is_best else None)
    return table


def as_markdown(content: Content) -> str:
    """The same in Markdown, but for the time, which differs from one time to the next."""
    header, rows = _rows(content)
    chosen = [["best" * (point["folder"] == content["chosen"])] for point in content["points"]]
    table = markdown([*header, "chosen"], [[*row, *mark] for row, mark in zip(rows, chosen, strict=True)])
    failed = "".join(f"- {line}\n" for line in failures(content))
    return f"{title(content)}\n\n{table}\n{failed}`{in_cell(content['command'])}`\n"


def as_csv(content: Content) -> str:
    """A line per point, with plain numbers from 0 to 1."""
    keys = list(content["points"][0]["keys"])
    rows = []
    for point in content["points"]:
        valid = point["valid"] or {"mean": None, "deviation": None}
        values = [shown_value(value) for value in point["keys"].values()]
        rows.append([*values, valid["mean"], valid["deviation"], point["folder"] == content["chosen"]])
    return comma_separated([*keys, "valid_mean", "valid_deviation", "chosen"], rows)


def title(content: Content) -> str:
    """What the table is of."""
    seeds = len(content["seeds"])
    return f"{in_cell(content['sweep'])}: accuracy on validation, {f'{seeds} seeds' if seeds > 1 else 'one seed'} (%)"


def failures(content: Content) -> list[str]:
    """Which runs failed, and why, on one line each."""
    return [
        in_cell(f"{point['folder']}: {run['network']}, seed {run['seed']} failed: {run['why']}")
        for point in content["points"]
        for run in point["failed"]
    ]


def _rows(content: Content) -> tuple[list[str], list[list[str]]]:
    keys = list(content["points"][0]["keys"])
    names = [key.partition(".")[2] for key in keys]
    header = [name if names.count(name) == 1 else key for name, key in zip(names, keys, strict=True)]
    rows = []
    for point in content["points"]:
        shown = "failed" if point["valid"] is None else spread(point["valid"], 2)
        rows.append([*(in_cell(shown_value(value)) for value in point["keys"].values()), shown])
    return [*header, "valid"], rows


def shown_value(value: object) -> str:
    """A value of a grid as its user would write it."""
    return value if isinstance(value, str) else json.dumps(value)
