"""Drawing tiny elements from many endless sources, by weight.

Nobody's sources do any work: each gives the same element again and again, in the form that its
library reads fastest. Counting begins after the first element.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.parts import RUNNING_TIME
from benchmarks.parts.peers.libraries import (
    DATASETS,
    GRAIN,
    LITDATA,
    PESCADOR3,
    SPDL,
    TFDATA,
    TORCH,
    TORCHDATA,
    WEBDATASET,
)
from benchmarks.rows import OURS, Contender, Goal, Row, ahead_of_best
from benchmarks.worker import CACHE

Element = dict[str, int]
Build = Callable[[int], Iterable[object]]

ELEMENTS = 30_000
ACTIVE, QUOTA = 100, 64


def endless(i: int) -> Iterator[Element]:
    element = {"x": i}
    while True:
        yield element


class Endless:
    """The same for a library that iterates an object."""

    def __init__(self, i: int) -> None:
        self.i = i

    def __iter__(self) -> Iterator[Element]:
        return endless(self.i)


def weights_of(n: int) -> list[float]:
    weights = 0.5 + np.random.RandomState(0).rand(n)
    shares: list[float] = (weights / weights.sum()).tolist()
    return shares


# Every source open.


def ours(n: int) -> Iterable[object]:
    from pescador import stream
    from pescador.ops import shuffled, take

    pool = [stream(endless, i) for i in range(n)]
    return pool | shuffled(weights_of(n), random_state=0) | take(ELEMENTS)


def pescador3(n: int) -> Iterable[object]:
    from pescador import ShuffledMux, Streamer

    pool = [Streamer(endless, i) for i in range(n)]
    return ShuffledMux(pool, weights=weights_of(n), random_state=0).iterate(ELEMENTS)


def torch(n: int) -> Iterable[object]:
    """Draw positions, for torch draws by weight where its sources are indexed."""
    from torch.utils.data import ConcatDataset, DataLoader, WeightedRandomSampler

    sources = [[{"x": i}] for i in range(n)]
    return DataLoader(
        ConcatDataset(sources),
        batch_size=None,
        sampler=WeightedRandomSampler(weights_of(n), ELEMENTS),
    )


def torchdata(n: int) -> Iterable[object]:
    from torchdata.nodes import IterableWrapper, Loader, MultiNodeWeightedSampler

    sources = {str(i): IterableWrapper(Endless(i)) for i in range(n)}
    weights = dict(zip(sources, weights_of(n), strict=True))
    return islice(Loader(MultiNodeWeightedSampler(sources, weights)), ELEMENTS)


def webdataset(n: int) -> Iterable[object]:
    from webdataset import DataPipeline, RandomMix

    sources = [DataPipeline(Endless(i).__iter__) for i in range(n)]
    return islice(RandomMix(sources, weights_of(n)), ELEMENTS)


def datasets(n: int) -> Iterable[object]:
    from datasets import IterableDataset, interleave_datasets

    sources = [IterableDataset.from_generator(endless, gen_kwargs={"i": i}) for i in range(n)]
    return interleave_datasets(sources, probabilities=weights_of(n), seed=0).take(ELEMENTS)


def grain(n: int) -> Iterable[object]:
    """Mix by weight in grain's way, in a fixed order."""
    from grain import IterDataset

    sources = [grain_source(i) for i in range(n)]
    return islice(IterDataset.mix(sources, weights_of(n)), ELEMENTS)


def spdl(n: int) -> Iterable[object]:
    from spdl.source.utils import MergeIterator

    sources = [Endless(i) for i in range(n)]
    return MergeIterator(sources, weights=weights_of(n), stop_after=ELEMENTS)


def litdata(n: int) -> Iterable[object]:
    """Mix files in litdata's own format, the only one that it mixes; made once."""
    from litdata import CombinedStreamingDataset, StreamingDataset, optimize

    sources = []
    for i in range(n):
        folder = Path(CACHE, "litdata-mix", str(i))
        if not (folder / "index.json").exists():
            optimize(
                fn=LitdataElement(i),
                inputs=list(range(ELEMENTS)),
                output_dir=str(folder),
                num_workers=1,
                chunk_bytes="64MB",
            )
        sources.append(StreamingDataset(str(folder)))
    mixed = CombinedStreamingDataset(sources, seed=0, weights=weights_of(n), iterate_over_all=False)
    return islice(mixed, ELEMENTS)


class LitdataElement:
    """What `optimize` calls with the number of an element."""

    def __init__(self, i: int) -> None:
        self.i = i

    def __call__(self, number: int) -> Element:
        return {"x": self.i}


def tfdata(n: int) -> Iterable[object]:
    import tensorflow as tf

    sources = [tf.data.Dataset.from_tensors({"x": np.int64(i)}).repeat() for i in range(n)]
    mixed = tf.data.Dataset.sample_from_datasets(sources, weights_of(n), seed=0)
    return mixed.take(ELEMENTS).as_numpy_iterator()


# Few sources open of many, each for some elements.


def ours_few(n: int) -> Iterable[object]:
    from pescador import stream
    from pescador.ops import mux, take

    pool = [stream(endless, i) for i in range(n)]
    return pool | mux(ACTIVE, QUOTA, weights=weights_of(n), random_state=0) | take(ELEMENTS)


def pescador3_few(n: int) -> Iterable[object]:
    from pescador import StochasticMux, Streamer

    pool = [Streamer(endless, i) for i in range(n)]
    mixed = StochasticMux(pool, ACTIVE, QUOTA, weights=np.array(weights_of(n)), random_state=0)
    return mixed.iterate(ELEMENTS)


def grain_few(n: int) -> Iterable[object]:
    """Take the open sources in turn: grain has no chance and no weights here."""
    from grain import MapDataset
    from grain.experimental import InterleaveIterDataset

    sources = MapDataset.range(n).map(lambda i: grain_source(i, QUOTA))
    return islice(InterleaveIterDataset(sources, cycle_length=ACTIVE), ELEMENTS)


def grain_source(i: int, times: int | None = None) -> Any:
    """Return a source that is read without threads, as grain has it for what is in memory."""
    from grain import MapDataset, ReadOptions

    source = MapDataset.source([{"x": int(i)}]).repeat(times)
    return source.to_iter_dataset(ReadOptions(num_threads=0, prefetch_buffer_size=0))


def tfdata_few(n: int) -> Iterable[object]:
    """Take the open sources in turn: tf.data has no chance and no weights here."""
    import tensorflow as tf

    mixed = tf.data.Dataset.range(n).interleave(
        lambda i: tf.data.Dataset.from_tensors({"x": i}).repeat(QUOTA),
        cycle_length=ACTIVE,
        block_length=1,
    )
    return mixed.take(ELEMENTS).as_numpy_iterator()


ALL = {
    OURS: ours,
    PESCADOR3: pescador3,
    TORCH: torch,
    TORCHDATA: torchdata,
    WEBDATASET: webdataset,
    DATASETS: datasets,
    GRAIN: grain,
    SPDL: spdl,
    LITDATA: litdata,
    TFDATA: tfdata,
}
# Of 100 sources the conversion takes minutes.
MANY = {who: build for who, build in ALL.items() if who != LITDATA}
FEW = {OURS: ours_few, PESCADOR3: pescador3_few, GRAIN: grain_few, TFDATA: tfdata_few}


def mix_row(title: str, contenders: Mapping[Contender, Build], n: int, *goals: Goal) -> Row:
    """Return a row in which everybody draws in an order of its own."""
    return Row(
        title,
        contenders,
        inputs=int,
        sizes=(n,),
        units=lambda n: ELEMENTS,
        measure=RUNNING_TIME,
        goals=goals,
        apart=tuple(contenders),
    )


ROWS = [
    mix_row("mix from {} sources by weight, tiny elements", ALL, 4, ahead_of_best(2.0)),
    mix_row("mix from {} sources by weight, tiny elements", MANY, 100, ahead_of_best(2.0)),
    mix_row(f"mix from {{}} sources, {ACTIVE} open for some {QUOTA} elements each", FEW, 3_000),
]
