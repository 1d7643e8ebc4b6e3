"""The worker in this process: what it makes of a run's folder, as it finds it."""

import json
import os
import subprocess
import sys

import pytest
import torch

from dmn_cli.config import plain
from dmn_cli.runs import run, worker
from tests.training.conftest import small


def order(config):
    return {"config": plain(config), "device": "cpu", "threads": 1}


def test_it_trains_and_keeps_account(tmp_path):
    folder = tmp_path / "run"
    assert worker.usage(folder) == {"seconds": 0.0, "peak_memory_mb": 0.0}
    worker._work(folder, order(small(epochs=1)), 0.0)
    assert run.is_done(folder)
    taken = worker.usage(folder)
    assert taken["seconds"] > 0
    assert 50 < taken["peak_memory_mb"] < 10_000


def test_it_goes_on_with_a_run(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    monkeypatch.setattr(run, "SAVE_SECONDS", -1.0)
    training = run.go(run.start(small(epochs=2), folder, torch.device("cpu"), 1))
    for _ in range(8):
        next(training)
    training.close()
    (folder / worker.USAGE).write_text('{"seconds": 1000.0, "peak_memory_mb": 99999.0}')
    worker._work(folder, order(small(epochs=2)), 0.0)
    assert run.is_done(folder)
    starts = json.loads((folder / "run.json").read_text())["starts"]
    assert starts[0]["from_step"] == 0
    assert starts[1]["from_step"] > 0
    taken = worker.usage(folder)
    assert taken["seconds"] > 1000
    assert taken["peak_memory_mb"] == 99999.0


def test_a_run_stopped_before_its_first_save_is_begun_anew(tmp_path):
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text("half")
    worker._work(folder, order(small(epochs=1)), 0.0)
    assert run.is_done(folder)


SAID = {
    OSError(28, "No space left on device", "run.json"): "error: run.json: No space left on device\n",
    MemoryError(): "error: out of memory\nhint: a smaller model",
}


@pytest.mark.parametrize("raised", SAID, ids=lambda raised: type(raised).__name__)
def test_what_the_system_lacks_is_a_line(raised, monkeypatch, capsys):
    def work(*arguments):
        raise raised

    read, write = os.pipe()
    os.write(write, b'{"folder": "x", "command": ["dmn"]}\n')
    real = open
    monkeypatch.setattr(worker, "_work", work)
    monkeypatch.setattr(worker, "_end_with_suite", lambda: None)
    monkeypatch.setattr(worker.sys, "argv", [])
    monkeypatch.setattr(worker, "open", lambda file, *arguments, **named: real(read, "rb", buffering=0), raising=False)
    assert worker.main() == 1
    assert capsys.readouterr().err.startswith(SAID[raised])
    os.close(write)


@pytest.mark.slow
def test_as_a_process_errors_are_lines_on_stderr_and_exit_codes(tmp_path):
    given = {**order(small()), "folder": str(tmp_path / "run"), "device": "tpu", "command": ["dmn"]}
    process = subprocess.Popen(
        [sys.executable, "-m", "dmn_cli.runs.worker", "x"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdin.write(json.dumps(given) + "\n")
    process.stdin.flush()
    assert process.wait() == 2
    assert process.stderr.read().startswith("error: --device tpu: there is no such device here\nhint: ")
    process.stdin.close()
    process.stderr.close()
