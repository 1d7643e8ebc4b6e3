"""The words that generated stories are told in: those of the real tasks, and a user's own from a YAML file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from dmn_cli.errors import DmnError


@dataclass(frozen=True, eq=False)
class Words:
    """What sentences are made of.

    Attributes:
        people: each name and its pronoun, ``she`` or ``he``.
        places: where people go; the nodes of the maps of tasks 4 and 19.
        objects: what they carry.
        moves: verbs before ``to the garden``.
        gets: verbs before ``the milk``: to take.
        drops: the same: to put down.
        gives: verbs before ``the milk to Mary``.
        names: of the animals of tasks 15 and 16.
        species: of task 15, singular and plural.
        animals: the species of task 16.
        colours: theirs.
        shapes: the things of task 17.
        sizes: the things of task 18, from small to large; which of those in one tuple is larger differs by story.
        motives: of task 20: the mood, where it leads, what is got there.
    """

    people: Mapping[str, str]
    places: tuple[str, ...]
    objects: tuple[str, ...]
    moves: tuple[str, ...]
    gets: tuple[str, ...]
    drops: tuple[str, ...]
    gives: tuple[str, ...]
    names: tuple[str, ...]
    species: Mapping[str, str]
    animals: tuple[str, ...]
    colours: tuple[str, ...]
    shapes: tuple[str, ...]
    sizes: tuple[tuple[str, ...], ...]
    motives: Mapping[str, tuple[str, str]]


ENGLISH = Words(
    people={"John": "he", "Mary": "she", "Sandra": "she", "Daniel": "he"},
    places=("bathroom", "bedroom", "garden", "hallway", "kitchen", "office"),
    objects=("apple", "football", "milk"),
    moves=("moved", "went", "went back", "journeyed", "travelled"),
    gets=("took", "got", "grabbed", "picked up"),
    drops=("dropped", "discarded", "left", "put down"),
    gives=("gave", "handed", "passed"),
    names=("Gertrude", "Winona", "Emily", "Jessica"),
    species={"mouse": "mice", "wolf": "wolves", "cat": "cats", "sheep": "sheep"},
    animals=("frog", "lion", "rhino", "swan"),
    colours=("gray", "green", "white", "yellow"),
    shapes=("triangle", "pink rectangle", "blue square", "red square", "red sphere", "yellow square"),
    sizes=(("chocolate",), ("box of chocolates",), ("box", "chest", "container", "suitcase")),
    motives={
        "thirsty": ("kitchen", "milk"),
        "hungry": ("kitchen", "apple"),
        "tired": ("bedroom", "pajamas"),
        "bored": ("garden", "football"),
    },
)

_OUT: dict[str, Any] = {
    "people": {"Mary": "she", "Bill": "he", "Fred": "he", "Julie": "she"},
    "places": ("bedroom", "cinema", "kitchen", "office", "park", "school"),
}
CASTS: dict[int, dict[str, Any]] = {
    5: {"people": {"Mary": "she", "Fred": "he", "Bill": "he", "Jeff": "he"}},
    10: _OUT,
    14: _OUT,
    16: {"names": ("Lily", "Bernhard", "Greg", "Julius", "Brian")},
    20: {"people": {"Sumit": "he", "Jason": "he", "Antoine": "he", "Yann": "he"}},
}
"""What the real files of a task name differently."""

Changes = Mapping[str, Any]
"""Fields of ``Words`` that a user's file replaces."""


def words_for(task: int, changes: Changes | None = None) -> Words:
    """The words of a task: those of its real files, and in their place what the user's file has."""
    return replace(ENGLISH, **{**CASTS.get(task, {}), **(changes or {})})


def read_words(path: Path) -> dict[str, Any]:
    """Read a words file: YAML, any of the fields of ``Words``.

    Raises:
        DmnError: with all errors, one a line, each with its file, line and column.
    """
    from dmn_cli.config import parse

    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DmnError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DmnError(f"{path}: not UTF-8 text") from error
    layer = parse(text, str(path))
    known = [field.name for field in fields(Words)]
    hint = f"a words file may hold: {', '.join(known)}"
    if not isinstance(layer.values, dict) or not layer.values:
        raise DmnError(f"{path}: expected `places: [cellar, roof]` and the like", hint)
    errors = [str(fault) for fault in layer.faults]
    changes: dict[str, Any] = {}
    for key, value in layer.values.items():
        if key not in known:
            errors.append(f"{layer.places[key,]} {key}: no such field")
            continue
        try:
            changes[key] = _field(key, value)
        except ValueError as error:
            errors.append(f"{layer.places[key,]} {key}: {error}")
    if errors:
        raise DmnError("\n".join(errors), hint)
    return changes


def _field(key: str, value: object) -> Any:
    if key == "people":
        people = _mapping(value, "Mary: she")
        if any(pronoun not in ("she", "he") for pronoun in people.values()):
            raise ValueError("each name wants `she` or `he`")
        return people
    if key == "species":
        species = _mapping(value, "mouse: mice")
        return dict(zip(species, _list(list(species.values())), strict=True))
    if key == "motives":
        motives = _mapping(value, "thirsty: [kitchen, milk]")
        pairs = {mood: _list(pair) for mood, pair in motives.items()}
        if any(len(pair) != 2 for pair in pairs.values()):
            raise ValueError("each wants a place and an object, e.g. `thirsty: [kitchen, milk]`")
        if len({thing for _, thing in pairs.values()}) < len(pairs):
            raise ValueError("each wants an object of its own")
        return pairs
    if key == "sizes" and isinstance(value, list):
        sizes = tuple(_list(item if isinstance(item, list) else [item]) for item in value)
        _list([thing for alike in sizes for thing in alike])
        return sizes
    return _list(value)


def _mapping(value: object, example: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise ValueError(f"expected `{example}`, …")
    _list(list(value))
    return value


def _list(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("expected a list of words")
    for item in value:
        if not isinstance(item, str) or not re.fullmatch(r"[^\W_][\w'’-]*( [\w'’-]+)*", item):
            raise ValueError(f"{item!r} is not a word, nor words with single spaces between them")
    twice = [item for item in value if [other.lower() for other in value].count(item.lower()) > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} stands there twice")
    return tuple(value)
