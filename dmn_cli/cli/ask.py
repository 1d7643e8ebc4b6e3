"""``dmn ask``."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmn_cli.cli.options import Code, Device, Json, print_json

if TYPE_CHECKING:
    from dmn_cli.report.prediction import Prediction
    from dmn_cli.training.checkpoint import Checkpoint


def ask(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint, or a run folder (then its best one).")],
    story: Annotated[
        Path | None, typer.Option("--story", help="A file of facts and questions (default: what you type or pipe).")
    ] = None,
    code: Code = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Tell a story of your own and ask about it: the answer, and what every pass attended to.

    A line is a fact, or a question if it ends in `?`; a question may use the facts before it. Line numbers are not
    needed; where there are any, number 1 starts a new story.
    """
    from dmn_cli.errors import DmnError
    from dmn_cli.runs.run import best
    from dmn_cli.training import checkpoint as checkpoints
    from dmn_cli.training.ask import ask as put
    from dmn_cli.training.ask import tell
    from dmn_cli.training.build import device as find_device

    path = best(checkpoint) if checkpoint.is_dir() else checkpoint
    loaded = checkpoints.load(path, find_device(device), code)
    typed = story is None and sys.stdin.isatty()
    facts: list[str] = []
    answers: list[Prediction] = []
    for where, line in _typed(loaded) if typed else _read(story):
        try:
            question = tell(facts, line)
            if question is None:
                continue
            answers.append(put(loaded, facts, question))
        except DmnError as error:
            if not typed:
                raise DmnError(f"{where}: {error.message}", error.hint) from error
            print(f"{error.message}: {error.hint}", file=sys.stderr)
            continue
        if not as_json:
            _show(answers[-1])
    if not answers and not typed:
        raise DmnError(f"{story or 'stdin'}: no question", "a question is a line that ends in ?")
    if as_json:
        print_json({"checkpoint": str(path), "questions": [answer._asdict() for answer in answers]})


def _read(story: Path | None) -> Iterator[tuple[str, str]]:
    """The lines of a file, or of stdin, that are not blank, and where each stands."""
    from dmn_cli.errors import DmnError

    name = str(story or "stdin")
    try:
        text = sys.stdin.buffer.read() if story is None else story.read_bytes()
        lines = text.decode("utf-8-sig").split("\n")
    except OSError as error:
        raise DmnError(f"{name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DmnError(f"{name}: not UTF-8 text") from error
    yield from ((f"{name}:{number}", line) for number, line in enumerate(lines, start=1) if line.strip())


def _typed(checkpoint: "Checkpoint") -> Iterator[tuple[str, str]]:
    """What the user types, until an empty line or Ctrl-D."""
    import contextlib

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  lines can be edited, and called back

    words = checkpoint.vocabulary.words[2:]
    print(f"It knows {len(words)} words: {', '.join(words)}.", file=sys.stderr)
    print("One fact a line; a line that ends in ? is asked; an empty line ends.", file=sys.stderr)
    while True:
        try:
            line = input("> ")
        except EOFError:
            print(file=sys.stderr)
            return
        if not line.strip():
            return
        yield "", line


def _show(answer: "Prediction") -> None:
    from rich.console import Console

    from dmn_cli.report.heat import heat_table

    if answer.unknown:
        print(f"never seen in training: {', '.join(answer.unknown)}", file=sys.stderr)
    typer.echo(f"{answer.question}  {answer.answer}")
    Console().print(heat_table(answer))
