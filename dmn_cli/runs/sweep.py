"""A sweep: a suite for each point of a grid of config values, all in one pool, one point chosen on validation."""

import itertools
import json
import re
import shlex
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dmn_cli import config as configs
from dmn_cli.config import Config
from dmn_cli.config.parse import shown
from dmn_cli.errors import DmnError
from dmn_cli.files import remove_temporaries, write_atomic
from dmn_cli.report import sweeps
from dmn_cli.report.sweeps import shown_value
from dmn_cli.runs.jobs import Job, Place, Suite
from dmn_cli.runs.suite import LOCK_SECONDS, Open, finish, make, opened, work
from dmn_cli.system import exclusive

CONFIG = "sweep.yaml"
"""The config of a sweep, without the grid: not called config.yaml, so that no suite takes its folder."""

MOST = 10_000
"""Points; more are a mistake."""

FIXED = {
    "train.seed": "the suite's seeds are its own: --seeds N",
    "data.tasks": "the suite's tasks are its own: --tasks",
}
"""Keys that a suite sets itself."""


class Sweep(NamedTuple):
    """What is to be run.

    Attributes:
        name: what to call it in tables.
        folder: of the sweep; the suites of its points are folders in it.
        config: without the grid.
        points: the values of each point by dotted key, and its suite.
        command: what the user typed.
    """

    name: str
    folder: Path
    config: Config
    points: list[tuple[dict[str, Any], Suite]]
    command: list[str]


def grid(given: Sequence[str], overrides: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The points of a grid, the last key changing fastest.

    Args:
        given: each ``section.key=a,b,c``, the values in YAML.
        overrides: of ``--set``, which may not name the same keys.

    Raises:
        DmnError: one is malformed, or names a key that cannot be swept.
    """
    values: dict[str, list[Any]] = {}
    for text in given:
        key, equals, listed = (part.strip() for part in text.partition("="))
        if not equals or not re.fullmatch(r"\w+\.\w+", key):
            raise DmnError(f"--grid: expected section.key=a,b,c, not {shown(text)}")
        if key in FIXED:
            raise DmnError(f"--grid {key}: {FIXED[key]}")
        if key in values:
            raise DmnError(f"--grid {key}: given twice", f"write all values in one: --grid {key}=a,b,c")
        if any(override.partition("=")[0].strip() == key for override in overrides):
            raise DmnError(f"--grid {key}: is given by --set too", "leave one of them out")
        try:
            found = configs.parse(f"[{listed}]", "--grid").values
        except DmnError as error:
            raise DmnError(f"--grid {key}: {shown(listed)} is no list of values", f"expected {key}=a,b,c") from error
        if not found or not isinstance(found, list):
            raise DmnError(f"--grid {key}: no values", f"expected {key}=a,b,c")
        values[key] = found
        names = list(map(shown_value, found))
        for name in names:
            if names.count(name) > 1:
                raise DmnError(f"--grid {key}: {name} stands there twice")
    count = 1
    for found in values.values():
        count *= len(found)
    if count > MOST:
        raise DmnError(f"--grid: {count:,} points, more than {MOST:,}")
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]


def load(config: str, overrides: Sequence[str], points: Sequence[Mapping[str, Any]]) -> list[Config]:
    """The config of each point.

    Raises:
        DmnError: with the errors of all points at once, one a line; or two points are the same.
    """
    found: list[Config] = []
    faults: dict[str, str] = {}
    for point in points:
        try:
            made = configs.load(config, overrides, point)
        except DmnError as error:
            faults.update(dict.fromkeys(error.message.splitlines(), error.hint))
            continue
        if made in found:
            other, this = name_of(points[found.index(made)]), name_of(point)
            raise DmnError(f"--grid: {other} and {this} are the same", "leave one of the values out")
        found.append(made)
    if faults:
        raise DmnError("\n".join(faults), next(filter(None, faults.values()), ""))
    return found


def name_of(point: Mapping[str, Any]) -> str:
    """The name of a point's folder."""
    parts = [f"{key.partition('.')[2]}={shown_value(value)}" for key, value in point.items()]
    return re.sub(r"[^\w.,=+-]", "_", ",".join(parts))[:200]


def go(sweep: Sweep, place: Place) -> Iterator[list[Job] | dict[str, Any]]:
    """Run what is not done yet; see ``suite.go``. Last of all what results.json holds.

    Raises:
        DmnError: a folder is in use or holds something else.
        Stopped: by a signal; all runs were told to save, and have ended.
    """
    make(sweep.folder)
    with exclusive(sweep.folder, "another sweep is running in it", LOCK_SECONDS):
        _claim(sweep)
        remove_temporaries(sweep.folder)
        with opened([suite for _, suite in sweep.points]) as at_work:
            yield from work(at_work, place)
            for one in at_work:
                if any(job.state == "done" for job in one.jobs):
                    finish(one)
            content = results(sweep, at_work)
            write_atomic(sweep.folder / "results.json", json.dumps(content, indent=2) + "\n")
            write_atomic(sweep.folder / "results.csv", sweeps.as_csv(content))
            write_atomic(sweep.folder / "results.md", sweeps.as_markdown(content))
            yield content


def _claim(sweep: Sweep) -> None:
    """Write the sweep's config into its folder, or see that it is the one there."""
    path = sweep.folder / CONFIG
    if path.exists():
        changed = configs.differences(configs.load(path), sweep.config)
        if changed:
            raise DmnError(f"{sweep.folder}: the sweep's config is another: {changed}", "choose another --suite-dir")
    elif any(not file.name.startswith(".") for file in sweep.folder.iterdir()):
        raise DmnError(f"{sweep.folder}: already there, and not a sweep's", "choose another --suite-dir")
    else:
        write_atomic(path, configs.dump(sweep.config))


def results(sweep: Sweep, at_work: list[Open]) -> dict[str, Any]:
    """What results.json holds. The test split has no say in it, and no figure: it is read by each run at its end, and
    stands in the results of each point."""
    points = [_point(keys, one) for (keys, _), one in zip(sweep.points, at_work, strict=True)]
    whole = [point for point in points if not point["failed"]]
    best = max(whole, key=lambda point: (point["valid"]["mean"], -point["valid_loss"]), default=None)
    return {
        "sweep": sweep.name,
        "points": points,
        "chosen": best and best["folder"],
        "seeds": [sweep.config.train.seed + number for number in range(sweep.points[0][1].seeds)],
        "command": shlex.join(sweep.command),
        "config": configs.plain(sweep.config),
    }


def _point(keys: dict[str, Any], one: Open) -> dict[str, Any]:
    """The validation accuracy of a point: the mean of its networks for each seed, and over the seeds that were asked
    for; the accuracy of restarts does not count."""
    seeds = range(one.suite.config.train.seed, one.suite.config.train.seed + one.suite.seeds)
    asked = [job for job in one.jobs if job.seed in seeds]
    failed = [{"network": job.network, "seed": job.seed, "why": job.why} for job in asked if job.state == "failed"]
    means = [statistics.fmean(job.valid_accuracy for job in asked if job.seed == seed) for seed in seeds]
    losses = [job.best.valid_loss for job in asked if job.best is not None]
    valid = {
        "mean": statistics.fmean(means),
        "deviation": statistics.stdev(means) if len(means) > 1 else None,
        "means": means,
    }
    return {
        "keys": keys,
        "folder": one.suite.folder.name,
        "valid": None if failed else valid,
        "valid_loss": None if failed or not losses else statistics.fmean(losses),
        "failed": failed,
    }
