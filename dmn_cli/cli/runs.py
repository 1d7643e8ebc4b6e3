"""``dmn runs``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmn_cli.cli.options import Json, print_json
from dmn_cli.cli.text import safe, terminal

if TYPE_CHECKING:
    from dmn_cli.runs.listing import Listed

HEADER = ["run", "tasks", "config", "seed", "valid", "test", "started", "took", "differs from its config"]


def runs(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[FOLDER]...", help="Where runs and suites lie (default: runs).")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown on a terminal too.")] = False,
    as_json: Json = False,
) -> None:
    """List runs: what each was trained on, how far it is, and what came of it. As Markdown when piped."""
    from dmn_cli.report.tables import markdown as as_markdown
    from dmn_cli.runs.listing import listed

    found = listed(folders or [Path("runs")])
    if as_json:
        print_json({"runs": [run._asdict() for run in found]})
    elif markdown or not sys.stdout.isatty():
        typer.echo(as_markdown(HEADER, [_cells(run) for run in found]), nl=False)
    else:
        _print(found)


def _print(found: "list[Listed]") -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in HEADER[:-1]:
        is_text = column in ("run", "config")
        table.add_column(column, justify="left" if is_text else "right", overflow="fold", no_wrap=column != "run")
    notes = []
    other: dict[str, list[str]] = {}  # runs by what is not as in their config
    for run in found:
        name, *cells, started, took, differs = _cells(run)
        if run.seed is None:
            notes.append(f"{name}: {run.state}")
            continue
        table.add_row(*map(Text, (name, *cells, started[5:], took)), style=None if run.state == "done" else "yellow")
        if differs:
            other.setdefault(differs, []).append(name)
    for differs, names in other.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        notes.append(f"{names[0]}{more}, other than the config: {differs}")
    console = terminal()
    if table.row_count:
        console.print(table)
    for note in notes:
        console.print(Text(safe(note)))


def _cells(run: "Listed") -> list[str]:
    from dmn_cli.report.suites import duration
    from dmn_cli.report.tables import percent
    from dmn_cli.runs.listing import named

    differs = f"{run.config} is not to be found" if run.differs is None and run.config else ", ".join(run.differs or [])
    test = "–" if run.test is None else f"{percent(run.test)} %" + (f" ({run.split})" if run.split != "test" else "")
    cells = [
        run.name,
        named(run.tasks),
        run.config,
        "" if run.seed is None else str(run.seed),
        "–" if run.valid is None else f"{percent(run.valid)} %",
        test if run.state == "done" else run.state,
        run.started[:16].replace("T", " "),
        duration(run.seconds) if run.started else "",
        differs,
    ]
    return list(map(safe, cells))
