"""``dmn eval``: mistakes, predictions, other stories, other working directories, and what is said beside the number."""

import json

import pytest

YAML = """\
data: {source: files, train: train.txt, test: test.txt}
model: {hidden_size: 8, embedding_size: 6}
train: {epochs: 2}
"""


def stories(count, names=("Mary", "John", "Bill"), places=("hall", "den", "attic")):
    """A question of each story; the first ones of two lists of stories are the same."""
    return "".join(
        f"1 {names[at % 3]} went to the {places[at * 7 % 3]}.\n"
        f"2 {names[(at + 1) % 3]} went to the {places[at * 5 % 3]}.\n"
        f"3 Where is {names[at % 3]}?\t{places[at * 7 % 3]}\t1\n"
        for at in range(count)
    )


@pytest.fixture
def run(dmn, tmp_path):
    """A small run over files of one's own, in the working directory."""
    (tmp_path / "own.yaml").write_text(YAML)
    (tmp_path / "train.txt").write_text(stories(60))
    (tmp_path / "test.txt").write_text(stories(500))
    assert dmn("train", "--config", "own.yaml").code == 0
    return tmp_path / "runs" / "own"


def test_predictions_are_the_table(dmn, run, tmp_path):
    """A line for every question, whose accuracy is that of the table."""
    lines = [line.partition(" ")[2] for line in stories(500).splitlines()]
    two = "".join(  # 500 stories of two questions
        f"1 {a}\n2 {b}\n3 {c}\n4 {b}\n5 {c.partition(chr(9))[0]}\tattic\t4\n"
        for a, b, c in zip(lines[::3], lines[1::3], lines[2::3], strict=True)
    )
    (tmp_path / "two.txt").write_text(two)
    done = dmn("eval", run, "--file", "two.txt", "--predictions", "p.jsonl", "--json")
    (row,) = json.loads(done.out)["tasks"]
    made = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert len(made) == row["questions"] == 1000
    assert sum(one["answer"] == one["gold"] for one in made) == row["correct"]
    assert 0 < row["correct"] < 1000
    assert [one["place"] for one in made[:3]] == ["two.txt:3", "two.txt:5", "two.txt:8"]
    assert [one["story"] for one in made[:3]] == [1, 1, 2]
    for one in made:
        assert two.splitlines()[int(one["place"].split(":")[1]) - 1].split("\t")[1] == one["gold"]
        assert one["probability"] >= one["others"][0]["probability"] >= one["others"][1]["probability"]
        assert all(len(gates) == len(one["facts"]) for gates in one["gates"])
        assert len(one["gates"]) == len(one["passes"]) == len(one["attended"])
        assert one["supporting"] in ([0], [2])


def test_errors(dmn, run):
    """Kinds, confusions, and as many wrong questions as asked for; without a number ten."""
    shown = dmn("eval", run, "--errors", 2)
    wrong = json.loads(dmn("eval", "--errors", run, "--json").out)
    assert wrong["wrong"] == wrong["tasks"][0]["questions"] - wrong["tasks"][0]["correct"] > 10
    assert len(wrong["errors"]) == 10
    assert wrong["kinds"] == [
        {"task": 0, "text": "where is _", "questions": 500, "correct": wrong["tasks"][0]["correct"]}
    ]
    assert sum(one["times"] for one in wrong["confusions"]) == wrong["wrong"]
    assert shown.out.count(" wrong: story") == 2
    assert f"2 of {wrong['wrong']} wrong: story" in shown.out
    assert f"{wrong['wrong'] - 2} more wrong" in shown.out
    assert "where is _" in shown.out
    assert "supporting fact" in shown.out
    assert " wrong: story" not in dmn("eval", run).out
    assert dmn("eval", run, "--errors", "0").out.count("wrong: story") == 0


def notes(done):
    return json.loads(done.out)["notes"]


def test_what_makes_the_number_other_than_it_seems(dmn, run, tmp_path):
    assert notes(dmn("eval", run, "--json")) == [
        "500 of 500 questions stand in its training stories too, after the same facts"
    ]
    assert notes(dmn("eval", run, "--json", "--split", "train"))[:1] == ["these are the stories that it was trained on"]
    assert "these questions decided" in notes(dmn("eval", run, "--json", "--split", "valid"))[0]
    (tmp_path / "new.txt").write_text("1 Zoe flew to the hall.\n2 Where is Zoe?\tmoon\t1\n3 Where is Mary?\thall\n")
    assert notes(dmn("eval", run, "--json", "--file", "new.txt")) == [
        "1 of 2 questions have an answer never seen in training, which cannot be given: moon",
        "2 of 8 words were never seen in training: zoe, flew",
        "only 2 questions: the interval is wide",
    ]
    assert "note: 1 of 2 questions have" in dmn("eval", run, "--file", "new.txt").out
    told = dmn("eval", run, "--file", "new.txt", "--csv")
    assert "note: 1 of 2 questions have" in told.err
    assert "note" not in told.out
    (tmp_path / "train.txt").unlink()
    assert "is not known" in notes(dmn("eval", run, "--json"))[0]


def test_from_any_working_directory(dmn, run, tmp_path, monkeypatch):
    here = dmn("eval", run, "--json").out
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for path in (run, "../runs/own", "../runs/own/checkpoints/best.pt"):
        there = json.loads(dmn("eval", path, "--json").out)
        assert there["tasks"] == json.loads(here)["tasks"]
        assert there["notes"] == json.loads(here)["notes"]
    (tmp_path / "test.txt").rename(tmp_path / "moved.txt")
    lost = dmn("eval", run)
    assert (lost.code, lost.out) == (2, "")
    assert lost.err.splitlines()[0].startswith("error: test.txt: no such file, neither here nor beside ")
    assert "--file" in lost.err.splitlines()[1]
    assert dmn("eval", run, "--file", "../moved.txt").code == 0


def test_babi_from_any_working_directory(dmn, tmp_path, monkeypatch):
    """The data folder of a run, wherever one stands; another subset is said."""
    (tmp_path / "b.yaml").write_text("data: {tasks: 1}\nmodel: {hidden_size: 8}\ntrain: {epochs: 1}\n")
    for subset in ("en", "en-10k"):
        (tmp_path / "data" / subset).mkdir(parents=True)
        for split in ("train", "test"):
            (tmp_path / "data" / subset / f"qa1_single-supporting-fact_{split}.txt").write_text(stories(20))
    assert dmn("train", "--config", "b.yaml").code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert dmn("eval", "../runs/b").code == 0
    other = notes(dmn("eval", "../runs/b", "--subset", "en-10k", "--json"))
    assert other[0] == "trained on bAbI en, asked of en-10k"
    missing = dmn("eval", "../runs/b", "--subset", "shuffled")
    assert missing.code == 2
    assert "shuffled" in missing.err.splitlines()[0]
    assert "--data-dir" in missing.err.splitlines()[1]
    assert len(missing.err.splitlines()) == 2


BAD = {
    "--subset moon": "error: --subset: this network was trained on stories of your own",
    "--file test.txt --split valid": "error: --file excludes --split",
    "--file none.txt": "error: none.txt: cannot be read",
    "--errors --csv": "error: --errors goes with",
    "--errors x": "error: Got unexpected extra argument",
    "--predictions none/p.jsonl": "error: none/p.jsonl: No such file or directory",
}


def test_bad_options(dmn, run):
    for options, message in BAD.items():
        done = dmn("eval", run, *options.split())
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(message)


def test_a_file_of_babi_is_no_task(dmn, run, archive, tmp_path):
    """Whatever its digest says: what is asked of a file is own stories, beside no published figure."""
    import tarfile

    with tarfile.open(archive) as tar:
        (name,) = [name for name in tar.getnames() if name.endswith("/en/qa4_two-arg-relations_test.txt")]
        (tmp_path / "qa4.txt").write_bytes(tar.extractfile(name).read())
    (row,) = json.loads(dmn("eval", run, "--file", "qa4.txt", "--json").out)["tasks"]
    assert (row["name"], row["published"], row["questions"]) == ("own stories", None, 1000)
