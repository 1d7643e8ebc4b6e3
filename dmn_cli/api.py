"""dmn from Python: ``import dmn_cli as dmn``.

    network = dmn.load("runs/task1")
    network.ask(["Mary went to the kitchen."], "Where is Mary?").answer
    network.evaluate(dmn.read("stories.txt")).accuracy

    for event in dmn.train("quickstart.yaml"):
        print(event)

What is wrong with an argument, a file or a config raises ``DmnError``: what, where, and what to do.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dmn_cli import config as configs
from dmn_cli.config import Config
from dmn_cli.data import stories as story_files
from dmn_cli.data.stories import Question, Story, as_dialogue
from dmn_cli.data.words import words
from dmn_cli.errors import INTERRUPTED, DmnError, Stopped
from dmn_cli.generator.generate import generate
from dmn_cli.records import Epoch
from dmn_cli.report.prediction import Prediction
from dmn_cli.report.results import TaskResult
from dmn_cli.runs import folder as folders
from dmn_cli.runs import run as runs
from dmn_cli.runs.run import Finished
from dmn_cli.splits import OWN, Split
from dmn_cli.training import box, predictions
from dmn_cli.training import checkpoint as checkpoints
from dmn_cli.training.ask import put, sentences
from dmn_cli.training.build import device as find_device
from dmn_cli.training.checkpoint import Checkpoint
from dmn_cli.training.evaluate import evaluate
from dmn_cli.training.loop import Step

__all__ = [
    "Config",
    "DmnError",
    "Epoch",
    "Finished",
    "Network",
    "Prediction",
    "Question",
    "Step",
    "Story",
    "TaskResult",
    "Training",
    "generate",
    "load",
    "read",
    "train",
]


class Network:
    """A trained network; ``load`` makes one.

    Attributes:
        path: its checkpoint.
        config: of its training.
        checkpoint: all that the file holds; ``checkpoint.model`` is the ``torch.nn.Module``.
    """

    def __init__(self, path: Path, checkpoint: Checkpoint):
        self.path, self.checkpoint, self.config = path, checkpoint, checkpoint.config

    def __repr__(self) -> str:
        return f"Network({str(self.path)!r}, {len(self.words)} words, {len(self.answers)} answers)"

    @property
    def words(self) -> list[str]:
        """The words that training has seen."""
        return self.checkpoint.vocabulary.words[2:]  # after <unk> and <eof>

    @property
    def answers(self) -> list[str]:
        """The answers that training has seen."""
        return list(self.checkpoint.vocabulary.answers)

    def ask(self, facts: Iterable[str] | str, question: str) -> Prediction:
        """Ask a question about a story.

        Args:
            facts: sentences, in order; or one text.
            question: a sentence.

        Returns:
            the answer, its probability, the next likeliest answers, the words that training has never seen
            (``unknown``), and in ``gates`` what each fact counted in each pass, 0 to 1.

        Raises:
            DmnError: a sentence has no words; or there are no facts, and training had no such question.
        """
        if isinstance(facts, str):
            facts = [sentence for line in facts.splitlines() if line.strip() for sentence in sentences(line)]
        told = tuple(_sentence("facts", fact) for fact in _listed("facts", facts))
        asked = Question(_sentence("question", question), "", len(told))
        return put(self.checkpoint, self.path, [Story(told, (asked,))])[0]

    def predict(self, stories: Iterable[Story] | str | Path) -> list[Prediction]:
        """The answers to all questions of some stories, in their order; see ``ask``.

        Args:
            stories: those of ``read`` or ``generate``, or the path of a story file.

        Raises:
            DmnError: the file is missing or malformed; there is no question.
        """
        return list(predictions.predict_told(self.checkpoint, _split(stories).stories[OWN]))

    def evaluate(self, stories: Iterable[Story] | str | Path) -> TaskResult:
        """How many questions of some stories are answered right: ``accuracy`` is from 0 to 1.

        Args:
            stories: as in ``predict``.

        Raises:
            DmnError: the file is missing or malformed; there is no question, or one has no answer.
        """
        split = _split(stories)
        for story in split.stories[OWN]:
            for question in story.questions:
                if not question.answer:
                    raise DmnError(f"{question.text!r} has no answer to compare with", "predict(stories) needs none")
        if self.config.data.dialogue:
            split = Split({OWN: [*map(as_dialogue, split.stories[OWN])]}, {})
        (result,) = evaluate(self.checkpoint, split, "")
        return result


class Training(Iterator[Step | Epoch | Finished]):
    """A training under way; ``train`` begins one.

    Each ``next`` trains on until something has happened. The folder is saved every few seconds and at the end.
    ``dmn train --resume --run-dir FOLDER`` goes on with a training that was left.

    Attributes:
        folder: of the run.
    """

    def __init__(self, folder: Path, events: Generator[Step | Epoch | Finished]):
        self.folder, self._events = folder, events

    def __next__(self) -> Step | Epoch | Finished:
        try:
            return next(self._events)
        except Stopped as stopped:
            if stopped.code == INTERRUPTED:
                raise KeyboardInterrupt(stopped.hint) from None
            raise SystemExit(stopped.code) from None

    def close(self) -> None:
        """Leave the training, and its folder to others; what is done since the last save is lost."""
        self._events.close()

    def network(self) -> Network:
        """The network with the best validation accuracy so far.

        Raises:
            DmnError: no epoch has ended yet.
        """
        return load(self.folder)


def load(path: str | Path | None = None, *, device: str = "auto", code: str | Path | None = None) -> Network:
    """A trained network.

    Args:
        path: a run folder (then its best checkpoint), or a checkpoint; None: the network that comes with dmn.
        device: where to compute: ``auto``, ``cpu``, ``cuda``, ``mps``.
        code: the file of a class of your own that is a part of the network, where it is not as it was in training;
            it is run.

    Raises:
        DmnError: there is no network, or it is damaged.
    """
    checkpoint = box.path() if path is None else _path("path", path)
    if checkpoint.is_dir():
        checkpoint = folders.best(checkpoint)
    named = None if code is None else _path("code", code)
    return Network(checkpoint, checkpoints.load(checkpoint, find_device(device), named))


def read(path: str | Path) -> list[Story]:
    """The stories of a file in bAbI's format.

    Raises:
        DmnError: it is missing or malformed; the message begins with ``file:line``.
    """
    return story_files.read(_path("path", path))


def train(
    config: str | Path | Mapping[str, Any] | Config,
    overrides: Mapping[str, Any] | None = None,
    *,
    folder: str | Path | None = None,
    device: str = "auto",
    threads: int = 1,
) -> Training:
    """Begin a training: an iterator of ``Step``, ``Epoch`` and at last ``Finished``.

    Args:
        config: a config's name or file, a dict of its sections, or a ``Config``.
        overrides: other values of some keys: ``{"train.epochs": 3}``.
        folder: of the run; None: the next free one of ``runs/NAME``, ``runs/NAME-2``, …
        device: where to compute: ``auto``, ``cpu``, ``cuda``, ``mps``.
        threads: how many compute.

    Raises:
        DmnError: the config is wrong (all its errors at once), stories are missing or malformed, or the folder is
            not free.
    """
    if type(threads) is not int or threads < 1:
        raise DmnError(f"threads: expected a whole number ≥ 1, not {threads!r}")
    made, name = _config(config, overrides)
    where = find_device(device)
    if folder is None:
        run = runs.start_new(made, name, where, threads)
    else:
        run = runs.start(made, _path("folder", folder), where, threads)
    return Training(run.folder, _events(run))


def _events(run: runs.Run) -> Generator[Step | Epoch | Finished]:
    yield from runs.go(run)


def _config(config: object, overrides: object) -> tuple[Config, str]:
    """The config, and what to call a run of it."""
    if overrides is not None and not isinstance(overrides, Mapping):
        raise DmnError(f'overrides: expected {{"section.key": value}}, not a {type(overrides).__name__}')
    changes: dict[str, dict[str, Any]] = {}
    for dotted, value in (overrides or {}).items():
        section, _, key = str(dotted).partition(".")
        if not section or not key:
            raise DmnError(f"overrides: expected section.key, not {dotted!r}", 'write {"train.epochs": 3}')
        changes.setdefault(section, {})[key] = str(value) if isinstance(value, Path) else value
    if isinstance(config, str | Path):
        made = configs.from_values({"base": str(config)}, changes) if changes else configs.load(config)
        return made, Path(config).stem
    if isinstance(config, Config):
        config = configs.plain(config)
    if not isinstance(config, Mapping):
        raise DmnError(f"config: expected a name, a path, a dict or a Config, not a {type(config).__name__}")
    return configs.from_values(config, changes), "python"


def _split(stories: Iterable[Story] | str | Path) -> Split:
    if isinstance(stories, str | Path):
        return Split({OWN: read(stories)}, {})
    listed = _listed("stories", stories)
    for story in listed:
        if not isinstance(story, Story):
            raise DmnError(f"stories: expected stories as of read(path), not a {type(story).__name__}")
    asked = [story for story in listed if story.questions]
    if not asked:
        raise DmnError("stories: there is no question in them")
    return Split({OWN: asked}, {})


def _listed(name: str, items: Any) -> list[Any]:
    if isinstance(items, Mapping) or not isinstance(items, Iterable):
        raise DmnError(f"{name}: expected a list, not a {type(items).__name__}")
    return list(items)


def _sentence(name: str, text: object) -> str:
    if not isinstance(text, str):
        raise DmnError(f"{name}: expected text, not a {type(text).__name__}")
    if not words(text):
        raise DmnError(f"{name}: no words in {text!r}")
    return text


def _path(name: str, path: object) -> Path:
    if not isinstance(path, str | Path):
        raise DmnError(f"{name}: expected a path, not a {type(path).__name__}")
    if not str(path) or "\0" in str(path):
        raise DmnError(f"{name}: {str(path)!r} is no path")
    return Path(path)
