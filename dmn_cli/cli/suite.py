"""``dmn suite``."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dmn_cli.cli.help import Command
from dmn_cli.cli.options import (
    CONFIG,
    TASKS,
    DataDir,
    Device,
    Json,
    Overrides,
    Quiet,
    Threads,
    as_overrides,
    complete_config,
    complete_override,
    load_config,
    print_json,
)
from dmn_cli.cli.text import as_title, terminal
from dmn_cli.cli.view import write_page
from dmn_cli.errors import DmnError, Stopped
from dmn_cli.text import safe

if TYPE_CHECKING:
    from rich.console import Group

    from dmn_cli.config import Config
    from dmn_cli.runs.jobs import Job, Place, Suite
    from dmn_cli.runs.sweep import Sweep


class SuiteCommand(Command):
    """Lets ``--ray`` go without its address."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _joined(args))


def _joined(args: list[str]) -> list[str]:
    """The arguments with ``--ray`` and its address, if it has one, in one word."""
    joined: list[str] = []
    for word in args:
        if joined and joined[-1] == "--ray" and not word.startswith("-"):
            joined[-1] = f"--ray={word}"
        else:
            joined.append(word)
    return ["--ray=auto" if word == "--ray" else word for word in joined]


def suite(
    config: Annotated[str, typer.Option("--config", "-c", help=CONFIG, autocompletion=complete_config)],
    wanted: Annotated[str | None, typer.Option("--tasks", metavar="TASKS", help=TASKS)] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds a task; the first is the config's train.seed.")] = 1,
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs at once (default: as many as cores).")] = None,
    overrides: Overrides = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=A,B,C",
            help="Try these values: a suite for each, the best chosen on validation. Repeatable: all combinations.",
            autocompletion=complete_override,
        ),
    ] = None,
    data_dir: DataDir = None,
    suite_dir: Annotated[
        Path | None, typer.Option(help="Its folder (default: runs/suite-NAME; with --grid runs/sweep-NAME).")
    ] = None,
    threads: Threads = 1,
    device: Device = "auto",
    on_ray: Annotated[
        str | None,
        typer.Option("--ray", metavar="[ADDRESS]", help="Run on a Ray cluster: the one running here, or at ADDRESS."),
    ] = None,
    page: Annotated[bool, typer.Option(help="Write report.html, the page of `dmn view`, at the end.")] = True,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train and evaluate every task with every seed, each a run of its own; then one table of all tasks.

    Of each task's seeds the one with the best validation accuracy is chosen. Stopped at any moment and started again
    by the same command, it goes on. Exit code 1 if any run failed.
    """
    from dmn_cli.runs import suite as suites
    from dmn_cli.runs import sweep as sweeps
    from dmn_cli.runs.jobs import Suite

    points = sweeps.grid(grid, overrides or []) if grid else []
    loaded = load_config(config, overrides, data_dir)
    loaded_points = sweeps.load(config, as_overrides(overrides, data_dir), points)
    for one in loaded_points or [loaded]:
        suites.networks(one, wanted)
    _check_device(device, on_ray)
    for one in loaded_points or [loaded]:
        _ensure_data(one, quiet)
    folder = suite_dir or Path("runs") / f"{'sweep' if points else 'suite'}-{Path(config).stem}"
    # where it runs is no part of what it is: its results are the same
    command = ["dmn", *(word for word in _joined(sys.argv[1:]) if not word.startswith("--ray="))]

    def planned(config: "Config", folder: Path) -> "Suite":
        return Suite(
            config=config,
            name=folder.absolute().name.removeprefix("suite-"),
            networks=suites.networks(config, wanted),
            seeds=seeds,
            folder=folder,
            at_once=jobs or max(1, _cores() // threads),
            threads=threads,
            device=device,
            command=command,
        )

    with _place(on_ray, jobs, threads, device) as place:
        if not points:
            content = _show(suites.go(planned(loaded, folder), place), place, quiet)
        else:
            names = map(sweeps.name_of, points)
            each = [planned(one, folder / name) for one, name in zip(loaded_points, names, strict=True)]
            name = folder.absolute().name.removeprefix("sweep-")
            sweep = sweeps.Sweep(name, folder, loaded, [*zip(points, each, strict=True)], command)
            content = _show(sweeps.go(sweep, place), place, quiet, is_sweep=True)
    if points:
        _report_sweep(sweep, content, as_json)
    else:
        _report(folder, content, as_json)
    if page and content.get("chosen", "") is not None:
        written = safe(write_page(folder / content.get("chosen", "")))
        if not (as_json and quiet):
            print(written, file=sys.stderr if as_json else sys.stdout)
    if any(point["failed"] for point in content.get("points", [content])):
        raise typer.Exit(1)


def _check_device(device: str, on_ray: str | None) -> None:
    if on_ray is not None and device not in ("auto", "cpu", "cuda"):
        raise DmnError(f"--device {device}: with --ray it is cpu or cuda", "cuda gives each run a GPU of its own")
    if on_ray is None and device not in ("auto", "cpu"):
        from dmn_cli.training.build import device as find_device

        find_device(device)


def _ensure_data(config: "Config", quiet: bool) -> None:
    from dmn_cli.babi.download import ensure_data

    if config.data.source == "babi":
        ensure_data(Path(config.data.dir), config.data.subset, quiet)


@contextlib.contextmanager
def _place(on_ray: str | None, jobs: int | None, threads: int, device: str) -> "Iterator[Place]":
    """This machine, or a cluster that is left at the end."""
    if on_ray is None:
        from dmn_cli.runs.jobs import Processes

        yield Processes(jobs or max(1, _cores() // threads))
        return
    from dmn_cli.runs.on_ray import Cluster

    with contextlib.closing(Cluster(on_ray, jobs, threads, device)) as cluster:
        yield cluster


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _show(
    events: "Iterator[list[Job] | dict[str, Any]]", place: "Place", quiet: bool, is_sweep: bool = False
) -> dict[str, Any]:
    """Run it, with a live table on a terminal and a line per run elsewhere."""
    from rich.live import Live

    console = terminal(stderr=True)
    shown = console.is_terminal and not quiet
    told: set[Path] = set()
    try:
        with Live(console=console, auto_refresh=False, transient=True) if shown else contextlib.nullcontext() as live:
            for event in events:
                if isinstance(event, dict):
                    return event
                if live is not None:
                    live.update(_view(event, place.room(), console.height, is_sweep), refresh=True)
                elif not quiet:
                    _tell(event, told, is_sweep)
    except Stopped as stopped:
        raise Stopped(stopped.code, "the same command goes on") from None
    raise AssertionError("a suite ends with its results")


def _tell(jobs: "list[Job]", told: set[Path], is_sweep: bool) -> None:
    """A line for every run that has ended since the last time."""
    for job in jobs:
        if job.state in ("done", "failed") and job.folder not in told:
            told.add(job.folder)
            how = f"failed: {job.why}" if job.results is None else f"valid {job.valid_accuracy:.1%}"
            if job.results is not None and not is_sweep:  # whoever chooses a point is not shown the test split
                how += f"  {_test(job)}"
            print(safe(f"{len(told)}/{len(jobs)}  {_name(job, is_sweep)} seed {job.seed}  {how}"), file=sys.stderr)


def _name(job: "Job", is_sweep: bool) -> str:
    """What a run is of: its network, and in a sweep the values of its point."""
    values = [part.partition("=")[2] for part in job.folder.parent.name.split(",")] if is_sweep else []
    return " ".join([*values, job.network])


def _test(job: "Job") -> str:
    assert job.results is not None
    return f"{job.results.split} {job.results.mean_accuracy:.1%}"


def _view(jobs: "list[Job]", at_once: int, height: int, is_sweep: bool = False) -> "Group":
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
            style = {"done": "green", "failed": "red", "waiting": "dim"}.get(job.state)
            table.add_row(*_cells(job, is_sweep), style=style)
    return Group(table, caption)


def _cells(job: "Job", is_sweep: bool) -> list[str]:
    from dmn_cli.report.suites import duration

    last = job.epochs[-1] if job.epochs else None
    tested = _test(job) if job.results and not is_sweep else ""
    return [
        as_title(_name(job, is_sweep)),
        str(job.seed),
        f"{last.epoch}/{job.config.train.epochs}" if last else "",
        f"{job.valid_accuracy:.1%}" if job.best else "",
        f"{last.questions_per_second:,.0f}" if last and last.questions_per_second else "",
        duration(job.seconds_left) if job.state == "running" and job.seconds_left is not None else "",
        {"failed": as_title(job.why), "done": tested}.get(job.state, job.state),
    ]


def _report(folder: Path, content: dict[str, Any], as_json: bool) -> None:
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
    typer.echo(safe(f"suite       {folder}\ntables      {folder / 'results.md'}, .csv, .json; timing.json"))


def _report_sweep(sweep: "Sweep", content: dict[str, Any], as_json: bool) -> None:
    """The table of the points by validation, then that of the chosen one."""
    import json

    from dmn_cli.report.suites import duration
    from dmn_cli.report.sweeps import as_table, failures, title
    from dmn_cli.runs.suite import seconds

    if as_json:
        print_json(content)
        return
    typer.echo(safe(title(content)))
    times = {suite.folder.name: duration(seconds(suite)) for _, suite in sweep.points}
    terminal(width=None if sys.stdout.isatty() else 200).print(as_table(content, times))
    for line in failures(content):
        typer.echo(safe(line))
    if content["chosen"]:
        folder = sweep.folder / content["chosen"]
        typer.echo(safe(f"chosen on validation: {content['chosen']}; on the test split:\n"))
        _report(folder, json.loads((folder / "results.json").read_text(encoding="utf-8")), False)
    typer.echo(safe(f"sweep       {sweep.folder}: {len(sweep.points)} suites, results.md, .csv, .json"))
