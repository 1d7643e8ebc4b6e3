"""A story and a question of one's own, put to a trained network."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import torch

from dmn_cli.data.batches import collate
from dmn_cli.data.stories import Question, Story
from dmn_cli.data.words import words
from dmn_cli.errors import DmnError
from dmn_cli.training.build import dataset
from dmn_cli.training.checkpoint import Checkpoint

END_OF_PASSES = "(end of passes)"
"""What stands for the fact that is no fact, but means: enough."""


class Answer(NamedTuple):
    """What the network made of a question.

    Attributes:
        question: as asked.
        answer: the parts of a list or path are joined by commas.
        facts: what there was to attend to: sentences, or words with ``model.facts: word``.
        gates: of each pass, what each of these counted, 0 to 1. A pass that picks the end of passes is the last.
        unknown: words of story and question that training has never seen.
    """

    question: str
    answer: str
    facts: list[str]
    gates: list[list[float]]
    unknown: list[str]


def tell(facts: list[str], line: str) -> str | None:
    """Take a line of a story.

    Args:
        facts: so far; the line is added to them if it is a fact. Line number 1 starts a new story.
        line: a fact, or a question: it ends in ``?`` or, as in bAbI's files, has an answer after a tab. A line number
            before it is taken off.

    Returns:
        the question, if it is one.

    Raises:
        DmnError: there are no words in it.
    """
    match = re.fullmatch(r" *(?:([0-9]+)[ \t]+)?(.*)", line, re.DOTALL)
    assert match is not None
    if match[1] == "1":
        facts.clear()
    text, tab, _ = match[2].partition("\t")
    text = text.strip()
    if not words(text):
        raise DmnError(f"no words in {line.strip()!r}", "a line is a fact, or a question that ends in ?")
    if tab or text.endswith("?"):
        return text
    facts.append(text)
    return None


@torch.no_grad()
def ask(checkpoint: Checkpoint, facts: Sequence[str], question: str) -> Answer:
    """Ask a question about facts.

    Raises:
        DmnError: there are no facts.
    """
    if not facts:
        raise DmnError(f"{question!r} has no fact before it", "tell the story first, one fact a line")
    config, vocabulary, model = checkpoint.config, checkpoint.vocabulary, checkpoint.model
    data = dataset(config, vocabulary, [Story(tuple(facts), (Question(question, "", len(facts)),))])
    model.eval()
    predicted, recall = model.predict(collate(data, torch.tensor([0])).to(model.embedding.device))
    if config.model.answer == "linear":
        answer = vocabulary.answers[int(predicted)]
    else:
        answer = vocabulary.said(predicted[0].tolist())
    gates = [a_pass.log_weights[0].exp().tolist() for a_pass in recall.passes]
    attended = (
        [word for fact in facts for word in vocabulary.words_of(fact)] if config.model.facts == "word" else list(facts)
    )
    attended = attended[-(config.data.max_facts or 0) :] + [END_OF_PASSES] * config.end_of_passes
    said = dict.fromkeys(word for text in (*facts, question) for word in vocabulary.words_of(text))
    unknown = [word for word in said if vocabulary.encode([word]) == [0]]
    return Answer(question, answer, attended, gates, unknown)
