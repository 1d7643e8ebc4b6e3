"""A story and a question of one's own, put to a trained network."""

import re
from collections.abc import Sequence

from dmn_cli.data.stories import Question, Story, words
from dmn_cli.errors import DmnError
from dmn_cli.report.prediction import Prediction
from dmn_cli.splits import OWN, Split
from dmn_cli.training.checkpoint import Checkpoint
from dmn_cli.training.predictions import predict


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


def ask(checkpoint: Checkpoint, facts: Sequence[str], question: str) -> Prediction:
    """Ask a question about facts.

    Raises:
        DmnError: there are no facts.
    """
    if not facts:
        raise DmnError(f"{question!r} has no fact before it", "tell the story first, one fact a line")
    (prediction,) = predict(checkpoint, Split({OWN: [Story(tuple(facts), (Question(question, "", len(facts)),))]}, {}))
    return prediction
