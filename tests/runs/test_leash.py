"""A run that a suite holds ends when the suite does."""

import os
import subprocess
import sys

import pytest

from dmn_cli.runs import leash

SLEEPS = "import time; from dmn_cli.runs.leash import hold; hold(); print('held', flush=True); time.sleep({seconds})"


def start(seconds, **more):
    command = [sys.executable, "-c", SLEEPS.format(seconds=seconds)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)


@pytest.mark.parametrize("early", [False, True])
def test_it_ends_when_stdin_closes(early):
    with start(600, env=leash.environment()) as process:
        if not early:
            assert process.stdout.readline() == b"held\n"
        process.stdin.close()
        assert process.wait(60) == 143


def test_what_a_user_starts_does_not():
    with start(0.2) as process:
        process.stdin.close()
        assert process.wait(60) == 0


def test_a_run_does_not_hand_it_on(monkeypatch):
    monkeypatch.setenv(leash.VARIABLE, "1")
    monkeypatch.setattr(leash, "_end_with_stdin", lambda: None)
    leash.hold()
    assert leash.VARIABLE not in os.environ
