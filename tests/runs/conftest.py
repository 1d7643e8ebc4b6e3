"""The same small run as in the tests of training."""

from tests.training.conftest import config

__all__ = ["config"]
