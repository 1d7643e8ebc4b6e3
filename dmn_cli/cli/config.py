"""``dmn config``: list, show, validate, reference."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="List, show and check configs.")

Name = Annotated[str, typer.Argument(help="A YAML file, or one that `dmn config list` names.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key: train.learning_rate=1e-3. Repeatable."),
]


@app.command("list")
def list_configs() -> None:
    """Name the configs in configs/ and those that come with dmn."""
    from dmn_cli.config import listed

    configs = listed()
    width = max((len(path.name) for path, _ in configs), default=0)
    folder = None
    for path, about in configs:
        if path.parent != folder:
            folder = path.parent
            typer.echo(f"in {folder}/")
        typer.echo(f"  {path.name:{width}}  {about}".rstrip())


@app.command("show")
def show(name: Name, overrides: Overrides = None) -> None:
    """Print a config in full: every key, its value and what it means."""
    from dmn_cli.config import dump, load

    typer.echo(dump(load(name, overrides or []), comments=True), nl=False)


@app.command("validate")
def validate(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="YAML files, or names of `dmn config list`.")],
    overrides: Overrides = None,
) -> None:
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
            typer.echo(f"{name}: ok")
    if errors:
        lines = dict.fromkeys(line for error in errors for line in error.message.splitlines())  # of a common base: once
        raise DmnError("\n".join(lines), next((error.hint for error in errors if error.hint), ""))


@app.command("reference")
def reference() -> None:
    """Print all keys, their values and defaults, in Markdown."""
    from dmn_cli import config

    typer.echo(config.reference(), nl=False)
