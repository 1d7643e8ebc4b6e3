"""``python -m tests.faults VERB...``: for each a JSON object with its operations, cases and what went wrong in them.

See tests/faults/harness.py.
"""

import argparse
import contextlib
import json
import os
import tempfile
from pathlib import Path

from tests.faults import zygote
from tests.faults.harness import attack
from tests.faults.verbs import VERBS


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("verbs", nargs="+", choices=[*VERBS, "all"])
    parser.add_argument("--most", type=int, default=0, help="cases of each verb; 0: all")
    parser.add_argument("--fault", help="that one alone")
    parser.add_argument("--real", action="store_true", help="see first that a fork does what a process of its own does")
    parser.add_argument("--keep", type=Path, help="where the folders of cases that went wrong stay")
    given = parser.parse_args()
    zygote.import_all()
    for name in VERBS if given.verbs == ["all"] else given.verbs:
        keep = contextlib.nullcontext(given.keep) if given.keep else tempfile.TemporaryDirectory()
        with keep as scratch:
            began = sum(os.times()[:4])
            found = attack(name, VERBS[name], Path(scratch).resolve() / name, given.most, given.fault, given.real)
            print(json.dumps({**found, "processor seconds": round(sum(os.times()[:4]) - began, 1)}), flush=True)


main()
