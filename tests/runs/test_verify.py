"""``dmn verify``: a run that is as it was agrees; every change of a file is found."""

import json
import shutil

import pytest
import torch

from dmn_cli.data.stories import dump
from dmn_cli.errors import DmnError
from dmn_cli.generator.generate import generate
from dmn_cli.runs import folder as folders
from dmn_cli.runs import run
from dmn_cli.runs.verify import verify
from dmn_cli.training import checkpoint as checkpoints
from tests.training.conftest import small

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished run on files, and the folder it lies in."""
    folder = tmp_path_factory.mktemp("verified")
    for split in ("train", "test"):
        (folder / f"{split}.txt").write_text(dump(generate(1, 60, 0, split)))
    files = {"source": "files", "train": str(folder / "train.txt"), "test": str(folder / "test.txt")}
    config = small(epochs=2)
    config = config.model_copy(update={"data": config.data.model_copy(update=files)})
    *_, _ = run.go(run.start(config, folder / "run", CPU, 1))
    return folder


@pytest.fixture
def copied(whole, tmp_path):
    """A copy of the run, to be changed."""
    return shutil.copytree(whole / "run", tmp_path / "run")


def differing(folder):
    return [check.what for check in verify(folder, CPU) if not check.agrees]


def edit(path, key, value):
    content = json.loads(path.read_text())
    content = content["starts"][0] if "starts" in content else content
    content[key] = value
    path.write_text(json.dumps({"starts": [content]} if path.name == "run.json" else content))


def test_a_run_agrees(whole):
    checks = list(verify(whole / "run", CPU))
    assert [check.what for check in checks if not check.agrees] == []
    assert len(checks) == 11
    assert checks[7].why == "every byte of the weights, every loss"


def test_the_learning_rate_in_config(copied):
    path = copied / "config.yaml"
    path.write_text(path.read_text().replace("learning_rate: 0.01", "learning_rate: 0.02"))
    assert differing(copied) == ["config"]


def test_a_weight(copied):
    checkpoint = checkpoints.load(folders.best(copied))
    with torch.no_grad():
        checkpoint.model.embedding[3, 1] += 1e-6
    checkpoints.save(folders.best(copied), checkpoint)
    assert "weights" in differing(copied)


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("git", "0" * 40, "code"),
        ("dmn", "0.0.1", "code"),
        ("torch", "1.0", "code"),
        ("python", "2.7.18", "code"),
        ("passes", 99, "run.json"),
        ("threads", 99, "run.json"),
        ("parameters", 99, "run.json"),
        ("data", {"train.txt": "0" * 64}, "training stories"),
    ],
)
def test_the_record(copied, key, value, what):
    edit(copied / "run.json", key, value)
    assert differing(copied) == [what]


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [("mean_accuracy", 0.999, "evaluation"), ("tasks_passed", 7, "evaluation"), ("data", {"t": "0"}, "test stories")],
)
def test_the_results(copied, key, value, what):
    edit(copied / "results.json", key, value)
    assert differing(copied) == [what]


def test_a_table(copied):
    (copied / "results.md").write_text("100 %\n")
    assert differing(copied) == ["tables"]


def test_a_loss(copied):
    path = copied / "metrics.jsonl"
    first, *rest = map(json.loads, path.read_text().splitlines())
    first["answer_loss"] *= 1 + 1e-15
    path.write_text("".join(json.dumps(line) + "\n" for line in [first, *rest]))
    assert differing(copied) == ["epoch 1, trained again"]


def test_a_run_of_an_older_dmn_has_no_digests(copied):
    path = copied / "metrics.jsonl"
    lines = [{**json.loads(line), "weights": ""} for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = {check.what: check for check in verify(copied, CPU)}
    assert not found["weights"].agrees
    assert found["epoch 1, trained again"].why == "every loss; no digest of the weights is kept"


def test_stories_that_have_changed(whole, copied):
    path = whole / "train.txt"
    before = path.read_text()
    try:
        path.write_text(dump(generate(1, 60, 1, "train")))
        assert {"training stories", "epoch 1, trained again"} <= set(differing(copied))
    finally:
        path.write_text(before)


def test_a_run_that_is_not_done(copied):
    (copied / "done").unlink()
    with pytest.raises(DmnError, match="not done"):
        list(verify(copied, CPU))


def test_a_folder_of_something_else(tmp_path):
    with pytest.raises(DmnError, match="neither a run nor a suite"):
        list(verify(tmp_path, CPU))


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [*lines, {**lines[-1], "epoch": 3}],
        lambda lines: lines[:1],
        lambda lines: [{**line, "best": not line["best"]} for line in lines],
        lambda lines: [{**line, "step": line["step"] + 1} for line in lines],
    ],
)
def test_epochs_that_do_not_fit(change, copied):
    path = copied / "metrics.jsonl"
    lines = change([json.loads(line) for line in path.read_text().splitlines()])
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert "epochs" in differing(copied)


def test_why_it_ended(copied):
    (copied / "done").write_text("all 900 epochs done\n")
    assert differing(copied) == ["epochs"]


@pytest.mark.parametrize(("key", "value"), [("best_accuracy", 1.0), ("step", 99), ("best_epoch", 1)])
def test_progress(key, value, copied):
    for path in (folders.best(copied), folders.last(copied)):
        checkpoint = checkpoints.load(path)
        before = getattr(checkpoint.progress, key)
        setattr(checkpoint.progress, key, value)
        if before != value:
            checkpoints.save(path, checkpoint)
    assert "epochs" in differing(copied)


def test_notes(copied):
    edit(copied / "results.json", "notes", ["all is well"])
    assert "evaluation" in differing(copied)
