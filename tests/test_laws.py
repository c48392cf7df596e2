"""The laws of streams, each over every operator and over random pipelines of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import strategies
from pescador import DataError, Join, Pipeline, Stream, ops, stream
from pescador.testing import LAWS, Probe, alike, assert_lawful
from strategies import (
    LIMIT,
    OPERATORS,
    Case,
    cases,
    data_objects,
    pipeline_cases,
    pipelines,
    sources,
    streams,
    unnamed,
)

# Of processes there are fewer examples, for starting one takes as long as all the rest.
at_once = [name for name in OPERATORS if name != "zmq"]
over_everything = pytest.mark.parametrize("name", [*at_once, "pipeline"])


def draw_case(data: st.DataObject, name: str) -> Case:
    return data.draw(pipeline_cases() if name == "pipeline" else cases(name))


def assert_gives(described: Any, expected: list[Any], bound: int | None = None) -> None:
    """A stream gives these elements; where they are streams, these lists."""
    given = list(itertools.islice(described, bound))
    assert len(given) == len(expected)
    for one, other in zip(given, expected, strict=True):
        assert alike(list(one), list(other)) if is_stream(other) else alike(one, other)


def is_stream(element: Any) -> bool:
    return isinstance(element, Stream | list | range)


def held_to(law: str) -> Any:
    @over_everything
    @given(data=st.data())
    def test(name: str, data: st.DataObject) -> None:
        case = draw_case(data, name)
        assert_lawful(
            case.op, case.items, laws=[law], reads=case.reads, most=9, names=vars(strategies)
        )

    test.__doc__ = f"{law}: see `pescador.testing.assert_lawful`."
    return test


test_associativity = held_to("associativity")
test_purity = held_to("purity")
test_post = held_to("post")
test_laziness = held_to("laziness")
test_demand = held_to("demand")


@over_everything
@given(data=st.data())
def test_release(name: str, data: st.DataObject) -> None:
    """See `assert_lawful`; and ``close`` closes, whoever else holds on to the runs."""
    case = draw_case(data, name)
    assert_lawful(case.op, case.items, laws=["release"], most=9)
    members = [Probe(item, kept=True) for item in unnamed(case.items) if isinstance(item, list)]
    pool = dict(zip(case.items, members, strict=True)) if isinstance(case.items, dict) else members
    probes = members or [Probe(case.items, kept=True)]
    with iter(stream(pool or probes[0]) | case.op) as run:
        next(run, None)
    assert [probe.live for probe in probes] == [0] * len(probes)


@over_everything
@given(data=st.data())
def test_model(name: str, data: st.DataObject) -> None:
    """An operator says what its model over lists says, whatever gives it the elements."""
    case = draw_case(data, name)
    bound = LIMIT if case.endless else None
    assert_gives(data.draw(sources(case.items)) | case.op, case.expected(), bound)
    assert_gives(case.op(stream(data.draw(sources(case.items)))), case.expected(), bound)


@given(streams(), pipelines("numbers"), pipelines("numbers"), pipelines("numbers"))
def test_pipelines_are_a_monoid(described: Any, f: Any, g: Any, h: Any) -> None:
    nothing = Pipeline()
    assert (f | g) | h == f | (g | h)
    assert hash((f | g) | h) == hash(f | (g | h))
    assert f | nothing == f == nothing | f
    assert described[0] | nothing == described[0]
    assert (range(5) | f) | g == range(5) | (f | g)


@given(streams(), st.integers(0, 5))
def test_purity_of_runs_that_begin_at_any_time(given: Any, at: int) -> None:
    """A run that is begun while others are running, or after one was left, is like any other."""
    described, expected = given
    first = iter(described)
    begun = list(itertools.islice(first, at))
    assert_gives(described, expected)
    assert_gives(itertools.chain(begun, first), expected)


@given(streams())
def test_post_of_streams(given: Any) -> None:
    described, _ = given
    assert_lawful(described, laws=["post", "associativity"], most=9, names=vars(strategies))


def test_laziness_of_sources() -> None:
    """No function is called and no iterator begun before the first element is asked for."""
    called = []

    def source() -> list[int]:
        called.append("source")
        return [1, 2]

    def step(items: Any) -> Any:
        called.append("step")
        return items

    described = stream(source) | step | ops.batch(2)
    run = iter(described)
    assert repr(described)
    assert called == []
    assert alike(list(run), [np.array([1, 2])])
    assert called == ["step", "source"]


@pytest.mark.parametrize(
    ("op", "most_live"),
    [
        (ops.chain("cycle"), 1),
        (ops.mux(2, 3, random_state=0), 2),
        (ops.mux(2, 3, mode="single_active", random_state=0), 2),
        (ops.mux(3, None, mode="exhaustive", random_state=0), 3),
        (ops.round_robin("cycle"), 4),
        (ops.shuffled(random_state=0), 4),
    ],
    ids=repr,
)
def test_release_of_retired_streams(op: Join, most_live: int) -> None:
    """A stream that is retired is closed at once, not when the mixture ends."""
    pool = [Probe(range(10), kept=True) for _ in range(4)]
    with iter(pool | op) as run:
        for _ in itertools.islice(run, 100):
            assert sum(probe.live for probe in pool) <= most_live
    assert sum(probe.live for probe in pool) == 0
    assert sum(probe.runs for probe in pool) >= 4


def numbers_of(path: Path, opened: list[Any]) -> Iterator[int]:
    with path.open() as file:
        opened.append(file)
        yield from map(int, file)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{i}.txt" for i in range(4)]
    for path in paths:
        path.write_text("1\n2\n3\n4\n")
    return paths


LEAVINGS: dict[str, Callable[[Any], None]] = {}


def leaving(function: Callable[[Any], None]) -> Callable[[Any], None]:
    LEAVINGS[function.__name__] = function
    return function


@leaving
def close(described: Any) -> None:
    run = iter(described)
    next(run)
    run.close()


@leaving
def leave_the_context(described: Any) -> None:
    with iter(described) as run:
        next(run)


@leaving
def let_go(described: Any) -> None:
    for _ in described:
        break


@leaving
def raise_an_exception(described: Any) -> None:
    def consume() -> None:
        for _ in described:
            raise LookupError

    with pytest.raises(LookupError):
        consume()


@leaving
def close_twice(described: Any) -> None:
    run = iter(described)
    next(run)
    run.close()
    run.close()


@leaving
def come_to_the_end(described: Any) -> None:
    assert len(list(described | ops.take(12))) == 12


@leaving
def meet_an_element_that_does_not_fit(described: Any) -> None:
    with pytest.raises(DataError):
        list(described | ops.tuples("X"))


@pytest.mark.parametrize("leave", LEAVINGS.values(), ids=[*LEAVINGS])
@pytest.mark.parametrize(
    "op",
    [
        ops.chain(),
        ops.round_robin(),
        ops.shuffled(random_state=0),
        ops.mux(2, None, random_state=0),
        ops.mux(3, None, mode="exhaustive", random_state=0) | ops.shuffle(2, random_state=0),
        ops.round_robin() | ops.batch(1) | ops.unbatch() | ops.cycle(),
    ],
    ids=repr,
)
def test_release_of_files(op: Any, leave: Any, files: list[Path]) -> None:
    """However a consumer leaves, no file stays open."""
    opened: list[Any] = []
    leave([stream(numbers_of, path, opened) for path in files] | op)
    assert opened
    assert all(file.closed for file in opened)


def test_release_where_a_finally_fails() -> None:
    """One source that fails to close does not keep the others from it, and its error is told."""

    def failing() -> Iterator[int]:
        try:
            yield from itertools.repeat(0)
        finally:
            raise OSError("the disk is gone")

    others = [Probe(range(9), kept=True) for _ in range(2)]
    run = iter([others[0], failing, others[1]] | ops.round_robin())
    assert [next(run) for _ in range(3)] == [0, 0, 0]
    with pytest.raises(OSError, match="the disk is gone"):
        run.close()
    assert [probe.live for probe in others] == [0, 0]


def test_release_leaves_what_was_begun_by_another() -> None:
    """A started iterator is its owner's: runs continue it and never close it."""
    letters = (letter for letter in "abcdef")
    described = stream(letters) | ops.take(2) | ops.tap(ord)
    assert [list(described), list(described)] == [["a", "b"], ["c", "d"]]
    with iter(described) as run:
        assert next(run) == "e"
    assert next(letters) == "f"


@pytest.mark.processes
@pytest.mark.parametrize("law", LAWS)
@settings(max_examples=5)
@given(data=st.data())
def test_laws_of_processes(law: str, data: st.DataObject) -> None:
    case = draw_case(data, "zmq")
    assert_lawful(case.op, case.items, laws=[law], reads=case.reads, most=5, names=vars(strategies))
    assert (case.items | case.op).length == len(case.items)


@pytest.mark.processes
@settings(max_examples=20)
@given(streams(), strategies.movers())
def test_transport(given: Any, moved: Any) -> None:
    """Moving a stream to another process changes nothing but time; so does a thread."""
    described, expected = given
    assume(not any(map(is_stream, expected)))  # What is described is moved, not descriptions.
    assert_gives(described | moved, expected)
    assert_gives(described | ops.prefetch(moved.ahead), expected)


@pytest.mark.processes
@settings(max_examples=20)
@given(st.lists(data_objects([()] * 2, dataclasses=True), max_size=4), strategies.movers())
def test_transport_of_data_objects(groups: list[list[Any]], moved: Any) -> None:
    """Whatever the structure, and however often it changes on the way."""
    elements = list(itertools.chain(*groups))
    assert_gives(elements | moved, elements)
    assert_gives(elements | replace(moved, workers=2, ahead=moved.ahead + 1), elements)


samples = st.lists(strategies.ELEMENTS["numbers"], max_size=12)
small = st.integers(0, 6)
least_one = st.integers(1, 5)


def equal(one: Any, other: Any) -> None:
    assert alike(list(one), list(other))


@given(samples, small, small)
def test_take_and_skip(items: list[int], m: int, n: int) -> None:
    equal(items | ops.take(m) | ops.take(n), items | ops.take(min(m, n)))
    equal(items | ops.skip(m) | ops.skip(n), items | ops.skip(m + n))
    equal(items | ops.take(m + n) | ops.skip(m), items | ops.skip(m) | ops.take(n))
    equal([items | ops.take(n), items | ops.skip(n)] | ops.chain(), items)


@given(samples)
def test_map_and_filter(items: list[int]) -> None:
    twice, even, few = strategies.twice, strategies.is_even, strategies.is_small
    equal(items | ops.map(twice) | ops.map(twice), items | ops.map(lambda x: twice(twice(x))))
    equal(
        items | ops.filter(even) | ops.filter(few),
        items | ops.filter(lambda x: even(x) and few(x)),
    )
    equal(items | ops.take_while(even) | ops.filter(even), items | ops.take_while(even))
    equal(items | ops.tap(ord_or_none) | ops.progress(), items)


def ord_or_none(element: Any) -> None:
    """What a tap may do."""


@given(samples, small, small, st.integers(0, 40))
def test_cycle(items: list[int], m: int, n: int, bound: int) -> None:
    equal(items | ops.cycle(m) | ops.cycle(n), items | ops.cycle(m * n))
    equal(items | ops.cycle(1), items)
    endless = items | ops.cycle()
    equal(endless | ops.take(bound), itertools.islice(itertools.cycle(items), bound))
    equal(endless | ops.cycle() | ops.take(bound), endless | ops.take(bound))
    equal([items | ops.cycle(n)] * m | ops.chain() if m else [], items | ops.cycle(m * n))


@given(samples, least_one, st.data())
def test_shard(items: list[int], count: int, data: st.DataObject) -> None:
    shards = [items | ops.shard(index, count) for index in range(count)]
    equal(shards | ops.round_robin(), items)
    index, deeper = data.draw(st.integers(0, count - 1)), data.draw(least_one)
    equal(shards[index] | ops.shard(0, deeper), items | ops.shard(index, count * deeper))


@given(strategies.inputs("batches"), least_one, least_one)
def test_buffer(batches: list[Any], m: int, n: int) -> None:
    rows = batches | ops.unbatch()
    equal(batches | ops.buffer(n, partial=True) | ops.unbatch(), rows)
    equal(batches | ops.buffer(n) | ops.buffer(n), batches | ops.buffer(n))
    equal(batches | ops.buffer(m, partial=True) | ops.buffer(n), batches | ops.buffer(n))
    equal(rows | ops.batch(n), batches | ops.buffer(n))


@given(strategies.inputs("batches"), least_one, least_one)
def test_batch(batches: list[Any], m: int, n: int) -> None:
    rows = list(batches | ops.unbatch())
    equal(rows | ops.batch(n, partial=True) | ops.unbatch(), rows)
    equal(rows | ops.batch(m) | ops.batch(n, axis=0), rows | ops.batch(m * n))
    equal(batches | ops.batch(n, axis=0, partial=True) | ops.unbatch(), rows)


@given(samples, least_one, strategies.seeds)
def test_shuffle_and_cache(items: list[int], size: int, seed: Any) -> None:
    assert sorted(items | ops.shuffle(size, random_state=seed)) == sorted(items)
    equal(items | ops.shuffle(1, random_state=seed), items)
    assert {*(items | ops.cache(size, random_state=seed))} <= {*items}
    equal(items | ops.cache(1, 1.0, random_state=seed), items)


@given(samples.filter(bool), strategies.seeds)
def test_a_pool_of_one(items: list[int], seed: Any) -> None:
    for mode in ("with_replacement", "single_active"):
        mixture = [items] | ops.mux(1, 3, mode=mode, random_state=seed)
        assert {*(mixture | ops.take(20))} <= {*items}
    equal([items] | ops.mux(2, None, mode="exhaustive", random_state=seed), items)
    equal([items] | ops.mux(1, None, random_state=seed) | ops.take(30), items | first(30))
    equal([items] | ops.shuffled(random_state=seed) | ops.take(30), items | first(30))
    equal([items] | ops.round_robin(), items)
    equal([items] | ops.round_robin("cycle") | ops.take(30), items | first(30))
    equal([items] | ops.chain(), items)


def first(n: int) -> Any:
    return ops.cycle() | ops.take(n)


@given(st.lists(samples, min_size=1, max_size=4), strategies.seeds)
def test_mixtures_lose_nothing(pool: list[list[int]], seed: Any) -> None:
    """Each stream's elements come in their order, and all of them, where no quota ends it."""
    everything = sorted(itertools.chain(*pool))
    mixture = pool | ops.mux(2, None, mode="exhaustive", tag=True, random_state=seed)
    tagged = list(mixture)
    for index, items in enumerate(pool):
        assert [item for name, item in tagged if name == index] == items
    assert sorted(pool | ops.round_robin()) == everything == sorted(pool | ops.chain())


@given(st.lists(st.lists(samples, min_size=1, max_size=3), min_size=1, max_size=3))
def test_chain_of_chains(pools: list[list[list[int]]]) -> None:
    equal(
        [pool | ops.chain() for pool in pools] | ops.chain(),
        pools | ops.chain() | ops.chain(),
    )


@over_everything
@given(data=st.data())
def test_length_never_lies(name: str, data: st.DataObject) -> None:
    case = draw_case(data, name)
    described = data.draw(sources(case.items)) | case.op
    length = described.length
    given = sum(1 for _ in itertools.islice(described, LIMIT))
    assert length is None or min(length, LIMIT) == given
