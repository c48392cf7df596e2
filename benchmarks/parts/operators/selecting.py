"""Choosing elements of one stream: take, skip, take_while, filter, shard."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pescador
from benchmarks.parts import FIRST_TIME
from benchmarks.rows import BY_HAND, OURS, V1, V3, Row, cost_at_most, growth_at_most


def numbers(n: int) -> Iterator[int]:
    """Yield 0 to n - 1: a source that, unlike a range, cannot be cut short by its length."""
    yield from range(n)


def small(number: int) -> bool:
    return number < 1_000_000_000


def odd(number: int) -> bool:
    return number % 2 == 1


ROWS = [
    Row(
        "stream(range(n)) | take(n)",
        {
            OURS: lambda n: pescador.stream(range(n)) | pescador.ops.take(n),
            BY_HAND: lambda n: itertools.islice(range(n), n),
        },
        inputs=int,
        sizes=(1_000_000,),
        goals=(cost_at_most(1.3, BY_HAND),),
    ),
    Row(
        "Streamer(range(n)).iterate(n)",
        {
            OURS: lambda n: pescador.Streamer(range(n)).iterate(n),
            BY_HAND: lambda n: itertools.islice(range(n), n),
            V3: lambda n: pescador.Streamer(range(n)).iterate(n),
            V1: lambda n: pescador.Streamer(range(n)).generate(n),
        },
        inputs=int,
        sizes=(1_000_000,),
        goals=(cost_at_most(0.75, V3),),
    ),
    Row(
        "skip(n // 2) of a generator",
        {
            OURS: lambda n: pescador.stream(numbers, n) | pescador.ops.skip(n // 2),
            BY_HAND: lambda n: itertools.islice(numbers(n), n // 2, None),
        },
        inputs=int,
        sizes=(500_000,),
    ),
    Row(
        "first element after skip({}) of a range",
        {
            OURS: lambda n: pescador.stream(range(2 * n)) | pescador.ops.skip(n),
            BY_HAND: lambda n: iter(range(2 * n)[n:]),
        },
        inputs=int,
        sizes=(100, 1_000_000),
        measure=FIRST_TIME,
        goals=(growth_at_most(2.0),),
    ),
    Row(
        "take_while(predicate)",
        {
            OURS: lambda n: pescador.stream(numbers, n) | pescador.ops.take_while(small),
            BY_HAND: lambda n: itertools.takewhile(small, numbers(n)),
        },
        inputs=int,
        sizes=(300_000,),
    ),
    Row(
        "filter(predicate)",
        {
            OURS: lambda n: pescador.stream(numbers, n) | pescador.ops.filter(odd),
            BY_HAND: lambda n: filter(odd, numbers(n)),
        },
        inputs=int,
        sizes=(300_000,),
    ),
    Row(
        "shard(1, 4)",
        {
            OURS: lambda n: pescador.stream(numbers, n) | pescador.ops.shard(1, 4),
            BY_HAND: lambda n: itertools.islice(numbers(n), 1, None, 4),
        },
        inputs=int,
        sizes=(500_000,),
    ),
]
