"""``dmn config``: list, show, diff, copy, init, validate, reference."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dmn_cli.cli.help import Command, Group
from dmn_cli.cli.options import ConfigArgument, ConfigArguments, Overrides
from dmn_cli.cli.text import NARROW, columns, say
from dmn_cli.text import visible

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="List, show, compare, copy and check configs.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command("list", cls=Command, epilog="Example: dmn config list")
def list_configs() -> None:
    """Name the configs in configs/ and those that come with dmn."""
    from dmn_cli.config import listed

    configs = [(path.parent, path.name, about) for path, about in listed()]
    width = min(max((len(name) for _, name, _ in configs), default=0), 20)
    folder = None
    for parent, name, about in configs:
        if parent != folder:
            folder = parent
            say(f"in {folder}/")
        say(f"{name:{width}}  {about}".rstrip(), "  ", " " * (width + 4 if columns() >= NARROW else 6))


@app.command("show", cls=Command, epilog="Example: dmn config show task1.yaml --set model.gate=softmax")
def show(name: ConfigArgument, overrides: Overrides = None) -> None:
    """Print a config in full: every key, its value and what it means."""
    from dmn_cli.config import dump, load

    width = columns() if sys.stdout.isatty() else 110
    typer.echo(visible(dump(load(name, overrides or []), comments=True, width=width)), nl=False)


@app.command("diff", cls=Command, epilog="Example: dmn config diff dmn.yaml dmn-l.yaml")
def diff(
    first: ConfigArgument,
    second: Annotated[str, typer.Argument(metavar="CONFIG", help="Another one.")],
    overrides: Overrides = None,
) -> None:
    """Print the keys in which two configs differ, bases and defaults included; `--set` changes the second."""
    from dmn_cli.config import differing, load

    found = differing(load(first), load(second, overrides or []))
    for key, before, after in found:
        say(f"{key}: {before} → {after}", hanging="    ")
    if not found:
        typer.echo("every key is the same")


@app.command("copy", cls=Command, epilog="Example: dmn config copy dmn.yaml mine.yaml")
def copy(
    name: ConfigArgument,
    to: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The new file (default: the same name, here).")
    ] = None,
) -> None:
    """Copy a config into a new file, to change it; what it leaves out is still as in its base."""
    from dmn_cli.config import write

    say(f"{write.copy(name, to)}: written")


@app.command("init", cls=Command, epilog="Example: dmn config init mine.yaml")
def init(path: Annotated[Path, typer.Argument(metavar="FILE", help="The new file.")] = Path("mine.yaml")) -> None:
    """Write a config for stories of your own, with comments that say what to change."""
    from dmn_cli.config import write

    say(f"{write.init(path)}: written; set data.train and data.test in it to your files")


@app.command("validate", cls=Command, epilog="Example: dmn config validate mine.yaml")
def validate(names: ConfigArguments, overrides: Overrides = None) -> None:
    """Check configs; print every error of all of them, each with its file, line and column."""
    from dmn_cli.config import load
    from dmn_cli.errors import DmnError

    errors: list[DmnError] = []
    for name in names:
        try:
            load(name, overrides or [])
        except DmnError as error:
            errors.append(error)
        else:
            say(f"{name}: ok")
    if errors:
        lines = dict.fromkeys(line for error in errors for line in error.message.splitlines())  # of a common base: once
        raise DmnError("\n".join(lines), next((error.hint for error in errors if error.hint), ""))


@app.command("reference", cls=Command, epilog="Example: dmn config reference > reference.md")
def reference() -> None:
    """Print all keys, their values and defaults, in Markdown."""
    from dmn_cli import config

    typer.echo(config.reference(), nl=False)
