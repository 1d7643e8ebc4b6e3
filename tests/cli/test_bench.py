"""What ``dmn bench`` sees before it measures."""

import importlib.util

import pytest

from dmn_cli.bench import measure


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("plot.txt", "error: --plot plot.txt: the name must end in .svg, .png or .pdf\n"),
        ("plot", "error: --plot plot: the name must end in .svg, .png or .pdf\n"),
        ("nowhere/plot.svg", "error: --plot nowhere/plot.svg: there is no folder nowhere\n"),
        ("folder.svg", "error: --plot folder.svg: is a folder\n"),
        (
            "plot.svg",
            "error: --plot needs matplotlib\nhint: pip install matplotlib; in a checkout: pip install '.[plots]'\n",
        ),
    ],
)
def test_a_plot_that_cannot_be_is_refused_before_anything_is_measured(name, error, dmn, tmp_path, monkeypatch):
    (tmp_path / "folder.svg").mkdir()
    find = importlib.util.find_spec
    if name == "plot.svg":
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name))
    monkeypatch.setattr(measure, "sweep", lambda *_: pytest.fail("measured"))
    done = dmn("bench", "--plot", name)
    assert (done.code, done.out, done.err) == (2, "", error)
