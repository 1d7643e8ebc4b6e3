"""The verbs that faults are brought upon, each on something small."""

import shutil
import sys
from pathlib import Path

from dmn_cli.errors import BAD_INPUT
from tests.babi.server import tar_bytes
from tests.faults.harness import Verb, run

CONFIG = """\
data: {source: files, train: train.txt, test: test.txt, validation: 0.2}
model: {hidden_size: 4, embedding_size: 4, gate: softmax, embedding_dropout: 0.1}
train: {epochs: 2, batch_size: 30, learning_rate: 0.01}
"""
TRAIN = ["train", "--config", "small.yaml", "--run-dir", "run", "--device", "cpu", "--quiet"]
RESUME = ["train", "--resume", "--run-dir", "run", "--device", "cpu", "--quiet"]
SUITE = ["suite", "--config", "small.yaml", "--suite-dir", "suite", "--seeds", "2", "--jobs", "2", "--quiet"]
VIEW = ["view", "run"]
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
    whole = run(TRAIN, folder, _often)
    assert whole.code == 0, whole.err
    saves = [at for at, one in enumerate(whole.operations) if one.kind == "write" and "last.pt" in one.path]
    shutil.rmtree(folder / "run")
    assert run(TRAIN, folder, _often, saves[3], "torn write", "write").code == -9


def _trained(folder: Path) -> None:
    _stories(folder)
    done = run(TRAIN, folder, lambda: None)
    assert done.code == 0, done.err


def _fake_runs() -> None:
    from dmn_cli.runs import jobs, suite

    jobs.TRAIN = [sys.executable, "-S", str(Path(__file__).parents[1] / "runs" / "fake_train.py")]
    suite.TICK = 0.02


def _played(folder: Path) -> None:
    _stories(folder)
    (folder / "play.json").write_text("{}")


def _own_archive() -> None:
    from dmn_cli.babi import download, fetch, unpack

    unpack.published_digests = download.published_digests = dict  # the small archive's stories are not v1.2's
    fetch.WAITS = (0.0,)


def _archive(folder: Path) -> None:
    (folder / "small.tar.gz").write_bytes(tar_bytes())


def _downloaded(folder: Path) -> None:
    _archive(folder)
    done = run(ARCHIVE, folder, _own_archive)
    assert done.code == 0, done.err


def _generated(folder: Path) -> None:
    done = run([*GENERATE, "--seed", "1"], folder, lambda: None)
    assert done.code == 0, done.err


def _nothing() -> None:
    pass


VERBS = {
    "train": Verb(TRAIN, _stories, _resume, _often),
    "train --resume": Verb(RESUME, _killed, _resume, _often),
    "suite": Verb(SUITE, _played, lambda folder: SUITE, _fake_runs),
    "eval": Verb(EVAL, _trained, lambda folder: EVAL, _nothing),
    "view": Verb(VIEW, _trained, lambda folder: VIEW, _nothing),
    "download-babi --archive": Verb(ARCHIVE, _archive, lambda folder: ARCHIVE, _own_archive),
    "download-babi --force": Verb(
        [*ARCHIVE, "--force"], _downloaded, lambda folder: [*ARCHIVE, "--force"], _own_archive
    ),
    "generate-babi": Verb(GENERATE, lambda folder: None, lambda folder: GENERATE, _nothing, BAD_INPUT),
    "generate-babi into an empty folder": Verb(
        GENERATE, lambda folder: (folder / "made").mkdir(), lambda folder: GENERATE, _nothing, BAD_INPUT
    ),
    "generate-babi --force": Verb([*GENERATE, "--force"], _generated, lambda folder: [*GENERATE, "--force"], _nothing),
}
