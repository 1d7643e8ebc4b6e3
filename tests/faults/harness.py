"""A fault at every file-system operation of a verb: killed, refused, cut short; and what is there afterwards.

``python -m tests.faults VERB`` counts the operations of a verb (see tests/faults/verbs.py) on a small run, then makes
it again once per operation and fault. After each: one line and the documented code; then the same command again must
end with the bytes of an undisturbed run, and leave nothing else behind.

Each case is a forked child of this process, which has imported torch already, in a folder of its own. In the child the
functions of ``os`` that operations go through are replaced, and ``open`` by that of ``_pyio``, which goes through them.
"""

import _pyio
import builtins
import contextlib
import fcntl
import functools
import io
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from dmn_cli.runs import provenance
from tests.faults import zygote

REFUSED = ("ENOSPC", "EDQUOT", "EIO", "EACCES", "EROFS")
FULL = "ENOSPC from then on"
KILLED = ("killed before", "killed after")
CHANGING = {"open to write", "write", "rename", "mkdir", "chmod", "unlink"}
OF_WRITES = ("short write", "torn write")
WRITING = {"open to write", "write", "fsync", "rename", "mkdir", "chmod"}


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
        os.read = self._watched("read", os.read)
        os.write = self._watched("write", os.write)
        os.fsync = self._watched(
            "fsync", lambda handle: None
        )  # no test here cuts the power, and it takes the most time
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


def run(verb: "Verb", arguments: list[str], folder: Path, at: int = -1, fault: str = "", kind: str = "") -> Done:
    """``dmn ARGUMENTS`` in a forked child."""
    watch = Watch(folder, at, fault, kind)
    arguments = [word.replace("{port}", str(mirror())) if "{port}" in word else word for word in arguments]
    with tempfile.TemporaryDirectory() as outside:
        noted = Path(outside) / "operations"

        @contextlib.contextmanager
        def watched() -> Iterator[None]:
            watch.install()
            try:
                yield
            finally:
                noted.write_text(json.dumps(watch.operations))

        @contextlib.contextmanager
        def surrounded() -> Iterator[None]:
            verb.prepare()
            if verb.of_its_run:
                zygote.Forked.hooks = [watched]
            with contextlib.nullcontext() if verb.of_its_run else watched():
                yield

        out, err = Path(outside) / "out", Path(outside) / "err"
        with out.open("w") as stdout, err.open("w") as stderr, Path(os.devnull).open() as null:
            pid = zygote.start(arguments, folder, null.fileno(), stdout.fileno(), stderr.fileno(), hook=surrounded)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        operations = [Operation(*item) for item in json.loads(noted.read_text())] if noted.exists() else []
        return Done(code, out.read_text(), err.read_text(), operations)


REAL = """\
import sys
from dmn_cli.cli.app import main
from dmn_cli.runs import provenance
from tests.faults.verbs import VERBS
_, name, commit, *arguments = sys.argv
provenance.git_sha = lambda: commit or None  # the fork's, whatever is committed meanwhile
VERBS[name].prepare()
sys.argv = ["dmn", *arguments]
main()
"""


def run_really(name: str, arguments: list[str], folder: Path) -> Done:
    """The same, undisturbed, in a process that no fork has warmed up."""
    arguments = [word.replace("{port}", str(mirror())) if "{port}" in word else word for word in arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", REAL, name, provenance.git_sha() or "", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr, [])


@functools.cache
def mirror() -> int:
    """The port of a server on loopback that has the small archive, in a process of its own that ends with this one."""
    from tests.babi.server import serve, tar_bytes

    ours, theirs = multiprocessing.Pipe()
    parent = os.getpid()
    if not os.fork():
        ours.close()
        os.setsid()
        with serve(tar_bytes()) as server:
            theirs.send(server.server_port)
            while os.getppid() == parent:
                time.sleep(0.2)
        os._exit(0)
    return int(ours.recv())


class Verb(NamedTuple):
    """What is put to the test.

    Attributes:
        command: of ``dmn``, in the case's folder.
        lay: puts into a folder what the command needs.
        again: the command that goes on after a fault; None: all is done.
        prepare: changes of the package, in the child.
        already: the exit code of ``again`` where all was done before the fault.
        of_its_run: the faults are brought upon the first process that the command starts, not upon itself.
        after: part of a path: what comes after the last operation on it is put to the test; "": everything.
    """

    command: list[str]
    lay: Callable[[Path], None]
    again: Callable[[Path], list[str] | None]
    prepare: Callable[[], None] = lambda: None
    already: int = 0
    of_its_run: bool = False
    after: str = ""

    @property
    def shows_page(self) -> bool:
        """Whether the page counts: a run that was killed after it was done has none, which `dmn view` makes."""
        return self.command[0] == "view" or bool(self.after)


class Case(NamedTuple):
    """An operation and what happens to it."""

    at: int
    operation: Operation
    fault: str


def faults(operation: Operation, last: bool) -> Iterator[str]:
    """All that can happen to an operation.

    To be killed after an operation, or before one that changes no file, leaves the same files as to be killed before
    the next one that does: only that is tried. Reads are not refused for want of space.
    """
    changes, reads = operation.kind in CHANGING, operation.kind in ("open to read", "read")
    yield from (*(["killed before"] if changes else []), *(["killed after"] if last else []))
    yield from ("EIO", "EACCES") if reads else REFUSED
    if operation.kind in WRITING:
        yield FULL
    if operation.kind == "write":
        yield from OF_WRITES
    if operation.kind == "flock":
        yield "ENOLCK"


Files = dict[str, object]


def state(folder: Path, page: bool = False) -> Files:
    """Every file below a folder and what it holds, without what differs from one time to the next."""
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
        return _keys(data)  # without when, how long, on what
    if path.name == "metrics.jsonl":
        return [_untimed(line) for line in data.splitlines()]
    if path.name == "played":
        return None  # how often tests.runs.fake_train was started
    return data


def _keys(data: bytes) -> object:
    try:
        return sorted(json.loads(data))
    except ValueError:  # killed while it was written
        return data[:1]


def _untimed(line: bytes) -> object:
    try:
        return {key: value for key, value in json.loads(line).items() if key not in TIMED}
    except ValueError:  # killed while it was written
        return line[:1]


def check(
    verb: Verb, whole: tuple[str, Files], laid: Path, case: Case, scratch: Path, seen: dict[str, list[str]]
) -> list[str]:
    """What is wrong after a fault; nothing, as it should be.

    ``seen`` has what came of going on from the same files before: it is not tried again.
    """
    folder = scratch / f"{case.at}-{case.fault.replace(' ', '-')}"
    shutil.copytree(laid, folder, symlinks=True)
    done = run(verb, verb.command, folder, case.at, case.fault, case.operation.kind)
    wrong = _judge(done, case, verb)
    if done.code == 0 and not verb.after:
        wrong += _differences(whole, done.out, folder, verb, case.operation)
    elif not wrong:
        files = re.sub(r"\.\w+\.tmp", ".tmp", repr(state(folder, page=True)))
        if files not in seen:
            seen[files] = _go_on(verb, whole, folder)
        wrong += seen[files]
    if not wrong:
        shutil.rmtree(folder)
    return wrong


def _go_on(verb: Verb, whole: tuple[str, Files], folder: Path) -> list[str]:
    """What is wrong once the command was given again."""
    again = verb.again(folder)
    if again is None:
        return _differences(whole, whole[0], folder, verb)
    done = run(verb, again, folder)
    if done.code not in (0, verb.already):
        return [f"again: exit code {done.code}: {done.out[-300:]}{done.err.strip()[-300:]}"]
    return _differences(whole, done.out, folder, verb)


def _figures(out: str) -> object:
    """What was printed, without its notes: they say what could not be read."""
    return {key: value for key, value in json.loads(out).items() if key != "notes"}


def _judge(done: Done, case: Case, verb: Verb) -> list[str]:
    if case.fault in (*KILLED, "torn write"):
        # the number of a suite's operations is not always the same; that its run is killed a suite makes good
        killed = done.code == -signal.SIGKILL or (verb.command[0] == "suite" and done.code == 0)
        return [] if killed else [f"not killed: exit code {done.code}: {done.err[-300:]}"]
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    others = [line for line in done.err.splitlines() if not line.startswith(("error: ", "hint: ", "  "))]
    if verb.of_its_run:
        errors += [line for line in done.out.splitlines() if " failed: " in line]
    wrong = []
    if done.code not in (0, 1, 2):
        wrong.append(f"exit code {done.code}: {done.err.strip()[-600:]}")
    elif done.code and (len(errors) != 1 or others):
        wrong.append(f"not one line: {done.out[-300:]!r} {done.err!r}")
    elif done.code and not any(part in errors[0] for part in (*_names(case.operation.path), *_named(verb.command))):
        wrong.append(f"names no file: {errors[0]}")
    elif not done.code and done.err:
        wrong.append(f"exit code 0, and: {done.err!r}")
    return wrong


def _names(path: str) -> list[str]:
    """The file, or one of the folders that it is in."""
    parts = [re.sub(r"^\.(.+)\.\w+\.tmp$", r"\1", part) for part in path.split("/")]
    return [part for part in parts if not part.startswith(".")]


def _named(command: list[str]) -> list[str]:
    """What the user named."""
    return [value for option, value in pairwise(command) if option.startswith("--") and not value.startswith("--")]


def _differences(
    whole: tuple[str, Files], out: str, folder: Path, verb: Verb, refused: Operation | None = None
) -> list[str]:
    """What differs; a temporary file whose removal was refused may be there until the next start."""
    wanted, found = whole[1], state(folder, verb.shows_page)
    kept = refused is not None and refused.kind in ("unlink", "open to read")
    left = {name for name in found.keys() - wanted.keys() if not (kept and _is_temporary(name))}
    wrong = [f"left behind: {name}" for name in sorted(left)]
    wrong += [f"missing: {name}" for name in sorted(wanted.keys() - found.keys())]
    wrong += [f"differs: {name}" for name in sorted(wanted.keys() & found.keys()) if wanted[name] != found[name]]
    if verb.command[0] in ("eval", "compare", "verify") and _figures(out) != _figures(whole[0]):
        wrong.append("the output differs")
    return wrong


def _is_temporary(name: str) -> bool:
    return ".tmp" in name or ".part" in name


def attack(
    name: str, verb: Verb, scratch: Path, most: int = 0, only: str | None = None, real: bool = False
) -> dict[str, Any]:
    """Put a verb to the test.

    Args:
        name: of the verb.
        verb: what it is.
        scratch: where the cases' folders go.
        most: cases at most, spread evenly; 0: all.
        only: one fault alone.
        real: first see that a process that is no fork does the same.
    """
    laid, whole = scratch / "laid", scratch / "whole"
    laid.mkdir(parents=True)
    verb.lay(laid)
    shutil.copytree(laid, whole, symlinks=True)
    done = run(verb, verb.command, whole)
    if done.code:
        raise SystemExit(f"{name}: exit code {done.code}: {done.err}")
    first = max(at for at, one in enumerate(done.operations) if verb.after in one.path) + 1 if verb.after else 0
    count = len(done.operations)
    cases = [
        Case(at, one, fault)
        for at, one in enumerate(done.operations)
        if at >= first
        for fault in faults(one, at == count - 1)
        if only in (None, fault)
    ]
    if 0 < most < len(cases):
        cases = [cases[(2 * number + 1) * len(cases) // (2 * most)] for number in range(most)]
    expected = done.out, state(whole, verb.shows_page)
    if real:
        folder = scratch / "real"
        shutil.copytree(laid, folder, symlinks=True)
        once = run_really(name, verb.command, folder)
        if once.code or _differences(expected, once.out, folder, verb):
            raise SystemExit(f"{name}: a fork is not as a process of its own: {once.err}")
    seen: dict[str, list[str]] = {}
    found = [(case, check(verb, expected, laid, case, scratch, seen)) for case in cases]
    wrong = [{**case._asdict(), "wrong": what} for case, what in found if what]
    counts = Counter(operation.kind for operation in done.operations)
    return {"verb": name, "operations": dict(sorted(counts.items())), "cases": len(cases), "wrong": wrong}
