"""How a run was made: code, versions, machine, data."""

import datetime
import platform
import shlex
import subprocess
import sys
from pathlib import Path

import torch

from dmn_cli import __version__
from dmn_cli.model.fast import kernels
from dmn_cli.records import Start
from dmn_cli.splits import Split
from dmn_cli.training.checkpoint import Checkpoint


def start(checkpoint: Checkpoint, train: Split, device: torch.device) -> Start:
    """The record of a start or a resumption, from the checkpoint it starts with."""
    return Start(
        started=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        command=_command(),
        from_step=checkpoint.progress.step,
        dmn=__version__,
        git=git_sha(),
        python=platform.python_version(),
        torch=str(torch.__version__),
        platform=platform.platform(),
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        threads=checkpoint.threads,
        kernels=kernels.active(),
        parameters=sum(parameter.numel() for parameter in checkpoint.model.parameters()),
        passes=checkpoint.decided.passes,
        data=train.digests or checkpoint.config.data.source,
    )


def _command() -> str:
    name = Path(sys.argv[0]).name
    return shlex.join(["dmn" if name == "__main__.py" else name, *sys.argv[1:]])  # `python -m dmn_cli`


def git_sha() -> str | None:
    """The commit this package is run from; None for an installed one."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=5,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
