"""The functions of pescador 2 and 3: each is an operator, applied at once to a stream."""

from __future__ import annotations

import inspect
import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pescador
from pescador import DataError, PescadorError, Streamer, maps, ops

NAMES = ["buffer_stream", "cache", "keras_tuples", "tuples"]


def samples(n):
    for i in range(n):
        yield {"X": np.full(3, i), "Y": np.array(i % 2)}


def test_they_are_in_pescador_and_in_maps():
    assert sorted(maps.__all__) == NAMES
    assert all(getattr(pescador, name) is getattr(maps, name) for name in NAMES)
    assert {function.__name__ for function in maps.FUNCTIONS} == {*NAMES}


@given(
    n=st.integers(0, 9),
    size=st.integers(1, 4),
    partial=st.booleans(),
    axis=st.none() | st.just(0) | st.just(-1),
)
def test_buffer_stream_is_batch(n, size, partial, axis):
    elements = [{"X": np.full((2, 3), i)} for i in range(n)]
    ours = [*pescador.buffer_stream(elements, size, partial, axis)]
    np.testing.assert_equal(ours, [*(elements | ops.batch(size, axis, partial=partial))])
    assert len(ours) == n // size + (partial and n % size > 0)


@given(n=st.integers(0, 9), keys=st.lists(st.sampled_from("XY"), min_size=1, max_size=3))
def test_tuples_is_tuples(n, keys):
    elements = [{"X": i, "Y": -i} for i in range(n)]
    ours = [*pescador.tuples(elements, *keys)]
    assert ours == [*(elements | ops.tuples(*keys))]
    assert ours == [tuple(element[key] for key in keys) for element in elements]


side = st.none() | st.sampled_from("XY") | st.lists(st.sampled_from("XY"), min_size=1, max_size=2)


@given(n=st.integers(0, 9), inputs=side, outputs=side.filter(bool))
def test_keras_tuples_is_keras_tuples(n, inputs, outputs):
    elements = [{"X": i, "Y": -i} for i in range(n)]
    ours = [*pescador.keras_tuples(elements, inputs, outputs)]
    assert ours == [*(elements | ops.keras_tuples(inputs, outputs))]
    assert len(ours) == n


@given(
    n=st.integers(0, 30),
    size=st.integers(1, 5),
    prob=st.floats(0.2, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_cache_is_cache(n, size, prob, seed):
    ours = [*pescador.cache(range(n), size, prob, seed)]
    assert ours == [*(range(n) | ops.cache(size, prob, random_state=seed))]
    assert ours[:size] == [*range(n)][:size]


CALLS = {
    "buffer_stream": lambda stream: pescador.buffer_stream(stream, 2),
    "tuples": lambda stream: pescador.tuples(stream, "X"),
    "keras_tuples": lambda stream: pescador.keras_tuples(stream, "X"),
    "cache": lambda stream: pescador.cache(stream, 2, random_state=0),
}


@pytest.fixture(params=CALLS.values(), ids=CALLS.keys())
def call(request):
    return request.param


@pytest.mark.parametrize(
    "source",
    [
        "[*samples(6)]",
        "samples(6)",
        "Streamer(samples, 6)",
        "Streamer(samples, 6).iterate()",
        "Streamer(samples, 9)(max_iter=6)",
        "pescador.stream(samples, 6)",
    ],
)
def test_any_iterable_is_a_stream(call, source):
    np.testing.assert_equal([*call(eval(source))], [*call([*samples(6)])])


def test_they_give_generators(call):
    assert inspect.isgenerator(call(Streamer(samples, 6)))


def test_they_fit_in_a_streamer(call):
    wrapped = Streamer(call(Streamer(samples, 6)))
    assert next(wrapped()) is not None
    again = Streamer(pescador.tuples, Streamer(samples, 6), "X")
    assert len([*again.cycle(20)]) == 20


def test_nothing_is_read_before_the_first_element_is_asked_for(call):
    def source():
        read.append(True)
        yield from samples(6)

    read = []
    run = call(Streamer(source))
    assert not read
    next(run)
    assert read


def test_closing_closes_what_they_started(call):
    streamer = Streamer(samples, 6)
    run = call(streamer)
    next(run)
    assert streamer.active == 1
    run.close()
    assert streamer.active == 0


def test_a_started_generator_stays_the_callers(call):
    source = samples(30)
    run = call(source)
    next(run)
    run.close()
    assert next(source)["X"].shape == (3,)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("pescador.buffer_stream('ab', 0)", "batch(0): n must be at least 1, not 0"),
        ("pescador.buffer_stream('ab', 2.5)", "n must be a whole number, not 2.5"),
        ("pescador.buffer_stream('ab', 2, axis=0.5)", "axis must be an int or None, not 0.5"),
        ("pescador.buffer_stream('ab', 2, partial=None)", "partial must be True or False"),
        ("pescador.tuples('ab')", "tuples(): at least one key must be given"),
        ("pescador.keras_tuples('ab')", "at least one key must be given, as input or output"),
        ("pescador.keras_tuples('ab', [], '')", "at least one key must be given"),
        ("pescador.keras_tuples('ab', 5)", "inputs must be a str, a sequence of str, or None"),
        ("pescador.cache('ab', 0)", "size must be at least 1, not 0"),
        ("pescador.cache('ab', 2, prob=0)", "prob must lie in (0, 1], not 0"),
        ("pescador.cache('ab', 2, prob=1.5)", "prob must lie in (0, 1], not 1.5"),
        ("pescador.cache('ab', 2, random_state='a')", "random_state must be None, an int"),
    ],
)
def test_parameters_are_refused_by_the_call(expression, message):
    with pytest.raises(PescadorError, match=re.escape(message)) as caught:
        eval(expression)
    assert isinstance(caught.value, ValueError | TypeError)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("pescador.tuples([{'X': 1}, 5], 'X')", "tuples('X'): element 1: int 5 is not a mapping"),
        ("pescador.keras_tuples([{'X': 1}, 5], 'X')", "element 1: int 5 is not a mapping"),
        ("pescador.buffer_stream([{'X': 1}] * 2 + [{'X': 1}, 5], 2)", "batch(2): element 3: int 5"),
    ],
)
def test_an_element_that_does_not_fit_is_named(call, message):
    run = eval(call)
    next(run)
    with pytest.raises(DataError, match=re.escape(message)):
        next(run)


@pytest.mark.parametrize("call", ["tuples(source, 'Z')", "keras_tuples(source, None, ['X', 'Z'])"])
def test_a_missing_key_is_a_key_error_too(call):
    run = eval(f"pescador.{call}", None, {"pescador": pescador, "source": [{"X": 1}]})
    with pytest.raises(KeyError, match="key 'Z': is missing; the element has") as caught:
        next(run)
    assert isinstance(caught.value, DataError)


def test_an_endless_stream_is_read_as_it_is_asked_for():
    endless = Streamer(samples, 3).cycle()
    assert len([*itertools.islice(pescador.buffer_stream(endless, 2), 10)]) == 10
