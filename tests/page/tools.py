"""What the tests of the page share: Node and Chromium, which only they need; hostile stories; runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


def needs(program: str) -> str:
    """The path of a program; without it the test is skipped, but in CI it fails."""
    path = shutil.which(program)
    if path is None:
        assert not os.environ.get("CI"), f"{program} is not installed, and in CI it must be"
        pytest.skip(f"{program} is not installed: apt-get install {'nodejs' if program == 'node' else program}")
    return path


HOSTILE = [
    "<script>window.hacked = 1</script>",
    "</script><script>window.hacked = 1</script>",
    "</style><style>* { display: none }</style>",
    "<!--<script>",
    "<img src=x onerror=window.hacked=1>",
    "\"quotes\" 'and' `ticks` & &amp; &lt; {{ 7 * 7 }} ${7} %s \\",
    "مرحبا بالعالم \u202eright to left\u202c שלום",
    "👩‍👩‍👧 went 😀 to the 🏠 garden",
    "a\u0007bell\u001b[31m and\u200bzero\u2028width\u2029 \ufeffx \u0001",
]


def hostile_stories(count: int) -> str:
    """Stories in bAbI's format whose facts, questions and answers are hostile."""
    lines = []
    for number in range(count):
        text = HOSTILE[number % len(HOSTILE)]
        place = ["garden", "</script><b>office</b>"][number % 2]
        lines += [f"1 Mary {text} went to the garden.", f"2 John went to {number}.", f"3 Where is {text}?\t{place}\t1"]
    return "\n".join(lines) + "\n"


def dmn_in(folder: Path, *arguments: str) -> None:
    """``dmn ARGUMENTS`` in a folder, in a process of its own; it must succeed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "dmn_cli", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
