"""``dmn data``: stats, show, check."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dmn_cli.cli.convert import convert
from dmn_cli.cli.help import Command, Group
from dmn_cli.cli.options import DataDir, Grammar, Json, Split, Subset, TaskChoice, Tasks, chosen, print_json
from dmn_cli.cli.retell import retell
from dmn_cli.cli.text import as_title, say, tell, terminal
from dmn_cli.errors import DmnError
from dmn_cli.text import safe

if TYPE_CHECKING:
    from rich.table import Table

    from dmn_cli.data.stories import Story
    from dmn_cli.generator.check import Checked

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="Look at stories: figures, one story, errors.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

SHOWN = 20
"""Findings printed; the rest are counted."""


@app.command("stats", cls=Command, epilog="Example: dmn data stats --tasks 1-3")
def stats(
    data_dir: DataDir = None,
    subset: Subset = "en",
    task: TaskChoice = None,
    tasks: Tasks = None,
    as_json: Json = False,
) -> None:
    """Print the figures of each task and split: sizes, lengths, words, the majority baseline, repeated questions."""
    from dmn_cli.babi.download import find_data, task_files
    from dmn_cli.babi.tasks import TASKS
    from dmn_cli.data.stats import measure, notes
    from dmn_cli.data.stories import read

    wanted = chosen(task, tasks)
    folder = find_data(data_dir or Path("data"), _known(subset))
    rows: list[dict[str, Any]] = []
    missing: list[str] = []
    for number in wanted or TASKS:
        try:
            files = task_files(folder, subset, number)
        except DmnError:
            if wanted:
                raise
            missing.append(str(number))
            continue
        splits = {split: read(path) for split, path in files.items()}
        for split, stories in splits.items():
            for note in notes(stories):
                tell(f"note: {files[split]}: {note}")
            figures = measure(stories, splits["train"])._asdict()
            rows.append({"task": number, "name": TASKS[number].name, "split": split, **figures})
    if missing:
        tell(f"note: left out, since files are missing: task {', '.join(missing)}")
    if as_json:
        print_json({"folder": str(folder), "splits": rows})
    else:
        _print(_stats_table(rows, f"{folder}"))


def _stats_table(rows: list[dict[str, Any]], title: str) -> "Table":
    heads = ["task", "name", "split", "stories", "asked", "facts", "most", "named", "words", "answers"]
    table = _table([*heads, "majority", "in train"], title)
    for row in rows:
        table.add_row(
            *(str(row[name]) for name in ("task", "name", "split", "stories", "questions")),
            f"{row['facts']:.1f}",
            str(row["most_facts"]),
            f"{row['supporting']:.1f}",
            str(row["words"]),
            str(row["answers"]),
            f"{100 * row['majority']:.1f}",
            "" if row["split"] == "train" else str(row["repeats"]),
        )
    table.caption = (
        "asked: questions; facts: before a question, mean and most;\n"
        "named: supporting facts of a question, mean;\n"
        "majority: % right by the training split's most frequent answer;\n"
        "in train: questions that stand there too"
    )
    table.caption_justify = "left"
    return table


@app.command("show", cls=Command, epilog="Example: dmn data show --task 2 --story 5")
def show(
    task: Annotated[int | None, typer.Option(min=1, max=20, help="Which task.")] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="A story file instead of a task.")] = None,
    split: Split = "train",
    story: Annotated[int, typer.Option(min=1, help="Which story of the file.")] = 1,
    data_dir: DataDir = None,
    subset: Subset = "en",
) -> None:
    """Print a story with line numbers; supporting facts are marked with > and the questions they serve."""
    from dmn_cli.babi.download import find_data, task_files
    from dmn_cli.data.stories import read

    if (task is None) == (file is None):
        raise DmnError("give --task N or --file FILE")
    if task is not None:
        files = task_files(find_data(data_dir or Path("data"), _known(subset)), subset, task)
        if split not in files:
            raise DmnError(f"--split {split}: {subset} has {', '.join(files)}")
        file = files[split]
    assert file is not None
    stories = read(file)
    if story > len(stories):
        raise DmnError(f"--story {story}: {file} has {len(stories)} stories")
    typer.echo(safe(f"{file}, story {story} of {len(stories)}"))
    for line in _story_lines(stories[story - 1]):
        typer.echo(line)


def _story_lines(story: "Story") -> list[str]:
    """The lines of the file, facts marked that a question names, questions with their answer and those facts."""
    identifiers = _identifiers(story)
    serves: dict[int, list[str]] = {}
    for number, question in enumerate(story.questions):
        for fact in question.supporting:
            serves.setdefault(fact, []).append(str(identifiers[number][1]))
    lines: list[tuple[int, str]] = []
    for fact, text in enumerate(story.facts):
        identifier = fact + 1 + sum(question.facts <= fact for question in story.questions)
        named = safe(f"> {identifier:3} {text}")
        plain = safe(f"  {identifier:3} {text}")
        note = typer.style(f"  ({', '.join(serves[fact])})", dim=True) if fact in serves else ""
        lines.append((identifier, typer.style(named, fg="yellow") + note if fact in serves else plain))
    for question, (supporting, identifier) in zip(story.questions, identifiers, strict=True):
        because = f"  < {' '.join(map(str, supporting))}" if supporting else ""
        answer = typer.style(safe(question.answer), bold=True)
        lines.append((identifier, safe(f"  {identifier:3} {question.text}") + f"  {answer}{because}"))
    return [text for _, text in sorted(lines, key=lambda line: line[0])]


def _identifiers(story: "Story") -> list[tuple[list[int], int]]:
    """The IDs, of each question's supporting facts and of itself."""
    asked = [question.facts for question in story.questions]
    return [
        ([fact + 1 + sum(facts <= fact for facts in asked) for fact in question.supporting], question.facts + number)
        for number, question in enumerate(story.questions, start=1)
    ]


@app.command("check", cls=Command, epilog="Example: dmn data check mine.txt")
def check(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="DIR|FILE", help="Story files and folders (default: data).")
    ] = None,
    words: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The words file that the stories were generated with.")
    ] = None,
    grammar: Grammar = None,
    as_json: Json = False,
) -> None:
    """Check the format of story files, and every answer and supporting fact against rules that derive them.

    Exit codes: 0 nothing was found; 2 something was.
    """
    from dmn_cli.generator.check import Checked, check_file, story_files, task_of
    from dmn_cli.generator.words import read_words

    changes = read_words(words) if words else None
    tasks: dict[int, Checked] = {}
    files = story_files(paths or [Path("data")])
    for file in _progress(files):
        tasks.setdefault(task_of(file) or 0, Checked()).add(check_file(file, changes, grammar))
    findings = [finding for checked in tasks.values() for finding in checked.findings]
    if as_json:
        figures = [{"task": task or None, **vars(checked)} for task, checked in tasks.items()]
        print_json({"files": len(files), "tasks": figures})
    else:
        if any(checked.questions for checked in tasks.values()):
            _print(_check_table(tasks))
        for note in dict.fromkeys(note for checked in tasks.values() for note in checked.notes):
            tell(f"note: {note}")
        for finding in findings[:SHOWN]:
            say(finding, hanging="    ")
        if len(findings) > SHOWN:
            typer.echo(f"… and {len(findings) - SHOWN} more")
    if findings:
        raise DmnError(f"{_counted(len(findings), 'finding')} in {_counted(len(files), 'file')}")
    if not as_json:
        typer.echo(f"{_counted(len(files), 'file')}: nothing found")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


app.command("retell", cls=Command, epilog="Example: dmn data retell --grammar inflected --out retold")(retell)
app.command("convert", cls=Command, epilog="Example: dmn data convert mine.jsonl mine.txt")(convert)


def _check_table(tasks: dict[int, "Checked"]) -> "Table":
    from dmn_cli.babi.tasks import TASKS

    table = _table(
        ["task", "name", "questions", "answers", "supporting facts", "remarks"], "agreement with the rules, %"
    )
    for task, checked in sorted(tasks.items()):
        table.add_row(
            str(task) if task else "–",
            TASKS[task].name if task else "own files",
            str(checked.questions),
            _share(checked.answers, checked.questions),
            _share(checked.supporting, checked.labelled),
            f"{checked.outdated} answers that an earlier fact gives (known)" if checked.outdated else "",
        )
    return table


def _share(part: int, whole: int) -> str:
    """Percent, rounded down: 100 only where all agree."""
    return f"{10000 * part // whole / 100:.2f}" if whole else "–"


def _known(subset: str) -> str:
    from dmn_cli.babi.unpack import SUBSETS

    if subset not in SUBSETS:
        raise DmnError(f"--subset {subset!r}: the directories of v1.2 are {', '.join(SUBSETS)}")
    return subset


def _progress(files: list[Path]) -> Any:
    from tqdm import tqdm

    return tqdm(files, unit="file", disable=None, leave=False)


def _table(columns: list[str], title: str) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(title=as_title(title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        left = column in ("name", "split", "remarks")
        table.add_column(column, justify="left" if left else "right", no_wrap=column != "remarks")
    return table


WIDE = 200
"""Columns that no table exceeds."""


def _print(table: "Table") -> None:
    """Print a table; piped, as wide as it is; on a narrow terminal without the names of the tasks, or in lines."""
    console = terminal()
    if not console.is_terminal:
        console = terminal(width=WIDE)
    elif console.measure(table, options=console.options.update(width=WIDE)).maximum > console.width:
        table.columns = [column for column in table.columns if column.header != "name"]
        table.padding = (0, 0)
        if console.measure(table, options=console.options.update(width=WIDE)).maximum > console.width:
            _print_rows(table)
            return
    console.print(table)


def _print_rows(table: "Table") -> None:
    """A row per paragraph, for a terminal that is too narrow for a table."""
    from rich.text import Text

    say(Text.from_markup(str(table.title)).plain)
    heads = [str(column.header) for column in table.columns]
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        say(", ".join(f"{head} {cell}" for head, cell in zip(heads, cells, strict=True) if cell))
    say(str(table.caption or ""))
