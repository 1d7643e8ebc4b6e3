"""``dmn report``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dmn_cli.cli.text import terminal
from dmn_cli.errors import DmnError
from dmn_cli.text import visible


def report(
    results: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Folders of suites and runs, or their results.json.")
    ],
    ladder: Annotated[
        bool,
        typer.Option("--ladder", help="Suites of one setting, each against the one before: what is a change worth?"),
    ] = False,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Draw the ladder: an .svg, .png or .pdf file.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown on a terminal too.")] = False,
) -> None:
    """Print suites and runs beside each other: as tables on a terminal, else as Markdown.

    With --ladder the suites are taken in the order given. Each is held against the one before it: which keys of its
    config differ, and what that is worth, task by task.
    """

    from dmn_cli.report import ladder as ladders
    from dmn_cli.report import plots, suites

    if picture is not None:
        if not ladder:
            raise DmnError("--picture: only a ladder is drawn", "add --ladder")
        plots.check_plot(picture, "--picture")
    rungs = ladders.climb(results) if ladder else []
    if markdown or not sys.stdout.isatty():
        typer.echo(visible(ladders.as_markdown(rungs) if ladder else suites.as_report(results)), nl=False)
    else:
        console = terminal()
        for part in ladders.as_rich(rungs) if ladder else suites.as_rich(results):
            console.print(part)
    if picture is not None:
        ladders.draw(rungs, picture)
