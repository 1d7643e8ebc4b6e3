"""YAML text: its values, and the place of each of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from dmn_cli.errors import DmnError

DEEPEST = 8
"""Levels of nesting; a config has three."""

Key = tuple[str | int, ...]  # ("model", "gate"); ("data", "tasks", 0)


class Place(NamedTuple):
    """Where a value was written: a file's line and column (from 1), ``--set``, or a name alone."""

    name: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.name}:{self.line}:{self.column}" if self.line else self.name


class Fault(NamedTuple):
    """One error of a config."""

    place: Place
    key: Key
    what: str

    def __str__(self) -> str:
        keys = ".".join(name_of(part) for part in self.key if isinstance(part, str))
        return f"{self.place} {keys}: {self.what}" if keys else f"{self.place}: {self.what}"


@dataclass
class Layer:
    """What a file says: its values, the place of every key and list item, and the errors found on the way."""

    values: Any = None
    places: dict[Key, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def parse(text: str, name: str) -> Layer:
    """Read YAML, which here means: mappings, lists, numbers, true and false, null, text; no anchors, aliases or tags.

    Args:
        text: one document.
        name: what to call it in errors.

    Raises:
        DmnError: this is not YAML, or more than is meant here; the message starts with ``name:line:column``.
    """
    layer = Layer()
    try:
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if () in layer.places:
                    raise DmnError(f"{_place(event, name)}: a second document (`---`) where one is expected")
                first = next(events)
                layer.places[()] = _place(first, name)
                layer.values = _value(first, events, (), layer)
    except yaml.reader.ReaderError as error:
        before = text[: error.position].split("\n")
        place = Place(name, len(before), len(before[-1]) + 1)
        raise DmnError(f"{place}: not text: character {error.character!r}") from error
    except yaml.MarkedYAMLError as error:
        raise DmnError(_syntax(error, text, name)) from error
    except (ValueError, OverflowError) as error:  # an escape such as "\UFFFFFFFF"
        raise DmnError(f"{name}: not valid YAML: a character code or a version out of range") from error
    return layer


def _place(event: yaml.Event, name: str) -> Place:
    mark = event.start_mark
    assert mark is not None
    return Place(name, mark.line + 1, mark.column + 1)


def _value(event: yaml.Event, events: Iterator[yaml.Event], key: Key, layer: Layer) -> Any:
    """The value that starts with an event; the rest of its events are taken from ``events``."""
    name = layer.places[()].name
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
        raise DmnError(f"{_place(event, name)}: anchors (&), aliases (*) and tags (!) are not used in a config")
    if len(key) > DEEPEST:
        raise DmnError(f"{_place(event, name)}: nested too deep for a config")
    if isinstance(event, yaml.ScalarEvent):
        if re.search("[\ud800-\udfff]", event.value):  # by an escape such as "\ud800"
            raise DmnError(f"{_place(event, name)}: not text: half of a surrogate pair")
        return scalar(event.value) if event.style is None else event.value
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            item = (*key, len(items))
            layer.places[item] = _place(event, name)
            items.append(_value(event, events, item, layer))
        return items
    values: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        place = _place(event, name)
        if not isinstance(event, yaml.ScalarEvent):
            raise DmnError(f"{place}: expected `key: value`")
        inner = (*key, event.value)
        if event.value in values:
            layer.faults.append(Fault(place, inner, f"written twice, first in line {layer.places[inner].line}"))
            _value(next(events), events, inner, Layer(None, {(): place}))
        else:
            layer.places[inner] = place
            values[event.value] = _value(next(events), events, inner, layer)
    return values


def scalar(text: str) -> str | int | float | bool | None:
    """What unquoted text means; unlike in YAML 1.1, ``1e-3`` is a number, and ``no``, ``on`` and dates are text."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        return int(text)
    if re.fullmatch(r"[-+]?[0-9]{310,}", text):  # more than any float: stays as it is written
        return text
    if re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", text):
        return float(text)
    if re.fullmatch(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", text):
        return float(text.replace(".", ""))
    return text


def _syntax(error: yaml.MarkedYAMLError, text: str, name: str) -> str:
    """One line for a syntax error, in plainer words than the YAML reader's where it is a frequent one."""
    mark = error.problem_mark or error.context_mark
    if error.context == "while scanning a quoted scalar":
        mark = error.context_mark  # where the quote opens
    place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name)
    problem = error.problem or "unknown error"
    if mark and text[mark.index : mark.index + 1] == "\t":
        return f"{place}: a tab; indent with spaces"
    misfit = "this does not fit what stands above; is the indentation right?"
    plainer = {
        "expected <block end>": misfit,
        "expected '<document start>'": misfit,
        "mapping values are not allowed": "a second `:` (is the indentation right? text with `: ` wants quotes)",
        "could not find expected ':'": "expected `key: value`",
        "found unexpected end of stream": "a quote that is not closed",
        "found character '\\t'": "a tab; indent with spaces",
        "found character": "text that starts with this sign wants quotes",
    }
    for start, words in plainer.items():
        if problem.startswith(start):
            return f"{place}: {words}"
    problem = problem.replace("'<stream end>'", "the end").replace("the node content", "a value")
    return f"{place}: not valid YAML: {problem}"


def shown(value: object) -> str:
    """A value as a user wrote it, on one line and not too long."""
    if isinstance(value, dict | list):
        return ("an empty " if not value else "a ") + ("list" if isinstance(value, list) else "mapping")
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value).replace("\n", " ")
    return text if len(text) <= 50 else f"{text[:49]}…"


def name_of(key: str) -> str:
    return key if key.isprintable() and 0 < len(key) <= 200 else shown(key)
