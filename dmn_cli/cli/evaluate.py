"""``dmn eval``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dmn_cli.cli.help import Command
from dmn_cli.cli.options import Code, DataDir, Device, Json, Split, TaskChoice, Tasks, chosen, print_json
from dmn_cli.cli.text import as_title, safe, shown, terminal

if TYPE_CHECKING:
    from rich.table import Table

    from dmn_cli.report.prediction import Prediction

ERRORS = 10
"""Wrong questions that `--errors` without a number shows."""


class Eval(Command):
    """Lets ``--errors`` go without its number."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        args = list(args)
        for at in [at for at, word in enumerate(args) if word == "--errors"][::-1]:
            if not args[at + 1 : at + 2] or not args[at + 1].isdecimal():
                args[at] = f"--errors={ERRORS}"
        return super().parse_args(ctx, args)


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint, or a run folder (then its best one).")],
    split: Split = "test",
    data_dir: DataDir = None,
    task: TaskChoice = None,
    tasks: Tasks = None,
    subset: Annotated[str | None, typer.Option(help="Another directory of bAbI than it was trained on.")] = None,
    file: Annotated[Path | None, typer.Option(help="A story file of your own instead.")] = None,
    errors: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="[N]",
            help=f"Show accuracy by kind of question, confusions, and N wrong questions with their gates ({ERRORS}).",
        ),
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="Write every question, answer and gate, one JSON a line.")
    ] = None,
    code: Code = None,
    device: Device = "auto",
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
) -> None:
    """Evaluate a checkpoint: accuracy per task, its 95 % interval and the published figure.

    Stories are looked for from the working directory, then beside the checkpoint.
    """
    from dmn_cli.errors import DmnError

    if as_json + as_csv + as_markdown > 1:
        raise DmnError("--json, --csv and --markdown exclude each other")
    if errors is not None and (as_csv or as_markdown):
        raise DmnError("--errors goes with the terminal's tables and with --json", "--predictions writes all questions")
    numbers = chosen(task, tasks) or []
    if file is not None and (numbers or subset or data_dir or split != "test"):
        raise DmnError("--file excludes --split, --task, --tasks, --subset and --data-dir", "a file is asked as it is")

    import torch

    from dmn_cli.report import tables
    from dmn_cli.report.mistakes import as_rows
    from dmn_cli.report.results import as_json as plain_results
    from dmn_cli.runs.folder import best, trained_on
    from dmn_cli.training import checkpoint as checkpoints
    from dmn_cli.training.build import device as find_device
    from dmn_cli.training.evaluate import evaluate as evaluate_checkpoint
    from dmn_cli.training.locate import choose, own
    from dmn_cli.training.notes import notes
    from dmn_cli.training.predictions import predict, write

    torch.set_num_threads(1)  # its products are small: more threads only wait for each other
    path = best(checkpoint) if checkpoint.is_dir() else checkpoint
    loaded = checkpoints.load(path, find_device(device), code)
    trained = loaded.config.data
    data = None
    if file is not None:
        stories = own(file, trained.dialogue)
    else:
        data, stories = choose(trained, path, split, data_dir=data_dir, tasks=numbers, subset=subset)
    results = evaluate_checkpoint(loaded, stories, "" if file else split, trained_on(path))
    made = list(predict(loaded, stories)) if errors is not None or predictions is not None else []
    if predictions is not None:
        write(made, predictions)
    told = notes(loaded, path, data, split, stories)
    if as_json:
        found = as_rows(made, errors) if errors is not None else {}
        which = {"file": str(file)} if file is not None else {"split": split}
        print_json({"checkpoint": str(path), **which, **plain_results(results), "notes": told, **found})
    elif as_csv or as_markdown:
        typer.echo((tables.as_csv if as_csv else tables.as_markdown)(results), nl=False)
        for note in told:
            print(safe(f"note: {note}"), file=sys.stderr)
    else:
        config = loaded.config.model_copy(update={"data": data})
        title = str(file) if data is None else tables.title(config, split, stories.is_babi)
        _print(tables.as_table(results, as_title(title)), told, made, errors)


def _print(table: "Table", notes: list[str], made: "list[Prediction]", errors: int | None) -> None:

    from dmn_cli.report import mistakes

    console = terminal()
    console.print(table)
    for note in notes:
        console.print(safe(f"note: {note}"), markup=False, highlight=False)
    if errors is None:
        return
    made = list(map(shown, made))
    for part in (*mistakes.as_tables(made), *mistakes.as_list(made, errors)):
        console.print(part)
    wrong = sum(one.right is False for one in made)
    if wrong > errors:
        typer.echo(f"{wrong - errors} more wrong: --errors {wrong} shows all, --predictions FILE.jsonl writes all")
