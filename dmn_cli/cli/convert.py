"""``dmn data convert``."""

from pathlib import Path
from typing import Annotated

import typer

from dmn_cli.cli.text import safe
from dmn_cli.errors import DmnError


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Stories in any format that dmn reads.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write; it must not exist.")],
) -> None:
    """Write stories in bAbI's format.

    IN is in bAbI's format, JSON lines or rows of Hugging Face's babi_qa, or ParlAI's `text:…`; a .zip may hold it.
    """
    from dmn_cli.data.stories import dump, read
    from dmn_cli.files import write_atomic

    if target.exists():
        raise DmnError(f"{target}: already there", "name a new file")
    stories = read(source)
    write_atomic(target, dump(stories))
    questions = sum(len(story.questions) for story in stories)
    typer.echo(safe(f"{target}: {len(stories)} stories, {questions} questions"))
