"""The documentation: what it shows runs, what it links to is there, and it is read without a network."""

import importlib.util
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
import torch
import typer

from dmn_cli.cli.app import app
from dmn_cli.config import all_keys
from dmn_cli.model import network as networks
from tests.conftest import ROOT
from tests.model import naive, test_dmn

DOCS = ROOT / "docs"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
RUN = [page for page in PAGES if "```console" in page.read_text("utf-8") or "```python" in page.read_text("utf-8")]
HISTORY = {DOCS / "log.md", DOCS / "results" / "README.md"}  # their commands were typed with versions of their day


def module(name):
    """A file of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    made = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


hooks, runner = module("hooks"), module("run")


def name_of(page):
    return str(page.relative_to(ROOT))


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text("utf-8").split()) <= 900


# ---- commands --------------------------------------------------------------------------------------------------------


def commands(text):
    """Every ``dmn …`` that a page shows: in a block, or inline."""
    blocks = re.findall(r"^```(?:console|sh)?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"^    (dmn .*)$", text.replace("\\\n", " "), re.MULTILINE)
    lines += re.findall(r"`(dmn [^`]+)`", text)
    for line in lines:
        shown = re.match(r"(?:\$ )?(dmn .*)", line)
        if shown and not re.search(r"…|COMMAND|\[", line):
            yield re.sub(r"\bN\b", "1", re.split(r" #|;|&", shown[1])[0])


@pytest.mark.parametrize("page", [*(page for page in PAGES if page not in HISTORY), CONTRIBUTING], ids=name_of)
def test_every_command_is_one(page):
    for line in commands(page.read_text("utf-8")):
        command, (_, *words) = typer.main.get_command(app), shlex.split(line)
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        if words and not {"--help", "-h", "--install-completion", "--version"} & set(words):
            assert not hasattr(command, "commands"), f"{line}: no such command"
            command.make_context(line, words)  # raises where an option is none


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_what_a_page_shows_is_what_comes_out(page, tmp_path, request):
    data = request.getfixturevalue("babi_data") if page.name == "README.md" else None
    for said in runner.run(page, tmp_path, data):
        assert said.code == 0, f"{said.command}\n{said.errors}"
        if said.shown:
            assert runner.same(said.shown, said.found), f"{said.command}\n{said.found}\nmend it: docs/run.py --write"


def test_the_runner_sees_what_differs():
    assert runner.same("a  0.98 ──── b\n…\nlast", "a 0.97 ── b\nx\ny\nlast")
    assert not runner.same("a  0.98 b", "a 0.50 b")
    assert not runner.same("a b", "a c")
    assert not runner.same("a\nb", "a\nb\nc 3")
    assert not runner.same("pass 1", "pass 1 pass 2")


# ---- the site --------------------------------------------------------------------------------------------------------


class Links(HTMLParser):
    """What a page links to, what it loads, and its anchors."""

    def __init__(self):
        super().__init__()
        self.links, self.loads, self.anchors = [], [], set()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors |= {found[key] for key in ("id", "name") if found.get(key)}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if tag == "link" and found.get("rel") not in ("canonical", "next", "prev"):
            self.loads.append(found["href"])
        if tag in ("script", "img", "iframe", "source", "object") and (found.get("src") or found.get("data")):
            self.loads.append(found.get("src") or found.get("data"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built strict; its pages by path."""
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", out],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = {}
    for path in out.rglob("*.html"):
        pages[path] = Links()
        pages[path].feed(path.read_text("utf-8"))
    return pages


@pytest.mark.slow
def test_every_link_leads_somewhere(site):
    broken = []
    for path, page in site.items():
        if path.name == "404.html":
            continue
        for link in page.links + page.loads:
            if link.startswith(("https://", "http://", "mailto:", "data:")):
                continue
            file, _, anchor = link.partition("#")
            target = (path.parent / unquote(file)).resolve() if file else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists() or (anchor and target in site and unquote(anchor) not in site[target].anchors):
                broken.append(f"{path.name}: {link}")
    assert not broken


@pytest.mark.slow
def test_nothing_is_fetched_from_elsewhere(site):
    for path, page in site.items():
        assert not [load for load in page.loads if load.startswith(("http:", "https:", "//"))], path
    root = next(path for path in site if path.name == "404.html").parent
    for style in root.rglob("*.css"):
        found = re.findall(r"url\(([^)]+)\)|@import ([^;]+)", style.read_text("utf-8"))
        assert not [one for pair in found for one in pair if re.match(r"[\"']?(https?:)?//", one)], style


@pytest.mark.slow
def test_the_reference_has_every_command_and_key(site):
    texts = {path.name: path.read_text("utf-8") for path in site if path.parent.name == "reference"}
    for key, _, _ in all_keys():
        assert f"<code>{key}</code>" in texts["config.html"]
    command = typer.main.get_command(app)
    for name, one in command.commands.items():
        for inner in getattr(one, "commands", {"": one}):
            assert f"<code>{f'dmn {name} {inner}'.strip()}</code>" in texts["commands.html"]


@pytest.mark.parametrize("page", [*PAGES, CONTRIBUTING], ids=name_of)
def test_every_file_that_a_page_names_is_there(page):
    text = page.read_text("utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not link.startswith("http"):
            assert (page.parent / link).exists(), link
    if page not in HISTORY and page != CONTRIBUTING:
        for file in re.findall(r"`((?:dmn_cli|tests|configs|docs)/[\w/.-]+\.\w+)(?::\d+)?`", text):
            assert (ROOT / file).exists(), file


def test_pages_load_nothing_from_elsewhere():
    for page in PAGES:
        assert not re.findall(r"!\[[^]]*\]\(http", page.read_text("utf-8"))
    for picture in DOCS.glob("*.svg"):
        assert not re.search(r"(href|src)=\"http|url\(http|@import", picture.read_text("utf-8"))


# ---- code ------------------------------------------------------------------------------------------------------------


def test_every_equation_stands_beside_its_line():
    places = hooks.places((DOCS / "how-it-works.md").read_text("utf-8"))
    assert len(places) >= 20
    for place in places:
        assert place.line == place.named, f"{place.text} is at {place.line}: python docs/hooks.py mends it"
    named = " ".join(place.where for place in places)
    for part in ("GRU.step", "z", "Gate.forward", "GatedGRU.step", "GRUAnswer.step", "gate_loss"):
        assert part in named.split()


def test_a_line_that_is_gone_is_seen():
    (place,) = hooks.places("| `dmn_cli/model/gru.py:1` `GRU.step` `no such line` |")
    assert place.line is None


def test_the_example_of_contributing_is_a_part_of_the_network(monkeypatch):
    blocks = dict(
        re.findall(r'```python title="([^"]+)"\n(.*?)```', (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.DOTALL)
    )
    made, twin = {}, {"torch": torch}
    exec(blocks["dmn_cli/model/extensions/blend.py"], made)
    exec(blocks["tests/model/naive.py"], twin)
    monkeypatch.setitem(networks.UPDATES, "blend", made["Blend"])
    monkeypatch.setattr(naive, "update_of", lambda memory, number, m, e, q: twin["blend"](memory.update, m, e, q))
    model = test_dmn.make(True, memory="blend")
    _, batch = test_dmn.whole(True)
    asked = test_dmn.ask_all(model, supervised=True)
    loss = model.loss(batch, True)
    torch.testing.assert_close(loss.answers, sum(question.answer_loss for question in asked) / len(asked))
    torch.testing.assert_close(loss.gates, sum(question.gate_loss for question in asked) / len(asked))
