"""The table of all operators, each with its model over lists, and what hypothesis draws of them.

An element is of one of these kinds, by what operators can do with it:

numbers : ints
samples : mappings of one array and one number, ``{"X": shape (2,), "Y": shape ()}``
batches : mappings of arrays that share their first dimension
arrays : arrays with a first dimension
tuples : what `tuples` and `keras_tuples` give
pool : streams of numbers

A model may be a generator, as some operators have no end. What is compared is then a beginning.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from hypothesis.strategies import SearchStrategy

from pescador import Join, Pipeline, Same, Stream, ops, stream
from sources import Frozen, One, Pair, Point, Three, late

KINDS = ("numbers", "samples", "batches", "arrays", "tuples", "pool")
DATA = KINDS[:-2]  # What numpy can compare.
LIMIT = 50  # How much is looked at of what has no end.
ELEMENTWISE = {"tap", "progress", "prefetch"}  # What leaves a pool its names.


# Functions are at the top of a module, so that they can be pickled.
def each(items: Iterable[Any]) -> Iterator[Any]:
    """A generator function, as a source."""
    yield from items


def weight(element: Any) -> int:
    """A number for an element of any kind."""
    if isinstance(element, Mapping):
        return sum(map(weight, element.values()))
    if isinstance(element, str):
        return len(element)
    if isinstance(element, Stream | list | tuple | range):
        return sum(map(weight, element))
    return 0 if element is None else int(np.sum(element))


def is_even(element: Any) -> bool:
    return weight(element) % 2 == 0


def is_small(element: Any) -> bool:
    return weight(element) < 8


def twice(element: Any) -> Any:
    if isinstance(element, Mapping):
        return {key: twice(value) for key, value in element.items()}
    return element * 2


def ignore(element: Any) -> None:
    """What a `tap` calls, where nothing is looked at."""


def below(number: int) -> range:
    """A stream, of a number."""
    return range(int(number) % 4)


def numpy_state(seed: Any) -> np.random.RandomState:
    """The generator of numpy at the start of what an operator keeps as its `random_state`."""
    if isinstance(seed, int | tuple):
        return np.random.RandomState(seed)
    state = np.random.RandomState(0)
    state.set_state(("MT19937", np.array(seed.key, np.uint32), seed.position, 0, 0.0))
    return state


def structured(join: Callable[[list[Any]], Any], elements: list[Any]) -> Any:
    """`elements` joined, or their values key by key."""
    if isinstance(elements[0], Mapping):
        return {key: structured(join, [e[key] for e in elements]) for key in elements[0]}
    if isinstance(elements[0], tuple):
        return tuple(structured(join, list(column)) for column in zip(*elements, strict=True))
    return join(elements)


def row_count(batch: Any) -> int:
    while isinstance(batch, Mapping | tuple):
        batch = next(iter(batch.values())) if isinstance(batch, Mapping) else batch[0]
    return len(batch)


def row_slice(batch: Any, rows: Any) -> Any:
    return structured(lambda columns: columns[0][rows], [batch])


def unnamed(pool: Any) -> Iterable[Any]:
    return pool.values() if isinstance(pool, Mapping) else pool


def groups(items: list[Any], n: int, partial: bool) -> list[list[Any]]:
    cut = [items[start : start + n] for start in range(0, len(items), n)]
    return [group for group in cut if partial or len(group) == n]


def members_and_weights(op: Any, pool: Any) -> tuple[list[list[Any]], np.ndarray]:
    members = [list(member) for member in unnamed(pool)]
    if op.tag:
        names = pool if isinstance(pool, Mapping) else range(len(members))
        members = [[(name, item) for item in m] for name, m in zip(names, members, strict=True)]
    given = getattr(op, "weights", None)
    if given is None:
        weights = np.ones(len(members))
    elif isinstance(pool, Mapping) and not isinstance(given, tuple):
        by_name = dict(zip(given.names, given.values, strict=True))
        weights = np.array([by_name[name] for name in pool])
    else:
        weights = np.array(given)
    return members, weights / weights.sum()


def take_while_model(op: Any, items: list[Any]) -> list[Any]:
    failing = [i for i, item in enumerate(items) if not op.predicate(item)]
    return items[: failing[0]] if failing else items


def cycle_model(op: Any, items: list[Any]) -> Iterable[Any]:
    return itertools.cycle(items) if op.times is None else items * op.times


def cache_model(op: Any, items: list[Any]) -> Iterator[Any]:
    draws = numpy_state(op.random_state)
    slots, rest = items[: op.size], items[op.size :]
    yield from slots
    while len(slots) == op.size:
        slot = draws.randint(0, op.size)
        if draws.rand() <= op.prob:
            if not rest:
                return
            slots[slot] = rest.pop(0)
        yield slots[slot]


def batch_model(op: Any, items: list[Any]) -> list[Any]:
    join = np.stack if op.axis is None else lambda values: np.concatenate(values, op.axis)
    return [structured(join, group) for group in groups(items, op.n, op.partial)]


def buffer_model(op: Any, items: list[Any]) -> list[Any]:
    rows = structured(np.concatenate, items) if items else np.empty(0)
    cuts = groups(list(range(row_count(rows))), op.n, op.partial)
    return [row_slice(rows, slice(cut[0], cut[-1] + 1)) for cut in cuts]


def unbatch_model(op: Any, items: list[Any]) -> list[Any]:
    return [row_slice(batch, row) for batch in items for row in range(row_count(batch))]


def keras_model(op: Any, items: list[Any]) -> list[Any]:
    def side(item: Any, keys: Any) -> Any:
        return item[keys] if isinstance(keys, str) else keys and [item[key] for key in keys]

    return [(side(item, op.inputs), side(item, op.outputs)) for item in items]


def shuffle_model(op: Any, items: list[Any]) -> Iterator[Any]:
    draws = numpy_state(op.random_state)
    held, rest = items[: op.size], items[op.size :]
    while held:
        slot = draws.randint(0, len(held))
        yield held[slot]
        if rest:
            held[slot] = rest.pop(0)
        else:
            held[slot] = held[-1]
            held.pop()


def shuffled_model(op: Any, pool: Any) -> Iterator[Any]:
    members, weights = members_and_weights(op, pool)
    draws = numpy_state(op.random_state)
    left = [list(member) for member in members]
    while weights.any():
        slot = draws.choice(len(members), p=weights / weights.sum())
        if left[slot]:
            yield left[slot].pop(0)
        elif members[slot]:
            left[slot] = list(members[slot])
        else:
            weights[slot] = 0


def round_robin_model(op: Any, pool: Any) -> Iterator[Any]:
    members, _ = members_and_weights(op, pool)
    draws = numpy_state(op.random_state if op.mode == "permuted_cycle" else 0)
    order = np.arange(len(members))
    missing = object()
    while any(members):
        turns = itertools.zip_longest(*(members[i] for i in order), fillvalue=missing)
        yield from (item for turn in turns for item in turn if item is not missing)
        if op.mode == "exhaustive":
            return
        if op.mode == "permuted_cycle":
            order = np.arange(len(members))
            draws.shuffle(order)


def chain_model(op: Any, pool: Any) -> Iterable[Any]:
    members, _ = members_and_weights(op, pool)
    once = list(itertools.chain(*members))
    return itertools.cycle(once) if op.mode == "cycle" else once


def mux_model(op: Any, pool: Any) -> Iterator[Any]:  # noqa: C901 - As one reads its definition.
    members, weights = members_and_weights(op, pool)
    draws = numpy_state(op.random_state)
    candidates = (weights > 0).astype(float)
    eligible = candidates.sum()
    dead: set[int] = set()
    barren: set[int] = set()
    slots = np.zeros(op.k)
    active: dict[int, list[Any]] = {}

    def activate(slot: int) -> None:
        member = draws.choice(len(members), p=candidates / candidates.sum())
        slots[slot] = weights[member]
        quota = mux_quota(op, draws, weights[member] / slots.sum())
        active[slot] = [member, members[member][:quota], False]
        if op.mode != "with_replacement":
            candidates[member] = 0

    for slot in range(op.k):
        if candidates.any():
            activate(slot)
    while slots.any():
        slot = draws.choice(op.k, p=slots / slots.sum())
        member, items, gave = active[slot]
        if items:
            active[slot] = [member, items[1:], True]
            barren.clear()
            yield items[0]
            continue
        if not gave:
            barren.add(member)
            if op.prune_empty:
                dead.add(member)
                candidates[member] = 0
        if op.mode == "single_active":
            candidates[member] = 1
        if eligible in (len(dead), len(barren)):
            return
        if candidates.any():
            activate(slot)
        else:
            slots[slot] = 0


def mux_quota(op: Any, draws: np.random.RandomState, share: float) -> int | None:
    if op.lam is None:
        return None
    if op.dist == "constant":
        return int(np.ceil(op.lam))
    if op.dist == "poisson":
        return 1 + draws.poisson(op.lam)
    if op.dist == "poisson_mean" or share > 0.9999:
        return 1 + draws.poisson(op.lam - 1)
    return 1 + draws.binomial(int((op.lam - 1) / (1 - share)), 1 - share)


def until(holds: Callable[[int, Any], bool], items: list[Any]) -> int:
    """The number of items up to the first for which `holds`; else one is asked for in vain."""
    ends = (i for i, item in enumerate(items, 1) if holds(i, item))
    return next(ends, len(items) + 1)


def filter_reads(op: Any, items: list[Any], k: int) -> int:
    passing = itertools.accumulate(bool(op.predicate(item)) for item in items)
    return until(lambda i, passed: passed == k, list(passing))


def take_while_reads(op: Any, items: list[Any], k: int) -> int:
    return min(k, until(lambda i, item: not op.predicate(item), items))


def row_reads(rows: int, items: list[Any]) -> int:
    return until(lambda i, so_far: so_far >= rows, [*itertools.accumulate(map(row_count, items))])


def shard_reads(op: Any, items: list[Any], k: int) -> int:
    rounds, rest = divmod(k - 1, op.block)
    return (rounds * op.count + op.index) * op.block + rest + 1


def one_each(op: Any, items: Any, k: int) -> int:
    return k


counts = st.integers(1, 5)
counts = counts | counts.map(np.int64)
sizes = st.integers(0, 8)
flags = st.booleans()
names = st.none() | st.text("abc", min_size=1)
entropies = st.none() | st.tuples(st.integers(0, 9))
seeds = st.one_of(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3),
    st.integers(0, 9).map(np.random.RandomState),
    st.integers(0, 9).map(np.random.default_rng),
    st.integers(0, 9).map(np.random.SeedSequence),
)


def pool_weights(pool: Any) -> SearchStrategy[Any]:
    """Weights for a pool: a list, an array, or by name where it has names; none if unknown."""
    if pool is None:
        return st.none()
    size = len(pool)
    values = st.lists(st.sampled_from([0, 0.5, 1, 2, 7]), min_size=size, max_size=size).filter(any)
    if isinstance(pool, Mapping):
        named = values.map(lambda w: dict(zip(reversed(pool), w, strict=True)))
        return st.none() | values | named
    return st.none() | values | values.map(np.array)


place = st.fixed_dictionaries({"tag": flags, "name": names})


def joins(build: Callable[..., Any], *parameters: Any, **named: Any) -> SearchStrategy[Any]:
    return place.flatmap(lambda given: st.builds(build, *parameters, **named, **just(given)))


def just(given: Mapping[str, Any]) -> dict[str, SearchStrategy[Any]]:
    return {name: st.just(value) for name, value in given.items()}


@st.composite
def muxes(draw: Any, kind: str, pool: Any) -> Any:
    dist = draw(st.sampled_from(["poisson", "poisson_mean", "binomial", "constant"]))
    return ops.mux(
        draw(counts),
        draw(st.sampled_from([None, 1, 1.5, 3, 12.0] + [0.4] * (dist in ("poisson", "constant")))),
        weights=draw(pool_weights(pool)),
        every=draw(counts),
        mode=draw(st.sampled_from(["with_replacement", "single_active", "exhaustive"])),
        dist=dist,
        prune_empty=draw(flags),
        random_state=draw(seeds),
        **draw(place),
    )


@st.composite
def shards(draw: Any) -> Any:
    count = draw(counts)
    return ops.shard(draw(st.integers(0, count - 1)), count, block=draw(st.integers(1, 3)))


@st.composite
def movers(draw: Any) -> Any:
    return ops.zmq(
        ahead=draw(st.integers(1, 9)),
        buffer=draw(st.sampled_from([1, "1KB", "64MB"])),
        transport=draw(st.sampled_from(["auto", "auto", "ipc", "tcp"])),
        copy=draw(flags),
    )


@st.composite
def keras(draw: Any) -> Any:
    keys = st.sampled_from([None, "X", "Y", ["X"], ["Y", "X"], ("X", "Y")])
    inputs = draw(keys)
    return ops.keras_tuples(inputs, draw(keys if inputs else keys.filter(bool)))


def batches_of(kind: str) -> SearchStrategy[Any]:
    axes = st.none() if kind in ("numbers", "samples") else st.just(0)
    return st.builds(ops.batch, counts, axes, partial=flags)


@dataclass(frozen=True)
class Operator:
    """A row of the table.

    Parameters
    ----------
    takes : mapping of str to str
        From each kind of element that it takes to the kind that it then gives.
    instances : callable
        From a kind, and the pool where there is one that is known, to a strategy.
    model : callable
        Of an instance and its input, a list, or a list or dict of lists for a pool.
    reads : callable
        Of an instance, its input and k: how many elements it may have read when it was asked k
        times; of a pool, how many of all its streams.
    endless : callable
        Whether an instance may go on for ever.
    """

    takes: Mapping[str, str]
    instances: Callable[[str, Any], SearchStrategy[Any]]
    model: Callable[[Any, Any], Iterable[Any]]
    reads: Callable[[Any, Any, int], int] = one_each
    endless: Callable[[Any], bool] = lambda op: False


def of(strategy: SearchStrategy[Any]) -> Callable[[str, Any], SearchStrategy[Any]]:
    return lambda kind, pool: strategy


ANY = {kind: kind for kind in KINDS}
SEEN = {kind: kind for kind in KINDS[:-1]}  # What predicates can look at.
ROWS = {"batches": "batches", "arrays": "arrays"}
POOL = {"pool": "numbers"}

OPERATORS: dict[str, Operator] = {
    "batch": Operator(
        {"numbers": "arrays", "samples": "batches", **ROWS},
        lambda kind, pool: batches_of(kind),
        batch_model,
        lambda op, items, k: k * op.n,
    ),
    "buffer": Operator(
        ROWS,
        of(st.builds(ops.buffer, counts, partial=flags)),
        buffer_model,
        lambda op, items, k: row_reads(k * op.n, items),
    ),
    "cache": Operator(
        ANY,
        of(
            st.builds(
                ops.cache, counts, st.sampled_from([0.3, 0.5, 1]), random_state=seeds, name=names
            )
        ),
        cache_model,
    ),
    "chain": Operator(
        POOL,
        of(joins(ops.chain, st.sampled_from(["exhaustive", "cycle"]))),
        chain_model,
        endless=lambda op: op.mode == "cycle",
    ),
    "cycle": Operator(
        ANY,
        of(st.builds(ops.cycle, st.none() | st.integers(0, 3), reseed=flags)),
        cycle_model,
        endless=lambda op: op.times is None,
    ),
    "filter": Operator(
        SEEN,
        of(st.builds(ops.filter, st.sampled_from([is_even, is_small]))),
        lambda op, items: [item for item in items if op.predicate(item)],
        filter_reads,
    ),
    "keras_tuples": Operator({"samples": "tuples", "batches": "tuples"}, of(keras()), keras_model),
    "map": Operator(
        {kind: kind for kind in DATA},
        of(st.builds(ops.map, st.just(twice))),
        lambda op, items: [op.function(item) for item in items],
    ),
    "mux": Operator(POOL, muxes, mux_model, endless=lambda op: op.mode != "exhaustive"),
    "prefetch": Operator(
        ANY,
        of(st.builds(ops.prefetch, counts)),
        lambda op, items: items,
        lambda op, items, k: k + op.n,
    ),
    "progress": Operator(
        ANY,
        of(st.builds(ops.progress, st.none() | sizes, desc=st.none() | st.text("abc"))),
        lambda op, items: items,
    ),
    "round_robin": Operator(
        POOL,
        of(
            joins(
                ops.round_robin,
                st.sampled_from(["exhaustive", "cycle", "permuted_cycle"]),
                random_state=seeds,
            )
        ),
        round_robin_model,
        endless=lambda op: op.mode != "exhaustive",
    ),
    "shard": Operator(
        ANY,
        of(shards()),
        lambda op, items: [x for i, x in enumerate(items) if i // op.block % op.count == op.index],
        shard_reads,
    ),
    "shuffle": Operator(
        ANY,
        of(st.builds(ops.shuffle, counts, random_state=seeds, name=names)),
        shuffle_model,
        lambda op, items, k: op.size + k - 1,
    ),
    "shuffled": Operator(
        POOL,
        lambda kind, pool: joins(ops.shuffled, pool_weights(pool), random_state=seeds),
        shuffled_model,
        endless=lambda op: True,
    ),
    "skip": Operator(
        ANY,
        of(st.builds(ops.skip, sizes)),
        lambda op, items: items[op.n :],
        lambda op, items, k: op.n + k,
    ),
    "take": Operator(
        ANY,
        of(st.builds(ops.take, sizes)),
        lambda op, items: items[: op.n],
        lambda op, items, k: min(k, op.n),
    ),
    "take_while": Operator(
        SEEN,
        of(st.builds(ops.take_while, st.sampled_from([is_even, is_small]))),
        take_while_model,
        take_while_reads,
    ),
    "tap": Operator(ANY, of(st.builds(ops.tap, st.just(ignore))), lambda op, items: items),
    "tuples": Operator(
        {"samples": "tuples", "batches": "tuples"},
        of(st.lists(st.sampled_from("XY"), min_size=1, max_size=3).map(lambda k: ops.tuples(*k))),
        lambda op, items: [tuple(item[key] for key in op.keys) for item in items],
    ),
    "unbatch": Operator(
        {"batches": "samples", "arrays": "numbers"},
        of(st.builds(ops.unbatch)),
        unbatch_model,
        lambda op, items, k: row_reads(k, items),
    ),
    "zmq": Operator(
        {kind: kind for kind in KINDS[:-1]},  # Streams are not moved, but what they give.
        of(movers()),
        lambda op, items: items,
        lambda op, items, k: k + op.ahead,
    ),
}


numbers = st.integers(-9, 9)


@st.composite
def samples(draw: Any) -> dict[str, Any]:
    return {"X": np.array([draw(numbers), draw(numbers)], float), "Y": draw(numbers)}


@st.composite
def batches(draw: Any) -> dict[str, Any]:
    rows = draw(st.integers(0, 4))
    start = draw(numbers)
    x = np.arange(start, start + 2 * rows, dtype=float).reshape(rows, 2)
    return {"X": x, "Y": np.arange(rows) + start}


ELEMENTS: dict[str, SearchStrategy[Any]] = {
    "numbers": numbers,
    "samples": samples(),
    "batches": batches(),
    "arrays": batches().map(lambda batch: batch["Y"]),
    "tuples": st.tuples(numbers, numbers),
    "pool": st.lists(numbers, max_size=5),
}


def inputs(kind: str) -> SearchStrategy[Any]:
    """A list of elements of a kind; for a pool a list of lists, or a dict of them by name."""
    if kind != "pool":
        return st.lists(ELEMENTS[kind], max_size=9)
    members = st.lists(ELEMENTS["pool"], min_size=1, max_size=4)
    return members | members.map(lambda pool: dict(zip("abcd", pool, strict=False)))


def sources(items: Any) -> SearchStrategy[Any]:
    """What gives `items`, if it stands on the left of ``|``; the members of a pool likewise.

    Comparable and picklable, for any draw.
    """
    if isinstance(items, Mapping):
        members = st.tuples(*map(sources, items.values()))
        described = members.map(lambda given: dict(zip(items, given, strict=True)))
        return described | described.map(stream)
    if items and all(isinstance(item, list) for item in items):
        described = st.tuples(*map(sources, items))
    else:
        described = st.just(tuple(items))
    return st.one_of(
        described,
        described.map(list),
        described.map(stream),
        described.map(lambda given: stream(each, given)),
        described.map(lambda given: stream(each, items=given) | Pipeline()),
    )


@dataclass(frozen=True)
class Case:
    """An operator, or a pipeline of them, and an input for it, with what it gives by its model."""

    op: Any
    items: Any

    @property
    def steps(self) -> tuple[Any, ...]:
        return self.op.ops if isinstance(self.op, Pipeline) else (self.op,)

    @property
    def endless(self) -> bool:
        """Whether the last step may go on for ever; the others are cut at `LIMIT`."""
        return any(OPERATORS[type(op).__name__].endless(op) for op in self.steps[-1:])

    def between(self) -> list[Any]:
        """What each step is given, and at the end what the last gives."""
        between = [self.items]
        for op in self.steps:
            row = OPERATORS[type(op).__name__]
            given = between[-1] if row.takes is POOL else list(unnamed(between[-1]))
            bound = LIMIT if row.endless(op) else None
            elements = list(itertools.islice(row.model(op, given), bound))
            if isinstance(between[-1], Mapping) and type(op).__name__ in ELEMENTWISE:
                elements = dict(zip(between[-1], elements, strict=True))
            between.append(elements)
        return between

    def expected(self) -> list[Any]:
        """At most `LIMIT` elements of what has no end, and all of what has one."""
        return list(unnamed(self.between()[-1]))

    def reads(self, k: int) -> float:
        """How many inputs may be asked for when it is asked for k; infinite where they come again.

        Of a pool, how many of all its streams.
        """
        steps = list(zip(self.steps, self.between()[:-1], strict=True))
        for place, (op, items) in reversed([*enumerate(steps)]):
            if isinstance(op, Join):
                first = all(isinstance(before, Same) for before in self.steps[:place])
                return k if first else math.inf
            if isinstance(op, ops.cycle) and place:
                return math.inf
            k = OPERATORS[type(op).__name__].reads(op, list(unnamed(items)), k)
        return k


def gives(op: Any, kind: str) -> str:
    """The kind of element that an operator gives."""
    return "tuples" if getattr(op, "tag", False) else OPERATORS[type(op).__name__].takes[kind]


@st.composite
def cases(draw: Any, name: str) -> Case:
    """An operator of a name, and an input that fits it."""
    row = OPERATORS[name]
    kind = draw(st.sampled_from(sorted(row.takes)))
    items = draw(inputs(kind))
    return Case(draw(row.instances(kind, items if kind == "pool" else None)), items)


@st.composite
def pipelines(draw: Any, kind: str = "numbers", pool: Any = None, most: int = 4) -> Any:
    """Up to so many operators that take what the one before gives, the first a kind of element.

    What would go on for ever is followed by a `take`. The empty pipeline is among them. Processes
    are not, which would take most of the time: that they change nothing is a law of its own.
    """
    pipeline = Pipeline()
    for _ in range(draw(st.integers(0, most))):
        steps = [name for name, row in OPERATORS.items() if kind in row.takes and name != "zmq"]
        steps += ["weigh"] * (kind in DATA) + ["spread"] * (kind == "numbers")
        name = draw(st.sampled_from(steps))
        if name == "weigh":
            pipeline, kind = pipeline | ops.map(weight), "numbers"
        elif name == "spread":
            pipeline, kind = pipeline | ops.map(below), "pool"
        else:
            row = OPERATORS[name]
            op = draw(row.instances(kind, pool))
            pipeline, kind = pipeline | op, gives(op, kind)
            if row.endless(op):
                pipeline |= ops.take(draw(st.integers(0, 12)))
        pool = None
    return pipeline


@st.composite
def pipeline_cases(draw: Any) -> Case:
    """A random pipeline, and an input that fits it: no pool runs empty on the way."""
    kind = draw(st.sampled_from(KINDS))
    items = draw(inputs(kind))
    case = Case(draw(pipelines(kind, items if kind == "pool" else None)), items)
    for op, given in zip(case.steps, case.between(), strict=False):
        assume(given or not isinstance(op, Join))
    return case


@st.composite
def streams(draw: Any) -> tuple[Stream[Any], list[Any]]:
    """A stream that ends, and the elements that it has to give."""
    case = draw(pipeline_cases())
    return stream(draw(sources(case.items))) | case.op, case.expected()


NAMED = One, Point, Three
DTYPES = ("?", "i1", "u2", ">i4", "i8", "f4", ">f8", "c8", "U3", "S2", "M8[s]", "m8[D]")


@st.composite
def leaves(draw: Any, leading: tuple[tuple[int, ...], ...]) -> list[Any]:
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(arrays.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3))
    return [draw(arrays.arrays(dtype, (*first, *shape))) for first in leading]


def data_objects(
    leading: Iterable[tuple[int, ...]], dataclasses: bool = False
) -> SearchStrategy[list[Any]]:
    """Data objects of one structure, nested, of arrays of the same row shapes.

    They are dicts, tuples and named tuples, and instances of dataclasses where those are asked for.
    `leading` gives the first dimensions of each object's arrays: ``[()] * n`` for n elements to
    stack, ``[(3,), (0,)]`` for a batch of three rows and one of none.
    """
    leading = tuple(leading)

    def rows(columns: Iterable[Any]) -> Iterator[Any]:
        return zip(*columns, strict=True)

    def nested(inner: SearchStrategy[list[Any]]) -> SearchStrategy[list[Any]]:
        by_key = st.dictionaries(st.sampled_from("abc"), inner, min_size=1).map(
            lambda columns: [dict(zip(columns, row, strict=True)) for row in rows(columns.values())]
        )
        by_place = st.lists(inner, min_size=1, max_size=3).map(lambda columns: list(rows(columns)))
        by_name = by_place.map(lambda objects: [NAMED[len(one) - 1](*one) for one in objects])
        if not dataclasses:
            return by_key | by_place | by_name
        pairs = st.tuples(st.sampled_from([Pair, Frozen, late]), inner, inner)
        instances = pairs.map(lambda pair: [*map(pair[0], pair[1], pair[2])])
        return by_key | by_place | by_name | instances

    return st.recursive(leaves(leading), nested, max_leaves=4)
