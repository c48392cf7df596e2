"""What it takes to begin: importing, the first batch, and the memory that importing takes.

Each figure is that of a new interpreter, which runs the statements below and nothing else.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping

from benchmarks.parts import Build, Figure, Measure
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
from benchmarks.rows import OURS, Contender, Goal, Row, at_most, cost_at_most

Statements = tuple[str, ...]

NEEDED = Contender("numpy, zmq")


def answered(question: str) -> Figure:
    """Return the function that asks a new interpreter, once it has run what is built."""

    def run(build: Build, units: int) -> float:
        lines = (
            "import sys",
            f"sys.path[:] = {sys.path!r}",
            "from time import perf_counter",
            "start = perf_counter()",
            *map(str, build()),
            f"print({question})",
        )
        done = subprocess.run(
            [sys.executable, "-P", "-E", "-c", "\n".join(lines)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        return float(done.stdout.split()[-1])

    return run


ALONE_TIME = Measure("time of a new interpreter", answered("perf_counter() - start"))
ALONE_MEMORY = Measure(
    "memory of a new interpreter",
    answered("__import__('psutil').Process().memory_full_info().uss"),
    "B",
)

# What pescador uses where it is installed, and what its users have as well.
OPTIONAL = (
    "cloudpickle",
    "matplotlib",
    "pandas",
    "rich",
    "scipy",
    "sklearn",
    "tensorflow",
    "torch",
    "tqdm",
)

IMPORT: dict[Contender, Statements] = {
    OURS: ("import pescador, pescador.ops",),
    NEEDED: ("import numpy, zmq",),
    PESCADOR3: ("import pescador",),
    TORCH: ("import torch.utils.data",),
    TORCHDATA: ("import torchdata.nodes",),
    WEBDATASET: ("import webdataset",),
    DATASETS: ("import datasets",),
    GRAIN: ("import grain",),
    SPDL: ("import spdl.pipeline",),
    LITDATA: ("import litdata",),
    TFDATA: ("import tensorflow",),
}

SAMPLES = "samples = [{'x': float(i)} for i in range(64)]"
STACK = "stack = lambda rows: {'x': numpy.array([row['x'] for row in rows])}"

FIRST: dict[Contender, Statements] = {
    OURS: (
        SAMPLES,
        "from pescador import stream",
        "from pescador.ops import batch",
        "next(iter(stream(samples) | batch(8)))",
    ),
    PESCADOR3: (
        SAMPLES,
        "from pescador import buffer_stream",
        "next(iter(buffer_stream(samples, 8)))",
    ),
    TORCH: (
        SAMPLES,
        "from torch.utils.data import DataLoader",
        "next(iter(DataLoader(samples, batch_size=8)))",
    ),
    TORCHDATA: (
        SAMPLES,
        "from torch.utils.data import default_collate",
        "from torchdata.nodes import Batcher, IterableWrapper, Loader, Mapper",
        "next(iter(Loader(Mapper(Batcher(IterableWrapper(samples), 8), default_collate))))",
    ),
    WEBDATASET: (
        SAMPLES,
        "from webdataset import DataPipeline, batched",
        "next(iter(DataPipeline(lambda: iter(samples), batched(8))))",
    ),
    DATASETS: (
        SAMPLES,
        "from datasets import Dataset",
        "next(Dataset.from_list(samples).with_format('numpy').iter(batch_size=8))",
    ),
    GRAIN: (
        SAMPLES,
        "from grain import MapDataset",
        "next(iter(MapDataset.source(samples).batch(8)))",
    ),
    SPDL: (
        SAMPLES,
        "import numpy",
        STACK,
        "from spdl.pipeline import PipelineBuilder",
        "steps = PipelineBuilder().add_source(samples).aggregate(8).pipe(stack).add_sink()",
        "pipeline = steps.build(num_threads=1)",
        "with pipeline.auto_stop(): next(iter(pipeline))",
    ),
    TFDATA: (
        "import tensorflow as tf",
        "samples = tf.data.Dataset.from_tensor_slices({'x': [float(i) for i in range(64)]})",
        "next(samples.batch(8).as_numpy_iterator())",
    ),
}


def given(statements: Statements) -> Callable[[int], Iterable[object]]:
    """Return the function that gives the statements of a contender."""
    return lambda _: statements


def start_row(
    title: str, contenders: Mapping[Contender, Statements], measure: Measure, *goals: Goal
) -> Row:
    return Row(
        title,
        {who: given(statements) for who, statements in contenders.items()},
        inputs=int,
        sizes=(1,),
        measure=measure,
        goals=goals,
        apart=tuple(contenders),
    )


ROWS = [
    start_row("import", IMPORT, ALONE_TIME, cost_at_most(1.5, NEEDED)),
    start_row("import, and the first batch of a list", FIRST, ALONE_TIME),
    start_row("memory after the import", IMPORT, ALONE_MEMORY),
    start_row(
        "optional packages that the import brings",
        {OURS: IMPORT[OURS]},
        Measure(
            "optional packages imported",
            answered(f"len({set(OPTIONAL)!r} & set(sys.modules))"),
            unit="",
            steady=True,
        ),
        at_most(0, ""),
    ),
]
