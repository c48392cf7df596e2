"""What a pass costs before its first element, in time and memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import pescador
from benchmarks.contenders import OURS, V1, V3
from benchmarks.goals import AtMost
from benchmarks.measures import FIRST_MEMORY, FIRST_TIME
from benchmarks.parts.operators.mixing import wrapped
from benchmarks.rows import Row

MB = 1e6


def rows_of(array: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    yield from array


def samples(n: int) -> list[dict[str, npt.NDArray[Any]]]:
    return [{"X": np.zeros(4, np.float32), "Y": np.asarray(i)} for i in range(n)]


def heavy_streams(n: int) -> list[Any]:
    """Return n streams over arrays of 100 KB."""
    return [pescador.Streamer(rows_of, np.ones((125, 100))) for _ in range(n)]


MUX = {
    OURS: lambda pool: pool | pescador.ops.mux(32, 64, random_state=0),
    V3: lambda pool: pescador.StochasticMux(pool, 32, 64, random_state=0),
    V1: lambda pool: pescador.Mux(pool, 32, 64, random_state=0).generate(),
}

ROWS = [
    Row(
        "first element of a mux over 3,000 streams",
        MUX,
        inputs=wrapped,
        sizes=(3_000,),
        measure=FIRST_TIME,
        goals=(AtMost(2e-3),),
        apart=(V3,),
    ),
    Row(
        "first element of Streamer(list of 10^5 samples)",
        {
            OURS: pescador.Streamer,
            V3: pescador.Streamer,
            V1: lambda data: pescador.Streamer(data).generate(),
        },
        inputs=samples,
        sizes=(100_000,),
        measure=FIRST_TIME,
        goals=(AtMost(0.2e-3),),
    ),
    Row(
        "activating a mux whose 1,000 streams hold 100 KB each",
        MUX,
        inputs=heavy_streams,
        sizes=(1_000,),
        measure=FIRST_TIME,
        goals=(AtMost(1e-3),),
        apart=(V3,),
    ),
    Row(
        "activating a mux whose 1,000 streams hold 100 KB each, memory",
        MUX,
        inputs=heavy_streams,
        sizes=(1_000,),
        measure=FIRST_MEMORY,
        goals=(AtMost(1 * MB, memory=True),),
        apart=(V3,),
    ),
]
