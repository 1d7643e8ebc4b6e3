"""Reading the small files of a run or a suite; a damaged one is one line that names it and says what to do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from dmn_cli.errors import DmnError

T = TypeVar("T")

DAMAGE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What a parser stumbles over; ValueError: not UTF-8, or not JSON."""


def read(path: Path, parse: Callable[[str], T], hint: str) -> T:
    """What a file says.

    Args:
        path: the file.
        parse: from its text to what is wanted.
        hint: what to do if the file is damaged.

    Raises:
        FileNotFoundError: there is none.
        DmnError: it is damaged.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except DAMAGE as error:
        raise DmnError(f"{path}: damaged", hint) from error


def starts(text: str) -> list[dict[str, Any]]:
    """The starts in a run.json, at least one."""
    found: list[dict[str, Any]] = json.loads(text)["starts"]
    keys = {"dmn", "git", "python", "torch", "platform", "device", "threads", "passes", "data"}
    if not found or any(keys - start.keys() for start in found):
        raise ValueError("a start lacks something")
    return found


def epochs(text: str) -> list[dict[str, Any]]:
    """The whole lines of a metrics.jsonl; a run may be writing one now, or was killed while it did."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in text.split("\n")[:-1]]
    for line in lines:
        _numbers(line, "epoch", "valid_accuracy", "valid_loss", "best", "seconds")
    return lines


def results(text: str) -> dict[str, Any]:
    """A run's results.json."""
    content: dict[str, Any] = json.loads(text)
    _numbers(content, "mean_accuracy")
    for row in content["tasks"]:
        _numbers(row, "task", "questions", "correct", "accuracy")
        if not {"name", "published"} <= row.keys():
            raise ValueError("a task lacks something")
    if not isinstance(content["split"], str) or not isinstance(content["data"], dict):
        raise TypeError("split or data is something else")
    return content


def usage(text: str) -> dict[str, float]:
    """A run's usage.json."""
    return _numbers(json.loads(text), "seconds", "peak_memory_mb")


def wall_seconds(text: str) -> float:
    """Those of a suite's timing.json."""
    return _numbers(json.loads(text), "wall_seconds")["wall_seconds"]


def longest_and_largest(text: str) -> tuple[dict[str, Any], float]:
    """Of a suite's timing.json: the run that took longest, and the most memory of any, in MB."""
    runs: list[dict[str, Any]] = json.loads(text)["runs"]
    for run in runs:
        _numbers(run, "seconds", "peak_memory_mb")
    return max(runs, key=lambda run: run["seconds"]), max(run["peak_memory_mb"] for run in runs)


def _numbers(content: dict[str, Any], *keys: str) -> dict[str, float]:
    """The numbers by their keys; TypeError: one is something else."""
    for key in keys:
        if not isinstance(content[key], int | float):
            raise TypeError(f"{key} is no number")
    return {key: content[key] for key in keys}
