"""What a pass costs before its first element, in time and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import pescador
from benchmarks.parts import DESCRIPTION_TIME, FIRST_MEMORY, FIRST_TIME, Measure
from benchmarks.parts.operators.mixing import wrapped
from benchmarks.rows import OURS, V1, V3, Contender, Goal, Row, at_most


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
LIST: dict[Contender, Callable[[list[Any]], Iterable[object]]] = {
    OURS: pescador.Streamer,
    V3: pescador.Streamer,
    V1: lambda data: pescador.Streamer(data).generate(),
}


def mux_row(
    title: str, inputs: Callable[[int], list[Any]], size: int, measure: Measure, *goals: Goal
) -> Row:
    """Return a row of the mux; 3.0.0 draws in another order."""
    return Row(title, MUX, inputs, (size,), measure=measure, goals=goals, apart=(V3,))


ROWS = [
    mux_row("describing a mux over 3,000 streams", wrapped, 3_000, DESCRIPTION_TIME),
    mux_row("first element of a mux over 3,000 streams", wrapped, 3_000, FIRST_TIME, at_most(2e-3)),
    Row(
        "describing Streamer(list of 10^5 samples)",
        LIST,
        samples,
        (100_000,),
        measure=DESCRIPTION_TIME,
    ),
    Row(
        "first element of Streamer(list of 10^5 samples)",
        LIST,
        samples,
        (100_000,),
        measure=FIRST_TIME,
        goals=(at_most(0.2e-3),),
    ),
    mux_row(
        "activating a mux whose 1,000 streams hold 100 KB each",
        heavy_streams,
        1_000,
        FIRST_TIME,
        at_most(1e-3),
    ),
    mux_row(
        "activating a mux whose 1,000 streams hold 100 KB each, memory",
        heavy_streams,
        1_000,
        FIRST_MEMORY,
        at_most(1e6, "B"),
    ),
]
