"""A run: a training with its folder, which tells the whole story and from which it can be resumed."""

import contextlib
import datetime
import json
import platform
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import torch

from dmn_cli import __version__
from dmn_cli import config as configs
from dmn_cli.babi import rename, vocab
from dmn_cli.babi.batches import Dataset
from dmn_cli.babi.splits import Split, load_split, load_training
from dmn_cli.babi.stories import Story
from dmn_cli.babi.vocab import Vocabulary
from dmn_cli.config import Config
from dmn_cli.errors import INTERRUPTED, TERMINATED, DmnError, Stopped
from dmn_cli.files import write_atomic
from dmn_cli.model import kernels
from dmn_cli.report import tables
from dmn_cli.report.results import TaskResult, as_json
from dmn_cli.training import checkpoint as checkpoints
from dmn_cli.training import loop
from dmn_cli.training.build import build, dataset, passes
from dmn_cli.training.checkpoint import Checkpoint
from dmn_cli.training.evaluate import evaluate
from dmn_cli.training.lock import exclusive

SAVE_SECONDS = 5.0
"""Work that a crash can lose at most."""


class Run(NamedTuple):
    """A run that is ready to train.

    Attributes:
        folder: of the run.
        checkpoint: its network and how far it is; ``model`` and ``progress`` change as it trains.
        optimizer: its optimiser.
        train: the training stories.
        valid: the validation stories.
        classes: the words of each task that are renamed, with ``data.renamed``.
        device: where it computes.
    """

    folder: Path
    checkpoint: Checkpoint
    optimizer: torch.optim.Optimizer
    train: Split
    valid: Split
    classes: dict[int, rename.Classes]
    device: torch.device


class Finished(NamedTuple):
    """A run is over.

    Attributes:
        results: of the best network, on the test split, or where there is none on validation.
        split: which of the two.
    """

    results: list[TaskResult]
    split: str


def best(folder: Path) -> Path:
    """The checkpoint of a run with the best validation accuracy."""
    return folder / "checkpoints" / "best.pt"


def last(folder: Path) -> Path:
    """The newest checkpoint of a run, from which it is resumed."""
    return folder / "checkpoints" / "last.pt"


def is_done(folder: Path) -> bool:
    """Whether a run ended and all its files are written."""
    return (folder / "done").exists()


def new_folder(name: str) -> Path:
    """The first folder ``runs/NAME``, ``runs/NAME-2``, … that does not exist yet."""
    return next(folder for folder in _folders(name) if not folder.exists())


def newest_folder(name: str) -> Path:
    """The last folder ``runs/NAME``, ``runs/NAME-2``, … that exists.

    Raises:
        DmnError: there is none.
    """
    newest = None
    for folder in _folders(name):
        if not folder.exists():
            break
        newest = folder
    if newest is None:
        raise DmnError(f"runs/{name}: there is no such run to resume", "name its folder with --run-dir")
    return newest


def _folders(name: str) -> Iterator[Path]:
    yield Path("runs") / name
    number = 2
    while True:
        yield Path("runs") / f"{name}-{number}"
        number += 1


class Prepared(NamedTuple):
    """What a run begins with; see ``Run``."""

    checkpoint: Checkpoint
    train: Split
    valid: Split
    classes: dict[int, rename.Classes]


def prepare(config: Config, device: torch.device, threads: int) -> Prepared:
    """Read the data and build the network of a new run; nothing is written."""
    torch.set_num_threads(threads)
    train, valid = load_training(config.data)
    stories = _flat(train)
    if config.train.supervision == "strong":
        _check_supporting(stories, config)
    renamed = train.stories if config.data.renamed else {}
    classes = {task: rename.find_classes(of_task) for task, of_task in renamed.items()}
    vocabulary = _vocabulary(train, classes)
    model = build(config, vocabulary, passes(config, stories)).to(device)
    return Prepared(Checkpoint(config, vocabulary, model, loop.Progress(), None, threads), train, valid, classes)


def _vocabulary(train: Split, classes: dict[int, rename.Classes]) -> Vocabulary:
    """That of the training stories and of all that renaming makes of them."""
    renamed = [rename.answers(train.stories[task], of_task) for task, of_task in classes.items()]
    return vocab.build(_flat(train), [answer for answers in renamed for answer in answers])


def start(config: Config, folder: Path, device: torch.device, threads: int) -> Run:
    """Begin a run in a folder of its own.

    Raises:
        DmnError: the folder is in use, or data is missing or malformed.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DmnError(f"{folder}: already there", "choose another --run-dir, or go on with it: --resume")
    checkpoint, train, valid, classes = prepare(config, device, threads)
    try:
        (folder / "checkpoints").mkdir(parents=True)
    except OSError as error:
        raise DmnError(f"{folder}: cannot be made: {error.strerror}") from error
    write_atomic(folder / "config.yaml", configs.dump(config))
    if config.data.renamed:
        write_atomic(folder / "renamed.json", json.dumps(classes, indent=2) + "\n")
    _record(folder, _story(checkpoint, train, device))
    run = Run(folder, checkpoint, loop.optimiser(checkpoint.model, config.train), train, valid, classes, device)
    _save(run)
    return run


def resume(folder: Path, config: Config | None, device: torch.device) -> Run:
    """Take a run up where its newest checkpoint was saved.

    Args:
        folder: of the run.
        config: what the user asks for; it must be the run's own. None: whatever the run's is.
        device: where to compute from now on.

    Raises:
        DmnError: there is no run, or its config or data are not what they were.
    """
    if not last(folder).exists():
        raise DmnError(f"{folder}: no run to resume: it has no checkpoints/last.pt")
    checkpoint = checkpoints.load(last(folder), device)
    if config is not None and config != checkpoint.config:
        raise DmnError(
            f"{folder}: the run's config is another: {configs.differences(checkpoint.config, config)}",
            "resume with --run-dir alone, or start a new run",
        )
    torch.set_num_threads(checkpoint.threads)
    train, valid = load_training(checkpoint.config.data)
    # read, not found again: another machine's arithmetic could find a doubtful class otherwise
    written = folder / "renamed.json"
    classes = (
        {int(task): of_task for task, of_task in json.loads(written.read_text("utf-8")).items()}
        if checkpoint.config.data.renamed
        else {}
    )
    if _vocabulary(train, classes) != checkpoint.vocabulary:
        raise DmnError(f"{folder}: the training stories are not those the run began with")
    optimizer = loop.optimiser(checkpoint.model, checkpoint.config.train)
    if checkpoint.optimizer is not None and checkpoint.optimizer["state"]:
        optimizer.load_state_dict(checkpoint.optimizer)
    _forget_after(folder / "metrics.jsonl", checkpoint.progress.epoch)
    _record(folder, _story(checkpoint, train, device))
    return Run(folder, checkpoint, optimizer, train, valid, classes, device)


def go(run: Run) -> Iterator[loop.Step | loop.Epoch | Finished]:
    """Train to the end, saving on the way; then read the test split, once.

    Ctrl-C and SIGTERM take effect between two steps, after a save.

    Raises:
        DmnError: training diverged; the state before is saved.
        Stopped: by a signal; the state is saved.
    """
    config, model, progress = run.checkpoint.config, run.checkpoint.model, run.checkpoint.progress
    train_data = _training_data(run)
    valid_data = dataset(config, run.checkpoint.vocabulary, _flat(run.valid))
    saved = time.monotonic()
    with exclusive(run.folder, "another process is training in it"), _signals() as signalled:
        try:
            for event in loop.train(model, run.optimizer, train_data, valid_data, config.train, progress):
                if isinstance(event, loop.Epoch):
                    _append(run.folder / "metrics.jsonl", event._asdict())
                    if event.best:
                        checkpoints.save(best(run.folder), run.checkpoint)
                if signalled:
                    _save(run)
                    raise Stopped(signalled[0])
                if time.monotonic() - saved > SAVE_SECONDS:
                    _save(run)
                    saved = time.monotonic()
                yield event
        except DmnError:
            _save(run)
            raise
        _save(run)
        yield _finish(run)


def _training_data(run: Run) -> Callable[[int], Dataset]:
    """The training stories as tensors, by epoch: always the same, or renamed anew."""
    config, vocabulary = run.checkpoint.config, run.checkpoint.vocabulary
    if not config.data.renamed:
        data = dataset(config, vocabulary, _flat(run.train))
        return lambda epoch: data

    def of_epoch(epoch: int) -> Dataset:
        stories = [
            story
            for task, of_task in run.train.stories.items()
            for story in rename.rename(of_task, run.classes[task], f"renamed {config.train.seed} {epoch} {task}")
        ]
        return dataset(config, vocabulary, stories)

    return of_epoch


def _finish(run: Run) -> Finished:
    """Evaluate the best network and write the results."""
    checkpoint = checkpoints.load(best(run.folder), run.device)
    has_test = not (checkpoint.config.data.source == "files" and checkpoint.config.data.test is None)
    split = load_split(checkpoint.config.data, "test") if has_test else run.valid
    finished = Finished(evaluate(checkpoint, split), "test" if has_test else "valid")
    write_results(run.folder, finished, split)
    write_atomic(run.folder / "done", f"{checkpoint.progress.finished or run.checkpoint.progress.finished}\n")
    return finished


def write_results(folder: Path, finished: Finished, split: Split) -> None:
    """Write a run's results as JSON, CSV and Markdown."""
    content = {"split": finished.split, **as_json(finished.results), "data": split.digests}
    write_atomic(folder / "results.json", json.dumps(content, indent=2) + "\n")
    write_atomic(folder / "results.csv", tables.as_csv(finished.results))
    write_atomic(folder / "results.md", tables.as_markdown(finished.results))


def _flat(split: Split) -> list[Story]:
    return [story for stories in split.stories.values() for story in stories]


def _check_supporting(stories: list[Story], config: Config) -> None:
    for story in stories:
        for question in story.questions:
            if not question.supporting:
                raise DmnError(
                    f"{config.data.train or 'training stories'}: no supporting facts for {question.text!r}",
                    "write them after a second tab, or train without: --set train.supervision=weak",
                )


def _save(run: Run) -> None:
    checkpoints.save(last(run.folder), run.checkpoint._replace(optimizer=run.optimizer.state_dict()))


def _story(checkpoint: Checkpoint, train: Split, device: torch.device) -> dict[str, Any]:
    """What a reader needs to know to do the same again."""
    return {
        "started": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "from_step": checkpoint.progress.step,
        "dmn": __version__,
        "git": _git_sha(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": checkpoint.threads,
        "kernels": kernels.active(),
        "parameters": sum(parameter.numel() for parameter in checkpoint.model.parameters()),
        "passes": checkpoint.model.memory.passes,
        "data": train.digests or checkpoint.config.data.source,
    }


def _git_sha() -> str | None:
    """The commit this package is run from; None for an installed one."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=5,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _record(folder: Path, story: dict[str, Any]) -> None:
    """Add a start, or a resumption, to the run's record."""
    path = folder / "run.json"
    starts = json.loads(path.read_text(encoding="utf-8"))["starts"] if path.exists() else []
    write_atomic(path, json.dumps({"starts": [*starts, story]}, indent=2) + "\n")


def _append(path: Path, line: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _forget_after(path: Path, epoch: int) -> None:
    """Drop the metrics of epochs that a resumed run will make again."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        write_atomic(path, "".join(lines[:epoch]))  # a line an epoch


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect the exit code of a Ctrl-C or SIGTERM instead of ending at once; the second one does end at once."""
    signalled: list[int] = []
    codes = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}

    def note(number: int, frame: FrameType | None) -> None:
        if signalled:
            raise Stopped(codes[signal.Signals(number)])
        signalled.append(codes[signal.Signals(number)])

    before = {number: signal.signal(number, note) for number in codes}
    try:
        yield signalled
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
