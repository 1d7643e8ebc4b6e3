"""Forms of one word: found by spelling and by where they stand, and nothing else taken for them."""

import pytest

from dmn_cli.babi.tasks import TASKS
from dmn_cli.data import forms
from dmn_cli.data.forms import find
from dmn_cli.generator.generate import generate
from dmn_cli.generator.retell import Retelling


def texts(*sentences):
    return [sentence.split() for sentence in sentences]


def test_two_stems_with_the_same_endings_are_forms():
    found = find(texts("the cat sleeps", "all cats sleep", "the dog is old", "all dogs are old"))
    assert (found.pop("sleep"), found.pop("sleeps")) == ("sleep", "sleep")
    assert found == {"cat": "cat", "cats": "cat", "dog": "dog", "dogs": "dog"}


def test_one_stem_alone_says_nothing():
    assert find(texts("then they went", "the cat", "there is one")) == {}


def test_what_can_stand_in_the_same_sentence_is_no_form():
    rooms = "rooma", "roomb", "halla", "hallb"
    assert find(texts(*(f"john went to {room}" for room in rooms))) == {}
    assert find(texts("to nopa", "at nopu", "to tuka", "at tuku")) != {}
    assert find(texts("to nopa", "at nopu", "to tuka", "to tuku")) == {"nopa": "nopa", "nopu": "nopa"}


@pytest.mark.parametrize("names", [("item1", "item2", "box1", "box2"), ("it_a", "it_b", "bx_a", "bx_b")])
def test_numbers_and_signs_are_no_endings(names):
    assert find(texts(*(f"{at} is {name}" for at, name in zip("abcd", names, strict=True)))) == {}


def test_three_forms_have_one_name_whatever_comes_first():
    told = texts("a nopa", "b nopu", "c nopy", "a tuka", "b tuku", "d tuky")
    for order in (told, told[::-1]):
        assert {find(order)[word] for word in ("nopa", "nopu", "nopy")} == {"nopa"}


@pytest.mark.parametrize("task", [task for task in TASKS if task != 18])
def test_english_has_none(task):
    """Task 18 has *fit*, *fits* and *chocolate*, *chocolates*."""
    assert forms.of_stories(generate(task, 1000, 0)) == {}


@pytest.mark.parametrize("grammar", ["verb-final", "inflected", "agglutinating"])
@pytest.mark.parametrize("task", [1, 2, 3, 5, 7, 15, 17, 19, 20])
def test_forms_have_one_stem(grammar, task):
    """What the lexicon of a grammar says: words of one name are of one word of English."""
    stem = Retelling(grammar).lexicon.stems.values()
    named = {}
    for word, name in forms.of_stories(generate(task, 1000, 0, grammar=grammar)).items():
        if name not in ("kim", "koi"):  # who?
            (own,) = (one for one in stem if word.startswith(one))
            assert named.setdefault(name, own) == own
    assert named
