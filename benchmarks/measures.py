"""What can be measured of a contender: time, memory, open files, waiting; whole or first."""

from __future__ import annotations

import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any

from benchmarks.quantities import BYTES, COUNT, SECONDS, SHARE, Quantity

if TYPE_CHECKING:
    import psutil

Build = Callable[[], Iterable[object]]
Step = Callable[[Any], object]

SAMPLED_EVERY = 0.005
FILLED_AFTER = 0.3
DRAINED_FOR = 1.0


@dataclass(frozen=True)
class Measure:
    """A figure of one run.

    Parameters
    ----------
    name : str
        What is measured, for the reader of the results.
    run : callable
        Given a function that builds the iterable, and the number of units that a full run
        of it does, returns the figure.
    quantity : Quantity, default SECONDS
        What the figure is of.
    steady : bool, default False
        Whether the figure does not vary from run to run, so that one round will do.
    fresh : bool, default False
        Whether each run has a process of its own, for what earlier ones leave behind counts.
    """

    name: str
    run: Callable[[Build, int], float]
    quantity: Quantity = SECONDS
    steady: bool = False
    fresh: bool = False


def _consume(iterable: Iterable[object]) -> None:
    """Take every element as a training loop does, the last one alive while the next is made."""
    for _ in iterable:
        pass


def _seconds_a_unit(build: Build, units: int) -> float:
    iterator = iter(build())
    start = perf_counter()
    _consume(iterator)
    return (perf_counter() - start) / units


def _seconds_a_unit_from_nothing(build: Build, units: int) -> float:
    start = perf_counter()
    _consume(build())
    return (perf_counter() - start) / units


def _seconds_a_unit_once_started(build: Build, units: int) -> float:
    iterator = iter(build())
    next(iterator)
    start = perf_counter()
    _consume(iterator)
    return (perf_counter() - start) / (units - 1)


def _seconds_a_unit_drained(build: Build, units: int) -> float:
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


def _seconds_to_describe(build: Build, units: int) -> float:
    start = perf_counter()
    build()
    return perf_counter() - start


def _seconds_to_the_first(build: Build, units: int) -> float:
    description = build()
    start = perf_counter()
    next(iter(description))
    return perf_counter() - start


def _seconds_from_nothing_to_the_first(build: Build, units: int) -> float:
    start = perf_counter()
    next(iter(build()))
    return perf_counter() - start


def _seconds_to_start(build: Build, units: int) -> float:
    run = iter(build())
    start = perf_counter()
    next(run)
    return perf_counter() - start


def _seconds_to_close(build: Build, units: int) -> float:
    run: Any = iter(build())
    next(run)
    sleep(FILLED_AFTER)
    start = perf_counter()
    run.close()
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
        _consume(build())
    finally:
        finished.set()
        watcher.join()
    return float(most)


def _trained(make_step: Callable[[], Step], build: Build) -> tuple[float, float]:
    """Train on every batch; return for how long, and for how much of it there was none."""
    step, waited = make_step(), 0.0
    asked = start = perf_counter()
    for batch in build():
        waited += perf_counter() - asked
        step(batch)
        asked = perf_counter()
    return asked - start, waited


def _share_waited(make_step: Callable[[], Step], build: Build, units: int) -> float:
    whole, waited = _trained(make_step, build)
    return waited / whole


def _seconds_a_unit_waited(make_step: Callable[[], Step], build: Build, units: int) -> float:
    return _trained(make_step, build)[1] / units


def _seconds_a_unit_trained(make_step: Callable[[], Step], build: Build, units: int) -> float:
    return _trained(make_step, build)[0] / units


def _told_alone(question: str, build: Build, units: int) -> float:
    """Run statements in an interpreter of their own, and return what it answers."""
    parts = (
        "import sys",
        f"sys.path[:] = {sys.path!r}",
        "from time import perf_counter",
        "start = perf_counter()",
        *map(str, build()),
        f"print({question})",
    )
    done = subprocess.run(
        [sys.executable, "-P", "-E", "-c", "\n".join(parts)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return float(done.stdout.split()[-1])


def share_waited(make_step: Callable[[], Step]) -> Measure:
    """Return a measure of how much of its time a model that trains waits for elements."""
    return Measure(
        "share of the time in which training waited", partial(_share_waited, make_step), SHARE
    )


def time_waited(make_step: Callable[[], Step]) -> Measure:
    """Return a measure of how long it waits, which a slower step does not make less."""
    return Measure(
        "time per unit in which training waited", partial(_seconds_a_unit_waited, make_step)
    )


def time_trained(make_step: Callable[[], Step]) -> Measure:
    """Return a measure of how long it takes in all."""
    return Measure(
        "time per unit, all elements trained on", partial(_seconds_a_unit_trained, make_step)
    )


def bringing(modules: Iterable[str]) -> Measure:
    """Return a measure of how many of some modules a statement imports."""
    return Measure(
        "optional packages imported",
        partial(_told_alone, f"len({set(modules)!r} & set(sys.modules))"),
        COUNT,
        steady=True,
    )


TIME = Measure("time per unit, all elements consumed", _seconds_a_unit)
WHOLE_TIME = Measure("time per unit, from the description on", _seconds_a_unit_from_nothing)
RUNNING_TIME = Measure("time per unit, after the first element", _seconds_a_unit_once_started)
DRAINING_TIME = Measure("time per unit, drained for a second", _seconds_a_unit_drained)
DESCRIPTION_TIME = Measure("time to describe", _seconds_to_describe)
FIRST_TIME = Measure("time a fresh description takes to its first element", _seconds_to_the_first)
WHOLE_FIRST_TIME = Measure(
    "time to describe and get the first element", _seconds_from_nothing_to_the_first
)
STARTING_TIME = Measure("time a run takes to its first element", _seconds_to_start)
CLOSING_TIME = Measure("time that leaving early takes", _seconds_to_close)
PEAK_MEMORY = Measure(
    "peak memory allocated, all elements consumed", _bytes_of_all, BYTES, steady=True
)
FIRST_MEMORY = Measure(
    "peak memory that a fresh description allocates until its first element",
    _bytes_to_the_first,
    BYTES,
    steady=True,
)
PROCESS_MEMORY = Measure(
    "peak memory of all processes", partial(_most, _bytes_held), BYTES, steady=True, fresh=True
)
FILES_OPEN = Measure(
    "files open at most", partial(_most, _arrays_open), COUNT, steady=True, fresh=True
)
ALONE_TIME = Measure("time of a new interpreter", partial(_told_alone, "perf_counter() - start"))
ALONE_MEMORY = Measure(
    "memory of a new interpreter",
    partial(_told_alone, "__import__('psutil').Process().memory_full_info().uss"),
    BYTES,
)
