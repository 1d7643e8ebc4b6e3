"""Thinning: stories without some of the facts that no question needs, so that one story becomes many."""

import random
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import replace

from dmn_cli.data.stories import Story


def thin(stories: Iterable[Story], part: float, seed: str) -> list[Story]:
    """Every story without some of the facts that support none of its questions.

    Args:
        stories: the stories, with the supporting facts of all questions.
        part: how likely each of these facts is left out, 0 to 1.
        seed: decides which, and nothing else does.
    """
    generator = random.Random(seed)
    return [_thinned(story, part, generator) for story in stories]


def _thinned(story: Story, part: float, generator: random.Random) -> Story:
    needed = {fact for question in story.questions for fact in question.supporting}
    kept = [fact for fact in range(len(story.facts)) if fact in needed or generator.random() >= part]
    new = {fact: number for number, fact in enumerate(kept)}
    questions = (
        replace(
            question,
            facts=bisect_left(kept, question.facts),
            supporting=tuple(new[fact] for fact in question.supporting),
        )
        for question in story.questions
    )
    return Story(tuple(story.facts[fact] for fact in kept), tuple(questions))
