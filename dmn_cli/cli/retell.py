"""``dmn data retell``."""

from pathlib import Path
from typing import Annotated

import typer

from dmn_cli.cli.options import DataDir, Grammar, Quiet, Subset, TaskChoice, Tasks, chosen
from dmn_cli.cli.text import say
from dmn_cli.errors import DmnError


def retell(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to: a new folder, or an empty one.")],
    grammar: Grammar = None,
    data_dir: DataDir = None,
    subset: Subset = "en",
    task: TaskChoice = None,
    tasks: Tasks = None,
    words: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The words file that the stories were generated with.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a folder that was made before.")] = False,
    quiet: Quiet = False,
) -> None:
    """Retell English stories in the grammar of a made-up language, label for label: train with `--data-dir DIR`.

    The words are invented, and the same on every machine. The stories are no longer bAbI.
    """
    from tqdm import tqdm

    from dmn_cli.babi.download import find_data, task_files
    from dmn_cli.babi.tasks import TASKS
    from dmn_cli.babi.unpack import SUBSETS
    from dmn_cli.generator.check import FOREIGN
    from dmn_cli.generator.layout import write_retold
    from dmn_cli.generator.words import read_words

    if grammar is None:
        raise DmnError("give --grammar NAME")
    if subset.startswith(FOREIGN):
        raise DmnError(f"--subset {subset}: not in English", "English stories alone can be retold")
    if subset not in SUBSETS:
        raise DmnError(f"--subset {subset!r}: the directories of v1.2 are {', '.join(SUBSETS)}")
    folder = find_data(data_dir or Path("data"), subset)
    wanted = chosen(task, tasks)
    files: dict[str, Path] = {}
    for number in wanted or TASKS:
        if wanted or any(folder.glob(f"qa{number}_*.txt")):
            files |= {f"{subset}/{path.name}": path for path in task_files(folder, subset, number).values()}
    options = {"grammar": grammar, "data-dir": data_dir, "subset": subset, "words": words}
    options["tasks"] = ",".join(map(str, wanted)) if wanted else None
    command = "dmn data retell " + " ".join(f"--{name} {value}" for name, value in options.items() if value is not None)
    made = write_retold(
        out,
        files,
        grammar,
        read_words(words) if words else None,
        command=command,
        force=force,
        progress=lambda names: tqdm(names, unit="file", leave=False, disable=True if quiet else None),
    )
    say(f"{out}: {len(made)} files retold by the grammar {grammar} (not bAbI)")
