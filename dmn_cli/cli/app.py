"""The ``dmn`` command: its verbs, and how errors and signals end the process.

Nothing here, nor at the top of a verb's module, imports torch or pydantic: ``dmn --help`` must be instant.
"""

import io
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from dmn_cli import __version__
from dmn_cli.cli import (
    ask,
    bench,
    compare,
    config,
    data,
    demo,
    download,
    evaluate,
    generate,
    report,
    runs,
    suite,
    train,
    verify,
    view,
)
from dmn_cli.cli.completion import take_shell, whole_words
from dmn_cli.cli.help import Command, Group
from dmn_cli.cli.text import noted, tell
from dmn_cli.errors import BAD_INPUT, INTERRUPTED, OF_A_STREAM, TERMINATED, DmnError, Stopped, code_of, memory_errors

app = typer.Typer(
    name="dmn",
    cls=Group,
    epilog="Exit codes: 0 done, 1 the work failed, 2 bad input, 130 Ctrl-C, 143 terminated.",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    rich_markup_mode=None,  # our own help (cli.help) and one-line errors, without the time to import rich
    pretty_exceptions_enable=False,
)


def _verb(panel: str, name: str, function: Callable[..., None], example: str, kind: type[Command] = Command) -> None:
    app.command(name, cls=kind, rich_help_panel=panel, epilog=f"Example: {example}")(function)


TRAINING, STORIES, MORE = "Train and ask", "Stories", "Configs and speed"
_verb(TRAINING, "train", train.train, "dmn train --config task1.yaml")
_verb(TRAINING, "eval", evaluate.evaluate, "dmn eval runs/task1", evaluate.Eval)
_verb(TRAINING, "ask", ask.ask, "dmn ask runs/task1")
_verb(TRAINING, "demo", demo.demo, "dmn demo")
_verb(TRAINING, "suite", suite.suite, "dmn suite --config dmn-l.yaml --tasks 1,5-8", suite.SuiteCommand)
_verb(TRAINING, "view", view.view, "dmn view runs/task1 --open")
_verb(TRAINING, "runs", runs.runs, "dmn runs")
_verb(TRAINING, "compare", compare.compare, "dmn compare runs/task1 runs/task1-2")
_verb(TRAINING, "report", report.report, "dmn report runs/suite-dmn-l runs/task1")
_verb(TRAINING, "verify", verify.verify, "dmn verify runs/task1")
_verb(STORIES, "download-babi", download.download_babi, "dmn download-babi")
_verb(STORIES, "generate-babi", generate.generate_babi, "dmn generate-babi --out made --tasks 1-3")
app.add_typer(data.app, name="data", rich_help_panel=STORIES, epilog="Example: dmn data show --task 2")
app.add_typer(config.app, name="config", rich_help_panel=MORE, epilog="Example: dmn config show task1.yaml")
_verb(MORE, "bench", bench.bench, "dmn bench --task 2")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dmn {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """The Dynamic Memory Network on the bAbI tasks: download, train, evaluate."""


def main() -> None:
    """Run the command line; every way it can end is an exit code and at most two lines on stderr."""
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    _mend_streams()
    take_shell()
    try:
        with memory_errors(), noted(), whole_words():
            sys.exit(app(prog_name="dmn", standalone_mode=False))
    except (DmnError, OSError, UsageError) as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # `dmn`, `dmn data`: typer's way to show the help
            print(error, file=sys.stderr)
            sys.exit(BAD_INPUT)
        if os.environ.get("DMN_DEBUG") == "1":
            traceback.print_exc()
        told = _told(error)
        tell(f"error: {told.message}")
        if told.hint:
            tell(f"hint: {told.hint}")
        sys.exit(told.code)
    except Stopped as stopped:
        tell(f"stopped; {stopped.hint}" if stopped.hint else "stopped")
        sys.exit(stopped.code)


UsageError: type[Any] = typer.BadParameter.__mro__[1]
"""A wrong option, value or command: of these errors typer exports but one kind."""


def _told(error: Any) -> DmnError:
    """An error in the words of this package, whether it is our own, the system's or typer's."""
    if isinstance(error, DmnError):
        return error
    if isinstance(error, OSError):
        nameless = "the output" if error.errno in OF_A_STREAM else "the system"
        return DmnError(f"{error.filename or nameless}: {error.strerror or error}", code=code_of(error))
    message = " ".join(error.format_message().split()).removesuffix(".")
    verb = [word for word in sys.argv[1:2] if not word.startswith("-")]
    command = error.ctx.command_path if error.ctx else " ".join(["dmn", *verb])  # typer forgets it where a value lacks
    return DmnError(message, f"`{command} --help` explains the options")


def _mend_streams() -> None:
    """Make streams that are closed the null device, and let no character that an encoding lacks stop us.

    (stderr writes such a character as an escape anyway.)
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  until the end
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(INTERRUPTED if number == signal.SIGINT else TERMINATED)
