"""A suite: every task and seed of a config, each a run in a process of its own, and one table of them all.

It keeps no state but its runs: started again, it finds those that are done and goes on with the others.
"""

import contextlib
import json
import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dmn_cli import config as configs
from dmn_cli import records
from dmn_cli.babi.download import find_data, task_files
from dmn_cli.babi.tasks import PASSED, TASKS, parse_tasks
from dmn_cli.config import Config
from dmn_cli.errors import BAD_INPUT, DmnError
from dmn_cli.files import remove_temporaries, write_atomic
from dmn_cli.records import RunCost, Timing
from dmn_cli.report import suites
from dmn_cli.runs import folder as folders
from dmn_cli.runs.jobs import Job, Place, Processes, Suite, done, drop_log, look, made_with
from dmn_cli.runs.suite_results import results
from dmn_cli.splits import OWN, tasks
from dmn_cli.system import exclusive

TICK = 0.25
"""Seconds between two looks at the runs."""

LOCK_SECONDS = 5.0
"""How long to wait for the runs of a suite that was killed: they end by themselves, and hold its lock until then."""


def networks(config: Config, wanted: str | None) -> dict[str, list[int]]:
    """The networks of a suite, by name, and the tasks that each learns.

    Args:
        config: with one task in ``data.tasks`` each wanted task has a network of its own; with several, one network
            learns them all (joint training).
        wanted: see ``parse_tasks``; None: all.

    Raises:
        DmnError: the wanted tasks are no tasks, or not for this config.
    """
    own = tasks(config.data)
    joint = len(own) > 1
    if wanted is not None and (joint or own == [OWN]):
        what = "one network learns all tasks of this config" if joint else "this config has stories of your own"
        raise DmnError(f"--tasks: {what}", "choose them by --set data.tasks=[1,2,3]" if joint else "leave --tasks out")
    if joint:
        return {"joint": own}
    if own == [OWN]:
        return {"own": own}
    return {f"task{number}": [number] for number in (TASKS if wanted is None else parse_tasks(wanted))}


def seconds_left(jobs: list[Job], at_once: int) -> float | None:
    """An estimate for the whole suite; runs without an epoch are taken to last as long as the others; None: no idea."""
    known = [job.seconds + (job.seconds_left or 0.0) for job in jobs if job.epochs and job.state != "failed"]
    if not known:
        return None
    running = [job.seconds_left or 0.0 for job in jobs if job.state == "running" and job.epochs]
    unknown = sum(not job.epochs and job.state in ("waiting", "running") for job in jobs)
    return max([*running, (sum(running) + unknown * statistics.fmean(known)) / at_once])


class Open(NamedTuple):
    """A suite at work.

    Attributes:
        suite: what is to be run.
        jobs: its runs; restarts are added.
        lock: on its folder.
        before: seconds that it took before.
    """

    suite: Suite
    jobs: list[Job]
    lock: int | None
    before: float


def go(suite: Suite, place: Place | None = None) -> Iterator[list[Job] | dict[str, Any]]:
    """Run what is not done yet.

    Args:
        suite: what is to be run.
        place: where; None: this machine.

    Yields:
        several times a second all runs, always in the same list, where they change; restarts are added to it. Last of
        all the results, after they were written: what results.json holds.

    Raises:
        DmnError: the folder is in use or holds something else, or not one run succeeded.
        Stopped: by a signal; all runs were told to save, and have ended.
    """
    place = place or Processes(suite.at_once)
    with opened([suite]) as suites_at_work:
        yield from work(suites_at_work, place)
        yield finish(suites_at_work[0])


@contextlib.contextmanager
def opened(planned: Sequence[Suite]) -> Iterator[list[Open]]:
    """Lock the folders of suites, and see which of their runs are done."""
    with contextlib.ExitStack() as stack:
        found = []
        for suite in planned:
            make(suite.folder)
            lock = stack.enter_context(exclusive(suite.folder, "another suite is running in it", LOCK_SECONDS))
            _claim(suite)
            remove_temporaries(suite.folder)  # of a suite that was killed
            jobs = [job_of(suite, name, number) for number in range(suite.seeds) for name in suite.networks]
            for job in jobs:
                if job.state == "done":
                    drop_log(job)  # the suite was killed before it could
            found.append(Open(suite, jobs, lock, _wall_seconds(suite)))
        yield found


def make(folder: Path) -> None:
    """Make the folder of a suite or a sweep."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DmnError(f"{folder}: cannot be made: {error.strerror}") from error


def work(at_work: list[Open], place: Place) -> Iterator[list[Job]]:
    """Run what is not done yet of suites that share one place; see ``go``."""
    began = time.monotonic()
    jobs = [job for one in at_work for job in one.jobs]
    suite_of = {id(job): one for one in at_work for job in one.jobs}
    took = {id(one): one.before for one in at_work}

    def restart(one: Open) -> bool:
        added = _restart(one.suite, one.jobs)
        jobs.extend(added)
        suite_of.update({id(job): one for job in added})
        return bool(added)

    def restart_all() -> bool:
        added = [restart(one) for one in at_work]  # all of them
        return any(added)

    try:
        while any(job.state in ("waiting", "running") for job in jobs) or restart_all():
            waiting = sorted((job for job in jobs if job.state == "waiting"), key=lambda job: -job.size)
            running = [job for job in jobs if job.state == "running"]
            for job in waiting[: max(0, place.room() - len(running))]:  # the largest first: the last to end are short
                place.launch(suite_of[id(job)].suite, job, suite_of[id(job)].lock)
                job.state = "running"
            yield jobs
            place.wait(TICK)
            ended = {id(suite_of[id(job)]): suite_of[id(job)] for job in running if look(job, place)}
            for one in ended.values():
                took[id(one)] = one.before + time.monotonic() - began
                _write_timing(one, place, took[id(one)])
                restart(one)
        yield jobs
    finally:
        place.stop(jobs)
    for one in at_work:
        _write_timing(one, place, took[id(one)])  # of one that was killed when its last run was done


def finish(one: Open) -> dict[str, Any]:
    """Write and return what a suite came to.

    Raises:
        DmnError: not one of its runs succeeded.
    """
    content = results(one.suite, one.jobs)
    write_atomic(one.suite.folder / "results.json", json.dumps(content, indent=2) + "\n")
    write_atomic(one.suite.folder / "results.csv", suites.as_csv(content))
    write_atomic(one.suite.folder / "results.md", suites.as_markdown(content))
    return content


def _claim(suite: Suite) -> None:
    """Write the suite's config into its folder, or see that it is the one there."""
    path = suite.folder / folders.CONFIG
    if any((suite.folder / name).exists() for name in (folders.STARTS, "checkpoints")):
        raise DmnError(f"{suite.folder}: the folder of a run, not a suite's", "choose another --suite-dir")
    if path.exists():
        changed = configs.differences(configs.load(path), suite.config)
        if changed:
            raise DmnError(f"{suite.folder}: the suite's config is another: {changed}", "choose another --suite-dir")
    elif any(not file.name.startswith(".") for file in suite.folder.iterdir()):
        raise DmnError(f"{suite.folder}: already there, and not a suite's", "choose another --suite-dir")
    else:
        write_atomic(path, configs.dump(suite.config))


def job_of(suite: Suite, network: str, number: int) -> Job:
    """The ``number``-th run of a network."""
    data, train = suite.config.data, suite.config.train
    if data.source != "files" and network != "joint":
        data = data.model_copy(update={"tasks": suite.networks[network]})
    train = train.model_copy(update={"seed": train.seed + number})
    config = suite.config.model_copy(update={"data": data, "train": train})
    job = Job(network, config, suite.folder / f"{network}-seed{train.seed}", _size(config))
    if folders.is_done(job.folder):
        done(job)
    return job


def _size(config: Config) -> int:
    size = 0
    with contextlib.suppress(DmnError, OSError):  # what is not there the run will say
        if config.data.source == "babi":
            folder = find_data(Path(config.data.dir), config.data.subset)
            for task in tasks(config.data):
                size += task_files(folder, config.data.subset, task)["train"].stat().st_size
    return size


def _restart(suite: Suite, jobs: list[Job]) -> list[Job]:
    """Add a further seed for each network whose runs have ended, none of them well enough, and return those."""
    added = []
    for name in suite.networks:
        runs = [job for job in jobs if job.network == name]
        if any(job.state in ("waiting", "running") or job.code == BAD_INPUT for job in runs):
            continue
        best = max(job.valid_accuracy if job.state == "done" else 0.0 for job in runs)
        if best < PASSED and len(runs) < suite.seeds + suite.config.train.restarts:
            added.append(job_of(suite, name, len(runs)))
    jobs += added
    return added


def _timing(suite: Suite) -> Path:
    return suite.folder / "timing.json"


def _wall_seconds(suite: Suite) -> float:
    """The seconds that the suite has taken so far."""
    if not _timing(suite).exists():
        return 0.0
    hint = "delete it: only what the suite cost so far is lost"
    return records.read(_timing(suite), records.TIMING, hint).wall_seconds


def seconds(suite: Suite) -> float:
    """What all runs of a suite took together, by its timing.json."""
    return records.read(_timing(suite), records.TIMING, "delete it: only what the suite cost so far is lost").seconds


def _write_timing(one: Open, place: Place, wall_seconds: float) -> None:
    """Write what a suite has cost so far."""
    finished = [job for job in one.jobs if job.state == "done"]
    runs = [
        RunCost(network=job.network, seed=job.seed, seconds=job.usage.seconds, peak_memory_mb=job.usage.peak_memory_mb)
        for job in finished
        if job.usage is not None
    ]
    timing = Timing(
        wall_seconds=round(wall_seconds, 3),
        seconds=round(sum(run.seconds for run in runs), 1),
        peak_memory_mb=max((run.peak_memory_mb for run in runs), default=0.0),
        jobs=place.room(),
        cores=os.cpu_count(),
        processor=platform.machine(),
        **made_with(finished, ("git", "platform", "device", "threads")),
        runs=runs,
    )
    records.write(_timing(one.suite), timing)
