"""The ladder: suites of one setting, each held against the one before."""

import pytest
import typer.testing
from PIL import Image

from dmn_cli.cli.app import app
from dmn_cli.errors import DmnError
from dmn_cli.report import ladder
from tests.report.test_suites import TIMING, content, save


@pytest.fixture
def rungs(tmp_path):
    """Two suites of two seeds: the second has other gates and answers task 3 better."""
    first = content("first", {1: 1000, 3: 700}, seeds=(0, 1))
    second = content("second", {1: 1000, 3: 960}, seeds=(0, 1))
    second["config"]["model"]["gate"] = "softmax"
    for suite, means in ((first, [0.85, 0.84]), (second, [0.98, 0.97])):
        suite["over_seeds"].update(mean=sum(means) / 2, means=means, tasks_passed=[1, 2])
        for task in suite["tasks"]:
            task["parameters"] = 1000 * task["task"]
    save(tmp_path / "first", first, {**TIMING, "seconds": 240.0})
    save(tmp_path / "second", second)
    return [tmp_path / "first", tmp_path / "second"]


def test_each_rung_is_held_against_the_one_before(rungs):
    assert ladder.as_markdown(ladder.climb(rungs)).splitlines() == [
        "| config | changed | mean (%) | gain | passed | time per seed | weights |",
        "| :-- | :-- | --: | --: | :-- | --: | --: |",
        "| first | – | 84.50 ± 1.23 | – | 1 2 | 2 min | 2 k |",
        "| second | model.gate sigmoid → softmax | 97.50 ± 1.23 | +13.00 | 1 2 | – | 2 k |",
        "",
        "| task | name | `first` | `second` |",
        "| --: | :-- | --: | --: |",
        "| 1 | single-supporting-fact | 99.5 | 99.5 |",
        "| 3 | three-supporting-facts | 69.5 | 95.5 |",
    ]


def test_the_order_is_that_of_the_command(rungs):
    assert [rung.name for rung in ladder.climb(rungs[::-1])] == ["second", "first"]


def test_restarts_are_no_further_seeds(tmp_path):
    restarted = content("restarted", {1: 900}, seeds=(0, 1))
    restarted["seeds"] = [0]
    save(tmp_path / "restarted", restarted)
    (rung,) = ladder.climb([tmp_path / "restarted"])
    assert rung.tasks == {1: [0.9]}


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (content("o", {1: 1000}), "tasks"),
        (content("o", {1: 1000, 3: 700}, supervision="weak"), "supervision"),
        (content("o", {1: 1000, 3: 700}, data={"subset": "shuffled"}), "data"),
        ({**content("o", {1: 1000, 3: 700}), "split": "valid"}, "split"),
    ],
)
def test_other_settings_are_no_rungs(rungs, tmp_path, other, what):
    save(tmp_path / "other", other)
    with pytest.raises(DmnError, match=f"first and .*other: not of the same {what}$"):
        ladder.climb([rungs[0], tmp_path / "other"])


def test_the_command_prints_and_draws(rungs, tmp_path):
    picture = tmp_path / "ladder.png"
    called = typer.testing.CliRunner().invoke(
        app, ["report", "--ladder", *map(str, rungs), "--picture", str(picture)], catch_exceptions=False
    )
    assert called.exit_code == 0, called.output
    assert called.output == ladder.as_markdown(ladder.climb(rungs))
    with Image.open(picture) as image:
        assert min(image.size) > 200


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--picture", "x.png"], "--picture: only a ladder is drawn"),
        (["--ladder", "--picture", "x.txt"], "--picture x.txt: the name must end in .svg, .png or .pdf"),
    ],
)
def test_what_cannot_be_drawn_is_said_first(rungs, args, message):
    with pytest.raises(DmnError, match=message):
        typer.testing.CliRunner().invoke(app, ["report", *args, *map(str, rungs)], catch_exceptions=False)
