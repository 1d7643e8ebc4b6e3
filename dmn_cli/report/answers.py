"""Answers to questions of one's own, on a terminal."""

from collections.abc import Sequence

from dmn_cli.report.heat import answer_line
from dmn_cli.report.prediction import Prediction
from dmn_cli.report.results import interval
from dmn_cli.report.tables import percent

MANY = 5
"""Questions above which not every one gets a table."""


def as_text(answer: Prediction) -> str:
    """Question and answer on one line, and the true answer where another is known."""
    true = f"  true answer: {answer.gold}" if answer.right is False else ""
    return f"{answer.question}  {answer_line(answer)}{true}"


def score(answers: Sequence[Prediction]) -> str:
    """How many answers are right, of those that are known; "" if none is."""
    known = [answer.right for answer in answers if answer.right is not None]
    if not known:
        return ""
    low, high = interval(sum(known), len(known))
    return (
        f"{sum(known)} of {len(known)} right: {percent(sum(known) / len(known))} % "
        f"(95 % interval {percent(low)} – {percent(high)})"
    )
