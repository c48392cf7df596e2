"""Streams of numerical data for machine learning, as values that are joined with ``|``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pescador.core import Join, Op, Pipeline, Same, Stream, stream
from pescador.errors import (
    DataError,
    IndivisibleError,
    MissingKeyError,
    ParameterError,
    ParameterTypeError,
    PescadorError,
)
from pescador.maps import buffer_stream, cache, keras_tuples, tuples
from pescador.running import Pass
from pescador.seeding import SEED
from pescador.streamers import (
    BufferedStreamer,
    ChainMux,
    Mux,
    RoundRobinMux,
    ShuffledMux,
    StochasticMux,
    Streamer,
    mux,
    streamable,
)

if TYPE_CHECKING:
    from pescador.learning import StreamLearner as StreamLearner

__version__ = "4.0.0.dev0"

# Without StreamLearner: scikit-learn is an extra, and `from pescador import *` needs none.
__all__ = [
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
    "Pipeline",
    "RoundRobinMux",
    "Same",
    "ShuffledMux",
    "StochasticMux",
    "Stream",
    "Streamer",
    "buffer_stream",
    "cache",
    "keras_tuples",
    "mux",
    "stream",
    "streamable",
    "tuples",
]


def __getattr__(name: str) -> Any:
    if name == "StreamLearner":  # scikit-learn is an extra, and takes a second to import
        from pescador.learning import StreamLearner

        return StreamLearner
    raise AttributeError(f"module 'pescador' has no attribute {name!r}")
