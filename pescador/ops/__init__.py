"""The operators: the steps that a stream can be joined to with ``|``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY
from typing import Any, TypeVar

from pescador.ops.batching import batch, buffer, unbatch
from pescador.ops.mixing import chain, mux, round_robin, shuffle, shuffled
from pescador.ops.moving import prefetch, zmq
from pescador.ops.repeating import cache, cycle
from pescador.ops.selecting import filter, shard, skip, take, take_while
from pescador.ops.shaping import keras_tuples, map, tuples
from pescador.ops.watching import progress, tap

__all__ = [
    "batch",
    "buffer",
    "cache",
    "chain",
    "cycle",
    "filter",
    "keras_tuples",
    "map",
    "mux",
    "prefetch",
    "progress",
    "round_robin",
    "shard",
    "shuffle",
    "shuffled",
    "skip",
    "take",
    "take_while",
    "tap",
    "tuples",
    "unbatch",
    "zmq",
]

# Pickles, documentation and tracebacks name the module that users import the operators from, and
# annotations are looked up there, so it has their names.
_ANNOTATIONS = (Any, Callable, Mapping, Sequence, KW_ONLY)
A, B = TypeVar("A"), TypeVar("B")

for _name in __all__:
    globals()[_name].__module__ = __name__
