"""Random kills of whole process groups, of the parent alone and of a worker alone; then everything is compared.

``python -m tests.faults.storm [KILLS] [--seed N]`` (or ``make storm KILLS=1000``) trains, runs a suite and downloads
until it has killed so many times, each time going on by the same command or ``--resume``. A round ends when its work is
done; then its files must be those of an undisturbed one. It prints one JSON object, and fails if a byte differs.

All processes are forks, see zygote.py: what is killed is at work, and not importing torch.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.faults import zygote
from tests.faults.harness import mirror, state
from tests.faults.verbs import own_archive

CONFIG = """\
data: {source: generated, questions: 100, tasks: [1]}
model: {hidden_size: 8, embedding_size: 8, gate: softmax, embedding_dropout: 0.1}
train: {epochs: 3, batch_size: 20, learning_rate: 0.01}
"""
LONGEST = 120.0
"""Seconds that a command may take undisturbed."""


def command(kind: str, folder: Path) -> list[str] | None:
    """What starts or goes on with the work; None: it is done."""
    if kind == "train":
        if (folder / "work" / "done").exists():
            return None
        goes_on = (folder / "work" / "checkpoints" / "last.pt").exists()
        begin = ["--resume"] if goes_on else ["--config", "storm.yaml"]
        return ["train", *begin, "--run-dir", "work", "--device", "cpu", "--quiet", "--no-page"]
    if kind == "suite":
        options = ["--tasks", "1,6", "--suite-dir", "work", "--jobs", "2", "--device", "cpu", "--quiet", "--no-page"]
        return ["suite", "--config", "storm.yaml", *options]
    return ["download-babi", "--mirror", f"http://127.0.0.1:{mirror()}/small.tar.gz", "--data-dir", "work", "--quiet"]


@contextlib.contextmanager
def surrounded() -> Iterator[None]:
    """Saves that come often, the small archive, runs that are forks."""
    from dmn_cli.runs import run, suite

    own_archive()
    zygote.fork_runs()
    run.SAVE_SECONDS, suite.TICK = 0.01, 0.01
    yield


def start(arguments: list[str], folder: Path) -> zygote.Process:
    with Path(os.devnull).open("r+b") as null, (folder / "stderr").open("ab") as stderr:
        pid = zygote.start(arguments, folder, null.fileno(), null.fileno(), stderr.fileno(), hook=surrounded)
    return zygote.Process(pid)


def workers(parent: int) -> list[int]:
    """The processes that a process has started."""
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def strike(process: zygote.Process, whom: str) -> bool:
    """Kill; whether there was somebody to kill."""
    there = workers(process.pid)
    targets = {"group": [process.pid, *there], "parent": [process.pid], "worker": there[:1]}[whom]
    for pid in targets:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(targets)


def round_of(kind: str, folder: Path, chance: random.Random, kills: Counter[str], usual: float) -> None:
    """Work to its end, killed on the way a few times."""
    left = chance.randint(4, 12)
    while (arguments := command(kind, folder)) is not None:
        process = start(arguments, folder)
        whom = chance.choice(["group", "parent", "worker"] if kind == "suite" else ["group", "parent"])
        struck = False
        if left:
            left -= 1
            if process.wait(chance.uniform(0, usual)) is None:
                struck = strike(process, whom)
                kills[f"{kind}, {whom}"] += struck
        code = process.wait(LONGEST)
        if code == 0:
            if kind != "train":
                return
        elif not struck:
            raise SystemExit(f"{kind}: exit code {code}: {(folder / 'stderr').read_text()[-500:]}")


def storm(most: int, seed: int) -> dict[str, object]:
    """Kill ``most`` times or a few more."""
    chance, kills, rounds = random.Random(seed), Counter[str](), Counter[str]()
    wrong: list[str] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        whole, usual = {}, {}
        for kind in ("train", "suite", "download"):
            folder = _laid(Path(scratch) / f"whole-{kind}")
            at = time.monotonic()
            round_of(kind, folder, _Never(), Counter(), 0.0)
            whole[kind], usual[kind] = state(folder / "work"), time.monotonic() - at
        while sum(kills.values()) < most:
            kind = chance.choice(["train", "train", "suite", "download"])
            folder = _laid(Path(scratch) / "round")
            round_of(kind, folder, chance, kills, usual[kind])
            rounds[kind] += 1
            found = state(folder / "work")
            names = found.keys() | whole[kind].keys()
            wrong += [
                f"{kind}: {name}: {found.get(name, 'missing')!r:.300}"
                for name in sorted(names)
                if found.get(name, "") != whole[kind].get(name, "")
            ]
            shutil.rmtree(folder)
            print(f"{sum(kills.values())} kills, {len(wrong)} files differ", file=sys.stderr, flush=True)
    return {
        "kills": sum(kills.values()),
        "of": dict(sorted(kills.items())),
        "rounds": dict(sorted(rounds.items())),
        "differing": wrong,
        "seconds": round(time.monotonic() - began),
    }


class _Never(random.Random):
    """For the round that nothing disturbs."""

    def randint(self, a: int, b: int) -> int:
        return 0


def _laid(folder: Path) -> Path:
    folder.mkdir()
    (folder / "storm.yaml").write_text(CONFIG)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kills", nargs="?", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    zygote.import_all()
    result = storm(given.kills, given.seed)
    print(json.dumps(result))
    if result["differing"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
