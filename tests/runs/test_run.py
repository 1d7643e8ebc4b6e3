"""Runs: what they write, that they can be killed and resumed to the same bytes, and how they refuse."""

import dataclasses
import errno
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from dmn_cli import files
from dmn_cli.config import from_plain
from dmn_cli.data.stories import dump
from dmn_cli.errors import DmnError, Stopped
from dmn_cli.generator.generate import generate
from dmn_cli.runs import assembly, provenance, run
from dmn_cli.runs import folder as folders
from dmn_cli.training import checkpoint, loop
from tests.training.conftest import small

CPU = torch.device("cpu")


def finish(a_run):
    *_, finished = run.go(a_run)
    return finished


def weights(path):
    return checkpoint.load(path).model.state_dict()


def assert_same(folder, other):
    for name in (folders.best, folders.last):
        one, two = weights(name(folder)), weights(name(other))
        assert all(torch.equal(one[key], two[key]) for key in one | two)
    assert checkpoint.load(folders.best(folder)).optimizer is checkpoint.load(folders.best(other)).optimizer is None
    for name in (folders.best, folders.last):
        assert name(folder).read_bytes() == name(other).read_bytes()


def metrics(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    timed = ("seconds", "questions_per_second")
    return [{key: value for key, value in line.items() if key not in timed} for line in lines]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    finish(run.start(small(), folder, CPU, 1))
    return folder


def test_a_run_folder_tells_the_whole_story(whole):
    files = {str(path.relative_to(whole)) for path in whole.rglob("*") if path.is_file()}
    results = ["results.json", "results.csv", "results.md"]
    expected = ["config.yaml", "run.json", "metrics.jsonl", "usage.json", *results, "done"]
    assert files == {*expected, "checkpoints/best.pt", "checkpoints/last.pt"}
    story = json.loads((whole / "run.json").read_text())["starts"]
    assert len(story) == 1
    assert {"command", "git", "torch", "device", "threads", "data"} <= story[0].keys()
    assert [line["epoch"] for line in metrics(whole)] == [1, 2, 3, 4]
    results = json.loads((whole / "results.json").read_text())
    assert results["split"] == "test"
    assert results["tasks"][0]["questions"] == 100
    assert results["mean_accuracy"] == results["tasks"][0]["correct"] / 100


def test_the_best_checkpoint_is_the_best_epoch(whole):
    lines = metrics(whole)
    best = max(lines, key=lambda line: (line["valid_accuracy"], line["epoch"]))
    saved = checkpoint.load(folders.best(whole))
    assert saved.progress.epoch == best["epoch"]
    assert saved.progress.best_accuracy == best["valid_accuracy"]
    assert saved.optimizer is None


@pytest.mark.parametrize("steps", [0, 1, 4, 6, 7, 13, 23])
def test_killed_after_any_step_and_resumed_it_ends_with_the_same_bytes(steps, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "SAVE_SECONDS", -1.0)
    folder = tmp_path / "run"
    training = run.go(run.start(small(), folder, CPU, 1))
    for made, _ in enumerate(training):
        if made >= steps:
            break
    training.close()  # as if killed: nothing more is written
    finish(run.resume(folder, None, CPU))
    assert_same(folder, whole)
    assert metrics(folder) == metrics(whole)


def test_work_since_the_last_save_is_made_again(whole, tmp_path):
    folder = tmp_path / "run"
    training = run.go(run.start(small(), folder, CPU, 1))
    for _ in range(12):  # all within SAVE_SECONDS: only the start is saved
        next(training)
    training.close()
    assert checkpoint.load(folders.last(folder)).progress.step == 0
    assert metrics(folder)
    finish(run.resume(folder, None, CPU))
    assert_same(folder, whole)
    assert metrics(folder) == metrics(whole)


KILLED = """
import sys, torch
from pathlib import Path
from dmn_cli.runs import assembly, provenance, run
from dmn_cli.runs import folder as folders
from tests.training.conftest import small
run.SAVE_SECONDS = 0.0
folder, cpu = Path(sys.argv[1]), torch.device("cpu")
again = folders.last(folder).exists()
for event in run.go(run.resume(folder, None, cpu) if again else run.start(small(), folder, cpu, 1)):
    print(event, flush=True)
"""


@pytest.mark.slow
def test_killed_by_sigkill_again_and_again(whole, tmp_path):
    folder = tmp_path / "run"
    for lines in (1, 5, 9):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE)
        for _ in range(lines):
            assert process.stdout.readline()
        time.sleep(0.003 * lines)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
    subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=True, stdout=subprocess.DEVNULL)
    assert_same(folder, whole)
    assert metrics(folder) == metrics(whole)
    assert folders.is_done(folder)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_between_two_steps(number, code, whole, tmp_path):
    folder = tmp_path / "run"
    before = signal.getsignal(number)
    training = run.go(run.start(small(), folder, CPU, 1))
    while next(training) != loop.Step(8, 15):
        pass
    os.kill(os.getpid(), number)
    with pytest.raises(Stopped) as stopped:
        next(training)
    assert stopped.value.code == code
    assert signal.getsignal(number) == before
    assert checkpoint.load(folders.last(folder)).progress.step >= 8
    finish(run.resume(folder, None, CPU))
    assert_same(folder, whole)


def test_a_diverged_step_is_not_made(tmp_path):
    a_run = run.start(small(), tmp_path / "run", CPU, 1)
    training = run.go(a_run)
    next(training)
    before = {name: weight.clone() for name, weight in a_run.checkpoint.model.state_dict().items()}
    real = a_run.checkpoint.model.loss
    a_run.checkpoint.model.loss = lambda *arguments: loop_nan(real(*arguments))
    with pytest.raises(DmnError, match=r"training diverged in step 2: loss nan") as error:
        next(training)
    assert error.value.code == 1
    after = weights(folders.last(tmp_path / "run"))
    assert all(torch.equal(before[name], after[name]) for name in before)


def loop_nan(loss):
    return loss._replace(answers=loss.answers * math.nan)


def test_an_infinite_gradient_stops_too(tmp_path):
    a_run = run.start(small(), tmp_path / "run", CPU, 1)
    a_run.checkpoint.model.embedding.register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(DmnError, match=r"gradient norm (nan|inf)"):
        next(run.go(a_run))


def test_a_folder_in_use_is_not_overwritten(whole):
    before = folders.best(whole).read_bytes()
    with pytest.raises(DmnError, match="already there"):
        run.start(small(), whole, CPU, 1)
    assert folders.best(whole).read_bytes() == before


def test_resume_refuses_another_config(whole):
    with pytest.raises(DmnError, match=r"train\.learning_rate 0\.01 → 0\.5"):
        run.resume(whole, small(learning_rate=0.5), CPU)


def test_resume_refuses_other_stories(whole, monkeypatch):
    real = run.load_training

    def other(data):
        train, valid = real(data)
        stories = {task: stories[:1] for task, stories in train.stories.items()}
        return train._replace(stories=stories), valid

    monkeypatch.setattr(run, "load_training", other)
    with pytest.raises(DmnError, match="not those the run began with"):
        run.resume(whole, None, CPU)


def test_resume_wants_a_run(tmp_path):
    with pytest.raises(DmnError, match="no run to resume"):
        run.resume(tmp_path, None, CPU)


def damage(path, edit):
    content = torch.load(path, weights_only=True)
    edit(content)
    torch.save(content, path)


DAMAGE = {
    "no optimiser": lambda content: content.update(optimizer=None),
    "too many questions": lambda content: content["progress"].update(batch=1, step=1, questions=101),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_checkpoint_is_not_resumed(kind, tmp_path):
    folder = tmp_path / "run"
    run.start(small(), folder, CPU, 1)
    damage(folders.last(folder), DAMAGE[kind])
    before = content(folder)
    with pytest.raises(DmnError, match=r"last\.pt: damaged checkpoint: "):
        run.resume(folder, None, CPU)
    assert content(folder) == before


def test_the_optimisers_settings_are_the_configs(tmp_path):
    """Not those of the file, which could be damaged."""
    folder = tmp_path / "run"
    a_run = run.start(small(), folder, CPU, 1)
    training = run.go(a_run)
    next(training)
    run.save(a_run)
    training.close()

    def edit(content):
        content["optimizer"]["param_groups"] = [{"lr": 7.0, "weight_decay": 7.0}] * 2

    damage(folders.last(folder), edit)
    resumed = run.resume(folder, None, CPU).optimizer
    assert (resumed.learning_rate, resumed.decay) == (a_run.optimizer.learning_rate, a_run.optimizer.decay)


def test_an_epoch_resumed_after_its_last_step_tells_its_rate(tmp_path, monkeypatch):
    """The rate of the step that was made before, and no speed rather than 0."""
    config = small(decay="linear", epochs=2)
    finish(run.start(config, tmp_path / "whole", CPU, 1))
    monkeypatch.setattr(run, "SAVE_SECONDS", -1.0)
    training = run.go(run.start(config, tmp_path / "run", CPU, 1))
    steps = 0
    while not isinstance(next(training), loop.Epoch):
        steps += 1
    training = run.go(run.start(config, tmp_path / "cut", CPU, 1))
    for _ in range(steps):
        next(training)
    training.close()
    finish(run.resume(tmp_path / "cut", None, CPU))
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")
    first = json.loads((tmp_path / "cut" / "metrics.jsonl").read_text().splitlines()[0])
    assert first["questions_per_second"] is None


BAD = [
    b"",
    b"{",
    b"[]",
    b"{}",
    b"3",
    b"\xff\xfe",
    b'{"starts": []}',
    b'{"starts": [3]}',
    b'{"1": 3}',
    b'{"1": [[3]]}',
    b'{"1": {}}',
    b'{"1": [[" ", "home"]]}',
    b"\n",
]


@pytest.mark.parametrize(("name", "hint"), [("run.json", "delete it"), ("renamed.json", "start a new one")])
@pytest.mark.parametrize("bad", BAD)
def test_a_damaged_small_file_is_named(name, hint, bad, tmp_path):
    folder = tmp_path / "run"
    run.start(renamed(100), folder, CPU, 1)
    (folder / name).write_bytes(bad)
    before = content(folder)
    with pytest.raises(DmnError, match=rf"run/{name}: ") as error:
        run.resume(folder, None, CPU)
    assert hint in error.value.hint
    assert error.value.code == 2
    assert content(folder) == before


def test_words_of_a_class_have_as_many_forms(tmp_path):
    folder = tmp_path / "run"
    run.start(renamed(100), folder, CPU, 1)
    (folder / "renamed.json").write_text('{"1": [["cat\\tcats", "dog"]]}')
    with pytest.raises(DmnError, match=r"run/renamed\.json: ") as error:
        run.resume(folder, None, CPU)
    assert "start a new one" in error.value.hint


@pytest.mark.parametrize("name", ["renamed.json", "reordered.json"])
def test_what_was_found_and_is_missing_is_named(name, tmp_path):
    folder = tmp_path / "run"
    run.start(renamed(100) if name == "renamed.json" else reordered(100), folder, CPU, 1)
    (folder / name).unlink()
    with pytest.raises(DmnError, match=rf"run/{name}: no such file") as error:
        run.resume(folder, None, CPU)
    assert "start a new one" in error.value.hint


@pytest.mark.parametrize("bad", [bad for bad in BAD if bad != b"[]"] + [b"[2]", b'["4"]', b"[[4]]"])
def test_what_does_not_say_which_tasks_are_reordered_is_named(bad, tmp_path):
    folder = tmp_path / "run"
    run.start(reordered(100), folder, CPU, 1)
    (folder / "reordered.json").write_bytes(bad)
    before = content(folder)
    with pytest.raises(DmnError, match=r"run/reordered\.json: ") as error:
        run.resume(folder, None, CPU)
    assert "start a new one" in error.value.hint
    assert error.value.code == 2
    assert content(folder) == before


@pytest.mark.parametrize("bad", [b"\xff\xfe\n", b"{\n", b"[]\n", b'{"epoch": 1}\n'])
def test_damaged_metrics_are_named_and_can_be_deleted(bad, tmp_path):
    folder = tmp_path / "run"
    run.start(small(epochs=1), folder, CPU, 1)
    (folder / "metrics.jsonl").write_bytes(bad)
    before = content(folder)
    with pytest.raises(DmnError, match=r"run/metrics\.jsonl: damaged") as error:
        run.resume(folder, None, CPU)
    assert "delete it" in error.value.hint
    assert content(folder) == before
    (folder / "metrics.jsonl").unlink()
    finish(run.resume(folder, None, CPU))


def test_two_processes_do_not_share_a_folder(tmp_path):
    first = run.go(run.start(small(), tmp_path / "run", CPU, 1))
    next(first)
    with pytest.raises(DmnError, match="another process"):
        next(run.go(run.resume(tmp_path / "run", None, CPU)))
    first.close()


def content(folder):
    """Every file of a run, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_another_process_trains_is_left_as_it_is(tmp_path):
    """Two epochs are in the metrics, none in the checkpoint: a resumption would drop them."""
    folder = tmp_path / "run"
    first = run.go(run.start(small(), folder, CPU, 1))
    while not (isinstance(event := next(first), loop.Epoch) and event.epoch == 2):
        pass
    before = content(folder)
    with pytest.raises(DmnError, match="another process") as error:
        run.resume(folder, None, CPU)
    assert error.value.code == 1
    assert content(folder) == before
    first.close()
    run.resume(folder, None, CPU)


def test_a_run_is_locked_from_its_start(tmp_path):
    started = run.start(small(), tmp_path / "run", CPU, 1)
    with pytest.raises(DmnError, match="another process"):
        run.resume(tmp_path / "run", None, CPU)
    finish(started)


def test_metrics_are_forgotten_by_epoch(tmp_path):
    path = tmp_path / "metrics.jsonl"
    rest = {"valid_loss": math.nan, "valid_accuracy": 0.5, "best": True, "seconds": 0.1}
    lines = [json.dumps({"epoch": epoch, **rest}) + "\n" for epoch in (2, 3, 4)]
    path.write_text("".join(lines) + '{"epo')
    folders.forget_after(tmp_path, 3)
    assert path.read_text() == "".join(lines[:2])


START = {
    "optimiser": loop,
    "start": provenance,
    "write_changes": folders,
    "save": run.checkpoints,
    "dump": folders.configs,
    "write_starts": folders,
}


@pytest.mark.parametrize("at", START)
@pytest.mark.parametrize("there", [False, True])
def test_a_start_that_is_stopped_leaves_nothing(at, there, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    if there:
        folder.mkdir()

    def stop(*arguments):
        raise Stopped(130)

    with monkeypatch.context() as patched:
        patched.setattr(START[at], at, stop)
        with pytest.raises(Stopped):
            run.start(small(epochs=1), folder, CPU, 1)
    assert folder.exists() == there
    assert not there or not list(folder.iterdir())
    finish(run.start(small(epochs=1), folder, CPU, 1))


@pytest.mark.parametrize("write", range(4))
def test_a_start_that_is_killed_can_be_resumed_or_begun_again(write, tmp_path, monkeypatch):
    """Killed while it writes the renaming, the checkpoint, the config, the record."""
    folder, config = tmp_path / "run", renamed(200)
    real = files._write
    written = []

    def killed(path, data):
        if len(written) == write:
            (path.parent / f".{path.name}.x.tmp").write_bytes(b"half")
            monkeypatch.setattr(folders, "_clear", lambda folder, remove: None)
            raise Stopped(137)
        written.append(path)
        real(path, data)

    with monkeypatch.context() as patched:
        patched.setattr(files, "_write", killed)
        with pytest.raises(Stopped):
            run.start(config, folder, CPU, 1)
    if write < 2:
        with pytest.raises(DmnError, match="no run to resume") as error:
            run.resume(folder, config, CPU)
        assert "start a new run" in error.value.hint
        finish(run.start(config, folder, CPU, 1))
    else:
        finish(run.resume(folder, config, CPU))
        assert not list(folder.rglob("*.tmp"))
    assert {"config.yaml", "run.json", "renamed.json", "done"} <= content(folder).keys()


def test_what_a_killed_save_left_is_cleared(tmp_path):
    folder = tmp_path / "run"
    run.go(run.start(small(), folder, CPU, 1)).close()
    for path in (folder / "checkpoints" / ".best.pt.abc.tmp", folder / ".metrics.jsonl.abc.tmp"):
        path.write_bytes(b"half")
    before = content(folder).keys()
    run.resume(folder, None, CPU)
    assert before - content(folder).keys() == {"checkpoints/.best.pt.abc.tmp", ".metrics.jsonl.abc.tmp"}


def test_what_a_killed_start_left_is_cleared_by_the_next(tmp_path):
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    for name in ("renamed.json", ".renamed.json.a.tmp", "checkpoints/.last.pt.b.tmp"):
        (folder / name).write_bytes(b"half")
    finish(run.start(small(epochs=1), folder, CPU, 1))
    assert not list(folder.rglob("*.tmp"))
    assert not (folder / "renamed.json").exists()


def test_the_cost_is_that_of_all_its_processes(tmp_path):
    folder = tmp_path / "run"
    began = time.monotonic()
    training = run.go(run.start(small(epochs=2), folder, CPU, 1), began - 100)
    while not isinstance(next(training), loop.Epoch):
        pass
    training.close()
    first = json.loads((folder / "usage.json").read_text())
    assert 100 <= first["seconds"] < 100 + time.monotonic() - began + 0.1
    assert 50 < first["peak_memory_mb"] < 10_000
    (folder / "usage.json").write_text('{"seconds": 1000.0, "peak_memory_mb": 99999.0}')
    finish(run.resume(folder, None, CPU))
    then = json.loads((folder / "usage.json").read_text())
    assert 1000 < then["seconds"] < 1100
    assert then["peak_memory_mb"] == 99999.0


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("when", ["training", "the end"])
@pytest.mark.parametrize("what", ["run", "run/checkpoints"])
def test_a_folder_deleted_meanwhile_is_one_line(what, when, again, tmp_path, monkeypatch):
    """Also if another run has been started in its place, which is left alone."""
    monkeypatch.setattr(run, "SAVE_SECONDS", -1.0)
    folder = tmp_path / "run"
    a_run = run.start(small(), folder, CPU, 1)
    training = run.go(a_run)
    next(training)
    while when == "the end" and not a_run.checkpoint.progress.finished:
        next(training)
    (folder / "kept").touch()
    shutil.rmtree(tmp_path / what)
    if again:
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "kept").touch()
        if what == "run":
            folders.last(folder).write_bytes(b"another's")
    before = content(folder) if folder.exists() else {}
    with pytest.raises(DmnError, match=r"run: the run's folder or its last checkpoint was deleted") as error:
        for _ in training:
            pass
    assert error.value.code == 1
    assert (content(folder) if folder.exists() else {}) == before


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOLCK, errno.EINVAL])
def test_a_lock_that_is_refused_is_told_as_that(number, tmp_path, monkeypatch):
    def refused(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refused)
    with pytest.raises(DmnError, match=rf"run: cannot be locked: {os.strerror(number)}") as error:
        run.start(small(), tmp_path / "run", CPU, 1)
    assert error.value.code == 1
    assert "another disk" in error.value.hint
    assert not (tmp_path / "run").exists()


def test_a_folder_taken_meanwhile_is_left_to_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    real, others = run.prepare, []

    def slow(*arguments):
        monkeypatch.setattr(run, "prepare", real)
        others.append(run.start(small(), Path("runs/task1"), CPU, 1))  # another process is quicker
        return real(*arguments)

    monkeypatch.setattr(run, "prepare", slow)
    assert run.start_new(small(), "task1", CPU, 1).folder.name == "task1-2"
    assert len(others) == 1


def test_resume_refuses_other_threads(whole):
    with pytest.raises(DmnError, match="the run computes with --threads 1") as error:
        run.resume(whole, None, CPU, 2)
    assert "leave --threads out" in error.value.hint


def test_a_missing_test_file_is_noticed_before_training(tmp_path):
    (tmp_path / "train.txt").write_text(dump(generate(1, 40, 1)))
    data = {"source": "files", "train": str(tmp_path / "train.txt"), "test": str(tmp_path / "test.txt")}
    with pytest.raises(DmnError, match=r"test\.txt: no such file"):
        run.start(from_plain({"data": data}), tmp_path / "run", CPU, 1)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_last_epoch_leaves_the_test_split_for_later(number, code, whole, tmp_path):
    folder = tmp_path / "run"
    a_run = run.start(small(), folder, CPU, 1)
    training = run.go(a_run)
    while not a_run.checkpoint.progress.finished:
        next(training)
    os.kill(os.getpid(), number)
    with pytest.raises(Stopped) as stopped:
        next(training)
    assert stopped.value.code == code
    assert not folders.is_done(folder)
    finish(run.resume(folder, None, CPU))
    assert_same(folder, whole)
    assert metrics(folder) == metrics(whole)


def test_a_signal_ends_the_final_evaluation(whole, tmp_path, monkeypatch):
    folder = tmp_path / "run"

    def raised(number, frame):
        raise Stopped(130)

    with monkeypatch.context() as patched:
        patched.setattr(run, "evaluate", lambda *arguments: os.kill(os.getpid(), signal.SIGINT))
        before = signal.signal(signal.SIGINT, raised)  # as the command line does
        try:
            with pytest.raises(Stopped):
                finish(run.start(small(), folder, CPU, 1))
        finally:
            signal.signal(signal.SIGINT, before)
    assert not folders.is_done(folder)
    finish(run.resume(folder, None, CPU))
    assert (folder / "results.json").read_bytes() == (whole / "results.json").read_bytes()


@pytest.mark.parametrize("full", ["metrics.jsonl", "best.pt", "last.pt", "results.csv"])
def test_a_full_disk_is_named_and_the_run_goes_on(full, whole, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    monkeypatch.setattr(run, "SAVE_SECONDS", -1.0)
    a_run = run.start(small(), folder, CPU, 1)

    real_open, real_write = Path.open, files._write

    def opened(path, *arguments, **named):
        return real_open(Path("/dev/full") if path.name == full else path, *arguments, **named)

    def write(path, data):
        if path.name == full:
            raise OSError(28, "No space left on device")
        real_write(path, data)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", opened)
        patched.setattr(files, "_write", write)
        with pytest.raises(DmnError, match=rf"run/(checkpoints/)?{full}: No space left on device") as error:
            finish(a_run)
    assert error.value.code == 1
    assert error.value.hint.endswith(f"dmn train --resume --run-dir {folder}")
    finish(run.resume(folder, None, CPU))
    assert_same(folder, whole)
    assert metrics(folder) == metrics(whole)


def test_new_folders_are_numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DmnError, match="no such run"):
        folders.newest("task1")
    for expected in ("task1", "task1-2", "task1-3"):
        folder = folders.new("task1")
        assert folder.name == expected
        folder.mkdir(parents=True)
        assert folders.newest("task1") == folder


def test_early_stopping(tmp_path):
    a_run = run.start(small(epochs=50, patience=2, learning_rate=1e-9), tmp_path / "run", CPU, 1)
    finish(a_run)
    assert a_run.checkpoint.progress.epoch < 10
    assert "no better validation accuracy for 2 epochs" in (tmp_path / "run" / "done").read_text()


def test_a_run_settles(tmp_path):
    """Once validation is all right the rate falls to nothing in a few epochs; stopped between, it ends the same."""
    config = small(epochs=100, settle=3, patience=90, decay="linear")
    model = config.model.model_copy(update={"hidden_size": 32, "gate": "by-order", "memory": "tied-linear"})
    config = config.model_copy(update={"model": model, "data": config.data.model_copy(update={"questions": 500})})
    epochs = [event for event in run.go(run.start(config, tmp_path / "run", CPU, 1)) if isinstance(event, loop.Epoch)]
    first = next(epoch.epoch for epoch in epochs if epoch.valid_accuracy == 1)
    assert len(epochs) == first + 3 < 100
    before, *settling = (epoch.learning_rate for epoch in epochs[first - 1 :])
    assert settling == pytest.approx([before * left / 3 for left in (2, 1, 0)], abs=before / 10)
    stopped = run.start(config, tmp_path / "stopped", CPU, 1)
    for event in run.go(stopped):
        if isinstance(event, loop.Epoch) and event.epoch == first + 1:
            run.save(stopped)
            break
    stopped.lock.close()
    finish(run.resume(tmp_path / "stopped", None, CPU))
    assert_same(tmp_path / "run", tmp_path / "stopped")
    with pytest.raises(DmnError) as raised:
        run.resume(tmp_path / "run", None, CPU)
    assert "to train on: --set train.settle=null" in raised.value.hint
    train = config.train.model_copy(update={"settle": None, "epochs": first + 5})
    less = config.model_copy(update={"train": train})
    with pytest.raises(DmnError, match=r"not less: train\.epochs"):
        run.resume(tmp_path / "run", less, CPU)
    longer = config.model_copy(update={"train": config.train.model_copy(update={"settle": 5})})
    again = run.resume(tmp_path / "run", longer, CPU)
    assert [event.epoch for event in run.go(again) if isinstance(event, loop.Epoch)] == [first + 4, first + 5]


def test_gates_first(tmp_path):
    """In the gate epochs the answers teach nothing, and no epoch is the best yet."""
    a_run = run.start(small(gate_epochs=2), tmp_path / "run", CPU, 1)
    answer = a_run.checkpoint.model.answer.linear.weight
    before = answer.detach().clone()
    for event in run.go(a_run):
        if isinstance(event, loop.Epoch):
            assert torch.equal(answer, before) == (event.epoch <= 2) or event.epoch > 2
            assert not (event.best and event.epoch <= 2)
    assert not torch.equal(answer, before)


def test_weak_supervision_leaves_the_supporting_facts_alone(tmp_path, monkeypatch):
    """The labels may be anything: training without them gives the same network."""
    config = small(supervision="weak")
    finish(run.start(config, tmp_path / "one", CPU, 1))
    real = run.dataset

    def unlabelled(*arguments):
        data = real(*arguments)
        return dataclasses.replace(data, supporting=torch.zeros_like(data.supporting))

    monkeypatch.setattr(run, "dataset", unlabelled)
    finish(run.start(config, tmp_path / "two", CPU, 1))
    one, two = weights(folders.best(tmp_path / "one")), weights(folders.best(tmp_path / "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_the_seed_decides(whole, tmp_path):
    finish(run.start(small(), tmp_path / "same", CPU, 1))
    assert_same(tmp_path / "same", whole)
    finish(run.start(small(seed=1), tmp_path / "other", CPU, 1))
    other = weights(folders.last(tmp_path / "other"))
    assert not torch.equal(other["embedding"], weights(folders.last(whole))["embedding"])


def renamed(questions):
    """A run whose stories are renamed."""
    config = small(epochs=2)
    return config.model_copy(update={"data": config.data.model_copy(update={"renamed": True, "questions": questions})})


def thinned(questions):
    """A run whose stories are renamed and thinned."""
    config = renamed(questions)
    return config.model_copy(update={"data": config.data.model_copy(update={"thinned": 0.5})})


def reordered(questions):
    """A run whose stories are renamed and, in the second of two tasks, reordered."""
    config = renamed(questions)
    return config.model_copy(update={"data": config.data.model_copy(update={"reordered": True, "tasks": [1, 4]})})


CHANGED = {"renamed": renamed(200), "thinned": thinned(200), "reordered": reordered(700)}


@pytest.mark.parametrize("config", CHANGED.values(), ids=CHANGED)
def test_a_run_whose_stories_change_is_resumed_to_the_same_bytes(tmp_path, monkeypatch, config):
    finish(run.start(config, tmp_path / "whole", CPU, 1))
    classes = json.loads((tmp_path / "whole" / "renamed.json").read_text())
    assert ["daniel", "john", "mary", "sandra"] in classes["1"]
    monkeypatch.setattr(run, "SAVE_SECONDS", 0)
    stopped = run.go(run.start(config, tmp_path / "parts", CPU, 1))
    for _ in range(15):  # in the second epoch
        next(stopped)
    stopped.close()
    monkeypatch.setattr(assembly.changing, "find", None)  # not found again
    finish(run.resume(tmp_path / "parts", None, CPU))
    assert_same(tmp_path / "whole", tmp_path / "parts")
    assert metrics(tmp_path / "whole") == metrics(tmp_path / "parts")


@pytest.fixture
def encoded(monkeypatch):
    """The stories of which data sets were made."""
    seen = []
    real = run.dataset
    monkeypatch.setattr(
        run, "dataset", lambda config, words, stories: seen.append(stories) or real(config, words, stories)
    )
    return seen


def test_epochs_are_renamed_and_validation_is_not(tmp_path, encoded):
    a_run = run.start(renamed(200), tmp_path / "run", CPU, 1)
    finish(a_run)
    valid, first, second = encoded
    assert valid == a_run.valid.stories[1]
    assert len(first) == len(second) == len(a_run.train.stories[1])
    assert first != second


def test_epochs_are_thinned_and_validation_is_not(tmp_path, encoded):
    a_run = run.start(thinned(200), tmp_path / "run", CPU, 1)
    finish(a_run)
    valid, first, second = encoded
    assert valid == a_run.valid.stories[1]
    told, one, other = ([len(story.facts) for story in stories] for stories in (a_run.train.stories[1], first, second))
    assert told != one != other
    assert all(few <= many for few, many in zip(one, told, strict=True))


def test_epochs_are_reordered_where_order_says_nothing_and_validation_is_not(tmp_path, encoded):
    config = reordered(700)
    config = config.model_copy(update={"data": config.data.model_copy(update={"renamed": False})})
    a_run = run.start(config, tmp_path / "run", CPU, 1)
    assert json.loads((tmp_path / "run" / "reordered.json").read_text()) == a_run.changes.reordered == [4]
    finish(a_run)
    valid, first, second = encoded
    told = a_run.train.stories
    assert valid == [*a_run.valid.stories[1], *a_run.valid.stories[4]]
    for epoch in (first, second):
        assert epoch[: len(told[1])] == told[1]
        moved = [made.facts != story.facts for made, story in zip(epoch[len(told[1]) :], told[4], strict=True)]
        assert 0.3 * len(moved) < sum(moved) < 0.7 * len(moved)  # of two facts, half the orders are others
    assert first != second


def test_weak_supervision_decides_nothing_by_supporting_facts(monkeypatch):
    """Neither which words are renamed nor which open gate counts."""
    config = small(supervision="weak")
    config = config.model_copy(
        update={
            "data": config.data.model_copy(update={"renamed": True, "questions": 300, "tasks": [7]}),
            "model": config.model.model_copy(update={"gate": "by-order", "passes": 2}),
        }
    )
    as_told = assembly.prepare(config, CPU, 1)
    real = assembly.load_training

    def untold(data):
        train, valid = real(data)
        return train._replace(stories={7: [story.unsupported() for story in train.stories[7]]}), valid

    monkeypatch.setattr(assembly, "load_training", untold)
    blind = assembly.prepare(config, CPU, 1)
    assert as_told.changes == blind.changes
    assert as_told.changes.renamed[7]
    assert as_told.checkpoint.decided == blind.checkpoint.decided
