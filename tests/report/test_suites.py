"""Tables of suites from what results.json holds."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from dmn_cli.babi.tasks import TASKS
from dmn_cli.babi.unpack import published_digests
from dmn_cli.config import from_plain, plain
from dmn_cli.errors import DmnError
from dmn_cli.report import suites
from dmn_cli.report.results import TaskResult, as_json


def digests(subset):
    """Of one file of a subset."""
    return {"qa1": next(digest for path, (_, digest) in published_digests().items() if path.startswith(f"{subset}/"))}


def content(name="paper", correct=None, seeds=(0,), data=None, **train):
    """The results of a suite: right answers of 1000, by task; every further seed got ten less."""
    correct = correct or {1: 1000, 2: 982, 3: 700}
    content = as_json([TaskResult(task, TASKS[task].name, 1000, right, None) for task, right in correct.items()])
    for task in content["tasks"]:
        tried = [
            {
                "seed": seed,
                "valid_accuracy": 0.9 - number / 100,
                "valid_loss": 0.1,
                "accuracy": task["accuracy"] - number / 100,
            }
            for number, seed in enumerate(seeds)
        ]
        mean = sum(seed["accuracy"] for seed in tried) / len(tried)
        over = {"mean": mean, "deviation": 0.007 if len(seeds) > 1 else None}
        task.update(chosen_seed=seeds[0], passes=3, seeds=tried, over_seeds=over, restarts=train.get("restarts", 0))
    over = {"mean": content["mean_accuracy"] - 0.005, "deviation": 0.0123 if len(seeds) > 1 else None}
    return {
        "suite": name,
        "split": "test",
        **content,
        "seeds": list(seeds),
        "over_seeds": over,
        "failed": [],
        "command": f"dmn suite --config {name}.yaml",
        "versions": {},
        "config": plain(from_plain({"data": data or {}, "train": train})),
        "data": digests((data or {}).get("subset", "en")) if "source" not in (data or {}) else {},
    }


def test_every_seed_and_how_many_pass_all_tasks():
    several = content("paper", {1: 965, 2: 980}, seeds=(0, 1, 2))  # the third seed: 945 and 960
    assert "by seed: mean 97.25, 96.25, 95.25; passed 2, 2, 1; all tasks passed by 2 of 3 seeds" in suites.as_markdown(
        several
    )
    del several["tasks"][0]["seeds"][1]  # a seed that lacks a task has no mean, and does not pass all
    assert "by seed: mean 97.25, 95.25; passed 2, 1; all tasks passed by 1 of 3 seeds" in suites.as_markdown(several)
    assert "by seed" not in suites.as_markdown(content())


def test_one_seed_in_markdown():
    assert suites.as_markdown(content()).splitlines() == [
        "bAbI en, test split, gates taught the supporting facts, one seed (%)",
        "",
        "| task | name | test | 95 % interval | valid | published | passed |",
        "| --: | :-- | --: | --: | --: | --: | :-- |",
        "| 1 | single-supporting-fact | 100.0 | 99.6 – 100.0 | 90.0 | 100.0 | yes |",
        "| 2 | two-supporting-facts | 98.2 | 97.2 – 98.9 | 90.0 | 98.2 | yes |",
        "| 3 | three-supporting-facts | 70.0 | 67.1 – 72.8 | 90.0 | 95.2 | no |",
        "|  | mean | 89.40 |  |  | 97.8 | 2 of 3 |",
        "",
        "`dmn suite --config paper.yaml`",
    ]


def test_other_stories_are_not_called_babi():
    made = content(data={"dir": "made"})
    made["data"]["made/en/qa2_train.txt"] = "0" * 64
    lines = suites.as_markdown(made).splitlines()
    assert lines[0].startswith("made/en (not known to be bAbI: no published digest), test split")
    assert lines[2] == "| task | name | test | 95 % interval | valid | passed |"


def test_several_seeds_and_restarts():
    lines = suites.as_markdown(content(seeds=(4, 5), restarts=2)).splitlines()
    assert lines[0].endswith("2 seeds (%)")
    assert lines[2] == "| task | name | test | seed | valid | 2 seeds | restarts | published | passed |"
    assert lines[5] == "| 2 | two-supporting-facts | 98.2 | 4 | 90.0 | 97.7 ± 0.7 | 2 | 98.2 | yes |"
    assert lines[7] == "|  | mean | 89.40 |  |  | 88.90 ± 1.23 | 6 | 97.8 | 2 of 3 |"


def test_weak_supervision_stands_beside_dmn_plus():
    lines = suites.as_markdown(content(supervision="weak", data={"subset": "en-10k"})).splitlines()
    assert lines[0] == "bAbI en-10k, test split, answers only, one seed (%)"
    assert lines[2] == "| task | name | test | 95 % interval | valid | published | passed |"
    assert lines[6].endswith("| 98.9 | no |")


def test_other_stories_have_nothing_published():
    lines = suites.as_markdown(content(data={"source": "generated", "tasks": [1, 2]})).splitlines()
    assert lines[0] == (
        "generated stories (not bAbI), test split, gates taught the supporting facts, one network for all tasks, "
        "one seed (%)"
    )
    assert lines[2] == "| task | name | test | 95 % interval | valid | passed |"
    assert lines[7] == "|  | mean | 89.40 |  |  | 2 of 3 |"


def test_failures_are_listed():
    given = content()
    given["failed"] = [{"network": "task7", "tasks": [7], "seed": 0, "why": "training diverged in step 3"}]
    assert "- task7, seed 0 failed: training diverged in step 3" in suites.as_markdown(given).splitlines()


def test_the_terminal_has_the_same_cells(capsys):
    from rich.console import Console

    Console(width=80).print(suites.as_table(content(seeds=(0, 1))))
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[3] == ["2", "two-supporting-facts", "98.2", "0", "90.0", "97.7", "±", "0.7", "98.2", "yes"]
    assert lines[5] == ["mean", "89.40", "88.90", "±", "1.23", "97.8", "2", "of", "3"]


def test_csv_holds_plain_numbers():
    rows = list(csv.DictReader(io.StringIO(suites.as_csv(content(seeds=(3, 4))))))
    assert [row["task"] for row in rows] == ["1", "2", "3"]
    row = rows[1]
    assert (row["correct"], row["accuracy"], row["seed"], row["seeds"]) == ("982", "0.982", "3", "2")
    assert float(row["mean"]) == pytest.approx(0.977)
    assert (row["passed"], rows[2]["passed"]) == ("true", "false")
    assert row["deviation"] == "0.007"
    assert row["restarts"] == "0"


TIMING = {
    **{"wall_seconds": 4000.0, "seconds": 3960.0, "peak_memory_mb": 512.3, "jobs": 2, "cores": 2},
    **{"processor": "x86_64", "git": "None", "platform": "Linux", "device": "cpu", "threads": "1", "runs": []},
}


def save(folder, given, timing=None):
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps(given))
    if timing:
        (folder / "timing.json").write_text(json.dumps(timing))
    return folder / "results.json"


def test_suites_side_by_side(tmp_path):
    timing = {
        **TIMING,
        "runs": [
            {"network": "task1", "seed": 0, "seconds": 60.0, "peak_memory_mb": 512.3},
            {"network": "task3", "seed": 0, "seconds": 3900.0, "peak_memory_mb": 400.0},
        ],
    }
    weak = content("weak", {2: 500, 20: 960}, seeds=(0, 1), data={"subset": "en-10k"}, supervision="weak")
    weak["failed"] = [{"network": "task7", "tasks": [7], "seed": 0, "why": "no file"}]
    paths = [save(tmp_path / "weak", weak), save(tmp_path / "paper", content(), timing)]  # shown by name
    assert suites.as_report(paths).splitlines() == [
        "| config | setting | mean (%) | over seeds | passed | all passed by | longest run | memory of a run "
        "| command |",
        "| :-- | :-- | --: | --: | :-- | --: | --: | --: | :-- |",
        "| paper | bAbI en, test split, gates taught the supporting facts, one seed | 89.40 | 88.90 | 2 of 3 "
        "| 0 of 1 seed | 1 h 05 min (task3) | 512 MB | `dmn suite --config paper.yaml` |",
        "| weak | bAbI en-10k, test split, answers only, 2 seeds | 73.00 | 72.50 ± 1.23 | 1 of 2 "
        "| 0 of 2 seeds | – | – | `dmn suite --config weak.yaml` |",
        "",
        "- weak: task7, seed 0 failed: no file",
        "",
        "| task | name | published DMN | published MemNN | published DMN+ | `paper` | `weak` |",
        "| --: | :-- | --: | --: | --: | --: | --: |",
        "| 1 | single-supporting-fact | 100.0 | 100.0 | 100.0 | 100.0 | – |",
        "| 2 | two-supporting-facts | 98.2 | 100.0 | 99.7 | 98.2 | 50.0 |",
        "| 3 | three-supporting-facts | 95.2 | 100.0 | 98.9 | 70.0 | – |",
        "| 20 | agents-motivations | 100.0 | 100.0 | 100.0 | – | 96.0 |",
        "|  | mean | 98.3 | 100.0 | 99.7 | 89.40 (3 tasks) | 73.00 (2 tasks) |",
        "|  | tasks passed | 4 | 4 | 4 | 2 | 1 |",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{", "not JSON"), ("[]", "not the results of a suite or a run"), ('{"tasks": []}', "not the results of a suite")],
)
def test_what_is_no_suite(text, expected, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(DmnError, match=rf"results\.json: {expected}"):
        suites.as_report([path])


def wrong(given, *keys, value=None):
    """A copy of the content with another value at the keys; without the key where the value is None."""
    copy = inner = json.loads(json.dumps(given))
    for key in keys[:-1]:
        inner = inner[key]
    if value is None:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = value
    return copy


@pytest.mark.parametrize(
    "text",
    [
        '{"suite": "x"}',
        *(json.dumps(wrong(content(), key)) for key in content() if key != "versions"),
        json.dumps(wrong(content(), "tasks", value=[])),
        json.dumps(wrong(content(), "tasks", 0, "seeds", value=[])),
        json.dumps(wrong(content(), "tasks", 0, "task", value="1")),
        json.dumps(wrong(content(), "tasks", 0, "accuracy", value="high")),
        json.dumps(wrong(content(data={"source": "generated"}), "tasks", 0, "task", value=77)),
        json.dumps(wrong(content(), "config", "model", value={"gat": 1})),
        json.dumps(wrong(content(), "mean_accuracy", value={})),
        json.dumps(wrong(content(), "failed", value=[{"network": "task7"}])),
    ],
)
def test_half_a_suite_is_one_line(text, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(DmnError, match=r"results\.json: not the results of a suite or a run$") as caught:
        suites.as_report([path])
    assert caught.value.code == 2


def test_endless_nesting_is_no_json(tmp_path):
    (tmp_path / "results.json").write_text("[" * 100_000)
    with pytest.raises(DmnError, match=r"results\.json: not JSON$"):
        suites.as_report([tmp_path / "results.json"])


RUN = {"network": "task1", "seed": 0, "seconds": 1.0, "peak_memory_mb": 1.0}


@pytest.mark.parametrize(
    "timing",
    [
        {"x": 1},
        [1],
        {"runs": [RUN]},
        {**TIMING, "runs": {}},
        {**TIMING, "runs": [{}]},
        {**TIMING, "runs": [{**RUN, "seconds": "long"}]},
    ],
)
def test_half_a_timing_is_one_line(timing, tmp_path):
    path = save(tmp_path / "paper", content(), timing)
    with pytest.raises(DmnError, match=r"timing\.json: damaged$") as caught:
        suites.as_report([path])
    assert caught.value.code == 2


def test_of_all_tasks_the_published_means_are_those_of_the_papers(tmp_path):
    strong = content(correct=dict.fromkeys(TASKS, 1000))
    weak = content(correct=dict.fromkeys(TASKS, 1000), data={"subset": "en-10k"}, supervision="weak")
    lines = suites.as_report([save(tmp_path / "a", strong), save(tmp_path / "b", weak)]).splitlines()
    assert lines[-2:] == [
        "|  | mean | 93.6 | 93.3 | 97.2 | 100.00 | 100.00 |",
        "|  | tasks passed | 18 | 16 | 19 | 20 | 20 |",
    ]


def test_damage_is_named(tmp_path):
    path = tmp_path / "results.json"
    damaged = content()
    del damaged["tasks"][1]["interval"]
    path.write_text(json.dumps(damaged))
    with pytest.raises(DmnError, match=r"results\.json: not the results of a suite or a run$"):
        suites.as_report([path])
    path.write_text(json.dumps(content()))
    for bad in (b"", b"[]", b'{"runs": []}', b'{"runs": [{"seconds": "x"}]}', b"\xff"):
        (tmp_path / "timing.json").write_bytes(bad)
        with pytest.raises(DmnError, match=r"timing\.json: damaged"):
            suites.as_report([path])


def test_a_missing_file(tmp_path):
    with pytest.raises(DmnError, match="cannot be read"):
        suites.as_report([tmp_path / "none.json"])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (99.4, "99 s"), (100, "2 min"), (3569, "59 min"), (3570, "1 h 00 min"), (7500, "2 h 05 min")],
)
def test_durations(seconds, text):
    assert suites.duration(seconds) == text


def test_the_documentation_shows_the_results_that_are_kept():
    root = Path(__file__).parents[2]
    paths = sorted((root / "docs" / "results").glob("*/results.json"))
    (shown,) = re.findall(
        r"<!-- results -->\n(.*?)<!-- end results -->", (root / "docs/results/README.md").read_text("utf-8"), re.DOTALL
    )
    assert paths
    assert shown.strip() == suites.as_report(paths).strip(), "write it anew: dmn report"
