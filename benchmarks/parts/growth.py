"""How the cost of an element grows: with the pool, the active set, the batch, depth and nesting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any

import numpy as np
import numpy.typing as npt

import pescador
from benchmarks.parts import RUNNING_TIME
from benchmarks.rows import OURS, Contender, Row

UNIFORM, WEIGHTED = Contender("uniform weights"), Contender("random weights")

ELEMENTS = 200_000
POOL, ACTIVE, QUOTA = 1_000, 10, 64
WIDTH = 5
SAMPLES = [{"X": row} for row in np.random.RandomState(0).rand(1_024, 30).astype(np.float32)] * 64


def endless(i: int) -> Iterator[int]:
    while True:
        yield i


def pool_of(n: int) -> list[Any]:
    return [pescador.stream(endless, i) for i in range(n)]


@dataclass(frozen=True)
class Mixture:
    """A pool, how many of it are active, and the weights that it is given if it is given any."""

    pool: list[Any]
    k: int
    weights: npt.NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        weights = np.random.RandomState(0).rand(len(self.pool))
        object.__setattr__(self, "weights", weights)

    def mixed(self, *, weighted: bool) -> Iterable[object]:
        weights = self.weights if weighted else None
        mux = pescador.ops.mux(self.k, QUOTA, weights=weights, random_state=0)
        return self.pool | mux | pescador.ops.take(ELEMENTS)


MIX = {
    UNIFORM: partial(Mixture.mixed, weighted=False),
    WEIGHTED: partial(Mixture.mixed, weighted=True),
}


def nested(depth: int) -> Any:
    """Return a mux of muxes of muxes, so deep."""
    if not depth:
        return pescador.stream(endless, 0)
    return [nested(depth - 1)] * WIDTH | pescador.ops.mux(WIDTH, None, random_state=0)


ROWS: list[Row] = [
    Row(
        f"mux of a pool of {{}} streams, {ACTIVE} active",
        MIX,
        lambda n: Mixture(pool_of(n), ACTIVE),
        (10, 100, 1_000, 10_000, 100_000, 1_000_000),
        units=lambda n: ELEMENTS,
        measure=RUNNING_TIME,
        apart=(WEIGHTED,),
    ),
    Row(
        f"mux of a pool of {POOL:,} streams, {{}} active",
        MIX,
        lambda k: Mixture(pool_of(POOL), k),
        (1, 3, 10, 32, 100, 316, 1_000),
        units=lambda k: ELEMENTS,
        measure=RUNNING_TIME,
        apart=(WEIGHTED,),
    ),
    Row(
        "muxes nested {} deep",
        {OURS: lambda depth: nested(depth) | pescador.ops.take(ELEMENTS)},
        int,
        (1, 2, 3, 4),
        units=lambda depth: ELEMENTS,
        measure=RUNNING_TIME,
    ),
    Row(
        "pipeline of {} operators map(abs)",
        {
            OURS: lambda depth: reduce(
                lambda stream, _: stream | pescador.ops.map(abs),
                range(depth),
                pescador.stream(range(ELEMENTS)),
            )
        },
        int,
        (1, 2, 5, 10, 20, 30),
        units=lambda depth: ELEMENTS,
        measure=RUNNING_TIME,
    ),
    Row(
        "batch({}) of samples float32[30]",
        {OURS: lambda n: pescador.stream(SAMPLES) | pescador.ops.batch(n)},
        int,
        (1, 4, 16, 64, 256, 1_024, 4_096),
        unit="sample",
        units=lambda n: len(SAMPLES),
    ),
]
