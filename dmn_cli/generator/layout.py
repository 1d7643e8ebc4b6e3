"""Generated stories as files, in the layout of bAbI v1.2."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from dmn_cli import __version__
from dmn_cli.babi.tasks import TASKS, SplitName
from dmn_cli.data.stories import Story, dump, read
from dmn_cli.errors import DmnError, code_of
from dmn_cli.files import TEMPORARY, naming, sync_folder, write_atomic
from dmn_cli.generator.generate import generate
from dmn_cli.generator.grammars import GRAMMARS
from dmn_cli.generator.retell import Retelling
from dmn_cli.generator.words import Changes
from dmn_cli.system import InUseError, exclusive

MARK = "These stories were generated. They are not bAbI.\n"
README = (
    MARK
    + """
They were made by dmn {version}, after the definitions of the bAbI tasks (Weston et al., arXiv 1502.05698) and in the
format of their files; accuracies on them are no results on bAbI. The same version and options give the same bytes:

    {command}

The files are in en/: qaN_<name>_train.txt and qaN_<name>_test.txt. `dmn train` and `dmn data` read them with this
folder as --data-dir, and `dmn data check` proves every answer and supporting fact (with the same --words and --grammar,
if any).
"""
)
RETOLD_MARK = "These stories were retold in a made-up language. They are not bAbI.\n"
RETOLD = (
    RETOLD_MARK
    + """
dmn {version} retold English stories of the bAbI tasks in its grammar `{grammar}`:
{about}.
The words are invented. Questions, answers and supporting facts stand in the same lines as before. Accuracies on these
stories are no results on bAbI. If the English stories are bAbI's, these are adapted from them, and their licence holds:
bAbI is (c) Facebook, Inc., CC BY 3.0, Weston et al., arXiv 1502.05698. The same version and files give the same bytes:

    {command}

`dmn train` and `dmn data` read them with this folder as --data-dir, and `dmn data check --grammar {grammar}` proves
every answer and supporting fact.
"""
)


class Options(NamedTuple):
    """What ``generate`` is asked for; see there."""

    facts: int | None = None
    entities: int | None = None
    hops: int | None = None
    words: Changes | None = None
    grammar: str | None = None


LIKE_REAL = Options()


def write(
    out: Path,
    tasks: Iterable[int],
    train: int,
    test: int,
    seed: int,
    options: Options = LIKE_REAL,
    *,
    command: str = "",
    force: bool = False,
    progress: Callable[[Iterable[int]], Iterable[int]] = lambda tasks: tasks,
) -> list[Path]:
    """Generate tasks into a folder, which is there whole or not at all.

    Args:
        out: the folder; it must not exist or be empty, unless ``force`` replaces one that was generated.
        tasks: their numbers.
        train: questions to train on, a task.
        test: questions to test on, a task.
        seed: see ``generate``.
        options: see ``generate``.
        command: how to make the same again, for the README.
        force: replace what was generated there before.
        progress: wraps the tasks as they are worked through.

    Returns:
        The files, in order.

    Raises:
        DmnError: the folder has other things in it or cannot be written, or an option has no meaning for a task
            (code 2); the disk is full or broken (code 1).
    """
    return _whole(out, lambda folder: _fill(folder, progress(list(tasks)), train, test, seed, options, command), force)


def write_retold(
    out: Path,
    sources: Mapping[str, Path],
    grammar: str,
    words: Changes | None = None,
    *,
    command: str = "",
    force: bool = False,
    progress: Callable[[Iterable[str]], Iterable[str]] = lambda names: names,
) -> list[Path]:
    """Retell story files in a grammar, into a folder that is there whole or not at all.

    Args:
        out: as in ``write``.
        sources: the English file for each name in the folder, as ``en/qa1_….txt``.
        grammar: of ``grammars.GRAMMARS``.
        words: what ``read_words`` returned, for stories with other words.
        command: how to make the same again, for the README.
        force: replace what was made there before.
        progress: wraps the names as they are worked through.

    Returns:
        The files, in order.

    Raises:
        DmnError: as ``write``; there is no such grammar, or a file holds a sentence that is none of the twenty tasks.
    """
    retelling = Retelling(grammar, words)

    def fill(whole: Path) -> list[str]:
        for name in progress(list(sources)):
            (whole / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomic(whole / name, dump(_retold(sources[name], retelling)))
        about = GRAMMARS[grammar].about
        readme = RETOLD.format(version=__version__, grammar=grammar, about=about, command=command)
        write_atomic(whole / "README.txt", readme)
        return list(sources)

    return _whole(out, fill, force)


def _retold(source: Path, retelling: Retelling) -> Iterator[Story]:
    for number, story in enumerate(read(source), start=1):
        try:
            yield retelling.retold(story)
        except DmnError as error:
            raise DmnError(f"{source}: story {number}: {error.message}", error.hint) from error


def _whole(out: Path, fill: Callable[[Path], list[str]], force: bool) -> list[Path]:
    """Fill a folder, which is there whole or not at all; see ``write``."""
    target = Path(os.path.realpath(out))  # of a link what it points to; `.` has a name and a parent
    with ExitStack() as lock:
        try:
            _tidy(target)
            replaced = _replaceable(out, force)
            target.parent.mkdir(parents=True, exist_ok=True)
            beside = target.parent if replaced or not target.exists() else target  # on the same disk, a mounted one too
            temporary = _temporary(beside, target.name, lock)
            try:
                (temporary / "new").mkdir()
                names = fill(temporary / "new")
                _swap(temporary, target, replaced)
            finally:
                if replaced and not target.exists() and (temporary / "old").exists():
                    (temporary / "old").replace(target)
                shutil.rmtree(temporary, ignore_errors=True)
        except OSError as error:
            raise DmnError(f"{out}: cannot be written: {error.strerror or error}", code=code_of(error)) from error
    return [out / name for name in names]


def _fill(
    whole: Path, tasks: Iterable[int], train: int, test: int, seed: int, options: Options, command: str
) -> list[str]:
    """Generate everything into a folder; see ``write``."""
    (whole / "en").mkdir()
    names = []
    for task in tasks:
        splits: tuple[tuple[SplitName, int], ...] = (("train", train), ("test", test))
        for split, questions in splits:
            names.append(f"en/qa{task}_{TASKS[task].name}_{split}.txt")
            stories = generate(task, questions, seed, split, **options._asdict())
            write_atomic(whole / names[-1], dump(stories))
    write_atomic(whole / "README.txt", README.format(version=__version__, command=command))
    return names


def _swap(temporary: Path, target: Path, replaced: bool) -> None:
    """Put what was generated in place."""
    whole = temporary / "new"
    if replaced:
        target.replace(temporary / "old")
    if target.exists():  # it is empty, and stays the same folder: somebody may be working in it
        for path in sorted(whole.iterdir()):  # the README first
            path.replace(target / path.name)
    else:
        whole.replace(target)
    sync_folder(target.parent)


def _temporary(beside: Path, name: str, lock: ExitStack) -> Path:
    """A new folder for what is being generated; while its lock is held, no other process tidies it away."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=beside, prefix=f".{name}.", suffix=TEMPORARY))
        try:
            lock.enter_context(exclusive(folder, BUSY))
        except InUseError:  # by one that tidies
            continue
        except DmnError:  # a file system without locks: nobody tidies there
            pass
        if folder.exists():
            return folder


BUSY = "another process generates there"


def _tidy(target: Path) -> None:
    """Clear what a killed process left; if it was killed in the middle of a swap, undo that."""
    for folder in (target.parent, target):
        for left in folder.glob(f".{target.name}.*{TEMPORARY}"):
            with suppress(DmnError), exclusive(left, BUSY):
                if (left / "old").exists() and not target.exists():
                    (left / "old").replace(target)
                shutil.rmtree(left, ignore_errors=True)
    if [path.name for path in target.glob("*")] == ["README.txt"] and _is_generated(target):
        (target / "README.txt").unlink()


def _replaceable(out: Path, force: bool) -> bool:
    """Whether there is something to replace.

    Raises:
        DmnError: there is, and it must not be.
    """
    if not out.exists() and not out.is_symlink():
        return False
    if not out.is_dir():
        raise DmnError(f"{out}: is not a folder")
    if not any(out.iterdir()):
        return False
    if not force or not _is_generated(out):
        hint = "--force replaces it" if _is_generated(out) else "it was not generated by dmn: choose another folder"
        raise DmnError(f"{out}: is not empty", hint)
    return True


def _is_generated(folder: Path) -> bool:
    readme = folder / "README.txt"
    with naming(readme):
        return readme.is_file() and readme.read_bytes().startswith((MARK.encode(), RETOLD_MARK.encode()))
