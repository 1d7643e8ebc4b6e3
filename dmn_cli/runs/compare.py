"""Two networks, or two suites of networks, asked the same questions."""

from pathlib import Path
from typing import Any

import torch

from dmn_cli.babi.tasks import SplitName
from dmn_cli.config import differences, from_plain
from dmn_cli.errors import DmnError
from dmn_cli.report import suites
from dmn_cli.report.compared import Compared, ComparedSuites, Counts, Side, TaskOfTwo, by_task, count
from dmn_cli.runs import folder as folders
from dmn_cli.splits import Split, tasks
from dmn_cli.training import checkpoint as checkpoints
from dmn_cli.training.checkpoint import Checkpoint
from dmn_cli.training.locate import choose, own
from dmn_cli.training.predictions import predict


def compare(
    first: Path, second: Path, split: SplitName, file: Path | None, data_dir: Path | None, device: torch.device
) -> Compared:
    """Ask two networks the same questions.

    Args:
        first, second: run folders or checkpoints.
        split: of the first one's stories, in the tasks that the second knows too.
        file: other stories.
        data_dir: where bAbI lies, if not where the first was trained.
        device: where to compute.

    Raises:
        DmnError: a checkpoint or the stories are missing, or there is no task that both know.
    """
    paths = [folders.best(path) if path.is_dir() else path for path in (first, second)]
    one, other = (checkpoints.load(path, device) for path in paths)
    stories = own(file) if file is not None else _stories(one, other, paths[0], split, data_dir)
    sides = [
        Side(str(path), list(predict(network, stories)), _curve(path))
        for path, network in ((first, one), (second, other))
    ]
    changed = filter(None, [differences(one.config, other.config), _other_code(first, second)])
    return Compared(sides[0], sides[1], ", ".join(changed))


def _other_code(first: Path, second: Path) -> str:
    """The versions that two runs were made by; "" where they are the same, or not known."""
    one, other = (folders.starts(path)[-1:] if path.is_dir() else [] for path in (first, second))
    return ", ".join(
        f"made by {key} {getattr(before, key)} → {getattr(after, key)}"
        for before, after in zip(one, other, strict=False)
        for key in ("dmn", "git", "torch")
        if getattr(before, key) != getattr(after, key)
    )


def _stories(one: Checkpoint, other: Checkpoint, path: Path, split: SplitName, data_dir: Path | None) -> Split:
    data = one.config.data
    both = [number for number in tasks(data) if number in tasks(other.config.data)]
    if not both:
        raise DmnError("these two were trained on no common task", "--file FILE asks both about other stories")
    numbers = both if data.source != "files" else []
    return choose(data, path, split, data_dir=data_dir, tasks=numbers)[1]


def _curve(path: Path) -> list[float]:
    """The validation accuracies of a run, epoch by epoch."""
    return [epoch.valid_accuracy for epoch in folders.epochs(path, "delete it")] if path.is_dir() else []


def is_suite(path: Path) -> bool:
    """Whether a folder is that of a suite.

    Raises:
        DmnError: it is, but the suite has not ended.
    """
    if not path.is_dir() or (path / "checkpoints").exists():
        return False
    if (path / folders.RESULTS).exists():
        return True
    if any(path.glob("*-seed*")):
        raise DmnError(
            f"{path}: this suite has not ended", f"`dmn runs {path}` lists its runs; any two of them compare"
        )
    return False


def compare_suites(first: Path, second: Path, device: torch.device) -> ComparedSuites:
    """Two suites: accuracy by task and seed, and McNemar's counts over what their networks answer, seed by seed.

    Args:
        first, second: folders of suites that have ended.
        device: where to compute.

    Raises:
        DmnError: their results cannot be read, or they have no task in common.
    """
    one, other = (suites.read(path / folders.RESULTS) for path in (first, second))
    rows = [({row["task"]: row for row in content["tasks"]}) for content in (one, other)]
    both = [task for task in rows[0] if task in rows[1]]
    if not both:
        raise DmnError(f"{first} and {second} have no task in common")
    if one["split"] != other["split"]:
        raise DmnError(f"{first} has results of the {one['split']} split, {second} of the {other['split']} split")
    accuracies = [{task: _by_seed(of[task]["seeds"]) for task in both} for of in rows]
    seeds = [(task, seed) for task in both for seed in accuracies[0][task] if seed in accuracies[1][task]]
    counts, notes = _counts(first, second, seeds, one["split"], device)
    tasks = [
        TaskOfTwo(task, rows[0][task]["name"], accuracies[0][task], accuracies[1][task], counts.get(task))
        for task in both
    ]
    for path, of, others in ((first, rows[0], rows[1]), (second, rows[1], rows[0])):
        if alone := [str(task) for task in of if task not in others]:
            notes.append(f"only {path} has tasks {', '.join(alone)}")
    configs = [from_plain(content["config"]) for content in (one, other)]
    return ComparedSuites(str(first), str(second), differences(*configs), tasks, notes)


def _by_seed(tried: list[dict[str, Any]]) -> dict[int, float]:
    return {one["seed"]: one["accuracy"] for one in sorted(tried, key=lambda one: int(one["seed"]))}


def _counts(
    first: Path, second: Path, seeds: list[tuple[int, int]], split: SplitName, device: torch.device
) -> tuple[dict[int, Counts], list[str]]:
    """Who is right how often, by task, over all seeds that both have; and what was left out, and why."""
    found: dict[int, Counts] = {}
    left_out: dict[str, int] = {}
    pairs = dict.fromkeys((_network(first, *one), _network(second, *one)) for one in seeds)
    for networks in pairs:
        missing = [
            suite for suite, run in zip((first, second), networks, strict=True) if not folders.best(run).exists()
        ]
        why = f"{missing[0]} lacks their checkpoints" if missing else ""
        try:
            compared = None if missing else compare(*networks, split, None, None, device)
        except DmnError as error:
            compared, why = None, error.message
        for task, answers in by_task(compared).items() if compared else ():
            found[task] = found.get(task, Counts(0, 0, 0, 0)) + count(answers)
        if not compared:
            left_out[why] = left_out.get(why, 0) + 1
    said = "of the {} pairs of runs {} are not compared question by question: {}"
    return found, [said.format(len(pairs), number, why) for why, number in left_out.items()]


def _network(suite: Path, task: int, seed: int) -> Path:
    """The run of a task and a seed."""
    runs = [suite / f"{name}-seed{seed}" for name in (f"task{task}", "joint", "own")]
    return next((run for run in runs if run.exists()), runs[0])
