"""What training stories decide about the network."""

import pytest

from dmn_cli.babi.generate import generate
from dmn_cli.babi.stories import Question, Story
from dmn_cli.model.memory import EARLIEST, LATEST, NONE
from dmn_cli.training.build import order

EARLY = dict.fromkeys((7, 8), EARLIEST)
FREE = dict.fromkeys((4, 17, 18, 19, 20), NONE)


@pytest.mark.parametrize("task", range(1, 21))
def test_which_open_gate_counts_is_read_from_the_training_stories(task):
    stories = generate(task, 500, 0)
    assert order({task: stories}) == {**EARLY, **FREE}.get(task, LATEST)
    assert order({0: [story.unsupported() for story in stories]}) == LATEST  # nothing is known


def test_tasks_that_differ_get_the_latest():
    stories = {task: generate(task, 200, 0) for task in (4, 7, 8, 17)}
    assert order(stories) == LATEST
    assert order({task: stories[task] for task in (7, 8)}) == EARLIEST
    assert order({task: stories[task] for task in (4, 17)}) == NONE


def stories(*supporting):
    """*Where is Mary?*, who is named by facts 0 and 2."""
    facts = ("Mary went home.", "John slept.", "Mary went out.")
    return {0: [Story(facts, (Question("Where is Mary?", "out", 3, (fact,)),)) for fact in supporting]}


def test_later_facts_override_where_the_latest_of_those_alike_is_mostly_the_right_one():
    assert order(stories(*[2] * 7, *[0] * 3)) == LATEST
    assert order(stories(*[2] * 6, *[0] * 4)) == NONE
    assert order(stories(*[1] * 9, 0)) == NONE  # fact 1 shares no word: of all three facts it is not the latest
