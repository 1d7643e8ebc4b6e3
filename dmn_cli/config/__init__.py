"""Configs: the YAML schema, reading it and explaining it."""

from dmn_cli.config.check import from_plain
from dmn_cli.config.explain import all_keys, differences, differing, dump, listed, reference
from dmn_cli.config.parse import parse
from dmn_cli.config.read import find, from_values, load, shipped
from dmn_cli.config.schema import Config, DataConfig, ModelConfig, Subset, TrainConfig, plain

__all__ = [
    "Config",
    "DataConfig",
    "ModelConfig",
    "Subset",
    "TrainConfig",
    "all_keys",
    "differences",
    "differing",
    "dump",
    "find",
    "from_plain",
    "from_values",
    "listed",
    "load",
    "parse",
    "plain",
    "reference",
    "shipped",
]
