"""`check`: each finding provoked, and no false alarm on any example of the documentation."""

from __future__ import annotations

import doctest
import importlib
import itertools
import pkgutil
import re
import runpy
import sys
from pathlib import Path

import pytest
from hypothesis import given

import pescador
from pescador import SEED, Stream, Streamer, check, stream
from pescador.inspecting import Finding
from pescador.ops import (
    batch,
    chain,
    cycle,
    map,  # noqa: A004
    mux,
    round_robin,
    shuffle,
    shuffled,
    take,
    zmq,
)
from strategies import streams

ROOT = Path(__file__).parent.parent


def numbers(n, seed=None):
    yield from range(n)


def endless():
    yield from itertools.count()


def move(workers=1):
    """What needs a pickle of its upstream."""
    return zmq(workers, start_method="spawn")


@pytest.fixture
def _without_cloudpickle(monkeypatch):
    """Where only what is importable by name can be pickled."""
    monkeypatch.setitem(sys.modules, "cloudpickle", None)


without_cloudpickle = pytest.mark.usefixtures("_without_cloudpickle")


def only(described):
    """The one finding."""
    (finding,) = check(described)
    return finding


def said(finding):
    return finding.severity, finding.step, finding.problem


class TestLengths:
    def test_more_is_taken_than_there_is(self):
        finding = only(range(3) | take(4))
        assert said(finding) == ("warning", take(4), "there are only 3 elements")
        assert finding.instead == "take(3)"

    @pytest.mark.parametrize("fits", [range(4) | take(4), stream(numbers, 1) | take(9)])
    def test_what_may_be_there_is_taken(self, fits):
        assert check(fits) == []

    def test_a_batch_can_never_fill(self):
        finding = only(range(3) | batch(4))
        problem = "it is never filled, there are only 3 elements"
        assert said(finding) == ("error", batch(4), problem)
        assert finding.instead == "batch(4, partial=True)"

    @pytest.mark.parametrize("fits", [range(4) | batch(4), range(3) | batch(4, partial=True)])
    def test_a_batch_that_fills(self, fits):
        assert check(fits) == []

    @pytest.mark.parametrize("gather", [list, tuple, set, frozenset, sorted])
    def test_everything_is_asked_of_what_has_no_end(self, gather):
        finding = only(range(3) | cycle() | gather)
        assert finding.severity == "error"
        assert finding.problem == "it asks for all elements of an endless stream"
        assert finding.instead == f"take(n) before {gather.__name__}"

    @pytest.mark.parametrize(
        "fits",
        [range(3) | cycle(2) | list, stream(endless) | list, range(3) | cycle() | enumerate],
        ids=repr,
    )
    def test_everything_may_have_an_end(self, fits):
        assert check(fits) == []

    def test_all_of_a_stream_of_the_pool_is_asked_for(self):
        finding = only([range(3), "ab" | cycle()] | map(list))
        assert finding.severity == "error"
        assert finding.problem == "it asks for all of stream 1, which is endless"

    def test_streams_may_be_cut_before_all_of_them_is_asked_for(self):
        assert check(["ab" | cycle()] | map(take(3)) | map(list)) == []

    @pytest.mark.parametrize("join", [mux(1), shuffled(), round_robin()], ids=repr)
    def test_a_pool_without_end_is_read_first(self, join):
        finding = only("ab" | cycle() | join)
        problem = "it reads its whole pool first, and the pool is endless"
        assert said(finding) == ("error", join, problem)

    def test_a_chain_reads_its_pool_as_it_goes(self):
        assert check("ab" | cycle() | chain()) == []


class TestBeginningAgain:
    @pytest.mark.parametrize("times", [None, 2])
    def test_a_cycle_over_nothing(self, times):
        finding = only(() | cycle(times))
        assert said(finding) == ("error", cycle(times), "it restarts a stream that has no elements")

    @pytest.mark.parametrize(
        "join",
        [mux(2), shuffled(), round_robin("cycle"), round_robin("permuted_cycle"), chain("cycle")],
        ids=repr,
    )
    def test_a_pool_of_nothing(self, join):
        finding = only([(), ""] | join)
        assert said(finding) == ("error", join, "it restarts a stream that has no elements")

    @pytest.mark.parametrize("join", [round_robin(), chain(), mux(2, mode="exhaustive")], ids=repr)
    def test_a_pool_of_nothing_that_is_run_once(self, join):
        assert check([(), ""] | join) == []

    def test_a_started_generator_is_cycled(self):
        finding = only(numbers(3) | cycle())
        problem = "it restarts the generator numbers, which is started already "
        assert said(finding) == ("warning", cycle(), problem + "and yields each element once")
        assert finding.instead == "stream(function), of the function that makes it"

    @pytest.mark.parametrize(
        "fits",
        [numbers(3) | cycle(1), stream(numbers, 3) | cycle(), numbers(3) | take(2)],
        ids=["once", "a function", "not cycled"],
    )
    def test_what_is_run_once_or_can_be_run_again(self, fits):
        assert check(fits) == []

    @pytest.mark.parametrize(
        "join",
        [
            mux(2),
            mux(2, mode="single_active"),
            shuffled(),
            round_robin("cycle"),
            chain("cycle"),
        ],
        ids=repr,
    )
    def test_a_started_generator_is_activated_again(self, join):
        finding = only({"a": range(3), "b": numbers(3)} | join)
        assert finding.severity == "warning"
        assert finding.step == join
        assert finding.stream == ("b",)
        assert "the generator numbers, which is started already" in finding.problem

    @pytest.mark.parametrize("join", [mux(2, mode="exhaustive"), round_robin(), chain()], ids=repr)
    def test_a_started_generator_is_activated_once(self, join):
        assert check([range(3), numbers(3)] | join) == []

    def test_a_started_generator_of_weight_0(self):
        assert check([numbers(3), range(3), range(3)] | mux(2, weights=[0, 1, 1])) == []

    def test_a_pool_that_is_a_started_iterator(self):
        pool = [range(3), "ab"]
        assert check(iter(pool) | mux(2)) == []
        assert "the list_iterator" in only(iter(pool) | chain("cycle")).problem

    def test_a_cycle_over_a_mux_of_started_generators(self):
        finding = only([numbers(3), range(3)] | mux(2, mode="exhaustive") | cycle())
        assert finding.stream == (0,)
        assert finding.step == cycle()


class TestMux:
    @pytest.mark.parametrize("mode", ["with_replacement", "single_active", "exhaustive"])
    def test_more_are_active_than_there_are(self, mode):
        finding = only([range(3), range(4)] | mux(3, mode=mode))
        assert finding.severity == "warning"
        assert finding.problem.startswith("there are only 2 streams to be active")
        assert ("several times at once" in finding.problem) == (mode == "with_replacement")
        assert finding.instead == "k=2, or less"

    def test_streams_of_weight_0_are_not_among_them(self):
        assert only([range(3), range(4)] | mux(2, weights=[0, 1])).instead == "k=1, or less"
        assert check([range(3), range(4)] | mux(1, weights=[0, 1])) == []

    def test_how_many_there_are_may_not_be_known(self):
        assert check("ab" | map(ord) | map(range) | mux(3)) == []

    def test_weights_that_are_a_function(self):
        assert check([range(3), range(4)] | mux(2, mode="exhaustive", weights=weigh)) == []

    def test_a_weight_of_0_in_an_exhaustive_mux(self):
        pool = {"a": range(3), "b": range(4)}
        finding = only(pool | mux(1, mode="exhaustive", weights={"a": 1, "b": 0}))
        assert finding.severity == "warning"
        assert finding.problem == "stream 'b' has weight 0, so it yields nothing"

    @pytest.mark.parametrize("k", [1, 2])
    def test_as_many_are_active_as_there_are(self, k):
        assert check([range(3), range(4)] | mux(k)) == []


def weigh(drawn):
    return [0, 1]


class TestMoving:
    @without_cloudpickle
    def test_a_step_that_cannot_be_pickled(self):
        steps = map(str) | map(lambda number: number)
        finding = only(range(3) | steps | move())
        assert finding.severity == "error"
        assert finding.step == steps.ops[1]
        assert finding.problem.startswith("it cannot be pickled, to be sent to another process: ")
        assert finding.instead == "functions and classes at the top of a module"

    @without_cloudpickle
    def test_a_source_that_cannot_be_pickled(self):
        def local():
            yield 1

        finding = only(stream(local) | map(str) | move())
        assert finding.step == stream(local)

    @without_cloudpickle
    def test_a_stream_of_the_pool_that_cannot_be_pickled(self):
        pool = {"a": range(3), "b": range(3) | map(lambda number: number)}
        finding = only(pool | mux(2) | move())
        assert finding.stream == ("b",)
        assert finding.step == pool["b"].ops[0]

    def test_an_error_without_words(self):
        class Mute:
            def __call__(self, item):
                return item

            def __reduce__(self):
                raise RuntimeError

        finding = only(range(3) | map(Mute()) | move())
        assert finding.problem.endswith(": RuntimeError()")

    def test_a_lambda_in_a_fork_or_with_cloudpickle(self):
        pytest.importorskip("cloudpickle")
        assert check(range(3) | map(lambda number: number) | move()) == []
        assert check(range(3) | map(lambda number: number) | zmq(start_method="fork")) == []

    @pytest.mark.parametrize("workers", [1, 2])
    def test_a_step_that_can(self, workers):
        assert check(stream(numbers, 3) | map(str) | move(workers)) == []

    def test_a_started_generator_is_moved(self):
        finding = only([numbers(3), range(3)] | chain() | move())
        assert finding.severity == "error"
        assert finding.step == move()
        assert finding.stream == (0,)
        problem = "the generator numbers is started already, "
        assert finding.problem == problem + "so it cannot be sent to another process"

    def test_a_random_step_behind_several_workers(self):
        finding = only(range(3) | shuffle(4) | move(2))
        problem = "it draws at random without a seed, in each of 2 workers"
        assert said(finding) == ("warning", shuffle(4), problem)

    @pytest.mark.parametrize("join", [mux(1), shuffled(), round_robin("permuted_cycle")], ids=repr)
    def test_a_random_mixture_behind_several_workers(self, join):
        assert only([range(3)] | join | move(2)).step == join

    def test_a_random_step_in_a_stream_of_the_pool(self):
        finding = only([range(3) | shuffle(4), range(2)] | round_robin() | move(2))
        assert finding.step == shuffle(4)
        assert finding.stream == (0,)

    @pytest.mark.parametrize(
        "source", [stream(numbers, 3, seed=SEED), stream(numbers, SEED)], ids=repr
    )
    def test_a_source_that_waits_for_a_seed(self, source):
        finding = only(source | map(str) | move(2))
        assert finding.step == source

    @pytest.mark.parametrize(
        "fits",
        [
            range(3) | shuffle(4) | move(1),
            (range(3) | shuffle(4) | move(2)).seed(0),
            (stream(numbers, 3, seed=SEED) | move(2)).seed(0),
            ([stream(numbers, 3, seed=SEED) | shuffle(2)] | chain() | move(2)).seed(0),
            (stream(numbers, 3, seed=SEED) | shuffle(2) | cycle(2, reseed=True) | move(2)).seed(0),
            range(3) | shuffle(4, random_state=0) | move(2),
            range(3) | move(2) | shuffle(4),
            [range(3)] | round_robin() | move(2),
        ],
        ids=repr,
    )
    def test_a_random_step_with_a_seed_or_one_worker(self, fits):
        assert check(fits) == []


class TestFindings:
    def test_they_come_in_the_order_of_the_steps(self):
        found = check([() | cycle()] | mux(2, random_state=0) | take(3) | batch(4))
        assert [type(one.step).__name__ for one in found] == [
            "cycle",
            *["mux"] * 2,
            "take",
            "batch",
        ]

    def test_nothing_is_run(self):
        ran = []

        def source():
            ran.append("source")
            yield 1

        pool = [stream(source) | map(ran.append)] | mux(3) | take(2) | batch(4)
        assert len(check(pool)) == 1
        assert not ran

    def test_where_in_the_pool_is_said(self):
        inner = {"x": range(3) | take(5)} | mux(1)
        finding = only([range(3), inner] | mux(2))
        assert finding.stream == (1, "x")
        assert str(finding) == (
            "warning: take(5) in stream 'x' in stream 1: there are only 3 elements; "
            "instead: take(3)"
        )

    def test_what_is_alike_is_said_once(self):
        pool = [range(3) | take(n) for n in range(10)] + [range(4) | take(9)]
        first, last = check(pool | mux(4))
        assert (first.stream, first.alike, last.alike) == ((4,), 5, 0)
        assert str(first).startswith("warning: take(4) in stream 4 and 5 like it: ")

    def test_steps_of_one_stream_are_not_alike(self):
        assert len(check(range(3) | take(5) | take(5))) == 2

    def test_a_facade_is_looked_at(self):
        assert only(Streamer(range(3) | take(5))).step == take(5)
        assert only([Streamer(range(3) | take(5))] | map(list)).stream == (0,)

    def test_they_are_values(self):
        assert only(range(3) | take(5)) == only(range(3) | take(5))
        assert isinstance(only(range(3) | take(5)), Finding)


@given(streams())
def test_checking_never_fails_and_says_the_same_again(case):
    described, _ = case
    assert check(described) == check(described)


# Examined is every stream that an example runs, and each before its steps.
@pytest.fixture
def examined(monkeypatch):
    """Every stream that is run; it runs as ever."""
    seen = {}
    run = Stream.__iter__

    def noted(described):
        seen[id(described)] = described
        return run(described)

    monkeypatch.setattr(Stream, "__iter__", noted)
    return seen


def alarms(seen):
    return {f"{described!r}: {one}" for described in [*seen.values()] for one in check(described)}


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.rst"))]
MODULES = [
    module.name
    for module in pkgutil.walk_packages(pescador.__path__, "pescador.")
    if not module.name.endswith("__main__")
]


def run_examples(test):
    # The laws try a step on inputs of their own, such as a single element.
    test.examples = [one for one in test.examples if "assert_lawful(" not in one.source]
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    doctest.DocTestRunner(optionflags=options).run(test, out=lambda text: None, clear_globs=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_false_alarm_on_a_page(page, examined):
    if page.stem in ("keras", "torch"):
        pytest.importorskip(page.stem)
    text = page.read_text()
    run_examples(doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0))
    assert alarms(examined) == set()
    assert examined or not re.search(r">>> .*\|", text) or "reference" in page.parts


# Operators show their edge cases, some of which are rightly found to be mistakes.
SHOWN = {
    "pescador.ops": {
        "it restarts a stream that has no elements",
        "there are only 2 streams to be active",
        "there are only 3 elements",
    },
}


@pytest.mark.parametrize("name", MODULES)
def test_no_false_alarm_on_a_docstring(name, examined):
    for test in doctest.DocTestFinder().find(importlib.import_module(name)):
        run_examples(test)
    found = [one for described in examined.values() for one in check(described)]
    assert {one.problem for one in found} == SHOWN.get(name, set())


@pytest.mark.slow
@pytest.mark.parametrize("example", ["iris.py", "mixture.py"])
def test_no_false_alarm_on_an_example(example, examined):
    runpy.run_path(str(ROOT / "examples" / example), run_name="__main__")
    assert any(isinstance(op, mux) for described in examined.values() for op in described.ops)
    assert alarms(examined) == set()
