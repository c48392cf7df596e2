"""The algebra in detail: what stands left and right of ``|``, what is refused, and what runs."""

from __future__ import annotations

import collections
import enum
import functools
import itertools
import math
import operator
import pickle
import re
import weakref
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from toolz import curried, pipe

from pescador import (
    SEED,
    DataError,
    Join,
    MissingKeyError,
    Op,
    ParameterError,
    ParameterTypeError,
    Pass,
    PescadorError,
    Pipeline,
    Same,
    Stream,
    Streamer,
    errors,
    ops,
    stream,
)
from pescador.running import close_all
from pescador.testing import Probe, alike
from sources import shown


def letters(word: str = "abc", *, upper: bool = False) -> Iterator[str]:
    yield from word.upper() if upper else word


class Squares:
    """A sequence of the old kind: it has nothing but places."""

    def __getitem__(self, place: int) -> int:
        if place == 3:
            raise IndexError
        return place**2


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Incomparable:
    """As a table of pandas: it compares part by part, and has neither a truth nor a hash."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        return np.array([True, False])

    def __iter__(self) -> Iterator[int]:
        return iter([1, 2])


LEFT = [
    (range(3), [0, 1, 2]),
    ([1, 2], [1, 2]),
    ((1, 2), [1, 2]),
    ("ab", ["a", "b"]),
    (b"ab", [97, 98]),
    ({"speech": 1, "music": 2}, [1, 2]),
    (collections.OrderedDict(a=1), [1]),
    ({3}, [3]),
    (np.arange(4).reshape(2, 2), [np.array([0, 1]), np.array([2, 3])]),
    (collections.deque([1, 2]), [1, 2]),
    (Squares(), [0, 1, 4]),
    (Colour, [Colour.RED, Colour.BLUE]),
    (letters, ["a", "b", "c"]),
    (lambda: [1, 2], [1, 2]),
    (functools.partial(letters, "xy"), ["x", "y"]),
    (list, []),
    (Streamer(letters, "xy"), ["x", "y"]),
    (stream("ab"), ["a", "b"]),
    (stream(letters, "ab", upper=True), ["A", "B"]),
    (stream("abc") | ops.take(1), ["a"]),
    (Incomparable(), [1, 2]),
]


@pytest.mark.parametrize(("source", "expected"), LEFT, ids=[shown(row[0]) for row in LEFT])
@pytest.mark.parametrize("op", [ops.take(9), ops.skip(0) | ops.take(9)], ids=repr)
def test_left(op: Any, source: Any, expected: list[Any]) -> None:
    described = source | op
    assert isinstance(described, Stream)
    for _ in range(2):
        assert alike(list(described), expected)
    assert alike(list(stream(source)), expected)
    assert described == stream(source) | op


def test_a_mapping_is_a_pool_with_names() -> None:
    pool = stream({"speech": "ab", "music": "c"})
    assert pool.names == ("speech", "music")
    assert (pool | ops.take(2)).names is None
    assert stream(["ab", "c"]).names is None
    assert repr(pool) == "stream({'speech': 'ab', 'music': 'c'})"
    assert pool == stream({"speech": "ab", "music": "c"}) != stream({"music": "c", "speech": "ab"})
    assert len(pool) == 2


def test_a_list_is_frozen() -> None:
    items = [1, 2]
    described = stream(items)
    items.append(3)
    assert described.source == (1, 2)
    assert described == stream((1, 2)) == stream([1, 2])


@pytest.mark.parametrize("make", [list, tuple, lambda items: {"a": items[0]}, np.array])
def test_nothing_is_copied(make: Callable[[Any], Any]) -> None:
    items = make([np.zeros(3)])
    first = next(iter(stream(items) | ops.take(1)))
    held = items["a"] if isinstance(items, dict) else items[0]
    assert np.shares_memory(first, held)


def test_arguments_are_given_to_each_run() -> None:
    called: list[Any] = []

    def source(*args: Any, **kwargs: Any) -> list[int]:
        called.append((args, kwargs))
        return [1]

    described = stream(source, 1, "x", b=2, a=SEED)
    assert described.kwargs == (("a", SEED), ("b", 2))
    assert described == stream(source, 1, "x", a=SEED, b=2)
    assert list(described) == list(described) == [1]
    assert called == [((1, "x"), {"a": None, "b": 2})] * 2


def test_what_was_started_is_continued_and_never_closed() -> None:
    run = letters("abcdef")
    described = stream(run)
    assert list(described | ops.take(2)) == ["a", "b"]
    with iter(described) as once:
        assert next(once) == "c"
    with iter(described | ops.map(str.upper)) as once:
        assert next(once) == "D"
    assert list(run | ops.skip(1)) == ["f"]
    assert list(described) == []


def test_a_stream_is_unwrapped() -> None:
    described = stream("ab") | ops.take(1)
    assert stream(described) is described
    assert stream(Streamer(described)) is described


REFUSED = [
    (lambda: stream(3), "stream(3): a source must be iterable, or a function that returns an"),
    (lambda: stream(None), "stream(None): a source must be iterable"),
    (lambda: stream(np.array(1.0)), "a source must be iterable"),
    (lambda: 3 | ops.take(1), "stream(3): a source must be iterable"),
    (lambda: stream([1], 2), "[1] is not callable, so it takes no arguments"),
    (lambda: stream("ab", n=2), "'ab' is not callable, so it takes no arguments"),
    (lambda: stream(stream("a"), 1), "stream('a') is not callable, so it takes no arguments"),
    (lambda: stream(ops.take), "an operator is not a source; write the source on its left: source"),
    (lambda: stream(ops.take), "source | take(n)"),
    (lambda: stream(ops.take(3)), "source | take(3)"),
    (lambda: "ab" | ops.take(1) | ops.cycle, "without its parameters: write cycle()"),
    (lambda: stream("ab") | ops.take, "take is an operator without its parameters: write take(n)"),
    (lambda: stream("ab") | ops.shard, "write shard(index, count)"),
    (lambda: stream("ab") | ops.mux, "write mux(k)"),
    (lambda: ops.take(1) | ops.cycle, "write cycle()"),
    (lambda: ops.cycle | ops.batch(2), "source | cycle()"),
    (lambda: stream("ab") | stream("cd"), "to join streams write [a, b] | chain()"),
    (lambda: stream("ab") | Streamer("cd"), "to join streams write [a, b] | chain()"),
    (lambda: ops.take(1) | stream("cd"), "to join streams write [a, b] | chain()"),
    (
        lambda: stream("ab") | 3,
        "3 is not a step: write an operator, or a callable from an iterable",
    ),
    (lambda: stream("ab") | "cd", "'cd' is not a step"),
    (lambda: ops.take(1) | [1], "[1] is not a step"),
]


@pytest.mark.parametrize(
    ("write", "message"), REFUSED, ids=[f"{i}-{row[1]}" for i, row in enumerate(REFUSED)]
)
def test_refused(write: Callable[[], Any], message: str) -> None:
    with pytest.raises(ParameterTypeError) as caught:
        write()
    assert message in str(caught.value)
    assert isinstance(caught.value, PescadorError)
    assert isinstance(caught.value, TypeError)


def halves(items: Iterable[float]) -> Iterator[float]:
    for item in items:
        yield item / 2


RIGHT = [
    (enumerate, [(0, 1), (1, 2)]),
    (halves, [0.5, 1.0]),
    (list, [1, 2]),
    (lambda items: sorted(items, reverse=True), [2, 1]),
    (functools.partial(map, str), ["1", "2"]),
    (curried.filter(lambda item: item > 1), [2]),
    (curried.sliding_window(2), [(1, 2)]),
    (operator.methodcaller("__iter__"), [1, 2]),
    (ops.map(str), ["1", "2"]),
    (ops.skip(1) | halves, [1.0]),
    (Pipeline() | halves | ops.skip(1), [1.0]),
]


@pytest.mark.parametrize(("step", "expected"), RIGHT, ids=[shown(row[0]) for row in RIGHT])
def test_right(step: Any, expected: list[Any]) -> None:
    described = stream([1, 2]) | step
    assert isinstance(described, Stream)
    for _ in range(2):
        assert list(described) == expected
    pipeline = ops.take(2) | step
    assert isinstance(pipeline, Pipeline)
    assert list([1, 2] | pipeline) == list(pipeline([1, 2])) == expected
    assert list((Pipeline() | step)([1, 2])) == expected


def test_a_callable_is_given_what_can_be_run_again() -> None:
    twice = stream("ab") | (lambda items: itertools.chain(items, items))
    assert list(twice) == ["a", "b", "a", "b"]


def test_an_operator_is_a_function_of_an_iterable() -> None:
    assert list(ops.take(2)("abc")) == ["a", "b"]
    assert pipe("abc", ops.skip(1), ops.map(str.upper), list) == ["B", "C"]
    assert list((ops.skip(1) | ops.take(1))(iter("abc"))) == ["b"]


def test_an_operator_and_a_pipeline_lift_a_mapping_alike() -> None:
    named = {"speech": 1, "music": 2}
    assert list(ops.take(1)(named)) == list((ops.take(1) | ops.take(1))(named))


def test_what_an_operator_is_given() -> None:
    """The description of its upstream, not a run of it."""
    given: list[Any] = []

    def step(items: Any) -> Any:
        given.append(items)
        return items

    described = stream("ab") | ops.take(1)
    assert list(described | step) == ["a"]
    assert given == [described]


def test_shapes_have_no_meaning_of_their_own() -> None:
    for shape in (Op, Same, Join):
        with pytest.raises(NotImplementedError):
            shape()("ab")


def nothing(*_: Any) -> None:
    pass


def seven(*_: Any) -> int:
    return 7


class Failing:
    def __iter__(self) -> Iterator[int]:
        raise OSError("of its own")


@pytest.mark.parametrize(
    ("described", "message"),
    [
        (stream(nothing), "stream(nothing): gave None, which cannot be iterated; it must return"),
        (stream(nothing, 1) | ops.take(2), "stream(nothing, 1): gave None"),
        (stream(seven) | ops.batch(2), "stream(seven): gave 7, which cannot be iterated"),
        (stream("ab") | nothing | ops.take(1), "nothing: gave None, which cannot be iterated"),
        (stream(lambda: np.array(0)), "gave array(0), which cannot be iterated"),
    ],
    ids=repr,
)
def test_what_returns_no_iterable(described: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        list(described)
    assert message in str(caught.value)


def test_an_error_of_the_users_own_passes() -> None:
    for described in (stream(Failing()), stream(Failing), stream("ab") | (lambda _: Failing())):
        with pytest.raises(OSError, match="of its own"):
            list(described)


def test_equality() -> None:
    assert ops.take(2) == ops.take(2) != ops.take(3)
    assert ops.take(2) != ops.skip(2)
    assert ops.take(2) != 2
    assert ops.take(1) | ops.skip(2) == ops.take(1) | ops.skip(2)
    assert ops.take(1) | ops.skip(2) != ops.skip(2) | ops.take(1)
    assert stream("ab") | ops.take(1) == "ab" | ops.take(1)
    assert stream("ab") != stream("ab") | ops.take(1)
    assert stream("ab") != "ab"
    assert stream(letters, 1) != stream(letters, 2)
    assert stream(letters) | enumerate == stream(letters) | enumerate != stream(letters) | list
    assert stream([(1, [2])]) == stream([(1, [2])]) != stream([(1, [3])])
    assert {ops.take(2), ops.take(2), stream("a"), stream("a")} == {ops.take(2), stream("a")}


def test_arrays_compare_by_identity() -> None:
    one, twin = np.arange(3), np.arange(3)
    assert stream(one) == stream(one) != stream(twin)
    assert hash(stream(one)) == hash(stream(one))
    assert stream([one, 1]) == stream([one, 1]) != stream([twin, 1])
    assert stream(letters, one) != stream(letters, twin)
    assert ops.map(functools.partial(np.add, one)) == ops.map(functools.partial(np.add, one))
    assert ops.map(functools.partial(np.add, one)) != ops.map(functools.partial(np.add, twin))


def test_partials_compare_by_their_parts() -> None:
    def partial(*args: Any, **kwargs: Any) -> Any:
        return ops.map(functools.partial(int, *args, **kwargs))

    assert partial("1", base=2) == partial("1", base=2) != partial("1", base=3)
    assert hash(partial("1", base=2)) == hash(partial("1", base=2))
    assert pickle.loads(pickle.dumps(partial(base=2))) == partial(base=2)
    assert partial() != ops.map(int)


def test_comparing_never_raises() -> None:
    table, other = Incomparable(), Incomparable()
    assert stream(table) == stream(table) != stream(other)
    assert stream([table]) != stream([other])
    assert stream(table) != stream(np.arange(2))
    assert hash(stream(table)) == hash(stream(table))
    assert hash(stream([{"x": np.arange(2)}]))
    assert stream([{"x": np.arange(2)}]) != stream([{"x": np.arange(2)}])


def test_descriptions_are_frozen() -> None:
    for described in (ops.take(2), ops.take(2) | ops.skip(1), stream("ab")):
        for name in ("n", "ops", "new"):
            with pytest.raises((AttributeError, TypeError)):
                setattr(described, name, 1)
        assert not hasattr(described, "__dict__")


REPRS = [
    (stream("ab"), "stream('ab')"),
    (stream(["ab"]), "stream(('ab',))"),
    (stream(range(3)) | ops.take(2), "stream(range(0, 3)) | take(2)"),
    (stream(letters, "x", upper=True), "stream(letters, 'x', upper=True)"),
    (stream(letters, word=SEED), "stream(letters, word=SEED)"),
    (stream(np.zeros((2, 3), "f4")), "stream(<array float32[2, 3]>)"),
    (stream([{"x": np.zeros(2)}]), "stream(({'x': <array float64[2]>},))"),
    (stream([[1, (2, 3)], "ab"]), "stream(([1, (2, 3)], 'ab'))"),
    (stream({"a": stream("x"), 1: "y"}), "stream({'a': stream('x'), 1: 'y'})"),
    (stream(functools.partial(letters, "x")), "stream(functools.partial(letters, 'x'))"),
    (
        stream([stream("ab")]) | ops.mux(2, lam=16) | ops.batch(64),
        "stream((stream('ab'),)) | mux(2, lam=16) | batch(64)",
    ),
    (stream("ab") | enumerate | list, "stream('ab') | enumerate | list"),
    (Streamer("cd"), "stream('cd')"),
    (ops.take(3), "take(3)"),
    (ops.cycle(), "cycle()"),
    (ops.cycle(2), "cycle(times=2)"),
    (ops.batch(2, axis=0, partial=True), "batch(2, axis=0, partial=True)"),
    (ops.shard(1, 4), "shard(1, 4)"),
    (ops.map(str.upper), "map(str.upper)"),
    (ops.map(np.sqrt), "map(sqrt)"),
    (ops.map(functools.partial(int, base=2)), "map(functools.partial(int, base=2))"),
    (ops.tuples("X", "Y"), "tuples('X', 'Y')"),
    (ops.take(1) | ops.skip(2), "take(1) | skip(2)"),
    (Pipeline(), "Pipeline()"),
    (Pipeline() | enumerate, "Pipeline() | enumerate"),
    (Pipeline() | enumerate | ops.take(1), "Pipeline() | enumerate | take(1)"),
    (Pipeline((ops.take(1),)), "Pipeline((take(1),))"),
]


@pytest.mark.parametrize(("value", "expected"), REPRS, ids=[row[1] for row in REPRS])
def test_repr(value: Any, expected: str) -> None:
    assert repr(value) == expected
    if "<" not in expected and "sqrt" not in expected:
        names = {"functools": functools, "letters": letters, "stream": stream, "SEED": SEED}
        twin = eval(expected, {**vars(ops), **names, "Pipeline": Pipeline})
        assert twin == (value.stream if isinstance(value, Streamer) else value)


def test_repr_of_a_lambda_says_where_it_is() -> None:
    line = letters.__code__.co_firstlineno
    assert repr(ops.map(lambda x: x)).startswith("map(<lambda> at test_core.py:")
    assert line < int(repr(ops.map(lambda x: x)).split(":")[1][:-1])


def test_pipelines() -> None:
    nothing: Any = Pipeline()
    assert list(nothing("ab")) == list("ab" | nothing) == ["a", "b"]
    assert nothing | ops.take(1) == ops.take(1) | nothing == ops.take(1)
    assert nothing | nothing == nothing
    assert nothing.ops == ()
    inner = ops.take(3) | ops.skip(1)
    assert (inner | inner).ops == inner.ops + inner.ops
    assert (stream("ab") | inner | inner).ops == inner.ops + inner.ops
    assert (stream("ab") | inner).upstream == stream("ab") | ops.take(3)


def test_a_stream_is_true_and_has_a_len_where_it_is_known() -> None:
    assert stream("")
    assert len(stream("abc") | ops.take(2)) == 2
    with pytest.raises(ParameterTypeError, match=r"cycle\(\) has no len\(\): its length is infin"):
        len("abc" | ops.cycle())
    with pytest.raises(ParameterTypeError, match=r"stream\(letters\) has no len\(\): .* unknown"):
        len(stream(letters))
    assert list(stream(letters)) == ["a", "b", "c"]
    assert (stream("") | ops.cycle()).length == 0
    assert (stream(letters) | halves).length is None


def test_a_pass() -> None:
    probe = Probe("abc", kept=True)
    run = iter(stream(probe))
    assert isinstance(run, Pass)
    assert iter(run) is run
    assert weakref.ref(run)() is run
    assert next(run) == "a"
    run.close()
    run.close()
    assert (probe.live, list(run)) == (0, [])
    with iter(stream(probe)) as run:
        assert next(run) == "a"
        assert probe.live == 1
    assert probe.live == 0


def test_a_pass_that_was_not_begun_can_be_closed() -> None:
    for described in (stream(letters), stream(letters) | ops.take(1), "ab" | ops.batch(2)):
        run = iter(described)
        run.close()
        assert list(run) == []


def test_the_end_closes() -> None:
    probe = Probe("abc", kept=True)
    run = iter(probe | ops.take(2))
    assert list(run) == ["a", "b"]
    assert probe.live == 0


def test_pass_over() -> None:
    started = letters()
    with Pass.over(started) as run:
        assert next(run) == "a"
    assert next(started) == "b"
    described = stream(letters)
    with Pass.over(described) as run:
        upper = run.then(functools.partial(map, str.upper))
        assert next(upper) == "A"
        upper.close()
        assert list(run) == []
    assert list(Pass.over([1, 2])) == [1, 2]


def test_a_lazy_pass() -> None:
    begun: list[Iterator[str]] = []

    def begin() -> Iterator[str]:
        begun.append(letters())
        return begun[0]

    run = Pass.lazily(begin)
    assert begun == []
    assert next(run) == "a"
    run.close()
    assert list(run) == list(begun[0]) == []


class Closing:
    def __init__(self, name: str, log: list[str], error: BaseException | None = None) -> None:
        self.name, self.log, self.error = name, log, error

    def close(self) -> None:
        self.log.append(self.name)
        if self.error is not None:
            raise self.error


def test_close_all() -> None:
    log: list[str] = []
    first, second = OSError("first"), KeyboardInterrupt()
    runs = [Closing("a", log), Closing("b", log, first), 3, None, Closing("c", log, second)]
    with pytest.raises(OSError, match="first"):
        close_all([*runs, Closing("d", log)])
    assert log == ["a", "b", "c", "d"]
    with pytest.raises(KeyboardInterrupt):
        close_all([Closing("e", log, second)])
    close_all([])


def test_a_pass_closes_the_last_first() -> None:
    log: list[str] = []
    Pass(iter("ab"), [Closing("source", log), Closing("operator", log)]).close()
    assert log == ["operator", "source"]


@pytest.mark.parametrize("step", [enumerate, curried.map(str), functools.partial(zip, "xyz")])
def test_close_reaches_through_any_callable(step: Any) -> None:
    probe = Probe(range(5))
    run = iter(stream(probe) | step)
    next(run)
    run.close()
    assert probe.live == 0


def test_the_family_of_errors() -> None:
    for error, builtin in (
        (ParameterError, ValueError),
        (ParameterTypeError, TypeError),
        (DataError, Exception),
        (MissingKeyError, KeyError),
    ):
        assert issubclass(error, PescadorError)
        assert issubclass(error, builtin)
    assert issubclass(MissingKeyError, DataError)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DataError("odd"), "odd"),
        (DataError("odd", ops.batch(2)), "batch(2): odd"),
        (DataError("odd", index=3), "element 3: odd"),
        (DataError("odd", "step", 0, "X"), "step: element 0, key 'X': odd"),
        (DataError("odd", "step", None, ("a", "b", 0)), "step: key 'a'['b'][0]: odd"),
        (MissingKeyError("is missing", "step", 1, "X"), "step: element 1, key 'X': is missing"),
    ],
    ids=str,
)
def test_data_errors(error: DataError, expected: str) -> None:
    assert str(error) == expected
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is type(error)
    assert str(twin) == expected


def test_a_long_operator_is_shortened() -> None:
    long = DataError("odd", ops.tuples(*map(str, range(1000))))
    assert re.fullmatch(r"tuples\('0', '1', .{100,300} \.\.\. .*'999'\): odd", str(long))
    with pytest.raises(
        ParameterError, match=r"^x+ \.\.\. x+: n must be at least 1, not 0$"
    ) as raised:
        errors.count("x" * 1000, "n", 0)
    assert len(str(raised.value)) < 400


def test_an_error_is_located() -> None:
    error = DataError("odd", index=2, key="X").located("step", 10)
    assert (error.operator, error.index, error.key) == ("step", 12, "X")
    assert str(MissingKeyError("gone").located("step")) == "step: gone"
    assert isinstance(MissingKeyError("gone").located("step"), MissingKeyError)


@pytest.mark.parametrize("value", [0, 3, np.int64(3), np.uint8(3), 2**62])
def test_counts(value: Any) -> None:
    assert errors.count("op", "n", value, least=0) == value
    assert type(errors.count("op", "n", value, least=0)) is int


@pytest.mark.parametrize("value", [True, np.True_, 2.0, "2", None, Decimal(2), [1]], ids=repr)
def test_what_is_no_count(value: Any) -> None:
    with pytest.raises(ParameterTypeError, match=r"^op: n must be a whole number, not "):
        errors.count("op", "n", value)


def test_what_counts_too_little() -> None:
    with pytest.raises(ParameterError, match=r"^op: n must be at least 1, not 0$"):
        errors.count("op", "n", 0)
    with pytest.raises(ParameterError, match=r"^op: n must be at least 3, not -1$"):
        errors.count("op", "n", np.int8(-1), least=3)


@pytest.mark.parametrize("value", [0, 1.5, np.float32(2), Fraction(1, 2), -3], ids=repr)
def test_numbers(value: Any) -> None:
    assert errors.number("op", "lam", value) == value


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (math.nan, ParameterError, "lam must be finite, not nan"),
        (-math.inf, ParameterError, "lam must be finite, not -inf"),
        (np.float64(math.inf), ParameterError, "lam must be finite"),
        (True, ParameterTypeError, "lam must be a number, not True"),
        ("1", ParameterTypeError, "lam must be a number, not '1'"),
        (1j, ParameterTypeError, "lam must be a number, not 1j"),
        (None, ParameterTypeError, "lam must be a number, not None"),
    ],
    ids=repr,
)
def test_what_is_no_number(value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^op: {message}"):
        errors.number("op", "lam", value)


def test_other_parameters() -> None:
    errors.choice("op", "mode", "a", ("a", "b"))
    errors.function("op", "predicate", len)
    errors.flag("op", "partial", value=True)
    errors.name("op", "x")
    errors.name("op", None)
    for wrong in ("c", 1, ["a"]):
        with pytest.raises(ParameterError, match=r"^op: mode must be one of 'a', 'b', not"):
            errors.choice("op", "mode", wrong, ("a", "b"))
    with pytest.raises(ParameterTypeError, match=r"^op: predicate must be callable, not 3$"):
        errors.function("op", "predicate", 3)
    with pytest.raises(ParameterTypeError, match=r"^op: partial must be True or False, not 1$"):
        errors.flag("op", "partial", 1)
    with pytest.raises(ParameterTypeError, match=r"^op: name must be a str or None, not 1$"):
        errors.name("op", 1)
