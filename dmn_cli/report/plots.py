"""Pictures of measurements, drawn by matplotlib."""

import importlib.util
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dmn_cli.errors import DmnError, code_of
from dmn_cli.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".svg", ".png", ".pdf")


def check_plot(path: Path, option: str = "--plot") -> None:
    """See that a picture can be drawn into a file, before minutes are spent on what it is to show.

    Args:
        path: an .svg, .png or .pdf file.
        option: that named it.

    Raises:
        DmnError: matplotlib is not installed, it draws no such files, or there is no such folder.
    """
    if importlib.util.find_spec("matplotlib") is None:
        hint = "pip install matplotlib; in a checkout: pip install '.[plots]'"
        raise DmnError(f"{option} needs matplotlib", hint)
    if path.suffix.lower() not in SUFFIXES:
        raise DmnError(f"{option} {path}: the name must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
    if not path.parent.is_dir():
        raise DmnError(f"{option} {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise DmnError(f"{option} {path}: is a folder")


def plot_sweep(swept: dict[str, list[dict[str, float]]], path: Path) -> None:
    """Draw how the cost of a question's fact changes with the number of facts, the hidden size and the batch.

    Args:
        swept: for each of its kinds, points with ``size``, ``microseconds``, ``low`` and ``high``.
        path: see ``check_plot``.

    Raises:
        DmnError: the file cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    titles = {
        "facts": "facts a question",
        "hidden_size": "hidden size",
        "batch_size": "questions a batch",
        "long_story": "facts, one question",
        "long_story_evaluated": "the same, evaluated",
    }
    figure, axes = pyplot.subplots(1, len(swept), figsize=(16, 3.4), sharey=False, layout="constrained")
    for axis, (name, points) in zip(axes, swept.items(), strict=True):
        sizes, middles = [point["size"] for point in points], [point["microseconds"] for point in points]
        axis.fill_between(sizes, [point["low"] for point in points], [point["high"] for point in points], alpha=0.25)
        axis.plot(sizes, middles, marker="o")
        axis.set(xscale="log", xlabel=titles[name], ylim=(0, None))
        axis.set_xticks(sizes, [f"{size:g}" for size in sizes])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("µs a question's fact")
    try:
        save(figure, path)
    finally:
        pyplot.close(figure)


def save(figure: "Figure", path: Path, **options: Any) -> None:
    """Write a picture, whole or not at all.

    Args:
        figure: the picture.
        path: the file; its suffix names the format.
        options: of ``Figure.savefig``.

    Raises:
        DmnError: the file cannot be written, or there is no such format.
    """
    buffer, kind = io.BytesIO(), path.suffix[1:].lower()
    try:
        figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else None, **options)
        write_atomic(path, buffer.getvalue())
    except OSError as error:
        raise DmnError(f"{path}: cannot be written: {error.strerror or error}", code=code_of(error)) from error
    except ValueError as error:
        raise DmnError(f"{path}: cannot be written: {error}") from error
