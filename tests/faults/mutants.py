"""Wrong versions of the atomic write, the lock and the resume code: each must fail a test.

``python -m tests.faults.mutants`` (or ``make mutants``) changes one place at a time in a copy of the package and runs
the tests named there, which pass without the change. It prints a line for each, and fails if a mutant lives.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ROOT


class Mutant(NamedTuple):
    """A change of the code, and what must notice it.

    Attributes:
        what: goes wrong.
        file: of the package.
        old: text that is there once.
        new: what takes its place.
        caught_by: a test, as pytest names it.
    """

    what: str
    file: str
    old: str
    new: str
    caught_by: str


FILES, SYSTEM, FOLDER = "files.py", "system.py", "runs/folder.py"
RUN, LOOP, JOBS = "runs/run.py", "training/loop.py", "runs/jobs.py"
WRITES, RUNS, SUITES = "tests/test_files.py::test_", "tests/runs/test_run.py::test_", "tests/runs/test_suite.py::test_"
KILLED = "tests/faults/test_faults.py::test_killed_at_every_change_of_a_file_a_training_ends_with_the_same_bytes"

MUTANTS = [
    Mutant(
        "the content is not synced before the rename",
        FILES,
        "            os.fsync(file.fileno())\n",
        "",
        WRITES + "the_content_is_on_the_disk_before_the_name",
    ),
    Mutant(
        "the folder is not synced after it",
        FILES,
        "    sync_folder(path.parent)\n",
        "",
        WRITES + "the_content_is_on_the_disk_before_the_name",
    ),
    Mutant(
        "the content is copied over the old one instead of renamed",
        FILES,
        "        Path(temporary).replace(path)\n",
        "        path.write_bytes(Path(temporary).read_bytes())\n        Path(temporary).unlink()\n",
        WRITES + "whoever_looks_meanwhile_sees_the_old_content_or_the_new",
    ),
    Mutant(
        "an error leaves the temporary file",
        FILES,
        "        Path(temporary).unlink(missing_ok=True)\n        raise",
        "        raise",
        WRITES + "an_error_leaves_the_old_content_and_nothing_else",
    ),
    Mutant(
        "a killed process's temporary file stays",
        FILES,
        "    _remove_left(path)\n",
        "",
        WRITES + "what_a_killed_process_left_is_removed_by_the_next_write",
    ),
    Mutant(
        "what another process is writing is removed",
        FILES,
        "            if _lock(file.fileno()):\n",
        "            if True:\n",
        WRITES + "what_another_process_writes_now_is_left_alone",
    ),
    Mutant(
        "what is being written is not locked",
        FILES,
        "            _lock(handle)\n",
        "",
        WRITES + "what_is_being_written_is_locked",
    ),
    Mutant(
        "the lock of a folder is shared",
        SYSTEM,
        "LOCK_EX | fcntl.LOCK_NB",
        "LOCK_SH | fcntl.LOCK_NB",
        RUNS + "two_processes_do_not_share_a_folder",
    ),
    Mutant(
        "a lock that is refused is told as another process's",
        SYSTEM,
        "except BlockingIOError as error:",
        "except OSError as error:",
        RUNS + "a_lock_that_is_refused_is_told_as_that",
    ),
    Mutant(
        "a new run lets go of its lock once it has begun",
        RUN,
        "        folders.write_starts(folder, [record])\n        return run._replace(lock=lock.pop_all())",
        "        folders.write_starts(folder, [record])\n        return run",
        RUNS + "a_run_is_locked_from_its_start",
    ),
    Mutant(
        "a run is resumed without a lock",
        RUN,
        "        lock.enter_context(folders.lock(folder))\n",
        "",
        RUNS + "what_another_process_trains_is_left_as_it_is",
    ),
    Mutant(
        "the runs of a suite do not hold its lock",
        JOBS,
        "pass_fds=() if lock is None else (lock,)",
        "pass_fds=()",
        SUITES + "its_runs_hold_its_lock",
    ),
    Mutant(
        "the optimiser's state is not restored",
        RUN,
        '    if checkpoint.optimizer["state"]:\n',
        "    if False:\n",
        RUNS + "killed_after_any_step_and_resumed_it_ends_with_the_same_bytes",
    ),
    Mutant(
        "a resumed epoch begins with its first batch",
        LOOP,
        "batches[progress.batch :]",
        "batches",
        RUNS + "killed_after_any_step_and_resumed_it_ends_with_the_same_bytes",
    ),
    Mutant(
        "the order of an epoch's questions depends on where it was resumed",
        LOOP,
        "_mix(config.seed, progress.epoch), config.shuffle",
        "_mix(config.seed, progress.step), config.shuffle",
        RUNS + "killed_after_any_step_and_resumed_it_ends_with_the_same_bytes",
    ),
    Mutant(
        "dropout is not seeded anew in each step",
        LOOP,
        "    _seed_dropout(model.embedding.device, _mix(config.seed, step))\n",
        "",
        RUNS + "killed_after_any_step_and_resumed_it_ends_with_the_same_bytes",
    ),
    Mutant(
        "epochs that are made again are told twice",
        RUN,
        "        folders.forget_after(folder, run.checkpoint.progress.epoch)\n",
        "",
        RUNS + "work_since_the_last_save_is_made_again",
    ),
    Mutant(
        "a resumed run takes any number of threads",
        RUN,
        "    if threads not in (None, checkpoint.threads):\n",
        "    if False:\n",
        RUNS + "resume_refuses_other_threads",
    ),
    Mutant(
        "a run counts as done before its results are written",
        RUN,
        "    folders.write_results(run.folder, results, name, split.digests, told)\n    _account(run, began)\n"
        "    folders.write_done(run.folder, checkpoint.progress.finished or run.checkpoint.progress.finished)\n",
        "    folders.write_done(run.folder, checkpoint.progress.finished or run.checkpoint.progress.finished)\n"
        "    folders.write_results(run.folder, results, name, split.digests, told)\n    _account(run, began)\n",
        KILLED,
    ),
    Mutant(
        "progress is saved before the weights that it speaks of",
        RUN,
        "                _check_there(run)\n                event = event.model_copy(",
        "                save(run)\n                event = event.model_copy(",
        KILLED,
    ),
    Mutant(
        "a run that was killed is not gone on with by its suite",
        JOBS,
        "GOES_ON = 2\n",
        "GOES_ON = 0\n",
        SUITES + "a_killed_run_goes_on_twice",
    ),
]


def killed(mutant: Mutant | None, folder: Path, tests: list[str]) -> str:
    """Run tests on a copy of the package; the names of those that failed, "" where all passed."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("dmn_cli", "configs", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    if mutant is not None:
        path = folder / "dmn_cli" / mutant.file
        text = path.read_text(encoding="utf-8")
        assert text.count(mutant.old) == 1, f"{mutant.file} has {mutant.old!r} {text.count(mutant.old)} times"
        path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no", *tests]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    failed = re.findall(r"^(?:FAILED|ERROR) \S+::(\w+)", done.stdout, re.MULTILINE)
    assert bool(failed) == bool(done.returncode), done.stdout
    return ", ".join(dict.fromkeys(failed))


def main() -> None:
    wanted = [mutant for mutant in MUTANTS if not sys.argv[1:] or any(word in mutant.what for word in sys.argv[1:])]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "copy"
        if failed := killed(None, folder, list(dict.fromkeys(mutant.caught_by for mutant in wanted))):
            raise SystemExit(f"without any change these fail: {failed}")
        lives = 0
        for mutant in wanted:
            by = killed(mutant, folder, [mutant.caught_by])
            lives += not by
            print(f"| {mutant.what} | `dmn_cli/{mutant.file}` | {by or 'NOTHING'} |", flush=True)
    print(f"{len(wanted) - lives} of {len(wanted)} were caught")
    if lives:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
