"""Other words for generated stories."""

from dataclasses import fields
from pathlib import Path

import pytest

from dmn_cli.babi.tasks import TASKS
from dmn_cli.errors import DmnError
from dmn_cli.generator.check import check
from dmn_cli.generator.generate import generate
from dmn_cli.generator.words import ENGLISH, read_words, words_for
from tests.conftest import ROOT

SHIP = """
people: {Ada: she, Grace: she, Alan: he, Kurt: he, Noether: she}
places: [engine room, bridge, cabin, galley, deck, mast, hold, on]
objects: [rope, brass key, map]
moves: [ran, climbed down, climbed]
gets: [stole]
drops: [lost, threw away]
gives: [sold]
names: [Otto, Ulla, Ivo, Eda, Max]
species: {owl: owls, fox: foxes, ant: ants}
animals: [owl, eel]
colours: [blue, dark red]
shapes: [ring, big cube, small cube]
sizes: [pea, [nut, egg], ship, sea]
motives: {sleepy: [cabin, blanket], curious: [mast, spyglass]}
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("task", TASKS)
def test_every_task_can_be_told_in_other_words(task: int, tmp_path: Path) -> None:
    words = read_words(write(tmp_path / "ship.yaml", SHIP))
    stories = generate(task, 60, 0, words=words)
    checked = check(stories, words=words_for(task, words))
    assert checked.findings == []
    assert checked.answers == checked.supporting == 60
    text = " ".join(fact.lower() for story in stories for fact in story.facts)
    known = [*ENGLISH.people, *ENGLISH.places, *ENGLISH.objects, *ENGLISH.names, *ENGLISH.animals, *ENGLISH.shapes]
    assert not [word for word in known if f" {word.lower()} " in f" {text} "]


def test_more_words_than_in_the_real_files_are_drawn_by_story(tmp_path: Path) -> None:
    words = read_words(write(tmp_path / "ship.yaml", SHIP))
    stories = generate(1, 250, 0, words=words)
    people = [{fact.split()[0] for fact in story.facts} for story in stories]
    assert set.union(*people) == {"Ada", "Grace", "Alan", "Kurt", "Noether"}
    assert max(map(len, people)) == 4
    assert (
        max(len({fact.split()[0] for fact in story.facts}) for story in generate(1, 250, 0, words=words, entities=5))
        == 5
    )


def test_some_fields_are_enough(tmp_path: Path) -> None:
    words = read_words(write(tmp_path / "w.yaml", "objects: [rope]"))
    assert words == {"objects": ("rope",)}
    assert words_for(5, words).people == words_for(5).people


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "{}: expected `places: [cellar, roof]` and the like"),
        ("- places", "{}: expected `places: [cellar, roof]` and the like"),
        ("place: [a]", "{}:1:1 place: no such field"),
        ("places: cellar", "{}:1:1 places: expected a list of words"),
        ("places: []", "{}:1:1 places: expected a list of words"),
        ("places: [a, 7]", "{}:1:1 places: 7 is not a word, nor words with single spaces between them"),
        ("places: ['a,b']", "{}:1:1 places: 'a,b' is not a word, nor words with single spaces between them"),
        ("places: [a, A]", "{}:1:1 places: 'a' stands there twice"),
        ("people: [Ada]", "{}:1:1 people: expected `Mary: she`, …"),
        ("people: {Ada: it}", "{}:1:1 people: each name wants `she` or `he`"),
        ("people: {Ada: [she]}", "{}:1:1 people: each name wants `she` or `he`"),
        ("species: {mouse: 3}", "{}:1:1 species: 3 is not a word, nor words with single spaces between them"),
        ("motives: {sad: [bed]}", "{}:1:1 motives: each wants a place and an object, e.g. `thirsty: [kitchen, milk]`"),
        ("motives: {sad: [a, b], mad: [c, b]}", "{}:1:1 motives: each wants an object of its own"),
        ("sizes: [a, [b, a]]", "{}:1:1 sizes: 'a' stands there twice"),
        ("places: [a]\nplaces: [b]\nx: 1", "{0}:2:1 places: written twice, first in line 1\n{0}:3:1 x: no such field"),
    ],
)
def test_errors_say_where(text: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "w.yaml", text)
    with pytest.raises(DmnError) as caught:
        read_words(path)
    assert caught.value.message == message.format(path)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DmnError, match="cannot be read: No such file"):
        read_words(tmp_path / "none.yaml")
    (tmp_path / "w.yaml").write_bytes(b"places: [\xff]")
    with pytest.raises(DmnError, match="not UTF-8 text"):
        read_words(tmp_path / "w.yaml")


def test_the_example_of_the_docs(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "generator.md").read_text(encoding="utf-8")
    words = read_words(write(tmp_path / "w.yaml", text.split("```yaml\n")[1].split("```")[0]))
    assert set(words) == {field.name for field in fields(ENGLISH)}
    for task in TASKS:
        assert check(generate(task, 20, 0, words=words), words=words_for(task, words)).findings == []
