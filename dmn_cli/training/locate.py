"""The stories that a checkpoint is asked about, from any working directory."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from dmn_cli.babi.download import find_data
from dmn_cli.babi.tasks import SplitName
from dmn_cli.config import DataConfig, Subset
from dmn_cli.data.stories import as_dialogue, read
from dmn_cli.errors import DmnError
from dmn_cli.files import sha256
from dmn_cli.splits import OWN, Split, load_split, own_files


def own(file: Path, dialogue: bool = False) -> Split:
    """The stories of a user's file; see ``data.dialogue``."""
    stories = read(file)
    return Split({OWN: [*map(as_dialogue, stories)] if dialogue else stories}, {str(file): sha256(file)})


def choose(
    trained: DataConfig,
    checkpoint: Path,
    split: SplitName,
    *,
    data_dir: Path | None = None,
    tasks: Sequence[int] = (),
    subset: str | None = None,
) -> tuple[DataConfig, Split]:
    """The stories of a split, and the config that they are read by.

    Args:
        trained: of the checkpoint's config.
        checkpoint: its file, beside which the stories may lie.
        split: which of the config's.
        data_dir, tasks, subset: others than those of the config.

    Raises:
        DmnError: there are no such stories, or they are no bAbI tasks.
    """
    wanted = {"--task": tasks, "--subset": subset, "--data-dir": data_dir}
    wrong = [option for option, value in wanted.items() if value and trained.source == "files"]
    wrong += [option for option, value in wanted.items() if value and trained.source == "generated" and value != tasks]
    if wrong:
        stories = "stories of your own" if trained.source == "files" else "generated stories"
        raise DmnError(f"{wrong[0]}: this network was trained on {stories}", "--file FILE names other stories")
    if subset is not None and subset not in get_args(Subset):
        raise DmnError(f"--subset {subset}: bAbI has no such directory", f"one of: {', '.join(get_args(Subset))}")
    changes = {"dir": data_dir and str(data_dir), "tasks": sorted(set(tasks)), "subset": subset}
    data = trained.model_copy(update={key: value for key, value in changes.items() if value})
    if data_dir is None:
        data = locate(data, checkpoint, split)
    return data, load_split(data, split)


def locate(data: DataConfig, checkpoint: Path, split: SplitName) -> DataConfig:
    """The same config, its paths made to lead to the stories of a split.

    A config's paths are relative to the folder that a run was started in. They are tried from the folders that the
    checkpoint lies in, the nearest first, since ``runs/NAME`` lies where a run was started; then from the working
    directory, whose files may have the same names and be others.

    Args:
        data: of a checkpoint's config.
        checkpoint: its file.
        split: what is to be read.

    Raises:
        DmnError: there is nothing at these places.
    """
    here = Path.cwd()
    roots = [*(Path() if parent == here else parent for parent in checkpoint.absolute().parents), Path()]
    if data.source == "babi":
        return data.model_copy(update={"dir": str(_babi(data, roots, checkpoint))})
    if data.source == "files":
        needed = "test" if split == "test" else "valid" if split == "valid" and data.valid else "train"
        files = own_files(data, needed)
        if files:
            return data.model_copy(update={needed: [str(_file(file, roots, checkpoint)) for file in files]})
    return data


def _babi(data: DataConfig, roots: list[Path], checkpoint: Path) -> Path:
    errors = []
    for root in roots:
        try:
            find_data(root / data.dir, data.subset)
        except DmnError as error:
            errors.append(error)
        else:
            return root / data.dir
    there = [failed for root, failed in zip(roots, errors, strict=True) if (root / data.dir).exists()]
    first = (there or errors)[0]
    hint = f"looked here and beside {checkpoint}; --data-dir names another folder. {first.hint}"
    raise DmnError(first.message, hint, first.code)


def _file(written: Path, roots: list[Path], checkpoint: Path) -> Path:
    for root in roots:
        if (root / written).is_file():
            return root / written
    raise DmnError(
        f"{written}: no such file, neither here nor beside {checkpoint}",
        "run it where the network was trained, or name the stories: --file FILE",
    )
