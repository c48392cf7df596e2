"""Cutting and joining batches: batch, buffer, unbatch."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import pescador
from benchmarks.parts import PEAK_MEMORY, RUNNING_TIME
from benchmarks.rows import (
    BY_HAND,
    OURS,
    V1,
    V3,
    Contender,
    Row,
    cost_at_most,
    growth_at_most,
    speed_at_least,
)

Data = dict[str, npt.NDArray[Any]]

# The bare copy into memory that is already there: no batch of fresh arrays can be faster.
COPYTO = Contender("np.copyto")
IMAGE = (128, 128, 3)


@dataclass(frozen=True)
class Cycled:
    """Different elements, given in turn, n in all."""

    elements: list[Data]
    n: int

    def __iter__(self) -> Iterator[Data]:
        return itertools.islice(itertools.cycle(self.elements), self.n)


def samples(n: int) -> Cycled:
    rows = np.random.RandomState(0).rand(1_000, 30).astype(np.float32)
    return Cycled([{"X": row, "Y": np.asarray(i % 3)} for i, row in enumerate(rows)], n)


def images(n: int) -> Cycled:
    # More of them than any cache holds, as when they come from files.
    pixels = np.random.default_rng(0).random((640, *IMAGE), np.float32)
    return Cycled([{"X": image} for image in pixels], n)


def single_rows(n: int) -> Cycled:
    rows = np.random.RandomState(0).rand(1_000, 30)
    return Cycled([{"X": rows[i : i + 1]} for i in range(1_000)], n)


def one_chunk(n: int) -> Data:
    return {"X": np.random.RandomState(0).rand(n, 30).astype(np.float32), "Y": np.arange(n)}


def fresh_chunks(n: int) -> Iterator[Data]:
    """Yield n chunks of 1,000 rows, each in memory of its own."""
    for i in range(n):
        yield {"X": np.full((1_000, 4), i, np.float32)}


def batch_by_hand(elements: Iterable[Data], n: int) -> Iterator[Data]:
    iterator = iter(elements)
    while len(group := list(itertools.islice(iterator, n))) == n:
        yield {key: np.stack([element[key] for element in group]) for key in group[0]}


def copy_images(elements: Iterable[Data], n: int) -> Iterator[Data]:
    out = np.empty((n, *IMAGE), np.float32)
    iterator = iter(elements)
    while len(group := list(itertools.islice(iterator, n))) == n:
        for target, element in zip(out, group, strict=True):
            np.copyto(target, element["X"])
        yield {"X": out}


def join_rows_by_hand(elements: Iterable[Data], n: int) -> Iterator[Data]:
    iterator = iter(elements)
    while len(group := list(itertools.islice(iterator, n))) == n:
        yield {key: np.concatenate([element[key] for element in group]) for key in group[0]}


def cut_chunk_by_hand(chunk: Data, n: int) -> Iterator[Data]:
    rows = len(next(iter(chunk.values())))
    for start in range(0, rows - n + 1, n):
        yield {key: value[start : start + n].copy() for key, value in chunk.items()}


def cut_chunks_by_hand(chunks: Iterable[Data], n: int) -> Iterator[Data]:
    rest: Data = {}
    for chunk in chunks:
        joined = {
            key: np.concatenate([rest.get(key, value[:0]), value]) for key, value in chunk.items()
        }
        yield from cut_chunk_by_hand(joined, n)
        whole = len(next(iter(joined.values()))) // n * n
        rest = {key: value[whole:] for key, value in joined.items()}


def rows_by_hand(batches: Iterable[Data]) -> Iterator[dict[str, Any]]:
    for batch in batches:
        for i in range(len(next(iter(batch.values())))):
            yield {key: value[i] for key, value in batch.items()}


ROWS = [
    Row(
        "batch(128) of {X: float32[30], Y: 0-d int}",
        {
            OURS: lambda data: pescador.stream(data) | pescador.ops.batch(128),
            BY_HAND: lambda data: batch_by_hand(data, 128),
            V3: lambda data: pescador.buffer_stream(data, 128),
        },
        inputs=samples,
        sizes=(128_000,),
        unit="sample",
        goals=(cost_at_most(0.85, V3),),
    ),
    Row(
        "batch(32) of float32[128,128,3]",
        {
            OURS: lambda data: pescador.stream(data) | pescador.ops.batch(32),
            BY_HAND: lambda data: batch_by_hand(data, 32),
            V3: lambda data: pescador.buffer_stream(data, 32),
            COPYTO: lambda data: copy_images(data, 32),
        },
        inputs=images,
        sizes=(1_280,),
        unit="sample",
        goals=(speed_at_least(1.0, V3), speed_at_least(0.75, COPYTO)),
        unit_bytes=4 * 128 * 128 * 3,
    ),
    Row(
        "buffer(128) of (1, 30) rows",
        {
            OURS: lambda data: pescador.stream(data) | pescador.ops.buffer(128),
            BY_HAND: lambda data: join_rows_by_hand(data, 128),
            V3: lambda data: pescador.buffer_stream(data, 128, axis=0),
            V1: lambda data: pescador.BufferedStreamer(data, 128).generate(),
        },
        inputs=single_rows,
        sizes=(128_000,),
        unit="row",
        goals=(speed_at_least(2.5, V1),),
    ),
    Row(
        "buffer(128) of one chunk of {} rows",
        {
            OURS: lambda chunk: pescador.stream([chunk]) | pescador.ops.buffer(128),
            BY_HAND: lambda chunk: cut_chunk_by_hand(chunk, 128),
            V1: lambda chunk: pescador.BufferedStreamer([chunk], 128).generate(),
        },
        inputs=one_chunk,
        # Whole batches: 1.0.0 gives the last short one, even where asked not to.
        sizes=(9_984, 99_968, 999_936),
        unit="row",
        # To start takes as long as some 5,000 rows, and would pass for growth.
        measure=RUNNING_TIME,
        goals=(growth_at_most(1.5),),
        up_to={V1: 10**5},
    ),
    Row(
        "peak memory of buffer(128) over {} chunks of 1,000 rows",
        {
            OURS: lambda n: pescador.stream(fresh_chunks, n) | pescador.ops.buffer(128),
            BY_HAND: lambda n: cut_chunks_by_hand(fresh_chunks(n), 128),
            V1: lambda n: pescador.BufferedStreamer(fresh_chunks(n), 128).generate(),
        },
        inputs=int,
        sizes=(16, 400, 10_000),
        measure=PEAK_MEMORY,
        goals=(growth_at_most(1.1),),
    ),
    Row(
        "unbatch() of batches of 128",
        {
            OURS: lambda batches: pescador.stream(batches) | pescador.ops.unbatch(),
            BY_HAND: rows_by_hand,
        },
        inputs=lambda n: list(cut_chunk_by_hand(one_chunk(n), 128)),
        sizes=(99_968,),
        unit="row",
    ),
]
