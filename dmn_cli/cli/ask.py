"""``dmn ask``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmn_cli.cli.options import Code, Device, Json, print_json
from dmn_cli.cli.text import safe, say, shown, tell, terminal

if TYPE_CHECKING:
    from dmn_cli.report.prediction import Prediction
    from dmn_cli.training.ask import Told
    from dmn_cli.training.checkpoint import Checkpoint

HELP = """\
One line is one fact, or several sentences; what ends in ? is asked. Then:
  :story  show the story so far     :undo  take the last line back
  :new    begin a new story         :quit  end (or Ctrl-D)
An empty line after a question begins a new story too."""


def ask(
    checkpoint: Annotated[
        Path | None, typer.Argument(help="A checkpoint, or a run folder (default: the network in the box).")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="A file of facts and questions (default: what you type or pipe).")
    ] = None,
    story: Annotated[Path | None, typer.Option("--story", hidden=True)] = None,
    question: Annotated[
        list[str] | None, typer.Option("--question", help="Ask this at the end of the story; repeatable.")
    ] = None,
    lines: Annotated[
        bool,
        typer.Option("--lines", help='For programs, line by line: {"facts": ["A b."], "question": "C?"} in, JSON out.'),
    ] = False,
    tables: Annotated[
        bool, typer.Option("--tables", help="Show what was attended to for more than 5 questions, all facts.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the attention of the last question: an .svg or .png file.")
    ] = None,
    code: Code = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Tell a story of your own and ask about it: the answer, how sure, and what every pass attended to.

    A line is a fact or several sentences; a question ends in `?` and may use the facts before it. Line numbers as in
    bAbI's files are not needed; where they count from 1 again, or after a question and a blank line, a new story
    begins. Answers that a file gives after a tab are compared. A file may also be of any format of `dmn data convert`.
    """
    from dmn_cli.errors import DmnError
    from dmn_cli.runs.folder import best
    from dmn_cli.training import box
    from dmn_cli.training import checkpoint as checkpoints
    from dmn_cli.training.build import device as find_device

    source = file or story
    if lines and (source or question or tables or picture or as_json):
        raise DmnError("--lines reads stdin alone", "leave --file, --question, --tables, --picture and --json out")
    if picture is not None and source is None and not question and sys.stdin.isatty():
        raise DmnError("--picture: which story?", "give --file or pipe one")
    path = box.path() if checkpoint is None else best(checkpoint) if checkpoint.is_dir() else checkpoint
    loaded = checkpoints.load(path, find_device(device), code)
    if lines:
        _answer_lines(loaded, path)
    elif source is None and not question and sys.stdin.isatty():
        _converse(loaded, path, as_json)
    else:
        _answer(loaded, path, source, question or [], tables, picture, as_json)


def _answer(
    loaded: "Checkpoint",
    path: Path,
    source: Path | None,
    asked: list[str],
    tables: bool,
    picture: Path | None,
    as_json: bool,
) -> None:
    """All questions of a text at once."""
    from dmn_cli.data import formats
    from dmn_cli.errors import DmnError
    from dmn_cli.training.ask import as_question, put, read

    text, name = _read(source) if source is not None or not (asked and sys.stdin.isatty()) else ("", "")
    more = [("--question", as_question(question)) for question in asked]
    stories = formats.asked(text, name)
    if stories is None:
        lines = [(f"{name}:{number}", line) for number, line in enumerate(text.split("\n"), start=1)]
        stories = read([*lines, *more], tell)
    elif more:
        raise DmnError(f"--question: {name} is of rows with questions of their own", "leave one of the two out")
    if not stories:
        raise DmnError(f"{source or 'stdin'}: no question", "a question is a line that ends in ?")
    answers = put(loaded, path, stories)
    if picture is not None:
        from dmn_cli.page import draw

        draw(answers[-1], picture)
    if as_json:
        print_json({"checkpoint": str(path), "questions": [answer.as_row() for answer in answers]})
        return
    unknown = dict.fromkeys(word for answer in answers for word in answer.unknown)
    if unknown:
        tell(f"never seen in training: {', '.join(unknown)}")
    _show(list(map(shown, answers)), tables)


def _read(source: Path | None) -> tuple[str, str]:
    """The text of a file or of stdin, and what to call it."""
    from dmn_cli.data import formats
    from dmn_cli.errors import DmnError

    name = str(source or "stdin")
    try:
        data = sys.stdin.buffer.read() if source is None else source.read_bytes()
    except OSError as error:
        raise DmnError(f"{name}: cannot be read: {error.strerror}") from error
    return formats.decode(data, name)


def _show(answers: "list[Prediction]", tables: bool) -> None:
    """A table of gates for each of a few questions; of many the answers, or how many are right."""

    from dmn_cli.report.answers import MANY, as_text, score
    from dmn_cli.report.heat import heat_table

    console = terminal()
    right = score(answers)
    if tables or len(answers) <= MANY:
        for answer in answers:
            say(as_text(answer))
            console.print(heat_table(answer, tables))
    elif not right:
        for answer in answers:
            say(as_text(answer))
    if right:
        typer.echo(right)
    if right and len(answers) > MANY and not tables:
        wrong = [answer for answer in answers if answer.right is False]
        for answer in wrong[:10]:
            say(f"{answer.place}  {as_text(answer)}", indent="  ", hanging="    ")
        more = f"{len(wrong) - 10} more are wrong. " if len(wrong) > 10 else ""
        say(f"{more}--tables shows what was attended to, `dmn eval --file … --errors` what kinds are wrong", hanging="")


def _answer_lines(loaded: "Checkpoint", path: Path) -> None:
    """One JSON object in, one out, at once; a line that is wrong gets an error object in its place."""
    import json

    from dmn_cli.errors import DmnError
    from dmn_cli.training.ask import answer_object

    wrong = number = 0
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            row = answer_object(loaded, path, line, f"stdin:{number}")
        except DmnError as error:
            wrong += 1
            row = {"error": error.message, "hint": error.hint}
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()
    if wrong:
        raise DmnError(f"stdin: {wrong} of {number} lines could not be answered", "each has an error in its place")


def _converse(loaded: "Checkpoint", path: Path, as_json: bool) -> None:
    """What the user types, answered at once; Ctrl-D ends."""
    import contextlib

    from dmn_cli.errors import DmnError
    from dmn_cli.training.ask import Told, hear, put, take, to_story, unknown

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  lines can be edited, and called back

    words = loaded.vocabulary.words[2:]
    some = ", ".join(words[:60]) + (", …" if len(words) > 60 else "")
    tell(f"It knows {len(words)} words: {some}.\n{HELP}")
    told, before = Told(), list[Told]()
    while (line := _typed("> ")) is not None:
        if line.strip().startswith(":"):
            if line.strip() in (":q", ":quit", ":exit"):
                return
            told = _command(line.strip(), told, before)
            continue
        try:
            after, questions = take(told, line, is_asked=_is_asked)
            if after.story != told.story and told.last:
                tell("(a new story)")
            if line.strip():
                before.append(told)
                new = unknown(loaded, line)
                if new:
                    tell(f"never seen in training: {', '.join(new)}")
            told = after
            for question in questions:
                *_, answer = put(loaded, path, [to_story(told, question)])
                told = hear(loaded, told, question, answer.answer)
                if as_json:
                    print_json(answer.as_row())
                else:
                    _show([shown(answer)], False)
        except DmnError as error:
            tell(f"{error.message}: {error.hint}" if error.hint else error.message)


def _typed(prompt: str) -> str | None:
    """A line; None at the end."""
    try:
        return input(prompt)
    except EOFError:
        print(file=sys.stderr)
        return None


def _is_asked(text: str) -> bool:
    """Ask whether a line without a question mark is a question, until it is said."""
    while (said := _typed(f"Is that a question? {text!r} [Y/n] ")) is not None:
        if (answer := said.strip().lower()) in ("", "y", "yes", "n", "no"):
            return not answer.startswith("n")
        tell(f"{said!r}: Enter or y for yes, n for no")
    return True


def _command(command: str, told: "Told", before: "list[Told]") -> "Told":
    """What a line that begins with a colon does to the story."""
    if command == ":story":
        for number, fact in enumerate(told.facts, start=1):
            typer.echo(f"{number:>3}  {safe(fact)}")
        if not told.last:
            tell("no facts yet")
    elif command == ":undo" and before:
        told = before.pop()
        tell(f"taken back; {told.count} fact{'s' * (told.count != 1)} left")
    elif command == ":undo":
        tell("there is nothing to take back")
    elif command == ":new":
        before.append(told)
        told = told.anew()
        tell("(a new story)")
    else:
        tell(HELP if command == ":help" else f"{command}: no such command\n{HELP}")
    return told
