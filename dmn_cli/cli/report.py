"""``dmn report``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dmn_cli.cli.text import terminal
from dmn_cli.text import visible


def report(
    results: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Folders of suites and runs, or their results.json.")
    ],
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown on a terminal too.")] = False,
) -> None:
    """Print suites and runs beside each other: as tables on a terminal, else as Markdown."""

    from dmn_cli.report.suites import as_report, as_rich

    if markdown or not sys.stdout.isatty():
        typer.echo(visible(as_report(results)), nl=False)
        return
    console = terminal()
    for part in as_rich(results):
        console.print(part)
