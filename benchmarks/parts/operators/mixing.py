"""Mixing many streams into one: mux, shuffled, round_robin, chain; and shuffle."""

from __future__ import annotations

import itertools
import random
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

import pescador
from benchmarks.parts import RUNNING_TIME
from benchmarks.rows import BY_HAND, OURS, V1, V3, Goal, Row, growth_at_most, speed_at_least

T = TypeVar("T")

ELEMENTS = 30_000
POOL_ELEMENTS = 5_000


def endless(i: int) -> Iterator[int]:
    while True:
        yield i


def weights_of(n: int) -> npt.NDArray[np.float64]:
    return np.random.RandomState(0).rand(n)


def described(n: int) -> list[Any]:
    return [pescador.stream(endless, i) for i in range(n)]


def wrapped(n: int) -> list[Any]:
    return [pescador.Streamer(endless, i) for i in range(n)]


def mux_by_hand(n: int, k: int, lam: float, weights: Sequence[float]) -> Iterator[int]:
    """Yield from k open streams at random; replace one that has given its share."""
    rng, counts = random.Random(0), np.random.RandomState(0)

    def opened() -> tuple[Iterator[int], float]:
        i = rng.randrange(n)
        return itertools.islice(endless(i), 1 + counts.poisson(lam)), weights[i]

    streams, shares = map(list, zip(*(opened() for _ in range(k)), strict=True))
    sums = list(itertools.accumulate(shares))
    while True:
        slot = bisect(sums, rng.random() * sums[-1])
        try:
            yield next(streams[slot])
        except StopIteration:
            streams[slot], shares[slot] = opened()
            sums = list(itertools.accumulate(shares))


def shuffled_by_hand(n: int) -> Iterator[int]:
    rng = random.Random(0)
    streams = [endless(i) for i in range(n)]
    while True:
        yield next(streams[rng.randrange(n)])


def round_robin_by_hand(streams: Iterable[Iterable[T]]) -> Iterator[T]:
    living = [iter(stream) for stream in streams]
    while living:
        still = []
        for iterator in living:
            try:
                yield next(iterator)
            except StopIteration:
                continue
            still.append(iterator)
        living = still


def shuffle_by_hand(items: Iterable[T], size: int) -> Iterator[T]:
    rng = random.Random(0)
    iterator = iter(items)
    held = list(itertools.islice(iterator, size))
    for item in iterator:
        slot = rng.randrange(size)
        yield held[slot]
        held[slot] = item
    rng.shuffle(held)
    yield from held


def mux_row(title: str, lam: float, *, weighted: bool, goals: tuple[Goal, ...]) -> Row:
    """Return a row of 100 endless streams, 32 active; only 1.0.0 draws in the operator's order."""

    def weights(n: int) -> npt.NDArray[np.float64] | None:
        return weights_of(n) if weighted else None

    return Row(
        title,
        {
            OURS: lambda n: (
                described(n)
                | pescador.ops.mux(32, lam, weights=weights(n), random_state=0)
                | pescador.ops.take(ELEMENTS)
            ),
            BY_HAND: lambda n: itertools.islice(
                mux_by_hand(n, 32, lam, weights_of(n).tolist() if weighted else [1.0] * n), ELEMENTS
            ),
            V3: lambda n: pescador.StochasticMux(
                wrapped(n), 32, lam, weights=weights(n), random_state=0
            ).iterate(ELEMENTS),
            V1: lambda n: pescador.Mux(
                wrapped(n), 32, lam, pool_weights=weights(n), random_state=0
            ).generate(ELEMENTS),
        },
        inputs=int,
        sizes=(100,),
        units=lambda n: ELEMENTS,
        goals=goals,
        apart=(BY_HAND, V3),
    )


def stochastic_row(title: str, lam: float, dist: str) -> Row:
    """Return a row of the class that 3.0.0 has, with its own order of draws."""

    def build(n: int) -> Iterable[object]:
        return pescador.StochasticMux(wrapped(n), 32, lam, dist=dist, random_state=0).iterate(
            ELEMENTS
        )

    return Row(title, {OURS: build, V3: build}, inputs=int, sizes=(100,), units=lambda n: ELEMENTS)


def pool_row(mode: str) -> Row:
    """Return a row whose cost an element must not grow with the pool.

    An exhaustive pool of 100 ends after some 6,500 elements, hence the short run; opening
    the first streams is not counted, for another row has it.
    """
    return Row(
        f"mux, pool of {{}} streams, k=32, lam=64, {mode}",
        {
            OURS: lambda pool: (
                pool
                | pescador.ops.mux(32, 64, mode=mode, random_state=0)
                | pescador.ops.take(POOL_ELEMENTS)
            ),
            V3: lambda pool: pescador.StochasticMux(
                pool, 32, 64, mode=mode, random_state=0
            ).iterate(POOL_ELEMENTS),
            V1: lambda pool: pescador.Mux(
                pool,
                32,
                64,
                with_replacement=mode == "with_replacement",
                revive=mode == "single_active",
                random_state=0,
            ).generate(POOL_ELEMENTS),
        },
        inputs=wrapped,
        sizes=(100, 10_000, 100_000),
        units=lambda n: POOL_ELEMENTS,
        measure=RUNNING_TIME,
        goals=(growth_at_most(2.0),),
        up_to={V3: 10_000},
        apart=(V3,),
    )


ROWS = [
    mux_row(
        "seeded mux, 100 endless streams, k=32, lam=256, uniform, tiny elements",
        256.0,
        weighted=False,
        goals=(speed_at_least(30.0, V3),),
    ),
    mux_row(
        "seeded mux, 100 endless streams, k=32, lam=16, uniform, tiny elements",
        16.0,
        weighted=False,
        goals=(speed_at_least(12.0, V3),),
    ),
    mux_row(
        "seeded mux, 100 endless streams, k=32, lam=16, random weights, tiny elements",
        16.0,
        weighted=True,
        goals=(speed_at_least(8.0, V3),),
    ),
    stochastic_row(
        "StochasticMux, 100 endless streams, k=32, lam=256, binomial", 256.0, "binomial"
    ),
    stochastic_row("StochasticMux, 100 endless streams, k=32, lam=16, binomial", 16.0, "binomial"),
    *map(pool_row, ("with_replacement", "single_active", "exhaustive")),
    Row(
        "shuffled() of 100 streams",
        {
            OURS: lambda n: (
                described(n) | pescador.ops.shuffled(random_state=0) | pescador.ops.take(ELEMENTS)
            ),
            BY_HAND: lambda n: itertools.islice(shuffled_by_hand(n), ELEMENTS),
            V3: lambda n: pescador.ShuffledMux(wrapped(n), random_state=0).iterate(ELEMENTS),
        },
        inputs=int,
        sizes=(100,),
        units=lambda n: ELEMENTS,
        apart=(BY_HAND,),
    ),
    Row(
        "round_robin() of 100 streams",
        {
            OURS: lambda n: [range(n // 100)] * 100 | pescador.ops.round_robin(),
            BY_HAND: lambda n: round_robin_by_hand([range(n // 100)] * 100),
            V3: lambda n: pescador.RoundRobinMux([range(n // 100)] * 100).iterate(),
        },
        inputs=int,
        sizes=(100_000,),
    ),
    Row(
        "chain() of 100 streams",
        {
            OURS: lambda n: [range(n // 100)] * 100 | pescador.ops.chain(),
            BY_HAND: lambda n: itertools.chain.from_iterable([range(n // 100)] * 100),
            V3: lambda n: pescador.ChainMux([range(n // 100)] * 100).iterate(),
        },
        inputs=int,
        sizes=(100_000,),
    ),
    Row(
        "shuffle(1000)",
        {
            OURS: lambda n: pescador.stream(range(n)) | pescador.ops.shuffle(1_000, random_state=0),
            BY_HAND: lambda n: shuffle_by_hand(range(n), 1_000),
        },
        inputs=int,
        sizes=(200_000,),
        apart=(BY_HAND,),
    ),
]
