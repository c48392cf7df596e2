"""`Stream.length` and what asks for it: what it says of each operator, and that nothing is run."""

from __future__ import annotations

import re
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import strategies
from pescador import ParameterTypeError, Streamer, ops, stream
from pescador.testing import Probe
from readings import elements
from sources import exactly, shown
from strategies import each, is_even


def untouchable(*_: Any) -> Any:
    """A source, or a step, that must not be called."""
    raise AssertionError


LISTS = [[1, 2], [], [3, 4, 5]]
ENDLESS = range(3) | ops.cycle()
UNKNOWN = stream(untouchable)

SOURCES = [
    ([1, 2], 2),
    ((), 0),
    ("abc", 3),
    (b"ab", 2),
    (range(10**12), 10**12),
    ({1, 2}, 2),
    ({"a": [1]}, 1),
    (np.zeros((4, 2)), 4),
    (Streamer([1, 2]), 2),
    (range(3) | ops.take(2), 2),
    (iter("abc"), None),
    (untouchable, None),
]

STEPS = [
    (range(10) | ops.map(untouchable), 10),
    (range(10) | ops.tap(untouchable) | ops.progress(), 10),
    ([{"X": 1}] | ops.tuples("X"), 1),
    ([{"X": 1}] | ops.keras_tuples("X"), 1),
    (range(10) | ops.take(3), 3),
    (range(10) | ops.take(30), 10),
    (ENDLESS | ops.take(3), 3),
    (UNKNOWN | ops.take(3), None),
    (UNKNOWN | ops.take(0), 0),
    (range(10) | ops.skip(3), 7),
    (range(10) | ops.skip(30), 0),
    (ENDLESS | ops.skip(30), inf),
    (UNKNOWN | ops.skip(30), None),
    (range(10) | ops.shard(1, 4), 3),
    (range(10) | ops.shard(1, 2, block=4), 4),
    (ENDLESS | ops.shard(1, 4), inf),
    (range(10) | ops.filter(untouchable), None),
    (() | ops.filter(untouchable), 0),
    (range(10) | ops.take_while(untouchable), None),
    (() | ops.take_while(untouchable), 0),
    (ENDLESS, inf),
    (() | ops.cycle(), 0),
    (UNKNOWN | ops.cycle(), None),
    (UNKNOWN | ops.cycle(0), 0),
    (range(3) | ops.cycle(4), 12),
    (ENDLESS | ops.cycle(4), inf),
    (range(3) | ops.cycle(4, reseed=True), 12),
    (range(9) | ops.cache(2), None),
    (range(9) | ops.cache(2, prob=1), 9),
    (ENDLESS | ops.cache(2), inf),
    (() | ops.cache(2), 0),
    (range(10) | ops.shuffle(3), 10),
    (range(10) | ops.batch(3), 3),
    (range(10) | ops.batch(3, partial=True), 4),
    (ENDLESS | ops.batch(3), inf),
    ([np.zeros(3)] | ops.buffer(2), None),
    (() | ops.buffer(2), 0),
    (range(10) | ops.prefetch(), 10),
    (range(10) | ops.zmq(), 10),
    ([np.zeros(3)] | ops.unbatch(), None),
    (() | ops.unbatch(), 0),
    (stream(range(10)) | untouchable, None),
    (stream(()) | untouchable, None),
]

POOLS = [
    (LISTS | ops.chain(), 5),
    (LISTS | ops.chain("cycle"), inf),
    ([[], ()] | ops.chain("cycle"), 0),
    ([[1], UNKNOWN] | ops.chain(), None),
    ([[1], untouchable] | ops.chain(), None),
    ([[1], ENDLESS] | ops.chain(), inf),
    (range(3) | ops.map(untouchable) | ops.chain(), None),
    ({"a": [1], "b": {"c": 1, "d": 2}} | ops.chain(), 3),
    (LISTS | ops.round_robin(), 5),
    (LISTS | ops.round_robin("permuted_cycle"), inf),
    (LISTS | ops.shuffled(), inf),
    ([[], ()] | ops.shuffled(), 0),
    (LISTS | ops.shuffled([0, 1, 0]), 0),
    (LISTS | ops.shuffled(untouchable), None),
    (LISTS | ops.mux(2), inf),
    (LISTS | ops.mux(2, mode="single_active"), inf),
    ([[], ()] | ops.mux(2), 0),
    (LISTS | ops.mux(2, weights=[0, 1, 0]), 0),
    (LISTS | ops.mux(2, weights=untouchable), None),
    (LISTS | ops.mux(2, None, mode="exhaustive"), 5),
    (LISTS | ops.mux(2, None, mode="exhaustive", weights=[1, 1, 0]), 2),
    (LISTS | ops.mux(2, mode="exhaustive"), None),
    ([[], ()] | ops.mux(2, mode="exhaustive"), 0),
    (LISTS | ops.mux(2, 1.5, mode="exhaustive", dist="constant"), 4),
    ([ENDLESS, [1]] | ops.mux(2, 3, mode="exhaustive", dist="constant"), 4),
    ([ENDLESS, UNKNOWN] | ops.mux(2, 3, mode="exhaustive", dist="constant"), None),
    (dict(zip("abc", LISTS, strict=True)) | ops.mux(2, weights={"c": 1, "a": 0, "b": 0}), inf),
]


@pytest.mark.parametrize(("source", "length"), SOURCES, ids=shown)
def test_of_sources(source: Any, length: Any) -> None:
    assert stream(source).length == length


@pytest.mark.parametrize(("described", "length"), STEPS + POOLS, ids=repr)
def test_of_operators(described: Any, length: Any) -> None:
    assert described.length == length


@given(strategies.streams())
def test_nothing_is_run(drawn: Any) -> None:
    described, _ = drawn
    probe = Probe(range(3))
    for source in (probe, stream(untouchable), stream(each, probe)):
        pool = [source | ops.map(untouchable), described] | ops.round_robin()
        assert pool.length is None
        assert (pool | ops.take(0) | ops.cycle()).length == 0
    assert probe.runs == 0


@given(strategies.streams())
def test_len_is_the_length_where_it_is_a_number(drawn: Any) -> None:
    described, _ = drawn
    assert bool(described)
    assert len([*described]) == len(list(described)) == len(elements(described))
    if described.length is None:
        with pytest.raises(ParameterTypeError, match="its length is unknown"):
            len(described)
    else:
        assert len(described) == described.length == len(elements(described))


@pytest.mark.parametrize(
    ("described", "message"),
    [
        (range(3) | ops.filter(is_even), "filter(is_even) has no len(): its length is unknown"),
        (range(3) | ops.cycle(), "cycle() has no len(): its length is infinite"),
        (stream(untouchable), "stream(untouchable) has no len(): its length is unknown"),
    ],
)
def test_what_has_no_len_says_so(described: Any, message: str) -> None:
    with pytest.raises(TypeError, match=exactly(message)):
        len(described)
    assert bool(described)


def test_an_empty_stream_is_true() -> None:
    """``if stream`` asks whether there is one; what it gives is for ``len``."""
    assert bool(stream(()))
    assert len(stream(())) == 0


@pytest.mark.parametrize(
    ("described", "shown"),
    [
        (range(11) | ops.batch(2) | ops.progress(), "5/5 "),
        (range(11) | ops.progress(22), "11/22 "),
        (range(11) | ops.filter(callable) | ops.progress(), "0it "),
        ((range(11) | ops.progress()).shard(0, 2), "6/6 "),
    ],
    ids=repr,
)
def test_a_progress_bar_has_the_length_for_its_total(
    described: Any, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tqdm")
    list(described)
    last = capsys.readouterr().err.split("\r")[-1]
    assert re.search(rf"(^|\s){re.escape(shown)}", last)
