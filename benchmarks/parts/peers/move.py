"""Moving arrays out of one background process, which has nothing else to do.

The source gives the same array again and again, and whoever can is asked not to batch. Counting
begins after the first element, for starting a process has its own row in `files`, and ends after a
second, before all has come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.parts import DRAINING_TIME
from benchmarks.parts.peers.libraries import DATASETS, GRAIN, PESCADOR3, SPDL, TORCH, TORCHDATA
from benchmarks.rows import OURS, Contender, Goal, Row, ahead_of_best

Element = dict[str, Any]


@dataclass(frozen=True)
class Payload:
    """How many elements there are to move, and how many bytes each of them has."""

    size: int
    n: int

    @property
    def element(self) -> Element:
        return {"X": np.random.default_rng(0).random(self.size // 4, np.float32)}


def elements(payload: Payload) -> Iterator[Element]:
    element = payload.element
    for _ in range(payload.n):
        yield element


class Indexed:
    """The same for a library that asks for an element by its number."""

    def __init__(self, payload: Payload) -> None:
        self.element = payload.element

    def __call__(self, index: int) -> Element:
        return self.element


def ours(payload: Payload) -> Iterable[object]:
    from pescador import stream
    from pescador.ops import zmq

    return stream(elements, payload) | zmq()


def pescador3(payload: Payload) -> Iterable[object]:
    from pescador import Streamer, ZMQStreamer

    return ZMQStreamer(Streamer(elements, payload))


def torch(payload: Payload) -> Iterable[object]:
    from torch.utils.data import DataLoader, IterableDataset

    class Elements(IterableDataset):  # type: ignore[misc]
        def __iter__(self) -> Iterator[Element]:
            return elements(payload)

    return DataLoader(Elements(), batch_size=None, num_workers=1)


def torchdata(payload: Payload) -> Iterable[object]:
    from torchdata.nodes import IterableWrapper, Loader, ParallelMapper

    numbers = IterableWrapper(range(payload.n))
    return Loader(ParallelMapper(numbers, Indexed(payload), num_workers=1, method="process"))


def datasets(payload: Payload) -> Iterable[object]:
    from datasets import IterableDataset
    from torch.utils.data import DataLoader

    source = IterableDataset.from_generator(elements, gen_kwargs={"payload": payload})
    return DataLoader(source.with_format("torch"), batch_size=None, num_workers=1)


def grain(payload: Payload) -> Iterable[object]:
    from grain import MapDataset, MultiprocessingOptions, ReadOptions

    in_memory = ReadOptions(num_threads=0, prefetch_buffer_size=0)
    source = MapDataset.range(payload.n).map(Indexed(payload)).to_iter_dataset(in_memory)
    return source.mp_prefetch(MultiprocessingOptions(num_workers=1))


def spdl(payload: Payload) -> Iterable[object]:
    from spdl.pipeline import iterate_in_subprocess

    return iterate_in_subprocess(partial(elements, payload))


MOVE: dict[Contender, Callable[[Payload], Iterable[object]]] = {
    OURS: ours,
    PESCADOR3: pescador3,
    TORCH: torch,
    TORCHDATA: torchdata,
    DATASETS: datasets,
    GRAIN: grain,
    SPDL: spdl,
}


def move_row(size: int, written: str, n: int, *goals: Goal) -> Row:
    """Return a row of one size of payload."""
    return Row(
        f"move arrays of {written} from one process",
        MOVE,
        partial(Payload, size),
        sizes=(n,),
        measure=DRAINING_TIME,
        goals=goals,
        unit_bytes=size,
    )


ROWS = [
    move_row(1_000, "1 KB", 1_000_000),
    move_row(64_000, "64 KB", 200_000),
    move_row(1_000_000, "1 MB", 20_000, ahead_of_best(3.0)),
    move_row(16_000_000, "16 MB", 2_000),
]
