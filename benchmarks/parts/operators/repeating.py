"""Giving elements more than once: cycle, cache."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

import pescador
from benchmarks.rows import BY_HAND, OURS, V1, V3, Row

T = TypeVar("T")


def cycle_by_hand(items: Sequence[T]) -> Iterator[T]:
    while True:
        yield from items


def cache_by_hand(items: Iterator[T], size: int, prob: float) -> Iterator[T]:
    rng = random.Random(0)
    kept: list[T] = []
    for item in itertools.islice(items, size):
        kept.append(item)
        yield item
    while True:
        slot = rng.randrange(size)
        if rng.random() <= prob:
            kept[slot] = next(items)
        yield kept[slot]


ROWS = [
    Row(
        "cycle() of 100 elements",
        {
            OURS: lambda n: (
                pescador.stream(range(100)) | pescador.ops.cycle() | pescador.ops.take(n)
            ),
            BY_HAND: lambda n: itertools.islice(cycle_by_hand(range(100)), n),
            V3: lambda n: pescador.Streamer(range(100)).cycle(n),
            V1: lambda n: itertools.islice(pescador.Streamer(range(100)).cycle(), n),
        },
        inputs=int,
        sizes=(300_000,),
    ),
    Row(
        "cache(100, prob=0.5)",
        {
            OURS: lambda n: (
                pescador.stream(itertools.count)
                | pescador.ops.cache(100, prob=0.5, random_state=0)
                | pescador.ops.take(n)
            ),
            BY_HAND: lambda n: itertools.islice(cache_by_hand(itertools.count(), 100, 0.5), n),
            V3: lambda n: itertools.islice(
                pescador.cache(itertools.count(), 100, prob=0.5, random_state=0), n
            ),
        },
        inputs=int,
        sizes=(100_000,),
        apart=(BY_HAND,),
    ),
]
