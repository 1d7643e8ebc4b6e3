"""The gates of every pass as a table in colours."""

from rich import box
from rich.table import Table
from rich.text import Text

from dmn_cli.report.prediction import ATTENDED, END_OF_PASSES, Prediction

HOT = (255, 140, 0)
"""The colour of a gate of 1; one of 0 would be white."""

LONG = 12
"""Facts from which on only those are shown that count."""


def heat_table(prediction: Prediction, whole: bool = False) -> Table:
    """Facts down, passes across; supporting facts are marked, where they are known.

    Args:
        prediction: the facts and their gates.
        whole: show all facts of a long story too, not only those that count in a pass or are supporting facts.
    """
    facts, gates, supporting = prediction.facts, prediction.gates, prediction.supporting
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    if supporting:
        table.add_column("", no_wrap=True)
    table.add_column("fact", overflow="fold")
    for number, kind in enumerate(prediction.passes, start=1):
        name = f"pass {number}" if len(gates) < 6 else str(number)
        table.add_column("\n".join([name, kind] if kind else [name]), justify="right", no_wrap=True)
    hidden = 0
    for at, fact in enumerate(facts):
        row = [one[at] for one in gates]
        if whole or len(facts) <= LONG or at in supporting or fact == END_OF_PASSES or max(row, default=0) >= ATTENDED:
            mark = [Text("●" if at in supporting else "", style="green")] if supporting else []
            table.add_row(*mark, Text(fact), *(Text(f" {gate:.2f} ", style=_colour(gate)) for gate in row))
        else:
            hidden += 1
    notes = [
        "● supporting fact" if supporting else "",
        f"{hidden} more facts, gates below {ATTENDED:g}" if hidden else "",
        "no fact was attended: the answer rests on the question alone" if prediction.blind else "",
    ]
    table.caption = "\n".join(note for note in notes if note) or None
    table.caption_justify = "left"
    return table


def _colour(gate: float) -> str:
    if gate < ATTENDED:
        return "dim"
    red, green, blue = (round(255 + (part - 255) * gate) for part in HOT)
    return f"black on rgb({red},{green},{blue})"


def answer_line(prediction: Prediction) -> str:
    """The answer, how sure, and the next two: ``kitchen 93 % (office 5 %, garden 1 %)``."""
    others = ", ".join(f"{answer or '(nothing)'} {chance(part)}" for answer, part in prediction.others)
    said = f"{prediction.answer or '(nothing)'} {chance(prediction.probability)}"
    return f"{said}  ({others})" if others else said


def chance(part: float) -> str:
    """A probability for a reader: 93.1 %; it is never rounded to 100 % or 0 %."""
    return "> 99.9 %" if part >= 0.9995 else "< 0.1 %" if part < 0.0005 else f"{100 * part:.1f} %"
