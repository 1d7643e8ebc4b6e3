"""``dmn demo``."""

from pathlib import Path
from typing import Annotated

import typer

from dmn_cli.cli.options import Device
from dmn_cli.cli.text import say, shown, terminal


def demo(
    checkpoint: Annotated[
        Path | None, typer.Argument(help="A checkpoint, or a run folder (default: the network in the box).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Other stories for another seed.")] = 0,
    device: Device = "auto",
) -> None:
    """Play a few stories: each is told, asked about, and answered, with what every pass attended to."""

    from dmn_cli.report.answers import as_text
    from dmn_cli.report.heat import heat_table
    from dmn_cli.runs.folder import best
    from dmn_cli.training import box
    from dmn_cli.training import checkpoint as checkpoints
    from dmn_cli.training.build import device as find_device
    from dmn_cli.training.demo import play

    path = box.path() if checkpoint is None else best(checkpoint) if checkpoint.is_dir() else checkpoint
    console = terminal()
    for name, answer in play(checkpoints.load(path, find_device(device)), seed):
        answer = shown(answer)
        console.rule(name)
        say(f"{as_text(answer)}{'  (right)' if answer.right else ''}")
        console.print(heat_table(answer))
    given = "" if checkpoint is None else f" {checkpoint}"
    say(f"Tell a story of your own: dmn ask{given}")
