"""``dmn generate-babi``."""

from pathlib import Path
from typing import Annotated

import typer

from dmn_cli.babi.tasks import TASKS
from dmn_cli.cli.options import Grammar, Quiet, TaskChoice, Tasks, chosen
from dmn_cli.cli.text import say

MOST = 1_000_000  # questions: some hundred megabytes a task


def generate_babi(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to: a new folder, or an empty one.")],
    task: TaskChoice = None,
    tasks: Tasks = None,
    train: Annotated[int, typer.Option(min=1, max=MOST, help="Questions to train on, per task.")] = 1000,
    test: Annotated[int, typer.Option(min=1, max=MOST, help="Questions to test on, per task.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives other stories.")] = 0,
    facts: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="Facts per story, at least (tasks 1-3, 5-14, 18).")
    ] = None,
    entities: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="People (tasks 1-3, 5-14, 20), places (4, 19), animals (15, 16), shapes (17) or sizes (18) per story.",
        ),
    ] = None,
    hops: Annotated[
        int | None, typer.Option(min=1, help="Facts that lead to an answer (tasks 17, 18, 19); the real ones have 2.")
    ] = None,
    words: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Other names, places, verbs …: a YAML file, see docs/generator.md."),
    ] = None,
    grammar: Grammar = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a folder that was generated before.")] = False,
    quiet: Quiet = False,
) -> None:
    """Generate stories of the twenty tasks into DIR, in bAbI's layout: train with `--data-dir DIR`.

    The same seed and options give the same bytes. Without options the stories are shaped like bAbI's, but are not bAbI.
    """
    from tqdm import tqdm

    from dmn_cli.generator.layout import Options, write
    from dmn_cli.generator.words import read_words

    numbers = chosen(task, tasks) or list(TASKS)
    named = tasks or ",".join(map(str, task or [])) or "all"
    options = {"tasks": named, "train": train, "test": test, "seed": seed, "facts": facts}
    options |= {"entities": entities, "hops": hops, "words": words, "grammar": grammar}
    command = "dmn generate-babi " + " ".join(
        f"--{name} {value}" for name, value in options.items() if value is not None
    )
    files = write(
        out,
        numbers,
        train,
        test,
        seed,
        Options(facts, entities, hops, read_words(words) if words else None, grammar),
        command=command,
        force=force,
        progress=lambda tasks: tqdm(tasks, unit="task", leave=False, disable=True if quiet else None),
    )
    say(f"{out}: {len(files)} files, {train} training and {test} test questions per task (generated, not bAbI)")
