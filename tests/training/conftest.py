"""A run small enough for a test."""

import pytest

from dmn_cli.config import Config, from_plain


def small(**train) -> Config:
    """Generated stories, a small network with every dropout on, strong supervision."""
    return from_plain(
        {
            "data": {"source": "generated", "questions": 100, "validation": 0.2},
            "model": {
                "hidden_size": 8,
                "embedding_size": 6,
                "gate": "softmax",
                "embedding_dropout": 0.1,
                "fact_dropout": 0.1,
                "answer_dropout": 0.1,
            },
            "train": {"epochs": 4, "batch_size": 15, "learning_rate": 0.01, "weight_decay": 1e-4, **train},
        }
    )


@pytest.fixture
def config() -> Config:
    return small()
