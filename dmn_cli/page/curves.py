"""Curves of a training and the attention of one question, drawn by matplotlib as SVG or PNG.

Why matplotlib and not Bokeh: a page is at most 3 MB, and 1 to 1.4 of them are the network's weights; Bokeh's script is
1.4 more, matplotlib's SVG of a run is 30 kB and needs no script, so the page's content policy can forbid all but ours.
What is lost is hover and zoom; the page has the exact figures of every epoch in a table below the curves. matplotlib
comes with the base installation (60 MB beside torch's 700), so that every page has its curves.
"""

import base64
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dmn_cli.report.plots import save
from dmn_cli.text import safe, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, DARK_INK = "#3a3a3c", "#c9c9ce"
GRID, DARK_GRID = "#e6e4e0", "#3a3a3e"
HOT, COOL, THIRD = "#d9730d", "#2f6f9f", "#8a8a8e"
"""Colours on white paper, and those of text and grid on a dark page; the lines' are seen on both."""

MOST_POINTS = 300
"""Points of a curve: more are not seen."""

Epochs = list[dict[str, Any]]


class Picture(NamedTuple):
    """A picture for a page: two data addresses, for light and dark pages, and what it shows in words."""

    light: str
    dark: str
    words: str


def loss(epochs: Epochs) -> Picture:
    """Training losses and the validation loss by epoch."""
    figure, axis = _figure("loss (nats per question)")
    shown = _thinned(epochs)
    x = [line["epoch"] for line in shown]
    _line(axis, x, [line["answer_loss"] for line in shown], HOT, "answers, training")
    if any(line["gate_loss"] for line in shown):
        _line(axis, x, [line["gate_loss"] for line in shown], COOL, "gates, training")
    _line(axis, x, [line["valid_loss"] for line in shown], THIRD, "answers, validation")
    axis.set_yscale("log")
    axis.legend(frameon=False, fontsize=8, labelcolor=INK)
    last = epochs[-1]
    return _picture(figure, f"Loss by epoch; after epoch {last['epoch']} validation {last['valid_loss']:.3g}")


def accuracy(epochs: Epochs) -> Picture:
    """Validation accuracy by epoch, the best one marked."""
    figure, axis = _figure("validation accuracy (%)")
    shown = _thinned(epochs)
    _line(axis, [line["epoch"] for line in shown], [100 * line["valid_accuracy"] for line in shown], COOL, "")
    best = [line for line in epochs if line["best"]][-1:]
    for line in best:
        axis.plot([line["epoch"]], [100 * line["valid_accuracy"]], "o", color=HOT, markersize=5)
    axis.set_ylim(None, 101)
    words = [f"; best in epoch {line['epoch']}: {100 * line['valid_accuracy']:.1f} %" for line in best]
    return _picture(figure, "Validation accuracy by epoch" + "".join(words))


def side_by_side(runs: dict[str, dict[int, Epochs]]) -> Picture:
    """Validation accuracy by epoch: a panel for each network, a line for each of its seeds."""
    from matplotlib.figure import Figure

    columns = min(4, len(runs))
    rows = -(-len(runs) // columns)
    figure = Figure(figsize=(2.4 * columns, 1.7 * rows), layout="constrained")
    for number, (name, seeds) in enumerate(runs.items(), start=1):
        axis = figure.add_subplot(rows, columns, number)
        _style(axis)
        axis.set_title(name, fontsize=9, color=INK)
        for at, epochs in enumerate(seeds.values()):
            shown = _thinned(epochs)
            accuracies = [100 * line["valid_accuracy"] for line in shown]
            _line(axis, [line["epoch"] for line in shown], accuracies, (COOL, HOT, THIRD)[at % 3], "")
        axis.set_ylim(None, 103)
    return _picture(figure, f"Validation accuracy (%) by epoch of {', '.join(runs)}; a line for each seed")


def for_paper(
    epochs: Epochs, question: str, facts: Sequence[str], gates: Sequence[Sequence[float]], path: Path
) -> None:
    """Write the curves of a run and the attention of one question as one picture.

    Args:
        epochs: of the run; may be empty.
        question: and the answer, as the title.
        facts: as written.
        gates: of each pass the gate of each fact, 0 to 1.
        path: an .svg or .png file.

    Raises:
        DmnError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    with _quiet():
        height = max(2.6, 0.24 * len(facts) + 1)
        figure = Figure(figsize=(9.6 if epochs else 5.4, height), layout="constrained")
        widths = [1.0, 1.5] if epochs else [1.0]
        grid = figure.add_gridspec(1, len(widths), width_ratios=widths)
        if epochs:
            axis = figure.add_subplot(grid[0])
            _style(axis)
            x = [line["epoch"] for line in epochs]
            _line(axis, x, [100 * line["valid_accuracy"] for line in epochs], COOL, "")
            axis.set(xlabel="epoch", ylabel="validation accuracy (%)")
        axis = figure.add_subplot(grid[len(widths) - 1])
        axis.imshow(list(zip(*gates, strict=True)), cmap="Oranges", vmin=0, vmax=1, aspect="auto")
        axis.set_yticks(range(len(facts)), [_cut(fact) for fact in facts], fontsize=8)
        axis.set_xticks(range(len(gates)), [f"pass {number + 1}" for number in range(len(gates))], fontsize=8)
        axis.xaxis.tick_top()
        axis.tick_params(length=0)
        axis.set_title(safe(question), fontsize=9, parse_math=False)
        save(figure, path, dpi=200)


def _cut(text: str) -> str:
    text = visible(text)
    return (text if len(text) <= 60 else text[:59] + "…").replace("$", r"\$")


def _figure(label: str) -> tuple["Figure", "Axes"]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8, 2.7), layout="constrained")
    axis = figure.add_subplot()
    _style(axis)
    axis.set_title(label, fontsize=9, color=INK, loc="left")
    axis.set_xlabel("epoch", fontsize=8, color=INK)
    return figure, axis


def _style(axis: "Axes") -> None:
    from matplotlib.ticker import MaxNLocator

    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(GRID)
    axis.tick_params(colors=INK, labelsize=8, length=0)
    axis.grid(color=GRID, linewidth=0.8)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))


def _line(axis: "Axes", x: Sequence[float], y: Sequence[float], colour: str, label: str) -> None:
    marker = "o" if len(x) == 1 else ""
    axis.plot(x, y, color=colour, linewidth=1.4, label=label, marker=marker)


def _thinned(epochs: Epochs) -> Epochs:
    step = -(-len(epochs) // MOST_POINTS)
    return [*epochs[:-1:step], epochs[-1]]


def _picture(figure: "Figure", words: str) -> Picture:
    buffer = io.StringIO()
    with _quiet():
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    dark = svg.replace(INK, DARK_INK).replace(GRID, DARK_GRID).replace("#000000", DARK_INK)
    return Picture(_address(svg), _address(dark), words)


def _address(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")


def _quiet() -> Any:
    """matplotlib with our settings: text stays text, in the reader's own font; names in it are no formulas."""
    import logging

    import matplotlib

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # where it keeps its fonts is no news
    return matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "dmn", "font.family": "sans-serif"})
