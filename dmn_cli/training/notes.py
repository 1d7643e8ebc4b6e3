"""What makes an accuracy other than it seems; said beside it."""

from collections.abc import Iterator
from pathlib import Path

from dmn_cli.babi.tasks import SplitName
from dmn_cli.config import DataConfig
from dmn_cli.data.stats import can_be_given, measure
from dmn_cli.data.stories import Story
from dmn_cli.errors import DmnError
from dmn_cli.splits import Split, load_training, tasks
from dmn_cli.training.checkpoint import Checkpoint
from dmn_cli.training.locate import locate

FEW = 100
"""Questions below which an accuracy says little."""

NAMED = 5
"""Words named as examples."""


def notes(
    checkpoint: Checkpoint,
    path: Path,
    data: DataConfig | None,
    split: SplitName,
    asked: Split,
    training: Split | None = None,
) -> list[str]:
    """What a reader of an accuracy should know, a sentence each.

    Args:
        checkpoint: the network.
        path: its file, beside which its training stories may lie.
        data: where the questions come from; None for a file that the config does not name.
        split: which split they are.
        asked: the questions.
        training: what it was trained on; None: it is read from where it was.
    """
    stories = [story for of_task in asked.stories.values() for story in of_task]
    return [
        *(_other_setting(checkpoint.config.data, data) if data is not None else []),
        *_known(checkpoint, path, asked, split if data is not None else None, training),
        *_unseen(checkpoint, stories),
    ]


def _other_setting(trained: DataConfig, data: DataConfig) -> Iterator[str]:
    if data.source == "babi" and data.subset != trained.subset:
        yield f"trained on bAbI {trained.subset}, asked of {data.subset}"
    others = sorted(set(tasks(data)) - set(tasks(trained)))
    if others:
        yield f"not trained on task{'s' * (len(others) > 1)} {', '.join(map(str, others))}"


def _known(
    checkpoint: Checkpoint, path: Path, asked: Split, split: SplitName | None, training: Split | None
) -> Iterator[str]:
    """Whether training has seen the questions themselves."""
    if split == "train":
        yield "these are the stories that it was trained on"
        return
    if split == "valid":
        yield "these questions decided which epoch's weights were kept"
    try:
        training = training or load_training(locate(checkpoint.config.data, path, "train"))[0]
    except (DmnError, OSError) as error:
        why = error.message if isinstance(error, DmnError) else f"{error.filename}: {error.strerror}"
        yield f"its training stories cannot be read, so how many of these questions stand in them is not known: {why}"
        return
    trained = [story for of_task in training.stories.values() for story in of_task]
    repeats = sum(measure(stories, trained).repeats for stories in asked.stories.values())
    if repeats:
        count = sum(len(story.questions) for stories in asked.stories.values() for story in stories)
        yield f"{repeats:,} of {count:,} questions stand in its training stories too, after the same facts"


def _unseen(checkpoint: Checkpoint, stories: list[Story]) -> Iterator[str]:
    vocabulary, by_word = checkpoint.vocabulary, checkpoint.config.model.answer == "gru"
    questions = [question for story in stories for question in story.questions]
    unseen = [question.answer for question in questions if not can_be_given(question.answer, vocabulary, by_word)]
    if unseen:
        what = "an answer with words" if by_word else "an answer"
        yield (
            f"{len(unseen):,} of {len(questions):,} questions have {what} never seen in training, "
            f"which cannot be given: {_few(unseen)}"
        )
    said = dict.fromkeys(
        word
        for story in stories
        for text in (*story.facts, *(question.text for question in story.questions))
        for word in vocabulary.words_of(text)
    )
    unknown = [word for word in said if vocabulary.encode([word]) == [0]]
    if unknown:
        yield f"{len(unknown):,} of {len(said):,} words were never seen in training: {_few(unknown)}"
    if len(questions) < FEW:
        yield f"only {len(questions)} question{'s' * (len(questions) > 1)}: the interval is wide"


def before_training(train: list[Story], valid: list[Story]) -> Iterator[str]:
    """What makes the figures of a training other than they seem, a sentence each.

    Args:
        train: the training stories.
        valid: those that decide which epoch is kept.
    """
    asked = [question.answer for story in train for question in story.questions]
    held = [question.answer for story in valid for question in story.questions]
    if len(held) < FEW:
        yield (
            f"validation has only {len(held)} question{'s' * (len(held) != 1)}: "
            "which epoch is kept is partly chance, and its accuracy says little"
        )
    if len(train) <= 2:
        yield f"only {len(train)} training stor{'y' if len(train) == 1 else 'ies'}: nothing can be learnt from so few"
    never = [answer for answer in dict.fromkeys(held) if answer not in set(asked)]
    if never:
        yield f"validation has answers that no training question has, which cannot be given: {_few(never)}"
    if len(set(asked)) == 1:
        yield f"every training question has the same answer: {asked[0]}"
    repeats = measure(valid, train).repeats
    if repeats:
        yield f"{repeats:,} of {len(held):,} validation questions stand in training too, after the same facts"


def _few(texts: list[str]) -> str:
    different = list(dict.fromkeys(texts))
    return ", ".join(different[:NAMED]) + (", …" if len(different) > NAMED else "")


def asked_without_facts(checkpoint: Checkpoint, path: Path) -> bool | None:
    """Whether training asked questions that had no fact before them; None where its stories are not to be found."""
    if checkpoint.config.data.source == "generated":
        return False  # and to make them all again takes seconds
    try:
        training, _ = load_training(locate(checkpoint.config.data, path, "train"))
    except DmnError:
        return None
    return any(not q.facts for stories in training.stories.values() for story in stories for q in story.questions)
