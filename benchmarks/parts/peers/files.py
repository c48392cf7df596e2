"""Reading many files, some of them open at a time, into batches of samples drawn from them.

The files have scikit-learn's digits, tiled and noised, a megabyte each; they are made once. Each
gives 16 of its rows, a batch has 64 of them. 32 files
are open at a time, where the library can interleave sources; where it has a shuffle buffer, that
holds as many samples as 32 files give; where it has neither, the files come in random order. What
comes out is the library's own kind of array. litdata is left out: it reads its own format only.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.parts import WHOLE_FIRST_TIME, WHOLE_TIME, Build, Measure, moments
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
from benchmarks.rows import OURS, Contender, Goal, Row, ahead_of_best
from benchmarks.worker import CACHE

if TYPE_CHECKING:
    import psutil

ACTIVE = 32
BATCH = 64
LENGTH, DRAWS = 3_780, 16
SAMPLED_EVERY = 0.005

Reader = Callable[..., Iterable[object]]
Sample = dict[str, Any]
Data = dict[str, npt.NDArray[Any]]


def digits(n: int) -> list[str]:
    """Return the paths of n files, those that are missing made now."""
    folder = CACHE / "digits"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{i:05}.npz" for i in range(n)]
    missing = [path for path in paths if not path.exists()]
    if missing:
        from sklearn.datasets import load_digits

        X, Y = load_digits(return_X_y=True)
        for path in missing:
            _make(path, X.astype(np.float32), Y.astype(np.int64))
    return list(map(str, paths))


def _make(path: Path, X: npt.NDArray[np.float32], Y: npt.NDArray[np.int64]) -> None:
    rng = np.random.default_rng(int(path.stem))
    rows = rng.permutation(np.resize(np.arange(len(Y)), LENGTH))
    noise = rng.normal(size=(LENGTH, X.shape[1])).astype(np.float32)
    unfinished = path.with_suffix(".part.npz")
    np.savez(unfinished, X=X[rows] + noise, Y=Y[rows])
    unfinished.replace(path)


def drawn(path: str) -> Data:
    """Read a file, and return some of its rows, drawn at random."""
    with np.load(path) as data:
        rows = np.random.default_rng().integers(LENGTH, size=DRAWS)
        return {"X": data["X"][rows], "Y": data["Y"][rows]}


def draws(path: str) -> Iterator[Sample]:
    """Yield the same one by one, the file open until the last has been taken."""
    with np.load(path) as data:
        rows = np.random.default_rng().integers(LENGTH, size=DRAWS)
        yield from map(_sample, data["X"][rows], data["Y"][rows])


def _sample(x: npt.NDArray[np.float32], y: np.int64) -> Sample:
    return {"X": x, "Y": int(y)}


# What all processes together have at most.


def _bytes_held(process: psutil.Process) -> int:
    """Return the memory of a process, what it shares with others counted in proportion."""
    held: int = process.memory_full_info().pss
    return held


def _arrays_open(process: psutil.Process) -> int:
    """Return how many files of arrays a process has open."""
    return sum(file.path.endswith(".npz") for file in process.open_files())


def _most(of: Callable[[psutil.Process], int], build: Build, units: int) -> float:
    """Consume everything, and return the most that all processes together had meanwhile."""
    import psutil

    this, finished, most = psutil.Process(), threading.Event(), 0

    def look() -> None:
        nonlocal most
        while not finished.wait(SAMPLED_EVERY):
            now = 0
            for process in (this, *this.children(recursive=True)):
                with suppress(psutil.Error):  # one that has just ended
                    now += of(process)
            most = max(most, now)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        deque(moments(build), 0)
    finally:
        finished.set()
        watcher.join()
    return float(most)


PROCESS_MEMORY = Measure(
    "peak memory of all processes", partial(_most, _bytes_held), "B", steady=True, fresh=True
)
FILES_OPEN = Measure(
    "files open at most", partial(_most, _arrays_open), unit="", steady=True, fresh=True
)


# How everybody reads.


def in_any_order(paths: list[str]) -> list[str]:
    return random.sample(paths, len(paths))


def joined(pieces: Sequence[Data]) -> Data:
    """Make a batch of what several files give."""
    return {key: np.concatenate([piece[key] for piece in pieces]) for key in pieces[0]}


def ours(paths: list[str], workers: int) -> Iterable[object]:
    from pescador import stream
    from pescador.ops import batch, mux

    pool = [stream(draws, path) for path in paths]
    batches = (
        pool | mux(ACTIVE, DRAWS, mode="exhaustive", dist="constant") | batch(BATCH, partial=True)
    )
    if not workers:
        return batches
    from pescador.ops import zmq

    return batches | zmq(workers=workers)


def pescador3(paths: list[str], workers: int) -> Iterable[object]:
    from pescador import StochasticMux, Streamer, ZMQStreamer, buffer_stream

    pool = [Streamer(draws, path) for path in paths]
    mixed = StochasticMux(pool, ACTIVE, DRAWS, mode="exhaustive", dist="constant")
    batches = Streamer(buffer_stream, mixed, BATCH)
    return ZMQStreamer(batches) if workers else batches


def torch(paths: list[str], workers: int) -> Iterable[object]:
    """Shuffle by hand: torch has an order for what is indexed only."""
    from torch.utils.data import DataLoader, IterableDataset, get_worker_info

    class Files(IterableDataset):  # type: ignore[misc]
        def __iter__(self) -> Iterator[Sample]:
            info = get_worker_info()
            mine = paths[info.id :: info.num_workers] if info else paths
            held: list[Sample] = []
            for path in in_any_order(mine):
                for sample in draws(path):
                    held.append(sample)
                    if len(held) > ACTIVE * DRAWS:
                        i = random.randrange(len(held))
                        held[i], held[-1] = held[-1], held[i]
                        yield held.pop()
            random.shuffle(held)
            yield from held

    return DataLoader(Files(), batch_size=BATCH, num_workers=workers)


def torchdata(paths: list[str], workers: int) -> Iterable[object]:
    """Shuffle the files: torchdata's nodes have nothing that shuffles samples."""
    from torchdata.nodes import Batcher, IterableWrapper, Loader, Mapper, ParallelMapper

    names = IterableWrapper(in_any_order(paths))
    pieces = (
        ParallelMapper(names, drawn, num_workers=workers, method="process")
        if workers
        else Mapper(names, drawn)
    )
    return Loader(Mapper(Batcher(pieces, BATCH // DRAWS), joined))


def webdataset(paths: list[str], workers: int) -> Iterable[object]:
    from webdataset import (
        DataPipeline,
        SimpleShardList,
        WebLoader,
        batched,
        shuffle,
        split_by_worker,
    )

    def opened(shards: Iterable[dict[str, str]]) -> Iterator[Sample]:
        for shard in shards:
            yield from draws(shard["url"])

    steps = DataPipeline(
        SimpleShardList(paths),
        shuffle(len(paths)),
        split_by_worker,
        opened,
        shuffle(ACTIVE * DRAWS),
        batched(BATCH),
    )
    return WebLoader(steps, batch_size=None, num_workers=workers)


def datasets(paths: list[str], workers: int) -> Iterable[object]:
    from datasets import IterableDataset

    source = IterableDataset.from_generator(draws_of, gen_kwargs={"paths": paths})
    mixed = source.shuffle(buffer_size=ACTIVE * DRAWS)
    if not workers:
        return mixed.with_format("numpy").batch(BATCH)
    from torch.utils.data import DataLoader

    return DataLoader(mixed.with_format("torch"), batch_size=BATCH, num_workers=workers)


def draws_of(paths: list[str]) -> Iterator[Sample]:
    for path in paths:
        yield from draws(path)


def grain(paths: list[str], workers: int) -> Iterable[object]:
    from grain import MapDataset, MultiprocessingOptions
    from grain.experimental import InterleaveIterDataset

    sources = MapDataset.source(paths).shuffle(seed=random.randrange(2**32)).map(grain_source)
    batches = InterleaveIterDataset(sources, cycle_length=ACTIVE).batch(BATCH)
    return batches.mp_prefetch(MultiprocessingOptions(num_workers=workers))


def grain_source(path: str) -> Any:
    from grain import MapDataset, ReadOptions

    in_memory = ReadOptions(num_threads=0, prefetch_buffer_size=0)
    return MapDataset.source(list(draws(path))).to_iter_dataset(in_memory)


def spdl(paths: list[str], workers: int) -> Iterator[object]:
    """Read in threads, in this process or in one subprocess: spdl's own way of being parallel."""
    from spdl.pipeline import PipelineBuilder, run_pipeline_in_subprocess

    threads = max(workers, 1)
    files = PipelineBuilder().add_source(in_any_order(paths)).pipe(drawn, concurrency=threads)
    steps = files.aggregate(BATCH // DRAWS).pipe(joined).add_sink()
    if workers:
        yield from run_pipeline_in_subprocess(steps.get_config(), num_threads=threads)
    else:
        pipeline = steps.build(num_threads=threads)
        with pipeline.auto_stop():
            yield from pipeline


def tfdata(paths: list[str], workers: int) -> Iterable[object]:
    """Read in threads, tf.data's own way of being parallel."""
    import tensorflow as tf

    def source(path: Any) -> Any:
        X, Y = tf.numpy_function(tf_drawn, [path], [tf.float32, tf.int64])
        rows = {"X": tf.ensure_shape(X, (DRAWS, 64)), "Y": tf.ensure_shape(Y, (DRAWS,))}
        return tf.data.Dataset.from_tensor_slices(rows)

    mixed = (
        tf.data.Dataset.from_tensor_slices(paths)
        .shuffle(len(paths))
        .interleave(source, ACTIVE, block_length=1, num_parallel_calls=workers or None)
    )
    batches = mixed.batch(BATCH)
    return (batches.prefetch(tf.data.AUTOTUNE) if workers else batches).as_numpy_iterator()


def tf_drawn(path: bytes) -> Any:
    rows = drawn(path.decode())
    return rows["X"], rows["Y"]


READ = {
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


def readers(workers: int) -> dict[Contender, Reader]:
    """Return all who read with so many workers; pescador 3 has one at most."""
    return {
        who: partial(build, workers=workers)
        for who, build in READ.items()
        if who != PESCADOR3 or workers < 2
    }


def files_row(
    title: str, contenders: Mapping[Contender, Reader], measure: Measure, *goals: Goal
) -> Row:
    """Return a row in which everybody draws in an order of its own."""
    return Row(
        title,
        contenders,
        inputs=digits,
        sizes=(2_000,),
        quick_sizes=(200,),
        unit="sample",
        units=lambda n: n * DRAWS,
        measure=measure,
        goals=goals,
        apart=tuple(contenders),
    )


def rows_with(workers: int, how: str, *goals: Goal) -> list[Row]:
    """Return the rows of one way of reading; the goals are for time and for memory."""
    contenders = readers(workers)
    return [
        files_row(f"{{}} files, {how}", contenders, WHOLE_TIME, *goals),
        files_row(f"{{}} files, {how}, first batch", contenders, WHOLE_FIRST_TIME),
        files_row(f"{{}} files, {how}, memory", contenders, PROCESS_MEMORY, *goals),
        files_row(f"{{}} files, {how}, files open at most", contenders, FILES_OPEN),
    ]


ROWS = [
    *rows_with(0, "in process"),
    *rows_with(1, "1 worker"),
    *rows_with(2, "2 workers", ahead_of_best(1.0)),
]
