"""What story files hold, in figures."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

from dmn_cli.data.stories import Question, Story
from dmn_cli.data.words import alternatives, parts, words


class Stats(NamedTuple):
    """Figures of one task and split.

    Attributes:
        stories: how many.
        questions: how many.
        facts: that stand before a question, in the mean.
        most_facts: before any question.
        most_words: in any fact or question.
        supporting: facts that a question names, in the mean.
        words: different ones, in facts, questions and answers.
        answers: different ones.
        majority: the accuracy of always giving the most frequent answer of the training split (0 to 1).
        repeats: questions that stand in training too, with the same facts before them.
    """

    stories: int
    questions: int
    facts: float
    most_facts: int
    most_words: int
    supporting: float
    words: int
    answers: int
    majority: float
    repeats: int


def measure(stories: list[Story], training: list[Story]) -> Stats:
    """The figures of a split.

    Args:
        stories: of the split.
        training: of the training split, which may be the same list: then nothing counts as repeated.
    """
    questions = [question for story in stories for question in story.questions]
    texts = [words(text) for story in stories for text in _texts(story)]
    given = Counter(_answer(question) for question in questions)
    usual = Counter(_answer(question) for story in training for question in story.questions).most_common(1)[0][0]
    known: Collection[object] = set() if stories is training else set(_seen(training))
    return Stats(
        stories=len(stories),
        questions=len(questions),
        facts=_mean(question.facts for question in questions),
        most_facts=max(question.facts for question in questions),
        most_words=max(map(len, texts)),
        supporting=_mean(len(question.supporting) for question in questions),
        words=len({word for text in texts for word in text} | {word for answer in given for word in answer}),
        answers=len(given),
        majority=given[usual] / len(questions),
        repeats=sum(one in known for one in _seen(stories)),
    )


def _texts(story: Story) -> Iterable[str]:
    return (*story.facts, *(question.text for question in story.questions))


def _answer(question: Question) -> tuple[str, ...]:
    return tuple(parts(alternatives(question.answer)[0]))


def _mean(numbers: Iterable[int]) -> float:
    counted = list(numbers)
    return sum(counted) / len(counted)


def _seen(stories: list[Story]) -> Iterable[object]:
    """What a reader sees when each question is asked."""
    for story in stories:
        for question in story.questions:
            yield story.facts[: question.facts], question.text
