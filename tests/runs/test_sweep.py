"""Sweeps: which points a grid has, which is chosen, and that they are suites like any other. Runs are played."""

import json
import sys
from pathlib import Path

import pytest

from dmn_cli.config import from_plain
from dmn_cli.errors import DmnError
from dmn_cli.runs import jobs as jobs_module
from dmn_cli.runs import suite as suites
from dmn_cli.runs import sweep as sweeps
from dmn_cli.runs.jobs import Processes, Suite

FAKE = [sys.executable, "-I", "-S", str(Path(__file__).with_name("fake_train.py"))]


@pytest.fixture(autouse=True)
def fake(monkeypatch):
    monkeypatch.setattr(jobs_module, "TRAIN", FAKE)
    monkeypatch.setattr(suites, "TICK", 0.02)


def planned(tmp_path, points, play=None, seeds=2, wanted="1,2"):
    """A sweep whose runs are played: ``play`` by the run's folder, of each point."""
    folder, base = tmp_path / "sweep", from_plain({"data": {"source": "generated"}, "train": {"learning_rate": 0.1}})
    folder.mkdir(exist_ok=True)
    if not any(folder.iterdir()):
        (folder / sweeps.CONFIG).write_text("data: {source: generated}\ntrain: {learning_rate: 0.1}\n")
    made = []
    for rate, of_point in zip(points, play or [{}] * len(points), strict=True):
        train = base.train.model_copy(update={"learning_rate": rate})
        config = base.model_copy(update={"train": train})
        inside = folder / sweeps.name_of({"train.learning_rate": rate})
        networks = suites.networks(config, wanted)
        suite = Suite(config, inside.name, networks, seeds, inside, 4, 1, "cpu", ["dmn", "suite"])
        made.append(({"train.learning_rate": rate}, suite))
        written = json.loads((folder / "play.json").read_text()) if (folder / "play.json").exists() else {}
        (folder / "play.json").write_text(json.dumps(written | of_point))
    return sweeps.Sweep("small", folder, base, made, ["dmn", "suite"])


def run(sweep):
    *_, content = sweeps.go(sweep, Processes(4))
    return content


# ---- the grid --------------------------------------------------------------------------------------------------------


def test_the_points_are_all_combinations():
    points = sweeps.grid(["train.learning_rate=1e-3, 5e-3", "model.gate=softmax,by-order"])
    assert points == [
        {"train.learning_rate": 0.001, "model.gate": "softmax"},
        {"train.learning_rate": 0.001, "model.gate": "by-order"},
        {"train.learning_rate": 0.005, "model.gate": "softmax"},
        {"train.learning_rate": 0.005, "model.gate": "by-order"},
    ]
    assert sweeps.name_of(points[1]) == "learning_rate=0.001,gate=by-order"
    assert sweeps.grid(["data.max_facts=null,3"]) == [{"data.max_facts": None}, {"data.max_facts": 3}]
    assert sweeps.grid(["data.train=[a.txt,b.txt],'c, d.txt'"])[1] == {"data.train": "c, d.txt"}
    assert sweeps.grid(["data.reordered=true,false"])[0] == {"data.reordered": True}
    assert sweeps.name_of({"data.train": ["a/b.txt", "c.txt"]}) == "train=__a_b.txt_,__c.txt__"


BAD = {
    "train.learning_rate": "expected section.key=a,b,c",
    "learning_rate=1,2": "expected section.key=a,b,c",
    "=1": "expected section.key=a,b,c",
    "train.learning_rate=": "no values",
    "train.learning_rate=1,,2": "'1,,2' is no list of values",
    "train.learning_rate=1]": "is no list of values",
    "train.learning_rate=&a 1": "is no list of values",
    "train.learning_rate=1,2,1": "1 stands there twice",
    "train.learning_rate=1e-3,0.001": "0.001 stands there twice",
    "train.seed=1,2": "--seeds N",
    "data.tasks=1,2": "--tasks",
}


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_grid(text):
    with pytest.raises(DmnError) as error:
        sweeps.grid([text])
    assert BAD[text] in error.value.message
    assert error.value.message.startswith("--grid")
    assert len(error.value.message.splitlines()) == 1


def test_a_key_stands_once():
    with pytest.raises(DmnError, match="given twice"):
        sweeps.grid(["train.epochs=1", "train.epochs=2"])
    with pytest.raises(DmnError, match="given by --set too"):
        sweeps.grid(["train.epochs=1,2"], ["train.epochs=3"])
    with pytest.raises(DmnError, match=r"1,000,000 points, more than 10,000"):
        sweeps.grid([f"train.{key}={','.join(map(str, range(100)))}" for key in ("epochs", "patience", "batch_size")])


def test_errors_of_all_points_at_once(tmp_path):
    (tmp_path / "small.yaml").write_text("data: {source: generated}\n")
    points = sweeps.grid(["train.epochs=0,1,x", "model.gate=softmax,hard"])
    with pytest.raises(DmnError) as error:
        sweeps.load(str(tmp_path / "small.yaml"), [], points)
    assert sorted(error.value.message.splitlines()) == [
        "--grid model.gate: expected sigmoid, softmax or by-order, not 'hard'",
        "--grid train.epochs: expected a whole number ≥ 1, not 'x'",
        "--grid train.epochs: expected a whole number ≥ 1, not 0",
    ]
    with pytest.raises(DmnError, match="unknown key; did you mean"):
        sweeps.load(str(tmp_path / "small.yaml"), [], sweeps.grid(["train.learnin_rate=1,2"]))
    with pytest.raises(DmnError, match="are the same"):
        sweeps.load(str(tmp_path / "small.yaml"), [], sweeps.grid(["train.learning_rate=1,1.0"]))


# ---- what is chosen --------------------------------------------------------------------------------------------------


def test_a_point_is_chosen_on_validation(tmp_path):
    """By the mean over tasks and seeds; the test split would have chosen the other."""
    one = {"task1-seed0": {"valid": [0.9], "right": [100]}, "task1-seed1": {"valid": [0.7], "right": [100]}}
    sweep = planned(tmp_path, [0.1, 0.2], [one, one], wanted="1")
    other = {"task1-seed0": {"valid": [0.8], "right": [0]}, "task1-seed1": {"valid": [0.9], "right": [0]}}
    # play.json lies beside a suite's folder, so all points share it: play them one after the other
    first = run(planned(tmp_path, [0.1], [one], wanted="1"))
    assert first["chosen"] == "learning_rate=0.1"
    (sweep.folder / "play.json").write_text(json.dumps(other))
    content = run(sweep)
    assert content == json.loads((sweep.folder / "results.json").read_text())
    assert content["chosen"] == "learning_rate=0.2"
    assert [point["valid"] for point in content["points"]] == [
        {"mean": pytest.approx(0.8), "deviation": pytest.approx(0.1 * 2**0.5), "means": [0.9, 0.7]},
        {"mean": pytest.approx(0.85), "deviation": pytest.approx(0.05 * 2**0.5), "means": [0.8, 0.9]},
    ]
    assert "accuracy" not in json.dumps(content["points"])
    assert (sweep.folder / "learning_rate=0.1" / "results.json").exists()  # every run is kept
    assert "| 0.2 | 85.00 ± 7.07 | best |" in (sweep.folder / "results.md").read_text()
    assert run(sweep) == content


def test_among_equals_the_lowest_loss_then_the_first(tmp_path):
    sweep = planned(tmp_path, [0.1, 0.2], wanted="1")
    assert run(sweep)["chosen"] == "learning_rate=0.1"


def test_a_point_that_failed_is_not_chosen(tmp_path):
    fails = {"task1-seed1": {"fails": "sys.exit('error: training diverged')"}}
    sweep = planned(tmp_path, [0.1], [fails], wanted="1")
    content = run(sweep)
    assert content["chosen"] is None
    assert content["points"][0]["failed"] == [{"network": "task1", "seed": 1, "why": "training diverged"}]
    assert "learning_rate=0.1: task1, seed 1 failed: training diverged" in (sweep.folder / "results.md").read_text()
    (sweep.folder / "play.json").write_text("{}")
    assert run(planned(tmp_path, [0.1, 0.2], wanted="1"))["chosen"] == "learning_rate=0.1"  # a failed run is made again


def test_all_points_share_one_pool(tmp_path):
    sweep = planned(tmp_path, [0.1, 0.2, 0.3], seeds=1)
    counts = [
        sum(job.process is not None for job in event)
        for event in sweeps.go(sweep, Processes(5))
        if not isinstance(event, dict)
    ]
    assert max(counts) == 5


def test_folders_are_kept_apart(tmp_path):
    """A suite is no sweep, nor the other way round; and a sweep of another config is another."""
    sweep = planned(tmp_path, [0.1])
    run(sweep)
    with pytest.raises(DmnError, match="not a suite's"):
        next(suites.go(sweep.points[0][1]._replace(folder=sweep.folder)))
    with pytest.raises(DmnError, match="not a sweep's"):
        next(sweeps.go(sweep._replace(folder=sweep.folder / "learning_rate=0.1"), Processes(1)))
    other = from_plain({"data": {"source": "generated"}, "train": {"learning_rate": 0.1, "epochs": 3}})
    with pytest.raises(DmnError, match=r"the sweep's config is another: train\.epochs"):
        next(sweeps.go(sweep._replace(config=other), Processes(1)))
