"""How errors read: each parameter that is refused, in full, and the form that all of them have."""

import math
import pickle
from fractions import Fraction
from inspect import signature

import numpy as np
import pytest

from pescador import errors, ops, stream
from pescador.errors import (
    DataError,
    IndivisibleError,
    MissingKeyError,
    ParameterError,
    ParameterTypeError,
    PescadorError,
)
from sources import exactly

WHOLE = "must be a whole number, not"
SEEDS = "random_state must be None, an int, a RandomState, a Generator or a SeedSequence, not"
MODES = "mode must be one of 'with_replacement', 'single_active', 'exhaustive', not"
DISTS = "dist must be one of 'poisson', 'poisson_mean', 'binomial', 'constant', not"
TURNS = "mode must be one of 'exhaustive', 'cycle', 'permuted_cycle', not"
NO_COUNTS = ["True", "1.0", "'3'", "None", "[3]", "1j", "nan"]

# An operator as it is written, which is as its message begins, and what is wrong with it.
WRONG_VALUES = [
    ("take(-1)", "n must be at least 0, not -1"),
    ("skip(-1)", "n must be at least 0, not -1"),
    ("shard(-1, 2)", "index must be at least 0, not -1"),
    ("shard(0, 0)", "count must be at least 1, not 0"),
    ("shard(2, 2)", "index must be less than count, not 2"),
    ("shard(0, 2, block=0)", "block must be at least 1, not 0"),
    ("cycle(times=-1)", "times must be at least 0, not -1"),
    ("cache(0)", "size must be at least 1, not 0"),
    ("cache(2, prob=0)", "prob must lie in (0, 1], not 0"),
    ("cache(2, prob=-0.5)", "prob must lie in (0, 1], not -0.5"),
    ("cache(2, prob=1.5)", "prob must lie in (0, 1], not 1.5"),
    ("cache(2, prob=nan)", "prob must be finite, not nan"),
    ("cache(2, prob=inf)", "prob must be finite, not inf"),
    ("cache(2, random_state=-1)", "random_state must lie in 0 .. 2**32 - 1, not -1"),
    ("shuffle(0)", "size must be at least 1, not 0"),
    (
        "shuffle(3, random_state=4294967296)",
        "random_state must lie in 0 .. 2**32 - 1, not 4294967296",
    ),
    ("batch(0)", "n must be at least 1, not 0"),
    ("batch(-3)", "n must be at least 1, not -3"),
    ("buffer(0)", "n must be at least 1, not 0"),
    ("tuples()", "at least one key must be given"),
    ("keras_tuples()", "at least one key must be given, as input or output"),
    ("progress(total=-1)", "total must be at least 0, not -1"),
    ("prefetch(n=0)", "n must be at least 1, not 0"),
    ("zmq(workers=0)", "workers must be at least 1, not 0"),
    ("zmq(ahead=0)", "ahead must be at least 1, not 0"),
    (
        "zmq(workers=3, ahead=2)",
        "ahead must be at least one element for each of 3 workers, not 2",
    ),
    ("zmq(buffer=0)", "buffer must be at least 1, not 0"),
    ("zmq(buffer='0MB')", "buffer must be a number of bytes, such as '64MB'"),
    ("zmq(buffer='much')", "buffer must be a number of bytes, such as '64MB'"),
    (
        "zmq(transport='udp')",
        "transport must be one of 'auto', 'shm', 'ipc', 'tcp', not 'udp'",
    ),
    (
        "zmq(start_method='beam')",
        "start_method must be one of 'fork', 'forkserver', 'spawn', not 'beam'",
    ),
    ("zmq(timeout=-1)", "timeout must be at least 0, not -1"),
    ("zmq(timeout=inf)", "timeout must be finite, not inf"),
    ("zmq(min_port=9, max_port=8)", "min_port must be at most max_port, not 9 above 8"),
    ("zmq(max_port=65536)", "max_port must be at most 65535, not 65536"),
    ("zmq(min_port=0)", "min_port must be at least 1, not 0"),
    ("zmq(max_tries=0)", "max_tries must be at least 1, not 0"),
    (
        "chain(mode='permuted_cycle')",
        "mode must be one of 'exhaustive', 'cycle', not 'permuted_cycle'",
    ),
    ("chain(mode=None)", "mode must be one of 'exhaustive', 'cycle', not None"),
    ("round_robin(mode='random')", f"{TURNS} 'random'"),
    ("round_robin(mode=['cycle'])", f"{TURNS} ['cycle']"),
    ("round_robin(random_state=-1)", "random_state must lie in 0 .. 2**32 - 1, not -1"),
    ("mux(0)", "k must be at least 1, not 0"),
    ("mux(2, lam=0)", "lam must be above 0 or None, not 0"),
    ("mux(2, lam=-1.5)", "lam must be above 0 or None, not -1.5"),
    ("mux(2, lam=nan)", "lam must be finite, not nan"),
    ("mux(2, lam=inf)", "lam must be finite, not inf"),
    ("mux(2, lam=281474976710656)", "lam must be below 2**48, not 281474976710656"),
    ("mux(2, lam=0, dist='constant')", "lam must be above 0 or None, not 0"),
    ("mux(2, lam=0.5, dist='poisson_mean')", "lam must be at least 1 or None, not 0.5"),
    ("mux(2, lam=0.5, dist='binomial')", "lam must be at least 1 or None, not 0.5"),
    ("mux(2, mode='revive')", f"{MODES} 'revive'"),
    ("mux(2, mode=True)", f"{MODES} True"),
    ("mux(2, dist='gamma')", f"{DISTS} 'gamma'"),
    ("mux(2, every=0)", "every must be at least 1, not 0"),
    ("mux(2, random_state=-1)", "random_state must lie in 0 .. 2**32 - 1, not -1"),
    *(
        (op % weights, problem)
        for op in ("mux(2, weights=%s)", "shuffled(weights=%s)")
        for weights, problem in [
            ("[1, -1]", "weights must be finite and at least 0, not -1.0 for stream 1"),
            ("[1, nan]", "weights must be finite and at least 0, not nan for stream 1"),
            ("[inf]", "weights must be finite and at least 0, not inf for stream 0"),
            ("{'a': 1, 'b': -2}", "weights must be finite and at least 0, not -2.0 for stream 'b'"),
            ("[0, 0]", "at least one of the weights must be above 0"),
            ("[]", "at least one of the weights must be above 0"),
            ("{}", "at least one of the weights must be above 0"),
            ("{'a': 0}", "at least one of the weights must be above 0"),
            ("[1e+308, 1e+308]", "the sum of the weights must be finite"),
        ]
    ),
]
WRONG_TYPES = [
    *(
        (op % count, f"{name} {WHOLE} {count}")
        for op, name in [
            ("take(%s)", "n"),
            ("skip(%s)", "n"),
            ("shard(%s, 2)", "index"),
            ("shard(0, %s)", "count"),
            ("cache(%s)", "size"),
            ("shuffle(%s)", "size"),
            ("batch(%s)", "n"),
            ("buffer(%s)", "n"),
            ("mux(%s)", "k"),
        ]
        for count in NO_COUNTS
    ),
    *(
        (op % count, f"{name} {WHOLE} {count}")
        for op, name in [("cycle(times=%s)", "times"), ("progress(total=%s)", "total")]
        for count in NO_COUNTS
        if count != "None"
    ),
    ("shard(0, 2, block=1.5)", f"block {WHOLE} 1.5"),
    ("cache(2, prob=True)", "prob must be a number, not True"),
    ("cache(2, prob='0.5')", "prob must be a number, not '0.5'"),
    ("cache(2, prob=None)", "prob must be a number, not None"),
    *(
        (op % seed, f"{SEEDS} {seed}")
        for op in (
            "cache(2, random_state=%s)",
            "shuffle(2, random_state=%s)",
            "shuffled(random_state=%s)",
            "round_robin(random_state=%s)",
            "mux(2, random_state=%s)",
        )
        for seed in ("1.5", "'7'", "True", "{}")
    ),
    ("batch(2, axis=0.0)", "axis must be an int or None, not 0.0"),
    ("batch(2, axis=True)", "axis must be an int or None, not True"),
    ("batch(2, axis='x')", "axis must be an int or None, not 'x'"),
    ("batch(2, partial=1)", "partial must be True or False, not 1"),
    ("batch(2, partial=None)", "partial must be True or False, not None"),
    ("buffer(2, partial='no')", "partial must be True or False, not 'no'"),
    ("map(None)", "function must be callable, not None"),
    ("tap(3)", "function must be callable, not 3"),
    ("filter(None)", "predicate must be callable, not None"),
    ("take_while('odd')", "predicate must be callable, not 'odd'"),
    ("tuples(3)", "keys must be str, not (3,)"),
    ("tuples('X', None)", "keys must be str, not ('X', None)"),
    ("keras_tuples(inputs=3)", "inputs must be a str, a sequence of str, or None, not 3"),
    ("keras_tuples(inputs=[1])", "inputs must be a str, a sequence of str, or None, not [1]"),
    (
        "keras_tuples(inputs='X', outputs={'Y'})",
        "outputs must be a str, a sequence of str, or None, not {'Y'}",
    ),
    ("progress(desc=3)", "desc must be a str, not 3"),
    ("prefetch(n=1.5)", f"n {WHOLE} 1.5"),
    ("zmq(workers='2')", f"workers {WHOLE} '2'"),
    ("zmq(buffer=2.5)", f"buffer {WHOLE} 2.5"),
    ("zmq(timeout='1')", "timeout must be a number, not '1'"),
    ("zmq(copy=1)", "copy must be True or False, not 1"),
    ("mux(2, lam=True)", "lam must be a number, not True"),
    ("mux(2, lam='16')", "lam must be a number, not '16'"),
    ("mux(2, lam=[16])", "lam must be a number, not [16]"),
    ("mux(2, prune_empty=None)", "prune_empty must be True or False, not None"),
    *(
        (op % weights, "weights must be numbers, one per stream")
        for op in ("mux(2, weights=%s)", "shuffled(weights=%s)")
        for weights in (
            "'12'",
            "['1', '2']",
            "[[1, 2]]",
            "[1, [2]]",
            "{1, 2}",
            "[1j]",
            "[{}]",
            "{'a': 'b'}",
        )
    ),
    *(
        (
            op % ", tag=1" if op.startswith("mux") else op % "tag=1",
            "tag must be True or False, not 1",
        )
        for op in ("mux(2%s)", "shuffled(%s)", "round_robin(%s)", "chain(%s)")
    ),
    *(
        (op % ", name=3" if "2" in op else op % "name=3", "name must be a str or None, not 3")
        for op in ("mux(2%s)", "shuffle(2%s)", "shuffled(%s)", "round_robin(%s)", "chain(%s)")
    ),
]
NAMES = {**{name: getattr(ops, name) for name in ops.__all__}, "nan": math.nan, "inf": math.inf}


@pytest.mark.parametrize(("written", "problem"), WRONG_VALUES)
def test_a_parameter_out_of_range_is_refused_where_it_is_written(written, problem):
    with pytest.raises(ParameterError, match=exactly(f"{written}: {problem}")) as caught:
        eval(written, NAMES)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(("written", "problem"), WRONG_TYPES)
def test_a_parameter_of_the_wrong_type_is_refused_where_it_is_written(written, problem):
    with pytest.raises(ParameterTypeError, match=exactly(f"{written}: {problem}")) as caught:
        eval(written, NAMES)
    assert isinstance(caught.value, TypeError)


def test_every_operator_with_parameters_refuses_some():
    refusing = {written.partition("(")[0] for written, _ in WRONG_VALUES + WRONG_TYPES}
    with_parameters = {name for name in ops.__all__ if signature(getattr(ops, name)).parameters}
    missing = with_parameters - refusing
    assert not missing, (
        f"add a row to WRONG_VALUES or WRONG_TYPES in tests/test_errors.py for {missing}: "
        "the operator as it is written, and what its message says"
    )


@pytest.mark.parametrize(
    ("pool", "op", "problem"),
    [
        (["a", "b"], "weights=[1]", "weights must be one per stream: 2, not 1"),
        (["a"], "weights=[1, 2]", "weights must be one per stream: 1, not 2"),
        ({"x": "a"}, "weights=[1, 2]", "weights must be one per stream: 1, not 2"),
        (
            ["a"],
            "weights={'x': 1}",
            "weights have names, but the streams of the pool have no names",
        ),
        ({"x": "a"}, "weights={'y': 1}", """weights and pool differ in the names ["'x'", "'y'"]"""),
        ({"x": "a", 2: "b"}, "weights={'x': 1}", "weights and pool differ in the names ['2']"),
        ([], "random_state=1", "the pool is empty; it must hold at least one stream"),
        ({}, "random_state=1", "the pool is empty; it must hold at least one stream"),
    ],
)
@pytest.mark.parametrize("name", ["mux(1, ", "shuffled("])
@pytest.mark.parametrize("lazy", [False, True], ids=["known", "lazy"])
def test_weights_that_do_not_fit_the_pool_are_refused(pool, name, op, problem, lazy):
    made = eval(f"{name}{op})", NAMES)
    pattern = exactly(f"{made}: {problem}")
    if not lazy:
        with pytest.raises(ParameterError, match=pattern):
            pool | made
    elif isinstance(pool, list):
        described = stream(iter, pool) | made
        with pytest.raises(ParameterError, match=pattern):
            next(iter(described))
    with pytest.raises(ParameterError, match=pattern):
        next(iter(made(pool)))


@pytest.mark.parametrize("n", [np.int64(3), np.uint8(4), np.int8(5), np.array(6)], ids=repr)
def test_whole_numbers_of_numpy_are_counts_and_become_ints(n):
    for op in (ops.take(n), ops.batch(n), ops.mux(n), ops.shard(1, n), ops.cycle(n)):
        assert op == eval(repr(op), NAMES)
        assert "np" not in repr(op)
        assert "array" not in repr(op)
    assert ops.batch(2, np.int64(-1)) == ops.batch(2, -1)


@pytest.mark.parametrize("n", [np.array([3]), np.array(2.5), np.float64(3), np.True_], ids=repr)
def test_what_only_looks_like_a_whole_number_is_none(n):
    for make in (ops.take, ops.batch, ops.mux, lambda n: ops.batch(2, n)):
        with pytest.raises(ParameterTypeError):
            make(n)


@pytest.mark.parametrize("lam", [1, 1.5, Fraction(3, 2), np.float32(2.5), np.int16(3)], ids=repr)
def test_a_rate_may_be_any_real_number(lam):
    assert list(["ab"] | ops.mux(1, lam, random_state=0) | ops.take(9))
    assert list(range(9) | ops.cache(2, 1 / lam, random_state=0))


def test_a_number_beyond_all_floats_is_out_of_range_too():
    with pytest.raises(ParameterError, match=r"lam must be below 2\*\*48"):
        ops.mux(2, 10**400)


def test_every_error_has_one_root_and_a_kind_of_pythons():
    assert issubclass(ParameterError, (PescadorError, ValueError))
    assert issubclass(ParameterTypeError, (PescadorError, TypeError))
    assert issubclass(IndivisibleError, ParameterError)
    assert issubclass(MissingKeyError, (DataError, KeyError))
    kinds = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]
    assert all(issubclass(kind, PescadorError) for kind in kinds)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "bad"),
        ({"operator": ops.batch(2)}, "batch(2): bad"),
        ({"index": 0}, "element 0: bad"),
        ({"key": "x"}, "key 'x': bad"),
        (
            {"operator": "op", "index": 3, "key": ("x", 1, "y")},
            "op: element 3, key 'x'[1]['y']: bad",
        ),
        ({"operator": "op", "key": 0}, "op: key 0: bad"),
    ],
)
@pytest.mark.parametrize("kind", [DataError, MissingKeyError])
def test_an_error_of_data_says_operator_element_and_key(kind, parts, message):
    error = kind("bad", **parts)
    assert str(error) == message
    assert {name: getattr(error, name) for name in parts} == parts
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is kind
    assert str(copied) == message


def test_an_error_is_located_by_who_meets_it():
    located = MissingKeyError("bad", index=3, key="x").located("op", 10)
    assert type(located) is MissingKeyError
    assert str(located) == "op: element 13, key 'x': bad"
    assert str(DataError("bad").located("op", 10)) == "op: bad"


def test_an_operator_of_many_parameters_is_shortened_in_messages():
    with pytest.raises(ParameterTypeError) as caught:
        ops.mux("k", weights=[0.125] * 1000)
    message = str(caught.value)
    assert message.startswith("mux('k', weights=[0.125, 0.125, ")
    assert " ... " in message
    assert message.endswith("0.125]): k must be a whole number, not 'k'")
    assert len(message) < 250
