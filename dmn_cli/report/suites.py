"""Tables of suites and runs, from the files in their folders."""

import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dmn_cli import records
from dmn_cli.babi.tasks import PASSED, TASKS
from dmn_cli.config import Config, from_plain, load, plain
from dmn_cli.errors import DmnError
from dmn_cli.report.published import Published, published
from dmn_cli.report.tables import WORDS, comma_separated, markdown, percent
from dmn_cli.report.tables import title as stories_title
from dmn_cli.splits import OWN, Split
from dmn_cli.splits import tasks as task_numbers
from dmn_cli.text import in_cell

Content = dict[str, Any]
Rows = list[list[str]]


def read(path: Path) -> Content:
    """What a results.json holds; that of a run in the form of a suite's.

    Raises:
        DmnError: the file cannot be read, or is something else.
    """
    content = _json(path)
    is_run = isinstance(content, dict) and "suite" not in content and (path.parent / "config.yaml").exists()
    config = load(path.parent / "config.yaml") if is_run else None
    try:  # no schema: whole is what all tables can be made of
        if config is not None:
            content = _of_run(path.parent, config, content)
        as_markdown(content)
        _row(content)
        _side_by_side([content])
        if not all(task["task"] in (OWN, *TASKS) for task in content["tasks"]):
            raise ValueError("an unknown task")
    except (*_NOT_WHOLE, OSError, DmnError) as error:
        hint = "give the folder of a `dmn suite` or a `dmn train`, or its results.json"
        raise DmnError(f"{path}: not the results of a suite or a run", hint) from error
    return content  # type: ignore[no-any-return]


_NOT_WHOLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError, ArithmeticError, StopIteration)
"""What goes wrong when a table is made of JSON that lacks something, or holds something else."""


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DmnError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # RecursionError: nested a thousand deep
        raise DmnError(f"{path}: not JSON") from error


def title(content: Content) -> str:
    """What the results are of."""
    config = from_plain(content["config"])
    parts = [
        stories_title(config, content["split"], _is_babi(content)),
        "gates taught the supporting facts" if config.train.supervision == "strong" else "answers only",
        "one network for all tasks" if len(task_numbers(config.data)) > 1 else "",
        f"{len(content['seeds'])} seeds" if len(content["seeds"]) > 1 else "one seed",
    ]
    return ", ".join(part for part in parts if part)


def as_table(content: Content) -> Table:
    """A table for the terminal; all figures in percent. Its title goes above it."""
    table = Table(box=box.SIMPLE_HEAD, padding=0)
    header, rows, last = _rows(content)
    for column in header:
        table.add_column(column, justify="left" if column in WORDS else "right", no_wrap=True)
    for row, task in zip(rows, content["tasks"], strict=True):
        table.add_row(*row, style=None if task["passed"] else "yellow")
    table.add_section()
    table.add_row(*last, style="bold")
    return table


def as_markdown(content: Content) -> str:
    """The same table in Markdown, what failed, and how the table was made."""
    header, rows, last = _rows(content)
    failed = [f"- {failure(run)}" for run in content["failed"]]
    failed += [f"- note: {in_cell(note)}" for note in notes(content)]
    command = f"`{in_cell(content['command'])}`"
    table = markdown(header, [*rows, last])
    seeds = f"{by_seed(content)}\n\n" if len(content["seeds"]) > 1 else ""
    return f"{in_cell(title(content))} (%)\n\n{table}\n{seeds}" + "\n".join([*failed, command, ""])


def by_seed(content: Content) -> str:
    """The mean and the tasks passed, seed by seed, and how many seeds pass all tasks."""
    means, passed = zip(*_seeds(content), strict=True) if _seeds(content) else ((), ())
    figures = ", ".join(percent(mean, 2) for mean in means), ", ".join(map(str, passed))
    return f"by seed: mean {figures[0] or '–'}; passed {figures[1] or '–'}; all tasks passed by {_all_passed(content)}"


def _all_passed(content: Content) -> str:
    seeds, tasks = len(content["seeds"]), len(content["tasks"])
    return f"{sum(passed == tasks for _, passed in _seeds(content))} of {seeds} seed{'s' * (seeds > 1)}"


def _seeds(content: Content) -> list[tuple[float, int]]:
    """The mean and the number of tasks passed of each seed that has all tasks."""
    found = []
    for seed in content["seeds"]:
        own = [tried["accuracy"] for task in content["tasks"] for tried in task["seeds"] if tried["seed"] == seed]
        if len(own) == len(content["tasks"]):
            found.append((statistics.fmean(own), sum(accuracy >= PASSED for accuracy in own)))
    return found


def failure(run: Content) -> str:
    """Which run failed, and why, on one line."""
    return in_cell(f"{run['network']}, seed {run['seed']} failed: {run['why']}")


def notes(content: Content) -> list[str]:
    """What makes the figures other than they seem, runs that were not made by the same code among it."""
    versions = content.get("versions", {})
    mixed = {what: str(of) for what, of in versions.items() if ", " in str(of)}
    told = [f"its runs were made by different versions: {what} {of}" for what, of in mixed.items()]
    return list(map(in_cell, [*content.get("notes", []), *told]))


def _other_versions(contents: list[Content]) -> list[str]:
    """The same between suites and runs that stand in one table."""
    made = {str(content["suite"]): content.get("versions", {}) for content in contents}
    found = []
    for what in ("dmn", "git", "torch"):
        by_version = {name: str(versions[what]) for name, versions in made.items() if what in versions}
        if len(set(by_version.values())) > 1:
            each = ", ".join(f"{name} by {version}" for name, version in by_version.items())
            found.append(in_cell(f"these were made by different versions of {what}: {each}"))
    return found


def as_csv(content: Content) -> str:
    """A line per task, with plain numbers from 0 to 1."""
    plain = ["task", "name", "questions", "correct", "accuracy"]
    header = ["low", "high", "published", "passed", "valid_accuracy", "seed", "seeds", "mean", "deviation", "restarts"]
    beside = _beside(content)
    rows = []
    for task in content["tasks"]:
        over = task["over_seeds"] or {"mean": None, "deviation": None}
        row = [
            *(round(bound, 6) for bound in task["interval"]),
            beside.accuracy(task["task"]) if beside else None,
            task["passed"],
            _chosen(task)["valid_accuracy"],
            task["chosen_seed"],
            len(task["seeds"]),
            over["mean"],
            over["deviation"],
            task["restarts"],
        ]
        rows.append([*(task[key] for key in plain), *row])
    return comma_separated(plain + header, rows)


def _chosen(task: Content) -> Any:
    return next(seed for seed in task["seeds"] if seed["seed"] == task["chosen_seed"])


def _rows(content: Content) -> tuple[list[str], Rows, list[str]]:
    """The header, a row a task, and the row of the mean."""
    several, restarts = len(content["seeds"]) > 1, content["config"]["train"]["restarts"] > 0
    beside = _beside(content)
    header = ["task", "name", content["split"], "95 % interval", "valid"]
    if several or restarts:
        header = ["task", "name", content["split"], "seed", "valid", f"{len(content['seeds'])} seeds"]
    header += ["restarts"] * restarts + ["published"] * (beside is not None) + ["passed"]
    rows = []
    for task in content["tasks"]:
        low, high = task["interval"]
        valid = percent(_chosen(task)["valid_accuracy"])
        middle = [f"{percent(low)} – {percent(high)}", valid]
        if several or restarts:
            middle = [str(task["chosen_seed"]), valid, spread(task["over_seeds"])]
        middle += [str(task["restarts"])] * restarts
        number = task["task"]
        middle += [f"{beside.percents[number]:.1f}"] if beside else []
        passed = "yes" if task["passed"] else "no"
        rows.append([str(number or "–"), task["name"], percent(task["accuracy"]), *middle, passed])
    last = [""] * len(header)
    last[1:3] = ["mean", percent(content["mean_accuracy"], 2)]
    if several or restarts:
        last[5] = spread(content["over_seeds"], 2)
    if restarts:
        last[6] = str(sum(task["restarts"] for task in content["tasks"]))
    if beside:
        last[-2] = f"{statistics.fmean(beside.percents[task['task']] for task in content['tasks']):.1f}"
    last[-1] = f"{content['tasks_passed']} of {len(content['tasks'])}"
    return header, rows, last


def _is_babi(content: Content) -> bool:
    """Whether all that it was trained and tested on is bAbI, by the published digests."""
    return Split({}, content["data"]).is_babi


def _published(content: Content) -> list[Published]:
    """The published rows that the results can be held against."""
    return published(from_plain(content["config"]), content["split"], content["data"])


def _beside(content: Content) -> Published | None:
    """The published row that stands beside the results; None if none does."""
    return next(iter(_published(content)), None)


class Report(NamedTuple):
    """Suites and runs beside each other: two tables, each a header and rows, and what failed."""

    suites: tuple[list[str], Rows]
    failed: list[str]
    tasks: tuple[list[str], Rows]


def gather(paths: Sequence[Path]) -> Report:
    """Suites and runs beside each other: a table of them and a table of the tasks.

    Args:
        paths: their results.json, or their folders; what they cost is taken from the files beside it. Shown by name.

    Raises:
        DmnError: one of them is not the results of a suite or a run.
    """
    found = sorted(((read(path), path) for path in _found(paths)), key=lambda suite: str(suite[0]["suite"]))
    contents = [content for content, _ in found]
    header = ["config", "setting", "mean (%)", "over seeds", "passed", "all passed by"]
    header += ["longest run", "memory of a run", "command"]
    rows = [[*_row(content), *_cost(path.parent), f"`{content['command']}`"] for content, path in found]
    failed = [f"{content['suite']}: {failure(run)}" for content in contents for run in content["failed"]]
    told = [f"{content['suite']}: {note}" for content in contents for note in notes(content)]
    failed += [f"note: {note}" for note in (*told, *_other_versions(contents))]
    return Report((header, rows), failed, _side_by_side(contents))


def as_report(paths: Sequence[Path]) -> str:
    """What ``gather`` finds, in Markdown."""
    report = gather(paths)
    failed = "".join(f"- {line}\n" for line in report.failed)
    return f"{markdown(*report.suites)}\n{failed + chr(10) if failed else ''}{markdown(*report.tasks)}"


def as_rich(paths: Sequence[Path]) -> Iterator[RenderableType]:
    """What ``gather`` finds, for the terminal; settings and commands, too wide for its tables, stand below them."""
    report = gather(paths)
    header, rows = report.suites
    yield for_terminal([header[0], *header[2:-1]], [[row[0], *row[2:-1]] for row in rows])
    yield from (Text(line, style="red") for line in report.failed)
    yield for_terminal(*report.tasks)
    yield from (Text(f"{row[0]}: {row[1]}\n  {row[-1].strip('`')}") for row in rows)


def for_terminal(header: list[str], rows: Rows) -> Table:
    """A table for the terminal whose columns of words wrap."""
    table = Table(box=box.SIMPLE_HEAD, padding=0)
    for column in header:
        is_text = column in WORDS
        title = column if is_text else column.replace(" ", "\n")
        table.add_column(Text(title.strip("`")), justify="left" if is_text else "right", no_wrap=not is_text)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _found(paths: Sequence[Path]) -> Iterator[Path]:
    """The results.json of each path; of a sweep and of a folder that has none those in it."""
    for path in paths:
        own, is_sweep = path / "results.json", (path / "sweep.yaml").exists()
        inside = sorted(path.glob("*/results.json")) if path.is_dir() and (is_sweep or not own.exists()) else [own]
        if not inside:
            raise DmnError(f"{path}: no results.json here, nor in its folders", "a run writes it at its end")
        yield from inside if path.is_dir() else [path]


def _of_run(folder: Path, config: Config, results: Content) -> Content:
    """The results of a run in the form of a suite's: of one seed, and no other tried."""
    starts = records.read(folder / "run.json", records.STARTS, "report the others").starts
    start, keys = starts[0], ("dmn", "git", "python", "torch")
    epochs = records.read_epochs(folder / "metrics.jsonl", "report the others")
    kept, seed = next(epoch for epoch in reversed(epochs) if epoch.best), config.train.seed
    valid = {"seed": seed, "valid_accuracy": kept.valid_accuracy, "valid_loss": kept.valid_loss}
    tasks = [
        {
            **task,
            "chosen_seed": seed,
            "seeds": [{**valid, "correct": task["correct"], "accuracy": task["accuracy"]}],
            "over_seeds": {"mean": task["accuracy"], "deviation": None},
            "restarts": 0,
        }
        for task in results["tasks"]
    ]
    trained = start.data if isinstance(start.data, dict) else {}
    return {
        **results,
        "suite": folder.absolute().name,
        "tasks": tasks,
        "seeds": [seed],
        "over_seeds": {"mean": results["mean_accuracy"], "deviation": None},
        "failed": [],
        "command": start.command,
        "versions": {key: ", ".join(sorted({str(getattr(one, key)) for one in starts})) for key in keys},
        "config": plain(config),
        "data": {**trained, **results["data"]},
    }


def _row(content: Content) -> list[str]:
    """A suite's name, setting and figures."""
    passed = f"{content['tasks_passed']} of {len(content['tasks'])}"
    figures = [percent(content["mean_accuracy"], 2), spread(content["over_seeds"], 2), passed]
    return [f"{content['suite']}", title(content), *figures, _all_passed(content)]


def _cost(folder: Path) -> list[str]:
    """The time of the longest run and the most memory of any."""
    hint = "delete it: only what it cost is lost"
    if (folder / "usage.json").exists():  # of a run
        usage = records.read(folder / "usage.json", records.USAGE, hint)
        return [duration(usage.seconds), f"{usage.peak_memory_mb:.0f} MB"]
    if not (folder / "timing.json").exists():
        return ["–", "–"]
    runs = records.read(folder / "timing.json", records.TIMING, hint).runs
    if not runs:  # none succeeded
        return ["–", "–"]
    longest = max(runs, key=lambda run: run.seconds)
    return [f"{duration(longest.seconds)} ({longest.network})", f"{max(run.peak_memory_mb for run in runs):.0f} MB"]


def _side_by_side(contents: list[Content]) -> tuple[list[str], Rows]:
    """A row per task, a column per suite, and the published columns that belong to any of them."""
    beside = {row.name: row.percents for content in contents for row in _published(content)}
    names = {task["task"]: task["name"] for content in contents for task in content["tasks"]}
    rows = []
    for number in sorted(names):
        figures = [f"{percents[number]:.1f}" if number in percents else "–" for percents in beside.values()]
        own = [{task["task"]: percent(task["accuracy"]) for task in content["tasks"]} for content in contents]
        rows.append([str(number or "–"), names[number], *figures, *(by_task.get(number, "–") for by_task in own)])
    shown = [[percents[number] for number in names if number in percents] for percents in beside.values()]
    means = [f"{statistics.fmean(figures):.1f}" for figures in shown]
    rows.append(["", "mean", *means, *(_mean(content, len(names)) for content in contents)])
    passes = [str(sum(figure >= 100 * PASSED for figure in figures)) for figures in shown]
    rows.append(["", "tasks passed", *passes, *(str(content["tasks_passed"]) for content in contents)])
    columns = [*(f"published {name}" for name in beside), *(f"`{content['suite']}`" for content in contents)]
    return ["task", "name", *columns], rows


def _mean(content: Content, rows: int) -> str:
    """The mean of a suite, and of how many tasks, where that is not all rows of a table."""
    tasks = len(content["tasks"])
    return percent(content["mean_accuracy"], 2) + (f" ({tasks} task{'s' * (tasks > 1)})" if tasks < rows else "")


def spread(over_seeds: Content | None, digits: int = 1) -> str:
    """Mean ± deviation, in percent."""
    if over_seeds is None:
        return "–"
    mean, deviation = over_seeds["mean"], over_seeds["deviation"]
    return percent(mean, digits) + ("" if deviation is None else f" ± {percent(deviation, digits)}")


def duration(seconds: float) -> str:
    """For a reader: 9 s, 3 min, 1 h 05 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
