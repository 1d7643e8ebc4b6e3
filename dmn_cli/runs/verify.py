"""Whether a run, or a suite, is what its files say: everything is computed again and compared."""

import json
import platform
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from dmn_cli import __version__, records
from dmn_cli import config as configs
from dmn_cli.babi.tasks import SplitName
from dmn_cli.config import Config
from dmn_cli.data.batches import Dataset
from dmn_cli.errors import DmnError
from dmn_cli.files import naming
from dmn_cli.model.fast import kernels
from dmn_cli.records import Epoch, Results, Start
from dmn_cli.report import tables
from dmn_cli.report.results import as_json
from dmn_cli.runs import folder as folders
from dmn_cli.runs import provenance
from dmn_cli.runs.assembly import Prepared, flat, prepare
from dmn_cli.runs.jobs import Job, Suite
from dmn_cli.runs.suite import job_of, networks
from dmn_cli.runs.suite_results import results as suite_results
from dmn_cli.splits import load_split
from dmn_cli.training import checkpoint as checkpoints
from dmn_cli.training import loop
from dmn_cli.training.build import dataset
from dmn_cli.training.checkpoint import Checkpoint
from dmn_cli.training.evaluate import evaluate
from dmn_cli.training.locate import locate
from dmn_cli.training.notes import notes

DAMAGED = "the run is not what it was: make it again"


class Check(NamedTuple):
    """Something that was computed again.

    Attributes:
        what: it is.
        agrees: with the files of the run.
        why: it does not, or what it agrees with.
    """

    what: str
    agrees: bool
    why: str


def verify(folder: Path, device: torch.device) -> Iterator[Check]:
    """Verify a run or a suite.

    Raises:
        DmnError: it is neither, or not done; or its stories are not to be found.
    """
    if (folder / "checkpoints").is_dir():
        yield from _run(folder, device)
    elif (folder / folders.CONFIG).is_file() and (folder / folders.RESULTS).is_file():
        yield from _suite(folder, device)
    else:
        raise DmnError(f"{folder}: neither a run nor a suite that is done", "give the folder of one")


# ---- a run -----------------------------------------------------------------------------------------------------------


def _run(folder: Path, device: torch.device) -> Iterator[Check]:
    if not folders.is_done(folder):
        raise DmnError(f"{folder}: the run is not done", "go on with it: dmn train --resume --run-dir …")
    best, last = checkpoints.load(folders.best(folder), device), checkpoints.load(folders.last(folder), device)
    epochs, starts = folders.epochs(folder, DAMAGED), folders.starts(folder)
    results = records.read(folder / folders.RESULTS, records.RESULTS, DAMAGED)
    if not starts or not epochs:
        raise DmnError(f"{folder}: {folders.STARTS if not starts else folders.METRICS} is missing or empty", DAMAGED)
    yield _code(starts)
    yield _record(starts, last)
    yield _config(folder, best, last)
    yield _epochs(folder, epochs, best, last)
    yield _weights(best, last, epochs)
    config = _found(best.config, folders.best(folder), results.split)
    begun = prepare(config, device, best.threads)
    yield _data("training stories", starts[-1].data, begun.train.digests)
    yield _changes(folder, begun, best)
    yield _replay(begun, epochs[0], device, best.threads)
    yield from _evaluation(folder, best, begun, results, config)


def _found(config: Config, checkpoint: Path, split: str) -> Config:
    """The config, with paths that lead to its stories from here."""
    data = locate(config.data, checkpoint, "train")
    if split == "test":
        data = locate(data, checkpoint, "test")
    return config.model_copy(update={"data": data})


def _code(starts: list[Start]) -> Check:
    """The code and all that decides how it adds up."""
    here = {"dmn": __version__, "git": provenance.git_sha(), "torch": str(torch.__version__)}
    here |= {"python": platform.python_version(), "kernels": kernels.active()}
    made = [{key: getattr(start, key) for key in here} for start in starts]
    others = [f"{key} {start[key]}, here {here[key]}" for start in made for key in here if start[key] != here[key]]
    return Check("code", not others, "; ".join(dict.fromkeys(others)) or f"dmn {__version__}, torch {here['torch']}")


def _record(starts: list[Start], last: Checkpoint) -> Check:
    """What run.json says of the network."""
    true = {"passes": last.decided.passes, "threads": last.threads}
    true["parameters"] = sum(parameter.numel() for parameter in last.model.parameters())
    wrong = [key for key in true for start in starts if getattr(start, key) != true[key]]
    what = f"{true['parameters']:,} parameters, at most {true['passes']} passes"
    return Check(folders.STARTS, not wrong, f"other {', '.join(dict.fromkeys(wrong))}" if wrong else what)


def _epochs(folder: Path, epochs: list[Epoch], best: Checkpoint, last: Checkpoint) -> Check:
    """The lines of metrics.jsonl among themselves, against how far the checkpoints are, and why the run ended."""
    progress, gates_only = last.progress, last.config.train.gate_epochs
    kept, reached = [], -1.0
    for line in epochs:
        is_best = line.epoch > gates_only and line.valid_accuracy >= reached
        kept.append(is_best)
        reached = max(reached, line.valid_accuracy) if is_best else reached
    epoch = max((line.epoch for line, is_best in zip(epochs, kept, strict=True) if is_best), default=0)
    fits = {
        "epochs": [line.epoch for line in epochs] == [*range(1, progress.epoch + 1)],
        "which are best": [line.best for line in epochs] == kept,
        "best.pt's epoch": (best.progress.epoch, best.progress.best_accuracy) == (epoch, reached),
        "last.pt's best epoch": (progress.best_epoch, progress.best_accuracy) == (epoch, reached),
        "steps": {best.progress.step, progress.step} <= {line.step for line in epochs},
        "done": _text(folder / "done").rstrip("\n") in (best.progress.finished, progress.finished),
        "optimiser": last.optimizer is not None,
    }
    wrong = [what for what, fit in fits.items() if not fit]
    return Check("epochs", not wrong, f"do not fit: {', '.join(wrong)}" if wrong else f"{len(epochs)}, best {epoch}")


def _config(folder: Path, best: Checkpoint, last: Checkpoint) -> Check:
    written = configs.load(folder / folders.CONFIG)
    others = [configs.differences(checkpoint.config, written) for checkpoint in (best, last)]
    return Check("config", not any(others), next(filter(None, others), "config.yaml and both checkpoints"))


def _weights(best: Checkpoint, last: Checkpoint, epochs: list[Epoch]) -> Check:
    """The weights of both checkpoints against the digests of their epochs in metrics.jsonl."""
    by_epoch = {epoch.epoch: epoch.weights for epoch in epochs}
    if not all(by_epoch.values()):
        return Check("weights", False, f"{folders.METRICS} has no digests of weights: an older dmn made the run")
    wrong = [
        f"{name}.pt is not of epoch {checkpoint.progress.epoch}"
        for name, checkpoint in {"best": best, "last": last}.items()
        if by_epoch.get(checkpoint.progress.epoch) != checkpoints.digest(checkpoint.model)
    ]
    return Check("weights", not wrong, "; ".join(wrong) or f"of epochs {best.progress.epoch} and {last.progress.epoch}")


def _data(what: str, recorded: dict[str, str] | str, found: dict[str, str]) -> Check:
    """Files by their digests, in order: they may lie elsewhere now."""
    if isinstance(recorded, str) or not recorded:
        return Check(what, not found, "made in memory, not read")
    wrong = [path for path, digest in recorded.items() if digest not in found.values()]
    agrees = not wrong and len(recorded) == len(found)
    return Check(what, agrees, f"changed: {', '.join(wrong)}" if wrong else f"{len(found)} files")


def _changes(folder: Path, begun: Prepared, best: Checkpoint) -> Check:
    """What is found in the training stories: vocabulary, passes, words to rename, tasks to reorder."""
    decided = begun.checkpoint.decided
    wrong = [
        name
        for name, same in {
            "vocabulary": begun.checkpoint.vocabulary == best.vocabulary,
            "passes": (decided.passes, decided.order) == (best.decided.passes, best.decided.order),
            "words to rename, facts to reorder": begun.changes
            == folders.changes(folder, best.config.data, begun.train.stories),
        }.items()
        if not same
    ]
    return Check("what they decide", not wrong, ", ".join(wrong) or "vocabulary, passes, changes of the stories")


def _replay(begun: Prepared, line: Epoch, device: torch.device, threads: int) -> Check:
    """Train the first epoch again: its checkpoint is the network that config and stories make."""
    torch.set_num_threads(threads)
    checkpoint, config = begun.checkpoint, begun.checkpoint.config
    model = checkpoint.model

    def stories(epoch: int) -> Dataset:
        seen = begun.changes.of(begun.train.stories, f"{config.train.seed} {epoch}") if begun.changes else None
        return dataset(config, checkpoint.vocabulary, flat(begun.train) if seen is None else seen)

    valid = dataset(config, checkpoint.vocabulary, flat(begun.valid))
    optimizer = loop.optimiser(model, config.train)
    steps = loop.train(model, optimizer, stories, valid, config.train, loop.Progress())
    made = next(event for event in steps if isinstance(event, Epoch))
    made = made.model_copy(update={"weights": checkpoints.digest(model)})
    keys = ("weights", "step", "learning_rate", "gate_loss", "answer_loss", "valid_loss", "valid_accuracy")
    wrong = [key for key in keys if getattr(line, key) != getattr(made, key) and (key != "weights" or line.weights)]
    what = "every byte of the weights, every loss" if line.weights else "every loss; no digest of the weights is kept"
    return Check("epoch 1, trained again", not wrong, f"other {', '.join(wrong)}" if wrong else what)


def _evaluation(folder: Path, best: Checkpoint, begun: Prepared, results: Results, config: Config) -> Iterator[Check]:
    name: SplitName = "test" if results.split == "test" else "valid"
    split = load_split(config.data, "test") if name == "test" else begun.valid
    yield _data(f"{results.split} stories", results.data, split.digests)
    found = evaluate(best, split, results.split, begun.train.digests)
    told = notes(best, folders.best(folder), config.data, name, split, begun.train)
    made = Results(split=results.split, **as_json(found), data=results.data, notes=told)
    keys = Results.model_fields.keys() & results.model_fields_set  # an older dmn wrote no notes
    wrong = [key for key in sorted(keys) if getattr(made, key) != getattr(results, key)]
    right = f"{sum(row.correct for row in found):,} of {sum(row.questions for row in found):,} right"
    yield Check("evaluation", not wrong, f"other {', '.join(wrong)}; {right}" if wrong else right)
    files = {"results.csv": tables.as_csv(found), "results.md": tables.as_markdown(found)}
    others = [name for name, text in files.items() if _text(folder / name) != text]
    yield Check("tables", not others, f"not of these results: {', '.join(others)}" if others else ", ".join(files))


def _text(path: Path) -> str:
    with naming(path):
        return path.read_text(encoding="utf-8", errors="replace")


# ---- a suite ---------------------------------------------------------------------------------------------------------


def _suite(folder: Path, device: torch.device) -> Iterator[Check]:
    path = folder / folders.RESULTS
    try:
        written = json.loads(_text(path))
        seeds, failed = len(written["seeds"]), {(run["network"], run["seed"]) for run in written["failed"]}
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise DmnError(f"{path}: damaged", "the same `dmn suite` writes it again") from error
    jobs = _jobs(folder, str(written.get("suite", "")), seeds, failed)
    for job in jobs[1]:
        if job.state == "done":
            for check in _run(job.folder, device):
                yield check._replace(what=f"{job.folder.name}: {check.what}")
        else:
            yield Check(job.folder.name, False, "is not done")
    made = json.loads(json.dumps(suite_results(*jobs)))
    wrong = [key for key in made if key not in ("command", "failed") and made[key] != written.get(key)]
    yield Check("results of the suite", not wrong, f"other {', '.join(wrong)}" if wrong else f"{len(jobs[1])} runs")


def _jobs(folder: Path, name: str, seeds: int, failed: set[tuple[str, int]]) -> tuple[Suite, list[Job]]:
    """The suite of a folder and its runs."""
    config = configs.load(folder / folders.CONFIG)
    found = [match for path in sorted(folder.iterdir()) if (match := re.fullmatch(r"(.+)-seed(\d+)", path.name))]
    numbers = sorted({int(match[1][4:]) for match in found if re.fullmatch(r"task\d+", match[1])})
    named = networks(config, ",".join(map(str, numbers)) if numbers else None)
    suite = Suite(config, name, named, seeds, folder, 1, 1, "auto", [])
    runs = {(match[1], int(match[2])) for match in found if match[1] in named} | failed
    ordered = sorted(runs, key=lambda run: (run[1], [*named].index(run[0])))
    jobs = [job_of(suite, network, seed - config.train.seed) for network, seed in ordered]
    for job in jobs:
        if (job.network, job.seed) in failed:
            job.state = "failed"
    return suite, jobs
