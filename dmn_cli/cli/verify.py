"""``dmn verify``."""

from pathlib import Path
from typing import Annotated

import typer

from dmn_cli.cli.options import Device, Json, print_json
from dmn_cli.cli.text import say


def verify(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run or of a suite.")],
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Compute a run again as far as it is quick, and compare: code, config, data, weights, an epoch, the evaluation.

    Exit codes: 0 everything agrees; 1 something does not; 2 it is no run, is not done, or its stories are not here.
    """
    from dmn_cli.runs.verify import verify as compare
    from dmn_cli.training.build import device as find_device

    checks = []
    for check in compare(folder, find_device(device)):
        checks.append(check)
        if not as_json:
            say(f"{'agrees ' if check.agrees else 'DIFFERS'}  {check.what}: {check.why}", hanging="         ")
    wrong = sum(not check.agrees for check in checks)
    if as_json:
        print_json({"folder": str(folder), "agrees": not wrong, "checks": [check._asdict() for check in checks]})
    else:
        say(f"{folder}: " + (f"{wrong} of {len(checks)} differ" if wrong else f"all {len(checks)} agree"))
    if wrong:
        raise typer.Exit(1)
