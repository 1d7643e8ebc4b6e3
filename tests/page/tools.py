"""Programs that only the tests of the page need: Node and Chromium."""

import os
import shutil

import pytest


def needs(program: str) -> str:
    """The path of a program; without it the test is skipped, but in CI it fails."""
    path = shutil.which(program)
    if path is None:
        assert not os.environ.get("CI"), f"{program} is not installed, and in CI it must be"
        pytest.skip(f"{program} is not installed: apt-get install {'nodejs' if program == 'node' else program}")
    return path
