"""The stories of a split, from wherever a config says."""

import random
import shlex
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from dmn_cli.babi.download import find_data, task_files
from dmn_cli.babi.tasks import TASKS, SplitName
from dmn_cli.babi.unpack import published_digests
from dmn_cli.config import DataConfig
from dmn_cli.data.stories import Story, as_dialogue, read
from dmn_cli.data.words import words
from dmn_cli.errors import FAILED, DmnError
from dmn_cli.files import as_named, here, sha256
from dmn_cli.generator.generate import generate

MOSTLY = 0.8
"""The part of a task's questions in story order from which the others are taken for lapses."""

OFTEN = 0.7
"""The part of the questions in which the latest fact is the right one, from which later facts override earlier ones."""

OWN = 0
"""The task number of a user's own stories."""


class Split(NamedTuple):
    """The stories of a split.

    Attributes:
        stories: the stories of each task, by task number; a user's own are task 0.
        digests: SHA-256 of each file they were read from, by its path.
    """

    stories: dict[int, list[Story]]
    digests: dict[str, str]

    @property
    def is_babi(self) -> bool:
        """Whether all of it was read from files of bAbI v1.2, by their published digests."""
        known = {digest for _, digest in published_digests().values()}
        return bool(self.digests) and set(self.digests.values()) <= known


def load_training(data: DataConfig) -> tuple[Split, Split]:
    """The training and the validation split; the test split is not looked at.

    Raises:
        DmnError: data is missing or malformed (code 2), or bAbI's files are (code 1).
    """
    train = _load(data, "train")
    if data.supporting == "tidy":
        train = train._replace(stories={task: _tidy(stories) for task, stories in train.stories.items()})
    if _has_validation(data):
        return train, _load(data, "valid")
    kept, held = {}, {}
    for task, stories in train.stories.items():
        kept[task], held[task] = _hold_out(stories, data, task)
    return Split(kept, train.digests), Split(held, train.digests)


def are_lists(stories: list[Story]) -> bool:
    """Whether supporting facts are lists of what happened: in story order (but for lapses), and any number of them."""
    several = [q.supporting for story in stories for q in story.questions if len(q.supporting) > 1]
    in_order = sum(supporting == tuple(sorted(supporting)) for supporting in several)
    return len(set(map(len, several))) > 1 and in_order >= MOSTLY * len(several)


def later_overrides(stories: list[Story]) -> bool:
    """Whether of facts that a question could mean the later ones override the earlier: *Mary went home* twice.

    These are the facts that share with it all words which its first supporting fact does. Where there are several, it
    is nearly always the latest (bAbI: in 82 to 100 % of the questions of a task), or about as often any other (in 0
    to 57 % in tasks 4 and 17 to 20). If there never are, later ones are taken to override.
    """
    several = latest = 0
    for story in stories:
        texts = [{*words(fact)} for fact in story.facts]
        for question in story.questions:
            for first in question.supporting[:1]:
                shared = texts[first] & {*words(question.text)}
                alike = [fact for fact in range(question.facts) if shared <= texts[fact]]
                several += len(alike) > 1
                latest += len(alike) > 1 and alike[-1] == first
    return latest >= OFTEN * several


def _tidy(stories: list[Story]) -> list[Story]:
    """The supporting facts of all questions in story order, if they are lists."""
    if not are_lists(stories):
        return stories
    return [
        replace(story, questions=tuple(replace(q, supporting=tuple(sorted(q.supporting))) for q in story.questions))
        for story in stories
    ]


def load_split(data: DataConfig, split: SplitName) -> Split:
    """One split, for evaluation.

    Raises:
        DmnError: data is missing or malformed, or there is no test file (code 2); bAbI's files are malformed (code 1).
    """
    if split == "test":
        if data.source == "files" and data.test is None:
            raise DmnError("there is no test file", "set data.test, or evaluate with --split valid")
        return _load(data, "test")
    train, valid = load_training(data)
    return train if split == "train" else valid


def _has_validation(data: DataConfig) -> bool:
    return data.valid is not None or (data.source == "babi" and data.subset.startswith("en-valid"))


def _hold_out(stories: list[Story], data: DataConfig, task: int) -> tuple[list[Story], list[Story]]:
    """Set stories aside for validation: whole ones, since the questions of a story share its facts."""
    if len(stories) < 2:
        name = named(data, "train") if data.source == "files" else f"task {task}"
        raise DmnError(f"{name}: one story cannot be split into training and validation", "set data.valid")
    count = min(max(1, round(len(stories) * data.validation)), len(stories) - 1)
    held = set(random.Random(f"validation {data.seed} {task}").sample(range(len(stories)), count))
    return (
        [story for number, story in enumerate(stories) if number not in held],
        [story for number, story in enumerate(stories) if number in held],
    )


def _load(data: DataConfig, split: SplitName) -> Split:
    found = _read(data, split)
    if not data.dialogue:
        return found
    return found._replace(stories={task: [*map(as_dialogue, of_task)] for task, of_task in found.stories.items()})


def _read(data: DataConfig, split: SplitName) -> Split:
    if data.source == "generated":
        return Split({task: generate(task, data.questions, data.seed, split) for task in tasks(data)}, {})
    files = _files(data, split)
    try:
        stories = {task: [story for path in paths for story in read(path)] for task, paths in files.items()}
    except DmnError as error:
        if data.source == "files":
            raise
        hint = f"the data is damaged; `dmn data check {shlex.quote(data.dir)}` names all such files"
        raise DmnError(error.message, hint, FAILED) from error
    return Split(stories, {str(as_named(path)): sha256(path) for paths in files.values() for path in paths})


def _files(data: DataConfig, split: SplitName) -> dict[int, list[Path]]:
    if data.source == "files":
        return {OWN: [*map(here, own_files(data, split))]}
    folder = find_data(here(Path(data.dir)), data.subset)
    return {task: [task_files(folder, data.subset, task)[split]] for task in tasks(data)}


def own_files(data: DataConfig, split: str) -> list[Path]:
    """A user's own files of a split; none where the config names none."""
    named = {"train": data.train, "valid": data.valid, "test": data.test}[split] or []
    return [Path(path) for path in ([named] if isinstance(named, str) else named)]


def named(data: DataConfig, split: str) -> str:
    """A user's own files of a split, for a reader; "" where there are none."""
    return ", ".join(map(str, own_files(data, split)))


def tasks(data: DataConfig) -> list[int]:
    """The task numbers of a config; [0] for a user's own stories."""
    if data.source == "files":
        return [OWN]
    return list(TASKS) if data.tasks == "all" else list(data.tasks)
