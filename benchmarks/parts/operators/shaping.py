"""Changing each element: map, tuples, keras_tuples."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

import pescador
from benchmarks.rows import BY_HAND, OURS, V1, V3, Row


@dataclass(frozen=True)
class Repeated:
    """One batch, to be given n times."""

    batch: dict[str, Any]
    n: int

    def __iter__(self) -> Any:
        return itertools.repeat(self.batch, self.n)


def batches(n: int) -> Repeated:
    return Repeated({"X": np.zeros((64, 30), np.float32), "Y": np.zeros(64, int)}, n)


ROWS = [
    Row(
        "map(abs)",
        {
            OURS: lambda n: pescador.stream(range(n)) | pescador.ops.map(abs),
            BY_HAND: lambda n: map(abs, range(n)),
        },
        inputs=int,
        sizes=(1_000_000,),
    ),
    Row(
        'tuples("X", "Y")',
        {
            OURS: lambda data: pescador.stream(data) | pescador.ops.tuples("X", "Y"),
            BY_HAND: lambda data: ((batch["X"], batch["Y"]) for batch in data),
            V3: lambda data: pescador.tuples(data, "X", "Y"),
            V1: lambda data: pescador.Streamer(data).tuples("X", "Y"),
        },
        inputs=batches,
        sizes=(200_000,),
    ),
    Row(
        'keras_tuples("X", "Y")',
        {
            OURS: lambda data: pescador.stream(data) | pescador.ops.keras_tuples("X", "Y"),
            BY_HAND: lambda data: ((batch["X"], batch["Y"]) for batch in data),
            V3: lambda data: pescador.keras_tuples(data, "X", "Y"),
        },
        inputs=batches,
        sizes=(200_000,),
    ),
]
