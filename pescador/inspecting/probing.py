"""Probing: a stream rewritten so that the elements between its steps are counted and timed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from time import perf_counter
from typing import Any, cast

from pescador.core import Join, Op, Same, Stream, sequence, stream
from pescador.inspecting.outlining import Branch, Step
from pescador.readings import ELEMENTWISE
from pescador.running import Pass
from pescador.tree import parts_of
from pescador.values import Named, changed

__all__ = ["Meter", "Records", "Visit", "Visits", "probed"]

# Weighing takes longer than counting: the first 16 elements are weighed, then every 16th.
SAMPLING = 16


@dataclass(slots=True, eq=False)
class Meter:
    """The measurements of a step.

    Attributes
    ----------
    elements : int
        The number of elements that it yielded.
    seconds : float
        The time that it took, without the steps before it.
    weighed : int
        The number of elements whose bytes were counted.
    nbytes : int
        The bytes of those elements.
    """

    elements: int = 0
    seconds: float = 0.0
    weighed: int = 0
    nbytes: int = 0

    def weigh(self, item: Any) -> None:
        """Count the bytes of an element."""
        self.weighed += 1
        self.nbytes += size(item)


def size(item: Any) -> int:
    """Return the bytes of the arrays, strings and numbers in an element."""
    known = getattr(item, "nbytes", None)
    if isinstance(known, int):
        return known
    parts = item if isinstance(item, list) else parts_of(item)
    if parts is not None:
        return sum(map(size, parts))
    if isinstance(item, str | bytes | bytearray):
        return len(item)
    return 8 if isinstance(item, int | float) else 0


@dataclass(slots=True, eq=False)
class Visit:
    """One activation of a member of a pool.

    Attributes
    ----------
    visits : Visits
        The visits of the whole pool.
    member : int
        The number of the member.
    begin, end : int or None
        The number of elements that the pool had yielded at either end; None before the end.
    retired : bool
        Whether the member was closed while the pool ran on.
    opening : float
        The seconds that its first element took, from the source on.
    """

    visits: Visits
    member: int
    begin: int
    end: int | None = None
    retired: bool = False
    opening: float = 0.0

    def close(self) -> None:
        """End the visit; the member is retired, unless the whole pool was closed before."""
        if self.end is None:
            self.retired = True
            self.leave()

    def leave(self) -> None:
        """Note the end of the visit."""
        self.end = len(self.visits.given)
        self.visits.active.remove(self)


@dataclass(slots=True, eq=False)
class Visits:
    """The visits of one pool: the member that each element came from, and when each was active.

    Attributes
    ----------
    records : Records
        The records of the whole run.
    step : Step
        The step whose elements are the members.
    op : Op
        The operator that joins them.
    names : dict
        The number of each member, by its name.
    given : list of int
        The number of the member, for each element of the pool.
    all : list of Visit
        The visits, in the order in which they began.
    active : set of Visit
        The visits that have not ended.
    """

    records: Records
    step: Step
    op: Op[Any, Any]
    names: dict[Any, int] = field(default_factory=dict)
    given: list[int] = field(default_factory=list)
    all: list[Visit] = field(default_factory=list)
    active: set[Visit] = field(default_factory=set)

    def watched(self, name: Any, member: Any) -> Stream[Any]:
        """Return a member of the pool, with its steps measured and its visits noted."""
        described = stream(member)
        branch = self.step.admit(name, described, self.op)
        number = self.names.setdefault(name, len(self.names))
        return probed(described, branch, self.records).then(Visited(self, number))

    def begin(self, member: int) -> Visit:
        """Note that a member is activated."""
        visit = Visit(self, member, len(self.given))
        self.all.append(visit)
        self.active.add(visit)
        return visit

    def leave(self) -> None:
        """Note that the pool is closed as a whole."""
        for visit in [*self.active]:
            visit.leave()


class Records:
    """All measurements of one run.

    Attributes
    ----------
    inner : float
        The seconds that the steps further up have taken while the current one waited.
    meters : dict of Step to Meter
        The measurements of each step; members of a pool with the same steps share them.
    pools : dict of Step to list of Visits
        The pools of each step whose elements are streams.
    """

    def __init__(self) -> None:
        self.inner = 0.0
        self.meters: defaultdict[Step, Meter] = defaultdict(Meter)
        self.pools: defaultdict[Step, list[Visits]] = defaultdict(list)

    def pool(self, step: Step, op: Op[Any, Any]) -> Visits:
        """Add a pool whose members are the elements of a step, joined by `op`."""
        visits = Visits(self, step, op)
        self.pools[step].append(visits)
        return visits


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Measured(Same):
    """A step that counts and times the elements of its upstream.

    The time that the measured steps further up take is subtracted.
    """

    meter: Meter
    records: Records
    pool: Visits | None = None

    closes = True
    sharding = ELEMENTWISE

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        meter, records = self.meter, self.records
        outer, records.inner = records.inner, 0.0
        start = perf_counter()
        with Pass.over(upstream) as run:
            try:
                for item in run.items:
                    spent = perf_counter() - start
                    meter.seconds += spent - records.inner
                    if meter.elements < SAMPLING or not meter.elements % SAMPLING:
                        meter.weigh(item)
                        spent = perf_counter() - start
                    meter.elements += 1
                    records.inner = outer + spent
                    yield item
                    outer, records.inner = records.inner, 0.0
                    start = perf_counter()
                spent = perf_counter() - start
                meter.seconds += spent - records.inner
                records.inner = outer + spent
            finally:
                if self.pool is not None:
                    self.pool.leave()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Visited(Same):
    """The last step of a member of a pool, which notes its visits and its elements."""

    visits: Visits
    member: int

    closes = True
    sharding = ELEMENTWISE

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        visit = self.visits.begin(self.member)
        items = self._noted(upstream, visit)
        return Pass(items, [visit, items])

    def _noted(self, upstream: Iterable[Any], visit: Visit) -> Iterator[Any]:
        note, member = self.visits.given.append, self.member
        start = perf_counter()
        with Pass.over(upstream) as run:
            first = [*islice(run.items, 1)]
            visit.opening = perf_counter() - start
            for item in chain(first, run.items):
                note(member)
                yield item


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Watched(Same):
    """A step that measures the members of a pool that is made as it runs."""

    visits: Visits

    closes = True
    sharding = ELEMENTWISE

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        names = stream(upstream).names
        with Pass.over(upstream) as run:
            for index, member in enumerate(run.items):
                yield self.visits.watched(names[index] if names else index, member)


class Timed(Sequence[Any]):
    """A measured source that can be indexed, as operators that skip elements need it."""

    def __init__(self, values: Sequence[Any], measured: Measured) -> None:
        self.values = values
        self.measured = measured

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Any]:
        return self.measured(self.values)

    def __getitem__(self, index: Any) -> Any:
        meter, records = self.measured.meter, self.measured.records
        start = perf_counter()
        item = self.values[index]
        meter.seconds += perf_counter() - start
        if meter.elements < SAMPLING or not meter.elements % SAMPLING:
            meter.weigh(item)
        meter.elements += 1
        records.inner += perf_counter() - start
        return item


def probed(described: Stream[Any], branch: Branch, records: Records) -> Stream[Any]:
    """Return a stream of the same elements, in the same order, whose steps are measured.

    Steps that run in other processes or threads are left as they are.

    Parameters
    ----------
    described : Stream
        The stream to run.
    branch : Branch
        Its steps.
    records : Records
        The records that the measurements are added to.

    Returns
    -------
    Stream
        The stream to run instead.
    """
    ops = described.ops
    first = max((index for index, op in enumerate(ops, 1) if op.runs_in), default=0)
    visits = None
    if first:
        result = changed(described, ops=ops[:first])
        result = result.then(Measured(records.meters[branch.steps[first]], records))
    elif ops and isinstance(ops[0], Join) and sequence(changed(described, ops=())) is not None:
        visits = records.pool(branch.steps[0], ops[0])
        result = _pool(described.source, visits)
    else:
        result = _source(described, Measured(records.meters[branch.steps[0]], records))
    for index in range(first, len(ops)):
        if isinstance(ops[index], Join) and visits is None:
            visits = records.pool(branch.steps[index], ops[index])
            result = result.then(Watched(visits))
        measured = Measured(records.meters[branch.steps[index + 1]], records, visits)
        result = result.then(ops[index], measured)
        visits = None
    return result


def _pool(source: Any, visits: Visits) -> Stream[Any]:
    """Return a pool whose members are measured."""
    if isinstance(source, Named):
        pairs = zip(source.names, source.values, strict=True)
        return Stream(Named(source.names, tuple(visits.watched(*pair) for pair in pairs)))
    return Stream(tuple(visits.watched(*pair) for pair in enumerate(source)))


def _source(described: Stream[Any], measured: Measured) -> Stream[Any]:
    """Return the source of a stream, measured."""
    source: Stream[Any] = Stream(described.source, described.args, described.kwargs)
    known = sequence(source)
    if known is None:
        return source.then(measured)
    timed = Timed(cast("Sequence[Any]", known), measured)
    return Stream(timed if source.names is None else Named(source.names, cast("Any", timed)))
