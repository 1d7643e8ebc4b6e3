"""``dmn report``."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def report(
    results: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Folders of suites and runs, or their results.json.")
    ],
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown on a terminal too.")] = False,
) -> None:
    """Print suites and runs beside each other: as tables on a terminal, else as Markdown."""
    from rich.console import Console

    from dmn_cli.report.suites import as_report, as_rich

    if markdown or not sys.stdout.isatty():
        typer.echo(as_report(results), nl=False)
        return
    console = Console()
    for part in as_rich(results):
        console.print(part)
