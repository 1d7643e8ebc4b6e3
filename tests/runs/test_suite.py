"""Suites: what is chosen and written, failures, restarts, two at once, and kills at any moment.

Most runs here are played by fake_train.py; the last tests train.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from dmn_cli.config import dump, from_plain, load, plain
from dmn_cli.errors import DmnError
from dmn_cli.records import Epoch
from dmn_cli.runs import jobs as jobs_module
from dmn_cli.runs import run as runs
from dmn_cli.runs import suite as suites
from dmn_cli.runs.jobs import Job, Suite
from dmn_cli.system import exclusive

FAKE = [sys.executable, "-I", "-S", str(Path(__file__).with_name("fake_train.py"))]


@pytest.fixture(autouse=True)
def fake(monkeypatch):
    monkeypatch.setattr(jobs_module, "TRAIN", FAKE)
    monkeypatch.setattr(suites, "TICK", 0.02)


def config(tasks=(1,), **train):
    return from_plain({"data": {"source": "generated", "tasks": list(tasks)}, "train": train})


def planned(tmp_path, wanted="1,2", seeds=1, play=None, given=None, at_once=4) -> Suite:
    """A suite whose runs are played: ``play`` by the run's folder."""
    given = given or config()
    (tmp_path / "play.json").write_text(json.dumps(play or {}))
    networks = suites.networks(given, wanted)
    return Suite(given, "small", networks, seeds, tmp_path / "suite", at_once, 1, "cpu", ["dmn", "suite"])


def run(suite) -> dict:
    *_, content = suites.go(suite)
    return content


def written(suite) -> dict:
    return json.loads((suite.folder / "results.json").read_text())


# ---- what is to be run -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (None, list(range(1, 21))),
        ("all", list(range(1, 21))),
        ("3", [3]),
        ("1,2,5-8", [1, 2, 5, 6, 7, 8]),
        (" 20 , 1 - 3,2", [1, 2, 3, 20]),
        ("7-7", [7]),
    ],
)
def test_tasks(wanted, numbers):
    assert suites.networks(config([5]), wanted) == {f"task{number}": [number] for number in numbers}


@pytest.mark.parametrize(
    "wanted", ["", "0", "21", "1,,2", "5-3", "1-21", "one", "1;2", "-1", "1.5", "100", "1-2-3", "²"]
)
def test_what_is_no_task(wanted):
    with pytest.raises(DmnError, match="numbers and ranges from 1 to 20"):
        suites.networks(config(), wanted)


def test_joint_training_is_one_network():
    assert suites.networks(config([1, 6, 20]), None) == {"joint": [1, 6, 20]}
    everything = from_plain({"data": {"tasks": "all"}})
    assert suites.networks(everything, None) == {"joint": list(range(1, 21))}
    with pytest.raises(DmnError, match="one network learns all tasks"):
        suites.networks(everything, "1,2")


def test_own_stories_are_one_network():
    own = from_plain({"data": {"source": "files", "train": "train.txt"}})
    assert suites.networks(own, None) == {"own": [0]}
    with pytest.raises(DmnError, match="stories of your own"):
        suites.networks(own, "1")


# ---- results ---------------------------------------------------------------------------------------------------------


def test_the_seed_is_chosen_on_validation(tmp_path):
    """By accuracy, then loss, then as the first; the test split would have chosen another one each time."""
    play = {
        "task1-seed0": {"valid": [0.9, 0.8], "right": [100]},
        "task1-seed1": {"valid": [0.7, 0.95], "right": [90]},
        "task2-seed0": {"valid": [0.9], "loss": 0.5, "right": [100]},
        "task2-seed1": {"valid": [0.9], "loss": 0.4, "right": [80]},
        "task3-seed0": {"valid": [0.9], "right": [70]},
        "task3-seed1": {"valid": [0.9], "right": [100]},
    }
    suite = planned(tmp_path, "1-3", 2, play)
    content = run(suite)
    assert content == written(suite)
    assert [(task["task"], task["chosen_seed"], task["correct"]) for task in content["tasks"]] == [
        (1, 1, 90),
        (2, 1, 80),
        (3, 0, 70),
    ]
    assert content["mean_accuracy"] == pytest.approx(0.8)
    assert content["tasks_passed"] == 0
    first = content["tasks"][0]
    assert first["seeds"] == [
        {"seed": 0, "valid_accuracy": 0.9, "valid_loss": 0.5, "correct": 100, "accuracy": 1.0},
        {"seed": 1, "valid_accuracy": 0.95, "valid_loss": 0.5, "correct": 90, "accuracy": 0.9},
    ]
    assert first["over_seeds"] == {"mean": pytest.approx(0.95), "deviation": pytest.approx(0.05 * 2**0.5)}
    assert first["passes"] == 3
    assert content["seeds"] == [0, 1]
    over = content["over_seeds"]
    assert over["means"] == [pytest.approx(0.9), pytest.approx(0.9)]
    assert over["tasks_passed"] == [2, 1]
    assert over["deviation"] == pytest.approx(0)
    assert content["config"] == plain(suite.config)
    assert content["versions"] == {"dmn": "1", "git": "None", "python": "3", "torch": "2"}
    assert content["command"] == "dmn suite"
    assert content["data"] == {"train.txt": "abc", "test.txt": "def"}


def test_the_tasks_are_those_of_dmn_eval(tmp_path):
    """The same keys, with others beside them."""
    from dmn_cli.report.results import TaskResult, as_json

    expected = as_json([TaskResult(1, "name-1", 100, 97, None), TaskResult(2, "name-2", 100, 94, None)])
    content = run(planned(tmp_path, play={"task1-seed0": {"right": [97]}, "task2-seed0": {"right": [94]}}))
    assert [{key: task[key] for key in expected["tasks"][0]} for task in content["tasks"]] == expected["tasks"]
    assert content["mean_accuracy"] == expected["mean_accuracy"]
    assert content["tasks_passed"] == expected["tasks_passed"] == 1


def test_seeds_count_from_the_configs_own(tmp_path):
    suite = planned(tmp_path, "1", 2, given=config(seed=5))
    assert run(suite)["seeds"] == [5, 6]
    assert {path.name for path in suite.folder.glob("task*")} == {"task1-seed5", "task1-seed6"}


def test_a_joint_network_gives_a_row_a_task(tmp_path):
    play = {"joint-seed0": {"valid": [0.5], "right": [10, 20]}, "joint-seed1": {"valid": [0.6], "right": [30, 40]}}
    content = run(planned(tmp_path, None, 2, play, config([1, 2])))
    assert [(task["task"], task["chosen_seed"], task["accuracy"]) for task in content["tasks"]] == [
        (1, 1, 0.3),
        (2, 1, 0.4),
    ]
    assert content["over_seeds"]["means"] == [pytest.approx(0.15), pytest.approx(0.35)]


def test_timing_is_kept_apart(tmp_path):
    suite = planned(tmp_path, play={"task1-seed0": {"valid": [0.5, 1.0]}})
    began = time.monotonic()
    run(suite)
    took = time.monotonic() - began
    timing = json.loads((suite.folder / "timing.json").read_text())
    assert {(one["network"], one["seconds"], one["peak_memory_mb"]) for one in timing["runs"]} == {
        ("task1", 20.0, 123.0),
        ("task2", 10.0, 123.0),
    }
    assert timing["seconds"] == 30.0
    assert 0 < timing["wall_seconds"] <= round(took, 3)
    assert "seconds" not in (suite.folder / "results.json").read_text()


# ---- failures and restarts -------------------------------------------------------------------------------------------

FAILS = {
    "import sys; print('error: diverged', 'hint: x', sep='\\n', file=sys.stderr); sys.exit(1)": "diverged",
    "os.kill(os.getpid(), 9)": "killed by signal 9: was there too little memory?",
    "os.kill(os.getpid(), 11)": "killed by signal 11",
    "raise ValueError('what a thing')": "exit code 1; ValueError: what a thing (",
    "sys.exit(0)": "exit code 0; it said nothing",
    "sys.exit(143)": "stopped by a signal",
}


def test_one_failing_run_does_not_stop_the_others(tmp_path):
    play = {f"task{number}-seed0": {"fails": code} for number, code in enumerate(FAILS, start=1)}
    suite = planned(tmp_path, "1-8", play=play)
    content = run(suite)
    assert [task["task"] for task in content["tasks"]] == [7, 8]
    whys = [failed["why"] for failed in content["failed"]]
    assert [failed["network"] for failed in content["failed"]] == [f"task{number}" for number in range(1, 7)]
    assert all(why.startswith(expected) for why, expected in zip(whys, FAILS.values(), strict=True))
    assert content == written(suite)


def test_a_failed_seed_leaves_the_other_to_choose(tmp_path):
    play = {"task1-seed0": {"fails": "sys.exit(1)"}, "task1-seed1": {"right": [50]}}
    content = run(planned(tmp_path, "1", 2, play))
    assert content["tasks"][0]["chosen_seed"] == 1
    assert content["over_seeds"]["means"] == [0.5]
    assert len(content["failed"]) == 1


def test_if_all_fail_so_does_the_suite(tmp_path):
    play = {"task1-seed0": {"fails": "sys.exit('error: no data')"}}
    with pytest.raises(DmnError, match="no run succeeded: no data") as error:
        run(planned(tmp_path, "1", play=play))
    assert error.value.code == 1


def test_what_failed_is_tried_again(tmp_path):
    suite = planned(tmp_path, play={"task1-seed0": {"fails": "sys.exit(1)"}})
    assert run(suite)["failed"]
    (tmp_path / "play.json").write_text("{}")
    again = run(suite)
    assert not again["failed"]
    assert len(again["tasks"]) == 2


def test_restarts_end_when_validation_is_good(tmp_path):
    play = {
        "task1-seed0": {"valid": [0.5], "right": [50]},
        "task1-seed1": {"valid": [0.9], "right": [90]},
        "task1-seed2": {"valid": [0.95], "right": [96]},
        "task2-seed0": {"valid": [0.99], "right": [40]},
    }
    suite = planned(tmp_path, play=play, given=config(restarts=5))
    content = run(suite)
    one, two = content["tasks"]
    assert (one["restarts"], one["chosen_seed"], one["correct"]) == (2, 2, 96)
    assert (two["restarts"], two["chosen_seed"]) == (0, 0)  # the test split does not call for one
    assert one["over_seeds"] == {"mean": 0.5, "deviation": None}  # of the seeds that were asked for
    assert content["over_seeds"]["means"] == [pytest.approx(0.45)]
    assert run(suite) == content  # nothing is repeated, and the restarts are found again


def test_restarts_are_limited(tmp_path):
    play = {f"task1-seed{seed}": {"valid": [0.5]} for seed in range(9)}
    content = run(planned(tmp_path, "1", 2, play, config(restarts=3)))
    assert [seed["seed"] for seed in content["tasks"][0]["seeds"]] == [0, 1, 2, 3, 4]
    assert content["tasks"][0]["restarts"] == 3


def test_a_diverged_run_is_restarted_and_bad_input_is_not(tmp_path):
    play = {"task1-seed0": {"fails": "sys.exit(1)"}, "task2-seed0": {"fails": "sys.exit(2)"}}
    suite = planned(tmp_path, play=play, given=config(restarts=1))
    content = run(suite)
    assert [(task["task"], task["chosen_seed"], task["restarts"]) for task in content["tasks"]] == [(1, 1, 1)]
    assert not (suite.folder / "task2-seed1").exists()


KILLED = "if len((folder / 'played').read_text().splitlines()) < {times}: "


@pytest.mark.parametrize("how", ["os.kill(os.getpid(), 9)", "os.kill(os.getpid(), 11)", "sys.exit(143)"])
def test_a_killed_run_goes_on_twice(how, tmp_path):
    """By the system, for memory, or preempted: from its last save."""
    play = {
        "task1-seed0": {"fails": KILLED.format(times=3) + how},
        "task2-seed0": {"fails": KILLED.format(times=4) + how},
    }
    suite = planned(tmp_path, play=play)
    content = run(suite)
    assert [task["task"] for task in content["tasks"]] == [1]
    assert [failed["network"] for failed in content["failed"]] == ["task2"]
    assert content["failed"][0]["why"].endswith("(3 times)")
    for name in ("task1-seed0", "task2-seed0"):
        played = (suite.folder / name / "played").read_text().splitlines()
        assert ["--resume" in line for line in played] == [False, True, True]
    assert not list(suite.folder.glob("task1*.log"))


def test_a_run_that_is_killed_once_it_is_done_is_done(tmp_path):
    suite = planned(tmp_path, play={"task1-seed0": {"ends": "os.kill(os.getpid(), 9)"}})
    content = run(suite)
    assert [task["task"] for task in content["tasks"]] == [1, 2]
    assert content["failed"] == []
    assert len((suite.folder / "task1-seed0" / "played").read_text().splitlines()) == 1
    assert not list(suite.folder.glob("*.log"))


def test_what_fails_by_itself_does_not_go_on(tmp_path):
    suite = planned(tmp_path, play={"task1-seed0": {"fails": "sys.exit(1)"}})
    run(suite)
    assert len((suite.folder / "task1-seed0" / "played").read_text().splitlines()) == 1


def test_what_a_killed_suite_left_is_cleared(tmp_path):
    suite = planned(tmp_path, "1")
    run(suite)
    (suite.folder / ".results.json.abc.tmp").write_text("half")
    run(suite)
    assert not list(suite.folder.glob(".*.tmp"))


# ---- one folder ------------------------------------------------------------------------------------------------------


def test_finished_runs_are_not_repeated_and_more_can_be_added(tmp_path):
    suite = planned(tmp_path, "1")
    run(suite)
    first = (suite.folder / "task1-seed0" / "results.json").stat().st_mtime_ns
    content = run(planned(tmp_path, "1-3", 2))
    assert [len(task["seeds"]) for task in content["tasks"]] == [2, 2, 2]
    assert (suite.folder / "task1-seed0" / "results.json").stat().st_mtime_ns == first


def test_another_config_is_refused(tmp_path):
    run(planned(tmp_path))
    with pytest.raises(DmnError, match=r"suite's config is another: train\.learning_rate 0\.001 → 0\.5"):
        run(planned(tmp_path, given=config(learning_rate=0.5)))


def test_another_folder_is_refused(tmp_path):
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "thesis.tex").write_text("x")
    with pytest.raises(DmnError, match="not a suite's"):
        run(planned(tmp_path))
    with pytest.raises(DmnError, match="cannot be made"):
        run(planned(tmp_path)._replace(folder=tmp_path / "suite" / "thesis.tex"))


@pytest.mark.parametrize("name", ["run.json", "checkpoints"])
def test_the_folder_of_a_run_is_refused(name, tmp_path):
    """Though its config is the same: the run's results would be overwritten."""
    suite = planned(tmp_path)
    suite.folder.mkdir()
    (suite.folder / "config.yaml").write_text(dump(suite.config))
    (suite.folder / name).mkdir()
    with pytest.raises(DmnError, match="the folder of a run, not a suite's"):
        run(suite)
    assert {path.name for path in suite.folder.iterdir()} == {"config.yaml", name}


@pytest.mark.parametrize("bad", [b"", b"{", b"[]", b"{}", b"\xff", b'{"wall_seconds": "x"}'])
def test_a_damaged_timing_is_named(bad, tmp_path):
    suite = planned(tmp_path, "1")
    run(suite)
    (suite.folder / "timing.json").write_bytes(bad)
    with pytest.raises(DmnError, match=r"suite/timing\.json: damaged") as error:
        run(suite)
    assert error.value.hint.startswith("delete it")
    (suite.folder / "timing.json").unlink()
    run(suite)


@pytest.mark.parametrize("name", ["results.json", "metrics.jsonl", "run.json", "usage.json"])
@pytest.mark.parametrize("bad", [b"\n", b"{\n", b"[]\n", b"{}\n", b"\xff\n"])
def test_a_damaged_file_of_a_run_is_named(name, bad, tmp_path):
    suite = planned(tmp_path, "1")
    run(suite)
    (suite.folder / "task1-seed0" / name).write_bytes(bad)
    with pytest.raises(DmnError, match=rf"task1-seed0/{name}: damaged") as error:
        run(suite)
    assert error.value.hint.startswith("delete ")


def test_its_runs_hold_its_lock(tmp_path, monkeypatch):
    """So that it is free only when the last of them has ended, where the suite itself is killed."""
    held, real = [], subprocess.Popen

    def noted(*arguments, **options):
        held.extend(os.fstat(handle).st_ino for handle in options["pass_fds"])
        return real(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", noted)
    suite = planned(tmp_path)
    run(suite)
    assert held == [suite.folder.stat().st_ino] * 2


def test_two_suites_do_not_share_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(suites, "LOCK_SECONDS", 0.1)
    suite = planned(tmp_path, play={"task1-seed0": {"seconds": 60}})
    first = suites.go(suite)
    next(first)
    with pytest.raises(DmnError, match="another suite is running in it") as error:
        next(suites.go(suite))
    assert error.value.code == 1
    first.close()


def test_no_more_runs_at_once_than_asked_for(tmp_path):
    suite = planned(tmp_path, "1-5", play={f"task{n}-seed0": {"seconds": 0.03} for n in range(1, 6)}, at_once=2)
    counts = [
        sum(job.process is not None for job in event) for event in suites.go(suite) if not isinstance(event, dict)
    ]
    assert max(counts) == 2


def test_the_largest_files_are_trained_on_first(tmp_path, monkeypatch):
    sizes = {1: 10, 2: 30, 3: 20}
    monkeypatch.setattr(suites, "_size", lambda config: sizes[config.data.tasks[0]])
    began = []
    for event in suites.go(planned(tmp_path, "1-3", at_once=1)):
        if not isinstance(event, dict):
            began += [job.network for job in event if job.state == "running" and job.network not in began]
    assert began == ["task2", "task3", "task1"]


def test_what_is_left_is_estimated():
    def job(state, made):
        given = config(epochs=10)
        return Job(
            "task1",
            given,
            Path("x"),
            0,
            state,
            [Epoch(epoch=1, valid_loss=1.0, valid_accuracy=0.5, best=False, seconds=2.0)] * made,
        )

    assert suites.seconds_left([job("waiting", 0)], 1) is None
    assert suites.seconds_left([job("running", 5), job("waiting", 0)], 1) == pytest.approx(10 + 20)
    assert suites.seconds_left([job("running", 5), job("waiting", 0)], 2) == pytest.approx(15)
    assert suites.seconds_left([job("running", 1), job("done", 2)], 8) == pytest.approx(18)
    assert suites.seconds_left([job("done", 2), job("failed", 0)], 1) == 0


# ---- stopped ---------------------------------------------------------------------------------------------------------

SUITE = f"""
import sys
from dmn_cli.runs import jobs, suite
jobs.TRAIN = {FAKE!r}
suite.TICK = 0.02
sys.argv[0] = "dmn"
from dmn_cli.cli.app import main
main()
"""


def start(folder, *arguments, script=SUITE):
    """`dmn suite` as a process, its runs played."""
    return subprocess.Popen(
        [sys.executable, "-c", script, "suite", "--config", "small.yaml", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def wait_for(condition, process, seconds=60.0):
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < until
        time.sleep(0.01)


def small(folder, tasks, epochs, seconds=0.0):
    """A folder with a config and a play in which every run differs."""
    folder.mkdir()
    (folder / "small.yaml").write_text("data: {source: generated}\ntrain: {restarts: 1}\n")
    (folder / "runs").mkdir()
    made = random.Random(1)
    play = {
        f"task{task}-seed{seed}": {
            "valid": [made.random() for _ in range(epochs)],
            "loss": made.random(),
            "right": [made.randrange(101)],
            "seconds": seconds,
        }
        for task in range(1, tasks + 1)
        for seed in range(3)
    }
    (folder / "runs" / "play.json").write_text(json.dumps(play))
    return folder


@pytest.mark.slow
def test_killed_five_times_it_ends_with_the_same_results(tmp_path):
    arguments = ("--tasks", "1-4", "--seeds", "2", "--jobs", "3")
    alone, killed = small(tmp_path / "alone", 4, 10), small(tmp_path / "killed", 4, 10, 0.04)
    process = start(alone, *arguments)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    made = random.Random(2)
    lines = 0
    for _ in range(5):
        process = start(killed, *arguments)
        lines += made.randrange(4, 20)  # epochs made, all runs together
        metrics = killed / "runs" / "suite-small"
        wait_for(lambda: sum(len(f.read_text().splitlines()) for f in metrics.glob("*/*.jsonl")) >= lines, process)  # noqa: B023
        process.kill()
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
    process = start(killed, *arguments)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    for name in ("results.json", "results.csv", "results.md"):
        one, two = (folder / "runs" / "suite-small" / name for folder in (alone, killed))
        assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_suite_and_its_runs(number, code, tmp_path):
    folder = small(tmp_path / "x", 2, 10, 60)
    process = start(folder, "--tasks", "1,2", "--jobs", "2")
    suite_folder = folder / "runs" / "suite-small"
    wait_for(lambda: all((suite_folder / f"task{task}-seed0").exists() for task in (1, 2)), process)
    process.send_signal(number)
    output, _ = process.communicate()
    assert process.returncode == code
    assert output == "stopped; the same command goes on\n"
    with exclusive(suite_folder, "a run is left"):
        assert {path.name for path in suite_folder.iterdir()} == {"config.yaml", "task1-seed0", "task2-seed0"}


def test_a_closed_suite_leaves_no_process(tmp_path):
    suite = planned(tmp_path, play={f"task{task}-seed0": {"seconds": 60} for task in (1, 2)})
    events = suites.go(suite)
    (one, two) = [job.process for job in next(events)]
    events.close()
    assert one.returncode is not None
    assert two.returncode is not None


# ---- real runs -------------------------------------------------------------------------------------------------------

REAL = """
import sys
sys.argv[0] = "dmn"
from dmn_cli.cli.app import main
main()
"""


def resumed(folder, starts, lines):
    """Whether a run was started so many times, and then has made so many epochs."""
    if not (folder / "metrics.jsonl").exists():
        return False
    begun = len(json.loads((folder / "run.json").read_text())["starts"])
    return begun == starts and (folder / "metrics.jsonl").read_text().count("\n") >= lines


@pytest.mark.slow
def test_real_runs_end_with_a_killed_suite_and_save_on_sigterm(tmp_path):
    """The same bytes as a suite left alone, and no run outlives a suite that was killed."""
    text = """data: {source: generated, questions: 60}
model: {hidden_size: 8, embedding_size: 6, gate: softmax}
train: {epochs: 100, patience: 100, learning_rate: 0.01, batch_size: 20}
"""
    stopped, alone = tmp_path / "stopped", tmp_path / "alone"
    for folder in (stopped, alone):
        folder.mkdir()
        (folder / "small.yaml").write_text(text)
    suite_folder = stopped / "runs" / "suite-small"
    a_run = suite_folder / "task1-seed0"
    for made, number in enumerate((signal.SIGKILL, signal.SIGTERM), start=1):
        process = start(stopped, "--tasks", "1", script=REAL)
        wait_for(lambda: resumed(a_run, made, 10), process)  # noqa: B023
        process.send_signal(number)
        process.communicate()
        assert process.returncode == (143 if number == signal.SIGTERM else -signal.SIGKILL)
        with exclusive(suite_folder, "a run outlives its suite", 2.0):
            assert not (a_run / "done").exists()
    other = alone / "runs" / "suite-small" / a_run.name
    cpu = torch.device("cpu")
    for a_training in (runs.resume(a_run, None, cpu), runs.start(load(alone / "small.yaml"), other, cpu, 1)):
        for _ in runs.go(a_training):
            pass
    (other.parent / "config.yaml").write_text((suite_folder / "config.yaml").read_text())
    for folder in (stopped, alone):
        process = start(folder, "--tasks", "1", script=REAL)
        output, _ = process.communicate()
        assert process.returncode == 0, output
    assert (suite_folder / "results.json").read_bytes() == (other.parent / "results.json").read_bytes()
    starts = json.loads((a_run / "run.json").read_text())["starts"]
    assert [bool(start["from_step"]) for start in starts] == [False, False, True]  # SIGKILL came before the first save
    folder = "runs/suite-small"
    given = f"--config={folder}/config.yaml --run-dir={folder}/task1-seed0 --seed=0 --device=auto --task=1"
    assert starts[0]["command"] == f"dmn train {given} --threads=1 --quiet --no-page"
    assert starts[1]["command"] == f"dmn train {given} --resume --quiet --no-page"
    usage = json.loads((a_run / "usage.json").read_text())
    assert usage["seconds"] > 0
    assert 50 < usage["peak_memory_mb"] < 10_000
    assert (suite_folder / "timing.json").exists()
