"""Text from outside (file names, stories, configs, checkpoints, a server's words) as it may be printed."""

import unicodedata

LONGEST = 600
"""Characters of a line from outside; of a longer one the middle is left out."""

DIRECTIONS = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Signs that turn the direction of writing: what follows them looks like something else."""


def visible(text: str) -> str:
    """The text with its control characters written as escapes, but for line breaks and tabs."""
    return "".join(map(_visible, text))


def safe(text: str) -> str:
    """The same, with long lines shortened."""
    return "\n".join(_shortened(visible(line)) for line in text.split("\n"))


def in_cell(text: str) -> str:
    """The text as a cell of a Markdown table: on one line, and without ending the cell."""
    return _shortened(visible(text).replace("\t", " ").replace("\n", " ")).replace("|", "\\|")


def _visible(character: str) -> str:
    hidden = unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in DIRECTIONS
    return character.encode("unicode_escape").decode() if hidden and character not in "\t\n" else character


def _shortened(line: str) -> str:
    if len(line) <= LONGEST:
        return line
    return f"{line[: LONGEST // 2]} … ({len(line):,} characters) … {line[-LONGEST // 4 :]}"
