"""Profiling: where the time of a stream goes, and how often its pools replace their streams."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import Any

from pescador import errors
from pescador.core import stream
from pescador.inspecting.outlining import Step, outline
from pescador.inspecting.probing import Records, Visit, Visits, probed
from pescador.inspecting.rendering import Rendered, Table, quantity
from pescador.running import Pass

__all__ = ["PoolProfile", "Profile", "StepProfile", "StreamProfile", "profile"]

# The greatest number of streams of a pool that a table shows.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class StepProfile:
    """The profile of one step.

    Parameters
    ----------
    step : str
        The source or the operator.
    line : str
        The same, after the lines of the tree.
    elements : int or None
        The number of elements that it yielded; None if it runs in other processes or threads.
    seconds : float
        The time that it took for them, without the steps before it. For a step that runs its
        upstream in other processes or threads, the time that it waited for them.
    share : float in [0, 1]
        The share of the time of all steps.
    nbytes : float
        The bytes that it yielded, in arrays, strings and numbers: estimated from the first 16
        elements and every 16th after them.
    waits_for : str
        The thread or the processes that it waits for, if there are any.
    """

    step: str
    line: str
    elements: int | None
    seconds: float
    share: float
    nbytes: float
    waits_for: str

    @property
    def rate(self) -> float:
        """Elements per second of its own time."""
        return (self.elements or 0) / self.seconds if self.seconds else 0.0

    @property
    def throughput(self) -> float:
        """Bytes per second of its own time."""
        return self.nbytes / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class StreamProfile:
    """The profile of one stream of a pool.

    Parameters
    ----------
    name : object
        Its key in a named pool, or its index.
    activations : int
        The number of times that it was activated.
    elements : int
        The number of elements that it yielded.
    retirements : int
        The number of times that it was closed, by its end or its quota, while the pool ran on.
    opening : float
        The seconds that its first elements took, of all activations together; to open a file, say.
    """

    name: Any
    activations: int
    elements: int
    retirements: int
    opening: float

    @property
    def gain(self) -> float:
        """Elements per activation."""
        return self.elements / self.activations


@dataclass(frozen=True, slots=True)
class PoolProfile:
    """The profile of a pool, and of the operator that joins its streams.

    Parameters
    ----------
    op : str
        The operator.
    streams : tuple of StreamProfile
        The streams that were activated, with the one that took longest to open first.
    given : tuple of object
        For each element, the name of the stream that it came from.
    visits : tuple of (object, int, int)
        For each activation, the name of the stream, and the numbers of elements that the pool had
        yielded at its begin and at its end.
    """

    op: str
    streams: tuple[StreamProfile, ...]
    given: tuple[Any, ...]
    visits: tuple[tuple[Any, int, int], ...]

    def table(self) -> Table:
        """Return the streams as a table."""
        head = ("stream", "activations", "elements", "retirements", "per activation", "opening")
        rows = [
            (
                repr(one.name),
                str(one.activations),
                str(one.elements),
                str(one.retirements),
                f"{one.gain:.1f}",
                quantity(one.opening / one.activations, "s"),
            )
            for one in self.streams[:SHOWN]
        ]
        more = len(self.streams) - SHOWN
        after = (f"and {more} streams that took less to open",) if more > 0 else ()
        return Table(head, rows, frozenset(head[1:]), (self.op,), after)


@dataclass(frozen=True, slots=True, repr=False)
class Profile(Rendered):
    """The result of `profile`, which prints itself as tables, also in a notebook.

    Parameters
    ----------
    seconds : float
        The time of the run.
    steps : tuple of StepProfile
        The steps, from the source on; streams of a pool that have the same steps are summed.
    pools : tuple of PoolProfile
        The pools.
    """

    seconds: float
    steps: tuple[StepProfile, ...]
    pools: tuple[PoolProfile, ...]

    @property
    def elements(self) -> int:
        """The number of elements that the stream yielded."""
        return self.steps[-1].elements or 0

    @property
    def waiting(self) -> float:
        """The seconds spent waiting for other processes or threads."""
        return sum(step.seconds for step in self.steps if step.waits_for)

    @property
    def slowest(self) -> StepProfile:
        """The step that took most of the time, which is the one to work on."""
        return max(self.steps, key=lambda step: step.seconds)

    def tables(self) -> list[Table]:
        """Return a table of the steps, and one of each pool."""
        head = ("step", "share", "time", "elements", "elements/s", "bytes/s")
        rows = [
            (
                step.line,
                f"{step.share:.0%}" if step.seconds else "",
                quantity(step.seconds, "s") if step.seconds else "",
                "" if step.elements is None else str(step.elements),
                quantity(step.rate) if step.seconds else "",
                quantity(step.throughput, "B") if step.throughput else "",
            )
            for step in self.steps
        ]
        rate = quantity(self.elements / self.seconds)
        before = (f"{self.elements} elements in {quantity(self.seconds, 's')}: {rate} a second", "")
        steps = Table(head, rows, frozenset(head[1:]), before, ("", *self._advice()))
        return [steps, *(pool.table() for pool in self.pools)]

    def _advice(self) -> list[str]:
        slowest = self.slowest
        advice = [f"Work on {slowest.step}: {slowest.share:.0%} of the time"]
        if slowest.waits_for:
            advice.append(f"It waits for {slowest.waits_for}: profile the steps before it")
        if self.waiting:
            advice.append(f"Waiting: {quantity(self.waiting, 's')}")
        return advice


def profile(described: Iterable[Any], n: int = 1000) -> Profile:
    """Run a stream for `n` elements, and measure the time of each step.

    The elements are those of the stream, in their order, and are dropped. Measuring takes less than
    two microseconds per element and step, of which a part counts for the next step. Steps in other
    processes or threads are not measured; the step that receives their elements shows how long it
    waited.

    Parameters
    ----------
    described : Stream, or what `pescador.stream` takes
        The stream.
    n : int > 0, default=1000
        The number of elements to run; fewer, if the stream has fewer.

    Returns
    -------
    Profile
        A value that prints itself as tables: of the steps, and of the streams of each pool.

    Raises
    ------
    ParameterError
        If `n` is less than 1.
    ParameterTypeError
        If `n` is not an integer.

    Examples
    --------
    >>> from pescador.ops import batch, map, round_robin
    >>> found = profile({"a": "aaa", "b": "bb"} | round_robin() | map(ord) | batch(2))
    >>> found.elements, [step.elements for step in found.steps]
    (2, [2, 5, 5, 5, 2])
    >>> sorted((one.name, one.activations, one.elements) for one in found.pools[0].streams)
    [('a', 1, 3), ('b', 1, 2)]
    """
    n = errors.count("profile", "n", n)
    whole = stream(described)
    branch, records = outline(whole), Records()
    begin = perf_counter()
    with Pass.over(probed(whole, branch, records)) as run:
        deque(islice(run.items, n), maxlen=0)
        seconds = perf_counter() - begin
    total = sum(meter.seconds for meter in records.meters.values())
    steps = tuple(_step(line, step, records, total) for line, step in branch.lines())
    return Profile(seconds, steps, tuple(map(_pool, records.pools.values())))


def _step(line: str, step: Step, records: Records, total: float) -> StepProfile:
    """Return the profile of a step."""
    waits_for = step.op.runs_in if step.op else ""
    if step not in records.meters:
        known = records.pools.get(step)
        visited = sum(len(visits.all) for visits in known) if known else None
        return StepProfile(step.label, line, visited, 0.0, 0.0, 0.0, waits_for)
    meter = records.meters[step]
    nbytes = meter.elements * meter.nbytes / meter.weighed if meter.weighed else 0.0
    share = meter.seconds / total if total else 0.0
    return StepProfile(step.label, line, meter.elements, meter.seconds, share, nbytes, waits_for)


def _pool(pools: list[Visits]) -> PoolProfile:
    """Return the profile of pools that have the same steps, one run after another."""
    given: list[Any] = []
    visits: list[tuple[Any, Visit]] = []
    spans: list[tuple[Any, int, int]] = []
    for pool in pools:
        names = [*pool.names]
        for visit in pool.all:
            name, end = names[visit.member], visit.end or 0
            visits.append((name, visit))
            spans.append((name, len(given) + visit.begin, len(given) + end))
        given += (names[member] for member in pool.given)
    activations = Counter(name for name, _ in visits)
    retirements = Counter(name for name, visit in visits if visit.retired)
    openings: dict[Any, float] = dict.fromkeys(activations, 0.0)
    for name, visit in visits:
        openings[name] += visit.opening
    elements = Counter(given)
    streams = tuple(
        StreamProfile(name, activations[name], elements[name], retirements[name], opening)
        for name, opening in sorted(openings.items(), key=lambda each: -each[1])
    )
    return PoolProfile(repr(pools[0].op), streams, tuple(given), tuple(spans))
