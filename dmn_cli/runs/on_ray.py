"""The runs of a suite on a Ray cluster: each an actor that holds a `dmn train` on some node (``runs.node``).

No disk is shared. What a run reads is sent to a node once, by digest; what it writes comes back as it is written, so
that the suite's folder always holds a state from which the run goes on, on another node or here.
"""

import contextlib
import dataclasses
import logging
import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dmn_cli.babi.download import FOLDER, MANIFEST, find_data, task_files
from dmn_cli.config import Config
from dmn_cli.errors import FAILED, DmnError
from dmn_cli.files import naming, sha256, write_atomic
from dmn_cli.runs import folder as folders
from dmn_cli.runs.jobs import LOST, Job, Suite, log, options
from dmn_cli.runs.node import News, Order, Worker
from dmn_cli.splits import own_files, tasks

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".*")  # what raylets have to say would stand among our own lines

try:
    import ray
    from ray.exceptions import RayError, RayTaskError
except ImportError as error:
    raise DmnError("--ray: Ray is not installed", "pip install 'dmn-cli[ray]', on every node") from error

PATIENCE = 1.0
"""Seconds that a run may take to answer that there is nothing new."""

PAUSE = 5.0
"""Seconds from one checkpoint of a run that comes back to the next: work that a lost node can cost."""

LOOK_AT_NODES = 2.0
"""Seconds between two looks at which nodes there are."""

ANSWERING = 5.0
"""Seconds that a cluster may take to answer."""

START = "start one: `ray start --head`, and on other machines `ray start --address=HOST:6379`"

STOPPING = 30.0
"""Seconds that runs may take to save and end."""


class _Running(NamedTuple):
    """A run on some node: its actor, its next news, and whether there were any."""

    actor: Any
    news: Any
    is_up: bool


class _Actor(Worker):
    """A run on a node, as Ray starts it."""

    def __init__(self, order: Order):
        super().__init__(order, lambda content: ray.get(content))


class Cluster:
    """The nodes of a Ray cluster, those that are added too.

    Args:
        address: of the cluster, as ``ray.init`` takes it; "auto": the one that is running here.
        at_most: so many runs at once; None: as many as the nodes have cores for.
        threads: of each run.
        device: of each run: "cuda" gives each a GPU.
        train: what a run is started with; none: `dmn train` of the node's own Python.

    Raises:
        DmnError: there is no such cluster.
    """

    def __init__(self, address: str, at_most: int | None, threads: int, device: str, train: list[str] | None = None):
        self._at_most, self._cpus, self._train = at_most, threads, train or []
        self._gpus = int(device.startswith("cuda"))
        _connect(address)
        self._actor = ray.remote(num_cpus=self._cpus, num_gpus=self._gpus, max_restarts=0)(_Actor)
        self._running: dict[Path, _Running] = {}
        self._ready: set[Any] = set()
        self._sent: dict[Path, tuple[str, Any]] = {}
        self._contents: dict[str, Any] = {}
        self._room, self._looked = 0, 0.0
        if not self.room():
            what = f"{self._cpus} cores" + " and a GPU" * self._gpus
            self.close()
            raise DmnError(f"--ray: no node of the cluster has {what}", "see `ray status`", FAILED)

    def close(self) -> None:
        """Leave the cluster."""
        ray.shutdown()

    def room(self) -> int:
        if time.monotonic() - self._looked > LOOK_AT_NODES:
            with _cluster():
                nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
            self._room, self._looked = sum(self._fits(node) for node in nodes), time.monotonic()
        return self._room if self._at_most is None else min(self._room, self._at_most)

    def _fits(self, node: dict[str, float]) -> int:
        """How many runs a node has the cores and GPUs for."""
        cpus = int(node.get("CPU", 0) // self._cpus)
        return min(cpus, int(node.get("GPU", 0))) if self._gpus else cpus

    def launch(self, suite: Suite, job: Job, lock: int | None) -> None:
        self._clear(job)
        with _cluster():
            actor = self._actor.remote(self._order(suite, job))
            self._ask(job, actor, False)

    def _ask(self, job: Job, actor: Any, is_up: bool) -> None:
        self._running[job.folder] = _Running(actor, actor.news.remote(PATIENCE, PAUSE), is_up)

    def _clear(self, job: Job) -> None:
        """Remove what is left of a start that was killed before its first save."""
        shutil.rmtree(_coming(job), ignore_errors=True)
        if job.folder.exists() and not folders.last(job.folder).exists():
            folders.check_free(job.folder)
            shutil.rmtree(job.folder)

    def _order(self, suite: Suite, job: Job) -> Order:
        files = {suite.folder / folders.CONFIG: (suite.folder / folders.CONFIG).read_bytes()}
        if job.folder.exists():
            there = [path for path in job.folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
            files.update({path: path.read_bytes() for path in there})
        data = {path: self._send(path) for path in read_by(job.config) if path.is_file()}
        # there, the paths are below another folder: only relative ones hold
        near_suite = suite._replace(folder=Path(os.path.relpath(suite.folder)))
        near_job = dataclasses.replace(job, folder=Path(os.path.relpath(job.folder)))
        return Order(
            train=self._train,
            options=options(near_suite, near_job),
            environment={} if self._gpus else {"CUDA_VISIBLE_DEVICES": ""},
            cwd=str(Path.cwd()),
            run=_absolute(job.folder),
            files={_absolute(path): content for path, content in files.items()},
            data={_absolute(path): sent for path, sent in data.items()},
        )

    def _send(self, path: Path) -> tuple[str, Any]:
        """The digest of a file, and its content in the cluster's memory: a node that has neither fetches it."""
        if path not in self._sent:
            digest = sha256(path)
            if digest not in self._contents:
                self._contents[digest] = ray.put(path.read_bytes())
            self._sent[path] = digest, self._contents[digest]
        return self._sent[path]

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)
        asked = [running.news for running in self._running.values()]
        if asked:
            with _cluster():
                self._ready = set(ray.wait(asked, num_returns=len(asked), timeout=0)[0])

    def poll(self, job: Job) -> int | None:
        actor, asked, _ = self._running[job.folder]
        if asked not in self._ready:
            return None
        try:
            news: News = ray.get(asked)
        except RayError as error:
            self._let_go(job)
            if not isinstance(error, RayTaskError) and not getattr(error, "_actor_init_failed", False):
                return LOST  # with its node, or alone
            log(job).write_text(f"error: a node cannot run it: {' '.join(str(error).split())[-300:]}\n")
            return FAILED
        self._take(job, news)
        if news.code is None:
            self._ask(job, actor, True)
        else:
            self._let_go(job)
        return news.code

    def _take(self, job: Job, news: News) -> None:
        """Write what came back."""
        if news.code is not None:
            log(job).write_bytes(news.log)
        if job.folder.exists():
            _write(job.folder, news.changes)
        elif news.changes:  # the first: whole or not at all
            _write(_coming(job), news.changes)
            _coming(job).rename(job.folder)

    def _let_go(self, job: Job) -> None:
        running = self._running.pop(job.folder)
        with contextlib.suppress(RayError):
            ray.kill(running.actor)

    def stop(self, jobs: list[Job]) -> None:
        mine = [job for job in jobs if job.folder in self._running]
        saving = [job for job in mine if self._running[job.folder].is_up]
        try:
            for job in saving:
                self._running[job.folder].actor.stop.remote()
            until = time.monotonic() + STOPPING
            while saving and time.monotonic() < until:
                self.wait(0.05)
                saving = [job for job in saving if self.poll(job) is None]
        finally:
            for job in mine:
                if job.folder in self._running:
                    self._let_go(job)
                log(job).unlink(missing_ok=True)


def _coming(job: Job) -> Path:
    """Where the folder of a run is put together that comes back for the first time."""
    return job.folder.with_name(f".{job.folder.name}.coming")


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100  resolve() would follow links


def _write(folder: Path, changes: list[Any]) -> None:
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    for change in changes:
        path = folder / change.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if change.start:
            with naming(path), path.open("r+b") as file:
                file.truncate(change.start)
                file.seek(change.start)
                file.write(change.content)
        else:
            write_atomic(path, change.content)


def read_by(config: Config) -> Iterator[Path]:
    """The files that a run reads: stories, classes of the user's own, the network that it starts from."""
    data, model, start = config.data, config.model, config.train.from_
    if data.source == "files":
        for split in ("train", "valid", "test"):
            yield from own_files(data, split)
    elif data.source == "babi":
        with contextlib.suppress(DmnError):  # the run says what is wrong with them
            yield Path(data.dir) / FOLDER / MANIFEST
            folder = find_data(Path(data.dir), data.subset)
            for task in tasks(data):
                yield from task_files(folder, data.subset, task).values()
    for part in (model.reader, model.gate_features, model.episode, model.memory):
        file, colon, _ = part.rpartition(":")
        if colon:
            yield Path(file)
    if start is not None:
        yield from [Path(start), folders.best(Path(start)), Path(start) / folders.STARTS]


def _connect(address: str) -> None:
    """Join a cluster; signals stay ours."""
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", "auto")
    _check_answers(address)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, ValueError, RuntimeError, RayError) as error:
        if address == "auto":
            raise DmnError("--ray: no Ray cluster is running here", START, FAILED) from error
        why = " ".join(str(error).split())[:200]
        raise DmnError(f"--ray {address}: {why}", "see `ray status`", FAILED) from error
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _check_answers(address: str) -> None:
    """See that something listens at HOST:PORT: Ray itself would try for many minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon:
        return
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise DmnError(f"--ray {address}: expected HOST:PORT")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWERING).close()
    except OSError as error:
        why = error.strerror or error
        raise DmnError(f"--ray {address}: no Ray cluster answers there: {why}", START, FAILED) from error


@contextlib.contextmanager
def _cluster() -> Iterator[None]:
    try:
        yield
    except RayError as error:
        why = " ".join(str(error).split())[:200]
        raise DmnError(f"the Ray cluster fails: {why}", "mend that; the same command goes on", FAILED) from error
