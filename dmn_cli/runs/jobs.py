"""The runs of a suite: each a `dmn train` in a process of its own, followed through the files that it writes."""

import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from dmn_cli import records
from dmn_cli.config import Config
from dmn_cli.errors import INTERRUPTED, TERMINATED
from dmn_cli.records import Epoch, Results, Start
from dmn_cli.runs import folder as folders
from dmn_cli.runs import leash

TRAIN = [sys.executable, "-m", "dmn_cli", "train"]
"""What a run is started with; its options come after that."""

GOES_ON = 2
"""How often a run whose process was killed goes on from its last save, before it counts as failed."""


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
        command: what the user typed, for the suite's results.
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
        epochs: those it has made.
        results: None until it is done.
        code: the exit code of a run that failed.
        why: it failed.
        killed: how often its process was, by something else than this suite.
        process: while it runs.
    """

    network: str
    config: Config
    folder: Path
    size: int
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    epochs: list[Epoch] = field(default_factory=list)
    results: Results | None = None
    code: int = 0
    why: str = ""
    killed: int = 0
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def seed(self) -> int:
        return self.config.train.seed

    @property
    def best(self) -> Epoch | None:
        """The epoch whose network is kept; None before there is one."""
        return next((epoch for epoch in reversed(self.epochs) if epoch.best), None)

    @property
    def valid_accuracy(self) -> float:
        """Of the network that is kept; 0 before there is one."""
        return self.best.valid_accuracy if self.best else 0.0

    @property
    def seconds(self) -> float:
        """Of the training so far, without start and validation."""
        return sum(epoch.seconds for epoch in self.epochs)

    @property
    def record(self) -> Start:
        """How it was last started."""
        return records.read(self.folder / folders.STARTS, records.STARTS, _again(self)).starts[-1]

    @property
    def seconds_left(self) -> float | None:
        """If it makes all its epochs; None before the first of them."""
        if not self.epochs:
            return None
        if self.state != "running":
            return 0.0
        return self.seconds / len(self.epochs) * (self.config.train.epochs - len(self.epochs))


def launch(suite: Suite, job: Job, lock: int | None) -> None:
    """Start the process of a job that waits, or go on from its last save.

    Args:
        suite: that the job is of.
        job: which waits.
        lock: the suite's, as a file descriptor that the process keeps open: it is free when the last of its holders
            has ended.
    """
    with _log(job).open("wb") as log:
        job.process = subprocess.Popen(
            [*TRAIN, *_options(suite, job)],
            stdin=subprocess.PIPE,  # never written to: it ends with this process, and the run with it
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=leash.environment(),
            pass_fds=() if lock is None else (lock,),
            start_new_session=True,  # Ctrl-C is for the suite, which tells its runs
        )
    job.state = "running"


def _options(suite: Suite, job: Job) -> list[str]:
    """Those of `dmn train` for a job."""
    goes_on = folders.last(job.folder).exists()
    one_of_many = job.network not in ("joint", "own")
    return [
        f"--config={suite.folder / folders.CONFIG}",
        f"--run-dir={job.folder}",
        f"--seed={job.seed}",
        f"--device={suite.device}",
        *([f"--task={suite.networks[job.network][0]}"] if one_of_many else []),
        *(["--resume"] if goes_on else [f"--threads={suite.threads}"]),  # a resumed run keeps its threads
        "--quiet",
        "--no-page",  # the suite's page shows its runs
    ]


def look(job: Job) -> bool:
    """See how far a running job is; whether it has just ended."""
    assert job.process is not None
    code = job.process.poll()
    job.epochs = folders.epochs(job.folder, _again(job))
    if code is None:
        return False
    if folders.is_done(job.folder):  # even if it was killed after that
        done(job)
    elif (code < 0 or code == TERMINATED) and job.killed < GOES_ON:  # by the system, for memory; or preempted
        job.state, job.killed = "waiting", job.killed + 1
    else:
        job.state, job.code, job.why = "failed", code, _why(job, code)
    _close(job)
    return job.state != "waiting"


def done(job: Job) -> None:
    """Take in the results of a job that is done."""
    job.state, job.epochs = "done", folders.epochs(job.folder, _again(job))
    job.results = records.read(job.folder / folders.RESULTS, records.RESULTS, _again(job))


def _again(job: Job) -> str:
    return f"delete {job.folder}: the suite makes that run again"


def _log(job: Job) -> Path:
    """What a run's process says on stderr: nothing, if all is well."""
    return job.folder.with_name(f"{job.folder.name}.log")


def _why(job: Job, code: int) -> str:
    lines = _log(job).read_text(encoding="utf-8", errors="replace").split("\n")
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    if errors:
        return errors[0]
    times = f" ({job.killed + 1} times)" if job.killed else ""
    if code in (INTERRUPTED, TERMINATED):
        return f"stopped by a signal{times}"
    if code < 0:
        what = ": was there too little memory?" if code == -signal.SIGKILL else ""
        return f"killed by signal {-code}{what}{times}"
    last = next((line for line in reversed(lines) if line.strip()), "")
    return f"exit code {code}; {f'{last} ({_log(job)})' if last else 'it said nothing'}"


def _close(job: Job) -> None:
    """Let go of a job's process, which has ended, and of a log that says nothing but that it was stopped."""
    if job.process is None:
        return
    assert job.process.stdin is not None
    job.process.stdin.close()
    drop_log(job)
    job.process = None


def drop_log(job: Job) -> None:
    """Remove the log of a job that has ended, if it says nothing but that the job was stopped."""
    log, stopped = _log(job), job.process is not None and job.process.returncode in (INTERRUPTED, TERMINATED)
    if log.exists() and (stopped or not log.stat().st_size):
        log.unlink()


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
    starts = [job.record for job in jobs]
    return {key: ", ".join(sorted({str(getattr(start, key)) for start in starts})) for key in keys}
