"""How much memory a training will need at least: said before it begins, not after hours or by the system's killer."""

import torch

from dmn_cli.config import Config
from dmn_cli.data.stories import Story
from dmn_cli.data.vocabulary import Vocabulary
from dmn_cli.errors import FAILED, DmnError
from dmn_cli.splits import Split
from dmn_cli.system import free_memory, whole_memory
from dmn_cli.training.build import Decided, build
from dmn_cli.training.checkpoint import Checkpoint

PER_PARAMETER = 16
"""Bytes: a weight, its gradient and Adam's two moments."""

PER_GATE, PER_WORD = 16, 28
"""Bytes of a step by hidden size, for a fact of a question in one pass and for a word that is read (measured with all
readers, gates and episodes on task 3 at hidden size 80 and 160: no step took less)."""

LARGE = 1000
"""Hidden units: a network of more is counted without allocating it, for which torch imports its compiler."""

PER_FACT_ASKED = 24
"""Bytes of a batch of validation by hidden size, for a fact of a question: nothing is kept for a gradient, and of one
pass nothing for the next (measured likewise)."""


def needed(
    config: Config, vocabulary: Vocabulary, decided: Decided, stories: list[Story], valid: list[Story] | None = None
) -> int:
    """The memory of the network and of the largest of its batches, at least; without Python and torch themselves.

    A large network is not allocated.

    Args:
        config: of the training.
        vocabulary: of its stories.
        decided: by them.
        stories: to train on.
        valid: for validation.
    """
    with torch.device("meta" if max(config.model.hidden_size, config.model.embedding_size) > LARGE else "cpu"):
        model = build(config, vocabulary, decided)
    step = max(_of_step(config, decided, stories), _of_validation(config, valid or []))
    return PER_PARAMETER * sum(parameter.numel() for parameter in model.parameters()) + step


def _of_step(config: Config, decided: Decided, stories: list[Story]) -> int:
    batch = min(config.train.batch_size, sum(len(story.questions) for story in stories))
    rows = _largest(stories, batch, [sum(_gates(config, story)[:batch]) for story in stories])
    words = _largest(stories, batch, [sum(fact.count(" ") + 2 for fact in story.facts) for story in stories])
    words *= config.model.reader == "words"
    return config.model.hidden_size * (PER_GATE * decided.passes * rows + PER_WORD * words)


def _of_validation(config: Config, stories: list[Story]) -> int:
    batch = min(config.train.batch_size, sum(len(story.questions) for story in stories))
    rows = _largest(stories, batch, [sum(_gates(config, story)[:batch]) for story in stories])
    return config.model.hidden_size * PER_FACT_ASKED * rows


def _gates(config: Config, story: Story) -> list[int]:
    """The gates of a pass, question by question."""
    by_word = sum(fact.count(" ") + 1 for fact in story.facts) if config.model.facts == "word" else None
    most = config.data.max_facts or max(question.facts for question in story.questions) + 1
    return [min(question.facts if by_word is None else by_word, most) for question in story.questions]


def _largest(stories: list[Story], batch: int, of_story: list[int]) -> int:
    """What a batch has at least: that of an average one, or that of the largest story."""
    questions = sum(len(story.questions) for story in stories)
    return max([sum(of_story) * batch // max(questions, 1), *of_story])


def check(bytes_needed: int, device: torch.device) -> None:
    """Refuse what this machine has not got.

    Raises:
        DmnError: of exit code 1.
    """
    there = torch.cuda.mem_get_info(device)[1] if device.type == "cuda" else whole_memory()
    if there is not None and bytes_needed > there:
        least = f"the training needs {size(bytes_needed)} at least, {device} has {size(there)}"
        raise DmnError(f"too little memory: {least}", HINT, FAILED)


HINT = "a smaller model.hidden_size, train.batch_size or data.max_facts needs less"


def warning(checkpoint: Checkpoint, train: Split, valid: Split, device: torch.device) -> str:
    """What to say where the memory is there, but not free at this moment; "" where all is well."""
    stories, asked = ([story for of_task in split.stories.values() for story in of_task] for split in (train, valid))
    needs = needed(checkpoint.config, checkpoint.vocabulary, checkpoint.decided, stories, asked)
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory()
    if free is None or needs <= free:
        return ""
    return f"the training needs {size(needs)} of memory at least, {size(free)} are free: {HINT}"


def size(count: int) -> str:
    """12.3 GB."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
