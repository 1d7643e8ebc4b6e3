"""A run: a training with its folder, which tells the whole story and from which it can be resumed."""

import contextlib
import datetime
import json
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import torch

from dmn_cli import __version__, records
from dmn_cli import config as configs
from dmn_cli.augment import changes as changing
from dmn_cli.augment import rename
from dmn_cli.augment.changes import Changes
from dmn_cli.config import Config
from dmn_cli.data import vocabulary as vocab
from dmn_cli.data.batches import Dataset
from dmn_cli.data.stories import Story
from dmn_cli.data.vocabulary import Vocabulary
from dmn_cli.errors import FAILED, INTERRUPTED, TERMINATED, DmnError, Stopped
from dmn_cli.files import naming, remove_temporaries, write_atomic
from dmn_cli.model.fast import kernels
from dmn_cli.report import tables
from dmn_cli.report.results import TaskResult, as_json
from dmn_cli.runs.lock import InUseError, exclusive
from dmn_cli.splits import Split, load_split, load_training
from dmn_cli.training import checkpoint as checkpoints
from dmn_cli.training import loop
from dmn_cli.training.build import build, dataset, decide
from dmn_cli.training.checkpoint import Checkpoint
from dmn_cli.training.evaluate import evaluate

SAVE_SECONDS = 5.0
"""Work that a crash can lose at most."""

BUSY = "another process is training in it"


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
        lock: keeps other processes out of the folder.
    """

    folder: Path
    checkpoint: Checkpoint
    optimizer: torch.optim.Optimizer
    train: Split
    valid: Split
    changes: Changes
    device: torch.device
    lock: contextlib.ExitStack


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
    return next(folder for folder in _folders(name) if not (folder.exists() or folder.is_symlink()))


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
    changes: Changes


def prepare(config: Config, device: torch.device, threads: int) -> Prepared:
    """Read the data and build the network of a new run; nothing is written."""
    torch.set_num_threads(threads)
    if config.data.test is not None and not Path(config.data.test).is_file():
        raise DmnError(
            f"{config.data.test}: no such file", "data.test is read after the training; leave it out if there is none"
        )
    train, valid = load_training(config.data)
    stories = _flat(train)
    if config.train.supervision == "strong":
        _check_supporting(stories, config)
    seen = _seen(config, train)
    changes = changing.find(config.data, seen)
    vocabulary = _vocabulary(train, changes)
    decided = decide(config, seen, vocabulary)
    model = build(config, vocabulary, decided).to(device)
    start = Checkpoint(config, vocabulary, model, loop.Progress(), None, threads, decided)
    return Prepared(start, train, valid, changes)


def _seen(config: Config, train: Split) -> dict[int, list[Story]]:
    """The training stories as far as training may look at them: with weak supervision, without supporting facts."""
    if config.train.supervision == "strong":
        return train.stories
    return {task: [story.unsupported() for story in of_task] for task, of_task in train.stories.items()}


def _vocabulary(train: Split, changes: Changes) -> Vocabulary:
    """That of the training stories and of all that renaming makes of them."""
    renamed = [rename.answers(train.stories[task], of_task) for task, of_task in changes.renamed.items()]
    return vocab.build(_flat(train), [answer for answers in renamed for answer in answers])


def start_new(config: Config, name: str, device: torch.device, threads: int) -> Run:
    """Begin a run in ``new_folder(name)``, or in the next one if another process is quicker."""
    while True:
        with contextlib.suppress(InUseError):
            return start(config, new_folder(name), device, threads)


def start(config: Config, folder: Path, device: torch.device, threads: int) -> Run:
    """Begin a run in a folder of its own; where that fails, nothing is left in it.

    Raises:
        InUseError: the folder is not free.
        DmnError: data is missing or malformed.
    """
    _check_free(folder)
    checkpoint, train, valid, changes = prepare(config, device, threads)
    optimizer, story = loop.optimiser(checkpoint.model, config.train), _story(checkpoint, train, device)
    is_new = not folder.exists()
    try:
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DmnError(f"{folder}: cannot be made: {error.strerror}") from error
    with contextlib.ExitStack() as lock:
        lock.enter_context(exclusive(folder, BUSY))
        _check_free(folder)
        run = Run(folder, checkpoint, optimizer, train, valid, changes, device, lock)
        try:
            changing.write(folder, config.data, changes)
            save(run)  # from here on it can be resumed, if the process is killed
            write_atomic(folder / "config.yaml", configs.dump(config))
            _record(folder, [story])
        except BaseException:
            _clear(folder, is_new)
            raise
        return run._replace(lock=lock.pop_all())


def _check_free(folder: Path) -> None:
    """See that a new run may have a folder: at most what is left of a start that was killed before its first save."""
    left = ("checkpoints", *changing.FILES, *(f".{name}." for name in changing.FILES), ".last.pt.")
    there = [folder] if folder.is_file() else folder.rglob("*")
    if not all(path.name.startswith(left) for path in there):
        raise InUseError(f"{folder}: already there", "choose another --run-dir, or go on with it: --resume")


def _clear(folder: Path, remove: bool) -> None:
    """Take back what a start has written; with ``remove`` the folder too."""
    shutil.rmtree(folder / "checkpoints")
    for name in (*changing.FILES, "config.yaml", "run.json"):
        (folder / name).unlink(missing_ok=True)
    if remove:
        with contextlib.suppress(OSError):  # something else has been put there
            folder.rmdir()


def resume(folder: Path, config: Config | None, device: torch.device, threads: int | None = None) -> Run:
    """Take a run up where its newest checkpoint was saved.

    Args:
        folder: of the run.
        config: what the user asks for; it must be the run's own. None: whatever the run's is.
        device: where to compute from now on.
        threads: as config: other numbers of threads add up in another order.

    Raises:
        DmnError: there is no run, another process trains it, it is damaged, or its config or data are not what they
            were; nothing has changed in the folder.
    """
    if not last(folder).exists():
        hint = "it was stopped before its first save: start a new run" if (folder / "checkpoints").exists() else ""
        raise DmnError(f"{folder}: no run to resume: it has no checkpoints/last.pt", hint)
    with contextlib.ExitStack() as lock:
        lock.enter_context(exclusive(folder, BUSY))
        run = _load(folder, config, device, threads, lock)
        starts = _starts(folder)
        _forget_after(folder / "metrics.jsonl", run.checkpoint.progress.epoch)
        _record(folder, [*starts, _story(run.checkpoint, run.train, device)])
        remove_temporaries(folder, folder / "checkpoints")
        if not (folder / "config.yaml").exists():  # killed between its first save and this
            write_atomic(folder / "config.yaml", configs.dump(run.checkpoint.config))
        return run._replace(lock=lock.pop_all())


def _load(
    folder: Path, config: Config | None, device: torch.device, threads: int | None, lock: contextlib.ExitStack
) -> Run:
    """The run of a folder as it was saved last; see ``resume``."""
    checkpoint = checkpoints.load(last(folder), device)
    if config is not None and config != checkpoint.config:
        raise DmnError(
            f"{folder}: the run's config is another: {configs.differences(checkpoint.config, config)}",
            "resume with --run-dir alone, or start a new run",
        )
    if threads not in (None, checkpoint.threads):
        raise DmnError(
            f"{folder}: the run computes with --threads {checkpoint.threads}: {threads} would add up in another order",
            "leave --threads out",
        )
    torch.set_num_threads(checkpoint.threads)
    train, valid = load_training(checkpoint.config.data)
    changes = changing.read(folder, checkpoint.config.data, train.stories)
    if _vocabulary(train, changes) != checkpoint.vocabulary:
        raise DmnError(f"{folder}: the training stories are not those the run began with")
    if checkpoint.progress.questions > sum(len(story.questions) for story in _flat(train)):
        raise DmnError(f"{last(folder)}: damaged checkpoint: progress.questions: more than there are")
    optimizer = loop.optimiser(checkpoint.model, checkpoint.config.train)
    if checkpoint.optimizer is None:
        raise DmnError(
            f"{last(folder)}: no state of the optimiser, so the run cannot go on",
            "it was written by an older dmn, or is damaged: evaluate best.pt, or start a new run",
        )
    if checkpoint.optimizer["state"]:
        optimizer.load_state_dict({**optimizer.state_dict(), "state": checkpoint.optimizer["state"]})
    return Run(folder, checkpoint._replace(optimizer=None), optimizer, train, valid, changes, device, lock)


def go(run: Run) -> Iterator[loop.Step | loop.Epoch | Finished]:
    """Train to the end, saving on the way; then read the test split, once.

    Ctrl-C and SIGTERM take effect between two steps, after a save; while the test split is read, at once.

    Raises:
        DmnError: training diverged, or the disk is full; the state before is saved.
        Stopped: by a signal; the state is saved.
    """
    try:
        with run.lock:
            with _signals() as signalled:
                yield from _train(run, signalled)
            if signalled:
                raise Stopped(signalled[0], f"to go on: {_resuming(run.folder)}")
            yield _finish(run)
    except OSError as error:
        raise DmnError(
            f"{error.filename or run.folder}: {error.strerror or error}",
            f"mend that, then go on from the last save: {_resuming(run.folder)}",
            FAILED,
        ) from error


def _resuming(folder: Path) -> str:
    return f"dmn train --resume --run-dir {shlex.quote(str(folder))}"


def _train(run: Run, signalled: list[int]) -> Iterator[loop.Step | loop.Epoch]:
    """Train to the last epoch, or until there is a signal; what is done is saved."""
    config, model, progress = run.checkpoint.config, run.checkpoint.model, run.checkpoint.progress
    train_data = _training_data(run)
    valid_data = dataset(config, run.checkpoint.vocabulary, _flat(run.valid))
    saved = time.monotonic()
    try:
        for event in loop.train(model, run.optimizer, train_data, valid_data, config.train, progress):
            if isinstance(event, loop.Epoch):
                _append(run.folder / "metrics.jsonl", event._asdict())
                if event.best:
                    checkpoints.save(best(run.folder), run.checkpoint)
            if signalled:
                break
            if time.monotonic() - saved > SAVE_SECONDS:
                save(run)
                saved = time.monotonic()
            yield event
    except DmnError:
        save(run)
        raise
    save(run)


def _training_data(run: Run) -> Callable[[int], Dataset]:
    """The training stories as tensors, by epoch: always the same, or changed anew."""
    config, vocabulary = run.checkpoint.config, run.checkpoint.vocabulary
    if run.changes:
        seed = config.train.seed
        return lambda epoch: dataset(config, vocabulary, run.changes.of(run.train.stories, f"{seed} {epoch}"))
    data = dataset(config, vocabulary, _flat(run.train))
    return lambda epoch: data


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


def save(run: Run) -> None:
    """Save how far a run is; between two events of ``go``."""
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
        "passes": checkpoint.decided.passes,
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


def _starts(folder: Path) -> list[dict[str, Any]]:
    """The start and the resumptions so far, of the run's record."""
    try:
        return records.read(folder / "run.json", records.starts, "delete it: the run goes on, its record begins anew")
    except FileNotFoundError:
        return []


def _record(folder: Path, starts: list[dict[str, Any]]) -> None:
    write_atomic(folder / "run.json", json.dumps({"starts": starts}, indent=2) + "\n")


def _append(path: Path, line: dict[str, Any]) -> None:
    with naming(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _forget_after(path: Path, epoch: int) -> None:
    """Drop the metrics of epochs that a resumed run will make again."""
    if path.exists():
        hint = "delete it: the run goes on without the metrics so far"
        lines = [line for line in records.read(path, records.epochs, hint) if line["epoch"] <= epoch]
        write_atomic(path, "".join(json.dumps(line) + "\n" for line in lines))


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
