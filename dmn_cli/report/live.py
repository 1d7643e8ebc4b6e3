"""What a training shows while it runs, and its curve in one line."""

import itertools
from collections.abc import Sequence

from dmn_cli.report.tables import percent

BARS = "▁▂▃▄▅▆▇█"

WIDTH = 40
"""The most signs of a sparkline."""


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """A curve in one line: from its lowest value to its highest; each sign is the mean of a part of a long one."""
    if not values:
        return ""
    count = min(len(values), width)
    edges = [round(part * len(values) / count) for part in range(count + 1)]
    means = [sum(values[low:high]) / (high - low) for low, high in itertools.pairwise(edges)]
    low, high = min(means), max(means)
    if high == low:
        return BARS[-1] * count
    return "".join(BARS[round((mean - low) / (high - low) * (len(BARS) - 1))] for mean in means)


def epoch_line(
    epoch: int,
    epochs: int,
    answer_loss: float,
    gate_loss: float | None,
    valid_loss: float,
    valid_accuracy: float,
    best: float,
) -> str:
    """A line of at most 80 signs that an epoch leaves above the bar.

    Args:
        epoch, epochs: which, of how many.
        answer_loss: of the training questions, in nats per question.
        gate_loss: of the gates; None where they are not taught.
        valid_loss: of the answers to the validation questions.
        valid_accuracy, best: of this epoch and of the best so far, 0 to 1.
    """
    width = len(str(epochs))
    gates = "" if gate_loss is None else f"  gates {gate_loss:.3f}"
    is_best = "  best so far" if valid_accuracy >= best else f"  best {percent(best)} %"
    return (
        f"epoch {epoch:>{width}}/{epochs}  loss {answer_loss:.3f}{gates}  "
        f"valid {valid_loss:.3f}, {percent(valid_accuracy)} %{is_best}"
    )


def curve_line(valid_accuracies: Sequence[float]) -> str:
    """The validation accuracy from the first epoch to the last; "" where there are fewer than two."""
    if len(valid_accuracies) < 2:
        return ""
    low, high = min(valid_accuracies), max(valid_accuracies)
    return f"validation {sparkline(valid_accuracies)}  {percent(low)} to {percent(high)} %"
