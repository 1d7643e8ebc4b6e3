"""``dmn view``."""

from pathlib import Path
from typing import Annotated

import typer

from dmn_cli.cli.options import DataDir
from dmn_cli.cli.text import safe


def write_page(folder: Path) -> str:
    """Write the page of a run or a suite that has just ended; whatever goes wrong is said, and fails nothing else.

    Returns:
        a line for the user.
    """
    import os

    from dmn_cli.page import write

    try:
        return f"page        {write(folder)}"
    except Exception as error:
        if os.environ.get("DMN_DEBUG") == "1":
            raise
        return f"page        not written: {error}"


def view(
    source: Annotated[Path, typer.Argument(help="A run folder, a suite folder or a checkpoint.")],
    out: Annotated[Path | None, typer.Option(help="The page (default: report.html in the folder).")] = None,
    data_dir: DataDir = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Write curves and the attention of one question as SVG.")] = None,
    png: Annotated[Path | None, typer.Option(help="The same as PNG.")] = None,
    question: Annotated[int, typer.Option(min=1, help="For --svg and --png: which question of the split.")] = 1,
) -> None:
    """Write one HTML file that shows a run or a suite, and in which the network answers; it needs no network.

    With --svg or --png a picture is written instead, and the page only if --out or --open asks for it.
    """
    import torch

    from dmn_cli.files import naming, write_atomic
    from dmn_cli.page import make

    torch.set_num_threads(1)
    pictures = [path for path in (svg, png) if path is not None]
    if pictures:
        make.picture(source, pictures, question, data_dir)
    for path in pictures:
        typer.echo(safe(f"picture  {path}"))
    if pictures and out is None and not open_it:
        return
    path = out or (source / make.NAME if source.is_dir() else source.with_suffix(".html"))
    page = make.view(source, data_dir)
    with naming(path):
        write_atomic(path, page)
    typer.echo(safe(f"page  {path} ({len(page.encode()) / 1e6:.1f} MB)"))
    if open_it:
        import webbrowser

        if not webbrowser.open(path.resolve().as_uri()):
            typer.echo("no browser could be started here: open the file yourself", err=True)
