"""What a page says of a run, a suite or a checkpoint, read from its folder and, for mistakes, from the test stories."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dmn_cli import config as configs
from dmn_cli import records
from dmn_cli.babi.tasks import TASKS
from dmn_cli.config import Config
from dmn_cli.data.stories import Story
from dmn_cli.errors import DmnError
from dmn_cli.files import write_atomic
from dmn_cli.generator.generate import generate
from dmn_cli.page import curves, mistakes
from dmn_cli.page.export import of_checkpoint
from dmn_cli.page.html import render
from dmn_cli.report import suites, tables
from dmn_cli.report.heat import chance
from dmn_cli.report.mistakes import matrix
from dmn_cli.report.prediction import Prediction
from dmn_cli.report.results import TaskResult, as_json
from dmn_cli.report.suites import duration, spread
from dmn_cli.report.tables import percent
from dmn_cli.runs import folder as folders
from dmn_cli.runs.folder import best
from dmn_cli.splits import OWN, Split, load_split, tasks
from dmn_cli.training import checkpoint as checkpoints
from dmn_cli.training.checkpoint import Checkpoint
from dmn_cli.training.predictions import predict

NAME = "report.html"

MOST_WEIGHTS = 2_000_000
"""Bytes of a network's weights in a page of at most 3 MB, in base64: 375,000 weights."""

LOST = "delete it: only the curve is lost"

SAMPLES = 12
"""Stories of each task at a click."""

Content = dict[str, Any]


class Shown(NamedTuple):
    """A network of a page.

    Attributes:
        checkpoint: with its weights.
        stories: of the split that its results are of; None where it cannot be read.
        predictions: for all its questions.
        note: why there are none, or "".
    """

    checkpoint: Checkpoint
    stories: Split | None
    predictions: list[Prediction]
    note: str


def write(folder: Path, data_dir: Path | None = None) -> Path:
    """Write the page of a run or a suite into its folder.

    Raises:
        DmnError: there is nothing to show in it, or what is there is damaged.
        OSError: the file cannot be written.
    """
    path = folder / NAME
    write_atomic(path, view(folder, data_dir))
    return path


def view(source: Path, data_dir: Path | None = None) -> str:
    """The page of a run folder, a suite folder or a checkpoint file.

    Args:
        source: the folder or file.
        data_dir: where the stories are now; None: where they were.

    Raises:
        DmnError: it is none of these, there is nothing to show yet, or what is there is damaged.
    """
    if source.is_file():
        return _of_network(source.stem, source, None, data_dir)
    if best(source).exists():
        return _of_network(source.resolve().name, best(source), source, data_dir)
    if (source / "results.json").exists():
        return _of_suite(source, data_dir)
    if not source.exists():
        raise DmnError(f"{source}: no such run, suite or checkpoint")
    if (source / "checkpoints").exists():
        raise DmnError(f"{source}: nothing to show yet: no epoch of this run has ended")
    hint = "give the folder of a `dmn train` or a `dmn suite` that has ended, or a checkpoint"
    raise DmnError(f"{source}: no run, no finished suite and no checkpoint", hint)


def picture(source: Path, paths: Sequence[Path], question: int, data_dir: Path | None = None) -> None:
    """Write the curves of a run and the attention of one question, for a paper.

    Args:
        source: a run folder or a checkpoint file.
        paths: .svg and .png files.
        question: which question of its split, from 1.
        data_dir: as in ``view``.

    Raises:
        DmnError: there is no such run, question or split, or a file cannot be written.
    """
    epochs: list[Content] = []
    split = "test"
    if source.is_dir():
        if not best(source).exists():
            raise DmnError(f"{source}: no network in it", "a picture is of a run or a checkpoint, not of a suite")
        results, epochs, _ = _records(source)
        split = results["split"] if results else "valid"
        source = best(source)
    shown = _show(checkpoints.load(source), split, data_dir)
    if shown.note:
        raise DmnError(shown.note)
    if question > len(shown.predictions):
        raise DmnError(f"--question {question}: there are {len(shown.predictions)}")
    one = shown.predictions[question - 1]
    title = f"{one.question} {one.answer} ({chance(one.probability)})"
    for path in paths:
        curves.for_paper(epochs, title, one.facts, one.gates, path)


def _of_network(name: str, path: Path, folder: Path | None, data_dir: Path | None) -> str:
    """The page of a run, or (without a folder) of a checkpoint."""
    results, epochs, starts = _records(folder) if folder else (None, [], [])
    checkpoint = checkpoints.load(path)
    split = results["split"] if results else "valid"
    if folder is None and not (checkpoint.config.data.source == "files" and checkpoint.config.data.test is None):
        split = "test"  # of a run that goes on the test split stays unread
    shown = _show(checkpoint, split, data_dir)
    rows = results["tasks"] if results else _results(shown)
    is_babi = any(row["published"] is not None for row in rows) or bool(shown.stories and shown.stories.is_babi)
    content = {
        "name": name,
        "kind": "run" if folder else "checkpoint",
        "title": tables.title(checkpoint.config, split, is_babi),
        "state": ""
        if results or folder is None
        else "This run has not finished: the results are of validation so far.",
        "about": _about(checkpoint, epochs, starts),
        "starts": starts,
        "config": configs.dump(checkpoint.config),
        "pictures": [curves.loss(epochs), curves.accuracy(epochs)] if epochs else [],
        "epochs": epochs,
        "grid": None,
        "failed": [],
        "command": f"dmn view {name}",
    }
    return _render(content, rows, checkpoint.config, [shown], shown)


def _records(folder: Path) -> tuple[Content | None, list[Content], list[Content]]:
    """A run's results, if it has finished, its epochs and its starts."""
    results = None
    if folders.is_done(folder):
        results = records.read(folder / "results.json", records.RESULTS, "evaluate it again: dmn eval").model_dump()
    epochs = [line.model_dump() for line in folders.epochs(folder, LOST)]
    return results, epochs, [start.model_dump() for start in folders.starts(folder)]


def _show(checkpoint: Checkpoint, split: str, data_dir: Path | None) -> Shown:
    data = checkpoint.config.data
    if data_dir is not None:
        data = data.model_copy(update={"dir": str(data_dir)})
    try:
        stories = load_split(data, split)  # type: ignore[arg-type]
    except DmnError as error:
        note = f"The stories cannot be read, so no mistakes are shown ({error.message})."
        return Shown(checkpoint, None, [], note)
    return Shown(checkpoint, stories, list(predict(checkpoint, stories)), "")


def _results(shown: Shown) -> list[Content]:
    """A row for each task, as in results.json, from predictions."""
    found = []
    for task in shown.stories.stories if shown.stories else []:
        of_task = [one for one in shown.predictions if one.task == task]
        name = "own stories" if task == OWN else TASKS[task].name
        found.append(TaskResult(task, name, len(of_task), sum(bool(one.right) for one in of_task), None))
    return as_json(found)["tasks"] if found else []


def _of_suite(folder: Path, data_dir: Path | None) -> str:
    content = suites.read(folder / "results.json")
    config = configs.from_plain(content["config"])
    shown = []
    for network, seed in _chosen(folder, content["tasks"]):
        path = best(folder / f"{network}-seed{seed}")
        if path.exists():
            shown.append((network, seed, _show(checkpoints.load(path), content["split"], data_dir)))
    epochs = _epochs_of(folder)
    most_wrong = max(shown, key=lambda one: sum(p.right is False for p in one[2].predictions), default=None)
    timing = folder / "timing.json"
    about = [("config", content["suite"]), ("seeds", ", ".join(map(str, content["seeds"])))]
    about += [("over seeds", f"{spread(content['over_seeds'], 2)} %")] if content["over_seeds"] else []
    if timing.exists():
        cost = records.read(timing, records.TIMING, "delete it: only what the suite cost is lost")
        about.append(("took", duration(cost.wall_seconds)))
    about.append(("dmn", ", ".join(f"{what} {version}" for what, version in content["versions"].items())))
    page = {
        "name": content["suite"],
        "kind": "suite",
        "title": suites.title(content),
        "state": "",
        "about": about,
        "starts": [{"started": "", "command": content["command"], "data": content["data"]}],
        "config": configs.dump(config),
        "pictures": [curves.side_by_side(epochs)] if epochs else [],
        "epochs": [],
        "grid": _grid(content["tasks"]),
        "failed": [suites.failure(run) for run in content["failed"]],
        "command": f"dmn view {folder.name}",
    }
    page["asked"] = f"{most_wrong[0]}, seed {most_wrong[1]}" if most_wrong and len(shown) > 1 else ""
    return _render(page, content["tasks"], config, [one for _, _, one in shown], most_wrong[2] if most_wrong else None)


def _chosen(folder: Path, rows: list[Content]) -> list[tuple[str, int]]:
    """The networks that the results are of, and their seeds."""
    found = []
    for row in rows:
        names = (f"task{row['task']}", "joint", "own")
        found += [
            (name, row["chosen_seed"]) for name in names if (folder / f"{name}-seed{row['chosen_seed']}").exists()
        ]
    return list(dict.fromkeys(found))


def _epochs_of(folder: Path) -> dict[str, dict[int, list[Content]]]:
    """The epochs of all runs of a suite, by network and seed."""
    found: dict[str, dict[int, list[Content]]] = {}
    for path in folder.glob("*-seed*/metrics.jsonl"):
        network, _, seed = path.parent.name.rpartition("-seed")
        epochs = [line.model_dump() for line in folders.epochs(path.parent, LOST)]
        if seed.isdigit() and epochs:
            found.setdefault(network, {})[int(seed)] = epochs
    order = sorted(found, key=lambda name: (len(name), name))
    return {name: dict(sorted(found[name].items())) for name in order}


def _grid(rows: list[Content]) -> Content:
    """Seeds across, tasks down: the accuracy of every run."""
    seeds = sorted({tried["seed"] for row in rows for tried in row["seeds"]})
    lines = []
    for row in rows:
        by_seed = {tried["seed"]: tried for tried in row["seeds"]}
        cells = []
        for seed in seeds:
            tried = by_seed.get(seed)
            accuracy = tried["accuracy"] if tried else None
            shade = "" if accuracy is None else min(10, round(40 * (1 - accuracy)))  # 75 % and less: the darkest
            text = "–" if accuracy is None else percent(accuracy)
            cells.append({"text": text, "shade": shade, "chosen": seed == row["chosen_seed"]})
        lines.append({"task": row["task"], "name": row["name"], "cells": cells})
    return {"seeds": seeds, "rows": lines}


def _about(checkpoint: Checkpoint, epochs: list[Content], starts: list[Content]) -> list[tuple[str, str]]:
    config, progress = checkpoint.config, checkpoint.progress
    model = checkpoint.model
    parameters = sum(parameter.numel() for parameter in model.parameters())
    rows = [
        (
            "supervision",
            "gates taught the supporting facts" if config.train.supervision == "strong" else "answers only",
        ),
        ("network", f"{parameters:,} weights, {model.memory.passes} passes at most"),
        ("trained", f"{epochs[-1]['epoch'] if epochs else progress.epoch} epochs, seed {config.train.seed}"),
        ("best epoch", f"{progress.best_epoch}: {percent(progress.best_accuracy)} % on validation"),
    ]
    if epochs:
        rows.append(("took", duration(sum(line["seconds"] for line in epochs))))
    if starts:
        last = starts[-1]
        rows.append(("when", str(last.get("started", ""))[:16].replace("T", " ") + " UTC"))
        rows.append(("on", f"{last['device']}, {last['threads']} thread{'s' * (last['threads'] != 1)}"))
        rows.append(
            ("dmn", f"{last['dmn']}, torch {last['torch']}" + (f", git {last['git'][:12]}" if last["git"] else ""))
        )
    return rows


def _render(page: Content, rows: list[Content], config: Config, networks: list[Shown], asked: Shown | None) -> str:
    """The page of all this: results, mistakes, and a network to ask."""
    predictions = [one for network in networks for one in network.predictions]
    wrong = sum(one.right is False for one in predictions)
    found = mistakes.groupings(predictions) if wrong else []
    exported = of_checkpoint(asked.checkpoint) if asked else None
    notes = list(dict.fromkeys(network.note for network in networks if network.note))
    if exported and len(exported.weights) > MOST_WEIGHTS:
        notes.append("The network is too large to run in a page of 3 MB; `dmn ask` asks it.")
        exported = None
    listed = mistakes.for_script(predictions, found)
    data = {
        "network": exported.network if exported else None,
        "passes": _passes(asked.checkpoint.config) if asked else None,
        "samples": _samples(asked) if asked and exported else [],
        "mistakes": listed,
        "groupings": [grouping.title for grouping in found],
    }
    content = {
        "asked": "",
        **page,
        "results": _bars(rows),
        "summary": _summary(rows),
        "paper": "DMN+" if config.train.supervision == "weak" else "DMN",
        "has_network": exported is not None,
        "notes": notes,
        "questions": len(predictions),
        "wrong": wrong,
        "listed": len(listed),
        "telling": mistakes.telling(found),
        "groupings": [
            (
                g.title,
                g.groups[: mistakes.MOST_GROUPS],
                len(g.groups),
                max(one.wrong / one.questions for one in g.groups),
            )
            for g in found
        ],
        "confusion": matrix(predictions, mistakes.MOST_ANSWERS) if wrong else None,
    }
    return render(content, data, exported.weights if exported else "")


def _passes(config: Config) -> Content:
    """What the passes are called; see Prediction.passes."""
    return {"free": config.model.free_passes, "taught": config.train.supervision == "strong"}


def _bars(rows: list[Content]) -> list[Content]:
    """The rows of a results table, with places on an axis from ``least`` to 100 %."""
    figures = [figure for row in rows for figure in (row["interval"][0], row["published"]) if figure is not None]
    least = min([0.9, *(int(figure * 20) / 20 for figure in figures)])

    def place(figure: float | None) -> float | None:
        return None if figure is None else round(100 * (figure - least) / (1 - least), 1)

    return [
        {
            **row,
            "accuracy": percent(row["accuracy"]),
            "interval": " – ".join(map(percent, row["interval"])),
            "published": None if row["published"] is None else percent(row["published"]),
            "places": [place(figure) for figure in (*row["interval"], row["accuracy"], row["published"], 0.95)],
        }
        for row in rows
    ]


def _summary(rows: list[Content]) -> Content | None:
    """The figure that stands at the top."""
    if not rows:
        return None
    accuracy = sum(row["accuracy"] for row in rows) / len(rows)
    one = len(rows) == 1
    return {
        "accuracy": percent(accuracy, 1 if one else 2),
        "what": f"of {rows[0]['questions']:,} questions right" if one else f"mean of {len(rows)} tasks",
        "interval": " – ".join(map(percent, rows[0]["interval"])) if one else "",
        "published": rows[0]["published"] and percent(rows[0]["published"]) if one else None,
        "passed": sum(row["passed"] for row in rows),
        "tasks": len(rows),
    }


def _samples(shown: Shown) -> list[Content]:
    """Stories of each task to begin with: of the split shown; where it cannot be read, made up."""
    config = shown.checkpoint.config
    by_task = shown.stories.stories if shown.stories else {}
    if not by_task:
        by_task = {task: generate(task, 5 * SAMPLES, 0, "test") for task in tasks(config.data) if task != OWN}
    return [
        {"task": task, "name": TASKS[task].name if task else "own stories", "stories": _sample(stories)}
        for task, stories in by_task.items()
    ]


def _sample(stories: Sequence[Story]) -> list[Content]:
    step = max(1, len(stories) // SAMPLES)
    found = []
    for number, story in enumerate(stories[::step][:SAMPLES]):
        question = story.questions[-1 - number % len(story.questions)]
        facts = list(story.facts[: question.facts])
        found.append(
            {"facts": facts, "question": question.text, "gold": question.answer, "supporting": question.supporting}
        )
    return found
