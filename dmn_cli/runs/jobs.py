"""The runs of a suite: each in a process of its own, followed through the files that it writes."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from dmn_cli import config as configs
from dmn_cli import records
from dmn_cli.config import Config
from dmn_cli.errors import INTERRUPTED, TERMINATED

T = TypeVar("T")

WORKER = [sys.executable, "-m", "dmn_cli.runs.worker"]
"""What a run's process is started with; its folder comes after that."""


class Suite(NamedTuple):
    """What is to be run.

    Attributes:
        config: of all runs, but for their task and seed.
        name: what to call it in tables.
        networks: the tasks that each network learns, by the network's name: see suite.networks.
        seeds: how many; the first is the config's ``train.seed``.
        folder: of the suite; its runs are folders in it.
        at_once: how many runs, each a process.
        threads: of each run.
        device: of each run, see build.device.
        command: what the user typed, for the records.
    """

    config: Config
    name: str
    networks: dict[str, list[int]]
    seeds: int
    folder: Path
    at_once: int
    threads: int
    device: str
    command: list[str]


@dataclass
class Job:
    """A run of a suite, and how far it is.

    Attributes:
        network: its name.
        config: of the run.
        folder: of the run.
        size: of its training files, in bytes.
        state: where it is.
        epochs: the lines of its metrics.jsonl.
        results: its results.json; None until it is done.
        code: the exit code of a run that failed.
        why: it failed.
    """

    network: str
    config: Config
    folder: Path
    size: int
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    epochs: list[dict[str, Any]] = field(default_factory=list)
    results: dict[str, Any] | None = None
    code: int = 0
    why: str = ""
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def seed(self) -> int:
        return self.config.train.seed

    @property
    def best(self) -> dict[str, Any] | None:
        """The epoch whose network is kept; None before there is one."""
        return next((epoch for epoch in reversed(self.epochs) if epoch["best"]), None)

    @property
    def valid_accuracy(self) -> float:
        """Of the network that is kept; 0 before there is one."""
        return self.best["valid_accuracy"] if self.best else 0.0

    @property
    def seconds(self) -> float:
        """Of the training so far, without start and validation."""
        return float(sum(epoch["seconds"] for epoch in self.epochs))

    @property
    def record(self) -> dict[str, Any]:
        """How it was last started: see run.json."""
        return _read(self.folder / "run.json", records.starts)[-1]

    @property
    def seconds_left(self) -> float | None:
        """If it makes all its epochs; None before the first of them."""
        if not self.epochs:
            return None
        if self.state != "running":
            return 0.0
        return self.seconds / len(self.epochs) * (self.config.train.epochs - len(self.epochs))


def launch(job: Job, threads: int, device: str, command: list[str], lock: int | None) -> None:
    """Start a job's process, or go on where an earlier one stopped.

    Args:
        job: which waits.
        threads: to compute with.
        device: see build.device.
        command: for the record.
        lock: a file descriptor that the process is to keep open.
    """
    order = {
        "config": configs.plain(job.config),
        "folder": str(job.folder),
        "threads": threads,
        "device": device,
        "command": command,
    }
    with _log(job).open("wb") as log:
        job.process = subprocess.Popen(
            [*WORKER, str(job.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            pass_fds=() if lock is None else (lock,),  # the lock is free when the last of its holders has ended
            start_new_session=True,  # Ctrl-C is for the suite, which tells its runs
        )
    job.state = "running"
    assert job.process.stdin is not None
    with suppress(BrokenPipeError):  # it has died, and why will be seen
        job.process.stdin.write(json.dumps(order).encode() + b"\n")
        job.process.stdin.flush()


def look(job: Job) -> bool:
    """See how far a running job is; whether it has just ended."""
    assert job.process is not None
    code = job.process.poll()
    job.epochs = _metrics(job.folder)
    if code is None:
        return False
    if code == 0 and (job.folder / "done").exists():
        done(job)
    else:
        job.state, job.code, job.why = "failed", code, _why(job, code)
    _close(job)
    return True


def done(job: Job) -> None:
    """Take in the results of a job that is done."""
    job.state, job.epochs = "done", _metrics(job.folder)
    job.results = _read(job.folder / "results.json", records.results)


def _metrics(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's metrics; it may be writing one now."""
    try:
        return _read(folder / "metrics.jsonl", records.epochs)
    except FileNotFoundError:
        return []


def _read(path: Path, parse: Callable[[str], T]) -> T:
    return records.read(path, parse, f"delete {path.parent}: the suite makes that run again")


def _log(job: Job) -> Path:
    """What a run's process says on stderr: nothing, if all is well."""
    return job.folder.with_name(f"{job.folder.name}.log")


def _why(job: Job, code: int) -> str:
    lines = _log(job).read_text(encoding="utf-8", errors="replace").split("\n")
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    if errors:
        return errors[0]
    if code in (INTERRUPTED, TERMINATED):
        return "stopped by a signal"
    if code < 0:
        return f"killed by signal {-code}" + (": was there too little memory?" if code == -signal.SIGKILL else "")
    last = next((line for line in reversed(lines) if line.strip()), "")
    return f"exit code {code}; {f'{last} ({_log(job)})' if last else 'it said nothing'}"


def _close(job: Job) -> None:
    """Let go of a job's process, which has ended."""
    if job.process is not None and job.process.stdin is not None:
        with suppress(BrokenPipeError):
            job.process.stdin.close()
    job.process = None
    if _log(job).exists() and not _log(job).stat().st_size:
        _log(job).unlink()


def stop(jobs: list[Job]) -> None:
    """Have all that run save and end; a second signal meanwhile ends them at once."""
    processes = [job.process for job in jobs if job.process is not None]
    try:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
    finally:
        for process in processes:
            process.kill()
            process.wait()
        for job in jobs:
            _close(job)


def made_with(jobs: Iterable[Job], keys: Sequence[str]) -> dict[str, str]:
    """What the records of jobs say, all of them together."""
    records = [job.record for job in jobs]
    return {key: ", ".join(sorted({str(record[key]) for record in records})) for key in keys}
