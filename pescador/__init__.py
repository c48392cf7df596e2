"""Streams of numerical data for machine learning, as values that are joined with ``|``."""

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from pescador.core import Apply, Join, Op, Pipeline, Same, Stream, stream
from pescador.errors import (
    DataError,
    IndivisibleError,
    MissingKeyError,
    ParameterError,
    ParameterTypeError,
    PescadorError,
    PescadorWarning,
    TransportError,
    WorkerError,
)
from pescador.maps import buffer_stream, cache, keras_tuples, tuples
from pescador.readings import ELEMENTWISE, PER_SHARD, REGROUPS, Random, Sharding, Whole
from pescador.running import Pass
from pescador.seeds import SEED, State
from pescador.streamers import (
    BufferedStreamer,
    ChainMux,
    Mux,
    RoundRobinMux,
    ShuffledMux,
    StochasticMux,
    Streamer,
    ZMQStreamer,
    mux,
    streamable,
)
from pescador.values import FilledSeed, Named, Words

if TYPE_CHECKING:
    from pescador.inspecting import check, explain, graph, profile
    from pescador.sklearn import StreamLearner as StreamLearner

__version__ = "4.0.0.dev0"

# StreamLearner is left out: `from pescador import *` must work without scikit-learn, an extra.
__all__ = [
    "ELEMENTWISE",
    "PER_SHARD",
    "REGROUPS",
    "SEED",
    "BufferedStreamer",
    "ChainMux",
    "DataError",
    "IndivisibleError",
    "Join",
    "MissingKeyError",
    "Mux",
    "Op",
    "ParameterError",
    "ParameterTypeError",
    "Pass",
    "PescadorError",
    "PescadorWarning",
    "Pipeline",
    "Random",
    "RoundRobinMux",
    "Same",
    "ShuffledMux",
    "StochasticMux",
    "Stream",
    "Streamer",
    "TransportError",
    "Whole",
    "WorkerError",
    "ZMQStreamer",
    "buffer_stream",
    "cache",
    "check",
    "explain",
    "graph",
    "keras_tuples",
    "mux",
    "profile",
    "stream",
    "streamable",
    "tuples",
]


# Parts of descriptions that only the library makes. Pickles name this module for them.
PICKLED = (Apply, FilledSeed, Named, Sharding, State, Words, type(SEED))

# Pickles, documentation and tracebacks name the module that users import a name from, and
# annotations are looked up there, so it has their names.
_ANNOTATIONS = (Iterator,)
A = TypeVar("A")

for _value in (*PICKLED, *(globals()[_name] for _name in __all__ if _name in globals())):
    if isinstance(_value, type | FunctionType) and _value.__module__ != "pescador.errors":
        _value.__module__ = __name__

LOOKING = {"check", "explain", "graph", "profile"}


def _html(described: Stream[Any]) -> str:
    from pescador.inspecting import explain

    return explain(described)._repr_html_()


# `core` knows nothing of the modules that inspect streams, so the two are joined here.
Stream._repr_html_ = _html


def __getattr__(name: str) -> Any:
    if name in LOOKING:  # A run does not need them, so they are imported when asked for.
        from pescador import inspecting

        return getattr(inspecting, name)
    if name == "StreamLearner":  # scikit-learn is an extra, and takes a second to import.
        from pescador.sklearn import StreamLearner

        return StreamLearner
    raise AttributeError(f"module 'pescador' has no attribute {name!r}")
