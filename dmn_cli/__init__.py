"""The Dynamic Memory Network (Kumar et al., 2015, arXiv 1506.07285) on the bAbI tasks.

    import dmn_cli as dmn

    network = dmn.load("runs/task1")
    print(network.ask(["Mary went to the kitchen."], "Where is Mary?").answer)

All names are those of ``dmn_cli.api``, which is imported when one of them is first used: it needs torch.
"""

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dmn_cli.api import (
        Config,
        DmnError,
        Epoch,
        Finished,
        Network,
        Prediction,
        Question,
        Step,
        Story,
        TaskResult,
        Training,
        generate,
        load,
        read,
        train,
    )

__version__ = "0.1.0"

__all__ = [
    "Config",
    "DmnError",
    "Epoch",
    "Finished",
    "Network",
    "Prediction",
    "Question",
    "Step",
    "Story",
    "TaskResult",
    "Training",
    "generate",
    "load",
    "read",
    "train",
]

# torch says so when it is imported without numpy, which nothing here needs
warnings.filterwarnings("ignore", message="Failed to initialize NumPy", category=UserWarning)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dmn_cli import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
