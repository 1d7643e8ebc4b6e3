"""One run of a suite in a process of its own: ``python -m dmn_cli.runs.worker FOLDER``; the rest comes on stdin.

The first line of stdin says what to run; then stdin stays open until the suite ends, however it ends, and with it ends
this process: no run goes on without its suite. What is not saved then (5 seconds at most) is made again.
"""

import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

from dmn_cli import records
from dmn_cli.errors import FAILED, TERMINATED, DmnError, Stopped, memory_errors

USAGE = "usage.json"
"""In a run's folder: the seconds its processes took so far, and their peak memory in MB."""


def main() -> int:
    """Do what stdin says; the exit code is that of `dmn train`, and what was wrong is on stderr."""
    began = time.monotonic()
    with open(0, "rb", buffering=0, closefd=False) as stdin:
        job = json.loads(stdin.readline())
    threading.Thread(target=_end_with_suite, daemon=True).start()
    sys.argv = job["command"]  # what the run's record will say
    try:
        with memory_errors():
            _work(Path(job["folder"]), job, began)
    except DmnError as error:
        print(f"error: {error.message}", error.hint and f"hint: {error.hint}", sep="\n", file=sys.stderr)
        return error.code
    except OSError as error:  # a full disk, a folder that may not be written
        print(f"error: {error.filename or 'the system'}: {error.strerror or error}", file=sys.stderr)
        return FAILED
    except Stopped as stopped:
        return stopped.code
    return 0


def _end_with_suite() -> None:
    while os.read(0, 1):
        pass
    os._exit(TERMINATED)


def _work(folder: Path, job: dict[str, Any], began: float) -> None:
    from dmn_cli.config import from_plain  # torch takes seconds to import: by now the thread above runs
    from dmn_cli.runs import run
    from dmn_cli.training import loop
    from dmn_cli.training.build import device

    config, where = from_plain(job["config"]), device(job["device"])
    if run.last(folder).exists():
        a_run = run.resume(folder, config, where)
    else:
        shutil.rmtree(folder, ignore_errors=True)  # stopped before its first save
        a_run = run.start(config, folder, where, job["threads"])
    before = usage(folder)
    for event in run.go(a_run):
        if not isinstance(event, loop.Step):  # an epoch, or the end
            _write_usage(folder, before, time.monotonic() - began)


def usage(folder: Path) -> dict[str, float]:
    """What a run has taken so far; zeros where nothing is known."""
    try:
        return records.read(folder / USAGE, records.usage, "delete it: only what the run cost so far is lost")
    except FileNotFoundError:
        return {"seconds": 0.0, "peak_memory_mb": 0.0}


def _write_usage(folder: Path, before: dict[str, float], seconds: float) -> None:
    from dmn_cli.files import write_atomic

    taken = {
        "seconds": round(before["seconds"] + seconds, 1),
        "peak_memory_mb": max(before["peak_memory_mb"], _peak_memory_mb()),
    }
    write_atomic(folder / USAGE, json.dumps(taken) + "\n")


def _peak_memory_mb() -> float:
    """The largest this process has been, in MB (10^6 bytes); 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(size * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)


if __name__ == "__main__":
    sys.exit(main())
