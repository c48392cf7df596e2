"""`profile`: it changes nothing, its counts are right, and its clocks tell the steps apart."""

from __future__ import annotations

import itertools
import threading
from collections import Counter, UserList
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pescador import ParameterError, ParameterTypeError, Same, Stream, Streamer, profile, stream
from pescador.inspecting import Profile, probing, profiling
from pescador.inspecting.outlining import outline
from pescador.inspecting.probing import Records, probed, size
from pescador.ops import (
    batch,
    chain,
    cycle,
    filter,  # noqa: A004
    map,  # noqa: A004
    mux,
    round_robin,
    shard,
    shuffle,
    shuffled,
    skip,
    take,
)
from pescador.testing import Probe, alike
from readings import elements, unseeded
from sources import seed_numpy, shown
from strategies import streams


def watched(described):
    return probed(described, outline(described), Records())


def numbers(n):
    yield from range(n)


def is_odd(number):
    return number % 2


def next_of_numpy():
    return np.random.randint(2**31)


def counts(found):
    return [step.elements for step in found.steps]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ahead(Same):  # noqa: N801
    """What runs its upstream in a thread, all of it before the first element."""

    def __call__(self, upstream):
        items = []
        thread = threading.Thread(target=lambda: items.extend(upstream))
        thread.start()
        thread.join()
        return iter(items)

    @property
    def runs_in(self):
        return "a thread"


class Clock:
    """A time that passes when it is told to, so that what clocks measure can be said exactly."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def __repr__(self):
        return "0"

    def spend(self, seconds, item=None):
        self.now += seconds
        return item


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in (probing, profiling):
        monkeypatch.setattr(module, "perf_counter", clock)
    return clock


class Taking:
    """A function of an element that takes so long."""

    def __init__(self, clock, seconds):
        self.clock = clock
        self.seconds = seconds

    def __repr__(self):
        return f"Taking({self.seconds})"

    def __call__(self, item):
        return self.clock.spend(self.seconds, item)


class TestNothingChanges:
    @given(streams())
    def test_the_elements_and_their_order_are_those_of_the_stream(self, case):
        described, expected = case
        for one, other in zip(watched(described), expected, strict=True):
            pooled = isinstance(other, Stream | list | range)
            assert alike(list(one), list(other)) if pooled else alike(one, other)

    @given(unseeded(), st.integers(0, 9))
    def test_the_seeds_are_those_of_the_stream(self, described, number):
        seeded = described.seed(number)
        assert elements(watched(seeded)) == elements(seeded)

    @given(unseeded(), st.integers(0, 9))
    def test_a_stream_may_be_seeded_with_its_probes(self, described, number):
        assert elements(watched(described).seed(number)) == elements(described.seed(number))

    @given(unseeded(random_state=0), st.integers(0, 9))
    def test_as_much_is_drawn_of_global_state(self, described, number):
        seed_numpy(number)
        expected = elements(described)
        following = next_of_numpy()
        seed_numpy(number)
        assert elements(watched(described)) == expected
        assert next_of_numpy() == following

    @pytest.mark.parametrize(
        "described",
        [
            range(9) | skip(3) | take(4),
            {"a": 1, "b": 2, "c": 3} | skip(1),
            "abcdef" | shard(1, 2),
            np.arange(5) | map(float),
            {"a": "xyz", "b": "uv"} | mux(2, tag=True, weights={"b": 1, "a": 2}, random_state=0),
            {"a": "xyz", "b": "uv"} | map(sorted) | round_robin(tag=True),
            UserList([range(3), "ab"]) | round_robin(),
            [lambda: iter("ab"), {"x": 1}, Streamer("cd")] | chain(),
            (range(3) | shuffle(3)) | map(range) | shuffled(random_state=1),
            (["ab" | shuffle(2), "cd"] | mux(1, random_state=0)).seed(1, 2),
            ("abc" | shuffle(3) | cycle(3, reseed=True)).seed(1),
        ],
        ids=repr,
    )
    def test_what_operators_look_for_in_their_upstream_is_there(self, described):
        seed_numpy(0)
        expected = list(itertools.islice(described, 30))
        seed_numpy(0)
        assert list(itertools.islice(watched(described), 30)) == expected

    @given(streams())
    def test_lengths_are_those_of_the_stream(self, case):
        described, _ = case
        assert watched(described).length == described.length

    def test_no_more_is_read(self):
        source = Probe(range(100))
        profile(source | map(str) | batch(3), n=4)
        assert source.read == 12

    def test_nothing_is_left_open(self):
        pool = [Probe(itertools.count(), kept=True) for _ in range(5)]
        profile(pool | mux(2, lam=1, random_state=0) | map(str), n=40)
        assert sum(probe.runs for probe in pool) > 5
        assert {probe.live for probe in pool} == {0}

    def test_an_error_is_the_users(self):
        def failing():
            yield 1
            raise OSError("file is truncated")

        with pytest.raises(OSError, match="truncated") as caught:
            profile({"a": stream(failing)} | mux(1, random_state=0))
        (note,) = caught.value.__notes__
        assert note.startswith("mux(1, random_state=0): raised by stream 'a'")

    def test_a_member_that_is_no_stream_is_refused(self):
        with pytest.raises(ParameterTypeError):
            profile(range(3) | chain())


class TestSteps:
    def test_elements_are_counted(self):
        found = profile(range(20) | filter(is_odd) | map(str) | batch(4))
        assert counts(found) == [20, 10, 10, 2]
        assert [step.step for step in found.steps] == [
            "stream(range(0, 20))",
            "filter(is_odd)",
            "map(str)",
            "batch(4)",
        ]
        assert found.elements == 2

    def test_only_n_elements_are_run(self):
        assert counts(profile(stream(numbers, 10**9) | batch(4), n=5)) == [20, 5]

    def test_a_thousand_if_nothing_is_said(self):
        assert profile(stream(itertools.count) | map(str)).elements == 1000

    @pytest.mark.parametrize(
        ("n", "error"), [(0, ParameterError), (-1, ParameterError), (1.5, ParameterTypeError)]
    )
    def test_n_is_a_count(self, n, error):
        with pytest.raises(error, match="profile: n must be"):
            profile("ab", n)

    def test_indexing_counts_what_is_read(self):
        assert counts(profile(range(50) | skip(5))) == [45, 45]

    def test_a_stream_of_nothing(self):
        found = profile(() | map(str))
        assert counts(found) == [0, 0]
        nothing = [(step.rate, step.throughput, step.nbytes) for step in found.steps]
        assert nothing == [(0, 0, 0)] * 2
        assert str(found).startswith("0 elements in ")

    def test_rounds_are_counted_together(self):
        assert counts(profile(stream(numbers, 3) | cycle(4) | batch(6))) == [12, 12, 2]

    def test_streams_of_a_pool_that_are_alike_are_counted_together(self):
        pool = [stream(numbers, n) | map(str) for n in range(1, 5)] + ["ab"]
        found = profile(pool | round_robin())
        assert counts(found) == [5, 10, 10, 2, 12]

    def test_a_pool_that_is_made_while_it_runs(self):
        found = profile(range(1, 4) | map(numbers) | chain() | map(str))
        assert counts(found) == [3, 3, 6, 6, 6]
        assert [step.line for step in found.steps][2].startswith("└─ 0 and 2 like it: stream(<gen")

    def test_a_pool_in_a_pool(self):
        inner = ["ab", "cd"] | chain()
        found = profile({"x": inner, "y": inner | map(str)} | chain() | batch(2))
        assert counts(found) == [2, 2, 4, 4, 2, 4, 4, 4, 8, 4]
        assert [{one.name for one in pool.streams} for pool in found.pools] == [
            {"x", "y"},
            {0, 1},
            {0, 1},
        ]


class TestTimes:
    def test_each_step_has_its_own_time(self, clock):
        def source():
            for item in range(4):
                clock.spend(8)
                yield item

        described = stream(source) | map(Taking(clock, 2)) | batch(2) | map(Taking(clock, 1))
        found = profile(described)
        assert [step.seconds for step in found.steps] == [32, 8, 0, 2]
        assert found.seconds == 42
        assert [step.share for step in found.steps] == [32 / 42, 8 / 42, 0, 2 / 42]
        assert found.slowest is found.steps[0]
        assert found.steps[1].rate == 0.5
        assert found.steps[1].throughput == 4

    def test_the_time_of_its_end_is_a_steps_too(self, clock):
        def source():
            yield 1
            clock.spend(5)

        assert profile(stream(source) | map(Taking(clock, 1))).steps[0].seconds == 5

    def test_time_between_the_streams_of_a_pool_is_the_muxs(self, clock):
        def source():
            clock.spend(4)
            yield from range(2)

        class Tape(UserList):
            def __getitem__(self, index):
                clock.spend(16)
                return super().__getitem__(index)

        pool = {"a": stream(source), "b": Tape("xyz") | skip(1)}
        found = profile(pool | round_robin() | map(Taking(clock, 1)))
        assert [step.seconds for step in found.steps] == [0, 4, 32, 0, 0, 4]
        assert counts(found) == [2, 2, 2, 2, 4, 4]
        assert {one.name: one.opening for one in found.pools[0].streams} == {"a": 4, "b": 16}
        assert [one.name for one in found.pools[0].streams] == ["b", "a"]

    def test_what_the_consumer_does_takes_no_step_s_time(self, clock):
        def consume(items):
            for item in items:
                clock.spend(100)
                yield item

        found = profile(stream(numbers, 3) | map(Taking(clock, 1)) | consume)
        assert [step.seconds for step in found.steps] == [0, 3, 300]

    def test_what_is_waited_for(self, clock):
        described = range(3) | map(Taking(clock, 5)) | ahead() | map(Taking(clock, 1))
        found = profile(described)
        assert counts(found) == [None, None, 3, 3]
        assert [step.seconds for step in found.steps] == [0, 0, 15, 3]
        assert [step.waits_for for step in found.steps] == ["", "", "a thread", ""]
        assert found.waiting == 15
        assert "It waits for a thread: profile the steps before it" in str(found)
        assert "Waiting: 15.0 s" in str(found)

    def test_a_pool_after_a_boundary(self):
        found = profile([range(2), "ab"] | ahead() | chain())
        assert counts(found)[-2:] == [2, 4]
        assert found.pools[0].given == (0, 0, 1, 1)


class TestBytes:
    @pytest.mark.parametrize(
        ("item", "nbytes"),
        [
            (np.zeros((3, 4)), 96),
            (np.float32(1), 4),
            ({"X": np.zeros(4, "f4"), "Y": {"z": np.int64(1)}}, 24),
            ((np.zeros(2), [np.zeros(3), 1.5]), 48),
            ("abc", 3),
            (b"ab", 2),
            (7, 8),
            (None, 0),
            (object(), 0),
        ],
        ids=shown,
    )
    def test_the_bytes_of_an_element(self, item, nbytes):
        assert size(item) == nbytes

    def test_all_elements_are_estimated_by_some(self):
        found = profile(stream(lambda: (np.zeros(4) for _ in range(100))) | batch(10))
        assert [step.nbytes for step in found.steps] == [3200, 3200]


def tagged(described, n):
    """The names of the streams that elements come from, as the stream itself tells them."""
    return tuple(name for name, _ in itertools.islice(described, n))


class TestPools:
    @pytest.mark.parametrize(
        "op",
        [
            mux(2, lam=3, tag=True, random_state=1),
            mux(2, lam=3, tag=True, mode="exhaustive", random_state=1),
            mux(3, lam=2, tag=True, mode="single_active", random_state=1),
            shuffled(tag=True, random_state=1),
            round_robin("permuted_cycle", tag=True, random_state=1),
            chain("cycle", tag=True),
        ],
        ids=repr,
    )
    @pytest.mark.parametrize(
        "pool", [[range(4), "abcdefgh", (), range(3)], {"a": range(5), "b": "ab"}], ids=repr
    )
    def test_which_stream_each_element_came_from(self, op, pool):
        described = pool | op
        expected = tagged(described, 60)
        (found,) = profile(described, 60).pools
        assert found.given == expected
        assert found.op == repr(op)
        elements = Counter(expected)
        assert {one.name: one.elements for one in found.streams if one.elements} == elements
        for place, name in enumerate(expected):  # It came from a stream that was active.
            assert any(
                name == active and begin <= place < end for active, begin, end in found.visits
            )

    def test_activations_and_retirements(self):
        begun, ended = Counter(), Counter()

        def source(name):
            begun[name] += 1
            try:
                yield from itertools.count()
            finally:
                ended[name] += 1

        described = {name: stream(source, name) for name in "abcde"} | mux(
            2, lam=2, dist="constant", random_state=0
        )
        (pool,) = profile(described, n=40).pools
        activated = {one.name: one.activations for one in pool.streams}
        retired = {one.name: one.retirements for one in pool.streams}
        active = Counter(activated) - Counter(retired)
        assert active.total() == 2
        assert len(pool.visits) == sum(activated.values()) >= 20
        # What is active at the end is closed then, if it has begun.
        assert all(retired[name] <= ended[name] == begun[name] for name in begun)
        assert Counter(activated) - active == Counter(retired)
        assert all(one.elements <= 2 * one.activations for one in pool.streams)

    def test_what_is_closed_with_its_mux_is_not_retired(self):
        described = ["ab" | cycle(), "cd" | cycle()] | round_robin() | take(10)
        (pool,) = profile(described).pools
        assert [one.retirements for one in pool.streams] == [0, 0]
        assert [one.activations for one in pool.streams] == [1, 1]
        assert {end for _, _, end in pool.visits} == {10}

    def test_streams_that_end_are_retired(self):
        (pool,) = profile(["ab", "cde"] | round_robin()).pools
        assert [one.retirements for one in pool.streams] == [1, 1]
        assert set(pool.visits) == {(0, 0, 5), (1, 0, 5)}

    def test_rounds_of_a_pool_follow_one_another(self):
        (pool,) = profile(["ab", "c"] | chain() | cycle(2)).pools
        assert pool.given == (0, 0, 1) * 2
        assert pool.visits == ((0, 0, 2), (1, 2, 3), (0, 3, 5), (1, 5, 6))
        assert [(one.name, one.gain) for one in pool.streams if one.name] == [(1, 1.0)]

    def test_alike_pools_are_told_together(self):
        inner = [["ab", "c"] | chain(), ["de", "f"] | chain()]
        outer, pool = profile(inner | chain()).pools
        assert outer.given == (0, 0, 0, 1, 1, 1)
        assert pool.given == (0, 0, 1) * 2
        assert {one.name: one.activations for one in pool.streams} == {0: 2, 1: 2}

    def test_names_last_through_a_map(self):
        (pool,) = profile({"a": "xyz", "b": "uv"} | map(sorted) | chain()).pools
        assert pool.given == ("a", "a", "a", "b", "b")

    def test_only_what_was_activated_is_told(self):
        (pool,) = profile([range(5)] * 9 | mux(1, lam=None, random_state=0), n=3).pools
        assert len(pool.streams) == 1


def opened(clock, n):
    clock.spend(0.010)
    yield from ({"x": np.zeros(125)} for _ in range(n))


class TestShown:
    def test_as_text(self, clock):
        pool = {"a": stream(opened, clock, 3), "b": "xyz" | map(Taking(clock, 0.002))}
        found = profile(pool | chain() | map(Taking(clock, 0.001)))
        assert str(found).splitlines() == [
            "6 elements in 22.0 ms: 273 a second",
            "",
            "step                          share     time  elements  elements/s  bytes/s",
            "pool of 2 streams                                    2",
            "├─ 'a': stream(opened, 0, 3)    45%  10.0 ms         3         300   300 kB",
            "└─ 'b': stream('xyz')                                3",
            "   map(Taking(0.002))           27%  6.00 ms         3         500    500 B",
            "chain()                                              6",
            "map(Taking(0.001))              27%  6.00 ms         6      1.00 k   500 kB",
            "",
            "Work on stream(opened, 0, 3): 45% of the time",
            "",
            "chain()",
            "stream  activations  elements  retirements  per activation  opening",
            "'a'               1         3            1             3.0  10.0 ms",
            "'b'               1         3            1             3.0  2.00 ms",
        ]

    def test_the_costliest_streams_stand_first_and_the_rest_are_counted(self, clock):
        def source(cost):
            clock.spend(cost)
            yield cost

        found = profile([stream(source, cost) for cost in range(1, 13)] | chain())
        lines = str(found).partition("chain()\nstream")[2].splitlines()
        assert lines[1].split() == ["11", "1", "1", "1", "1.0", "12.0", "s"]
        assert lines[-1] == "and 2 streams that took less to open"
        assert found.slowest.share == 1
        assert f"Work on {found.slowest.step}: 100% of the time" in str(found)

    def test_in_a_notebook(self):
        html = profile(["ab"] | chain())._repr_html_()
        assert html.count("<table>") == 2
        assert "Work on" in html

    def test_by_rich(self):
        console = pytest.importorskip("rich.console").Console(width=120)
        with console.capture() as captured:
            console.print(profile(["ab"] | chain()))
        assert "per activation" in captured.get()

    def test_it_is_a_value(self, clock):
        assert profile("ab" | map(str)) == profile("ab" | map(str))
        assert isinstance(profile("ab"), Profile)
