"""Options that several verbs share: each means one thing, wherever it stands."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dmn_cli.babi.tasks import SplitName, parse_tasks
from dmn_cli.errors import DmnError

if TYPE_CHECKING:
    from dmn_cli.config import Config


CONFIG = "A YAML file, or a name of `dmn config list`."
TASKS = "`all`, or numbers and ranges: 1,5-8."


def complete_config(incomplete: str) -> list[str]:
    from dmn_cli.config import listed

    return [path.name for path, _ in listed() if path.name.startswith(incomplete)]


def complete_override(incomplete: str) -> list[tuple[str, str]]:
    """Keys before the ``=``, the values of a key after it.

    A single key comes with its values: of two and more, a shell takes what they share, and adds no space.
    """
    from dmn_cli.config import all_keys

    keys = [(f"{key}=", about) for key, _, about in all_keys()]
    offered = [(text, about) for text, about in keys if text.startswith(incomplete)] if "=" not in incomplete else []
    if len(offered) > 1:
        return offered
    values = [(f"{key}={value}", "") for key, values, _ in all_keys() for value in values or _usual(key)]
    return offered + [(text, about) for text, about in values if text.startswith(incomplete)]


def _usual(key: str) -> list[str]:
    """The default of a key, as an example of its values."""
    import json

    from dmn_cli.config import Config, plain

    section, name = key.split(".")
    value = plain(Config())[section][name]
    return [] if value is None else [value if isinstance(value, str) else json.dumps(value)]


def _complete_device(incomplete: str) -> list[str]:
    return [name for name in ("auto", "cpu", "cuda", "cuda:0", "mps") if name.startswith(incomplete)]


def _grammars() -> list[str]:
    from dmn_cli.generator.grammars import GRAMMARS

    return list(GRAMMARS)


DataDir = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The folder of `dmn download-babi` or `dmn generate-babi` (default: data)."),
]
Device = Annotated[
    str,
    typer.Option(
        metavar="DEVICE", help="auto, cpu, cuda, mps, or one of several: cuda:1.", autocompletion=_complete_device
    ),
]
Code = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.py",
        help="Run this file for a part of the network that is a class of your own, if it is not as it was in training.",
    ),
]
ConfigArgument = Annotated[
    str,
    typer.Argument(metavar="CONFIG", help=CONFIG, autocompletion=complete_config),
]
ConfigArguments = Annotated[
    list[str],
    typer.Argument(metavar="CONFIG", help="YAML files, or names of `dmn config list`.", autocompletion=complete_config),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a key: train.learning_rate=1e-3. Repeatable.",
        autocompletion=complete_override,
    ),
]
Task = Annotated[int | None, typer.Option(min=1, max=20, help="One task: the same as --set data.tasks=N.")]
TaskChoice = Annotated[list[int] | None, typer.Option(min=1, max=20, help="One task; repeatable.")]
Tasks = Annotated[str | None, typer.Option(metavar="TASKS", help=TASKS)]
Split = Annotated[SplitName, typer.Option(help="Which stories: those for training, validation or the test.")]
Subset = Annotated[str, typer.Option(metavar="NAME", help="A directory of bAbI v1.2: en, en-10k, en-valid …")]
Threads = Annotated[int, typer.Option(min=1, max=1024, help="Threads to compute with.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")]
Grammar = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Of a made-up language: verb-final, inflected or agglutinating (English without it).",
        autocompletion=lambda incomplete: [name for name in _grammars() if name.startswith(incomplete)],
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes.")]


def chosen(task: list[int] | None, tasks: str | None) -> list[int] | None:
    """The tasks of ``--task`` or ``--tasks``, ascending; None where neither is given.

    Raises:
        DmnError: both are given, or one of them is no task.
    """
    if task and tasks is not None:
        raise DmnError("--task and --tasks: give one of them")
    if tasks is not None:
        return parse_tasks(tasks)
    return sorted(set(task)) if task else None


def print_json(content: dict[str, Any]) -> None:
    """Print one object on stdout, and nothing else."""
    import json

    typer.echo(json.dumps(content, indent=2))


def load_config(
    name: str, overrides: list[str] | None, data_dir: Path | None, **keys: int | list[int] | None
) -> "Config":
    """Load a config with ``--set`` overrides and the options that stand for keys.

    Args:
        name: of the config.
        overrides: of ``--set``.
        data_dir: ``data.dir``, or None.
        keys: other keys by their dotted name with ``__`` for the dot, e.g. ``data__tasks``; None leaves a key alone.
    """
    from dmn_cli.config import load

    return load(name, as_overrides(overrides, data_dir, **keys))


def as_overrides(overrides: list[str] | None, data_dir: Path | None, **keys: int | list[int] | None) -> list[str]:
    """``--set`` overrides and the options that stand for keys, all as overrides; see ``load_config``."""
    given = [f"{key.replace('__', '.')}={value}" for key, value in keys.items() if value is not None]
    if data_dir is not None:
        given.append("data.dir='{}'".format(str(data_dir).replace("'", "''")))
    return [*(overrides or []), *given]
