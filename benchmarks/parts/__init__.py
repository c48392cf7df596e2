"""The parts of the benchmark, each a module with a list ROWS, and what several of them measure."""

import tracemalloc
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import Any

Build = Callable[[], Iterable[object]]
Figure = Callable[[Build, int], float]

DRAINED_FOR = 1.0


@dataclass(frozen=True)
class Measure:
    """A figure of one pass, and the unit that the figure is in: s, B, % or none.

    `run` gets a function that builds the iterable, and how many units of work a whole pass does.
    A `steady` figure does not vary, so that one round will do. A `fresh` figure is taken in a
    process of its own, because it includes what earlier passes leave behind.
    """

    name: str
    run: Figure
    unit: str = "s"
    steady: bool = False
    fresh: bool = False


NOTHING, DESCRIBED, BEGUN, FIRST, DONE = range(5)


def moments(build: Build) -> Iterator[float]:
    """Pass over everything as a training loop does, and yield the time of each moment above."""
    yield perf_counter()
    description = build()
    yield perf_counter()
    iterator = iter(description)
    yield perf_counter()
    next(iterator)
    yield perf_counter()
    for _ in iterator:
        pass
    yield perf_counter()


def seconds(since: int, until: int) -> Figure:
    """Return the function that times a pass between two moments; until DONE, per unit of work."""

    def run(build: Build, units: int) -> float:
        times = list(islice(moments(build), until + 1))
        return (times[until] - times[since]) / (units - (since == FIRST) if until == DONE else 1)

    return run


def _seconds_drained(build: Build, units: int) -> float:
    iterator: Any = iter(build())
    next(iterator)
    start = perf_counter()
    for taken, _ in enumerate(iterator, 1):  # noqa: B007
        now = perf_counter()
        if now - start > DRAINED_FOR:
            break
    if hasattr(iterator, "close"):
        iterator.close()
    return (now - start) / taken


def _peak_bytes(run: Callable[[], object]) -> float:
    tracemalloc.start()
    try:
        run()
        return float(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def _bytes_of_all(build: Build, units: int) -> float:
    return _peak_bytes(lambda: deque(moments(build), 0))


def _bytes_to_the_first(build: Build, units: int) -> float:
    description = build()
    return _peak_bytes(lambda: next(iter(description)))


TIME = Measure("time per unit, all elements consumed", seconds(BEGUN, DONE))
WHOLE_TIME = Measure("time per unit, from the description on", seconds(NOTHING, DONE))
RUNNING_TIME = Measure("time per unit, after the first element", seconds(FIRST, DONE))
DRAINING_TIME = Measure("time per unit, drained for a second", _seconds_drained)
STARTING_TIME = Measure("time a run takes to its first element", seconds(BEGUN, FIRST))
DESCRIPTION_TIME = Measure("time to describe", seconds(NOTHING, DESCRIBED))
FIRST_TIME = Measure("time from a description to its first element", seconds(DESCRIBED, FIRST))
WHOLE_FIRST_TIME = Measure("time to describe and get the first element", seconds(NOTHING, FIRST))
PEAK_MEMORY = Measure(
    "peak memory allocated, all elements consumed", _bytes_of_all, "B", steady=True
)
FIRST_MEMORY = Measure(
    "peak memory allocated from a description to its first element",
    _bytes_to_the_first,
    "B",
    steady=True,
)
