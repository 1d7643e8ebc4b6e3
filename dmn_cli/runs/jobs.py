"""The runs of a suite: each a `dmn train` in a process of its own, followed through the files that it writes.

The processes are this machine's (``Processes``) or a cluster's (``runs.on_ray``).
"""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from dmn_cli import records
from dmn_cli.config import Config
from dmn_cli.errors import INTERRUPTED, TERMINATED
from dmn_cli.records import Epoch, Results, Start, Usage
from dmn_cli.runs import folder as folders
from dmn_cli.runs import leash

TRAIN = [sys.executable, "-m", "dmn_cli", "train"]
"""What a run is started with; its options come after that."""

GOES_ON = 2
"""How often a run whose process was killed goes on from its last save, before it counts as failed."""

LOST = 1000
"""In place of an exit code: a run is gone, since its machine is."""

MOST_LOST = 10
"""How often a run that makes no epoch may lose its machine, before it counts as failed."""


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
        usage: what it has cost, once it is done.
        record: how it was last started, once it is done.
        code: the exit code of a run that failed.
        why: it failed.
        killed: how often its process was, by something else than this suite.
        lost: how often it lost its machine since it last made an epoch.
        metrics: when ``epochs`` was read, and how large the file was then.
        process: while it runs on this machine.
    """

    network: str
    config: Config
    folder: Path
    size: int
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    epochs: list[Epoch] = field(default_factory=list)
    results: Results | None = None
    usage: Usage | None = None
    record: Start | None = None
    code: int = 0
    why: str = ""
    killed: int = 0
    lost: int = 0
    metrics: tuple[int, int] | None = None
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
    def seconds_left(self) -> float | None:
        """If it makes all its epochs; None before the first of them."""
        if not self.epochs:
            return None
        if self.state != "running":
            return 0.0
        return self.seconds / len(self.epochs) * (self.config.train.epochs - len(self.epochs))


class Place(Protocol):
    """Where runs run."""

    def room(self) -> int:
        """How many may run at once."""

    def launch(self, suite: Suite, job: Job, lock: int | None) -> None:
        """Start the process of a job that waits, or go on from its last save.

        Args:
            suite: that the job is of.
            job: which waits.
            lock: the suite's, as a file descriptor.
        """

    def wait(self, seconds: float) -> None:
        """Wait before the next look at the runs."""

    def poll(self, job: Job) -> int | None:
        """The exit code of a running job, or LOST; None: it runs. What it has written so far is in its folder."""

    def stop(self, jobs: list[Job]) -> None:
        """Have all that run save and end; a second signal meanwhile ends them at once."""


class Processes:
    """This machine.

    Args:
        at_once: how many runs may run at once.
    """

    def __init__(self, at_once: int):
        self.at_once = at_once

    def room(self) -> int:
        return self.at_once

    def launch(self, suite: Suite, job: Job, lock: int | None) -> None:
        """The process keeps the lock open: it is free when the last of its holders has ended."""
        with log(job).open("wb") as file:
            job.process = subprocess.Popen(
                [*TRAIN, *options(suite, job)],
                stdin=subprocess.PIPE,  # never written to: it ends with this process, and the run with it
                stdout=subprocess.DEVNULL,
                stderr=file,
                env=leash.environment(),
                pass_fds=() if lock is None else (lock,),
                start_new_session=True,  # Ctrl-C is for the suite, which tells its runs
            )

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def poll(self, job: Job) -> int | None:
        assert job.process is not None
        code = job.process.poll()
        if code is not None:
            _close(job)
        return code

    def stop(self, jobs: list[Job]) -> None:
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
                if job.process is not None:
                    drop_log(job, job.process.returncode)
                    _close(job)


def options(suite: Suite, job: Job) -> list[str]:
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


def look(job: Job, place: Place) -> bool:
    """See how far a running job is; whether it has just ended."""
    code = place.poll(job)
    if _read_epochs(job):
        job.lost = 0
    if code is None:
        return False
    if folders.is_done(job.folder):  # even if it was killed after that
        done(job)
    elif code == LOST and job.lost < MOST_LOST:
        job.state, job.lost = "waiting", job.lost + 1
    elif (code < 0 or code == TERMINATED) and job.killed < GOES_ON:  # by the system, for memory; or preempted
        job.state, job.killed = "waiting", job.killed + 1
    else:
        job.state, job.code, job.why = "failed", code, _why(job, code)
    drop_log(job, code)
    return job.state != "waiting"


def _read_epochs(job: Job) -> bool:
    """Read the epochs, where the file has changed; whether there are more."""
    made = len(job.epochs)
    with contextlib.suppress(FileNotFoundError):
        found = (job.folder / folders.METRICS).stat()
        if (state := (found.st_mtime_ns, found.st_size)) != job.metrics:
            job.metrics, job.epochs = state, folders.epochs(job.folder, _again(job))
    return len(job.epochs) > made


def done(job: Job) -> None:
    """Take in the results of a job that is done."""
    _read_epochs(job)
    job.state = "done"
    job.results = records.read(job.folder / folders.RESULTS, records.RESULTS, _again(job))
    job.record = records.read(job.folder / folders.STARTS, records.STARTS, _again(job)).starts[-1]
    job.usage = folders.usage(job.folder)


def _again(job: Job) -> str:
    return f"delete {job.folder}: the suite makes that run again"


def log(job: Job) -> Path:
    """What a run's process says on stderr: nothing, if all is well."""
    return job.folder.with_name(f"{job.folder.name}.log")


def _why(job: Job, code: int) -> str:
    if code == LOST:
        return f"its machine was lost {job.lost + 1} times"
    lines = log(job).read_text(encoding="utf-8", errors="replace").split("\n")
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
    return f"exit code {code}; {f'{last} ({log(job)})' if last else 'it said nothing'}"


def _close(job: Job) -> None:
    """Let go of a job's process, which has ended."""
    assert job.process is not None
    assert job.process.stdin is not None
    job.process.stdin.close()
    job.process = None


def drop_log(job: Job, code: int = 0) -> None:
    """Remove the log of a job that has ended, if it says nothing but that the job was stopped."""
    if log(job).exists() and (code in (INTERRUPTED, TERMINATED) or not log(job).stat().st_size):
        log(job).unlink()


def made_with(jobs: Iterable[Job], keys: Sequence[str]) -> dict[str, str]:
    """What the records of jobs that are done say, all of them together."""
    starts = [job.record for job in jobs if job.record is not None]
    return {key: ", ".join(sorted({str(getattr(start, key)) for start in starts})) for key in keys}
