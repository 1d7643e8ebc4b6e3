"""How a suite holds its runs: each is a `dmn train` that ends with the suite, however the suite ends."""

import contextlib
import os
import threading

from dmn_cli.errors import TERMINATED

VARIABLE = "DMN_END_WITH_STDIN"
"""In the environment of a run that ends when its stdin does: the other end of that pipe is the suite's, and goes with
it even where the suite is killed. No option: the command in the run's record can be typed as it stands."""


def environment() -> dict[str, str]:
    """What a suite gives its runs."""
    return {**os.environ, VARIABLE: "1"}


def hold() -> None:
    """In a run of a suite: from now on end with it. What is not saved then (5 seconds at most) is made again."""
    if os.environ.pop(VARIABLE, "") == "1":
        threading.Thread(target=_end_with_stdin, daemon=True).start()


def _end_with_stdin() -> None:
    with contextlib.suppress(OSError):  # as good as closed
        while os.read(0, 1):
            pass
    os._exit(TERMINATED)
