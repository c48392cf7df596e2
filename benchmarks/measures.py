"""What can be measured of a contender, inside its own process: time or memory, whole or first."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter

Build = Callable[[], Iterable[object]]


@dataclass(frozen=True)
class Measure:
    """A figure of one run.

    Parameters
    ----------
    name : str
        What is measured, for the reader of the results.
    run : callable
        Given a function that builds the iterable, and the number of units that a full run
        of it does, returns the figure: seconds, or bytes.
    memory : bool
        Whether the figure is in bytes.
    """

    name: str
    run: Callable[[Build, int], float]
    memory: bool = False


def _consume(iterable: Iterable[object]) -> None:
    """Take every element as a training loop does, the last one alive while the next is made."""
    for _ in iterable:
        pass


def _seconds_a_unit(build: Build, units: int) -> float:
    iterator = iter(build())
    start = perf_counter()
    _consume(iterator)
    return (perf_counter() - start) / units


def _seconds_a_unit_once_started(build: Build, units: int) -> float:
    iterator = iter(build())
    next(iterator)
    start = perf_counter()
    _consume(iterator)
    return (perf_counter() - start) / (units - 1)


def _seconds_to_describe(build: Build, units: int) -> float:
    start = perf_counter()
    build()
    return perf_counter() - start


def _seconds_to_the_first(build: Build, units: int) -> float:
    description = build()
    start = perf_counter()
    next(iter(description))
    return perf_counter() - start


def _peak_bytes(run: Callable[[], object]) -> float:
    tracemalloc.start()
    try:
        run()
        return float(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def _bytes_of_all(build: Build, units: int) -> float:
    return _peak_bytes(lambda: _consume(build()))


def _bytes_to_the_first(build: Build, units: int) -> float:
    description = build()
    return _peak_bytes(lambda: next(iter(description)))


TIME = Measure("time a unit, all elements consumed", _seconds_a_unit)
RUNNING_TIME = Measure("time a unit, after the first element", _seconds_a_unit_once_started)
DESCRIPTION_TIME = Measure("time to describe", _seconds_to_describe)
FIRST_TIME = Measure("time a fresh description takes to its first element", _seconds_to_the_first)
PEAK_MEMORY = Measure("peak memory allocated, all elements consumed", _bytes_of_all, memory=True)
FIRST_MEMORY = Measure(
    "peak memory that a fresh description allocates until its first element",
    _bytes_to_the_first,
    memory=True,
)
