"""Mixtures that say which stream an element came from, and whose weights change as they run."""

from __future__ import annotations

import functools
import itertools
import pickle
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from pescador import ParameterError, ParameterTypeError, ops, stream
from pescador.testing import Probe
from readings import elements
from sources import Fault
from strategies import OPERATORS, each

BOUND = 60
MIXTURES = ["mux", "shuffled", "round_robin", "chain"]
weighed = pytest.mark.parametrize("name", MIXTURES[:2])


def started(described: Any, bound: int = BOUND) -> list[Any]:
    return elements(described | ops.take(bound))


@st.composite
def pools(draw: Any, name: str) -> tuple[Any, Any]:
    """An operator that mixes, and a pool for it."""
    pool = draw(strategies.inputs("pool"))
    return draw(OPERATORS[name].instances("pool", pool)), pool


@pytest.mark.parametrize("name", MIXTURES)
@given(data=st.data())
def test_tags_name_the_stream_and_change_nothing(name: str, data: st.DataObject) -> None:
    op, pool = data.draw(pools(name))
    plain = started(pool | replace(op, tag=False))
    tagged = started(pool | replace(op, tag=True))
    assert [element for _, element in tagged] == plain
    members = pool if isinstance(pool, dict) else dict(enumerate(pool))
    assert all(element in members[tag] for tag, element in tagged)


def test_tags_of_pools_that_are_made_on_the_way_count() -> None:
    described = range(1, 4) | ops.map(range) | ops.chain(tag=True)
    assert list(described) == [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)]


def test_tags_nest() -> None:
    songs = {"speech": {"a": "x", "b": "y"}, "music": {"c": "z"}}
    classes = {kind: pool | ops.chain(tag=True) for kind, pool in songs.items()}
    assert list(classes | ops.chain(tag=True)) == [
        ("speech", ("a", "x")),
        ("speech", ("b", "y")),
        ("music", ("c", "z")),
    ]


def constantly(weights: Any, drawn: int) -> Any:
    return weights


def steps(table: Any, drawn: int) -> Any:
    """The weights of the last step that is reached."""
    return next(weights for start, weights in reversed(table) if drawn >= start)


@weighed
@given(data=st.data(), every=st.integers(1, 9))
def test_a_constant_function_is_its_constant(name: str, data: st.DataObject, every: int) -> None:
    op, pool = data.draw(pools(name))
    given = data.draw(strategies.pool_weights(pool).filter(lambda weights: weights is not None))
    constant = started(pool | replace(op, weights=given))
    function = functools.partial(constantly, given)
    assert started(pool | replace(op, weights=function, every=every)) == constant


@pytest.mark.parametrize("mode", ["with_replacement", "single_active", "exhaustive"])
@pytest.mark.parametrize("prune_empty", [True, False])
def test_empty_streams_are_as_before_after_each_asking(mode: str, prune_empty: bool) -> None:
    """In single_active a stream that gave nothing may come back, and does so at the same draw."""
    constant, asked = [1, 1, 1], functools.partial(constantly, [1, 1, 1])
    for seed in range(20):
        parameters = {"mode": mode, "prune_empty": prune_empty, "random_state": seed}
        first, second = (
            ["", "ab", "c"] | ops.mux(2, 1, weights=w, every=2, **parameters)
            for w in (constant, asked)
        )
        assert started(first) == started(second)


@weighed
@given(data=st.data(), every=st.integers(1, 9))
def test_until_the_first_change_it_is_constant(name: str, data: st.DataObject, every: int) -> None:
    op, pool = data.draw(pools(name))
    first, then = (
        data.draw(strategies.pool_weights(pool).filter(lambda weights: weights is not None))
        for _ in range(2)
    )
    changing = functools.partial(steps, [(0, first), (every, then)])
    function = pool | replace(op, weights=changing, every=every)
    assert started(function, every) == started(pool | replace(op, weights=first), every)
    again = pickle.loads(pickle.dumps(function))
    assert started(function) == started(function) == started(again)


@weighed
@given(data=st.data(), every=st.integers(1, 9))
def test_only_streams_with_a_weight_give(name: str, data: st.DataObject, every: int) -> None:
    """Whichever they are at the time, and the weights are asked for when they are due."""
    size = data.draw(st.integers(1, 4))
    some = st.lists(st.sampled_from([0, 0, 1, 5]), min_size=size, max_size=size).filter(any)
    table = [(n, data.draw(some)) for n in range(0, BOUND, every)]
    asked = []

    def weights(drawn: int) -> Any:
        asked.append(drawn)
        return steps(table, drawn)

    pool = [list(range(data.draw(st.integers(1, 4)))) for _ in range(size)]
    modes = {"mode": data.draw(st.sampled_from(["with_replacement", "single_active"]))}
    op = data.draw(OPERATORS[name].instances("pool", pool))
    changes = modes if name == "mux" else {}
    described = pool | replace(op, weights=weights, every=every, tag=True, **changes)
    drawn = started(described)
    assert len(drawn) == BOUND
    assert asked == [start for start, _ in table]
    for n, (tag, _) in enumerate(drawn):
        assert steps(table, n)[tag] > 0


@given(data=st.data(), every=st.integers(1, 5))
def test_exhaustive_activates_each_once_whatever_the_weights(
    data: st.DataObject, every: int
) -> None:
    pool = [Probe(range(data.draw(st.integers(1, 6)))) for _ in range(3)]
    some = st.lists(st.sampled_from([0, 1, 5]), min_size=3, max_size=3).filter(any)
    table = [(n, data.draw(some)) for n in range(0, 20, every)]
    op = ops.mux(2, None, mode="exhaustive", weights=functools.partial(steps, table), every=every)
    drawn = list((pool | replace(op, tag=True)).seed(7))
    assert all(probe.runs <= 1 and probe.live == 0 for probe in pool)
    by_stream = {tag: [x for name, x in drawn if name == tag] for tag in range(3)}
    assert all(given == list(range(len(given))) for given in by_stream.values())


ONE_THEN_OTHER = functools.partial(steps, [(0, [1, 0]), (4, [0, 1]), (8, [1, 1])])


@pytest.mark.parametrize(
    "op",
    [
        ops.mux(1, 3, weights=ONE_THEN_OTHER, every=4),
        ops.mux(2, None, weights=ONE_THEN_OTHER, every=4, mode="single_active"),
        ops.shuffled(ONE_THEN_OTHER, every=4),
    ],
    ids=repr,
)
def test_streams_leave_and_enter(op: Any) -> None:
    drawn = "".join((["a" * 99, "b" * 99] | op).seed(7) | ops.take(80))
    assert drawn[:8] == "aaaabbbb"
    assert "a" in drawn[8:]


def test_a_stream_that_leaves_a_mux_is_closed() -> None:
    pool = [Probe(range(99), kept=True) for _ in range(2)]
    op = ops.mux(1, None, weights=ONE_THEN_OTHER, every=4, mode="single_active", random_state=0)
    with iter(pool | op) as run:
        assert list(itertools.islice(run, 4)) == [0, 1, 2, 3]
        assert [probe.live for probe in pool] == [1, 0]
        assert next(run) == 0
        assert [probe.live for probe in pool] == [0, 1]


def test_a_stream_that_comes_back_to_shuffled_goes_on() -> None:
    table = functools.partial(steps, [(0, [1, 0]), (2, [0, 1]), (4, [1, 0])])
    described = [range(9), range(9)] | ops.shuffled(table, every=2, tag=True, random_state=0)
    assert list(described | ops.take(6)) == [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (0, 3)]


def rising(drawn: int) -> dict[str, float]:
    return {"easy": 1, "hard": min(drawn / 1000, 3)}


def test_a_curriculum() -> None:
    pool = {"easy": stream(each, "e"), "hard": stream(each, "h")}
    mixed = pool | ops.shuffled(rising, every=100, random_state=0)
    drawn = list(mixed | ops.take(6000))
    shares = [Counter(drawn[at : at + 1000])["h"] / 1000 for at in (0, 1000, 5000)]
    assert shares == pytest.approx([0.3, 0.6, 0.75], abs=0.05)
    assert set(drawn[:100]) == {"e"}


@weighed
@pytest.mark.parametrize(
    ("weights", "error", "problem"),
    [
        ([1], ParameterError, "weights must be one per stream: 2, not 1"),
        ([1, -1], ParameterError, "weights must be finite and at least 0, not -1.0 for stream 1"),
        ([0, 0], ParameterError, "at least one of the weights must be above 0"),
        ("heavy", ParameterTypeError, "weights must be numbers, one per stream"),
        ({"a": 1, "b": 2}, ParameterError, "weights have names, but the streams of the pool"),
    ],
)
@pytest.mark.parametrize("at", [0, 4])
def test_what_is_no_weight_is_refused(
    name: str, weights: Any, error: Any, problem: str, at: int
) -> None:
    table = functools.partial(steps, [(0, [1, 1]), (at, weights)])
    parameters = {"weights": table, "every": 4, "random_state": 0}
    op = ops.mux(2, **parameters) if name == "mux" else ops.shuffled(**parameters)
    pool = [Probe(range(9), kept=True) for _ in range(2)]
    run = iter(pool | op)
    assert len(list(itertools.islice(run, at))) == at
    with pytest.raises(error, match=rf"^{name}\(.*\): {problem}"):
        next(run)
    assert [probe.live for probe in pool] == [0, 0]


def test_an_error_of_the_function_is_raised_as_it_is() -> None:
    def broken(drawn: int) -> Any:
        if drawn:
            raise Fault(drawn)
        return [1]

    run = iter([range(9)] | ops.mux(1, weights=broken, every=3))
    assert list(itertools.islice(run, 3)) == [0, 1, 2]
    with pytest.raises(Fault, match="3"):
        next(run)


@weighed
@pytest.mark.parametrize("every", [0, True, 1.5])
def test_every_is_a_count(name: str, every: Any) -> None:
    with pytest.raises((ParameterError, ParameterTypeError), match=r"every must be"):
        getattr(ops, name)(2, every=every) if name == "mux" else ops.shuffled(every=every)


def test_descriptions_with_a_function_are_values() -> None:
    described = {"easy": [1], "hard": [2]} | ops.mux(2, weights=rising, every=4)
    names = {**vars(ops), "stream": stream, "rising": rising}
    assert pickle.loads(pickle.dumps(described)) == described == eval(repr(described), names)
    assert repr(described).endswith("| mux(2, weights=rising, every=4)")
