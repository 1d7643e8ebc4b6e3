"""The gates of every pass as a table in colours."""

from rich import box
from rich.table import Table
from rich.text import Text

HOT = (255, 140, 0)
"""The colour of a gate of 1; one of 0 would be white."""


def heat_table(facts: list[str], gates: list[list[float]]) -> Table:
    """Facts down, passes across.

    Args:
        facts: what the gates are of.
        gates: of each pass the gate of each fact, 0 to 1.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("fact", overflow="fold")
    for number in range(1, len(gates) + 1):
        table.add_column(f"pass {number}", justify="right", no_wrap=True)
    for fact, row in zip(facts, zip(*gates, strict=True), strict=True):
        table.add_row(Text(fact), *(Text(f" {gate:.2f} ", style=_colour(gate)) for gate in row))
    return table


def _colour(gate: float) -> str:
    if gate < 0.05:
        return "dim"
    red, green, blue = (round(255 + (part - 255) * gate) for part in HOT)
    return f"black on rgb({red},{green},{blue})"
