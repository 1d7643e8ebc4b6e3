"""``dmn compare``."""

from pathlib import Path
from typing import Annotated

import typer

from dmn_cli.cli.options import DataDir, Device, Json, Split, print_json
from dmn_cli.cli.text import safe, shown, terminal


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="A suite folder, a run folder or a checkpoint.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    split: Split = "test",
    file: Annotated[
        Path | None, typer.Option(help="A story file to ask both about (default: what A was tested on).")
    ] = None,
    most: Annotated[int, typer.Option("--most", min=0, help="Questions shown that only one of them has right.")] = 5,
    data_dir: DataDir = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Ask two networks the same questions: how their configs differ, who is right where, and whether that is chance.

    Of two suites: accuracy by task and seed, side by side, and who is right where over all seeds that both have.

    McNemar's exact test looks at the questions that only one of them has right: how probable such a difference is if
    both are equally good.
    """
    from dmn_cli.errors import DmnError
    from dmn_cli.report.compared import as_json as plain_comparison
    from dmn_cli.report.compared import as_text, suites_as_json, suites_as_text
    from dmn_cli.runs.compare import compare as compare_runs
    from dmn_cli.runs.compare import compare_suites, is_suite
    from dmn_cli.training.build import device as find_device

    suites = [is_suite(path) for path in (first, second)]
    if any(suites) and not all(suites):
        suite, other = (first, second) if suites[0] else (second, first)
        raise DmnError(f"{suite} is a suite, {other} is not", f"compare with one of its runs: `dmn runs {suite}`")
    if all(suites):
        if split != "test" or file or data_dir:
            raise DmnError("--split, --file and --data-dir go with two runs", "suites are compared by their results")
        of_suites = compare_suites(first, second, find_device(device))
        if as_json:
            print_json(suites_as_json(of_suites))
            return
        console = terminal()
        named = of_suites._replace(first=safe(of_suites.first), second=safe(of_suites.second))
        for part in suites_as_text(named._replace(notes=list(map(safe, named.notes)))):
            console.print(part)
        return
    found = compare_runs(first, second, split, file, data_dir, find_device(device))
    if as_json:
        print_json(plain_comparison(found))
        return
    sides = [
        side._replace(name=safe(side.name), predictions=list(map(shown, side.predictions)))
        for side in (found.first, found.second)
    ]
    console = terminal()
    for part in as_text(found._replace(first=sides[0], second=sides[1]), most):
        console.print(part)
