"""Configs for a reader: all keys explained, a config in full, what differs, which there are."""

import re
import textwrap
from pathlib import Path
from typing import Any

import yaml

from dmn_cli.config.check import choices, either, meaning, options, schema_of
from dmn_cli.config.parse import scalar
from dmn_cli.config.read import shipped
from dmn_cli.config.schema import Config, plain


def differing(old: Config, new: Config) -> list[tuple[str, str, str]]:
    """The keys in which two configs differ, each with its two values as YAML writes them."""
    before, after = plain(old), plain(new)
    return [
        (f"{section}.{key}", _written(value), _written(after[section][key]))
        for section, keys in before.items()
        for key, value in keys.items()
        if value != after[section][key]
    ]


def differences(old: Config, new: Config) -> str:
    """The same on one line, ``train.seed 0 → 5, …``; "" if there are none."""
    return ", ".join(f"{key} {before} → {after}" for key, before, after in differing(old, new))


class _Dumper(yaml.SafeDumper):
    """Writes what ``parse`` reads: text that would not be text without quotes gets them; lists on one line."""


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if scalar(text) == text else '"')


def _write_list(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)


_Dumper.add_representer(str, _write_text)
_Dumper.add_representer(list, _write_list)


def _written(value: object) -> str:
    return yaml.dump(value, Dumper=_Dumper, width=float("inf"), allow_unicode=True).removesuffix("...\n").strip()


def dump(config: Config, comments: bool = False, width: int = 110) -> str:
    """The config as YAML, every key written out; ``load`` gives it back.

    Args:
        config: any.
        comments: explain every key above it.
        width: of the explanations, in characters.
    """
    text = ""
    for section, keys in plain(config).items():
        schema = schema_of((section,))
        lines: list[str] = []
        for key, value in keys.items():
            about = schema["properties"][key]
            values = f" ({either(options(about))})" if "enum" in about or "enum" in about.get("anyOf", [{}])[0] else ""
            lines += textwrap.wrap(f"# {meaning(about)}{values}", width - 2, subsequent_indent="# ") if comments else []
            lines.append(
                yaml.dump({key: value}, Dumper=_Dumper, width=float("inf"), allow_unicode=True).removesuffix("\n")
            )
        text += f"# {schema['description']}\n" if comments else ""
        text += f"{section}:\n" + textwrap.indent("\n".join(lines) + "\n", "  ")
    return text


def reference() -> str:
    """All keys in Markdown, from the schema; the documentation holds it."""
    lines = [
        "A config is a YAML file; what it leaves out has the default. It may start with `base: other.yaml`: then what",
        "it leaves out is as in that file, which stands beside it or is found by its name as any config is.",
    ]
    for section in Config.model_fields:
        schema = schema_of((section,))
        lines += [
            "",
            f"### `{section}`",
            "",
            schema["description"],
            "",
            "| key | value | default | meaning |",
            "|---|---|---|---|",
        ]
        for key, about in schema["properties"].items():
            default = _written(about["default"])
            lines.append(f"| `{section}.{key}` | {either(options(about))} | `{default}` | {meaning(about)} |")
    return "\n".join(lines) + "\n"


def listed() -> list[tuple[Path, str]]:
    """The configs in ``configs/`` and those that come with the package, each with the line that describes it."""
    found: dict[Path, tuple[Path, str]] = {}
    for folder in (Path("configs"), shipped()):
        for path in sorted(folder.glob("*.yaml"), key=_by_number):
            try:
                text = path.read_text("utf-8", "replace")
            except OSError:  # a folder, or not ours to read
                continue
            comments = [line[1:].strip() for line in text.splitlines() if line[:1] == "#"]
            about = next((line for line in comments if line and not line.startswith("dmn ")), "")
            found.setdefault(path.resolve(), (path, about))
    return list(found.values())


def _by_number(path: Path) -> list[tuple[int, str]]:
    """task2 before task10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split("([0-9]+)", path.name)]


def all_keys() -> list[tuple[str, list[str], str]]:
    """Every key: its dotted name, the values that can be listed (none for numbers and text), what it means."""
    found = []
    for section in Config.model_fields:
        for key, about in schema_of((section,))["properties"].items():
            found.append((f"{section}.{key}", choices(about), meaning(about)))
    return found
