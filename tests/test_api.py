"""``import dmn_cli as dmn``, and parts of the network that are classes of one's own."""

import json
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import dmn_cli as dmn
from dmn_cli.data.stories import dump
from dmn_cli.training import checkpoint as checkpoints

SMALL = {
    "data": {"source": "generated", "questions": 60},
    "model": {"hidden_size": 8, "embedding_size": 6},
    "train": {"epochs": 2, "learning_rate": 0.01, "batch_size": 20},
}

OWN = {
    "memory": """
class Mine(nn.Module):
    def __init__(self, hidden_size, passes):
        super().__init__()
        self.mix = nn.Linear(2 * hidden_size, hidden_size)
        self.scale = nn.Parameter(torch.tensor(0.5))

    def forward(self, k, m, e, q):
        return m + self.scale * torch.tanh(self.mix(torch.cat([e, q], 1)))
""",
    "episode": """
class Mine(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.layer = nn.Linear(hidden_size, hidden_size)

    def of(self, facts):
        values = self.layer(facts)
        return lambda rows, g: values.new_zeros(rows.count, values.shape[1]).index_add(
            0, rows.sequence, g[:, None] * values[rows.index])
""",
    "reader": """
class Mine(nn.Module):
    def __init__(self, embedding_size, hidden_size, dropout):
        super().__init__()
        self.layer = nn.Linear(embedding_size, hidden_size)

    def forward(self, vectors, batch):
        words = self.layer(vectors)
        ends = batch.fact_ends
        return words[batch.story_words.index[ends - 0]] + words[batch.story_words.index].cumsum(0)[ends], batch.rows
""",
    "gate_features": """
class Mine(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.layer = nn.Linear(hidden_size, hidden_size, bias=False)

    def of(self, facts, q, rows, batch):
        return Gates(self.layer(facts), rows)

class Gates:
    def __init__(self, facts, rows):
        self.facts, self.rows = facts, rows

    def __call__(self, m, g):
        return (self.facts[self.rows.index] * m[self.rows.sequence]).sum(1)

    def select(self, rows, kept):
        return Gates(self.facts, rows)
""",
}


def small(**model):
    return {**SMALL, "model": {**SMALL["model"], **model}}


def finish(training):
    """The last event of a training."""
    *_, last = training
    return last


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a small run."""
    folder = tmp_path_factory.mktemp("api") / "run"
    finish(dmn.train(SMALL, folder=folder))
    return folder


def write_part(part, name="my.py", more=""):
    Path(name).write_text("import torch\nfrom torch import nn\n" + OWN[part] + more)


# ---- the API ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heavy", ["torch", "pydantic", "typer", "rich", "dmn_cli.api"])
def test_nothing_heavy_is_imported_before_it_is_used(heavy):
    script = f"import sys, dmn_cli as dmn; dir(dmn); sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_every_name_is_there_and_no_other():
    from dmn_cli import api

    assert dmn.__all__ == api.__all__
    assert set(dmn.__all__) <= set(dir(dmn))
    for name in dmn.__all__:
        assert getattr(dmn, name) is getattr(api, name)
    assert not hasattr(dmn, "frobnicate")


def test_its_types_are_for_everybody():
    assert (Path(dmn.__file__).parent / "py.typed").is_file()


def test_a_training_is_an_iterator_of_events(here):
    training = dmn.train(SMALL, {"train.epochs": 3, "train.seed": 1})
    assert training.folder == Path("runs/python")
    events = list(training)
    assert [type(event) for event in events] == [*[dmn.Step, dmn.Step, dmn.Step, dmn.Epoch] * 3, dmn.Finished]
    assert [event.epoch for event in events if isinstance(event, dmn.Epoch)] == [1, 2, 3]
    assert events[-1].results[0].questions == 60
    assert (
        json.loads((training.folder / "results.json").read_text())["tasks"][0]["correct"]
        == events[-1].results[0].correct
    )
    assert training.network().config.train.seed == 1
    assert dmn.train(SMALL).folder == Path("runs/python-2")


def test_a_training_by_a_configs_name(here):
    (here / "own.yaml").write_text("base: quickstart.yaml\nmodel: {hidden_size: 8}\n")
    training = dmn.train("own.yaml", {"train.epochs": 1, "data.questions": 50})
    assert training.folder == Path("runs/own")
    finish(training)
    by_dict = dmn.train({"base": "own.yaml", "train": {"epochs": 1}}, {"data.questions": 50})
    finish(by_dict)
    assert by_dict.network().config == training.network().config


def test_a_training_that_is_left_can_go_on(here):
    training = dmn.train(SMALL, folder="left")
    for event in training:
        if isinstance(event, dmn.Epoch):
            break
    training.close()
    assert (
        subprocess.run(
            [sys.executable, "-m", "dmn_cli", "train", "--resume", "--run-dir", "left", "--quiet"], check=False
        ).returncode
        == 0
    )
    assert (here / "left" / "done").exists()


def test_a_training_in_another_thread(here):
    with ThreadPoolExecutor() as pool:
        assert isinstance(pool.submit(lambda: finish(dmn.train(SMALL))).result(), dmn.Finished)


def test_ctrl_c_is_pythons(here):
    training = dmn.train(SMALL, {"train.epochs": 100, "train.patience": 100})
    next(training)
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="to go on: dmn train --resume --run-dir runs/python"):
        list(training)
    assert checkpoints.load(training.folder / "checkpoints" / "last.pt").progress.step >= 1


def test_load_takes_a_folder_or_a_checkpoint_as_text_or_path(trained):
    best = trained / "checkpoints" / "best.pt"
    networks = [dmn.load(path) for path in (trained, str(trained), best, str(best))]
    assert {network.path for network in networks} == {best}
    assert "mary" in networks[0].words
    assert "kitchen" in networks[0].answers
    assert isinstance(networks[0].checkpoint.model, torch.nn.Module)


def test_ask_predict_and_evaluate_agree(trained, tmp_path):
    network = dmn.load(trained)
    stories = dmn.generate(1, 60, 0, "test")
    (tmp_path / "own.txt").write_text(dump(stories))
    result, predictions = network.evaluate(stories), network.predict(stories)
    assert result.questions == len(predictions) == 60
    assert result.correct == sum(one.right for one in predictions)
    assert network.evaluate(tmp_path / "own.txt") == network.evaluate(str(tmp_path / "own.txt")) == result
    assert dmn.read(tmp_path / "own.txt")[0].facts == stories[0].facts
    saved = json.loads((trained / "results.json").read_text())
    assert saved["tasks"][0]["correct"] == result.correct

    story, first = stories[0], stories[0].questions[0]
    asked = network.ask(story.facts[: first.facts], first.text)
    assert asked.answer == predictions[0].answer
    assert asked.probability == pytest.approx(predictions[0].probability)
    assert asked.right is None
    text = " ".join(story.facts[: first.facts])
    assert network.ask(text, first.text) == asked
    assert len(asked.gates[0]) == len(asked.facts)


MISUSES = [
    (lambda network: dmn.load(5), "path: expected a path, not a int"),
    (lambda network: dmn.load(""), "path: '' is no path"),
    (lambda network: dmn.load("none"), "none: cannot be read: No such file or directory"),
    (lambda network: dmn.load(network.path, device="tpu"), "--device tpu: there is no such device here"),
    (lambda network: dmn.load(network.path, code="my.py"), "my.py: this network has no part that is a class"),
    (lambda network: dmn.read(None), "path: expected a path, not a NoneType"),
    (lambda network: dmn.read("none.txt"), "none.txt: cannot be read"),
    (lambda network: network.ask(" ", "Where is Mary?"), "'Where is Mary?' has no fact before it"),
    (lambda network: network.ask(["Mary went home.", 3], "Where is Mary?"), "facts: expected text, not a int"),
    (lambda network: network.ask(["Mary went home.", "?"], "Where is Mary?"), "facts: no words in '?'"),
    (lambda network: network.ask(["Mary went home."], None), "question: expected text, not a NoneType"),
    (lambda network: network.ask(["Mary went home."], " "), "question: no words in ' '"),
    (lambda network: network.ask([], "Where is Mary?"), "'Where is Mary?' has no fact before it"),
    (lambda network: network.ask(None, "Where is Mary?"), "facts: expected a list, not a NoneType"),
    (lambda network: network.predict(3), "stories: expected a list, not a int"),
    (lambda network: network.predict(["Mary went home."]), "stories: expected stories as of read(path), not a str"),
    (lambda network: network.predict([]), "stories: there is no question in them"),
    (lambda network: network.evaluate("none.txt"), "none.txt: cannot be read"),
    (
        lambda network: network.evaluate([dmn.Story(("Mary went home.",), (dmn.Question("Where is Mary?", "", 1),))]),
        "'Where is Mary?' has no answer to compare with",
    ),
    (lambda network: dmn.train(None), "config: expected a name, a path, a dict or a Config, not a NoneType"),
    (lambda network: dmn.train("none.yaml"), "none.yaml: no such config"),
    (lambda network: dmn.train({"model": {"hidden_sze": 3}}), "config model.hidden_sze: unknown key; did you mean"),
    (lambda network: dmn.train({"data": 3}), "config data: expected lines such as"),
    (lambda network: dmn.train({"base": "none.yaml"}), "config base: none.yaml: no such config"),
    (lambda network: dmn.train(SMALL, {"epochs": 3}), "overrides: expected section.key, not 'epochs'"),
    (lambda network: dmn.train(SMALL, {"train.epochs": "many"}), "config train.epochs: expected a whole number"),
    (lambda network: dmn.train(SMALL, {"train.epochs": object()}), "config train.epochs: expected a whole number"),
    (lambda network: dmn.train(SMALL, ["train.epochs=3"]), 'overrides: expected {"section.key": value}, not a list'),
    (lambda network: dmn.train(SMALL, threads=0), "threads: expected a whole number"),
    (lambda network: dmn.train(SMALL, device="tpu"), "--device tpu"),
    (lambda network: dmn.train(SMALL, folder=network.path.parent.parent), "already there"),
    (lambda network: dmn.train(SMALL, folder=3), "folder: expected a path, not a int"),
    (lambda network: dmn.generate(21, 10, 0), "task 21: there is no such task"),
]


@pytest.mark.parametrize(("misuse", "says"), MISUSES, ids=[says[:40] for _, says in MISUSES])
def test_misuse_is_our_error(misuse, says, trained, here):
    with pytest.raises(dmn.DmnError) as raised:
        misuse(dmn.load(trained))
    assert says in raised.value.message
    assert not (here / "runs").exists()


def test_a_network_before_the_first_epoch_is_no_network(here):
    training = dmn.train(SMALL)
    with pytest.raises(dmn.DmnError, match=r"best\.pt: cannot be read"):
        training.network()


# ---- a class of one's own --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", OWN)
def test_a_class_of_ones_own_is_trained_evaluated_and_asked(part, here, dmn_process):
    write_part(part)
    training = dmn.train(small(**{part: "my.py:Mine"}))
    correct = finish(training).results[0].correct
    # a process of its own has not loaded the file before
    for arguments in (["eval", training.folder, "--json"], ["suite", "--help"]):
        process = dmn_process(*arguments)
        out, err = process.communicate()
        assert (process.returncode, err) == (0, "")
        if arguments[0] == "eval":
            assert json.loads(out)["tasks"][0]["correct"] == correct
    answer = training.network().ask(["Mary went to the kitchen."], "Where is Mary?").answer
    assert answer in training.network().answers


def test_every_parameter_of_it_learns(here):
    write_part("memory")
    training = dmn.train(small(memory="my.py:Mine"))
    finish(training)
    learnt = training.network().checkpoint.model.memory.update
    assert learnt.scale.item() != 0.5
    assert learnt.mix.weight.abs().sum() > 0


def test_a_run_with_it_is_resumed_to_the_same_weights(here):
    write_part("memory")
    config = small(memory="my.py:Mine")
    finish(dmn.train(config, folder="whole"))
    training = dmn.train(config, folder="left")
    while not isinstance(next(training), dmn.Epoch):
        pass
    training.close()
    command = [sys.executable, "-m", "dmn_cli", "train", "--resume", "--run-dir", "left", "--quiet"]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    whole, left = (checkpoints.load(here / name / "checkpoints" / "last.pt") for name in ("whole", "left"))
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, left.model.state_dict()[name])


def test_a_checkpoint_brings_no_code_and_runs_none_but_that_of_its_training(here, dmn):
    import dmn_cli

    write_part("memory")
    training = dmn_cli.train(small(memory="my.py:Mine"))
    finish(training)
    folder, key = training.folder, "model.memory: my.py:Mine"
    correct = json.loads((folder / "results.json").read_text())["tasks"][0]["correct"]
    for module in [name for name in sys.modules if name.startswith("dmn_own_code_")]:
        del sys.modules[module]

    write_part("memory", more="Path('ran').touch()\n")  # another file: must not run
    changed = dmn("eval", folder)
    assert (changed.code, changed.out) == (2, "")
    assert f"{folder}/checkpoints/best.pt: {key}: my.py is not as it was when the network was trained" in changed.err
    assert "--code FILE.py" in changed.err

    Path("my.py").unlink()
    missing = dmn("eval", folder)
    assert missing.code == 2
    assert f"{key}: my.py cannot be read: No such file or directory" in missing.err
    assert not Path("ran").exists()

    Path("elsewhere").mkdir()
    write_part("memory", "elsewhere/other.py", more="# another file\n")
    named = dmn("eval", folder, "--code", "elsewhere/other.py", "--json")
    assert named.code == 0
    assert json.loads(named.out)["tasks"][0]["correct"] == correct
    asked = dmn_cli.load(folder, code=Path("elsewhere/other.py")).ask(["Mary went to the kitchen."], "Where is Mary?")
    assert asked.answer


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("class Mine(nn.Module:\n    pass\n", "my.py:3: SyntaxError: "),
        ("import nothing_of_this_name\n", "my.py:3: ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("class Others(nn.Module):\n    pass\n", "there is no class Mine in the file"),
        ("class Mine:\n    pass\n", "Mine is no torch.nn.Module"),
        ("Mine = nn.Linear\n", "Mine is imported there, not written"),
        ("class Mine(nn.Module):\n    pass\n", "network with my.py:Mine: TypeError: "),
        ("class Mine(nn.Module):\n    def __init__(self, h, p):\n        1 / 0\n", "my.py:5: ZeroDivisionError: "),
        (
            "class Mine(nn.Module):\n    def __init__(self, h, p):\n        super().__init__()\n"
            "    def forward(self, k, m, e, q):\n        return m @ q\n",
            "my.py:7: RuntimeError: ",
        ),
        (
            "class Mine(nn.Module):\n    def __init__(self, h, p):\n        super().__init__()\n"
            "    def forward(self, k, m, e, q):\n        return None\n",
            "network with my.py:Mine: ",
        ),
        (
            "class Mine(nn.Module):\n    def __init__(self, h, p):\n        super().__init__()\n"
            "    def forward(self, k, m, e, q):\n        m += e\n        return m\n",
            "network with my.py:Mine: RuntimeError: ",
        ),
    ],
)
def test_what_is_wrong_with_it_is_one_line(text, says, dmn, here):
    Path("my.py").write_text("import torch\nfrom torch import nn\n" + text)
    (here / "own.yaml").write_text("base: quickstart.yaml\nmodel: {memory: 'my.py:Mine'}\n")
    done = dmn("train", "--config", "own.yaml", "--quiet")
    assert done.code in (1, 2)
    error, hint = done.err.splitlines()
    assert error.startswith("error: ")
    assert says in error
    assert hint.startswith("hint: ")


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("{memory: my.py}", "expected gru, relu, linear, tied-linear or FILE.py:CLASS, not 'my.py'"),
        ("{memory: grus}", "not 'grus'; did you mean gru?"),
        ("{code: 'my.py:Mine'}", "a class of your own is written as in `model.memory: my.py:MyMemory`"),
        (
            "{gate_features: 'my.py:Mine', gate_order: true}",
            "model.gate_order: wants model.gate_features: dmn or dmn-plus",
        ),
        ("{reader: 'my.py:Mine', residual: true}", "wants model.reader: positions or sentences, which is my.py:Mine"),
    ],
)
def test_configs_that_name_it_wrongly(model, says, dmn, here):
    (here / "own.yaml").write_text(f"model: {model}\n")
    done = dmn("config", "validate", "own.yaml")
    assert done.code == 2
    assert says in done.err


def test_a_checkpoint_whose_digests_are_damaged(trained, here, dmn):
    shutil.copytree(trained, "run")
    path = Path("run/checkpoints/best.pt")
    content = torch.load(path, weights_only=True)
    for code in ({"memory": "short"}, {"other": "0" * 64}, ["memory"]):
        torch.save({**content, "code": code}, path)
        done = dmn("eval", "run")
        assert (done.code, done.err.splitlines()[0]) == (
            2,
            "error: run/checkpoints/best.pt: damaged checkpoint: code: expected SHA-256 digests by part",
        )


def test_the_page_of_a_network_with_it_is_refused(here, dmn):
    import dmn_cli

    write_part("memory")
    training = dmn_cli.train(small(memory="my.py:Mine"))
    finish(training)
    done = dmn("view", training.folder)
    assert done.code == 2
    assert "the page computes the network in JavaScript, and does not know my.py:Mine" in done.err
