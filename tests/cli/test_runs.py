"""``dmn runs``, ``dmn compare`` and ``dmn report`` of runs, as a user meets them."""

import json
import shutil

import pytest

YAML = """\
data: {source: generated, questions: 60}
model: {hidden_size: 8, embedding_size: 6}
train: {epochs: 2}
"""


@pytest.fixture
def trained(dmn, tmp_path):
    """Two runs of one config with another seed, size and number of epochs."""
    (tmp_path / "small.yaml").write_text(YAML)
    assert dmn("train", "--config", "small.yaml").code == 0
    assert dmn("train", "--config", "small.yaml", "--set", "train.epochs=1", "--seed", "3").code == 0
    return tmp_path / "runs"


def test_runs_are_listed(dmn, trained, tmp_path):
    first, second = json.loads(dmn("runs", "--json").out)["runs"]
    assert (first["name"], first["config"], first["seed"], first["tasks"]) == ("runs/small", "small.yaml", 0, [1])
    assert (first["differs"], first["state"], first["split"]) == ([], "done", "test")
    results = json.loads((trained / "small" / "results.json").read_text())
    assert first["test"] == results["mean_accuracy"]
    assert 0 <= first["valid"] <= 1
    assert first["seconds"] > 0
    assert (second["name"], second["seed"], second["differs"]) == ("runs/small-2", 3, ["train.epochs=1"])
    table = dmn("runs").out.splitlines()
    assert table[0].startswith("| run | tasks | config | seed |")
    assert [row.split(" | ")[0] for row in table[2:]] == ["| runs/small", "| runs/small-2"]
    assert table[3].endswith("| train.epochs=1 |")
    assert json.loads(dmn("runs", "runs/small-2", "--json").out)["runs"][0]["name"] == "runs/small-2"


def test_runs_that_are_not_done_or_not_readable(dmn, trained, tmp_path):
    (trained / "small" / "done").unlink()
    (trained / "small-2" / "config.yaml").write_text("moon: 1\n")
    (tmp_path / "small.yaml").unlink()
    first, second = json.loads(dmn("runs", "--json").out)["runs"]
    assert (first["state"], first["test"], first["differs"]) == ("epoch 2/2", None, None)
    assert second["state"].startswith("unreadable: runs/small-2/config.yaml:1:1 moon: unknown key")
    assert "small.yaml is not to be found" in dmn("runs").out


def test_where_no_run_is(dmn, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder, message in {"runs": "runs: no such folder", "empty": "empty: no run here"}.items():
        done = dmn("runs", folder)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"error: {message}\nhint: ")


def test_two_runs_are_compared(dmn, trained):
    done = dmn("compare", "runs/small", "runs/small-2", "--json")
    found = json.loads(done.out)
    assert found["differences"] == "train.seed 0 → 3, train.epochs 2 → 1"
    for side, name in (("first", "small"), ("second", "small-2")):
        results = json.loads((trained / name / "results.json").read_text())
        assert found["all"]["right"][side] == results["tasks"][0]["correct"]
    alone = found["all"]["only_first"] + found["all"]["only_second"]
    assert len(found["questions"]) == alone
    assert 0 < found["all"]["p"] <= 1
    text = dmn("compare", "runs/small", "runs/small-2/checkpoints/best.pt").out
    assert "A  runs/small\nB  runs/small-2/checkpoints/best.pt\n" in text
    assert "train.epochs 2 → 1" in text
    assert "validation A" in text
    same = json.loads(dmn("compare", "runs/small", "runs/small", "--json").out)
    assert (same["differences"], same["questions"], same["all"]["p"]) == ("", [], 1.0)


def test_compare_with_other_stories(dmn, trained, tmp_path):
    (tmp_path / "own.txt").write_text("1 Mary went to the garden.\n2 Where is Mary?\tgarden\t1\n")
    found = json.loads(dmn("compare", "runs/small", "runs/small-2", "--file", "own.txt", "--json").out)
    assert found["all"]["questions"] == 1
    assert dmn("train", "--config", "small.yaml", "--task", "2").code == 0
    done = dmn("compare", "runs/small", "runs/small-task2")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: these two were trained on no common task\nhint: --file")
    assert "cannot be read" in dmn("compare", "runs/small", "none").err


def test_two_suites_are_compared(dmn, tmp_path):
    """The second suite is the first with its two seeds exchanged."""
    (tmp_path / "small.yaml").write_text(YAML)
    assert (
        dmn("suite", "--config", "small.yaml", "--tasks", "1", "--seeds", "2", "--suite-dir", "one", "--no-page").code
        == 0
    )
    shutil.copytree("one", "two")
    for seed in (0, 1):
        shutil.rmtree(f"two/task1-seed{seed}")
        shutil.copytree(f"one/task1-seed{1 - seed}", f"two/task1-seed{seed}")
    results = json.loads((tmp_path / "two" / "results.json").read_text())
    tried = results["tasks"][0]["seeds"]
    tried[0]["seed"], tried[1]["seed"] = 1, 0
    (tmp_path / "two" / "results.json").write_text(json.dumps(results))

    found = json.loads(dmn("compare", "one", "two", "--json").out)
    [task] = found["tasks"]
    one, two = task["first"], task["second"]
    assert (one["0"], one["1"]) == (two["1"], two["0"])
    alone = json.loads(dmn("compare", "one/task1-seed0", "one/task1-seed1", "--json").out)["all"]
    both_ways = alone["only_first"] + alone["only_second"]
    assert task["counts"]["only_first"] == task["counts"]["only_second"] == both_ways > 0
    assert task["counts"]["questions"] == 2 * alone["questions"]
    assert found["mean"]["first"] == one
    assert (found["notes"], found["differences"]) == ([], "")
    [row] = [line for line in dmn("compare", "one", "two").out.splitlines() if "single" in line]
    figures = [f"{100 * accuracy:.1f}" for accuracy in (one["0"], one["1"], two["0"], two["1"])]
    assert row.split()[2:] == [*figures, str(both_ways), str(both_ways), "1.0000"]

    shutil.rmtree("two/task1-seed1/checkpoints")
    said = "note: of the 2 pairs of runs 1 are not compared question by question: two lacks their checkpoints"
    assert said in " ".join(dmn("compare", "one", "two").out.split())
    done = dmn("compare", "one", "one/task1-seed0")
    assert (done.code, done.err.splitlines()[0]) == (2, "error: one is a suite, one/task1-seed0 is not")
    assert dmn("compare", "one", "two", "--split", "valid").code == 2
    (tmp_path / "two" / "results.json").unlink()
    assert dmn("compare", "one", "two").err.startswith("error: two: this suite has not ended\nhint: ")


def test_report_takes_runs(dmn, trained):
    """A folder, its results.json, or a folder of runs; beside suites."""
    report = dmn("report", "runs/small", "runs/small-2/results.json")
    assert report.code == 0
    assert report.out == dmn("report", "runs").out == dmn("report", "runs", "--markdown").out
    assert "| small | generated stories" in report.out
    results = json.loads((trained / "small" / "results.json").read_text())
    assert f"| {100 * results['mean_accuracy']:.2f} |" in report.out
    assert "`dmn train --config small.yaml --set train.epochs=1 --seed 3` |" in report.out
    (trained / "small" / "results.json").write_text("{}")
    broken = dmn("report", "runs/small")
    assert (broken.code, broken.out) == (2, "")
    assert broken.err.startswith("error: runs/small/results.json: not the results of a suite or a run\nhint: ")
    assert "no results.json here" in dmn("report", "runs/small/checkpoints").err


def test_on_a_terminal_tables_are_rich(dmn, trained, monkeypatch, capsys):
    import sys

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    for verb in ("report", "runs"):
        shown = dmn(verb, "runs")
        assert shown.code == 0
        assert "───" in shown.out
        assert "| --" not in shown.out
    assert "| --" in dmn("report", "runs", "--markdown").out
