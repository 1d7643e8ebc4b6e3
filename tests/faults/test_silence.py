"""No wrong result in silence, and nothing of the stories that training may not see."""

import dataclasses
import json
import random

import pytest
import torch

import dmn_cli
from dmn_cli.config import from_plain
from dmn_cli.data.stories import Story, dump
from dmn_cli.errors import DmnError
from dmn_cli.generator.generate import generate
from dmn_cli.runs import folder as folders
from dmn_cli.runs import run
from dmn_cli.runs.assembly import prepare
from dmn_cli.training import checkpoint as checkpoints
from dmn_cli.training import memory

CPU = torch.device("cpu")


def config(folder, task=1, **sections):
    files = {"source": "files", "train": f"{folder}/train.txt", "valid": f"{folder}/valid.txt"}
    return from_plain(
        {
            "data": {**files, "test": f"{folder}/test.txt", **sections.get("data", {})},
            "model": {"hidden_size": 8, "embedding_size": 8, "gate": "softmax", **sections.get("model", {})},
            "train": {"epochs": 2, "batch_size": 30, "learning_rate": 0.01, **sections.get("train", {})},
        }
    )


def lay(folder, task, **changed):
    folder.mkdir(exist_ok=True)
    for number, split in enumerate(("train", "valid", "test")):
        stories = generate(task, 60, number, "train")
        (folder / f"{split}.txt").write_text(dump(changed.get(split, lambda stories: stories)(stories)))
    return folder


def strange(stories: list[Story]) -> list[Story]:
    """Stories of other words, with other answers and supporting facts."""
    return [
        dataclasses.replace(
            story,
            facts=tuple(f"Zorblax {number} quuxed the flarn." for number, _ in enumerate(story.facts)),
            questions=tuple(
                dataclasses.replace(question, text="Who quuxed the flarn?", answer="zorblax", supporting=(0,))
                for question in story.questions
            ),
        )
        for story in stories
    ]


EVERYTHING = {
    "data": {"renamed": True, "reordered": True},
    "model": {"gate": "by-order", "gate_words": True, "reader": "sentences"},
}


@pytest.mark.parametrize("task", [1, 7, 17])
def test_no_story_of_validation_or_test_decides_anything(task, tmp_path):
    """Vocabulary, words to rename, rarity, order, passes: all from the training stories."""
    plain = prepare(config(lay(tmp_path / "plain", task), **EVERYTHING), CPU, 1)
    other = lay(tmp_path / "other", task, valid=strange, test=strange)
    found = prepare(config(other, **EVERYTHING), CPU, 1)
    assert found.checkpoint.vocabulary == plain.checkpoint.vocabulary
    assert found.changes == plain.changes
    assert found.checkpoint.decided._replace(rarity=None) == plain.checkpoint.decided._replace(rarity=None)
    assert torch.equal(found.checkpoint.decided.rarity, plain.checkpoint.decided.rarity)
    weights, others = plain.checkpoint.model.state_dict(), found.checkpoint.model.state_dict()
    assert all(torch.equal(weights[name], others[name]) for name in weights | others)


def test_the_same_change_of_training_stories_decides(tmp_path):
    """The proof above can fail."""
    plain = prepare(config(lay(tmp_path / "plain", 1), **EVERYTHING), CPU, 1)
    found = prepare(config(lay(tmp_path / "other", 1, train=strange), **EVERYTHING), CPU, 1)
    assert found.checkpoint.vocabulary != plain.checkpoint.vocabulary


def nonsense(stories: list[Story]) -> list[Story]:
    """Other supporting facts, as many as chance wants."""
    chance = random.Random(0)
    return [
        dataclasses.replace(
            story,
            questions=tuple(
                dataclasses.replace(
                    question,
                    supporting=tuple(chance.sample(range(question.facts), chance.randint(1, min(4, question.facts)))),
                )
                for question in story.questions
            ),
        )
        for story in stories
    ]


@pytest.mark.parametrize("task", [2, 7, 8, 17])
def test_weak_supervision_reads_no_supporting_fact(task, tmp_path):
    """With every supporting fact changed to nonsense a run writes the same bytes."""
    written = []
    for changed in ({}, dict.fromkeys(("train", "valid", "test"), nonsense)):
        stories = lay(tmp_path / "stories", task, **changed)
        folder = tmp_path / f"run-{len(written)}"
        everything = {**EVERYTHING, "train": {"supervision": "weak"}}
        *_, _ = run.go(run.start(config(stories, **everything), folder, CPU, 1))
        texts = [path.read_bytes() for path in (folders.best(folder), folders.last(folder))]
        epochs = [epoch.model_dump(exclude={"seconds", "questions_per_second"}) for epoch in folders.epochs(folder, "")]
        written.append((texts, epochs))
    assert written[0] == written[1]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(value, tmp_path):
    made = prepare(config(lay(tmp_path / "stories", 1)), CPU, 1).checkpoint
    with torch.no_grad():
        made.model.embedding[2, 1] = value
    checkpoints.save(tmp_path / "best.pt", made)
    with pytest.raises(DmnError, match="weights embedding are not all numbers"):
        checkpoints.load(tmp_path / "best.pt")


@pytest.mark.parametrize(
    "section", [{"model": {"hidden_size": 10_000, "passes": 100}}, {"train": {"batch_size": 100_000}}]
)
def test_what_no_memory_holds_is_refused_before_it_is_allocated(section, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "whole_memory", lambda: 10_000_000)
    stories = config(lay(tmp_path / "stories", 1), **section)
    if "train" in section:
        stories = stories.model_copy(update={"model": stories.model.model_copy(update={"hidden_size": 400})})
    with pytest.raises(DmnError, match=r"too little memory: the training needs .* at least, cpu has 10 MB") as caught:
        prepare(stories, CPU, 1)
    assert caught.value.code == 1


def test_a_long_story_needs_more(tmp_path):
    long = Story(("Mary went to the hall.",) * 100_000, generate(1, 1, 0, "train")[0].questions)
    long = dataclasses.replace(
        long, questions=tuple(dataclasses.replace(q, facts=100_000, supporting=(5,)) for q in long.questions)
    )
    made = prepare(config(lay(tmp_path / "stories", 1)), CPU, 1).checkpoint
    parts = made.config, made.vocabulary, made.decided
    usual = generate(1, 60, 0, "train")
    short = memory.needed(*parts, usual, usual)
    assert memory.needed(*parts, [*usual, long], usual) - short > 100_000 * 5 * memory.PER_WORD * 8
    asked = 100_000 * memory.PER_FACT_ASKED * 8
    assert asked / 2 < memory.needed(*parts, usual, [*usual, long]) - short < asked  # in validation it costs less


@pytest.fixture
def repeated(tmp_path, dmn):
    """A run that is tested on its own training stories."""
    lay(tmp_path / "stories", 1)
    (tmp_path / "small.yaml").write_text(
        "data: {source: files, train: stories/train.txt, test: stories/train.txt}\n"
        "model: {hidden_size: 4, embedding_size: 4, gate: softmax}\ntrain: {epochs: 1}\n"
    )
    return dmn


REPEATED = "questions stand in its training stories too, after the same facts"


def test_what_makes_a_figure_other_than_it_seems_stands_beside_it(repeated, tmp_path):
    trained = repeated("train", "--config", "small.yaml", "--run-dir", "run", "--device", "cpu", "--quiet", "--no-page")
    assert REPEATED in trained.out
    note, *_ = json.loads((tmp_path / "run" / "results.json").read_text())["notes"]
    assert note in trained.out
    assert note in " ".join(repeated("eval", "run").out.split())
    assert note in repeated("report", "run").out


def test_of_a_suite_too(repeated, tmp_path):
    done = repeated("suite", "--config", "small.yaml", "--suite-dir", "suite", "--jobs", "1", "--quiet", "--no-page")
    assert "note: own: " in done.out
    assert REPEATED in done.out


def test_runs_of_other_versions_in_one_table(repeated, tmp_path):
    for name in ("one", "other"):
        repeated("train", "--config", "small.yaml", "--run-dir", name, "--device", "cpu", "--quiet", "--no-page")
    path = tmp_path / "other" / "run.json"
    content = json.loads(path.read_text())
    content["starts"][0]["dmn"] = "9.9"
    path.write_text(json.dumps(content))
    here = dmn_cli.__version__
    assert f"these were made by different versions of dmn: one by {here}, other by 9.9" in repeated("report", ".").out
    assert f"made by dmn {here} → 9.9" in repeated("compare", "one", "other").out
