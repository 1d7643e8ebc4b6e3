"""One page that shows a run or a suite, and in which the network itself answers: ``dmn view``."""

from pathlib import Path


def write(folder: Path) -> Path:
    """Write the page of a run or a suite that has ended, into its folder; see make.write."""
    from dmn_cli.page import make  # imports torch

    return make.write(folder)
