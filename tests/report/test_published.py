"""Published accuracies stand where the setting is the paper's, and nowhere else."""

import pytest

from dmn_cli.babi.unpack import published_digests
from dmn_cli.config import from_plain
from dmn_cli.report.published import published


def digests(subset, *names):
    found = {name: digest for name, (_, digest) in published_digests().items() if name.startswith(f"{subset}/")}
    return {f"data/babi/{name}": digest for name, digest in found.items() if any(f"/qa{n}_" in name for n in names)}


EN, EN_10K, SHUFFLED = digests("en", 1, 4), digests("en-10k", 1, 4), digests("shuffled", 1, 4)
STRONG, WEAK = {"supervision": "strong"}, {"supervision": "weak"}


def names(data, train, split="test", files=EN):
    return [row.name for row in published(from_plain({"data": data, "train": train}), split, files)]


def test_where_the_setting_is_the_papers():
    assert names({}, STRONG) == ["DMN", "MemNN"]
    assert names({"subset": "en-10k"}, WEAK, files=EN_10K) == ["DMN+"]
    (dmn_plus,) = published(from_plain({"data": {"subset": "en-10k"}, "train": WEAK}), "test", EN_10K)
    assert dmn_plus.accuracy(16) == 0.547


OTHER = {
    "answers only, 1k": ({}, WEAK, "test", EN),
    "supporting facts, 10k": ({"subset": "en-10k"}, STRONG, "test", EN_10K),
    "10k called 1k": ({"subset": "en"}, STRONG, "test", EN_10K),
    "shuffled": ({"subset": "shuffled"}, STRONG, "test", SHUFFLED),
    "en-valid": ({"subset": "en-valid"}, STRONG, "test", digests("en-valid", 1)),
    "one network for two tasks": ({"tasks": [1, 4]}, STRONG, "test", EN),
    "one network for all tasks": ({"subset": "en-10k", "tasks": "all"}, WEAK, "test", EN_10K),
    "training questions": ({}, STRONG, "train", EN),
    "validation questions": ({}, STRONG, "valid", EN),
    "stories of one's own that are bAbI's": ({"source": "files", "train": "x"}, STRONG, "test", EN),
    "generated stories": ({"source": "generated"}, STRONG, "test", {}),
    "no known files": ({}, STRONG, "test", {}),
    "a file that is not bAbI's": ({}, STRONG, "test", {**EN, "made/en/qa2_train.txt": "0" * 64}),
}


@pytest.mark.parametrize("setting", OTHER.values(), ids=OTHER)
def test_where_it_is_not(setting):
    assert names(*setting) == []


def test_one_word_for_it_in_all_outputs():
    from dmn_cli.report import tables

    assert "published" in tables.HEADER
    assert "questions" in tables.HEADER
    assert not {"asked", "paper"} & set(tables.HEADER)
