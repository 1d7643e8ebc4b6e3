"""The pages of ``--help``: wrapped at words at any width; verbs in groups, each with an example.

An example is the epilog of a verb; the group is its ``rich_help_panel``.
"""

import inspect
import re
from typing import Any

from typer.core import TyperCommand, TyperGroup

from dmn_cli.cli.text import NARROW, columns, wrapped

KINDS = {"int range": "N", "int": "N", "list[int]": "N", "str": "TEXT"}
"""What stands for a value, by its type."""

LONG_NAME = 26
"""Characters of a name; the meaning of a longer one stands below it."""


class Command(TyperCommand):
    """A verb."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(_page(self, ctx))


class Group(TyperGroup):
    """A verb that has verbs."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(_page(self, ctx))


def _page(command: Command | Group, ctx: Any) -> str:
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    parts = [wrapped(f"Usage: {usage}", hanging="    "), wrapped(_paragraphs(command.help or ""))]
    for kind in ("argument", "option"):
        parameters = [param for param in command.get_params(ctx) if param.param_type_name == kind]
        records = [record for param in parameters if (record := param.get_help_record(ctx))]
        if records:
            parts.append("\n".join([f"{kind.capitalize()}s:", *(_entry(*record) for record in records)]))
    if isinstance(command, Group):
        parts += _verbs(command, ctx)
    return "\n\n".join([*parts, *([wrapped(command.epilog)] if command.epilog else [])])


def _verbs(group: Group, ctx: Any) -> list[str]:
    """The verbs under the headings of their groups: the first sentence of each, and its example."""
    found: dict[str, list[str]] = {}
    for name in group.list_commands(ctx):
        verb = group.get_command(ctx, name)
        if verb is not None and not verb.hidden:
            sentence = re.split(r"(?<=\.)\s", _paragraphs(verb.help or ""))[0]
            example = (verb.epilog or "").removeprefix("Example: ")
            lines = [f"  {name}", wrapped(sentence, "      ")]
            lines += [wrapped(example, "      $ ", "        ")] if example else []
            panel = getattr(verb, "rich_help_panel", None)
            found.setdefault(panel if isinstance(panel, str) else "Commands", []).extend(lines)
    return ["\n".join([f"{heading}:", *lines]) for heading, lines in found.items()]


def _paragraphs(text: str) -> str:
    """A docstring with each paragraph on one line."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _entry(name: str, meaning: str) -> str:
    """An option or an argument, and what it means."""
    if name[0] != "-":
        name = re.sub(" *<.*?>", "", name)  # an argument's name says what it is
    name = "  " + re.sub("<(.*?)>", lambda kind: KINDS.get(kind[1], kind[1].upper()), name)
    meaning = " ".join(meaning.split())
    if columns() < NARROW:
        return "\n".join([wrapped(name, hanging="      "), wrapped(meaning, "      ")])
    beside = " " * (LONG_NAME + 4)
    if len(name) > LONG_NAME + 2:
        return "\n".join([wrapped(name, hanging="      "), wrapped(meaning, beside)])
    return wrapped(meaning, f"{name:<{LONG_NAME + 4}}", beside)
