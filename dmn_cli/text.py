"""Text from outside (file names, stories, configs, checkpoints, a server's words) as it may be printed."""

import re

LONGEST = 600
"""Characters of a line from outside; of a longer one the middle is left out."""

DIRECTIONS = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Signs that turn the direction of writing: what follows them looks like something else."""

HIDDEN = re.compile(f"[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{DIRECTIONS}]")
"""Those, and control characters, surrogates and separators of lines; but no line break and no tab."""


def visible(text: str) -> str:
    """The text with its control characters written as escapes, but for line breaks and tabs."""
    return HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def safe(text: str) -> str:
    """The same, with long lines shortened."""
    return "\n".join(_shortened(visible(line)) for line in text.split("\n"))


def in_cell(text: str) -> str:
    """The text as a cell of a Markdown table: on one line, and without ending the cell."""
    return _shortened(visible(text).replace("\t", " ").replace("\n", " ")).replace("|", "\\|")


def _shortened(line: str) -> str:
    if len(line) <= LONGEST:
        return line
    return f"{line[: LONGEST // 2]} … ({len(line):,} characters) … {line[-LONGEST // 4 :]}"
