"""The documented classes and functions: names, counts of live runs, and nothing of their own."""

from __future__ import annotations

import copy
import gc
import inspect
import itertools
import pickle
import re
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pescador
from pescador import (
    BufferedStreamer,
    ChainMux,
    DataError,
    Mux,
    ParameterError,
    ParameterTypeError,
    PescadorError,
    RoundRobinMux,
    ShuffledMux,
    StochasticMux,
    Streamer,
    ops,
    stream,
    streamable,
)
from pescador.ops.mixing import stochastic_mux


def count(n):
    yield from range(n)


def batches(n, rows=2):
    for i in range(n):
        yield {"X": np.full((rows, 3), i), "Y": np.arange(rows)}


@streamable
def counted(n, start=0):
    """From `start`."""
    yield from range(start, n)


def beginning(items, n=60):
    """As much as is compared of what may have no end."""
    return [*itertools.islice(items, n)]


FACADES = {
    "Streamer": lambda: Streamer(batches, 3),
    "BufferedStreamer": lambda: BufferedStreamer(Streamer(batches, 3), 2),
    "Mux": lambda: Mux([stream(batches, 3)], 1, random_state=0),
    "StochasticMux": lambda: StochasticMux([stream(batches, 3)], 1, 4, random_state=0),
    "ShuffledMux": lambda: ShuffledMux([stream(batches, 3)], random_state=0),
    "RoundRobinMux": lambda: RoundRobinMux([stream(batches, 3)]),
    "ChainMux": lambda: ChainMux([stream(batches, 3)]),
    "streamable": lambda: counted(3),
}


@pytest.fixture(params=FACADES.values(), ids=FACADES.keys())
def facade(request):
    return request.param()


SIGNATURES = {
    Streamer: "(streamer, *args, **kwargs)",
    BufferedStreamer: "(streamer, buffer_size, strict_batch_size=True)",
    Mux: (
        "(seed_pool, k, lam=256.0, pool_weights=None, with_replacement=True, "
        "prune_empty_seeds=True, revive=False, random_state=None)"
    ),
    pescador.mux: (
        "(seed_pool, n_samples, k, lam=256.0, pool_weights=None, with_replacement=True, "
        "prune_empty_seeds=True, revive=False)"
    ),
    StochasticMux: (
        "(streamers, n_active, rate, weights=None, mode='with_replacement', "
        "prune_empty_streams=True, dist='binomial', random_state=None)"
    ),
    ShuffledMux: "(streamers, weights=None, random_state=None)",
    RoundRobinMux: "(streamers, mode='exhaustive', random_state=None)",
    ChainMux: "(streamers, mode='exhaustive', random_state=None)",
    streamable: "(function)",
    pescador.buffer_stream: "(stream, buffer_size, partial=False, axis=None)",
    pescador.tuples: "(stream, *keys)",
    pescador.keras_tuples: "(stream, inputs=None, outputs=None)",
    pescador.cache: "(stream, n_cache, prob=0.5, random_state=None)",
    Streamer.generate: "(self, max_batches=None)",
    Streamer.iterate: "(self, max_iter=None)",
    Streamer.cycle: "(self, max_iter=None)",
    Streamer.tuples: "(self, *items, cycle=False, max_batches=None)",
    Streamer.__call__: "(self, max_batches=None, cycle=False, *, max_iter=None, max_items=None)",
    Streamer.activate: "(self)",
    Streamer.deactivate: "(self)",
}


@pytest.mark.parametrize("function", SIGNATURES, ids=lambda function: function.__qualname__)
def test_signatures(function):
    signature = inspect.signature(function)
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
    ]
    assert str(inspect.Signature(bare)) == SIGNATURES[function]


@pytest.mark.parametrize(
    "cls", [BufferedStreamer, Mux, StochasticMux, ShuffledMux, RoundRobinMux, ChainMux]
)
def test_the_classes_are_streamers_and_describe_only(cls):
    assert issubclass(cls, Streamer)
    assert {name for name, member in vars(cls).items() if callable(member)} == {"__init__"}


class Letters:
    def __iter__(self):
        return iter("abc")

    def upper(self, times):
        for _ in range(times):
            yield from "ABC"


ARRAY = np.arange(6).reshape(3, 2)
COUNT_3 = partial(count, 3)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("count, 3", [0, 1, 2]),
        ("count, n=3", [0, 1, 2]),
        ("range(3)", [0, 1, 2]),
        ("[0, 1]", [0, 1]),
        ("'abc'", ["a", "b", "c"]),
        ("Letters()", ["a", "b", "c"]),
        ("Letters().upper, 1", ["A", "B", "C"]),
        ("COUNT_3", [0, 1, 2]),
        ("Streamer(count, 3)", [0, 1, 2]),
        ("stream(count, 3)", [0, 1, 2]),
        ("{'a': 1, 'b': 2}", [1, 2]),
        ("Streamer(count, 3).cycle, 4", [0, 1, 2, 0]),
        ("Streamer(count, 3).iterate", [0, 1, 2]),
        ("Streamer([{'X': 1}]).tuples, 'X'", [(1,)]),
        ("pescador.tuples, [{'X': 1}], 'X'", [(1,)]),
        ("pescador.keras_tuples, [{'X': 1}], 'X'", [(1, None)]),
        ("pescador.cache, range(3), 4", [0, 1, 2]),
        ("pescador.mux, ['aaa'], 2, 1", ["a", "a"]),
    ],
)
def test_sources(source, expected):
    streamer = eval(f"Streamer({source})")
    assert [*streamer] == [*streamer()] == expected


def test_rows_of_an_array():
    np.testing.assert_array_equal([*Streamer(ARRAY)], ARRAY)


def test_a_started_generator_goes_on():
    streamer = Streamer(count(5))
    assert [*streamer(2)] == [0, 1]
    assert [*streamer()] == [2, 3, 4]
    assert [*streamer()] == []


def test_pescadors_own_functions():
    pool = [Streamer(count, 5).cycle() for _ in range(4)]
    assert len([*Streamer(pescador.mux, pool, 1000, 2, lam=16)]) == 1000
    buffered = Streamer(pescador.buffer_stream, Streamer(batches, 20), 10)
    assert [batch["X"].shape for batch in buffered] == [(10, 2, 3)] * 2


def assert_refused(expression, message, *kinds):
    with pytest.raises(PescadorError, match=re.escape(message)) as caught:
        eval(expression)
    assert all(isinstance(caught.value, kind) for kind in kinds)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("Streamer(5)", "Streamer(5): must be an iterable or a generator function"),
        ("Streamer(None)", "Streamer(None): must be"),
        ("Streamer(zip, 'ab')", "Streamer(zip): must be an iterable or a generator function"),
        ("Streamer(lambda: [1])", "for any other function that returns an iterable write"),
        ("Streamer([1], 2)", "not callable, so it takes no arguments"),
        ("Streamer(ops.take(2))", "Streamer(take(2)): must be"),
        ("BufferedStreamer(5, 2)", "Streamer(5): must be"),
        ("BufferedStreamer('ab', 2.0)", "buffer(2.0): n must be a whole number, not 2.0"),
        ("BufferedStreamer('ab', True)", "n must be a whole number, not True"),
        ("BufferedStreamer('ab', 2, 1)", "strict_batch_size must be True or False, not 1"),
        ("Mux(5, 1)", "Streamer(5): must be"),
        ("Mux([5], 1)", "stream 0 of the pool is 5, which cannot be iterated"),
        ("Mux('ab', 1.5)", "k must be a whole number, not 1.5"),
        ("Mux('ab', 1, lam='16')", "lam must be a number, not '16'"),
        ("Mux('ab', 1, pool_weights='ab')", "weights must be numbers, one per stream"),
        ("Mux('ab', 1, with_replacement=None)", "with_replacement must be True or False"),
        ("Mux('ab', 1, prune_empty_seeds=0)", "prune_empty must be True or False, not 0"),
        ("Mux('ab', 1, revive=1)", "revive must be True or False, not 1"),
        ("Mux('ab', 1, random_state='0')", "random_state must be None, an int"),
        ("pescador.mux('ab', 1.0, 1)", "take(1.0): n must be a whole number, not 1.0"),
        ("Streamer('ab')(max_batches=1e3)", "n must be a whole number, not 1000.0"),
        ("Streamer('ab').generate(True)", "n must be a whole number, not True"),
        ("Streamer('ab')(2, max_iter=2)", "max_batches, max_iter and max_items are one"),
        ("streamable(5)", "Streamer(5): must be"),
    ],
)
def test_refused_for_the_type(expression, message):
    assert_refused(expression, message, ParameterTypeError, TypeError)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("BufferedStreamer('ab', 0)", "buffer(0): n must be at least 1, not 0"),
        ("Mux([], 1)", "the pool is empty"),
        ("Mux('ab', 0)", "k must be at least 1, not 0"),
        ("Mux('ab', 1, lam=0)", "lam must be above 0 or None, not 0"),
        ("Mux('ab', 1, pool_weights=[1])", "weights must be one per stream: 2, not 1"),
        ("Mux('ab', 1, pool_weights=[0, 0])", "at least one of the weights must be above 0"),
        ("Mux('ab', 1, pool_weights=[1, -1])", "weights must be finite and at least 0"),
        ("Mux('ab', 1, random_state=-1)", "random_state must lie in"),
        ("StochasticMux([], 1, 1)", "the pool is empty"),
        ("StochasticMux('ab', 1, 0.5)", "lam must be at least 1 or None, not 0.5"),
        ("StochasticMux('ab', 1, 1, mode='once')", "mode must be one of"),
        ("StochasticMux('ab', 1, 1, dist='poisson_mean')", "dist must be one of 'binomial'"),
        ("StochasticMux('ab', 3, 1, mode='exhaustive')", "k be at most the 2 streams"),
        ("ShuffledMux([])", "the pool is empty"),
        ("ShuffledMux('ab', weights=[1, np.nan])", "weights must be finite"),
        ("RoundRobinMux([])", "the pool is empty"),
        ("RoundRobinMux('ab', mode='permuted')", "mode must be one of"),
        ("ChainMux('ab', mode='permuted_cycle')", "mode must be one of"),
        ("Streamer('ab').tuples()", "tuples(): at least one key must be given"),
        ("Streamer('ab')(-1)", "n must be at least 0, not -1"),
        ("Streamer('ab').cycle(-1)", "n must be at least 0, not -1"),
    ],
)
def test_refused_for_the_value(expression, message):
    assert_refused(expression, message, ParameterError, ValueError)


def test_a_function_that_gives_nothing_is_named_when_it_is_run():
    streamer = Streamer(stream(dict.get, {}, "missing"))
    with pytest.raises(DataError, match=r"gave None, which cannot be iterated"):
        next(streamer())


def test_each_call_is_a_run():
    streamer = Streamer(count, 3)
    assert [*streamer] == [*streamer()] == [*streamer.generate()] == [*streamer.iterate()]
    assert [*zip(streamer, streamer, strict=True)] == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize("name", ["max_batches", "max_iter", "max_items"])
@pytest.mark.parametrize("n", [0, 2, np.int64(2), 3, 9])
def test_bounds(name, n):
    streamer = Streamer(count, 3)
    assert [*streamer(**{name: n})] == [*range(3)][:n]
    assert [*streamer(cycle=True, **{name: n})] == [0, 1, 2, 0, 1, 2, 0, 1, 2][:n]


def test_bounds_by_place():
    streamer = Streamer(count, 3)
    assert [*streamer(2)] == [*streamer.generate(2)] == [*streamer.iterate(2)] == [0, 1]
    assert [*streamer(4, True)] == [*streamer.cycle(4)] == [0, 1, 2, 0]


def test_a_bounded_run_reads_no_more():
    read = []

    def source():
        for i in range(9):
            read.append(i)
            yield i

    assert [*Streamer(source)(2)] == [0, 1]
    assert read == [0, 1]


def test_cycle_ends_where_there_is_nothing():
    assert [*Streamer(count, 0).cycle()] == []


def test_tuples():
    streamer = Streamer([{"X": 1, "Y": 2}, {"X": 3, "Y": 4}])
    assert [*streamer.tuples("X")] == [(1,), (3,)]
    assert [*streamer.tuples("Y", "X")] == [(2, 1), (4, 3)]
    assert [*streamer.tuples("X", max_batches=1)] == [(1,)]
    assert [*streamer.tuples("X", cycle=True, max_batches=3)] == [(1,), (3,), (1,)]
    assert beginning(streamer.tuples("X", cycle=True), 5) == [(1,), (3,), (1,), (3,), (1,)]


def test_tuples_of_a_missing_key():
    with pytest.raises(KeyError) as caught:
        next(Streamer([{"X": 1}]).tuples("Z"))
    assert isinstance(caught.value, DataError)


def test_runs_are_generators(facade):
    """Keras looks, and takes nothing else."""
    runs = [facade(), facade.generate(), facade.iterate(), facade.cycle(), iter(facade)]
    assert all(map(inspect.isgenerator, runs))
    assert inspect.isgenerator(facade.tuples("X"))


def test_a_run_counts_from_its_first_element_until_it_ends(facade):
    assert facade.active == 0
    run = facade(max_batches=2)
    assert not facade.active
    next(run)
    assert facade.active == 1
    next(run)
    assert facade.active == 1
    assert next(run, None) is None
    assert facade.active == 0


def test_a_run_counts_until_it_is_closed(facade):
    run = facade()
    next(run)
    run.close()
    assert facade.active == 0


def test_a_run_counts_until_it_is_left_behind(facade):
    next(facade())
    gc.collect()  # Where there is no counting of references.
    assert facade.active == 0


def test_a_run_counts_until_it_fails():
    def broken():
        yield 1
        raise OSError("broken")

    streamer = Streamer(broken)
    run = streamer()
    next(run)
    with pytest.raises(OSError, match="broken"):
        next(run)
    assert streamer.active == 0


def test_runs_count_independently(facade):
    runs = [facade(), facade.cycle(), facade.generate()]
    for live, run in enumerate(runs, 1):
        next(run)
        assert facade.active == live
    for live, run in zip([2, 1, 0], runs, strict=True):
        run.close()
        assert facade.active == live


def test_activation_by_hand(facade):
    facade.activate()
    with facade as itself:
        assert itself is facade
        assert facade.active == 2
    assert facade.active == 1
    facade.deactivate()
    facade.deactivate()
    assert facade.active == 0


def test_closing_a_run_closes_its_source():
    closed = []

    def source():
        try:
            yield from itertools.count()
        finally:
            closed.append(True)

    run = Streamer(Streamer(source)).cycle()
    next(run)
    assert not closed
    run.close()
    assert closed


def test_it_joins_as_its_stream(facade):
    assert facade | ops.take(2) == facade.stream | ops.take(2)
    assert stream(facade) is facade.stream
    assert Streamer(facade).stream is facade.stream


def test_it_prints_as_its_stream(facade):
    assert repr(facade) == repr(facade.stream)


def test_prints():
    assert repr(Streamer(count, 3)) == "stream(count, 3)"
    assert repr(BufferedStreamer("ab", 2, False)) == "stream('ab') | buffer(2, partial=True)"
    assert repr(Mux(["ab"], 1, 4)) == "stream(('ab',)) | mux(1, lam=4)"
    assert repr(counted(3, start=1)) == "stream(counted, 3, start=1)"


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda facade: pickle.loads(pickle.dumps(facade))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies(facade, copied):
    run = facade()
    next(run)
    other = copied(facade)
    assert type(other) is type(facade)
    assert other.stream == facade.stream
    assert (facade.active, other.active) == (1, 0)
    np.testing.assert_equal(beginning(other), beginning(facade))


def test_attributes_of_the_source():
    streamer = Streamer(count, 3)
    assert streamer.generator is streamer.streamer is count
    assert (streamer.args, streamer.kwargs) == ((3,), {})
    assert Streamer(count, n=3).kwargs == {"n": 3}
    assert Streamer("abc").generator == "abc"


def test_streamable():
    assert counted.__name__ == "counted"
    assert counted.__doc__ == "From `start`."
    assert [*inspect.signature(counted).parameters] == ["n", "start"]
    assert [*counted(3).cycle(4)] == [0, 1, 2, 0]
    assert [*counted(3, start=1)] == [1, 2]
    with pytest.raises(TypeError, match="unexpected keyword argument 'stop'"):
        next(counted(3, stop=1)())


@st.composite
def pools(draw):
    lengths = draw(st.lists(st.integers(0, 6), min_size=1, max_size=5))
    return [[(i, j) for j in range(n)] for i, n in enumerate(lengths)]


@st.composite
def weighted_pools(draw):
    pool = draw(pools())
    weight = st.floats(0.1, 10)
    return pool, draw(st.none() | st.lists(weight, min_size=len(pool), max_size=len(pool)))


seeds = st.integers(0, 2**32 - 1)
bounds = st.none() | st.integers(0, 20)


def assert_is(facade, expression):
    """It describes what the expression does, and each of its runs is one of the expression."""
    assert facade.stream == expression
    expected = beginning(expression)
    assert beginning(facade) == beginning(facade()) == expected
    assert beginning(facade.generate()) == beginning(facade.iterate()) == expected
    expected = beginning(expression | ops.cycle())
    assert beginning(facade.cycle()) == beginning(facade(cycle=True)) == expected


@given(n=st.integers(0, 9), bound=bounds)
def test_streamer_is_stream(n, bound):
    assert_is(Streamer(count, n), stream(count, n))
    assert [*Streamer(count, n)(bound)] == [*range(n)][:bound]


@given(rows=st.lists(st.integers(1, 7), max_size=6), size=st.integers(1, 9), strict=st.booleans())
def test_buffered_streamer_is_buffer(rows, size, strict):
    chunks = [{"X": np.arange(n), "Y": np.full((n, 2), n)} for n in rows]
    ours = BufferedStreamer(chunks, size, strict)
    expression = chunks | ops.buffer(size, partial=not strict)
    np.testing.assert_equal([*ours], [*expression])
    whole, rest = divmod(sum(rows), size)
    kept = [rest] * (rest > 0 and not strict)
    assert [len(batch["X"]) for batch in ours] == [size] * whole + kept


@given(
    pool_and_weights=weighted_pools(),
    k=st.integers(1, 4),
    lam=st.none() | st.floats(0.5, 9),
    with_replacement=st.booleans(),
    revive=st.booleans(),
    prune=st.booleans(),
    seed=seeds,
    bound=bounds,
)
def test_mux_is_mux(pool_and_weights, k, lam, with_replacement, revive, prune, seed, bound):
    pool, weights = pool_and_weights
    mode = "single_active" if revive else "exhaustive"
    if with_replacement:
        mode = "with_replacement"
    parameters = {"weights": weights, "mode": mode, "prune_empty": prune}
    arguments = (k, lam, weights, with_replacement, prune, revive)
    assert_is(
        Mux(pool, *arguments, random_state=seed),
        pool | ops.mux(k, lam, **parameters, random_state=seed),
    )
    unseeded = pool | ops.mux(k, lam, **parameters)
    bounded = unseeded if bound is None else unseeded | ops.take(bound)
    assert pescador.mux(pool, bound, *arguments) == bounded


@pytest.mark.parametrize("bound", [None, 7])
def test_the_function_mux_follows_numpys_global_seed(bound):
    pool = [[(i, j) for j in range(9)] for i in range(5)]
    runs = []
    for _ in range(2):
        np.random.seed(3)
        runs.append(beginning(pescador.mux(pool, bound, 2, lam=4)))
    assert runs[0] == runs[1]
    assert len(runs[0]) == (bound or 60)


@given(
    pool_and_weights=weighted_pools(),
    k=st.integers(1, 4),
    rate=st.none() | st.floats(1, 9),
    mode=st.sampled_from(["with_replacement", "single_active", "exhaustive"]),
    dist=st.sampled_from(["binomial", "poisson", "constant"]),
    prune=st.booleans(),
    seed=seeds,
)
def test_stochastic_mux_is_stochastic_mux(pool_and_weights, k, rate, mode, dist, prune, seed):
    pool, weights = pool_and_weights
    k = k if mode == "with_replacement" else min(k, len(pool))
    operator = stochastic_mux(
        k,
        rate,
        weights=weights,
        mode=mode,
        dist="poisson_mean" if dist == "poisson" else dist,
        prune_empty=prune,
        random_state=seed,
    )
    facade = StochasticMux(pool, k, rate, weights, mode, prune, dist, random_state=seed)
    assert_is(facade, pool | operator)


@given(pool_and_weights=weighted_pools(), seed=seeds)
def test_shuffled_mux_is_shuffled(pool_and_weights, seed):
    pool, weights = pool_and_weights
    assert_is(
        ShuffledMux(pool, weights, random_state=seed),
        pool | ops.shuffled(weights, random_state=seed),
    )


@given(pool=pools(), mode=st.sampled_from(["exhaustive", "cycle", "permuted_cycle"]), seed=seeds)
def test_round_robin_mux_is_round_robin(pool, mode, seed):
    assert_is(
        RoundRobinMux(pool, mode, random_state=seed),
        pool | ops.round_robin(mode, random_state=seed),
    )


@given(pool=pools(), mode=st.sampled_from(["exhaustive", "cycle"]), seed=seeds)
def test_chain_mux_is_chain(pool, mode, seed):
    assert_is(ChainMux(pool, mode, random_state=seed), pool | ops.chain(mode))


@pytest.mark.parametrize(
    "mixture",
    [
        "Mux(pool, 2, random_state=0)",
        "StochasticMux(pool, 2, 3, random_state=0)",
        "ShuffledMux(pool, random_state=0)",
        "RoundRobinMux(pool, 'cycle')",
        "ChainMux(pool, 'cycle')",
        "pescador.mux(pool, None, 2, None, with_replacement=False)",
    ],
)
def test_a_pool_that_comes_as_an_iterator_can_be_run_again(mixture):
    mixed = eval(mixture, None, {"pool": (Streamer(letter * 2) for letter in "abc")})
    for _ in range(2):
        assert {*beginning(mixed)} == {*"abc"}


def test_a_chain_takes_its_pool_as_it_comes():
    taken = []

    def pool():
        for letter in itertools.cycle("abc"):
            taken.append(letter)
            yield Streamer(letter * 2)

    assert "".join(ChainMux(pool)(5)) == "aabbc"
    assert taken == ["a", "b", "c"]
    assert "".join(ChainMux(pool())(5)) == "aabbc"
    assert taken == ["a", "b", "c"] * 2


def test_names():
    pool = {"a": Streamer("a"), "b": Streamer("b")}
    mixed = ShuffledMux(pool, weights={"b": 0, "a": 1}, random_state=0)
    assert "".join(mixed(3)) == "aaa"


def test_weights_are_not_changed():
    weights = np.array([3, 1])
    for mixed in (Mux("ab", 2, pool_weights=weights), StochasticMux("ab", 2, 3, weights)):
        assert len([*mixed(5)]) == 5
    assert weights.tolist() == [3, 1]


def test_a_random_state_is_read_once():
    state = np.random.RandomState(3)
    mixed = Mux("ab", 2, 3, random_state=state)
    state.random_sample()
    assert beginning(mixed) == beginning(mixed) == beginning(Mux("ab", 2, 3, random_state=3))
