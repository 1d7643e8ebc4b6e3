"""The verbs that faults are brought upon, each on something small."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dmn_cli.errors import BAD_INPUT
from tests.babi.server import tar_bytes
from tests.faults import zygote
from tests.faults.harness import Verb, run

CONFIG = """\
data: {source: files, train: train.txt, test: test.txt, validation: 0.2}
model: {hidden_size: 4, embedding_size: 4, gate: softmax, embedding_dropout: 0.1}
train: {epochs: 2, batch_size: 30, learning_rate: 0.01}
"""
PAGE = ["train", "--config", "small.yaml", "--run-dir", "run", "--device", "cpu", "--quiet"]
TRAIN = [*PAGE, "--no-page"]
RESUME = ["train", "--resume", "--run-dir", "run", "--device", "cpu", "--quiet", "--no-page"]
SUITE = ["suite", "--config", "small.yaml", "--suite-dir", "suite", "--seeds", "2", "--device", "cpu", "--quiet"]
SUITE += ["--no-page", "--jobs"]
VIEW = ["view", "run"]
PICTURES = ["view", "run", "--svg", "new.svg", "--png", "new.png"]
ASK = ["ask", "run", "--file", "test.txt", "--picture", "new.png", "--json", "--device", "cpu"]
EVAL = ["eval", "run", "--predictions", "predictions.jsonl", "--json", "--device", "cpu"]
GENERATE = ["generate-babi", "--out", "made", "--task", "1", "--train", "5", "--test", "5", "--quiet"]
ARCHIVE = ["download-babi", "--archive", "small.tar.gz", "--data-dir", "data", "--quiet"]
MIRROR = ["download-babi", "--mirror", "http://127.0.0.1:{port}/small.tar.gz", "--data-dir", "data", "--quiet"]


def _stories(folder: Path) -> None:
    from dmn_cli.data.stories import dump
    from dmn_cli.generator.generate import generate

    for split in ("train", "test"):
        (folder / f"{split}.txt").write_text(dump(generate(1, 50, 0, split)))
    (folder / "small.yaml").write_text(CONFIG)


def _often() -> None:
    from dmn_cli.runs import run

    run.SAVE_SECONDS = -1.0  # after every step


def _resume(folder: Path) -> list[str] | None:
    if (folder / "run" / "done").exists():
        return None
    return RESUME if (folder / "run" / "checkpoints" / "last.pt").exists() else TRAIN


def _killed(folder: Path) -> None:
    """A run that was killed in its second epoch."""
    _stories(folder)
    train = VERBS["train"]
    whole = run(train, TRAIN, folder)
    assert whole.code == 0, whole.err
    saves = [at for at, one in enumerate(whole.operations) if one.kind == "write" and "last.pt" in one.path]
    shutil.rmtree(folder / "run")
    assert run(train, TRAIN, folder, saves[3], "torn write", "write").code == -9


def _trained(folder: Path) -> None:
    _stories(folder)
    _done(TRAIN, folder)


def _done(command: list[str], folder: Path, prepare: Callable[[], None] = lambda: None) -> None:
    """What is there when a command was done before."""
    done = run(Verb(command, _stories, lambda folder: None, prepare), command, folder)
    assert done.code == 0, done.err


def _own_runs() -> None:
    """A suite whose runs are forks."""
    from dmn_cli.runs import suite

    zygote.fork_runs()
    suite.TICK = 0.01


def _fake_runs() -> None:
    """A suite whose runs are played: they take milliseconds."""
    from dmn_cli.runs import jobs, suite

    jobs.TRAIN = [sys.executable, "-S", str(Path(__file__).parents[1] / "runs" / "fake_train.py")]
    suite.TICK = 0.02


def _played(folder: Path) -> None:
    _stories(folder)
    (folder / "play.json").write_text("{}")


def own_archive() -> None:
    """The small archive's stories are not v1.2's."""
    from dmn_cli.babi import download, fetch, unpack

    unpack.published_digests = download.published_digests = dict
    fetch.WAITS = (0.0,)


def _archive(folder: Path) -> None:
    (folder / "small.tar.gz").write_bytes(tar_bytes())


def _cut_off(folder: Path) -> None:
    """A download that was killed after half of it."""
    verb = VERBS["download-babi --mirror"]
    whole = run(verb, MIRROR, folder)
    assert whole.code == 0, whole.err
    (write,) = (at for at, one in enumerate(whole.operations) if one.kind == "write" and one.path.endswith(".part"))
    shutil.rmtree(folder / "data")
    assert run(verb, MIRROR, folder, write, "torn write", "write").code == -9


def _downloaded(folder: Path) -> None:
    _archive(folder)
    _done(ARCHIVE, folder, own_archive)


def _generated(folder: Path) -> None:
    _done([*GENERATE, "--seed", "1"], folder)


def _laid_suite(folder: Path) -> None:
    _stories(folder)
    _done([*SUITE, "1"], folder, _own_runs)


def _nothing(folder: Path) -> None:
    pass


def _same(command: list[str], lay: Callable[[Path], None], **more: Any) -> Verb:
    """A command that after a fault is given again."""
    return Verb(command, lay, lambda folder: command, **more)


VERBS = {
    "train": Verb(TRAIN, _stories, _resume, _often),
    "train --resume": Verb(RESUME, _killed, _resume, _often),
    "train, its page": _same(PAGE, _stories, after="/.done.")._replace(again=lambda folder: VIEW),
    "suite": _same([*SUITE, "2"], _played, prepare=_fake_runs),
    "suite, its first run": _same([*SUITE, "1"], _stories, prepare=_own_runs, of_its_run=True),
    "eval": _same(EVAL, _trained),
    "ask --picture": _same(ASK, _trained),
    "view": _same(VIEW, _trained),
    "view --svg --png": _same(PICTURES, _trained),
    "view of a suite": _same(["view", "suite"], _laid_suite),
    "verify": _same(["verify", "run", "--device", "cpu", "--json"], _trained),
    "report": _same(["report", "suite", "suite/own-seed0"], _laid_suite),
    "compare": _same(["compare", "run", "run", "--device", "cpu", "--json"], _trained),
    "runs": _same(["runs", "suite", "--json"], _laid_suite),
    "download-babi --archive": _same(ARCHIVE, _archive, prepare=own_archive),
    "download-babi --force": _same([*ARCHIVE, "--force"], _downloaded, prepare=own_archive),
    "download-babi --mirror": _same(MIRROR, _nothing, prepare=own_archive),
    "download-babi --mirror, cut off before": _same(MIRROR, _cut_off, prepare=own_archive),
    "generate-babi": _same(GENERATE, _nothing, already=BAD_INPUT),
    "generate-babi into an empty folder": _same(GENERATE, lambda folder: (folder / "made").mkdir(), already=BAD_INPUT),
    "generate-babi --force": _same([*GENERATE, "--force"], _generated),
    "data convert": _same(["data", "convert", "train.txt", "new.txt"], _stories, already=BAD_INPUT),
    "data stats": _same(["data", "stats", "--data-dir", "made", "--task", "1", "--json"], _generated),
    "config copy": _same(["config", "copy", "small.yaml", "new.yaml"], _stories, already=BAD_INPUT),
    "config init": _same(["config", "init", "new.yaml"], _nothing, already=BAD_INPUT),
}
