"""What a network answers to every question of a split, how sure it is, and what it attended to."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import starmap
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from dmn_cli.batch import Batch
from dmn_cli.config import Config
from dmn_cli.data.batches import collated, order
from dmn_cli.data.stories import Question, Story, as_dialogue
from dmn_cli.data.vocabulary import Vocabulary
from dmn_cli.files import write_atomic
from dmn_cli.model.memory import Recall
from dmn_cli.report.prediction import ATTENDED, END_OF_PASSES, Guess, Prediction
from dmn_cli.splits import OWN, Split
from dmn_cli.training.build import dataset
from dmn_cli.training.checkpoint import Checkpoint
from dmn_cli.training.metrics import right

OTHERS = 2
"""How many other answers a prediction names."""


class Pass(NamedTuple):
    """One pass of a question: its kind and its gates, see ``Prediction``."""

    kind: str
    gates: list[float]


def predict(checkpoint: Checkpoint, split: Split) -> Iterator[Prediction]:
    """Ask every question of a split, task by task and in the order of the stories; without dropout, in batches.

    What is predicted for a question does not depend on the batch, but for rounding in the seventh digit.
    """
    for task, stories in split.stories.items():
        yield from _of_task(checkpoint, task, stories)


def predict_told(checkpoint: Checkpoint, stories: list[Story]) -> Iterator[Prediction]:
    """Ask every question of stories that no config names.

    With ``data.dialogue`` questions are facts for those after them, with the answers given; else with the network's.
    """
    if not checkpoint.config.data.dialogue:
        yield from predict(checkpoint, Split({OWN: stories}, {}))
        return
    for number, story in enumerate(stories, start=1):
        heard: list[Question] = []
        for question in story.questions:
            turns = as_dialogue(Story(story.facts, (*heard, question)))
            (one,) = predict(checkpoint, Split({OWN: [Story(turns.facts, turns.questions[-1:])]}, {}))
            heard.append(replace(question, answer=question.answer or one.answer))
            yield one._replace(story=number)


def write(predictions: Iterable[Prediction], path: Path) -> None:
    """Write predictions as JSON lines.

    Raises:
        OSError: with the file's name.
    """
    write_atomic(path, "".join(json.dumps(one.as_row(), ensure_ascii=False) + "\n" for one in predictions))


def _of_task(checkpoint: Checkpoint, task: int, stories: list[Story]) -> Iterator[Prediction]:
    config, model = checkpoint.config, checkpoint.model
    data = dataset(config, checkpoint.vocabulary, stories)
    asked = [(number, story, q) for number, story in enumerate(stories, start=1) for q in story.questions]
    model.eval()
    batches = order(data, config.train.batch_size)
    for questions, batch in zip(batches, collated(data, batches), strict=True):
        batch = batch.to(model.embedding.device)
        answers, log_probabilities, recall = model.likeliest(batch, 1 + OTHERS)
        is_right = right(model, answers[:, 0], batch).tolist()
        passes = _passes(checkpoint, batch, recall)
        probabilities = log_probabilities.exp().tolist()
        found: dict[int, Prediction] = {}
        for at, number in enumerate(batch.number.tolist()):
            guesses = starmap(Guess, zip(_written(checkpoint, answers[at]), probabilities[at], strict=True))
            story_number, story, question = asked[number]
            found[number] = _prediction(checkpoint, story, question, list(guesses), passes[at])._replace(
                task=task, story=story_number, right=is_right[at] if question.answer else None
            )
        yield from (found[number] for number in questions.tolist())


def _written(checkpoint: Checkpoint, answers: Tensor) -> list[str]:
    """Answers (K, L) in words."""
    vocabulary: Vocabulary = checkpoint.vocabulary
    if checkpoint.config.model.answer == "linear":
        return [vocabulary.answers[number] for number in answers[:, 0].tolist()]
    return [vocabulary.said(answer) for answer in answers.tolist()]


def _passes(checkpoint: Checkpoint, batch: Batch, recall: Recall) -> list[list[Pass]]:
    """The passes that each question made."""
    config = checkpoint.config
    facts = torch.bincount(batch.rows.sequence, minlength=batch.rows.count)
    passes: list[list[Pass]] = [[] for _ in facts]
    for number, one in enumerate(recall.passes):
        ends = one.log_weights.argmax(1) == facts[one.asked] - 1 if one.log_weights.shape[1] else one.asked < 0
        rows = zip(one.asked.tolist(), one.log_weights.exp().tolist(), ends.tolist(), strict=True)
        for question, weights, picks_last in rows:
            kind = _kind(config, number, picks_last)
            passes[question].append(Pass(kind, weights[: int(facts[question])]))
    return passes


def _kind(config: Config, number: int, picks_last: bool) -> str:
    if config.train.supervision == "weak":
        return ""
    if number < config.model.free_passes:
        return "free"
    return "end" if config.end_of_passes and picks_last else "taught"


def _prediction(
    checkpoint: Checkpoint, story: Story, question: Question, guesses: list[Guess], passes: list[Pass]
) -> Prediction:
    config, vocabulary = checkpoint.config, checkpoint.vocabulary
    told = story.facts[: question.facts]
    by_word = config.model.facts == "word"
    facts = [word for fact in told for word in vocabulary.words_of(fact)] if by_word else list(told)
    hidden = max(0, len(facts) - (config.data.max_facts or len(facts)))  # out of the network's sight
    facts = facts[hidden:] + [END_OF_PASSES] * config.end_of_passes
    supporting = [] if by_word else [fact - hidden for fact in question.supporting if fact >= hidden]
    said = dict.fromkeys(word for text in (*told, question.text) for word in vocabulary.words_of(text))
    return Prediction(
        task=0,
        story=1,
        place=question.place,
        question=question.text,
        gold=question.answer,
        right=None,
        answer=guesses[0].answer,
        probability=guesses[0].probability,
        others=[guess for guess in guesses[1:] if guess.probability > 0],
        facts=facts,
        gates=[one.gates for one in passes],
        passes=[one.kind for one in passes],
        attended=[_most(one.gates) for one in passes],
        supporting=list(dict.fromkeys(supporting)),
        unknown=[word for word in said if vocabulary.encode([word]) == [0]],
    )


def _most(gates: list[float]) -> int | None:
    most = max(gates, default=0.0)
    return gates.index(most) if most >= ATTENDED else None


def first_questions(split: Split, count: int) -> Split:
    """The first questions of a split, story by story."""
    kept: dict[int, list[Story]] = {}
    for task, stories in split.stories.items():
        for story in stories:
            questions = story.questions[: max(count, 0)]
            count -= len(questions)
            if questions:
                kept.setdefault(task, []).append(replace(story, questions=questions))
    return Split(kept, split.digests)
