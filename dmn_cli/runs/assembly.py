"""From a config to what a run begins with: its stories and its network. Nothing is written."""

import logging
from typing import NamedTuple

import torch

from dmn_cli.augment import changes as changing
from dmn_cli.augment import rename
from dmn_cli.augment.changes import Changes, Stories
from dmn_cli.config import Config
from dmn_cli.data import vocabulary as vocab
from dmn_cli.data.stats import notes
from dmn_cli.data.stories import Story
from dmn_cli.data.vocabulary import Vocabulary
from dmn_cli.data.words import RULE
from dmn_cli.errors import DmnError
from dmn_cli.splits import Split, load_training, named, own_files
from dmn_cli.training import loop, memory, transfer
from dmn_cli.training.build import build, decide
from dmn_cli.training.checkpoint import Checkpoint

log = logging.getLogger(__name__)


class Prepared(NamedTuple):
    """What a run begins with; see ``run.Run``."""

    checkpoint: Checkpoint
    train: Split
    valid: Split
    changes: Changes


def prepare(config: Config, device: torch.device, threads: int) -> Prepared:
    """Read the data and build the network of a new run.

    Raises:
        DmnError: data is missing or malformed, or lacks the supporting facts that the config wants.
    """
    torch.set_num_threads(threads)
    for path in own_files(config.data, "test"):
        if not path.is_file():
            raise DmnError(
                f"{path}: no such file", "data.test is read after the training; leave it out if there is none"
            )
    trained = transfer.source(config) if config.train.from_ else None
    train, valid = load_training(config.data)
    stories = flat(train)
    if config.train.supervision == "strong":
        _check_supporting(stories, config)
    for note in notes(stories):
        log.warning("note: %s", note)
    seen = _seen(config, train)
    changes = changing.find(config.data, seen)
    words = vocabulary(train, changes, trained.vocabulary.rule if trained else RULE)
    if trained:
        words = _extended(config, trained, words, train, changes)
    decided = decide(config, seen, words)
    if trained:
        decided = decided._replace(passes=trained.decided.passes, order=trained.decided.order)
    memory.check(memory.needed(config, words, decided, stories, flat(valid)), device)
    model = build(config, words, decided).to(device)
    if trained:
        transfer.take(trained.model, model, config.model.hidden_size)
    start = Checkpoint(config, words, model, loop.Progress(), None, threads, decided)
    return Prepared(start, train, valid, changes)


def vocabulary(train: Split, changes: Changes, rule: int = RULE) -> Vocabulary:
    """That of the training stories and of all that renaming makes of them."""
    renamed = [rename.answers(train.stories[task], of_task) for task, of_task in changes.renamed.items()]
    return vocab.build(flat(train), [answer for answers in renamed for answer in answers], rule)


def _extended(config: Config, trained: Checkpoint, new: Vocabulary, train: Split, changes: Changes) -> Vocabulary:
    """The vocabulary of the network that the run starts from, with what is new in the run's stories."""
    if changes and not vocab.read_alike(flat(train), new.rule):
        what = "it was trained by another rule of words (docs/stories.md)"
        raise DmnError(
            f"train.from: {config.train.from_}: {what}", "start from another network, or leave train.from out"
        )
    words = vocab.extended(trained.vocabulary, new)
    log.info(
        "starting from %s: its weights are taken; %d words and %d answers are new and start at random",
        config.train.from_,
        len(words.words) - len(trained.vocabulary.words),
        len(words.answers) - len(trained.vocabulary.answers),
    )
    return words


def flat(split: Split) -> list[Story]:
    """The stories of all tasks."""
    return [story for stories in split.stories.values() for story in stories]


def _seen(config: Config, train: Split) -> Stories:
    """The training stories as far as training may look at them: with weak supervision, without supporting facts."""
    if config.train.supervision == "strong":
        return train.stories
    return {task: [story.unsupported() for story in of_task] for task, of_task in train.stories.items()}


def _check_supporting(stories: list[Story], config: Config) -> None:
    for story in stories:
        for question in story.questions:
            if not question.supporting:
                raise DmnError(
                    f"{named(config.data, 'train') or 'training stories'}: no supporting facts for {question.text!r}",
                    "write them after a second tab, or train without: --set train.supervision=weak",
                )
