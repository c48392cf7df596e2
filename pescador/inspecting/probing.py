"""Probing: a stream rewritten so that what passes between its steps is counted and timed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from time import perf_counter
from typing import Any, cast

from pescador.core import Join, Op, Same, Stream, sequence, stream
from pescador.inspecting.outlining import Branch, Step
from pescador.readings import ELEMENTWISE
from pescador.running import Pass
from pescador.values import Named, changed

__all__ = ["Meter", "Records", "Visit", "Visits", "probed"]

# So many elements are weighed at first, then one of so many: that takes longer than to count.
SAMPLING = 16


@dataclass(slots=True, eq=False)
class Meter:
    """What came out of a step: how many elements, in which time of its own, of how many bytes."""

    elements: int = 0
    seconds: float = 0.0
    weighed: int = 0
    nbytes: int = 0

    def weigh(self, item: Any) -> None:
        """Add an element to those of which the bytes are known."""
        self.weighed += 1
        self.nbytes += size(item)


def size(item: Any) -> int:
    """The bytes of the arrays, strings and numbers in an element."""
    known = getattr(item, "nbytes", None)
    if isinstance(known, int):
        return known
    if isinstance(item, Mapping):
        item = tuple(item.values())
    if isinstance(item, tuple | list):
        return sum(map(size, item))
    if isinstance(item, str | bytes | bytearray):
        return len(item)
    return 8 if isinstance(item, int | float) else 0


@dataclass(slots=True, eq=False)
class Visit:
    """An activation of a stream of a pool: its place in time is told in elements of the pool."""

    visits: Visits
    member: int
    begin: int
    end: int | None = None
    retired: bool = False
    # What the first element took, from the source on.
    opening: float = 0.0

    def close(self) -> None:
        """Retire, unless the whole pool was left."""
        if self.end is None:
            self.retired = True
            self.leave()

    def leave(self) -> None:
        """End."""
        self.end = len(self.visits.given)
        self.visits.active.remove(self)


@dataclass(slots=True, eq=False)
class Visits:
    """What a pool did: the stream that each element came from, and when which were active."""

    records: Records
    step: Step
    op: Op[Any, Any]
    names: dict[Any, int] = field(default_factory=dict)
    given: list[int] = field(default_factory=list)
    all: list[Visit] = field(default_factory=list)
    active: set[Visit] = field(default_factory=set)

    def watched(self, name: Any, member: Any) -> Stream[Any]:
        """A stream of the pool, with probes in it and its visits noted."""
        described = stream(member)
        branch = self.step.admit(name, described, self.op)
        number = self.names.setdefault(name, len(self.names))
        return probed(described, branch, self.records).then(Visited(self, number))

    def begin(self, member: int) -> Visit:
        """Note that a stream is activated."""
        visit = Visit(self, member, len(self.given))
        self.all.append(visit)
        self.active.add(visit)
        return visit

    def leave(self) -> None:
        """Note that the pool is left as a whole."""
        for visit in [*self.active]:
            visit.leave()


class Records:
    """All that the probes of one run write down.

    Attributes
    ----------
    inner : float
        What the probes further up took of the time of the one that waits for them.
    meters : dict of Step to Meter
        Of each step; alike streams of a pool share theirs.
    pools : dict of Step to list of Visits
        Of each step whose elements are streams.
    """

    def __init__(self) -> None:
        self.inner = 0.0
        self.meters: defaultdict[Step, Meter] = defaultdict(Meter)
        self.pools: defaultdict[Step, list[Visits]] = defaultdict(list)

    def pool(self, step: Step, op: Op[Any, Any]) -> Visits:
        """Visits of one more pool at this step, which `op` joins."""
        visits = Visits(self, step, op)
        self.pools[step].append(visits)
        return visits


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Probe(Same):
    """Counts and times what comes from its upstream, without the time of the probes in there."""

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
    """The last step of a stream of a pool: notes its visits and elements."""

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
    """Streams that a pool is made of while it runs, each with probes in it."""

    visits: Visits

    closes = True
    sharding = ELEMENTWISE

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        names = stream(upstream).names
        with Pass.over(upstream) as run:
            for index, member in enumerate(run.items):
                yield self.visits.watched(names[index] if names else index, member)


class Timed(Sequence[Any]):
    """A source that can be indexed, as the operators that skip need it, with a probe."""

    def __init__(self, values: Sequence[Any], probe: Probe) -> None:
        self.values = values
        self.probe = probe

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Any]:
        return self.probe(self.values)

    def __getitem__(self, index: Any) -> Any:
        meter, records = self.probe.meter, self.probe.records
        start = perf_counter()
        item = self.values[index]
        meter.seconds += perf_counter() - start
        if meter.elements < SAMPLING or not meter.elements % SAMPLING:
            meter.weigh(item)
        meter.elements += 1
        records.inner += perf_counter() - start
        return item


def probed(described: Stream[Any], branch: Branch, records: Records) -> Stream[Any]:
    """The same elements in the same order, with probes between the steps.

    What runs elsewhere, before an operator that moves it there, is left as it is.

    Parameters
    ----------
    described : Stream
        What is to run.
    branch : Branch
        Its steps.
    records : Records
        Where the probes write.

    Returns
    -------
    Stream
        What to run instead.
    """
    ops = described.ops
    first = max((index for index, op in enumerate(ops, 1) if op.runs_in), default=0)
    visits = None
    if first:
        result = changed(described, ops=ops[:first])
        result = result.then(Probe(records.meters[branch.steps[first]], records))
    elif ops and isinstance(ops[0], Join) and sequence(changed(described, ops=())) is not None:
        visits = records.pool(branch.steps[0], ops[0])
        result = _pool(described.source, visits)
    else:
        result = _source(described, Probe(records.meters[branch.steps[0]], records))
    for index in range(first, len(ops)):
        if isinstance(ops[index], Join) and visits is None:
            visits = records.pool(branch.steps[index], ops[index])
            result = result.then(Watched(visits))
        probe = Probe(records.meters[branch.steps[index + 1]], records, visits)
        result = result.then(ops[index], probe)
        visits = None
    return result


def _pool(source: Any, visits: Visits) -> Stream[Any]:
    if isinstance(source, Named):
        pairs = zip(source.names, source.values, strict=True)
        return Stream(Named(source.names, tuple(visits.watched(*pair) for pair in pairs)))
    return Stream(tuple(visits.watched(*pair) for pair in enumerate(source)))


def _source(described: Stream[Any], probe: Probe) -> Stream[Any]:
    source: Stream[Any] = Stream(described.source, described.args, described.kwargs)
    known = sequence(source)
    if known is None:
        return source.then(probe)
    timed = Timed(cast("Sequence[Any]", known), probe)
    return Stream(timed if source.names is None else Named(source.names, cast("Any", timed)))
