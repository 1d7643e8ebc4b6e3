"""Text for a terminal: wrapped at words, and without control characters that are not ours."""

import shutil
import sys
import textwrap
import unicodedata
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from dmn_cli.report.prediction import Prediction

NARROWEST, WIDEST = 40, 80
"""Columns that text is wrapped to, at least and at most."""

NARROW = 60
"""Columns below which text does not stand beside text."""

LONGEST = 600
"""Characters of a line from outside; of a longer one the middle is left out."""

DIRECTIONS = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Signs that turn the direction of writing: what follows them looks like something else."""


def safe(text: str) -> str:
    """Text from outside (file names, stories, a server's words) as it may be printed.

    Control characters are written as escapes, but for line breaks and tabs; long lines are shortened.
    """
    return "\n".join(_shortened("".join(map(_visible, line))) for line in text.split("\n"))


def as_title(text: str) -> str:
    """Text from outside as the title of a rich table, in which [bold] would be markup."""
    from rich.markup import escape

    return escape(safe(text))


def _visible(character: str) -> str:
    hidden = unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in DIRECTIONS
    return character.encode("unicode_escape").decode() if hidden and character != "\t" else character


def _shortened(line: str) -> str:
    if len(line) <= LONGEST:
        return line
    return f"{line[: LONGEST // 2]} … ({len(line):,} characters) … {line[-LONGEST // 4 :]}"


def columns() -> int:
    """Of the terminal, as far as text is wrapped to them."""
    return min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)


def wrapped(text: str, indent: str = "", hanging: str | None = None) -> str:
    """Each line of a text in lines of the terminal's width, broken at spaces only.

    Args:
        text: lines.
        indent: what each of them starts with.
        hanging: what the further lines of each start with, if something else.
    """
    hanging = indent if hanging is None else hanging
    wrapper = textwrap.TextWrapper(
        columns(),
        initial_indent=indent,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(wrapper.fill(line) for line in text.split("\n"))


def say(text: str, indent: str = "", hanging: str = "  ") -> None:
    """Print on stdout: wrapped on a terminal; elsewhere, where programs read it, in lines as they are."""
    text = safe(text)
    typer.echo(wrapped(text, indent, hanging) if sys.stdout.isatty() else f"{indent}{text}")


def tell(text: str, hanging: str = "  ") -> None:
    """Print on stderr, in the same way."""
    text = safe(text)
    print(wrapped(text, hanging=hanging) if sys.stderr.isatty() else text, file=sys.stderr)


def shown(prediction: "Prediction") -> "Prediction":
    """A prediction whose words may be printed."""
    return prediction._replace(
        place=safe(prediction.place),
        question=safe(prediction.question),
        gold=safe(prediction.gold),
        answer=safe(prediction.answer),
        others=[guess._replace(answer=safe(guess.answer)) for guess in prediction.others],
        facts=list(map(safe, prediction.facts)),
        unknown=list(map(safe, prediction.unknown)),
    )
