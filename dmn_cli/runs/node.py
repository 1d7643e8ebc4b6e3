"""A run of a suite on another machine: the files it needs go there, those that it writes come back.

This is the half that works there. It imports neither torch nor Ray, so that it is up at once.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from dmn_cli.errors import DmnError
from dmn_cli.files import SENT_TO, sha256, write_atomic
from dmn_cli.runs import leash
from dmn_cli.system import InUseError, exclusive

TICK = 0.1
"""Seconds between two looks at the run."""

METRICS, LAST, DONE = "metrics.jsonl", "checkpoints/last.pt", "done"


class Order(NamedTuple):
    """What a run on another machine needs.

    Attributes:
        train: the command of `dmn train`; empty: that of the machine itself.
        options: of `dmn train`.
        environment: what is set for it besides.
        cwd: the working directory that paths in the options and in the config are relative to.
        run: the run's folder, absolute.
        files: by absolute path: what the run folder and the suite's config hold.
        data: by absolute path: the SHA-256 of each file that the run reads, and where its content is to be had.
    """

    train: list[str]
    options: list[str]
    environment: dict[str, str]
    cwd: str
    run: str
    files: dict[str, bytes]
    data: dict[str, tuple[str, Any]]


class Change(NamedTuple):
    """A file of a run's folder that has changed.

    Attributes:
        name: relative to the folder.
        content: of the file from ``start`` on.
        start: bytes that stay before it. So what is written twice, by a driver that is stopped in between, is the same.
    """

    name: str
    content: bytes
    start: int


class News(NamedTuple):
    """What has become of a run since the last time.

    Attributes:
        changes: in the order in which they are to be written, so that the folder can be resumed from after each.
        code: the exit code; None while it runs.
        log: what it wrote to stderr, once it has ended.
    """

    changes: list[Change]
    code: int | None
    log: bytes


class Worker:
    """A run, and the copy of the driver's files that it works in: a tree that has the driver's paths.

    Args:
        order: what it needs.
        get: fetches a content of ``order.data``.
    """

    def __init__(self, order: Order, get: Callable[[Any], bytes]):
        shelf = _shelf()
        _clear(shelf)
        self._tree = tempfile.mkdtemp(prefix="run-", dir=shelf)
        self._lock = contextlib.ExitStack()
        self._lock.enter_context(exclusive(Path(self._tree), "in use"))
        self._folder = Path(self._tree + order.run)
        for path, (digest, content) in order.data.items():
            place = Path(self._tree + path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(_kept(shelf, digest, content, get))
        for path, content in order.files.items():
            place = Path(self._tree + path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        Path(self._tree + order.cwd).mkdir(parents=True, exist_ok=True)
        self._seen = {path: _state(self._folder / path) for path in self._paths()}
        self._metrics = self._read(METRICS) or b""
        self._shipped = time.monotonic()
        self._log = Path(self._tree) / "log"
        package = str(Path(__file__).parents[2])
        environment = {**leash.environment(), **order.environment, SENT_TO: self._tree}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package, environment.get("PYTHONPATH")]))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*(order.train or [sys.executable, "-m", "dmn_cli", "train"]), *order.options],
                cwd=self._tree + order.cwd,
                stdin=subprocess.PIPE,  # ends with this process, and the run with it
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=environment,
                start_new_session=True,
            )

    def news(self, patience: float, pause: float) -> News:
        """What is new.

        Args:
            patience: seconds to wait for something.
            pause: seconds from one checkpoint that is sent to the next.
        """
        until = time.monotonic() + patience
        while True:
            code = self._process.poll()
            is_due = code is not None or time.monotonic() - self._shipped >= pause
            changes = self._changes(is_due)
            if code is not None:
                log = self._log.read_bytes().replace(self._tree.encode(), b"")  # paths as the user knows them
                self.close()
                return News(changes, code, log)
            if changes or time.monotonic() > until:
                return News(changes, None, b"")
            time.sleep(TICK)

    def stop(self) -> None:
        """Have the run save and end; ``news`` says when it has."""
        self._process.terminate()

    def close(self) -> None:
        """End the run if it still runs, and clear up."""
        assert self._process.stdin is not None
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        shutil.rmtree(self._tree, ignore_errors=True)
        self._lock.close()

    def _changes(self, checkpoints: bool) -> list[Change]:
        """The files that have changed; without ``checkpoints`` only the metrics."""
        if checkpoints:
            last = self._changed(LAST)  # read first, written last: all others are as new as this one, or newer
            others = [change for path in self._paths() if path != LAST for change in self._changed(path)]
            if others or last:
                self._shipped = time.monotonic()
            return sorted([*others, *last], key=lambda change: _rank(change.name))
        return self._changed(METRICS)

    def _paths(self) -> list[str]:
        if not self._folder.is_dir():
            return []
        found = [path.relative_to(self._folder) for path in self._folder.rglob("*") if path.is_file()]
        return sorted(str(path) for path in found if not path.name.startswith("."))

    def _changed(self, name: str) -> list[Change]:
        state = _state(self._folder / name)
        if state is None or self._seen.get(name) == state:
            return []
        content = self._read(name)
        if content is None:
            return []
        self._seen[name] = state
        if name != METRICS:
            return [Change(name, content, 0)]
        content = content[: content.rfind(b"\n") + 1]  # whole lines
        before, self._metrics = self._metrics, content
        if before and content.startswith(before):
            return [Change(name, content[len(before) :], len(before))] if content != before else []
        return [Change(name, content, 0)]

    def _read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None


def _rank(name: str) -> int:
    """The place of a file among those that came together; see ``News.changes``."""
    if name == DONE:
        return 3
    return 2 if name.startswith("results") else int(name == LAST)


def _state(path: str | Path) -> tuple[int, int, int] | None:
    """What differs once a file was written again."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _shelf() -> Path:
    """A folder of this user's for the runs on this machine, and for the data that suites have sent."""
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    shelf = Path(tempfile.gettempdir()) / f"dmn-{owner}"
    shelf.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and shelf.stat().st_uid != owner:
        raise DmnError(f"{shelf}: belongs to another user", "set TMPDIR to a folder of your own")
    return shelf


def _clear(shelf: Path) -> None:
    """Remove what runs left whose process was killed."""
    for tree in shelf.glob("run-*"):
        try:
            with exclusive(tree, "in use"):
                if time.time() - tree.stat().st_ctime > 60:  # not one that is just being made
                    shutil.rmtree(tree, ignore_errors=True)
        except (InUseError, OSError):
            continue


def _kept(shelf: Path, digest: str, content: Any, get: Callable[[Any], bytes]) -> Path:
    """A file that was sent, fetched if it is not here from before."""
    assert re.fullmatch("[0-9a-f]{64}", digest)
    place = shelf / "data" / digest
    if not place.exists() or sha256(place) != digest:
        place.parent.mkdir(exist_ok=True)
        write_atomic(place, get(content))
    return place
