"""A run: a training in its folder, from which it can be resumed."""

import contextlib
import dataclasses
import math
import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import torch

from dmn_cli import config as configs
from dmn_cli.augment.changes import Changes
from dmn_cli.babi.tasks import SplitName
from dmn_cli.config import Config
from dmn_cli.data import vocabulary as vocab
from dmn_cli.data.batches import Dataset
from dmn_cli.errors import FAILED, INTERRUPTED, TERMINATED, DmnError, Stopped
from dmn_cli.files import remove_temporaries
from dmn_cli.records import Epoch, Usage
from dmn_cli.report.results import TaskResult
from dmn_cli.runs import folder as folders
from dmn_cli.runs import provenance
from dmn_cli.runs.assembly import flat, prepare, vocabulary
from dmn_cli.splits import Split, load_split, load_training
from dmn_cli.system import InUseError, peak_memory
from dmn_cli.training import checkpoint as checkpoints
from dmn_cli.training import loop
from dmn_cli.training.adam import Adam
from dmn_cli.training.build import dataset
from dmn_cli.training.checkpoint import Checkpoint
from dmn_cli.training.evaluate import evaluate
from dmn_cli.training.notes import notes

SAVE_SECONDS = 5.0
"""Work that a crash can lose at most."""


class Run(NamedTuple):
    """A run that is ready to train; its folder is locked until it ends, or until nothing refers to it any more.

    Attributes:
        folder: of the run.
        checkpoint: its network and how far it is; ``model`` and ``progress`` change as it trains.
        optimizer: its optimiser.
        train: the training stories.
        valid: the validation stories.
        changes: what every epoch changes in the training stories.
        device: where it computes.
        used: what it had cost when it was started or resumed.
        identity: of the folder: one that is deleted and made again is another.
        lock: keeps other processes out of the folder.
    """

    folder: Path
    checkpoint: Checkpoint
    optimizer: Adam
    train: Split
    valid: Split
    changes: Changes
    device: torch.device
    used: Usage
    identity: tuple[int, int] | None
    lock: contextlib.ExitStack


class Finished(NamedTuple):
    """A run is over.

    Attributes:
        results: of the best network, on the test split, or where there is none on validation.
        split: which of the two.
        is_babi: whether the stories of training and of this split are bAbI's.
        notes: what makes the figures other than they seem.
    """

    results: list[TaskResult]
    split: str
    is_babi: bool
    notes: list[str]


# ---- start -----------------------------------------------------------------------------------------------------------


def start_new(config: Config, name: str, device: torch.device, threads: int) -> Run:
    """Begin a run in ``folder.new(name)``, or in the next one if another process is quicker."""
    while True:
        with contextlib.suppress(InUseError):
            return start(config, folders.new(name), device, threads)


def start(config: Config, folder: Path, device: torch.device, threads: int) -> Run:
    """Begin a run in a folder of its own; where that fails, nothing is left in it.

    Raises:
        InUseError: the folder is not free.
        DmnError: data is missing or malformed.
    """
    folders.check_free(folder)
    checkpoint, train, valid, changes = prepare(config, device, threads)
    optimizer = loop.optimiser(checkpoint.model, config.train)
    record = provenance.start(checkpoint, train, device)
    with folders.claimed(folder) as lock:
        used, identity = folders.usage(folder), folders.identity(folder)
        run = Run(folder, checkpoint, optimizer, train, valid, changes, device, used, identity, lock)
        folders.write_changes(folder, config.data, changes)
        save(run)  # from here on it can be resumed, if the process is killed
        folders.write_config(folder, config)
        folders.write_starts(folder, [record])
        return run._replace(lock=lock.pop_all())


# ---- resume ----------------------------------------------------------------------------------------------------------


def resume(folder: Path, config: Config | None, device: torch.device, threads: int | None = None) -> Run:
    """Take a run up where its newest checkpoint was saved.

    Args:
        folder: of the run.
        config: what the user asks for; it must be the run's own, but for more epochs, patience or settling. None:
            whatever the run's is.
        device: where to compute from now on.
        threads: as config: other numbers of threads add up in another order.

    Raises:
        DmnError: there is no run, another process trains it, it is damaged, or its config or data are not what they
            were; nothing has changed in the folder.
    """
    if not folders.last(folder).exists():
        was_there = (folder / "checkpoints").exists()
        hint = "it was stopped before its first save: start a new run" if was_there else "--config too starts one"
        raise DmnError(f"{folder}: no run to resume: it has no checkpoints/last.pt", hint)
    with contextlib.ExitStack() as lock:
        lock.enter_context(folders.lock(folder))
        run = _load(folder, config, device, threads, lock)
        starts = folders.starts(folder)
        if folders.is_done(folder):
            if why := run.checkpoint.progress.finished:
                raise DmnError(
                    f"{folder}: this run is done: {why}", f"see {folder}/results.md; to train on: {_more(why)}"
                )
            save(run)  # it is to go on past its last epoch
            folders.forget_done(folder)
        folders.forget_after(folder, run.checkpoint.progress.epoch)
        folders.write_starts(folder, [*starts, provenance.start(run.checkpoint, run.train, device)])
        folders.write_config(folder, run.checkpoint.config)  # not there: killed after its first save
        remove_temporaries(folder, folder / "checkpoints")
        return run._replace(lock=lock.pop_all())


def _more(why: str) -> str:
    """How to go on with a run that is done."""
    if why.startswith("settled"):
        return "--set train.settle=null"
    return "--set train.epochs=N" if why.startswith("all ") else "--set train.patience=N, and train.epochs=N"


def _longer(checkpoint: Checkpoint, config: Config, folder: Path) -> Checkpoint:
    """The checkpoint of a run that is to go on as another config says: with more epochs, patience or epochs to settle,
    nothing else."""
    own, wanted = checkpoint.config, config.train
    length = {"epochs", "patience", "settle"}
    train = own.train.model_copy(update={key: getattr(wanted, key) for key in length})
    if config != own.model_copy(update={"train": train}):
        raise DmnError(
            f"{folder}: the run's config is another: {configs.differences(own, config)}",
            "resume with --run-dir alone, or start a new run",
        )
    progress = checkpoint.progress
    if config == own:
        return checkpoint
    if any((getattr(wanted, key) or math.inf) < (getattr(own.train, key) or math.inf) for key in length):
        what = configs.differences(own, config)
        raise DmnError(
            f"{folder}: a run can be given more epochs, patience and settle, not less: {what}", "start a new run"
        )
    if not loop.over(wanted, progress):
        progress = dataclasses.replace(progress, finished="")
    return checkpoint._replace(config=config, progress=progress)


def _load(
    folder: Path, config: Config | None, device: torch.device, threads: int | None, lock: contextlib.ExitStack
) -> Run:
    """The run of a folder as it was saved last; see ``resume``."""
    last = folders.last(folder)
    checkpoint = checkpoints.load(last, device)
    if config is not None:
        checkpoint = _longer(checkpoint, config, folder)
    if threads not in (None, checkpoint.threads):
        raise DmnError(
            f"{folder}: the run computes with --threads {checkpoint.threads}: {threads} would add up in another order",
            "leave --threads out",
        )
    torch.set_num_threads(checkpoint.threads)
    train, valid = load_training(checkpoint.config.data)
    changes = folders.changes(folder, checkpoint.config.data, train.stories)
    rule = checkpoint.vocabulary.rule
    words = vocabulary(train, changes, rule)
    if checkpoint.config.train.from_:
        words = vocab.extended(checkpoint.vocabulary, words)
    if words != checkpoint.vocabulary:
        raise DmnError(f"{folder}: the training stories are not those the run began with")
    if changes and not vocab.read_alike(flat(train), rule):
        raise DmnError(f"{folder}: it was begun by another rule of words (docs/stories.md)", "start a new run")
    if checkpoint.progress.questions > sum(len(story.questions) for story in flat(train)):
        raise DmnError(f"{last}: damaged checkpoint: progress.questions: more than there are")
    optimizer = loop.optimiser(checkpoint.model, checkpoint.config.train)
    if checkpoint.optimizer is None:
        raise DmnError(
            f"{last}: damaged checkpoint: no state of the optimiser (or an older dmn wrote it)",
            "evaluate best.pt, or start a new run",
        )
    if checkpoint.optimizer["state"]:
        optimizer.load(checkpoint.optimizer["state"])
    checkpoint, used, identity = checkpoint._replace(optimizer=None), folders.usage(folder), folders.identity(folder)
    return Run(folder, checkpoint, optimizer, train, valid, changes, device, used, identity, lock)


# ---- go --------------------------------------------------------------------------------------------------------------


def go(run: Run, began: float | None = None) -> Iterator[loop.Step | Epoch | Finished]:
    """Train to the end, saving on the way; then read the test split, once.

    Ctrl-C and SIGTERM take effect between two steps, after a save; while the test split is read, at once.

    Args:
        run: which was started or resumed.
        began: when its process did (``time.monotonic``), for what the run costs; None: now.

    Raises:
        DmnError: training diverged, the disk is full, or the folder was deleted; the state before is saved.
        Stopped: by a signal; the state is saved.
    """
    began = time.monotonic() if began is None else began
    try:
        with run.lock:
            with _signals() as signalled:
                yield from _train(run, signalled, began)
            if signalled:
                raise Stopped(signalled[0], f"to go on: {_resuming(run.folder)}")
            yield _finish(run, began)
    except OSError as error:
        _check_there(run)
        raise DmnError(
            f"{error.filename or run.folder}: {error.strerror or error}",
            f"mend that, then go on from the last save: {_resuming(run.folder)}",
            FAILED,
        ) from error


def _check_there(run: Run) -> None:
    """See that the folder is still this run's, before something is written into another's."""
    if folders.identity(run.folder) != run.identity or not folders.last(run.folder).exists():
        what = "the run's folder or its last checkpoint was deleted while it was training"
        raise DmnError(f"{run.folder}: {what}", "start a new run", FAILED)


def _resuming(folder: Path) -> str:
    return f"dmn train --resume --run-dir {shlex.quote(str(folder))}"


def _train(run: Run, signalled: list[int], began: float) -> Iterator[loop.Step | Epoch]:
    """Train to the last epoch, or until there is a signal; what is done is saved."""
    config, model, progress = run.checkpoint.config, run.checkpoint.model, run.checkpoint.progress
    train_data = _training_data(run)
    valid_data = dataset(config, run.checkpoint.vocabulary, flat(run.valid))
    saved = time.monotonic()
    try:
        for event in loop.train(model, run.optimizer, train_data, valid_data, config.train, progress):
            if isinstance(event, Epoch):
                _check_there(run)
                event = event.model_copy(update={"weights": checkpoints.digest(model)})
                folders.add_epoch(run.folder, event)
                if event.best:
                    checkpoints.save(folders.best(run.folder), run.checkpoint)
                _account(run, began)
            if signalled:
                break
            if time.monotonic() - saved > SAVE_SECONDS:
                _check_there(run)
                save(run)
                saved = time.monotonic()
            yield event
    except DmnError:
        _check_there(run)
        save(run)
        raise
    _check_there(run)
    save(run)


def _training_data(run: Run) -> Callable[[int], Dataset]:
    """The training stories as tensors, by epoch: always the same, or changed anew."""
    config, words = run.checkpoint.config, run.checkpoint.vocabulary
    if run.changes:
        seed = config.train.seed
        return lambda epoch: dataset(config, words, run.changes.of(run.train.stories, f"{seed} {epoch}"))
    data = dataset(config, words, flat(run.train))
    return lambda epoch: data


def _finish(run: Run, began: float) -> Finished:
    """Evaluate the best network and write the results."""
    _check_there(run)
    checkpoint = checkpoints.load(folders.best(run.folder), run.device)
    has_test = not (checkpoint.config.data.source == "files" and checkpoint.config.data.test is None)
    name: SplitName = "test" if has_test else "valid"
    split = load_split(checkpoint.config.data, "test") if has_test else run.valid
    results = evaluate(checkpoint, split, name, run.train.digests)
    told = notes(checkpoint, folders.best(run.folder), checkpoint.config.data, name, split, run.train)
    folders.write_results(run.folder, results, name, split.digests, told)
    _account(run, began)
    folders.write_done(run.folder, checkpoint.progress.finished or run.checkpoint.progress.finished)
    return Finished(results, name, run.train.is_babi and split.is_babi, told)


def save(run: Run) -> None:
    """Save how far a run is; between two events of ``go``."""
    checkpoints.save(folders.last(run.folder), run.checkpoint._replace(optimizer={"state": run.optimizer.state}))


def _account(run: Run, began: float) -> None:
    """Write what the run has cost so far, this process and those before it."""
    seconds = run.used.seconds + time.monotonic() - began
    memory = max(run.used.peak_memory_mb, peak_memory() / 1e6)
    folders.write_usage(run.folder, Usage(seconds=round(seconds, 1), peak_memory_mb=round(memory, 1)))


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect the exit code of a Ctrl-C or SIGTERM instead of ending at once; the second one does end at once.

    Python gives signals to its main thread alone: a run in another one is not stopped by them.
    """
    signalled: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield signalled
        return
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
