"""Checkpoints: round trip, no code inside, and one clear error for each kind of damage."""

import json
import math
import pickletools
import zipfile

import pytest
import torch

from dmn_cli.config import from_plain, plain
from dmn_cli.data.batches import collate
from dmn_cli.errors import DmnError
from dmn_cli.runs.assembly import prepare
from dmn_cli.runs.folder import last
from dmn_cli.runs.run import go, save, start
from dmn_cli.splits import load_training
from dmn_cli.training import checkpoint
from dmn_cli.training.build import dataset
from tests.conftest import ROOT
from tests.training.conftest import small


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoints") / "best.pt"
    made = prepare(small(), torch.device("cpu"), 1).checkpoint
    checkpoint.save(path, made)
    return path, made


def test_round_trip(saved):
    path, made = saved
    loaded = checkpoint.load(path)
    assert loaded.config == made.config
    assert loaded.vocabulary == made.vocabulary
    assert loaded.progress == made.progress
    assert loaded.threads == 1
    weights = loaded.model.state_dict()
    assert all(torch.equal(weight, weights[name]) for name, weight in made.model.state_dict().items())


def test_it_holds_tensors_and_plain_types_only(saved):
    path, _ = saved
    with zipfile.ZipFile(path) as archive:
        pickled = next(archive.read(name) for name in archive.namelist() if name.endswith("data.pkl"))
    imported = set()
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name == "GLOBAL":
            imported.add(argument.replace(" ", "."))
    assert imported <= {"collections.OrderedDict", "torch._utils._rebuild_tensor_v2", "torch.FloatStorage"}


def test_forms_of_words_are_inside_and_checked(tmp_path):
    told = tmp_path / "told.txt"
    places = {"nopa": "nopu", "tuka": "tuku"}
    facts = [f"1 John went to {to}\n2 Is it {at}?\tyes\t1\n" for at, to in places.items()] * 5
    told.write_text("".join(facts))
    content = plain(small())
    content["data"] |= {"source": "files", "train": [str(told)], "validation": 0.2}
    content["model"] |= {"gate_words": True}
    config = from_plain(content)
    made = prepare(config, torch.device("cpu"), 1).checkpoint
    checkpoint.save(tmp_path / "best.pt", made)
    same = checkpoint.load(tmp_path / "best.pt").decided.same
    words = made.vocabulary.words
    assert same[words.index("nopa")] == same[words.index("nopu")] != same[words.index("tuka")]
    for wrong in (same + 1000, same - 1000, same.float(), same[1:], None):
        damaged = change(
            tmp_path / "best.pt", tmp_path, lambda c, wrong=wrong: c["weights"].update({checkpoint.SAME: wrong})
        )
        with pytest.raises(DmnError, match=r"damaged checkpoint: weights .*same: expected the number of a word"):
            checkpoint.load(damaged)


def test_the_vocabulary_is_inside(saved):
    path, made = saved
    content = torch.load(path, weights_only=True)
    assert content["format_version"] == 2
    assert content["vocabulary"]["words"] == made.vocabulary.words


def test_a_checkpoint_without_a_rule_reads_words_by_the_first(saved, tmp_path):
    path, made = saved
    old = checkpoint.load(change(path, tmp_path, lambda content: content["vocabulary"].pop("rule"))).vocabulary
    assert (made.vocabulary.rule, old.rule) == (3, 1)
    assert (made.vocabulary.words_of("C++ won’t"), old.words_of("C++ won’t")) == (["c++", "won't"], ["c", "won’t"])


def test_a_network_that_needs_a_dictionary_says_so(saved, tmp_path, monkeypatch, caplog):
    path, _ = saved

    def thai(content):
        content["vocabulary"]["rule"] = 4
        content["vocabulary"]["words"][-1] = "มานีไปวัด"  # no dictionary has it as a word

    path = change(path, tmp_path, thai)
    assert checkpoint.load(path).vocabulary.words_of("มานีไปวัด") == ["มานี", "ไป", "วัด"]
    assert caplog.messages == [
        "note: this PyThaiNLP does not cut Thai as that of the training did: 1 words are cut further, such as มานีไปวัด"
    ]
    monkeypatch.setattr(checkpoint, "has_dictionary", lambda: False)
    with pytest.raises(DmnError, match="PyThaiNLP cut the Thai of its training into words, and is not installed") as e:
        checkpoint.load(path)
    assert e.value.hint == "pip install pythainlp"


def change(path, tmp_path, edit):
    """The checkpoint at path with a change made to its content."""
    content = torch.load(path, weights_only=True)
    edit(content)
    damaged = tmp_path / "damaged.pt"
    torch.save(content, damaged)
    return damaged


def shrink(content):
    content["weights"]["embedding"] = content["weights"]["embedding"][:, :3].clone()


DAMAGE = {
    "another format": (lambda content: content.update(format="something"), "not a dmn checkpoint"),
    "newer": (lambda content: content.update(format_version=99), "checkpoint format 99, this dmn reads 1"),
    "no version": (lambda content: content.pop("format_version"), "checkpoint format None"),
    "no weights": (lambda content: content.pop("weights"), "'weights' is missing"),
    "no config": (lambda content: content.pop("config"), "'config' is missing"),
    "no vocabulary": (lambda content: content.pop("vocabulary"), "'vocabulary' is missing"),
    "no progress": (lambda content: content.pop("progress"), "'progress' is missing"),
    "bad config": (lambda content: content["config"]["model"].update(hidden_sise=3), "hidden_sise: unknown key"),
    "bad section": (lambda content: content.update(config=[1]), "config"),
    "bad vocabulary": (lambda content: content["vocabulary"].update(words="abc"), "vocabulary.words is no list"),
    "empty vocabulary": (lambda content: content["vocabulary"].update(answers=[]), "vocabulary.answers is no list"),
    "bad passes": (lambda content: content.update(passes=-1), "from 1 to 100, found -1"),
    "wrong shape": (shrink, r"weights embedding: wanted \(\d+, 6\) float32, found \(\d+, 3\) float32"),
    "wrong type": (
        lambda content: content["weights"].update(embedding=content["weights"]["embedding"].double()),
        "wanted .* float32, found .* float64",
    ),
    "missing weight": (lambda content: content["weights"].pop("embedding"), "no weights embedding, wanted"),
    "extra weight": (lambda content: content["weights"].update(x=torch.zeros(1)), "weights x are not of this network"),
    "no tensor": (lambda content: content["weights"].update(embedding=3), "weights embedding: wanted .* found int"),
    "bad progress": (lambda content: content["progress"].update(colour="blue"), "damaged checkpoint: .*colour"),
    "format a tensor": (lambda content: content.update(format=torch.zeros(2)), "not a dmn checkpoint"),
    "version a tensor": (lambda content: content.update(format_version=torch.ones(2)), "checkpoint format a Tensor"),
    "no optimizer": (lambda content: content.pop("optimizer"), "'optimizer' is missing"),
    "config.model a tensor": (lambda content: content["config"].update(model=torch.zeros(2)), "config: expected text"),
    "config too deep": (lambda content: content["config"]["data"].update(tasks=[[[1]]]), "config: expected text"),
    "vocabulary a list": (lambda content: content.update(vocabulary=["a"]), "vocabulary: expected lists of words"),
    "a rule of the future": (lambda content: content["vocabulary"].update(rule=5), "vocabulary.rule: expected a whole"),
    "a vocabulary too many": (lambda content: content["vocabulary"].update(x=["a"]), "vocabulary: expected lists"),
    "too many passes": (lambda content: content.update(passes=10_000), "from 1 to 100, found 10000"),
    "passes a tensor": (lambda content: content.update(passes=torch.ones(2)), "from 1 to 100, found a Tensor"),
    "threads true": (lambda content: content.update(threads=True), "threads: expected .* found a bool"),
    "order unknown": (
        lambda content: content.update(order="newest"),
        "order: expected latest, earliest or none",
    ),
    "weights a list": (lambda content: content.update(weights=[1]), "weights: expected tensors by name, found list"),
    "weights none": (lambda content: content.update(weights=None), "weights: expected tensors by name"),
    "a weight without a name": (lambda content: content["weights"].update({1: torch.zeros(1)}), "tensors by name"),
    "sparse": (
        lambda content: content["weights"].update(embedding=content["weights"]["embedding"].to_sparse()),
        r"weights embedding: wanted \(\d+, 6\) float32, found .* sparse_coo",
    ),
    "meta": (
        lambda content: content["weights"].update({"memory.end": torch.zeros(1, 8, device="meta")}),
        r"weights memory.end: wanted \(1, 8\) float32, found \(1, 8\) float32 on meta",
    ),
    "progress a list": (lambda content: content.update(progress=[1]), "progress: expected numbers by name"),
    "too little progress": (lambda content: content["progress"].pop("step"), "progress: missing or unknown: step"),
}
PROGRESS = {
    "epoch": ["one", 1.0, True, None, -1, 5, 2**40],
    "batch": [-1, 10, 10**9],
    "step": [-1, 0, 2**31, torch.ones(1)],
    "questions": [-1, 0, [3]],
    "gate_loss": [math.nan, math.inf, 0],
    "answer_loss": [math.nan, "much"],
    "best_epoch": [-1, 2, 0],
    "improved_epoch": [-1, 2],
    "best_accuracy": [math.nan, 2.0, -1.0],
    "finished": [True],
}
for name, values in PROGRESS.items():
    for value in values:
        DAMAGE[f"progress.{name} = {value}"] = (
            lambda content, name=name, value=value: content["progress"].update({**BEGUN, name: value}),
            r"damaged checkpoint: progress\.",
        )
BEGUN = {"epoch": 1, "batch": 2, "step": 9, "questions": 30, "best_epoch": 1, "improved_epoch": 1, "best_accuracy": 0.5}


def test_progress_that_fits(saved, tmp_path):
    assert (
        checkpoint.load(change(saved[0], tmp_path, lambda content: content["progress"].update(BEGUN))).progress.step
        == 9
    )


def test_a_network_that_no_memory_holds_is_not_built(saved, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "build", None)

    def edit(content):
        content["config"]["model"].update(hidden_size=10_000, memory="relu", embedding_size=10_000)

    with pytest.raises(DmnError, match=r"weights embedding: wanted \(\d+, 10000\) float32"):
        checkpoint.load(change(saved[0], tmp_path, edit))


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """The last.pt of a run after two steps."""
    a_run = start(small(), tmp_path_factory.mktemp("runs") / "run", torch.device("cpu"), 1)
    training = go(a_run)
    next(training)
    next(training)
    save(a_run)
    training.close()
    return last(a_run.folder)


def state(edit):
    """A change made to the optimiser's state of the first parameter, the embedding."""
    return lambda content: edit(content["optimizer"]["state"][0])


OPTIMIZER = {
    "text": (lambda content: content.update(optimizer="adam"), "optimizer: expected a state by parameter, found str"),
    "a list": (lambda content: content.update(optimizer=[1]), "found list"),
    "empty": (lambda content: content.update(optimizer={}), "optimizer: expected a state"),
    "no state": (lambda content: content["optimizer"].update(state={}), "optimizer: no state of embedding"),
    "one too few": (lambda content: content["optimizer"]["state"].pop(3), "optimizer: no state of question.gru"),
    "one too many": (lambda content: content["optimizer"]["state"].update({99: {}}), "does not have"),
    "wrong shape": (
        state(lambda state: state.update(exp_avg=torch.zeros(1))),
        r"optimizer exp_avg of embedding: wanted \(\d+, 6\) float32, found \(1,\) float32",
    ),
    "an infinite moment": (
        state(lambda state: state["exp_avg"].view(-1).__setitem__(0, math.inf)),
        "optimizer exp_avg of embedding is not all numbers: some are NaN or infinite",
    ),
    "a negative square": (
        state(lambda state: state["exp_avg_sq"].view(-1).__setitem__(0, -1.0)),
        "optimizer exp_avg_sq of embedding is less than 0",
    ),
    "no moment": (state(lambda state: state.pop("exp_avg_sq")), "no optimizer exp_avg_sq of embedding"),
    "no step": (state(lambda state: state.update(step=3)), "optimizer step of embedding: wanted .* found int"),
}


@pytest.mark.parametrize("kind", OPTIMIZER)
def test_damage_of_the_optimiser_is_named(kind, begun, tmp_path):
    edit, expected = OPTIMIZER[kind]
    with pytest.raises(DmnError, match=rf"damaged\.pt: damaged checkpoint: .*{expected}"):
        checkpoint.load(change(begun, tmp_path, edit))


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_named(kind, saved, tmp_path):
    edit, expected = DAMAGE[kind]
    damaged = change(saved[0], tmp_path, edit)
    with pytest.raises(DmnError, match=expected) as error:
        checkpoint.load(damaged)
    assert error.value.code == 2
    assert "damaged.pt" in error.value.message
    assert "\n" not in error.value.message


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 broken zip", bytes(1000)])
def test_what_is_no_checkpoint(content, tmp_path):
    path = tmp_path / "file.pt"
    path.write_bytes(content)
    with pytest.raises(DmnError, match=r"file\.pt: not a checkpoint, or a damaged one"):
        checkpoint.load(path)


def test_cut_short(saved, tmp_path):
    data = saved[0].read_bytes()
    path = tmp_path / "cut.pt"
    for length in (10, len(data) // 2, len(data) - 10):
        path.write_bytes(data[:length])
        with pytest.raises(DmnError, match="damaged"):
            checkpoint.load(path)


def test_a_pickle_that_runs_code_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "proof"), "w"))

    path = tmp_path / "evil.pt"
    torch.save({"format": "dmn checkpoint", "weights": Evil()}, path)
    with pytest.raises(DmnError, match="not a checkpoint"):
        checkpoint.load(path)
    assert not (tmp_path / "proof").exists()


def test_a_plain_list_is_no_checkpoint(tmp_path):
    path = tmp_path / "list.pt"
    torch.save([1, 2], path)
    with pytest.raises(DmnError, match="not a dmn checkpoint"):
        checkpoint.load(path)


@pytest.mark.parametrize("name", ["missing.pt", "."])
def test_missing(name, tmp_path):
    with pytest.raises(DmnError, match="cannot be read"):
        checkpoint.load(tmp_path / name)


def test_a_failed_save_leaves_the_old_file(saved, tmp_path, monkeypatch):
    _, made = saved
    path = tmp_path / "best.pt"
    path.write_bytes(b"old")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(path, made)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["best.pt"]


@pytest.mark.parametrize("name", ["paper", "sees-more"])
def test_a_checkpoint_of_version_1_computes_what_it_did(name):
    """Written by the code of commit 140c202, with the memories it had after its passes."""
    golden = ROOT / "tests" / "golden"
    loaded = checkpoint.load(golden / f"version-1-{name}.pt")
    assert loaded.optimizer is None
    train, _ = load_training(loaded.config.data)
    data = dataset(loaded.config, loaded.vocabulary, [story for some in train.stories.values() for story in some])
    _, recall = loaded.model.eval().predict(collate(data, torch.arange(5)))
    expected = json.loads((golden / "version-1.json").read_text())[name]
    torch.testing.assert_close(recall.memory, torch.tensor(expected))


def test_a_damaged_checkpoint_of_version_1_is_refused(tmp_path):
    def edit(content):
        content["weights"]["memory.order"] = torch.tensor(0.5)

    damaged = change(ROOT / "tests" / "golden" / "version-1-paper.pt", tmp_path, edit)
    with pytest.raises(DmnError, match="order: expected latest, earliest or none"):
        checkpoint.load(damaged)
