"""From plain values to a config, or to all that is wrong with them."""

import difflib
import functools
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from dmn_cli.config.parse import Fault, Key, Layer, Place, scalar, shown
from dmn_cli.config.schema import Config, conflicts
from dmn_cli.errors import DmnError

MOST = 30
"""Errors shown of one config."""

RENAMED: dict[Key, str] = {("model", "gate", "ordered"): "by-order"}
"""Values that had other names."""

ELSEWHERE: dict[Key, str] = {("model", "code"): "model.memory: my.py:MyMemory"}
"""What may be looked for under a key that there is not, and how it is written."""

REMOVED: dict[Key, object] = {("train", "warmup"): 0}
"""Keys that are gone, and the value at which they did nothing."""


def build(layer: Layer, name: Place) -> Config:
    """The config of a layer; the errors of all kinds are gathered and raised as one."""
    faults = list(layer.faults)
    try:
        config = Config.model_validate(layer.values)
    except ValidationError as error:
        found = _invalid(error)
        faults += [Fault(_where(key, layer, name), key, _explain(key, value, kind)) for key, value, kind in found]
        wrong = {key[:2] for key, _, _ in found}
        config = Config.model_validate(_without(layer.values, wrong))
    wrong = {fault.key[:2] for fault in faults}
    for mend, depends, what in conflicts(config):
        keys: list[Key] = [tuple(mend.split(".")), tuple(depends.split("."))]
        if not any(key in wrong or key[:1] in wrong for key in keys):
            place = next((layer.places[key] for key in keys if key in layer.places), name)
            faults.append(Fault(place, keys[0], what))
    if faults:
        lines = list(dict.fromkeys(str(fault) for fault in sorted(faults, key=lambda fault: fault.place)))
        more = [f"… and {len(lines) - MOST} more errors"] if len(lines) > MOST else []
        lost = any(line.endswith("unknown key") for line in lines)
        hint = "`dmn config reference` explains all keys" if lost else ""
        raise DmnError("\n".join(lines[:MOST] + more), hint)
    return config


def _invalid(error: ValidationError) -> list[tuple[Key, Any, str]]:
    """The key, value and kind of each error; of the errors of a union's members only the deepest."""
    found: dict[Key, tuple[Any, str]] = {}
    for item in error.errors(include_url=False, include_context=False):
        at = item["loc"]
        key: Key = (*(str(part) for part in at[:2]), *(part for part in at[2:] if isinstance(part, int)))
        found.setdefault(key, (item["input"], item["type"]))
    return [
        (key, *rest)
        for key, rest in found.items()
        if not any(other[: len(key)] == key for other in found if other != key)
    ]


def _without(values: dict[str, Any], wrong: set[Key]) -> dict[str, Any]:
    """The values but for the wrong ones, to see whether the others fit each other."""
    sections = {name: keys for name, keys in values.items() if not {(), (str(name),)} & wrong}
    return {
        name: {key: value for key, value in keys.items() if (str(name), str(key)) not in wrong}
        for name, keys in sections.items()
    }


def _where(key: Key, layer: Layer, name: Place) -> Place:
    return layer.places.get(key) or layer.places.get(key[:2], name)


def _explain(key: Key, value: object, kind: str) -> str:
    """What is wrong with a value: what was expected, what stands there, and a guess at what was meant."""
    if not key:  # a key that is not even text, e.g. half of a surrogate pair
        return f"unknown key {shown(value)}"
    if kind in ("extra_forbidden", "invalid_key"):
        if key in REMOVED:
            return f"there is no such key any more; leave it out (it was {REMOVED[key]} by default)"
        if key in ELSEWHERE:
            return f"there is no such key; a class of your own is written as in `{ELSEWHERE[key]}`"
        return f"unknown key{_nearest_key(key)}" if key != ("base",) else "only a file can name its base"
    accepted = options(schema_of(key))
    text = f"expected {either(accepted)}, not {shown(value)}"
    if isinstance(value, str) and type(scalar(value)) in (int, float) and "number" in text:
        return f"{text}; write it without quotes"
    if isinstance(value, int | float) and "text" in accepted:
        return f"{text}; write it in quotes"
    if not isinstance(value, str):
        return text
    now = RENAMED.get((*key, value))
    return f"{text}; it is called {now} now" if now else text + did_you_mean(value, accepted)


def _nearest_key(key: Key) -> str:
    """`; did you mean …?` for an unknown key: one of its section, else one of another section."""
    *section, name = (str(part) for part in key)
    names = {f"{title}.{key}" for title in Config.model_fields for key in schema_of((title,))["properties"]}
    if not section and name in names:
        return f"; write `{name.split('.')[0]}:` and below it, indented, `{name.split('.')[1]}:`"
    here = {known.partition(".")[2] for known in names if known.partition(".")[0] in section}
    found = did_you_mean(name, here if section else Config.model_fields)
    if found:
        return found
    dotted = {known.partition(".")[2]: known for known in names}
    close = nearest(name, dotted)
    return f"; did you mean {dotted[close]}?" if close else ""


def schema_of(key: Key) -> dict[str, Any]:
    """The JSON schema of a section or of one of its keys."""
    section = _schemas()[getattr(Config.model_fields[str(key[0])].annotation, "__name__", "")]
    return section["properties"][key[1]] if len(key) > 1 else section


@functools.cache
def _schemas() -> dict[str, dict[str, Any]]:
    return Config.model_json_schema()["$defs"]  # type: ignore[no-any-return]


def options(schema: dict[str, Any]) -> list[str]:
    """What a key accepts, in words."""
    if "anyOf" in schema:
        return [option for member in schema["anyOf"] for option in options(member)]
    if "const" in schema or "enum" in schema:
        return [str(option) for option in schema.get("enum", [schema.get("const")])]
    kind = schema["type"]
    if kind == "object":
        key, first = next(iter(schema["properties"].items()))
        return [f"lines such as `{key}: {first['default']}`"]
    if kind == "array":
        return [*options(schema["items"]), "a list of them"]
    if kind in ("integer", "number"):
        return [("a whole number" if kind == "integer" else "a number") + _range(schema)]
    return {"boolean": ["true", "false"], "null": ["null"], "string": list(schema.get("examples", ["text"]))}[kind]


def choices(schema: dict[str, Any]) -> list[str]:
    """The values of a key that has a list of them, among others perhaps."""
    if "anyOf" in schema:
        return [choice for member in schema["anyOf"] for choice in choices(member)]
    if schema.get("type") == "boolean":
        return ["true", "false"]
    return [str(choice) for choice in schema.get("enum", [schema["const"]] if "const" in schema else [])]


def _range(schema: dict[str, Any]) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']} to {schema['maximum']}"
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[bound]:g}" for bound, sign in signs.items() if bound in schema]
    return " " + " and ".join(bounds)


def meaning(schema: dict[str, Any]) -> str:
    return " ".join(schema.get("description", "").split())


def either(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    close = nearest(word, known)
    return f"; did you mean {close}?" if close else ""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The most similar word, or the one whose initials these are: lr for learning_rate."""
    known = sorted(known)
    close = difflib.get_close_matches(word.lower()[:100], known, n=1)
    initials = [name for name in known if "_" in name and "".join(part[:1] for part in name.split("_")) == word]
    return next(iter(close + initials), None)


def from_plain(values: object, name: str = "config") -> Config:
    """The config that ``plain`` gave, in this version or an earlier one.

    Args:
        values: sections of keys.
        name: what to call it in errors, e.g. the checkpoint's path.

    Raises:
        DmnError: with all errors at once, one a line.
    """
    if not isinstance(values, dict):
        raise DmnError(f"{name}: expected the sections of a config, not {shown(values)}")
    return build(Layer(_renewed(values)), Place(name))


def _renewed(values: dict[str, Any]) -> dict[str, Any]:
    """The values with the names of today, and without removed keys that did nothing."""
    sections = {name: dict(keys) if isinstance(keys, dict) else keys for name, keys in values.items()}
    for section, keys in sections.items():
        if not isinstance(keys, dict):
            continue
        for key, value in list(keys.items()):
            at = (section, key)
            if at in REMOVED and type(value) is type(REMOVED[at]) and value == REMOVED[at]:
                del keys[key]
            elif isinstance(value, str):
                keys[key] = RENAMED.get((*at, value), value)
    return sections
