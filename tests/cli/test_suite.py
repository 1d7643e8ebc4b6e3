"""``dmn suite`` and ``dmn report`` as a user meets them; the runs are played (see tests/training/fake_train.py)."""

import json
from pathlib import Path

import pytest

from dmn_cli.cli import suite as verb
from dmn_cli.config import from_plain
from dmn_cli.records import Epoch, Results, TaskRow
from dmn_cli.runs import jobs, suite
from dmn_cli.runs.jobs import Job
from tests.runs.test_suite import FAKE


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Say what the runs of a suite come to."""
    monkeypatch.setattr(jobs, "TRAIN", FAKE)
    monkeypatch.setattr(suite, "TICK", 0.02)
    (tmp_path / "small.yaml").write_text("data: {source: generated}\n")
    (tmp_path / "runs").mkdir()

    def write(**runs):
        content = {name.replace("_", "-"): run for name, run in runs.items()}
        (tmp_path / "runs" / "play.json").write_text(json.dumps(content))

    write()
    return write


def test_the_table_and_where_everything_lies(dmn, play):
    play(task1_seed0={"right": [97]}, task2_seed0={"right": [94]})
    done = dmn("suite", "--config", "small.yaml", "--tasks", "1-2", "--jobs", 2)
    assert done.code == 0
    lines = [line.split() for line in done.out.splitlines()]
    assert "1 name-1 97.0 91.5 – 99.0 100.0 yes".split() in lines  # noqa: SIM905
    assert "mean 95.50 1 of 2".split() in lines  # noqa: SIM905
    assert "generated stories (not bAbI), test split" in done.out
    assert "runs/suite-small/results.md" in done.out
    assert sorted(line[5:] for line in done.err.splitlines()) == [
        "task1 seed 0  valid 100.0%  test 97.0%",
        "task2 seed 0  valid 100.0%  test 94.0%",
    ]
    assert [line[:3] for line in done.err.splitlines()] == ["1/2", "2/2"]
    again = dmn("suite", "--config", "small.yaml", "--tasks", "1-2", "--jobs", 2)
    assert (again.code, again.out) == (0, done.out)


def test_json_and_quiet(dmn, play, tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "play.json").write_text("{}")
    done = dmn("suite", "--config", "small.yaml", "--tasks", "1", "--seeds", 2, "--suite-dir", "x/y", "--json", "-q")
    assert (done.code, done.err) == (0, "")
    content = json.loads(done.out)
    assert content == json.loads((tmp_path / "x" / "y" / "results.json").read_text())
    assert content["command"] == "dmn suite --config small.yaml --tasks 1 --seeds 2 --suite-dir x/y --json -q"
    assert content["suite"] == "y"


def test_a_failed_run_is_exit_code_1(dmn, play):
    play(task2_seed0={"fails": "sys.exit('error: training diverged in step 3')"})
    done = dmn("suite", "--config", "small.yaml", "--tasks", "1,2")
    assert done.code == 1
    assert "task2, seed 0 failed: training diverged in step 3" in done.out.splitlines()
    assert "name-1" in done.out
    assert "Traceback" not in done.err


def test_set_changes_the_config(dmn, play, tmp_path):
    assert dmn("suite", "--config", "small.yaml", "--tasks", "1", "--set", "train.epochs=7").code == 0
    assert "epochs: 7" in (tmp_path / "runs" / "suite-small" / "config.yaml").read_text()
    other = dmn("suite", "--config", "small.yaml", "--tasks", "1")
    assert other.code == 2
    assert other.err.splitlines() == [
        "error: runs/suite-small: the suite's config is another: train.epochs 7 → 100",
        "hint: choose another --suite-dir",
    ]


def test_a_sweep(dmn, play, tmp_path):
    line = ("suite", "--config", "small.yaml", "--tasks", "1", "--seeds", 2, "--grid", "train.learning_rate=1e-3,5e-3")
    (tmp_path / "runs" / "sweep-small").mkdir()
    (tmp_path / "runs" / "sweep-small" / "play.json").write_text("{}")
    (tmp_path / "runs" / "sweep-small" / "sweep.yaml").write_text("data: {source: generated}\n")
    done = dmn(*line)
    assert done.code == 0, done.err
    lines = [line.split() for line in done.out.splitlines()]
    assert ["learning_rate", "valid", "time"] in lines
    assert "0.001 100.00 ± 0.00 20 s best".split() in lines  # noqa: SIM905
    assert "0.005 100.00 ± 0.00 20 s".split() in lines  # noqa: SIM905
    assert "chosen on validation: learning_rate=0.001; on the test split:" in done.out
    assert "8/8" not in done.err
    assert "0.005 task1 seed 1  valid 100.0%" in done.err
    assert "test" not in done.err
    assert dmn(*line).out == done.out
    assert json.loads(dmn(*line, "--json").out)["chosen"] == "learning_rate=0.001"
    report = dmn("report", "runs/sweep-small")
    assert "learning_rate=0.005" in report.out


BAD = {
    "suite --config small.yaml --grid train.lr=1": "--grid train.lr: unknown key; did you mean",
    "suite --config small.yaml --grid train.epochs=a": "--grid train.epochs: expected a whole number",
    "suite --config small.yaml --grid train.seed=1": "--grid train.seed: ",
    "suite --config small.yaml --grid train.epochs=1 --set train.epochs=2": "given by --set too",
    "suite": "Missing option",
    "suite --config nosuch.yaml": "nosuch.yaml: no such config",
    "suite --config small.yaml --tasks 0": "numbers and ranges from 1 to 20",
    "suite --config small.yaml --seeds 0": "greater than or equal to 1",
    "suite --config small.yaml --jobs 0": "greater than or equal to 1",
    "suite --config small.yaml --device tpu": "there is no such device here",
    "suite --config small.yaml --set train.restart=1": "did you mean restarts?",
    "suite --config small.yaml --set data.tasks=[1,2] --tasks 1": "one network learns all tasks",
    "report": "Missing argument",
    "report small.yaml": "small.yaml: not JSON",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_input(line, dmn, play):
    done = dmn(*line.split())
    assert (done.code, done.out) == (2, "")
    assert BAD[line] in done.err
    assert "Traceback" not in done.err


def test_report(dmn, play):
    dmn("suite", "--config", "small.yaml", "--tasks", "1,2")
    done = dmn("report", "runs/suite-small/results.json")
    assert (done.code, done.err) == (0, "")
    assert "| small | generated stories" in done.out
    assert "| 10 s (task1) | 123 MB | `dmn suite --config small.yaml --tasks 1,2` |" in done.out
    assert "| 2 | name-2 | 100.0 |" in done.out


def made(state, number, epochs=0, **more):
    epoch = Epoch(epoch=epochs, valid_loss=1.0, valid_accuracy=0.5, best=True, seconds=2.0, questions_per_second=1234.0)
    config = from_plain({"train": {"epochs": 10}})
    return Job(f"task{number}", config, Path(f"task{number}"), 0, state, [epoch] * epochs, **more)


def view(jobs, height):
    from rich.console import Console

    console = Console(width=100)
    with console.capture() as capture:
        console.print(verb._view(jobs, 2, height))
    return [line.split() for line in capture.get().splitlines() if line.strip()]


def test_the_live_table():
    row = TaskRow(
        task=1, name="x", questions=4, correct=3, accuracy=0.75, interval=[0.3, 0.95], published=None, passed=False
    )
    results = Results(split="test", tasks=[row], mean_accuracy=0.75, tasks_passed=0, data={})
    jobs = [
        made("done", 1, 10, results=results),
        made("running", 2, 4),
        made("failed", 3, 1, why="diverged"),
        made("waiting", 4),
    ]
    lines = view(jobs, 40)
    assert lines[0] == ["task", "seed", "epoch", "valid", "q/s", "left"]
    assert lines[2:6] == [
        ["task1", "0", "10/10", "50.0%", "1,234", "test", "75.0%"],
        ["task2", "0", "4/10", "50.0%", "1,234", "12", "s", "running"],
        ["task3", "0", "1/10", "50.0%", "1,234", "diverged"],
        ["task4", "0", "waiting"],
    ]
    assert " ".join(lines[6]) == "1 done, 1 running, 1 waiting, 1 failed; about 16 s left"


def test_the_live_table_fits_the_terminal():
    jobs = [made("waiting", number) for number in range(1, 30)]
    jobs[20], jobs[25] = made("running", 21, 1), made("failed", 26, why="diverged")
    lines = view(jobs, 12)
    assert len(lines) <= 11
    shown = [line[0] for line in lines]
    assert {"task21", "task26"} <= set(shown)
