"""``dmn view``: what stands in the file, without a browser."""

import base64
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser

import pytest

from dmn_cli.cli import view as cli
from dmn_cli.page import make, write
from dmn_cli.page.html import as_script_data
from dmn_cli.page.mistakes import for_script, groupings, telling
from dmn_cli.report.prediction import END_OF_PASSES, Guess, Prediction
from tests.page.tools import HOSTILE, dmn_in, hostile_stories

SMALL = ["--set", "model.hidden_size=8", "--set", "model.embedding_size=8", "--set", "train.epochs=2", "--quiet"]
MADE = ["--set", "data.source=generated", "--set", "data.questions=60"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a finished run, ``run``, and a finished suite, ``suite``."""
    folder = tmp_path_factory.mktemp("page")
    dmn_in(folder, "train", "--config", "task1.yaml", *MADE, *SMALL, "--run-dir", "run")
    suite = ["--config", "task1.yaml", "--tasks", "1", "--seeds", "2", "--suite-dir", "suite"]
    dmn_in(folder, "suite", *suite, *MADE, *SMALL)
    return folder


class Page(HTMLParser):
    """The tags of a page, with their attributes and the text in each."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs), []))

    def handle_endtag(self, tag):
        self.tags.append((f"/{tag}", {}, []))

    def handle_data(self, data):
        if self.tags:
            self.tags[-1][2].append(data)

    def all(self, tag):
        return [(attrs, "".join(text)) for name, attrs, text in self.tags if name == tag]

    def data(self):
        return json.loads(next(text for attrs, text in self.all("script") if attrs.get("id") == "data"))


def test_a_run(place):
    text = make.view(place / "run")
    results = json.loads((place / "run" / "results.json").read_text())
    page = Page(text)
    assert f"{100 * results['tasks'][0]['accuracy']:.1f} %" in text
    assert "train --config task1.yaml" in text
    assert "hidden_size: 8" in text
    data = page.data()
    wrong = results["tasks"][0]["questions"] - results["tasks"][0]["correct"]
    assert len(data["mistakes"]) == wrong > 0
    assert all(one["gold"] != one["answers"][0][0] for one in data["mistakes"])
    assert len(data["samples"][0]["stories"]) == make.SAMPLES
    assert data["network"]["passes"] == 2
    assert len(page.all("picture")) == 2
    for line in (place / "run" / "metrics.jsonl").read_text().splitlines():
        assert f"{json.loads(line)['answer_loss']:.4f}" in text


def test_a_suite(place):
    text = make.view(place / "suite")
    results = json.loads((place / "suite" / "results.json").read_text())
    for row in results["tasks"]:
        assert row["name"] in text
        for tried in row["seeds"]:
            assert f"{100 * tried['accuracy']:.1f}" in text
    data = Page(text).data()
    assert data["network"] is not None
    wrong = sum(row["questions"] - row["correct"] for row in results["tasks"])
    assert len(data["mistakes"]) == wrong
    assert [name for _, name in Page(text).all("th")].count("seed 1") == 1


def test_a_checkpoint(place):
    page = Page(make.view(place / "run" / "checkpoints" / "best.pt"))
    assert page.all("h1")[0][1] == "best"
    assert page.data()["network"] is not None
    assert not page.all("picture")


def test_an_unfinished_run_leaves_the_test_split_unread(place, tmp_path, monkeypatch):
    copy = tmp_path / "run"
    shutil.copytree(place / "run", copy)
    (copy / "done").unlink()
    read = []
    load = make.load_split
    monkeypatch.setattr(make, "load_split", lambda data, split: read.append(split) or load(data, split))
    assert "not finished" in make.view(copy)
    assert read == ["valid"]


def test_without_the_stories_the_rest_is_there(tmp_path):
    (tmp_path / "train.txt").write_text(hostile_stories(20))
    config = "data: {source: files, train: train.txt}\nmodel: {hidden_size: 4, embedding_size: 4}\ntrain: {epochs: 1}\n"
    (tmp_path / "own.yaml").write_text(config)
    dmn_in(tmp_path, "train", "--config", "own.yaml", "--run-dir", "run", "--quiet")
    (tmp_path / "train.txt").rename(tmp_path / "elsewhere.txt")
    page = Page(make.view(tmp_path / "run"))
    assert any("train.txt: cannot be read" in text for _, text in page.all("p"))
    assert page.data()["network"] is not None
    assert page.data()["mistakes"] == []


def test_the_policy_allows_our_script_and_style_alone(place):
    page = Page(make.view(place / "run"))
    [policy] = [attrs["content"] for attrs, _ in page.all("meta") if attrs.get("http-equiv")]
    assert policy.startswith("default-src 'none'; ")
    [style] = [text for _, text in page.all("style")]
    [script] = [text for attrs, text in page.all("script") if "type" not in attrs]
    for kind, text in (("style", style), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    for tag, attrs, _ in page.tags:
        assert not [name for name in attrs if name.startswith("on") or name == "style"], tag
        for name in ("src", "srcset", "href", "data", "action"):
            if name in attrs and tag != "a":
                assert attrs[name].startswith("data:"), (tag, attrs)


@pytest.mark.parametrize("text", HOSTILE)
def test_data_cannot_leave_its_element(text):
    made = as_script_data({"story": [text]})
    assert "<" not in made
    assert json.loads(made) == {"story": [text]}


def test_names_are_text(place, tmp_path):
    name = "<img src=x onerror=alert(1)>"
    shutil.copytree(place / "run", tmp_path / name)
    text = make.view(tmp_path / name)
    assert "<img src=x" not in text
    assert Page(text).all("h1")[0][1] == name


def test_the_network_is_left_out_where_it_is_too_large(place, monkeypatch):
    monkeypatch.setattr(make, "MOST_WEIGHTS", 100)
    text = make.view(place / "run")
    assert Page(text).data()["network"] is None
    assert "too large" in text
    assert 'id="ask"' not in text


def test_what_train_and_suite_write(place, tmp_path, monkeypatch):
    assert write(place / "run") == place / "run" / "report.html"
    assert (place / "run" / "report.html").read_text().startswith("<!doctype html>")
    assert cli.write_page(place / "run") == f"page        {place / 'run' / 'report.html'}"
    assert cli.write_page(tmp_path / "nothing").startswith("page        not written: ")
    monkeypatch.setattr(make, "render", lambda *_: 1 / 0)
    monkeypatch.delenv("DMN_DEBUG", raising=False)
    assert cli.write_page(place / "run") == "page        not written: division by zero"


def test_the_command(dmn, place, tmp_path):
    done = dmn("view", place / "run", "--out", "page.html")
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(r"page  page\.html \(0\.\d MB\)\n", done.out)
    done = dmn("view", place / "run", "--svg", "a.svg", "--png", "a.png")
    assert done.out == "picture  a.svg\npicture  a.png\n"
    assert "pass 1" in (tmp_path / "a.svg").read_text()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.svg", "page.html"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["nowhere"], "error: nowhere: no such run, suite or checkpoint"),
        (["empty"], "error: empty: no run, no finished suite and no checkpoint"),
        (["file.txt"], "error: file.txt: not a checkpoint, or a damaged one"),
        (["RUN", "--out", "no/page.html"], "error: no/page.html: No such file or directory"),
        (["RUN", "--svg", "no/a.svg"], "error: no/a.svg: cannot be written: "),
        (["RUN", "--svg", "a.svg", "--question", "1000"], "error: --question 1000: there are 60"),
        (["SUITE", "--png", "a.png"], "error: SUITE: no network in it"),
    ],
)
def test_bad_input_is_one_line(dmn, place, tmp_path, arguments, error):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("no")
    names = {"RUN": place / "run", "SUITE": place / "suite"}
    done = dmn("view", *[names.get(argument, argument) for argument in arguments])
    assert done.code == 2
    assert done.err.startswith(error.replace("SUITE", str(place / "suite")))
    assert len(done.err.splitlines()) <= 2
    assert done.out == ""


def predicted(question, gold, answer, *, facts=3, supporting=(0,), attended=(0,), task=1):
    """A prediction whose passes attend to these facts."""
    gates = [[1.0 if at == fact else 0.0 for at in range(facts + 1)] for fact in attended]
    return Prediction(
        task=task,
        story=1,
        place="",
        question=question,
        gold=gold,
        right=gold == answer,
        answer=answer,
        probability=0.5,
        others=[Guess("other", 0.25)],
        facts=[f"fact {number}" for number in range(facts)] + [END_OF_PASSES],
        gates=gates,
        passes=["taught"] * len(gates),
        attended=list(attended),
        supporting=list(supporting),
        unknown=[],
    )


PREDICTIONS = [
    *(predicted(f"Where is {name}?", "garden", "garden") for name in ("Ann", "Bob", "Cid", "Dan") for _ in range(5)),
    *(predicted(f"Where was {name} before?", "garden", "office", attended=(1,)) for name in ("Ann", "Bob", "Cid")),
    predicted("Where was Dan before?", "office", "garden", facts=12, supporting=(1, 0), attended=(1, 2)),
]


def test_mistakes_are_grouped_by_what_may_tell():
    found = {grouping.title: grouping for grouping in groupings(PREDICTIONS)}
    kinds = [("where was _ before", 4, 4), ("where is _", 20, 0)]
    assert [tuple(group) for group in found["kind of question"].groups] == kinds
    names = [("ann", 6, 1), ("bob", 6, 1), ("cid", 6, 1), ("dan", 6, 1)]
    assert [tuple(group) for group in found["names in the question"].groups] == names
    attended = [("missed the first of 1", 3, 3), ("missed the second of 2", 1, 1), ("all", 20, 0)]
    assert [tuple(group) for group in found["supporting facts attended to"].groups] == attended
    assert [tuple(group) for group in found["oldest supporting fact"].groups] == [
        ("up to 5 back", 23, 3),
        ("11–20 back", 1, 1),
    ]
    assert "task" not in found  # there is but one


def test_the_telling_groups_come_first():
    [first, *_] = telling(groupings(PREDICTIONS))
    assert (first.title, first.group.text) == ("kind of question", "where was _ before")
    assert (first.wrong, first.questions) == (4, 24)


def test_of_too_many_mistakes_every_kind_has_its_share(monkeypatch):
    many = [predicted(f"Where was {name} before?", "a", "b") for name in ("Ann", "Bob", "Cid") for _ in range(50)]
    many += [predicted("Who?", "a", "b")]
    found = groupings(many)
    assert len(for_script(many, found)) == 151
    monkeypatch.setattr("dmn_cli.page.mistakes.MOST_BYTES", 3000)
    some = for_script(many, found)
    assert 3 < len(some) < 20
    assert "Who?" in [one["question"] for one in some]
