"""Reordering: only where the order of facts says nothing; questions and supporting facts stay what they are."""

import pytest

from dmn_cli.babi import reorder
from dmn_cli.babi.generate import generate
from dmn_cli.babi.reorder import is_free
from dmn_cli.babi.solve import solve
from dmn_cli.babi.stories import Question, Story

STORY = Story(
    ("Mary got the milk.", "John slept.", "Mary went home.", "John woke.", "John left."),
    (Question("Where is Mary?", "home", 3, (2,)), Question("Where is the milk?", "home", 5, (2, 0))),
)


def test_a_question_comes_after_the_same_facts_and_keeps_its_supporting_facts():
    stories = reorder.reorder([STORY] * 200, "any")
    assert len({story.facts for story in stories}) == 6 * 2
    for story in stories:
        assert {*story.facts[:3]} == {*STORY.facts[:3]}
        for question, told in zip(story.questions, STORY.questions, strict=True):
            assert (question.text, question.answer, question.facts) == (told.text, told.answer, told.facts)
            supporting = [story.facts[fact] for fact in question.supporting]
            assert supporting == [STORY.facts[fact] for fact in told.supporting]


def test_the_seed_decides_and_every_story_has_its_own_order():
    assert reorder.reorder([STORY] * 9, "one") == reorder.reorder([STORY] * 9, "one")
    assert reorder.reorder([STORY] * 9, "one") != reorder.reorder([STORY] * 9, "two")
    assert len(set(reorder.reorder([STORY] * 9, "one"))) > 1


@pytest.mark.parametrize("task", range(1, 21))
def test_order_is_free_only_where_answers_do_not_hang_on_it(task):
    stories = generate(task, 1000, 0)
    assert is_free(story.unsupported() for story in stories) == (task in FREE)
    if task in FREE:
        for story in reorder.reorder(stories, "any"):
            for question, solution in zip(story.questions, solve(story), strict=True):
                assert solution is None or solution.answer == question.answer


FREE = (4, 17, 18, 19)


def test_of_few_stories_nothing_is_known():
    stories = generate(19, 100, 0)
    assert is_free(stories)
    assert not is_free(stories[:49])
    assert not is_free([])
