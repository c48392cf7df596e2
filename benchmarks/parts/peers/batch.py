"""Stacking samples into batches, and re-cutting a big chunk.

All samples are in memory already, and everybody gives the same batches, byte by byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.parts import WHOLE_TIME
from benchmarks.parts.peers.libraries import (
    DATASETS,
    GRAIN,
    PESCADOR3,
    SPDL,
    TFDATA,
    TORCH,
    TORCHDATA,
    WEBDATASET,
)
from benchmarks.rows import OURS, Contender, Goal, Row, ahead_of_best, speed_at_least

Sample = dict[str, Any]
Data = dict[str, npt.NDArray[Any]]

ROWS_A_BATCH = 128


@dataclass(frozen=True)
class Samples:
    """Different samples in turn, n in all, for those who iterate and for those who index.

    `columns` has the same different samples as arrays, for those who read these.
    """

    columns: Data
    different: Sequence[Sample]
    n: int

    def __iter__(self) -> Iterator[Sample]:
        return islice(cycle(self.different), self.n)

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Sample:
        return self.different[index % len(self.different)]


def samples(shape: tuple[int, ...], different: int, n: int) -> Samples:
    X = np.random.default_rng(0).random((different, *shape), np.float32)
    Y = np.arange(different)
    return Samples(
        {"X": X, "Y": Y}, [{"X": x, "Y": y} for x, y in zip(X, Y.tolist(), strict=True)], n
    )


def one_chunk(n: int) -> Data:
    return {"X": np.random.default_rng(0).random((n, 30), np.float32), "Y": np.arange(n)}


def each(data: Samples) -> Iterator[Sample]:
    """Iterate samples, for those who take a generator function."""
    yield from data


def stacked(rows: Sequence[Sample]) -> Data:
    """Gather samples, for those who leave that to the user."""
    return {key: np.stack([row[key] for row in rows]) for key in rows[0]}


def rows_of(chunk: Data) -> list[Sample]:
    """Cut a chunk into rows, for those who leave that to the user."""
    return [{"X": x, "Y": y} for x, y in zip(chunk["X"], chunk["Y"], strict=True)]


# Batches of samples.


def ours(data: Samples, size: int) -> Iterable[object]:
    from pescador import stream
    from pescador.ops import batch

    return stream(data) | batch(size)


def pescador3(data: Samples, size: int) -> Iterable[object]:
    from pescador import buffer_stream

    return buffer_stream(data, size)


def torch(data: Samples, size: int) -> Iterable[object]:
    from torch.utils.data import DataLoader

    return DataLoader(data, batch_size=size)


def torchdata(data: Samples, size: int) -> Iterable[object]:
    from torch.utils.data import default_collate
    from torchdata.nodes import Batcher, IterableWrapper, Loader, Mapper

    return Loader(Mapper(Batcher(IterableWrapper(data), size), default_collate))


def webdataset(data: Samples, size: int) -> Iterable[object]:
    from webdataset import DataPipeline, batched

    return DataPipeline(data.__iter__, batched(size))


def datasets(data: Samples, size: int) -> Iterable[object]:
    from datasets import IterableDataset

    source = IterableDataset.from_generator(each, gen_kwargs={"data": data})
    return source.with_format("numpy").batch(size)


def grain(data: Samples, size: int) -> Iterable[object]:
    from grain import MapDataset, ReadOptions

    source = MapDataset.source(data)
    in_memory = ReadOptions(num_threads=0, prefetch_buffer_size=0)
    return source.to_iter_dataset(in_memory).batch(size)


def spdl(data: Samples, size: int) -> Iterator[object]:
    from spdl.pipeline import PipelineBuilder

    steps = PipelineBuilder().add_source(data).aggregate(size).pipe(stacked).add_sink()
    pipeline = steps.build(num_threads=1)
    with pipeline.auto_stop():
        yield from pipeline


def tfdata(data: Samples, size: int) -> Iterable[object]:
    import tensorflow as tf

    source = tf.data.Dataset.from_tensor_slices(data.columns).repeat().take(data.n)
    return source.batch(size).as_numpy_iterator()


# One chunk, cut into batches.


def ours_cut(chunk: Data) -> Iterable[object]:
    from pescador import stream
    from pescador.ops import buffer

    return stream([chunk]) | buffer(ROWS_A_BATCH)


def torchdata_cut(chunk: Data) -> Iterable[object]:
    from torchdata.nodes import Batcher, IterableWrapper, Loader, Mapper, Unbatcher

    rows = Unbatcher(Mapper(IterableWrapper([chunk]), rows_of))
    return Loader(Mapper(Batcher(rows, ROWS_A_BATCH), stacked))


def webdataset_cut(chunk: Data) -> Iterable[object]:
    from webdataset import DataPipeline, batched, unbatched

    return DataPipeline(
        lambda: iter([chunk]), unbatched(), batched(ROWS_A_BATCH, collation_fn=stacked)
    )


def grain_cut(chunk: Data) -> Iterable[object]:
    """Cut without copying: alone among all, grain's batches are views of the chunk."""
    from grain import MapDataset
    from grain.experimental import RebatchIterDataset

    return RebatchIterDataset(MapDataset.source([chunk]).to_iter_dataset(), ROWS_A_BATCH)


def datasets_cut(chunk: Data) -> Iterable[object]:
    from datasets import Dataset

    return Dataset.from_dict(chunk).with_format("numpy").iter(batch_size=ROWS_A_BATCH)


def spdl_cut(chunk: Data) -> Iterator[object]:
    from spdl.pipeline import PipelineBuilder

    steps = PipelineBuilder().add_source([chunk]).pipe(rows_of).disaggregate()
    pipeline = steps.aggregate(ROWS_A_BATCH).pipe(stacked).add_sink().build(num_threads=1)
    with pipeline.auto_stop():
        yield from pipeline


def tfdata_cut(chunk: Data) -> Iterable[object]:
    import tensorflow as tf

    return tf.data.Dataset.from_tensors(chunk).rebatch(ROWS_A_BATCH).as_numpy_iterator()


BATCH = {
    OURS: ours,
    PESCADOR3: pescador3,
    TORCH: torch,
    TORCHDATA: torchdata,
    WEBDATASET: webdataset,
    DATASETS: datasets,
    GRAIN: grain,
    SPDL: spdl,
    TFDATA: tfdata,
}
CUT: dict[Contender, Callable[[Data], Iterable[object]]] = {
    OURS: ours_cut,
    TORCHDATA: torchdata_cut,
    WEBDATASET: webdataset_cut,
    DATASETS: datasets_cut,
    GRAIN: grain_cut,
    SPDL: spdl_cut,
    TFDATA: tfdata_cut,
}


def batch_row(
    title: str,
    size: int,
    inputs: Callable[[int], Samples],
    n: int,
    *goals: Goal,
    unit_bytes: int | None = None,
) -> Row:
    """Return a row of batches of one size."""
    return Row(
        title,
        {who: partial(build, size=size) for who, build in BATCH.items()},
        inputs,
        sizes=(n,),
        unit="sample",
        measure=WHOLE_TIME,
        goals=goals,
        unit_bytes=unit_bytes,
    )


ROWS = [
    batch_row(
        "batch(128) of {X: float32[30], Y: int}",
        ROWS_A_BATCH,
        partial(samples, (30,), 1_000),
        25_600,
        ahead_of_best(1.2),
    ),
    batch_row(
        "batch(32) of {X: float32[128,128,3], Y: int}",
        32,
        # More of them than any cache holds, as when they come from files.
        partial(samples, (128, 128, 3), 640),
        1_280,
        unit_bytes=4 * 128 * 128 * 3,
    ),
    Row(
        "one chunk of {} rows re-cut into 128s",
        CUT,
        one_chunk,
        sizes=(99_968, 999_936),
        unit="row",
        measure=WHOLE_TIME,
        goals=(ahead_of_best(10.0), speed_at_least(10.0, TFDATA)),
        up_to={SPDL: 99_968},
    ),
]
