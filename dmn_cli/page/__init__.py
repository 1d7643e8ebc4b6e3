"""One page that shows a run or a suite, and in which the network itself answers: ``dmn view``."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmn_cli.report.prediction import Prediction


def write(folder: Path) -> Path:
    """Write the page of a run or a suite that has ended, into its folder; see make.write."""
    from dmn_cli.page import make  # imports torch

    return make.write(folder)


def draw(one: "Prediction", path: Path) -> None:
    """Draw what each pass over a story attended to, as an .svg or .png file; see curves.for_paper."""
    from dmn_cli.page import curves
    from dmn_cli.report.heat import chance

    title = f"{one.question} {one.answer} ({chance(one.probability)})"
    curves.for_paper([], title, one.facts, one.gates, path)
