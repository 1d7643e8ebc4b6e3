"""The ``dmn`` command: its verbs, and how errors and signals end the process.

Nothing here, nor at the top of a verb's module, imports torch or pydantic: ``dmn --help`` must be instant.
"""

import os
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from dmn_cli import __version__
from dmn_cli.cli import ask, bench, config, data, download, evaluate, generate, suite, train
from dmn_cli.errors import FAILED, INTERRUPTED, TERMINATED, DmnError, Stopped, memory_errors

app = typer.Typer(
    name="dmn",
    help="The Dynamic Memory Network on the bAbI tasks: download, train, evaluate.",
    epilog="Exit codes: 0 done, 1 the work failed, 2 bad input, 130 Ctrl-C, 143 terminated.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help and one-line errors, without the time to import rich
    pretty_exceptions_enable=False,
)
app.command("download-babi")(download.download_babi)
app.command("train")(train.train)
app.command("eval")(evaluate.evaluate)
app.command("ask")(ask.ask)
app.command("suite")(suite.suite)
app.command("report")(suite.report)
app.command("bench")(bench.bench)
app.command("generate-babi")(generate.generate_babi)
app.add_typer(data.app, name="data")
app.add_typer(config.app, name="config")


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
    try:
        with memory_errors():
            app(prog_name="dmn")
    except DmnError as error:
        if os.environ.get("DMN_DEBUG") == "1":
            raise
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        sys.exit(error.code)
    except OSError as error:  # a full disk, a folder that may not be written
        if os.environ.get("DMN_DEBUG") == "1":
            raise
        print(f"error: {error.filename or 'the system'}: {error.strerror or error}", file=sys.stderr)
        sys.exit(FAILED)
    except Stopped as stopped:
        print("stopped", file=sys.stderr)
        sys.exit(stopped.code)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(INTERRUPTED if number == signal.SIGINT else TERMINATED)
