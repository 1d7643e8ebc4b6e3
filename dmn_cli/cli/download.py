"""``dmn download-babi``."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmn_cli.cli.options import Quiet
from dmn_cli.cli.text import say, tell
from dmn_cli.errors import DmnError

if TYPE_CHECKING:
    from dmn_cli.babi.download import Report


def download_babi(
    archive: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take the data from this archive; nothing is downloaded.")
    ] = None,
    mirror: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Download from here instead of the known mirrors; repeatable. Without it, the addresses in the "
            "environment variable DMN_BABI_MIRROR (separated by spaces) are used, if it is set.",
        ),
    ] = None,
    data_dir: Annotated[Path, typer.Option(metavar="DIR", help="The data goes into DIR/babi.")] = Path("data"),
    force: Annotated[
        bool, typer.Option("--force", help="Replace what is there, once the new data is checked.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Put the bAbI tasks (v1.2) into the data folder. Where they are there already, check every file.

    A download that was broken off goes on where it stopped. A partial archive is fine: what it lacks is listed.

    Exit codes: 0 the data is there; 1 no mirror works, or the data is damaged; 2 bad input.
    """
    from dmn_cli.babi.download import download

    if archive and mirror:
        raise DmnError("--archive and --mirror: give one of them")
    report = download(data_dir, archive=archive, mirrors=mirror or (), force=force, quiet=quiet)
    for line in _lines(report):
        say(line, hanging="                ")
    if report.fresh and "en" in report.present:
        where = "" if data_dir == Path("data") else f" --data-dir {shlex.quote(str(data_dir))}"
        say(f"next: dmn train --config task1.yaml{where}")
    if not report.fresh and (archive or mirror):
        tell(f"note: {archive or 'the mirror'} was not read, since the data is there; --force replaces it")


def _lines(report: "Report") -> list[str]:
    state = "unpacked and checked" if report.fresh else "already there, every digest is right"
    lines = [f"{report.folder}: {report.files} files of bAbI v1.2, {state}"]
    for subset, (count, missing) in report.present.items():
        lines.append(f"  {subset:<13} {count} files" + (f"; lacks {', '.join(missing)}" if missing else ""))
    if report.lacking:
        lines.append(f"  not there: {', '.join(report.lacking)}")
    if report.unpublished:
        lines.append(f"  no published digest: {_grouped(report.unpublished)}")
    return lines


def _grouped(names: list[str]) -> str:
    """Long lists by directory, short ones by name."""
    folders: dict[str, list[str]] = {}
    for name in names:
        folders.setdefault(name.partition("/")[0], []).append(name)
    return ", ".join(f"{folder} ({len(of)} files)" if len(of) > 3 else ", ".join(of) for folder, of in folders.items())
