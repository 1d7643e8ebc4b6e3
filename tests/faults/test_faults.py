"""A fault at every file-system operation of every verb; see tests/faults/harness.py."""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.faults.verbs import VERBS


def attack(*arguments: str) -> list[dict]:
    """In a process of its own: a fork of one in which a network has learnt cannot learn."""
    command = [sys.executable, "-m", "tests.faults", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_some_faults_of_some_verbs_leave_nothing_behind():
    verbs = ["train", "suite", "download-babi --mirror", "generate-babi", "config init"]
    found = attack(*verbs, "--most", "5")
    assert [one["verb"] for one in found] == verbs
    for one in found:
        assert one["cases"] == 5
        assert one["wrong"] == []


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
def test_a_sample_of_all_faults_leaves_nothing_behind(verb):
    """Spread evenly over all; `make faults` tries every one. A fork does what a process of its own does."""
    (found,) = attack(verb, "--most", "30", "--real")
    assert found["cases"] > 10
    assert found["wrong"] == []


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["train", "train --resume"])
def test_killed_at_every_change_of_a_file_a_training_ends_with_the_same_bytes(verb):
    (found,) = attack(verb, "--fault", "killed before")
    assert found["cases"] > 50
    assert found["wrong"] == []
