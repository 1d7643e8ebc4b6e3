"""The network that comes with the package."""

from pathlib import Path

from dmn_cli.errors import DmnError

NETWORK = Path(__file__).parent.parent / "box" / "network.pt"
"""Its checkpoint: package data."""


def path() -> Path:
    """The checkpoint of the network in the box.

    Raises:
        DmnError: this installation has none.
    """
    if not NETWORK.is_file():
        raise DmnError("there is no network in the box of this installation", "name a run: dmn ask runs/NAME")
    return NETWORK
