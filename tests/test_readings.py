"""What operators declare, the defaults that follow from it, and the base of those that draw."""

from __future__ import annotations

import logging
import math
import pickle
import pickletools
import sys
import threading
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest

import pescador
from pescador import (
    ELEMENTWISE,
    PER_SHARD,
    REGROUPS,
    IndivisibleError,
    Op,
    ParameterError,
    ParameterTypeError,
    Pass,
    Random,
    Same,
    Stream,
    Streamer,
    Whole,
    ops,
    stream,
)
from pescador.ops.mixing import stochastic_mux
from pescador.testing import Probe, assert_lawful

operator = dataclass(frozen=True, slots=True, eq=False, repr=False)


@operator
class step(Same):  # noqa: N801
    """It declares whatever its parameter says."""

    declared: Any = None

    @property
    def sharding(self) -> Any:  # type: ignore[override]
        return self.declared or Op.sharding

    def __call__(self, upstream: Any, /) -> Iterator[Any]:
        return iter(upstream)


@operator
class hundred(Same):  # noqa: N801
    def __call__(self, upstream: Any, /) -> Iterator[Any]:
        return islice(upstream, 100)


@operator
class shown(Same):  # noqa: N801
    """It yields what its upstream looks like, and that it can be copied."""

    def __call__(self, upstream: Any, /) -> Iterator[Any]:
        yield repr(upstream), upstream == stream(range(3)), hash(upstream)
        yield pickle.loads(pickle.dumps(upstream)), upstream.seed(1), upstream | ops.take(1)


@operator
class restarts_often(Same):  # noqa: N801
    def __call__(self, upstream: Any, /) -> Iterator[Any]:
        for _ in range(1000):
            yield from upstream


@operator
class in_a_thread(Same):  # noqa: N801
    def __call__(self, upstream: Any, /) -> Iterator[Any]:
        queue: SimpleQueue[Any] = SimpleQueue()
        thread = threading.Thread(target=lambda: [*map(queue.put, upstream)], daemon=True)
        thread.start()
        while True:
            yield queue.get()


@operator
class rename(Op[Any, Any]):  # noqa: N801
    """Its fields have names that operators of pescador give to theirs."""

    name: str
    entropy: float
    reseed: str

    def __call__(self, upstream: Any, /) -> Iterator[Any]:
        return iter(upstream)


def numbers(n: int) -> Iterator[int]:
    yield from range(n)


class TestDefaults:
    def test_the_fields_of_an_operator_are_its_own(self) -> None:
        assert repr(rename("a", 0.5, "b")) == "rename('a', 0.5, 'b')"
        with pytest.raises(TypeError, match="missing 3 required"):
            rename()  # type: ignore[call-arg]
        assert (range(3) | rename("a", 0.5, "b")).seed(7) == range(3) | rename("a", 0.5, "b")

    @pytest.mark.parametrize("declared", [Whole, "elementwise", True], ids=repr)
    def test_what_is_not_a_declaration_is_refused(self, declared: Any) -> None:
        with pytest.raises(ParameterTypeError, match="sharding must be ELEMENTWISE, PER_SHARD"):
            range(3) | step(declared)

    @pytest.mark.parametrize(
        ("declared", "length", "restarts"),
        [
            (ELEMENTWISE, 3, True),
            (PER_SHARD, None, True),
            (REGROUPS, None, True),
            (Whole("so"), None, False),
            (None, None, False),
        ],
        ids=repr,
    )
    def test_length_and_restarts(self, declared: Any, length: Any, restarts: bool) -> None:
        assert (range(3) | step(declared)).length == length
        assert (range(3) | ops.cycle() | step(declared)).restarts is restarts
        assert not (range(3) | step(declared)).restarts

    def test_an_elementwise_step_is_divided_by_place(self) -> None:
        divided = range(5) | step(ELEMENTWISE)
        assert repr(divided.shard(1, 2).ops) == repr((ops.shard(1, 2), step(ELEMENTWISE)))
        assert list(divided.shard(1, 2)) == [1, 3]

    @pytest.mark.parametrize("declared", [PER_SHARD, REGROUPS], ids=repr)
    def test_others_are_divided_as_their_upstream_is(self, declared: Any) -> None:
        divided = range(5) | step(declared)
        assert list(divided.shard(0, 2)) == [0, 2, 4]
        with pytest.raises(IndivisibleError, match="known only while it runs"):
            divided.shard_exact(ops.shard(0, 2))

    def test_a_whole_says_why_and_what_to_write_instead(self) -> None:
        whole = step(Whole("it is one", "leave it out"))
        with pytest.raises(IndivisibleError, match=r"cannot be divided: it is one; leave it out$"):
            (range(5) | whole).shard(0, 2)

    def test_the_upstreams_reason_comes_first(self) -> None:
        with pytest.raises(IndivisibleError, match="take_while"):
            (range(5) | ops.take_while(bool) | step()).shard(0, 2)

    def test_declarations_are_values(self) -> None:
        for declared in (ELEMENTWISE, PER_SHARD, REGROUPS):
            assert pickle.loads(pickle.dumps(declared)) is declared
        assert repr([ELEMENTWISE, PER_SHARD, REGROUPS]) == "[ELEMENTWISE, PER_SHARD, REGROUPS]"
        assert Whole("a") == Whole("a") != Whole("b")


class TestRandom:
    def test_a_subclass_declares_the_field(self) -> None:
        with pytest.raises(TypeError, match="forgets derives from Random and must declare"):

            class forgets(Random, Same):  # noqa: N801
                pass

    def test_the_seed_is_filled_in_once_and_divided(self) -> None:
        described = range(9) | ops.shuffle(3)
        seeded = described.seed(7)
        assert described.ops[0].seeded is False
        assert seeded.ops[0].seeded is True
        assert seeded.seed(8) == seeded
        seeds = {part.ops[-1].random_state for part in (seeded.shard(i, 3) for i in range(3))}
        assert len(seeds) == 3

    @pytest.mark.parametrize(
        "seed",
        [3, [3, 4], np.random.RandomState(3), np.random.default_rng(3), np.random.SeedSequence(3)],
        ids=["int", "list", "RandomState", "Generator", "SeedSequence"],
    )
    def test_the_generator_starts_each_run_with_the_same_draws(self, seed: Any) -> None:
        op = ops.shuffle(2, random_state=seed)
        draws = op.generator().random_sample(3).tolist()
        assert draws == op.generator().random_sample(3).tolist()
        if isinstance(seed, np.random.RandomState):
            assert draws == np.random.RandomState(3).random_sample(3).tolist()

    def test_an_unseeded_generator_follows_numpy(self) -> None:
        np.random.seed(5)
        first, second = (ops.shuffle(2).generator().random_sample() for _ in range(2))
        np.random.seed(5)
        assert ops.shuffle(2).generator().random_sample() == first != second

    def test_what_cannot_be_a_seed_is_refused(self) -> None:
        with pytest.raises(ParameterTypeError, match="random_state must be None, an int"):
            ops.shuffle(2, random_state="a")
        with pytest.raises(ParameterTypeError, match="name must be a str or None, not 5"):
            ops.shuffle(2, name=5)
        with pytest.raises(ParameterError, match=r"random_state must lie in 0 \.\. 2\*\*32 - 1"):
            ops.shuffle(2, random_state=-1)


class TestWritten:
    """``.seed(...)`` is written after the shortest beginning of a stream that holds its seeds."""

    @pytest.mark.parametrize(
        ("described", "expected"),
        [
            (
                (range(9) | ops.shuffle(3)).seed(7, "a") | ops.take(2),
                "(stream(range(0, 9)) | shuffle(3)).seed(7, 'a') | take(2)",
            ),
            (
                (range(9) | ops.shuffle(3) | ops.take(2)).seed(7),
                "(stream(range(0, 9)) | shuffle(3)).seed(7) | take(2)",
            ),
            (
                (range(9) | ops.shuffle(3)).seed(1).then(ops.shuffle(2)).seed(2),
                "((stream(range(0, 9)) | shuffle(3)).seed(1) | shuffle(2)).seed(2)",
            ),
            (stream(max, pescador.SEED).seed(3), "stream(max, SEED).seed(3)"),
            (
                (["ab"] | ops.mux(2, random_state=5)).seed(3),
                "(stream(('ab',)) | mux(2, random_state=5)).seed(3)",
            ),
        ],
    )
    def test_it_evaluates_to_an_equal_stream(self, described: Any, expected: str) -> None:
        assert repr(described) == expected
        names = {**vars(ops), "stream": stream, "SEED": pescador.SEED, "max": max}
        assert eval(expected, names) == described

    def test_what_cannot_be_written_is_in_angle_brackets(self) -> None:
        described = (range(9) | ops.shuffle(3)).seed(1)
        moved = stream("abc").then(ops.shuffle(2)).then(described.ops[0])
        assert repr(moved) == "<stream('abc') | shuffle(2) | shuffle(3), each with its seed>"

    @pytest.mark.parametrize(
        "whole",
        [
            (range(12) | ops.shuffle(3) | ops.cycle(2, reseed=True)).seed(7),
            ([stream(range(6)) | ops.shuffle(6)] * 4 | ops.filter(bool) | ops.chain()).seed(7),
        ],
        ids=repr,
    )
    def test_a_shard_that_cannot_be_written_is_not_printed_as_the_whole(self, whole: Any) -> None:
        assert repr(whole.shard(0, 2)).startswith("<")

    def test_what_only_the_library_sets_is_not_a_parameter(self) -> None:
        with pytest.raises(TypeError, match="entropy"):
            ops.mux(2, entropy=(1,))
        with pytest.raises(TypeError, match="parts"):
            ops.cycle(2, parts=())


class TestClosing:
    """Operators from outside close nothing, and leave nothing open."""

    @pytest.mark.parametrize("op", [hundred(), restarts_often()], ids=repr)
    def test_runs_of_the_upstream_are_closed_with_the_run(self, op: Any) -> None:
        for asked in (1, 5):
            probe = Probe(range(3), kept=True)
            run = iter(stream(probe) | op)
            assert len(list(islice(run, asked))) == min(asked, 3 if op == hundred() else 5)
            run.close()
            assert probe.live == 0

    def test_they_are_closed_at_its_end(self) -> None:
        probe = Probe(range(200), kept=True)
        assert len(list(stream(probe) | hundred())) == 100
        assert probe.live == 0

    def test_a_callable_closes_nothing_either(self) -> None:
        probe = Probe(range(200), kept=True)
        run = iter(stream(probe) | (lambda items: islice(items, 100)))
        next(run)
        run.close()
        assert probe.live == 0

    @pytest.mark.parametrize(
        "call",
        [
            lambda upstream: iter(ops.map(abs)(upstream)),
            lambda upstream: ops.take(9)(ops.skip(0)(upstream)),
            lambda upstream: (
                ops.filter(callable)(ops.map(lambda item: lambda: item)(upstream))
                | ops.map(lambda item: item())
            ),
            lambda upstream: Pass.over(upstream).then(iter),
            lambda upstream: Pass.over(upstream).then(iter).then(iter),
            lambda upstream: iter(upstream).items,
            lambda upstream: (item for item in Pass.over(upstream).items),
        ],
        ids=range(7),
    )
    def test_our_operators_may_be_called_in_a_step(self, call: Any) -> None:
        probe = Probe(range(5), kept=True)
        for source in (stream(probe), stream(numbers, 5), range(5)):
            assert list(stream(source) | call) == [*range(5)]
        run: Any = iter(stream(probe) | call)
        next(run)
        run.close()
        assert probe.live == 0

    def test_a_thread_of_the_operator_may_still_read(self) -> None:
        go_on = threading.Event()

        def slow() -> Iterator[int]:
            yield 1
            yield 2
            go_on.wait()

        assert list(stream(slow) | in_a_thread() | ops.take(2)) == [1, 2]
        go_on.set()

    def test_operators_from_outside_follow_one_another(self) -> None:
        probe = Probe(range(200), kept=True)
        run: Any = iter(stream(probe) | hundred() | hundred() | hundred())
        next(run)
        run.close()
        assert probe.live == 0
        assert sum(1 for _ in range(2) | hundred() | restarts_often()) == 2000

    def test_restarts_are_not_held(self) -> None:
        run: Any = iter(range(2) | restarts_often())
        assert sum(1 for _ in run) == 2000
        begun, _ = run.owned
        assert begun.alive() <= 1

    def test_the_upstream_is_like_any_other(self) -> None:
        plain = stream(range(3))
        (text, equal, hashed), copies = stream(range(3)) | shown()
        copy, seeded, longer = copies
        assert (text, equal, hashed) == (repr(plain), True, hash(plain))
        assert type(copy) is type(seeded) is type(longer) is Stream
        assert copy == seeded == plain

    def test_what_an_operator_returns_must_be_an_iterable(self) -> None:
        @operator
        class nothing(Same):  # noqa: N801
            def __call__(self, upstream: Any, /) -> Any:
                pass

        with pytest.raises(pescador.DataError, match=r"nothing\(\): gave None, which cannot"):
            list(range(3) | nothing())

    def test_the_documented_operator_is_lawful(self) -> None:
        assert_lawful(hundred())


class TestFacades:
    def test_a_facade_says_what_it_is_by_a_method_of_its_class(self) -> None:
        class Reader:
            def __stream__(self) -> Any:
                return stream("xyz")

        assert stream(Reader()) == stream("xyz") == stream(Streamer("xyz"))
        assert stream(len, Reader()) == stream(len, stream("xyz"))
        assert list([Reader(), "ab"] | ops.chain()) == [*"xyzab"]

    def test_an_attribute_of_that_name_is_the_users(self) -> None:
        class Reader:
            stream = stream("xyz")

            def __iter__(self) -> Any:
                return iter([1, 2, 3])

        assert list(stream(Reader())) == [1, 2, 3]
        one, other = logging.StreamHandler(sys.stderr), logging.StreamHandler(sys.stderr)
        assert stream(len, one) != stream(len, other)
        assert stream(len, one) == stream(len, one)


class TestNames:
    """Pickles of descriptions survive every move of a file: they name public modules alone."""

    @pytest.mark.parametrize("name", ops.__all__)
    def test_operators_carry_the_public_module(self, name: str) -> None:
        operator = getattr(ops, name)
        assert operator.__module__ == "pescador.ops"
        assert operator.__doc__
        assert typing.get_type_hints(operator.__init__)["return"] is type(None)
        typing.get_type_hints(operator)

    @pytest.mark.parametrize("name", pescador.__all__)
    def test_hints_are_found_where_a_class_says_that_it_is(self, name: str) -> None:
        value = getattr(pescador, name)
        if isinstance(value, type):
            typing.get_type_hints(value)
            typing.get_type_hints(getattr(value, "seed", value))

    @pytest.mark.parametrize("name", [n for n in pescador.__all__ if n != "SEED"])
    def test_exports_carry_the_public_module(self, name: str) -> None:
        module = getattr(getattr(pescador, name), "__module__", "pescador")
        assert module in {"pescador", "pescador.errors", "pescador.maps"}

    def test_a_pickle_names_no_private_room(self) -> None:
        state = np.random.RandomState(0)
        described: Any = {"a": stream(len, pescador.SEED), "b": "xyz"} | (
            ops.mux(2, random_state=state) | list | ops.shuffle(3) | ops.cycle(reseed=True)
        )
        mixed = ["ab"] | stochastic_mux(2)
        for one in (described, described.seed(7), mixed, Streamer(described), Op.sharding):
            modules = named_modules(pickle.dumps(one))
            assert {name for name in modules if name.startswith("pescador")} <= PUBLIC


PUBLIC = {"pescador", "pescador.ops", "pescador.ops.mixing"}


def named_modules(pickled: bytes) -> set[str]:
    """The strings in a pickle: modules, and other names."""
    return {arg for _, arg, _ in pickletools.genops(pickled) if isinstance(arg, str)}


def test_an_operator_that_is_not_a_dataclass_is_told_to_be_one() -> None:
    class bare(Same):  # noqa: N801
        def __call__(self, upstream: Any, /) -> Iterator[Any]:
            return iter(upstream)

    with pytest.raises(
        ParameterTypeError, match="bare is not a frozen dataclass: write @dataclass"
    ):
        stream("ab") | bare()


def test_lengths_of_endless_pools() -> None:
    assert (["ab", "c"] | ops.round_robin("cycle")).length == math.inf
