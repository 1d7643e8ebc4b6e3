"""``dmn suite``."""

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dmn_cli.cli.options import (
    CONFIG,
    TASKS,
    DataDir,
    Device,
    Json,
    Overrides,
    Quiet,
    Threads,
    complete_config,
    load_config,
    print_json,
)
from dmn_cli.cli.text import as_title, terminal
from dmn_cli.cli.view import write_page
from dmn_cli.errors import Stopped
from dmn_cli.text import safe

if TYPE_CHECKING:
    from rich.console import Group

    from dmn_cli.runs.jobs import Job, Suite


def suite(
    config: Annotated[str, typer.Option("--config", "-c", help=CONFIG, autocompletion=complete_config)],
    wanted: Annotated[str | None, typer.Option("--tasks", metavar="TASKS", help=TASKS)] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds a task; the first is the config's train.seed.")] = 1,
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs at once (default: as many as cores).")] = None,
    overrides: Overrides = None,
    data_dir: DataDir = None,
    suite_dir: Annotated[Path | None, typer.Option(help="Its folder (default: runs/suite-NAME).")] = None,
    threads: Threads = 1,
    device: Device = "auto",
    page: Annotated[bool, typer.Option(help="Write report.html, the page of `dmn view`, at the end.")] = True,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train and evaluate every task with every seed, each a run of its own; then one table of all tasks.

    Of each task's seeds the one with the best validation accuracy is chosen. Stopped at any moment and started again
    by the same command, it goes on. Exit code 1 if any run failed.
    """
    from dmn_cli.babi.download import ensure_data
    from dmn_cli.runs.jobs import Suite
    from dmn_cli.runs.suite import networks

    loaded = load_config(config, overrides, data_dir)
    every = networks(loaded, wanted)
    if device not in ("auto", "cpu"):
        from dmn_cli.training.build import device as find_device

        find_device(device)
    if loaded.data.source == "babi":
        ensure_data(Path(loaded.data.dir), loaded.data.subset, quiet)
    folder = suite_dir or Path("runs") / f"suite-{Path(config).stem}"
    planned = Suite(
        config=loaded,
        name=folder.absolute().name.removeprefix("suite-"),
        networks=every,
        seeds=seeds,
        folder=folder,
        at_once=jobs or max(1, _cores() // threads),
        threads=threads,
        device=device,
        command=["dmn", *sys.argv[1:]],
    )
    content = _show(planned, quiet)
    _report(planned, content, as_json)
    if page:
        written = safe(write_page(folder))
        if not (as_json and quiet):
            print(written, file=sys.stderr if as_json else sys.stdout)
    if content["failed"]:
        raise typer.Exit(1)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _show(planned: "Suite", quiet: bool) -> dict[str, Any]:
    """Run it, with a live table on a terminal and a line per run elsewhere."""
    from rich.live import Live

    from dmn_cli.runs.suite import go

    console = terminal(stderr=True)
    shown = console.is_terminal and not quiet
    told: set[Path] = set()
    try:
        with Live(console=console, auto_refresh=False, transient=True) if shown else contextlib.nullcontext() as live:
            for event in go(planned):
                if isinstance(event, dict):
                    return event
                if live is not None:
                    live.update(_view(event, planned.at_once, console.height), refresh=True)
                elif not quiet:
                    _tell(event, told)
    except Stopped as stopped:
        raise Stopped(stopped.code, "the same command goes on") from None
    raise AssertionError("a suite ends with its results")


def _tell(jobs: "list[Job]", told: set[Path]) -> None:
    """A line for every run that has ended since the last time."""
    for job in jobs:
        if job.state in ("done", "failed") and job.folder not in told:
            told.add(job.folder)
            how = f"failed: {job.why}" if job.results is None else f"valid {job.valid_accuracy:.1%}  {_test(job)}"
            print(safe(f"{len(told)}/{len(jobs)}  {job.network} seed {job.seed}  {how}"), file=sys.stderr)


def _test(job: "Job") -> str:
    assert job.results is not None
    return f"{job.results.split} {job.results.mean_accuracy:.1%}"


def _view(jobs: "list[Job]", at_once: int, height: int) -> "Group":
    """The live table; where not all runs fit, first those that failed or run, then the last that were done."""
    from rich import box
    from rich.console import Group
    from rich.table import Table

    from dmn_cli.report.suites import duration
    from dmn_cli.runs.suite import seconds_left

    count = {state: sum(job.state == state for job in jobs) for state in ("done", "running", "waiting", "failed")}
    left = seconds_left(jobs, at_once)
    caption = ", ".join(f"{number} {state}" for state, number in count.items() if number)
    caption += f"; about {duration(left)} left" if left else ""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("task", "seed", "epoch", "valid", "q/s", "left"):
        table.add_column(column, justify="left" if column == "task" else "right", no_wrap=True)
    table.add_column("", no_wrap=True, overflow="ellipsis")
    rank = {"failed": 0, "running": 1, "done": 2, "waiting": 3}
    shown = sorted(jobs, key=lambda job: rank[job.state])[: max(height - 7, 1)]
    for job in jobs:
        if any(job is other for other in shown):
            table.add_row(*_cells(job), style={"done": "green", "failed": "red", "waiting": "dim"}.get(job.state))
    return Group(table, caption)


def _cells(job: "Job") -> list[str]:
    from dmn_cli.report.suites import duration

    last = job.epochs[-1] if job.epochs else None
    return [
        job.network,
        str(job.seed),
        f"{last.epoch}/{job.config.train.epochs}" if last else "",
        f"{job.valid_accuracy:.1%}" if job.best else "",
        f"{last.questions_per_second:,.0f}" if last and last.questions_per_second else "",
        duration(job.seconds_left) if job.state == "running" and job.seconds_left is not None else "",
        {"failed": as_title(job.why), "done": _test(job) if job.results else ""}.get(job.state, job.state),
    ]


def _report(planned: "Suite", content: dict[str, Any], as_json: bool) -> None:
    """The results table, what failed, and where everything lies."""
    from dmn_cli.report.suites import as_table, by_seed, failure, notes, title

    if as_json:
        print_json(content)
        return
    typer.echo(safe(f"{title(content)} (%)"))
    terminal(width=None if sys.stdout.isatty() else 200).print(as_table(content))
    if len(content["seeds"]) > 1:
        typer.echo(safe(by_seed(content)))
    for run in content["failed"]:
        typer.echo(safe(failure(run)))
    for note in notes(content):
        typer.echo(safe(f"note: {note}"))
    typer.echo(
        safe(f"suite       {planned.folder}\ntables      {planned.folder / 'results.md'}, .csv, .json; timing.json")
    )
