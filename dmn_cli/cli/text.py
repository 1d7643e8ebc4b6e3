"""Text for a terminal: wrapped at words, and without control characters that are not ours."""

import contextlib
import logging
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from dmn_cli.text import safe as safe
from dmn_cli.text import visible

if TYPE_CHECKING:
    from rich.console import Console

    from dmn_cli.report.prediction import Prediction

NARROWEST, WIDEST = 40, 80
"""Columns that text is wrapped to, at least and at most."""

NARROW = 60
"""Columns below which text does not stand beside text."""


def as_title(text: str) -> str:
    """Text from outside as the title of a rich table, in which [bold] would be markup."""
    from rich.markup import escape

    return escape(safe(text))


def terminal(**options: Any) -> "Console":
    """A rich console that writes the control characters in what it is given as escapes.

    Args:
        options: of ``rich.console.Console``.
    """
    from rich.console import Console, ConsoleRenderable, RenderHook
    from rich.segment import Segment, Segments

    made = Console(**options)

    class Visible(RenderHook):
        def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
            return [Segments(map(_segment, made.render(one))) for one in renderables]

    def _segment(part: Segment) -> Segment:
        return part if part.control else Segment(visible(part.text), part.style)

    made.push_render_hook(Visible())
    return made


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


@contextlib.contextmanager
def noted() -> Iterator[None]:
    """Print on stderr what the package has to note, which it writes to its log."""
    notes = _Notes()
    logger = logging.getLogger("dmn_cli")
    logger.addHandler(notes)
    try:
        yield
    finally:
        logger.removeHandler(notes)


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        tell(record.getMessage())


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
