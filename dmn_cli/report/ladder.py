"""The ladder: suites of one setting, each the one before it with one thing changed."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import RenderableType

from dmn_cli import records
from dmn_cli.babi.tasks import TASKS
from dmn_cli.config import Config, differences, from_plain
from dmn_cli.errors import DmnError
from dmn_cli.report.plots import save
from dmn_cli.report.suites import duration, for_terminal, read, spread
from dmn_cli.report.tables import markdown, percent

Rows = list[list[str]]


class Rung(NamedTuple):
    """One suite of the ladder.

    Attributes:
        name: of the suite.
        config: that it was trained by.
        changed: from the rung below; "" for the first.
        tasks: for each task its accuracy with every seed, 0 to 1.
        means: of all tasks, for each seed.
        over_seeds: mean and deviation of these; None if no seed has all tasks.
        passed: how many tasks each seed passes.
        seconds: that all runs of a seed took together; None if that was not kept.
        parameters: of the network, the mean over the tasks; None if that was not kept.
    """

    name: str
    config: Config
    changed: str
    tasks: dict[int, list[float]]
    means: list[float]
    over_seeds: dict[str, Any] | None
    passed: list[int]
    seconds: float | None
    parameters: float | None


def climb(paths: Sequence[Path]) -> list[Rung]:
    """The rungs, from the first to the last.

    Args:
        paths: the folders of the suites, or their results.json, in this order.

    Raises:
        DmnError: one of them is not the results of a suite, or they differ in data, split or supervision.
    """
    contents = [read(path / "results.json" if path.is_dir() else path) for path in paths]
    for content, path in zip(contents, paths, strict=True):
        for what, of in _SETTING.items():
            if of(content) != of(contents[0]):
                hint = "the rungs of a ladder differ in the network and its training alone"
                raise DmnError(f"{paths[0]} and {path}: not of the same {what}", hint)
    rungs: list[Rung] = []
    for content, path in zip(contents, paths, strict=True):
        config = from_plain(content["config"])
        changed = differences(rungs[-1].config, config) if rungs else ""
        tasks = {
            task["task"]: [seed["accuracy"] for seed in task["seeds"] if seed["seed"] in content["seeds"]]
            for task in content["tasks"]
        }
        over = content["over_seeds"] or {}
        counted = [task["parameters"] for task in content["tasks"] if task.get("parameters")]
        rungs.append(
            Rung(
                content["suite"],
                config,
                changed,
                tasks,
                over.get("means", [content["mean_accuracy"]]),
                content["over_seeds"],
                over.get("tasks_passed", [content["tasks_passed"]]),
                _seconds(path, len(content["seeds"])),
                statistics.fmean(counted) if len(counted) == len(tasks) else None,
            )
        )
    return rungs


_SETTING: dict[str, Callable[[dict[str, Any]], object]] = {
    "split": lambda content: content["split"],
    "tasks": lambda content: [task["task"] for task in content["tasks"]],
    "supervision": lambda content: content["config"]["train"]["supervision"],
    "data": lambda content: content["data"],
}
"""What must be the same on every rung."""


def _seconds(path: Path, seeds: int) -> float | None:
    timing = (path if path.is_dir() else path.parent) / "timing.json"
    if not timing.exists():
        return None
    return records.read(timing, records.TIMING, "delete it: only what it cost is lost").seconds / seeds


def as_rows(rungs: Sequence[Rung]) -> tuple[list[str], Rows]:
    """A row per rung: what it changed, and what that is worth."""
    header = ["config", "changed", "mean (%)", "gain", "passed", "time per seed", "weights"]
    rows = []
    for rung, below in zip(rungs, [None, *rungs], strict=False):
        gain = statistics.fmean(rung.means) - statistics.fmean(below.means) if below else None
        rows.append(
            [
                rung.name,
                rung.changed or "–",
                spread(rung.over_seeds, 2),
                "–" if gain is None else f"{100 * gain:+.2f}",
                " ".join(map(str, rung.passed)),
                "–" if rung.seconds is None else duration(rung.seconds),
                "–" if rung.parameters is None else f"{rung.parameters / 1000:.0f} k",
            ]
        )
    return header, rows


def by_task(rungs: Sequence[Rung]) -> tuple[list[str], Rows]:
    """A row per task: the mean accuracy over the seeds on every rung, in percent."""
    rows = [
        [str(task or "–"), _name(task), *(percent(statistics.fmean(rung.tasks[task])) for rung in rungs)]
        for task in rungs[0].tasks
    ]
    return ["task", "name", *(f"`{rung.name}`" for rung in rungs)], rows


def as_markdown(rungs: Sequence[Rung]) -> str:
    """Both tables in Markdown."""
    return f"{markdown(*as_rows(rungs))}\n{markdown(*by_task(rungs))}"


def as_rich(rungs: Sequence[Rung]) -> Iterator[RenderableType]:
    """Both tables for the terminal."""
    yield for_terminal(*as_rows(rungs))
    yield for_terminal(*by_task(rungs))


def draw(rungs: Sequence[Rung], path: Path) -> None:
    """The ladder as a picture: the mean of every seed, and a heat map of tasks and rungs.

    Args:
        rungs: as ``climb`` made them.
        path: see plots.check_plot.

    Raises:
        DmnError: the file cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    tasks = list(rungs[0].tasks)
    figure, (above, below) = pyplot.subplots(
        2, 1, figsize=(2.6 + 1.1 * len(rungs), 1.8 + 0.34 * len(tasks)), sharex=True, layout="constrained",
        height_ratios=[1, max(1.0, len(tasks) / 7)],
    )  # fmt: skip
    for position, rung in enumerate(rungs):
        above.plot([position] * len(rung.means), [100 * mean for mean in rung.means], "o", color="#4477aa", alpha=0.6)
    above.plot([100 * statistics.fmean(rung.means) for rung in rungs], color="#4477aa")
    above.set_ylabel("mean, %\n(a dot per seed)")
    above.grid(alpha=0.3)
    shown = [[100 * statistics.fmean(rung.tasks[task]) for rung in rungs] for task in tasks]
    below.imshow(shown, aspect="auto", vmin=20, vmax=100, cmap="YlGnBu")
    for row, accuracies in enumerate(shown):
        for column, accuracy in enumerate(accuracies):
            color = "white" if accuracy > 70 else "black"
            below.text(column, row, f"{accuracy:.1f}", ha="center", va="center", color=color, size=8)
    below.set_yticks(range(len(tasks)), [f"{task} {_name(task)}" if task else _name(task) for task in tasks])
    below.set_xticks(range(len(rungs)), [rung.name for rung in rungs], rotation=30, ha="right")
    try:
        save(figure, path)
    finally:
        pyplot.close(figure)


def _name(task: int) -> str:
    return TASKS[task].name if task in TASKS else "own stories"
