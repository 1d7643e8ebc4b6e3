"""Commands of dmn as forks of this process, which has imported all that they need: a start takes milliseconds."""

import contextlib
import importlib
import os
import pkgutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

UNCAUGHT = 70
"""The exit code of a command that ended with a traceback."""

Hook = Callable[[], AbstractContextManager[Any]]
"""What surrounds a command, in its process."""


def import_all() -> None:
    """Import, and do once, what commands do; nothing learns here: a fork of a process that has cannot learn."""
    import dmn_cli

    for module in pkgutil.walk_packages(dmn_cli.__path__, "dmn_cli."):
        if not module.name.endswith(("__main__", "_kernels")):
            importlib.import_module(module.name)
    for name in ("rich.console", "rich.live", "rich.table", "rich.markup", "tqdm", "tarfile", "gzip", "subprocess"):
        importlib.import_module(name)
    import torch
    import typer.main

    from dmn_cli.cli.app import app
    from dmn_cli.config import dump, from_plain
    from dmn_cli.page import curves
    from dmn_cli.runs import provenance

    dump(from_plain({}))
    torch.set_num_threads(1)
    curves.loss([{"epoch": 1, "answer_loss": 1.0, "gate_loss": 1.0, "valid_loss": 1.0}])  # and this matplotlib
    made = typer.main.get_command(app)
    typer.main.get_command = lambda _: made
    commit = provenance.git_sha()
    provenance.git_sha = lambda: commit  # of what was imported, whatever is committed meanwhile


def start(
    arguments: list[str],
    folder: Path,
    stdin: int,
    stdout: int,
    stderr: int,
    keep: Collection[int] = (),
    environment: Mapping[str, str] = os.environ,
    hook: Hook = contextlib.nullcontext,
) -> int:
    """Start ``dmn ARGUMENTS``.

    Args:
        arguments: after ``dmn``.
        folder: the working directory.
        stdin: descriptors.
        stdout: as stdin.
        stderr: as stdin.
        keep: further descriptors that it inherits.
        environment: all of it.
        hook: entered in the new process, before the command.

    Returns:
        the number of the process, which leads a session of its own.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = UNCAUGHT
    try:
        os.setsid()
        os.chdir(folder)
        for number, handle in enumerate((stdin, stdout, stderr)):
            os.dup2(handle, number)
        _close_all_but(keep)
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode, encoding="utf-8", closefd=False) for number, mode in enumerate(("r", "w", "w"))
        )
        sys.argv = ["dmn", *arguments]
        given = dict(environment)
        os.environ.clear()
        os.environ.update(given)
        from dmn_cli.cli.app import main

        with hook():
            try:
                main()
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _close_all_but(keep: Collection[int]) -> None:
    """Make all else the null device: objects of this process that hold a descriptor may still close it."""
    null = os.open(os.devnull, os.O_RDWR)
    for handle in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if handle > 2 and handle not in keep:
            os.dup2(null, handle)


class Process:
    """A process that ``start`` has started.

    Attributes:
        pid: its number.
        returncode: None while it runs, or while nobody has looked.
    """

    def __init__(self, pid: int):
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._look(os.WNOHANG)

    def wait(self, seconds: float | None = None) -> int | None:
        """The exit code; None: it has not ended within the seconds."""
        if seconds is None:
            return self._look(0)
        until = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < until:
            time.sleep(0.001)
        return self.returncode

    def _look(self, how: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, how)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)


class Forked(Process):
    """Stands for ``subprocess.Popen`` where a suite starts `dmn train`: a fork in its place.

    Attributes:
        hooks: those of the next processes, in order; then none.
    """

    hooks: "list[Hook]" = []  # noqa: RUF012

    def __init__(
        self,
        command: list[str],
        stdin: int,
        stdout: int,
        stderr: IO[bytes],
        env: Mapping[str, str],
        pass_fds: Collection[int],
        start_new_session: bool,
    ):
        assert (command[1:3], stdin, stdout) == (["-m", "dmn_cli"], subprocess.PIPE, subprocess.DEVNULL)
        read, write = os.pipe()
        null = os.open(os.devnull, os.O_WRONLY)
        hook = Forked.hooks.pop(0) if Forked.hooks else contextlib.nullcontext
        super().__init__(start(command[3:], Path.cwd(), read, null, stderr.fileno(), pass_fds, env, hook))
        os.close(read)
        os.close(null)
        self.stdin = os.fdopen(write, "wb")


def fork_runs() -> None:
    """From now on a suite of this process forks its runs."""
    from dmn_cli.runs import jobs

    jobs.subprocess = SimpleNamespace(Popen=Forked, PIPE=subprocess.PIPE, DEVNULL=subprocess.DEVNULL)
