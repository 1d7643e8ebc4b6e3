"""Options that several verbs share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dmn_cli.config import Config

DataDir = Annotated[Path | None, typer.Option(help="The folder of `dmn download-babi` (default: data).")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key: train.learning_rate=1e-3.")
]
Task = Annotated[int | None, typer.Option(min=1, max=20, help="The same as --set data.tasks=N.")]
Threads = Annotated[int, typer.Option(min=1, max=1024, help="Threads to compute with.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


def print_json(content: dict[str, Any]) -> None:
    """Print one object on stdout, and nothing else."""
    import json

    typer.echo(json.dumps(content, indent=2))


def load_config(name: str, overrides: list[str] | None, data_dir: Path | None, **keys: int | None) -> "Config":
    """Load a config with ``--set`` overrides and the options that stand for keys.

    Args:
        name: of the config.
        overrides: of ``--set``.
        data_dir: ``data.dir``, or None.
        keys: other keys by their dotted name with ``__`` for the dot, e.g. ``data__tasks``; None leaves a key alone.
    """
    from dmn_cli.config import load

    given = [f"{key.replace('__', '.')}={value}" for key, value in keys.items() if value is not None]
    if data_dir is not None:
        given.append("data.dir='{}'".format(str(data_dir).replace("'", "''")))
    return load(name, [*(overrides or []), *given])
