"""``dmn eval``."""

from pathlib import Path
from typing import Annotated

import typer

from dmn_cli.cli.options import DataDir, Device, Json, Split, TaskChoice, Tasks, chosen, print_json
from dmn_cli.cli.text import as_title


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint, or a run folder (then its best one).")],
    split: Split = "test",
    data_dir: DataDir = None,
    task: TaskChoice = None,
    tasks: Tasks = None,
    device: Device = "auto",
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
) -> None:
    """Evaluate a checkpoint: a line per task, with its 95 % interval and the paper's accuracy."""
    from dmn_cli.errors import DmnError

    if as_json + as_csv + as_markdown > 1:
        raise DmnError("--json, --csv and --markdown exclude each other")

    from dmn_cli.report import tables
    from dmn_cli.report.results import as_json as plain_results
    from dmn_cli.runs.run import best
    from dmn_cli.splits import load_split
    from dmn_cli.training import checkpoint as checkpoints
    from dmn_cli.training.build import device as find_device
    from dmn_cli.training.evaluate import evaluate as evaluate_checkpoint

    path = best(checkpoint) if checkpoint.is_dir() else checkpoint
    loaded = checkpoints.load(path, find_device(device))
    data = loaded.config.data
    wanted = chosen(task, tasks)
    if wanted and data.source == "files":
        raise DmnError("--task: this network was trained on stories of your own, which are no task's")
    if wanted:
        data = data.model_copy(update={"tasks": wanted})
    if data_dir is not None:
        data = data.model_copy(update={"dir": str(data_dir)})
    stories = load_split(data, split)
    results = evaluate_checkpoint(loaded, stories)
    if as_json:
        print_json({"checkpoint": str(path), "split": split, **plain_results(results)})
    elif as_csv:
        typer.echo(tables.as_csv(results), nl=False)
    elif as_markdown:
        typer.echo(tables.as_markdown(results), nl=False)
    else:
        from rich.console import Console

        evaluated = loaded.config.model_copy(update={"data": data})
        Console().print(tables.as_table(results, as_title(tables.title(evaluated, split, stories.is_babi))))
