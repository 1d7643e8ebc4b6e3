"""What the documentation site takes from the code when it is built: commands, config keys, results.

`python docs/hooks.py` puts the line numbers of how-it-works.md right.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
PLACE = re.compile(r"`(?P<file>dmn_cli/\S+?\.py):(?P<line>\d+)` `(?P<where>[\w.]+)` `(?P<code>[^`]+)`")
"""A line of code in how-it-works.md: file and line, function, and what stands there."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """MkDocs: fill in what `<!-- made: NAME -->` asks for."""
    return re.sub(r"<!-- made: (\w+) -->", lambda match: MADE[match[1]](), markdown)


def config_keys() -> str:
    """All config keys."""
    from dmn_cli.config import reference

    return reference().replace("### ", "## ")


def configs() -> str:
    """The configs that come with dmn, but those of single tasks."""
    from dmn_cli.config.read import shipped

    rows = []
    for path in sorted(shipped().glob("*.yaml")):
        about = [line[2:] for line in path.read_text("utf-8").splitlines() if line.startswith("# ")][1]
        rows += [f"| `{path.name}` | {about} |"] if not re.fullmatch(r"task\d+\.yaml", path.name) else []
    return "\n".join(["| config | what it is |", "|---|---|", *rows])


def commands() -> str:
    """All commands with their options."""
    import typer

    from dmn_cli.cli.app import app

    return "\n".join(_described("dmn", typer.main.get_command(app)))


def _described(name: str, command: Any) -> Iterator[str]:
    context = command.make_context(name, [], resilient_parsing=True)
    inner = getattr(command, "commands", {})
    if inner:
        for word, one in inner.items():
            yield from _described(f"{name} {word}", one)
        return
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"## `{name}`\n\n{_plain(command.help)}\n\n```text\n{name} {usage}\n```\n\n| option | meaning |\n|---|---|"
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[0] != "--help":
            yield "| {} | {} |".format(*(_plain(text).replace("|", "\\|") for text in (f"`{record[0]}`", record[1])))
    yield ""


def _plain(text: str | None) -> str:
    """Help as Markdown: signs that are tags there are code here."""
    return re.sub(r"(?<!`)<(\w[\w ]*)>(?!`)", r"`\1`", (text or "").replace("\b", "").strip())


MADE = {"config_keys": config_keys, "configs": configs, "commands": commands}


class Place(NamedTuple):
    """A line of code that how-it-works.md names; ``line`` is where it stands today, None where it is gone."""

    text: str
    file: str
    named: int
    where: str
    line: int | None


def places(markdown: str) -> list[Place]:
    """The lines of code that a page names, and where they stand."""
    return [
        Place(match[0], match["file"], int(match["line"]), match["where"], _line(**match.groupdict()))
        for match in PLACE.finditer(markdown)
    ]


def _line(file: str, where: str, code: str, **_: str) -> int | None:
    """Where a line of code stands in a function or class, e.g. ``GRU.step``."""
    import ast

    source = (ROOT / file).read_text(encoding="utf-8")
    node: Any = ast.parse(source)
    for name in where.split("."):
        node = next((inner for inner in node.body if getattr(inner, "name", None) == name), None)
        if node is None:
            return None
    lines = source.splitlines()
    return next((n for n in range(node.lineno, node.end_lineno + 1) if code in lines[n - 1]), None)


def main() -> None:
    """Put the line numbers right."""
    page = ROOT / "docs" / "how-it-works.md"
    text = page.read_text(encoding="utf-8")
    for place in places(text):
        if place.line is None:
            sys.exit(f"{page}: {place.file}: nothing like this in {place.where}: {place.text}")
        text = text.replace(place.text, place.text.replace(f":{place.named}`", f":{place.line}`", 1))
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
