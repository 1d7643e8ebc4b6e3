"""Runs what the documentation shows: `python docs/run.py PAGE…` compares the outputs, `--write` puts them right.

In a page, fenced blocks are taken in order, in a folder of the page's own:

- `console`: `$ ` begins a command. The lines below it are its standard output; none: whatever it is. A line `…` stands
  for any lines.
- with `title="NAME"`: a file, which is written.
- `python` without a title: is run, in one session. A `text` block below it is what it prints.
"""

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(?P<kind>\w+)(?P<about>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
UNLIKELY = re.compile(r"[^(,\n]+ < 0\.1 %")  # an answer


class Said(NamedTuple):
    """What a command or a block of Python said, and what the page says of it.

    Attributes:
        command: as shown.
        code: exit code.
        shown: the output in the page; "" for none.
        found: the output.
        errors: what it wrote to stderr.
        start, end: where ``shown`` stands in the page.
    """

    command: str
    code: int
    shown: str
    found: str
    errors: str
    start: int
    end: int


def run(page: Path, folder: Path, data: Path | None = None) -> Iterator[Said]:
    """Run a page.

    Args:
        page: Markdown.
        folder: an empty one to work in.
        data: the bAbI data, for pages that need it.
    """
    text = page.read_text(encoding="utf-8")
    if data is not None:
        (folder / "data").symlink_to(data)
    names: dict[str, object] = {}
    printed: tuple[str, str] | None = None
    for block in BLOCK.finditer(text):
        kind, about, body, at = block["kind"], block["about"], block["body"], block.start("body")
        title = re.search('title="([^"]+)"', about)
        if kind == "text" and printed is not None:
            yield Said(printed[0], 0, body.rstrip("\n"), printed[1], "", at, at + len(body.rstrip("\n")))
        printed = None
        if title is not None:
            (folder / title[1]).parent.mkdir(parents=True, exist_ok=True)
            (folder / title[1]).write_text(body, encoding="utf-8")
        elif kind == "python":
            printed = body, _python(body, names, folder)
        elif kind == "console":
            yield from _console(body, at, folder)


def _python(body: str, names: dict[str, object], folder: Path) -> str:
    out, before = io.StringIO(), Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out):
            exec(body, names)
    finally:
        os.chdir(before)
    return _tidy(out.getvalue())


def _console(body: str, at: int, folder: Path) -> Iterator[Said]:
    for match in re.finditer(r"^\$ ((?:[^\n]*\\\n)*[^\n]*)\n((?:(?!\$ )[^\n]*\n)*)", body, re.MULTILINE):
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "80",
        }
        done = subprocess.run(
            match[1], shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=900
        )
        shown = match[2].rstrip("\n")
        start = at + match.start(2)
        yield Said(match[1], done.returncode, shown, _tidy(done.stdout), done.stderr, start, start + len(shown))


def _tidy(output: str) -> str:
    return "\n".join(line.rstrip() for line in output.splitlines()).strip("\n")


def same(shown: str, found: str) -> bool:
    """Whether an output is what the page says, but for what differs between machines.

    Numbers may differ by 0.1 and 3 %; answers of less than 0.1 % may be others.
    """
    shown, found = (UNLIKELY.sub("ANSWER < 0.1 %", text) for text in (_tidy(shown), found))
    words = [re.sub(r"\s+", " ", NUMBER.sub("0", text)).strip() for text in (shown, found)]
    pattern = re.escape(words[0]).replace("…", ".*").replace("─", "─+?")
    pattern = re.sub(r"(?:─\+\?)+", "─+", pattern)
    if re.fullmatch(pattern, words[1], re.DOTALL) is None:
        return False
    if "…" in shown:
        return True
    numbers = [[float(number.replace(",", "")) for number in NUMBER.findall(text)] for text in (shown, found)]
    return all(abs(one - other) <= 0.1 + 0.03 * other for one, other in zip(*numbers, strict=True))


def main(arguments: list[str]) -> int:
    """Run pages; with ``--write`` put their outputs right."""
    write, code = "--write" in arguments, 0
    archive = Path(os.environ.get("DMN_DATA", ROOT / "data")).absolute()
    for page in [Path(name) for name in arguments if name != "--write"]:
        text = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            said = list(run(page, Path(folder), archive if (archive / "babi").exists() else None))
        for one in reversed(said):
            if one.code != 0 and "# exit" not in one.command:
                print(f"{page}: exit code {one.code}: {one.command}\n{one.errors}")
                code = 1
            elif one.shown and not same(one.shown, one.found):
                print(f"{page}: {one.command}\n{one.found}\n")
                code = code if write else 1
            if write and one.shown and "…" not in one.shown:
                text = text[: one.start] + one.found + text[one.end :]
        if write:
            page.write_text(text, encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
