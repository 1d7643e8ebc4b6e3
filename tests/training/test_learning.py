"""What people run first learns what it is meant to learn."""

import pytest

import dmn_cli as dmn


@pytest.mark.slow
def test_the_quickstart_reaches_99_percent(tmp_path):
    *_, last = dmn.train("quickstart.yaml", folder=tmp_path / "run")
    assert isinstance(last, dmn.Finished)
    assert last.results[0].accuracy >= 0.99
