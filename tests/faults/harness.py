"""A fault at every file-system operation of a verb: killed, refused, cut short; and what is there afterwards.

``python -m tests.faults.harness VERB [--most N]`` counts the operations of a verb on a small run, then
makes it again once per operation and fault. It prints one JSON object: the counts by operation, how many cases there
were, and of those that went wrong what happened.

Each case is a forked child of this process, which has imported torch already, in a folder of its own. In the child the
functions of ``os`` that operations go through are replaced, and ``open`` by that of ``_pyio``, which goes through them.
"""

import _pyio
import argparse
import builtins
import contextlib
import fcntl
import importlib
import io
import json
import os
import pkgutil
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

REFUSED = ("ENOSPC", "EDQUOT", "EIO", "EACCES", "EROFS")
FULL = "ENOSPC from then on"
KILLED = ("killed before", "killed after")
OF_WRITES = ("short write", "torn write")
WRITING = {"open to write", "write", "fsync", "rename", "mkdir", "chmod"}
UNCAUGHT = 70
"""The exit code of a child that ended with a traceback."""


class Operation(NamedTuple):
    """One operation: its kind, and the file or folder, relative to the case's folder."""

    kind: str
    path: str


class Watch:
    """Notes the operations below a folder, and brings a fault upon one of them.

    Args:
        root: the folder.
        at: the number of the operation; −1: none.
        fault: what happens to it.
        kind: of it: where the number differs from one time to the next, it is the first of that kind from there on.
    """

    def __init__(self, root: Path, at: int = -1, fault: str = "", kind: str = ""):
        self.root, self.at, self.fault, self.kind = root, at, fault, kind
        self.struck = False
        self.operations: list[Operation] = []
        self.opened: dict[int, str] = {}

    def install(self) -> None:
        """Replace what operations go through, in this process."""
        os.open = self._opening(os.open)
        os.close = self._closing(os.close)
        for name, kind in {"read": "read", "write": "write", "fsync": "fsync"}.items():
            setattr(os, name, self._watched(kind, getattr(os, name)))
        for name in ("replace", "rename"):
            setattr(os, name, self._watched("rename", getattr(os, name)))
        for name in ("unlink", "remove", "rmdir"):
            setattr(os, name, self._watched("unlink", getattr(os, name)))
        os.mkdir = self._watched("mkdir", os.mkdir)
        os.chmod = self._watched("chmod", os.chmod)
        fcntl.flock = self._watched("flock", fcntl.flock)
        io.open = builtins.open = _pyio.open

    def _opening(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(path: Any, flags: int, *args: Any, **keys: Any) -> int:
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            at = self._place(path, keys.get("dir_fd"))
            if at is None:
                return real(path, flags, *args, **keys)
            handle = self._meet("open to write" if writes else "open to read", at, real, (path, flags, *args), keys)
            self.opened[handle] = at
            return handle

        return call

    def _closing(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(handle: int) -> None:
            self.opened.pop(handle, None)
            real(handle)

        return call

    def _watched(self, kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **keys: Any) -> Any:
            at = self._place(args[0], keys.get("dir_fd"))
            return real(*args, **keys) if at is None else self._meet(kind, at, real, args, keys)

        return call

    def _place(self, path: Any, folder: int | None) -> str | None:
        """Where a path or descriptor lies below the folder; None: elsewhere."""
        if isinstance(path, int):
            return self.opened.get(path)
        if folder is not None:
            return self.opened[folder] + "/" + os.fsdecode(path) if folder in self.opened else None
        whole = os.path.normpath(os.path.join(os.getcwd(), os.fsdecode(path)))  # noqa: PTH109, PTH118
        return os.path.relpath(whole, self.root) if whole.startswith(f"{self.root}/") else None

    def _meet(self, kind: str, at: str, real: Callable[..., Any], args: Any, keys: Any) -> Any:
        number = len(self.operations)
        self.operations.append(Operation(kind, at))
        meant = 0 <= self.at <= number
        fault = self.fault if meant and kind == self.kind and not self.struck else ""
        self.struck = self.struck or bool(fault)
        if self.fault == FULL:
            fault = "ENOSPC" if meant and kind in WRITING else ""
        if fault == "killed before":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault in REFUSED or fault == "ENOLCK":
            import errno

            code = getattr(errno, fault)
            raise OSError(code, os.strerror(code), *([] if isinstance(args[0], int) else [os.fsdecode(args[0])]))
        if fault in OF_WRITES:
            done = real(args[0], bytes(args[1])[: max(1, len(args[1]) // 2)])
            if fault == "torn write":
                os.kill(os.getpid(), signal.SIGKILL)
            return done
        try:
            return real(*args, **keys)
        finally:
            if fault == "killed after":
                os.kill(os.getpid(), signal.SIGKILL)


class Done(NamedTuple):
    """How a child ended: its exit code (−9: killed), what it wrote and what it did."""

    code: int
    out: str
    err: str
    operations: list[Operation]


def run(
    arguments: list[str], folder: Path, prepare: Callable[[], None], at: int = -1, fault: str = "", kind: str = ""
) -> Done:
    """``dmn ARGUMENTS`` in a forked child."""
    with tempfile.TemporaryDirectory() as outside:
        pid = os.fork()
        if not pid:
            _child(arguments, folder, prepare, Watch(folder, at, fault, kind), Path(outside))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        noted = Path(outside) / "operations"
        operations = [Operation(*item) for item in json.loads(noted.read_text())] if noted.exists() else []
        out, err = ((Path(outside) / name).read_text() for name in ("out", "err"))
    return Done(code, out, err, operations)


def _child(arguments: list[str], folder: Path, prepare: Callable[[], None], watch: Watch, outside: Path) -> None:
    code = UNCAUGHT
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115
        os.dup2(sys.stdin.fileno(), 0)
        sys.stdout, sys.stderr = ((outside / name).open("w", encoding="utf-8") for name in ("out", "err"))
        os.dup2(sys.stdout.fileno(), 1)
        os.dup2(sys.stderr.fileno(), 2)
        sys.argv = ["dmn", *arguments]
        prepare()
        from dmn_cli.cli.app import main

        watch.install()
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        (outside / "operations").write_text(json.dumps(watch.operations))
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


PAGE = (
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib.font_manager",
)


def import_all() -> None:
    """Import what the verbs do, so that no child has to."""
    import dmn_cli

    for module in pkgutil.walk_packages(dmn_cli.__path__, "dmn_cli."):
        if not module.name.endswith(("__main__", "_kernels")):
            importlib.import_module(module.name)
    for name in (
        "rich.console",
        "rich.live",
        "rich.table",
        "rich.markup",
        "tqdm",
        "tarfile",
        "gzip",
        "subprocess",
        *PAGE,
    ):
        importlib.import_module(name)
    import torch

    torch.set_num_threads(1)


class Verb(NamedTuple):
    """What is put to the test.

    Attributes:
        command: of ``dmn``, in the case's folder.
        lay: puts into a folder what the command needs.
        again: the command that goes on after a fault; None: all is done.
        prepare: changes of the package, in the child.
        already: the exit code of ``again`` where all was done before the fault.
    """

    command: list[str]
    lay: Callable[[Path], None]
    again: Callable[[Path], list[str] | None]
    prepare: Callable[[], None]
    already: int = 0


class Case(NamedTuple):
    """An operation and what happens to it."""

    at: int
    operation: Operation
    fault: str


def faults(operation: Operation) -> Iterator[str]:
    """All that can happen to an operation."""
    yield from KILLED
    yield from REFUSED
    if operation.kind in WRITING:
        yield FULL
    if operation.kind == "write":
        yield from OF_WRITES
    if operation.kind == "flock":
        yield "ENOLCK"


def state(folder: Path, page: bool = False) -> dict[str, object]:
    """Every file below a folder and what it holds, without what differs from one time to the next.

    The page counts for `dmn view` alone: a run that was killed after it was done has none, which `dmn view` makes.
    """
    return {
        str(path.relative_to(folder)) + "/" * path.is_dir(): None if path.is_dir() else _content(path)
        for path in sorted(folder.rglob("*"))
        if page or path.name != "report.html"
    }


TIMED = ("seconds", "questions_per_second")


def _content(path: Path) -> object:
    data = path.read_bytes()
    if path.name == "report.html":  # which says when, too
        return data.endswith(b"</html>\n") or data[-40:]
    if path.name in ("run.json", "usage.json", "timing.json"):
        return sorted(json.loads(data))  # when, how long, on what
    if path.name == "metrics.jsonl":
        lines = map(json.loads, data.splitlines())
        return [{key: value for key, value in line.items() if key not in TIMED} for line in lines]
    if path.name == "played":
        return None  # how often tests.runs.fake_train was started
    return data


def check(verb: Verb, whole: tuple[str, dict[str, object]], laid: Path, case: Case, scratch: Path) -> list[str]:
    """What is wrong after a fault; nothing, as it should be."""
    folder = scratch / f"{case.at}-{case.fault.replace(' ', '-')}"
    shutil.copytree(laid, folder, symlinks=True)
    done = run(verb.command, folder, verb.prepare, case.at, case.fault, case.operation.kind)
    wrong = _judge(done, case, verb.command)
    out = done.out
    if done.code != 0:
        goes_on = verb.again(folder)
        if goes_on is not None:
            second = run(goes_on, folder, verb.prepare)
            out = second.out
            if second.code not in (0, verb.already):
                wrong.append(f"again: exit code {second.code}: {second.err.strip()[-300:]}")
    if not wrong:
        refused = case.operation if done.code == 0 else None
        wrong += _differences(whole[1], state(folder, verb.command[0] == "view"), refused)
        if verb.command[0] == "eval" and _figures(out) != _figures(whole[0]):
            wrong.append("the output differs")
    if not wrong:
        shutil.rmtree(folder)
    return wrong


def _figures(out: str) -> object:
    """What was printed, without its notes: they say what could not be read."""
    return {key: value for key, value in json.loads(out).items() if key != "notes"}


def _judge(done: Done, case: Case, command: list[str]) -> list[str]:
    if case.fault in (*KILLED, "torn write"):
        # the number of a suite's operations is not always the same
        killed = done.code == -signal.SIGKILL or (command[0] == "suite" and done.code == 0)
        return [] if killed else [f"not killed: exit code {done.code}: {done.err[-300:]}"]
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    others = [line for line in done.err.splitlines() if not line.startswith(("error: ", "hint: ", "  "))]
    wrong = []
    if done.code not in (0, 1, 2):
        wrong.append(f"exit code {done.code}: {done.err.strip()[-600:]}")
    elif done.code and (len(errors) != 1 or others):
        wrong.append(f"not one line: {done.err!r}")
    elif done.code and not any(part in errors[0] for part in (*_names(case.operation.path), *_named(command))):
        wrong.append(f"names no file: {errors[0]}")
    elif not done.code and done.err:
        wrong.append(f"exit code 0, and: {done.err!r}")
    return wrong


def _names(path: str) -> list[str]:
    """The file, or one of the folders that it is in."""
    return [part for part in path.split("/") if not part.startswith(".")]


def _named(command: list[str]) -> list[str]:
    """What the user named."""
    return [value for option, value in pairwise(command) if option.startswith("--") and not value.startswith("--")]


def _differences(wanted: dict[str, object], found: dict[str, object], refused: Operation | None) -> list[str]:
    """What differs; a temporary file whose removal was refused may be there until the next start."""
    tidied = refused is not None and refused.kind in ("unlink", "open to read") and ".tmp" in refused.path
    left = {name for name in found.keys() - wanted.keys() if not (tidied and ".tmp" in name)}
    wrong = [f"left behind: {name}" for name in sorted(left)]
    wrong += [f"missing: {name}" for name in sorted(wanted.keys() - found.keys())]
    return wrong + [f"differs: {name}" for name in sorted(wanted.keys() & found.keys()) if wanted[name] != found[name]]


def attack(name: str, verb: Verb, scratch: Path, most: int = 0, workers: int = 2) -> dict[str, Any]:
    """Put a verb to the test: with every case, or with ``most`` of them, spread evenly."""
    laid, whole = scratch / "laid", scratch / "whole"
    laid.mkdir(parents=True)
    verb.lay(laid)
    shutil.copytree(laid, whole, symlinks=True)
    done = run(verb.command, whole, verb.prepare)
    if done.code:
        raise SystemExit(f"{name}: exit code {done.code}: {done.err}")
    cases = [Case(at, one, fault) for at, one in enumerate(done.operations) for fault in faults(one)]
    if 0 < most < len(cases):
        cases = [cases[(2 * number + 1) * len(cases) // (2 * most)] for number in range(most)]
    expected = done.out, state(whole, verb.command[0] == "view")
    found = _apart(lambda case: check(verb, expected, laid, case, scratch), cases, workers)
    wrong = [{**case._asdict(), "wrong": what} for case, what in zip(cases, found, strict=True) if what]
    counts = Counter(operation.kind for operation in done.operations)
    return {"verb": name, "operations": dict(sorted(counts.items())), "cases": len(cases), "wrong": wrong}


def _apart(function: Callable[[Case], list[str]], cases: list[Case], workers: int) -> list[list[str]]:
    """``function`` of each case, by forked workers: threads and forks do not go together."""
    with tempfile.TemporaryDirectory() as folder:
        pids = []
        for worker in range(workers):
            pids.append(os.fork())
            if not pids[-1]:
                try:
                    made = [function(case) for case in cases[worker::workers]]
                    (Path(folder) / str(worker)).write_text(json.dumps(made))
                    os._exit(0)
                except BaseException:
                    traceback.print_exc()
                    os._exit(1)
        for pid in pids:
            assert os.waitpid(pid, 0)[1] == 0
        found: list[list[str]] = [[] for _ in cases]
        for worker in range(workers):
            found[worker::workers] = json.loads((Path(folder) / str(worker)).read_text())
    return found


def main() -> None:
    from tests.faults.verbs import VERBS

    parser = argparse.ArgumentParser()
    parser.add_argument("verbs", nargs="+", choices=[*VERBS, "all"])
    parser.add_argument("--most", type=int, default=0, help="cases of each verb; 0: all")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    import_all()
    for name in VERBS if given.verbs == ["all"] else given.verbs:
        keep = contextlib.nullcontext(given.keep) if given.keep else tempfile.TemporaryDirectory()
        with keep as scratch:
            folder = Path(scratch).resolve() / name
            print(json.dumps(attack(name, VERBS[name], folder, given.most)), flush=True)


if __name__ == "__main__":
    main()
