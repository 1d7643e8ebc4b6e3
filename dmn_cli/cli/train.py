"""``dmn train``."""

import contextlib
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmn_cli.cli.options import (
    CONFIG,
    DataDir,
    Device,
    Json,
    Overrides,
    Quiet,
    Task,
    Tasks,
    chosen,
    complete_config,
    load_config,
    print_json,
)
from dmn_cli.cli.text import as_title, say, tell, terminal
from dmn_cli.cli.view import write_page
from dmn_cli.text import safe

if TYPE_CHECKING:
    import torch

    from dmn_cli.config import Config
    from dmn_cli.records import Epoch
    from dmn_cli.report.tensorboard import Events
    from dmn_cli.runs.run import Finished, Run

PICTURES = 4
"""Validation questions whose gates `--tensorboard` draws in every epoch."""


def train(
    config: Annotated[str | None, typer.Option("--config", "-c", help=CONFIG, autocompletion=complete_config)] = None,
    overrides: Overrides = None,
    task: Task = None,
    tasks: Tasks = None,
    data_dir: DataDir = None,
    run_dir: Annotated[Path | None, typer.Option(help="The run's folder (default: a new one in runs/).")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run if there is one, else start.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show data, sizes and one step's losses; write nothing.")
    ] = False,
    device: Device = "auto",
    seed: Annotated[int | None, typer.Option(min=0, max=2**31 - 1, help="The same as --set train.seed=N.")] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help="Threads to compute with (default: 1; a resumed run keeps its own)."),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write events for TensorBoard into the run's folder.")
    ] = False,
    page: Annotated[bool, typer.Option(help="Write report.html, the page of `dmn view`, at the end.")] = True,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train a network, then evaluate its best checkpoint on the test split.

    Everything goes into a new folder runs/NAME: config, metrics, checkpoints and results. Ctrl-C saves; --resume
    goes on exactly there; with `--set train.epochs=N` also past the last epoch of a run that is done. Where there is
    no run yet, --resume starts it: the same line again and again, as a batch scheduler gives it, ends with the run.
    """
    from dmn_cli.errors import DmnError
    from dmn_cli.files import here
    from dmn_cli.runs.leash import hold

    began = time.monotonic()
    hold()
    if dry_run and resume:
        raise DmnError("--dry-run and --resume exclude each other", "a dry run looks at what a new run would be")
    if config is None and not (resume and run_dir is not None):
        raise DmnError("which config?", "for example: dmn train --config task1.yaml")
    wanted = chosen([task] if task else None, tasks)
    loaded = None if config is None else load_config(config, overrides, data_dir, data__tasks=wanted, train__seed=seed)
    if loaded is None and (wanted or data_dir or seed is not None):
        raise DmnError("a resumed run keeps its config: --task, --tasks, --data-dir and --seed go with --config")

    from dmn_cli.runs import folder as folders
    from dmn_cli.runs import run as runs
    from dmn_cli.training.build import device as find_device

    where = find_device(device)
    if loaded is not None and loaded.data.source == "babi" and not dry_run:
        from dmn_cli.babi.download import ensure_data

        ensure_data(here(Path(loaded.data.dir)), loaded.data.subset, quiet)
    if dry_run and loaded is not None:
        _dry_run(loaded, where, threads or 1, quiet, as_json)
        return
    name = "" if config is None else Path(config).stem + (f"-task{task}" if task else "")
    if resume and run_dir is None:
        with contextlib.suppress(DmnError):  # there is none yet
            run_dir = folders.newest(name)
    if resume and run_dir is not None and (loaded is None or folders.last(run_dir).exists()):
        if loaded is None and overrides and folders.last(run_dir).exists():
            loaded = load_config(str(run_dir / folders.CONFIG), overrides, None)
        run = runs.resume(run_dir, loaded, where, threads)
    else:
        assert loaded is not None
        with _reading(loaded, quiet):
            if run_dir is None:
                run = runs.start_new(loaded, name, where, threads or 1)
            else:
                run = runs.start(loaded, run_dir, where, threads or 1)
    with _events(run.folder, tensorboard) as events:
        finished = _show(run, quiet, began, events)
    _report(run, finished, as_json)
    if page:
        written = safe(write_page(run.folder))
        if not (as_json and quiet):
            print(written, file=sys.stderr if as_json else sys.stdout)


def _events(folder: Path, wanted: bool) -> "contextlib.AbstractContextManager[Events | None]":
    if not wanted:
        return contextlib.nullcontext()
    from dmn_cli.report.tensorboard import events

    return events(folder / "tensorboard")


@contextlib.contextmanager
def _reading(config: "Config", quiet: bool) -> Iterator[None]:
    """A sign of life, since large stories take some seconds, and what is done to them meanwhile."""
    status: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
    if not quiet and sys.stderr.isatty():
        words = " and looking for words to rename" if config.data.renamed else ""
        status = terminal(stderr=True).status(f"reading the stories{words}", spinner="line")
    logger = logging.getLogger("dmn_cli")
    before = logger.level
    with status:
        logger.setLevel(logging.WARNING if quiet else logging.INFO)
        try:
            yield
        finally:
            logger.setLevel(before)


def _dry_run(config: "Config", device: "torch.device", threads: int, quiet: bool, as_json: bool) -> None:
    from dmn_cli.runs.dry_run import dry_run

    with _reading(config, quiet):
        found = dry_run(config, device, threads)
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        typer.echo(safe(f"{name:>20}  {value}"))


def _show(run: "Run", quiet: bool, began: float, events: "Events | None") -> "Finished":
    """Train, with a line per epoch, and on a terminal a progress bar below."""
    from tqdm import tqdm

    from dmn_cli.records import Epoch
    from dmn_cli.report.live import curve_line
    from dmn_cli.runs.run import Finished, go, save
    from dmn_cli.training.loop import Step
    from dmn_cli.training.memory import warning

    progress, epochs = run.checkpoint.progress, run.checkpoint.config.train.epochs
    questions = sum(len(story.questions) for stories in run.train.stories.values() for story in stories)
    on_terminal = sys.stderr.isatty()
    if not quiet:
        tell(_introduction(run, questions))
        for note in (*filter(None, [warning(run.checkpoint, run.train, run.valid, run.device)]), *_notes(run)):
            tell(f"note: {note}")
    done = progress.epoch * questions + progress.questions
    hidden = quiet or not on_terminal
    accuracies: list[float] = []
    with tqdm(total=epochs * questions, initial=done, unit="q", unit_scale=True, leave=False, disable=hidden) as bar:
        for event in go(run, began):
            if isinstance(event, Step):
                bar.set_description(f"epoch {progress.epoch + 1}/{epochs}", refresh=False)
                bar.update(event.questions)
            elif isinstance(event, Epoch):
                accuracies.append(event.valid_accuracy)
                if events is not None:
                    _add(events, event, run)
                if not hidden:
                    bar.write(_above(event, run.checkpoint.config, progress.best_accuracy), file=sys.stderr)
                elif not quiet:
                    try:
                        print(_line(event, run.checkpoint.config, progress.best_accuracy), file=sys.stderr)
                    except BrokenPipeError:  # as after `2>&1 | head`
                        save(run)
                        raise
            elif isinstance(event, Finished):
                finished = event
    if not quiet:
        if on_terminal and (curve := curve_line(accuracies)):
            print(curve, file=sys.stderr)
        print(f"{progress.finished}; best validation in epoch {progress.best_epoch}", file=sys.stderr)
    return finished


def _notes(run: "Run") -> list[str]:
    from dmn_cli.runs.assembly import flat
    from dmn_cli.training.notes import before_training

    return list(before_training(flat(run.train), flat(run.valid)))


def _introduction(run: "Run", questions: int) -> str:
    from dmn_cli.model.fast import kernels
    from dmn_cli.splits import named

    config = run.checkpoint.config
    parameters = sum(parameter.numel() for parameter in run.checkpoint.model.parameters())
    stories = {
        "babi": f"{'bAbI' if run.train.is_babi else f'{config.data.dir}, not known to be bAbI:'} {config.data.subset}",
        "generated": "stories generated by dmn (not the bAbI files)",
        "files": named(config.data, "train"),
    }[config.data.source]
    verb = "resuming at epoch" if run.checkpoint.progress.step else "training"
    at = f" {run.checkpoint.progress.epoch + 1}" if run.checkpoint.progress.step else ""
    slow = f"\nslower than it could be: {kernels.active()}" if kernels.active() not in kernels.LEVELS else ""
    size = f"{questions:,} questions; {parameters:,} parameters on {run.device}; {run.folder}"
    return f"{verb}{at}: {stories}, {size}{slow}"


def _add(events: "Events", epoch: "Epoch", run: "Run") -> None:
    """The numbers of an epoch, and the gates of the first validation questions."""
    from dmn_cli.training.predictions import first_questions, predict

    events.add_epoch(epoch)
    events.add_gates(epoch.epoch, list(predict(run.checkpoint, first_questions(run.valid, PICTURES))))


def _above(epoch: "Epoch", config: "Config", best: float) -> str:
    from dmn_cli.report.live import epoch_line

    gates = epoch.gate_loss if config.train.supervision == "strong" else None
    valid = epoch.valid_loss, epoch.valid_accuracy, best
    return epoch_line(epoch.epoch, config.train.epochs, epoch.answer_loss, gates, *valid)


def _line(epoch: "Epoch", config: "Config", best: float) -> str:
    gates = f"gates {epoch.gate_loss:.4f}  " if config.train.supervision == "strong" else ""
    speed = "" if epoch.questions_per_second is None else f"  {epoch.questions_per_second:,.0f} q/s"
    return (
        f"epoch {epoch.epoch}/{config.train.epochs}  {gates}answers {epoch.answer_loss:.4f}  "
        f"valid {epoch.valid_accuracy:.1%}  best {best:.1%}{speed}"
    )


def _report(run: "Run", finished: "Finished", as_json: bool) -> None:
    """The results table, where everything lies, and what to type next."""
    from dmn_cli.report.results import as_json as plain_results
    from dmn_cli.report.tables import as_table, title
    from dmn_cli.runs.folder import best

    config, checkpoint = run.checkpoint.config, best(run.folder)
    if as_json:
        content = {"run": str(run.folder), "checkpoint": str(checkpoint), "split": finished.split}
        print_json({**content, **plain_results(finished.results), "notes": finished.notes})
        return
    terminal().print(as_table(finished.results, as_title(title(config, finished.split, finished.is_babi))))
    for note in finished.notes:
        say(f"note: {note}")
    typer.echo(safe(f"\nrun         {run.folder}\ncheckpoint  {checkpoint}\nagain       dmn eval {checkpoint}"))
    if config.data.source == "generated":
        say("\nThese stories were generated by dmn: this is no result on bAbI. For the real tasks:", hanging="")
        typer.echo("  dmn download-babi\n  dmn train --config task1.yaml")
