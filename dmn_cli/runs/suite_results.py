"""What a suite came to: results.json."""

import math
import shlex
import statistics
from typing import Any

from dmn_cli import config as configs
from dmn_cli.babi.tasks import PASSED
from dmn_cli.errors import FAILED, DmnError
from dmn_cli.records import TaskRow
from dmn_cli.report.results import TaskResult, as_json
from dmn_cli.runs.jobs import Job, Suite, made_with


def results(suite: Suite, jobs: list[Job]) -> dict[str, Any]:
    """What results.json holds: as `dmn eval --json`, and the seeds.

    Nothing in it depends on how often the suite was stopped, nor on the order in which the runs ended.
    """
    done = {name: [job for job in jobs if job.network == name and job.state == "done"] for name in suite.networks}
    chosen = {name: choose(runs) for name, runs in done.items() if runs}
    failed = [
        {"network": name, "tasks": numbers, "seed": job.seed, "why": job.why}
        for name, numbers in suite.networks.items()
        for job in jobs
        if job.network == name and job.state == "failed"
    ]
    if not chosen:
        raise DmnError(f"{suite.folder}: no run succeeded: {failed[0]['why']}", code=FAILED)
    seeds = [suite.config.train.seed + number for number in range(suite.seeds)]
    rows, chosen_results = [], []
    for name, job in chosen.items():
        assert job.record is not None
        for row in _tasks(job):
            chosen_results.append(
                TaskResult(row.task, row.name, row.questions, row.correct, row.published, row.unseen_answers)
            )
            tried = [_seed(run, row.task) for run in done[name]]
            rows.append(
                {
                    "chosen_seed": job.seed,
                    "passes": job.record.passes,
                    "parameters": job.record.parameters,
                    "seeds": tried,
                    "over_seeds": _spread([seed["accuracy"] for seed in tried if seed["seed"] in seeds]),
                    "restarts": len([run for run in jobs if run.network == name]) - suite.seeds,
                }
            )
    content = as_json(chosen_results)
    content["tasks"] = [{**task, **row} for task, row in zip(content["tasks"], rows, strict=True)]
    return {
        "suite": suite.name,
        "split": next(iter(chosen.values())).results.split,  # type: ignore[union-attr]
        **content,
        "seeds": seeds,
        "over_seeds": _over_seeds(content["tasks"], seeds),
        "failed": failed,
        "notes": [f"{name}: {note}" for name, job in chosen.items() for note in job.results.notes],  # type: ignore[union-attr]
        "command": shlex.join(suite.command),
        "versions": made_with(chosen.values(), ("dmn", "git", "python", "torch")),
        "config": configs.plain(suite.config),
        "data": {path: digest for job in chosen.values() for path, digest in _digests(job).items()},
    }


def choose(runs: list[Job]) -> Job:
    """The seed with the best validation accuracy; among equals the one with the lowest validation loss, then the
    first. The test split has no say."""
    return max(runs, key=lambda job: (job.valid_accuracy, -_loss(job), -job.seed))


def _loss(job: Job) -> float:
    return job.best.valid_loss if job.best else math.inf


def _digests(job: Job) -> dict[str, str]:
    """SHA-256 of each file that a run was trained and tested on, by its path; none of stories made up in memory."""
    assert job.results is not None
    assert job.record is not None
    trained = job.record.data
    return {**(trained if isinstance(trained, dict) else {}), **job.results.data}


def _tasks(job: Job) -> list[TaskRow]:
    assert job.results is not None
    return job.results.tasks


def _seed(job: Job, task: int) -> dict[str, Any]:
    """What one seed reached; a joint network's validation is that of all its tasks together."""
    row = next(row for row in _tasks(job) if row.task == task)
    valid = {"valid_accuracy": job.valid_accuracy, "valid_loss": _loss(job)}
    return {"seed": job.seed, **valid, "correct": row.correct, "accuracy": row.accuracy}


def _spread(values: list[float]) -> dict[str, float | None] | None:
    """Mean and standard deviation (of the sample) over seeds; None without values."""
    if not values:
        return None
    return {"mean": statistics.fmean(values), "deviation": statistics.stdev(values) if len(values) > 1 else None}


def _over_seeds(rows: list[dict[str, Any]], seeds: list[int]) -> dict[str, Any] | None:
    """The mean accuracy of the tasks and how many were passed, seed by seed; of the seeds that have all tasks."""
    means, passed = [], []
    for seed in seeds:
        own = [tried["accuracy"] for row in rows for tried in row["seeds"] if tried["seed"] == seed]
        if len(own) == len(rows):
            means.append(statistics.fmean(own))
            passed.append(sum(accuracy >= PASSED for accuracy in own))
    spread = _spread(means)
    return spread and {**spread, "means": means, "tasks_passed": passed}
