"""Watching elements go by: tap, progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import pescador
from benchmarks.rows import BY_HAND, OURS, Row

T = TypeVar("T")


def tap_by_hand(items: Iterable[T], function: Callable[[T], object]) -> Iterator[T]:
    for item in items:
        function(item)
        yield item


def progress_by_hand(items: Iterable[T]) -> Iterable[T]:
    from tqdm import tqdm

    return tqdm(items)


ROWS = [
    Row(
        "tap(abs)",
        {
            OURS: lambda n: pescador.stream(range(n)) | pescador.ops.tap(abs),
            BY_HAND: lambda n: tap_by_hand(range(n), abs),
        },
        inputs=int,
        sizes=(500_000,),
    ),
    Row(
        "progress()",
        {
            OURS: lambda n: pescador.stream(range(n)) | pescador.ops.progress(),
            BY_HAND: lambda n: progress_by_hand(range(n)),
        },
        inputs=int,
        sizes=(500_000,),
    ),
]
