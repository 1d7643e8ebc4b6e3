"""Interchangeable words: found where a swap changes nothing, renamed consistently, and no others."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmn_cli.augment import rename as renaming
from dmn_cli.augment import symmetry
from dmn_cli.augment.rename import FORM, answers, find_classes, find_phrases, rename
from dmn_cli.data.stories import Question, Story
from dmn_cli.data.words import parts as answer_words
from dmn_cli.data.words import words
from dmn_cli.generator.generate import generate
from dmn_cli.generator.retell import Retelling
from dmn_cli.generator.solve import solve

STORY = Story(
    ("Mary got the milk.", "John went home.", "Mary dropped the milk."),
    (Question("Who had the milk?", "Mary", 3, (0, 2)), Question("What had Mary?", "milk,apple", 1, (0,))),
)
CLASSES = [["apple", "bread", "milk"], ["john", "mary"]]


def joined(classes, one, other):
    return any(one in kind and other in kind for kind in classes)


@pytest.mark.parametrize(
    ("task", "together", "apart"),
    [
        (2, ["mary john", "kitchen office", "milk football"], ["got dropped", "mary kitchen", "milk mary", "the to"]),
        (11, ["mary sandra", "john daniel"], ["mary john", "she he"]),
        (15, ["gertrude winona"], ["wolf cat", "mouse sheep", "wolves cats", "wolf wolves"]),
        (19, ["kitchen garden"], ["north south", "east west", "north east"]),
        (20, ["sumit yann"], ["hungry thirsty", "kitchen garden", "bored tired"]),
    ],
)
def test_what_can_be_swapped_is_found_and_nothing_else(task, together, apart):
    stories = generate(task, 300 if task == 19 else 500, 0)
    classes = find_classes(stories)
    assert [pair for pair in together if not joined(classes, *pair.split())] == []
    assert [pair for pair in apart if joined(classes, *pair.split())] == []
    # and an exact solver, which knows what the words mean, finds the renamed answers right
    for story in rename(stories, classes, "any"):
        for question, solution in zip(story.questions, solve(story), strict=True):
            assert (solution.answer, solution.supporting) == (question.answer, question.supporting)


def test_names_of_several_words_are_renamed_as_one():
    stories = generate(17, 1000, 0)
    classes = find_classes(stories)
    shapes = next(kind for kind in classes if "triangle" in kind)
    assert {"pink rectangle", "red square", "red sphere"} <= {*shapes}
    assert ["left of", "right of"] in classes
    for story, same in zip(rename(stories, classes, "any"), stories, strict=True):
        for question, solution in zip(story.questions, solve(story), strict=True):
            assert solution.answer == question.answer
        told = [shape for shape in shapes if any(shape in fact for fact in story.facts)]
        assert len(told) == len({*told}) == sum(any(shape in fact.lower() for fact in same.facts) for shape in shapes)


def test_phrases_are_words_that_never_part():
    facts = ["the box of nuts is in the red bag", "the box is on the red mat", "a cat sat on the red mat"] * 30
    story = [Story((fact,), (Question("Where is the cat?", "red mat", 1, (0,)),)) for fact in facts]
    # not `the` and `red`, which are everywhere; nor `box is` and others that part
    assert find_phrases(story) == [["box", "of", "nuts"], ["sat", "on"]]


def test_answers_of_several_words_are_phrases():
    """A name of two words is one in answers, too; but not where one of its words is an answer by itself."""
    rooms, answers_too = ["red room", "blue hall", "attic"], {"red room": "red"}
    for change in ({}, answers_too):
        stories = [
            Story((f"{who} is in {room}",), (Question(f"Where is {who}?", change.get(room, room), 1),))
            for who in ("ada", "bob")
            for room in rooms
            for _ in range(20)
        ]
        assert (["blue", "hall"] in find_phrases(stories), ["red", "room"] in find_phrases(stories)) == (
            True,
            not change,
        )


def test_a_word_with_an_underscore_is_one_word():
    places, people = ["new_york", "old_town", "paris", "rome"], ["_", "john", "mary"]
    draw = random.Random(0)
    stories = [
        Story(
            (f"{who} went to {where}.", f"{draw.choice(people)} slept well."),
            (Question(f"Where is {who}?", where, 2, (0,)),),
        )
        for who, where in ((draw.choice(people), draw.choice(places)) for _ in range(300))
    ]
    assert find_phrases(stories) == [["went", "to"], ["slept", "well"]]
    classes = find_classes(stories)
    assert classes == [people, places]
    assert {*answers(stories, classes)} == {*places}


def test_the_words_of_a_phrase_are_not_renamed_apart():
    story = Story(("The box of nuts is in the chest.",), (Question("Is the box in the chest?", "no", 1, (0,)),))
    for renamed in rename([story] * 8, [["box", "chest"], ["box of nuts"]], "seed"):
        assert renamed.facts[0] in ("the box of nuts is in the chest", "the box of nuts is in the box")
        assert renamed.questions[0].text in ("is the box in the chest", "is the chest in the box")
    (swapped,) = rename([story], [["box of nuts"], ["chest"]], "seed")
    assert swapped.facts == ("the box of nuts is in the chest",)


def test_of_few_stories_nothing_is_known():
    assert find_classes(generate(1, 100, 0)) == []


def test_one_difference_in_the_answers_keeps_words_apart():
    """Two words that do the same everywhere, but one is never the answer."""
    for answer in ("{}", "nobody"):
        stories = [
            Story((f"{name} sang.",), (Question("Who sang?", answer.format(name) if name == "b" else name, 1, (0,)),))
            for name in ["a", "b"] * 50
        ]
        assert find_classes(stories) == ([["a", "b"]] if answer == "{}" else [])


def test_words_are_renamed_everywhere_in_a_story():
    renamed = rename([STORY] * 40, CLASSES, "seed")
    assert len({story.facts for story in renamed}) == 6  # three things for the milk, two people for Mary
    for story in renamed:
        who, thing = story.questions[0].answer, words(story.facts[0])[-1]
        other = "john" if who == "mary" else "mary"
        assert story.facts == (f"{who} got the {thing}", f"{other} went home", f"{who} dropped the {thing}")
        assert [question.text for question in story.questions] == [f"who had the {thing}", f"what had {who}"]
        assert story.questions[1].answer.split(",")[0] == thing
        assert [(q.facts, q.supporting) for q in story.questions] == [(3, (0, 2)), (1, (0,))]


def test_the_seed_decides_and_every_story_has_its_own_order():
    assert rename([STORY] * 9, CLASSES, "one") == rename([STORY] * 9, CLASSES, "one")
    assert rename([STORY] * 9, CLASSES, "one") != rename([STORY] * 9, CLASSES, "two")
    assert len(set(rename([STORY] * 9, CLASSES, "one"))) > 1


def test_without_classes_a_story_is_as_it_was():
    (same,) = rename([STORY], [], "seed")
    assert [words(fact) for fact in same.facts] == [words(fact) for fact in STORY.facts]
    assert [answer_words(q.answer) for q in same.questions] == [answer_words(q.answer) for q in STORY.questions]


@given(st.text(max_size=8))
def test_every_renamed_answer_was_foreseen(seed):
    foreseen = answers([STORY], CLASSES)
    assert len(foreseen) == 2 + 6  # two people; two of three things in either order
    assert {question.answer for story in rename([STORY] * 5, CLASSES, seed) for question in story.questions} <= {
        *foreseen
    }


def test_answers_with_too_many_renamed_forms_are_not_listed():
    things = [f"t{number}" for number in range(9)]
    story = Story(("Many.",), (Question("Which?", ",".join(things), 1), Question("One?", "t0", 1)))
    assert answers([story], [things]) == things


def test_without_supporting_facts_compass_points_stay_what_their_letters_mean():
    stories = [story.unsupported() for story in generate(19, 900, 0)]
    classes = find_classes(stories)
    assert joined(classes, "kitchen", "garden")
    assert not joined(classes, "north", "south")
    assert not joined(classes, "east", "west")


@pytest.mark.parametrize("seed", [0, 1])
def test_without_supporting_facts_animals_stay_what_their_plurals_say(seed):
    stories = [story.unsupported() for story in generate(15, 900, seed)]
    assert find_classes(stories) == [["emily", "gertrude", "jessica", "winona"]]


@pytest.mark.parametrize("seed", [0, 1])
def test_one_large_distance_of_many_does_not_part_a_class(seed):
    """Of 300 stories the fifteen swaps of six places are up to 4.4 standard deviations from chance."""
    places = ["bathroom", "bedroom", "garden", "hallway", "kitchen", "office"]
    for stories in (generate(4, 300, seed), [story.unsupported() for story in generate(4, 300, seed)]):
        assert find_classes(stories)[0] == places


def foreign(stories, new):
    """Stories with other words."""

    def text(said):
        for old, other in new.items():
            said = said.replace(old, other)
        return said

    return [
        Story(
            tuple(map(text, story.facts)),
            tuple(Question(text(q.text), text(q.answer), q.facts) for q in story.questions),
        )
        for story in stories
    ]


def test_four_directions_in_one_place_of_the_sentence_are_two_pairs():
    """Only eight of the twenty-four permutations of left, right, above, below keep the answers of task 17 true."""
    new = {"to the left of": "vlevo", "to the right of": "vpravo", "above": "nad", "below": "pod"}
    classes = find_classes(foreign(generate(17, 1000, 0), new))
    assert ["vlevo", "vpravo"] in classes
    assert ["nad", "pod"] in classes


def test_a_class_is_one_only_if_all_its_permutations_are_symmetries(monkeypatch):
    """Were the swaps of all four taken for symmetries, permutations of the four would tell."""
    new = {"to the left of": "vlevo", "to the right of": "vpravo", "above": "nad", "below": "pod"}
    stories = foreign(generate(17, 1000, 0), new)
    phrases = renaming.find_phrases(stories)
    stories = [renaming._map(story, lambda text: renaming._join(text, phrases)) for story in stories]
    table = symmetry.table(stories, list(renaming._held(stories)))
    pairs = renaming._Group([("vlevo",), ("vpravo",)]), renaming._Group([("nad",), ("pod",)])
    group = renaming._Group([(word,) for word in new.values()], pairs)
    assert renaming._certain(group, table) == [[("vlevo",), ("vpravo",)], [("nad",), ("pod",)]]


def prose(stories, sentences=20, length=15, size=1500):
    """Stories of words by Zipf's law, as a book has them."""
    draw, known = random.Random(0), [f"w{number}" for number in range(size)]
    weights = [1 / (number + 1) for number in range(size)]

    def sentence(words):
        return " ".join(draw.choices(known, weights, k=words))

    facts = [tuple(sentence(length) for _ in range(sentences)) for _ in range(stories)]
    return [Story(told, (Question(sentence(8), sentence(1), sentences),)) for told in facts]


def test_the_work_is_limited_and_what_is_left_out_is_said(caplog, monkeypatch):
    monkeypatch.setattr(renaming, "WORK", 500_000)
    monkeypatch.setattr(symmetry, "TELLINGS", 300_000)
    find_classes(prose(60, length=8))
    (note,) = caplog.messages
    assert note.startswith("note: data.renamed: only ")


@pytest.mark.slow
def test_a_book_takes_no_more_than_its_budget():
    """300 stories were 9.3 GB, most of it tensors, and 86 s before there was one."""
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF)
    find_classes(prose(300))
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_maxrss - before.ru_maxrss < 700_000  # kB
    assert after.ru_utime - before.ru_utime < 60  # of a machine that does other things, too: 6 alone


def test_a_fact_that_shares_no_word_with_the_question_tells_of_its_words_too():
    """Ana < Ben: who is smaller? Swapped, < and > would make the answer the other one."""
    draw, stories = random.Random(0), []
    for _ in range(300):
        one, other = draw.sample(["Ana", "Ben", "Cem", "Dia"], 2)
        sign = draw.choice("<>")
        asked = Question("Who is smaller?", one if sign == "<" else other, 1)
        stories.append(Story((f"{one} {sign} {other}",), (asked,)))
    assert find_classes(stories) == [["ana", "ben", "cem", "dia"]]


# --- words with several forms


@pytest.mark.parametrize(
    ("grammar", "task", "together"),
    [
        ("inflected", 19, [("nopa", "nopu", "nopy"), ("movzeka", "movzeku", "movzeky")]),
        ("inflected", 17, [("nubujo", "nubuja"), ("mihevoye fatalo", "mihevogo fatala")]),
        ("verb-final", 2, [("pitula", "pitule"), ("hura donuva", "hura donuve")]),
        ("agglutinating", 2, [("gem", "geme"), ("dihgöv", "dihgöve")]),
    ],
)
def test_forms_of_a_word_are_renamed_together(grammar, task, together):
    stories = generate(task, 900, 0, grammar=grammar)
    classes = find_classes(stories)
    kinds = [{frozenset(member.split(FORM)) for member in kind} for kind in classes]
    assert any(set(map(frozenset, together)) <= kind for kind in kinds)
    alone = [member for kind in classes if len(kind) > 1 for member in kind if member in [*itertools.chain(*together)]]
    assert alone == []
    told = Retelling(grammar)
    for story in map(told.back, rename(stories, classes, "any")):
        for question, solution in zip(story.questions, solve(story), strict=True):
            assert solution is not None
            assert (solution.answer, len(solution.supporting)) == (question.answer, len(question.supporting))


def test_every_renamed_answer_with_forms_was_foreseen():
    classes = [["cat\tcats", "red fox\tred foxes"], ["mat"]]
    story = Story(("The cat sees two red foxes.",), (Question("Who sees?", "cat,red foxes", 1),))
    seen = {renamed.questions[0].answer for renamed in rename([story] * 20, classes, "seed")}
    assert seen == {"cat,red foxes", "red fox,cats"} == {*answers([story], classes)}
    facts = {renamed.facts[0] for renamed in rename([story] * 20, classes, "seed")}
    assert facts == {"the cat sees two red foxes", "the red fox sees two cats"}


def test_a_word_with_a_rare_form_that_others_lack_stays():
    name = {word: word[:3] for word in ("cat", "cats", "dog", "dogs", "doge", "owl", "owls")}
    every = {"cat": ["cat", "cats"], "dog": ["dog", "dogs", "doge"], "owl": ["owl", "owls"]}
    assert renaming._with_rare_forms([("cat",), ("dog",), ("owl",)], every, name) == [("cat", "cats"), ("owl", "owls")]
    assert renaming._with_rare_forms([("cat",), ("dog",)], every, name) == []
    assert renaming._with_rare_forms([("a",), ("b",)], {"a": ["a"], "b": ["b"]}, name) == [("a",), ("b",)]
