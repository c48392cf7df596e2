"""What is mixed: which streams are active, in which shares, for how long, and what is left open."""

import math
import random
from collections import Counter
from contextlib import closing
from dataclasses import replace
from itertools import count, islice, pairwise, repeat

import numpy as np
import pytest

from pescador import DataError, ParameterError, ParameterTypeError, StochasticMux, Streamer, stream
from pescador.ops import chain, mux, round_robin, shuffle, shuffled, take
from sources import Fault, Recorded, failing, notes, seed_numpy, until_fault

MODES = ["with_replacement", "single_active", "exhaustive"]
DISTS = ["poisson", "poisson_mean", "binomial", "constant"]
JOINS = [
    *(mux(2, 2, mode=mode, random_state=3) for mode in MODES),
    shuffled(random_state=3),
    round_robin(),
    round_robin("cycle"),
    round_robin("permuted_cycle", random_state=3),
    chain(),
    chain("cycle"),
]
each_join = pytest.mark.parametrize("join", JOINS, ids=repr)
each_mode = pytest.mark.parametrize("mode", MODES)
each_dist = pytest.mark.parametrize("dist", DISTS)


def endless(item):
    """A source that gives one item for ever."""
    while True:
        yield item


def recorded_pool(n, items=None):
    """So many streams of pairs, their index and a count, and the list of all their events."""
    events = []
    return events, [
        Recorded([(i, j) for j in range(items)] if items is not None else endless(i), events, i)
        for i in range(n)
    ]


def most_active(events, name=None):
    """The largest number of streams, or of passes of one stream, that were active at a time."""
    active = most = 0
    for who, kind in events:
        if name in (None, who):
            active += 1 if kind == "begin" else -1
            most = max(most, active)
    return most


def chi_square(observed, expected):
    """Pearson's statistic in units of its standard deviation from its mean."""
    observed, expected = np.asarray(observed, float), np.asarray(expected, float)
    freedom = len(expected) - 1
    return (((observed - expected) ** 2 / expected).sum() - freedom) / math.sqrt(2 * freedom)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "op", [mux(4, None, mode="exhaustive"), shuffled()], ids=["mux", "shuffled"]
)
def test_streams_that_stay_active_are_drawn_by_their_weights(op, seed):
    weights = np.array([1, 2, 3, 4])
    op = replace(op, weights=weights, random_state=seed)
    drawn = Counter([stream(endless, i) for i in range(4)] | op | take(20_000))
    assert chi_square([drawn[i] for i in range(4)], 2_000 * weights) < 3


@each_dist
@pytest.mark.parametrize("mode", MODES[:2])
def test_streams_are_activated_alike_whatever_their_weights(mode, dist):
    events, pool = recorded_pool(5)
    mixed = pool | mux(1, 3, weights=[1, 2, 3, 4, 10], mode=mode, dist=dist, random_state=0)
    list(mixed | take(15_000))
    begun = [events.count((i, "begin")) for i in range(5)]
    assert chi_square(begun, [sum(begun) / 5] * 5) < 3


@each_mode
def test_with_one_slot_a_stream_gives_its_quota_in_one_go(mode):
    mixed = [stream(endless, i) for i in range(50)] | mux(
        1, 7, mode=mode, dist="constant", random_state=1
    )
    given = list(mixed | take(350))
    assert all(len(set(given[start : start + 7])) == 1 for start in range(0, 350, 7))


def poisson_pmf(lam):
    return lambda n: math.exp(n * math.log(lam) - lam - math.lgamma(n + 1))


def binomial_pmf(trials, p):
    return lambda n: math.comb(trials, n) * p**n * (1 - p) ** (trials - n)


@pytest.mark.parametrize("lam", [3, 8.5, 30])
@pytest.mark.parametrize("k", [1, 4])
@each_dist
def test_quotas_are_distributed_as_documented(dist, k, lam):
    quotas = {}
    begun = count()

    def counting():
        mine = next(begun)
        given = 0
        try:
            while True:
                given += 1
                yield
        finally:
            quotas[mine] = given

    list([stream(counting)] * 9 | mux(k, lam, dist=dist, random_state=5) | take(3000 * int(lam)))
    # Those that begin before all slots are filled have a share of their own, and the last ones
    # are cut off by the end.
    first, last = 2 * k, 2000
    measured = [quotas[i] - 1 for i in range(first, last)]
    pmf = {
        "poisson": poisson_pmf(lam),
        "poisson_mean": poisson_pmf(lam - 1),
        "binomial": binomial_pmf(int((lam - 1) / (1 - 1 / k)), 1 - 1 / k) if k > 1 else None,
        "constant": lambda n: float(n == math.ceil(lam) - 1),
    }[dist]
    pmf = pmf or poisson_pmf(lam - 1)  # A stream that has all the weight.
    if dist == "constant":
        assert set(measured) == {math.ceil(lam) - 1}
        return
    likely = [n for n in range(200) if pmf(n) * len(measured) > 8]
    expected = np.array([pmf(n) * len(measured) for n in likely])
    observed = np.array([measured.count(n) for n in likely])
    # What is rare is counted with the likeliest, so that nothing is left out.
    expected[expected.argmax()] += len(measured) - expected.sum()
    observed[expected.argmax()] += len(measured) - observed.sum()
    assert chi_square(observed, expected) < 3.5


def test_binomial_quotas_follow_the_share_of_the_weights():
    """How many elements a stream gives is alike, how much that varies depends on its share."""
    quotas = {0: [], 1: []}

    def counting(i):
        given = 0
        try:
            while True:
                given += 1
                yield i
        finally:
            quotas[i].append(given)

    pool = [stream(counting, i) for i in range(2)]
    mixed = pool | mux(2, 20, weights=[9, 1], mode="single_active", dist="binomial", random_state=2)
    list(mixed | take(60_000))
    for i, share in enumerate([0.9, 0.1]):
        sure = quotas[i][1:-1]
        trials = int(19 / (1 - share))
        assert abs(np.mean(sure) - 1 - trials * (1 - share)) < 0.4
        assert abs(np.var(sure) / (trials * share * (1 - share)) - 1) < 0.25


def test_without_a_rate_a_stream_runs_until_it_ends():
    events, pool = recorded_pool(3, items=40)
    given = list(pool | mux(1, None, mode="exhaustive", random_state=0))
    assert [i for i, j in given if j == 0] == [i for i, kind in events if kind == "begin"]
    assert sorted(given) == [(i, j) for i in range(3) for j in range(40)]


@pytest.mark.parametrize("items", [None, 0, 1, 5])
@pytest.mark.parametrize("k", [1, 2, 3, 10])
@each_dist
@each_mode
def test_at_most_k_streams_are_active_at_any_time(mode, dist, k, items):
    events, pool = recorded_pool(6, items)
    mixed = pool | mux(k, 2, mode=mode, dist=dist, random_state=11)
    for _ in islice(iter(mixed), 300):
        assert most_active(events) <= k

    if mode != "with_replacement":
        assert all(most_active(events, i) <= 1 for i in range(6))
    if mode == "exhaustive":
        assert all(events.count((i, "begin")) <= 1 for i in range(6))


@each_mode
def test_a_retired_stream_is_closed_before_another_begins(mode):
    events, pool = recorded_pool(5)
    run = iter(pool | mux(1, 2, mode=mode, random_state=1))
    list(islice(run, 100))
    run.close()
    assert [kind for _, kind in events] == ["begin", "end"] * (len(events) // 2)
    assert all(a == b for (a, _), (b, kind) in pairwise(events) if kind == "end")


@each_mode
@pytest.mark.parametrize("k", [1, 3, 6, 9])
def test_exhaustive_and_single_active_streams_are_run_to_their_end(mode, k):
    events, pool = recorded_pool(6, items=4)
    mixed = pool | mux(k, None, mode=mode, random_state=4)
    if mode == "exhaustive":
        given = list(mixed)
        assert sorted(given) == [(i, j) for i in range(6) for j in range(4)]
        assert Counter(events) == Counter((i, kind) for i in range(6) for kind in ("begin", "end"))
    else:
        given = list(mixed | take(500))
        assert {i for i, _ in given} == set(range(6))
    places = {i: [j for who, j in given if who == i] for i in range(6)}
    if mode != "with_replacement":
        assert all(j == n % 4 for order in places.values() for n, j in enumerate(order))


@each_mode
@pytest.mark.parametrize("join", [mux, shuffled])
def test_a_stream_of_weight_0_is_never_activated(join, mode):
    events, pool = recorded_pool(4)
    weights = [0, 1, 0, 2]
    op = mux(3, 2, mode=mode) if join is mux else join()
    op = replace(op, weights=weights, random_state=1)
    given = Counter(pool | op | take(500))
    assert set(given) == {1, 3} == {i for i, _ in events}


def test_the_last_stream_of_some_weight_ends_the_run():
    assert list([[1, 2], [3]] | mux(2, None, weights=[0, 1], mode="exhaustive")) == [3]


@each_join
def test_leaving_early_closes_every_stream(join):
    events, pool = recorded_pool(4, items=9)
    run = iter(pool | join)
    list(islice(run, 5))
    assert most_active(events) > 0
    run.close()
    assert all(events.count((i, "begin")) == events.count((i, "end")) for i in range(4))


@each_join
def test_an_exception_closes_every_stream(join):
    events = []
    pool = [Recorded("abc", events, 0), Recorded(failing("de"), events, 1)]
    until_fault(pool | join)
    assert all(events.count((i, "begin")) == events.count((i, "end")) for i in range(2))


@each_join
def test_every_stream_is_closed_even_where_closing_fails(join):
    class Stubborn(Recorded):
        def __iter__(self):
            try:
                yield from super().__iter__()
            finally:
                raise Fault

    events = []
    pool = [Stubborn(endless(0), events, 0), Recorded(endless(1), events, 1)]
    run = iter(pool | join)
    with pytest.raises(Fault), closing(run):
        list(islice(run, 9))
    assert all(events.count((i, "begin")) == events.count((i, "end")) for i in range(2))


@each_join
def test_describing_and_iterating_begin_no_stream(join):
    events, pool = recorded_pool(3, items=3)
    iter(pool | join)
    assert not events


@each_join
@pytest.mark.parametrize("n", [0, 1, 5, 8])
def test_k_elements_are_read_for_k_elements(join, n):
    _, pool = recorded_pool(3, items=9)
    given = list(islice(pool | join, n))
    assert len(given) == n == sum(member.read for member in pool)


@each_join
def test_started_generators_can_be_continued(join):
    """Nothing is read ahead, and what belongs to the caller is not closed."""
    generators = [(item for item in range(i, i + 20)) for i in (0, 100, 200)]
    given = list(generators | join | take(8))
    assert len(given) == 8
    assert sorted(given + [item for rest in generators for item in rest]) == [
        item for i in (0, 100, 200) for item in range(i, i + 20)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_started_generators_without_end_as_members(seed):
    """Four streams of noise, two alive at once: each may be retired, and come back where it was."""
    generators = [zip(repeat(i), count()) for i in range(4)]
    given = list(generators | mux(2, 16, random_state=seed) | take(1000))
    for i in range(4):
        mine = [j for who, j in given if who == i]
        assert mine == list(range(len(mine)))
    drawn = Counter(i for i, _ in given)
    assert [next(generator) for generator in generators] == [(i, drawn[i]) for i in range(4)]


def test_elements_are_the_sources_own_and_nothing_is_copied():
    class Uncopiable:
        def __deepcopy__(self, memo):
            raise AssertionError

        __copy__ = __reduce_ex__ = __deepcopy__

    elements = [Uncopiable() for _ in range(6)]
    pool = [tuple(elements[:3]), stream(elements[3:]), Streamer(elements)]
    for join in JOINS:
        given = list(pool | join | take(20))
        assert all(any(item is element for element in elements) for item in given)


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("lam", [None, 1, 256])
def test_a_mux_of_one_stream_is_that_stream(k, lam):
    assert list(["abcdef"] | mux(k, None, mode="exhaustive")) == list("abcdef")
    assert "".join(["ab"] | mux(1, lam) | take(6))[0] == "a"


def test_a_mux_with_fewer_streams_than_slots_leaves_slots_empty():
    given = list(["abc", "de"] | mux(10, None, mode="exhaustive", random_state=0))
    assert sorted(given) == list("abcde")
    given = list(["abc", "de"] | mux(10, None, mode="single_active", random_state=0) | take(99))
    assert set(given) == set("abcde")


def test_with_replacement_a_stream_may_hold_several_slots():
    pool = [Recorded(endless("a"))]
    run = iter(pool | mux(3, None, random_state=0))
    list(islice(run, 20))
    assert pool[0].active == 3


@each_mode
def test_muxes_may_be_nested(mode):
    inner = [["a"] * 3, ["b"] * 3] | mux(1, None, mode=mode, random_state=1)
    outer = [inner, inner, "c"] | mux(2, 8, mode=mode, random_state=2)
    given = list(outer | take(200))
    if mode == "exhaustive":
        assert Counter(given) == {"a": 6, "b": 6, "c": 1}
    else:
        assert set(given) == set("abc")
    assert given == list(outer | take(200))


@each_join
def test_a_pool_may_be_made_by_a_function(join):
    def pool():
        yield from ("abc", "de", "f")

    given = list(["abc", "de", "f"] | join | take(40))
    assert list(stream(pool) | join | take(40)) == given
    started = list(islice(join(pool()), 40))
    assert started == given[: 6 if join == chain("cycle") else 40]


@each_join
def test_a_member_may_be_whatever_is_a_stream(join):
    def letters():
        yield from "ab"

    members = [
        letters,
        stream(letters),
        Streamer(letters),
        ["a", "b"],
        ("a", "b"),
        "ab",
        {"x": "a"},
    ]
    assert set(members | join | take(60)) == {"a", "b"}
    assert set([np.array(["a", "b"])] | join | take(60)) == {"a", "b"}


def test_a_pool_that_never_ends_is_chained_one_stream_after_another():
    begun = []

    def pool():
        for i in count():
            begun.append(i)
            yield range(i)

    assert list(stream(pool) | chain() | take(6)) == [0, 0, 1, 0, 1, 2]
    assert begun == [0, 1, 2, 3]


def test_chain_in_a_cycle_asks_for_the_pool_again():
    pool = Recorded(["ab", "", "c"])
    assert "".join(stream(pool) | chain("cycle") | take(7)) == "abcabca"
    assert pool.begun == 3


def test_round_robin_takes_turns_and_leaves_out_what_has_ended():
    pool = ["adg", "beh", "", "cf"]
    assert "".join(pool | round_robin()) == "abcdefgh"
    assert "".join(pool | round_robin("cycle") | take(12)) == "abcdefghabcd"


def test_round_robin_permutes_the_order_from_the_second_round_on():
    pool = [[i] for i in range(9)]
    run = iter(pool | round_robin("permuted_cycle", random_state=3))
    rounds = [list(islice(run, 9)) for _ in range(4)]
    draws = np.random.RandomState(3)
    expected = [np.arange(9)]
    for _ in range(3):
        expected.append(np.arange(9))
        draws.shuffle(expected[-1])
    assert rounds == [order.tolist() for order in expected]


def test_a_shuffled_stream_that_ends_begins_anew():
    events, pool = recorded_pool(2, items=3)
    given = list(pool | shuffled(random_state=0) | take(60))
    for i in range(2):
        assert [j for who, j in given if who == i] == [
            n % 3 for n in range(sum(who == i for who, _ in given))
        ]
        assert most_active(events, i) == 1


NAMED = {"speech": ["s"] * 50, "music": ["m"] * 50, "noise": ["n"] * 50}


def test_weights_of_a_named_pool_go_by_name():
    weights = {"noise": 0, "music": 3, "speech": 1}
    by_name = NAMED | mux(3, None, weights=weights, mode="exhaustive", random_state=7)
    in_order = NAMED | mux(3, None, weights=[1, 3, 0], mode="exhaustive", random_state=7)
    unnamed = [*NAMED.values()] | mux(3, None, weights=[1, 3, 0], mode="exhaustive", random_state=7)
    assert list(by_name) == list(in_order) == list(unnamed)
    assert set(by_name) == {"s", "m"}
    by_name = NAMED | shuffled(weights, random_state=1) | take(50)
    assert list(by_name) == list([*NAMED.values()] | shuffled([1, 3, 0], random_state=1) | take(50))


@pytest.mark.parametrize(
    "weights",
    [
        [1, 3],
        (1, 3),
        np.array([1, 3]),
        np.array([1, 3], np.float32),
        [np.int64(1), 3.0],
        range(1, 5, 2),
    ],
    ids=repr,
)
def test_weights_may_be_any_numbers(weights):
    def mixed(given):
        return ["a" * 20, "b" * 20] | mux(2, None, weights=given, mode="exhaustive", random_state=5)

    assert list(mixed(weights)) == list(mixed([0.25, 0.75]))


def test_the_weights_of_the_caller_are_read_once_and_not_changed():
    weights = np.array([1.0, 3.0])
    weights.flags.writeable = False
    kept = weights.copy()
    kept_op = ["a" * 9, "b" * 9] | mux(2, None, weights=kept, random_state=5) | take(30)
    before = list(kept_op)
    kept[:] = 0
    assert list(kept_op) == before
    assert (
        list(["a" * 9, "b" * 9] | mux(2, None, weights=weights, random_state=5) | take(30))
        == before
    )


@each_join
@pytest.mark.parametrize("named", [False, True])
def test_tagged_elements_say_which_stream_they_are_of(join, named):
    pool = {"x": "abc", "y": "de"} if named else ["abc", "de"]
    tagged = replace(join, tag=True)
    names = {item: "x" if item in "abc" else "y" for item in "abcde"}
    if not named:
        names = {item: "xy".index(name) for item, name in names.items()}
    assert list(pool | tagged | take(30)) == [
        (names[item], item) for item in pool | join | take(30)
    ]


@pytest.mark.parametrize("n", [1, 2, 5])
@each_join
def test_a_pool_of_empty_streams_ends(join, n):
    assert list([[]] * n | join) == []
    assert list([[]] * n | join) == []


@pytest.mark.parametrize("prune_empty", [True, False])
@pytest.mark.parametrize("lam", [None, 1])
@pytest.mark.parametrize("k", [1, 3, 8])
@each_mode
def test_a_mux_of_empty_streams_ends_pruned_or_not(mode, k, lam, prune_empty):
    events, pool = recorded_pool(4, items=0)
    op = mux(k, lam, mode=mode, prune_empty=prune_empty, random_state=6)
    assert list(pool | op) == []
    assert most_active(events) <= 1
    weighted = mux(k, lam, weights=[1, 0, 2, 3], mode=mode, prune_empty=prune_empty)
    assert list(pool | weighted) == []


@pytest.mark.parametrize("prune_empty", [True, False])
@each_mode
def test_streams_that_give_nothing_do_not_end_the_others(mode, prune_empty):
    pool = [[], "a" * 5, [], []]
    given = list(pool | mux(2, 2, mode=mode, prune_empty=prune_empty, random_state=8) | take(200))
    assert set(given) == {"a"}
    assert len(given) == 200 or mode == "exhaustive"


@pytest.mark.parametrize("prune_empty", [True, False])
def test_a_stream_that_gave_nothing_is_activated_again_only_if_not_pruned(prune_empty):
    begun = count()

    def empty_at_first():
        yield from "late" if next(begun) else ()

    pool = [stream(empty_at_first), stream("a" * 3)]
    given = set(pool | mux(1, None, prune_empty=prune_empty, random_state=3) | take(300))
    assert given == ({"a"} if prune_empty else set("late"))


def test_only_streams_empty_since_the_last_element_end_the_run():
    """Each proves empty once, but not one after the other."""
    activations = {"early": count(), "late": count()}

    def empty_once(name, when):
        yield from () if next(activations[name]) == when else name

    pool = [stream(empty_once, "early", 0), stream(empty_once, "late", 5)]
    for seed in range(5):
        activations = {"early": count(), "late": count()}
        mixed = pool | mux(1, None, prune_empty=False, random_state=seed)
        assert len(list(mixed | take(300))) == 300


@pytest.mark.parametrize("prune_empty", [True, False])
@each_mode
def test_a_pool_that_runs_dry_ends_the_run(mode, prune_empty):
    """Started generators give what they have, and then nothing for ever."""
    generators = [iter(range(10 * i, 10 * i + 5)) for i in range(3)]
    given = list(generators | mux(2, 2, mode=mode, prune_empty=prune_empty, random_state=1))
    if mode != "exhaustive":
        assert sorted(given) == [10 * i + j for i in range(3) for j in range(5)]
    given = list([iter("abc"), iter("de")] | shuffled(random_state=0))
    assert sorted(given) == list("abcde")
    assert "".join([iter("abc"), iter("de")] | round_robin("cycle")) == "adbec"
    assert "".join([iter("abc"), iter("de")] | chain("cycle")) == "abcde"


@each_join
@pytest.mark.parametrize("lazy", [False, True])
def test_an_empty_pool_is_refused_but_by_chain(join, lazy):
    pool = stream(iter, ()) if lazy else stream(())
    if isinstance(join, chain):
        assert list(pool | join) == []
        return
    with pytest.raises(
        ParameterError, match=r"the pool is empty; it must hold at least one stream$"
    ):
        next(iter(pool | join))
    if not lazy:
        with pytest.raises(ParameterError):
            pool | join


@each_join
def test_a_member_that_is_no_stream_is_refused_where_the_pool_is_written(join):
    for pool in (["ab", 3, "c"], {"x": "ab", "y": 3, "z": "c"}):
        with pytest.raises(ParameterTypeError) as caught:
            pool | join
        assert str(caught.value) == f"{join}: stream 1 of the pool is 3, which cannot be iterated"


@each_join
def test_a_member_that_is_no_stream_is_refused_at_run_time_if_the_pool_is_lazy(join):
    def pool():
        yield "ab"
        yield None

    given, error = until_fault(stream(pool) | join, ParameterTypeError)
    assert str(error) == f"{join}: stream 1 of the pool is None, which cannot be iterated"
    assert given == (["a", "b"] if isinstance(join, chain) else [])


@each_join
def test_a_member_that_returns_no_iterable_is_named(join):
    def forgotten():
        """Forget to return anything."""

    given, error = until_fault([stream(forgotten)] | join, DataError)
    assert given == []
    assert str(error).endswith(
        "forgotten): gave None, which cannot be iterated; "
        "it must return an iterable or be a generator function"
    )
    assert notes(error) == [f"{join}: raised by stream 0 of the pool, at its element 0"]


@each_join
@pytest.mark.parametrize("named", [False, True])
def test_an_exception_is_the_users_own_with_a_note_of_the_stream_and_element(join, named):
    pool = (
        {"good": "abc", "bad": stream(failing, "de")} if named else ["abc", stream(failing, "de")]
    )
    given, error = until_fault(pool | join)
    assert type(error) is Fault
    assert error.args == ("out of luck",)
    which = "'bad'" if named else 1
    assert notes(error) == [f"{join}: raised by stream {which} of the pool, at its element 2"]
    assert [item for item in given if item in "de"][-2:] == ["d", "e"]


@each_join
def test_an_exception_that_beginning_a_member_raises_has_a_note_too(join):
    class Unreadable:
        def __iter__(self):
            raise Fault

    _, error = until_fault([Unreadable()] | join)
    assert type(error) is Fault
    assert notes(error) == [f"{join}: raised by stream 0 of the pool, at its element 0"]


@pytest.mark.parametrize(
    "join",
    [mux(1, None, random_state=0), shuffled(), round_robin("cycle"), chain("cycle")],
    ids=repr,
)
def test_the_note_counts_elements_of_the_activation_that_failed(join):
    begun = count()

    def failing_later():
        yield from "ab"
        if next(begun) == 2:
            raise Fault

    _, error = until_fault([stream(failing_later)] | join)
    assert notes(error) == [f"{join}: raised by stream 0 of the pool, at its element 2"]


def test_notes_of_nested_pools_tell_the_whole_way():
    inner = {"x": stream(failing, "ab")} | chain()
    _, error = until_fault([[], inner] | round_robin())
    assert notes(error) == [
        "chain(): raised by stream 'x' of the pool, at its element 2",
        "round_robin(): raised by stream 1 of the pool, at its element 2",
    ]


@pytest.mark.parametrize("mode", MODES[1:])
def test_the_mux_of_pescador_3_wants_as_many_streams_as_slots(mode):
    with pytest.raises(ParameterError, match=r"requires that k be at most the 2 streams$"):
        StochasticMux(["a", "b"], 3, 2, mode=mode)
    assert set(StochasticMux(["a", "b"], 3, 2)(max_iter=50)) == {"a", "b"}


def test_the_mux_of_pescador_3_draws_no_weights_where_too_few_streams_have_any():
    pool = ["aa", "bb", "cc"]
    given = list(StochasticMux(pool, 2, None, weights=[1, 0, 0], mode="exhaustive", random_state=0))
    assert given == ["a", "a"]


RANDOM = [
    mux(2, 3, random_state=0),
    mux(2, 3, mode="single_active", dist="binomial", random_state=0),
    shuffled(random_state=0),
    round_robin("permuted_cycle", random_state=0),
]


each_random = pytest.mark.parametrize("op", RANDOM, ids=repr)
POOL = [[(i, j) for j in range(9)] for i in range(6)]


@each_random
def test_a_seed_gives_the_same_sequence_at_each_pass(op):
    mixed = POOL | op | take(100)
    assert list(mixed) == list(mixed)
    one, other = iter(mixed), iter(mixed)
    together = [(next(one), next(other)) for _ in range(50)]
    assert all(a == b for a, b in together)
    assert list(POOL | replace(op, random_state=1) | take(100)) != list(mixed)


@each_random
def test_a_random_state_is_read_where_the_operator_is_written(op):
    state = np.random.RandomState(12)
    state.random_sample(5)
    before = state.get_state()
    mixed = POOL | replace(op, random_state=state) | take(100)
    state.random_sample(1000)
    later = list(mixed)
    state.set_state(before)
    assert list(POOL | replace(op, random_state=state) | take(100)) == later == list(mixed)
    assert state.get_state()[2] == before[2]


@each_random
def test_without_a_seed_it_follows_that_of_numpy(op):
    mixed = POOL | replace(op, random_state=None) | take(100)
    seed_numpy(4)
    first, second = list(mixed), list(mixed)
    seed_numpy(4)
    assert list(mixed) == first != second
    assert list(mixed) == second
    random.seed(4)
    assert list(mixed) != first


# shuffle.


@pytest.mark.parametrize("size", [1, 2, 7, 100, 1000])
@pytest.mark.parametrize("n", [0, 1, 2, 100])
def test_shuffle_gives_each_element_once(n, size):
    given = list(range(n) | shuffle(size, random_state=1))
    assert sorted(given) == list(range(n))
    assert (given != list(range(n))) == (n > 2 and size > 1) or n == 2


def test_shuffle_of_one_is_the_identity():
    assert list(range(50) | shuffle(1)) == list(range(50))


@pytest.mark.parametrize("size", [1, 3, 10])
def test_an_element_comes_at_most_so_much_too_early(size):
    given = list(range(200) | shuffle(size, random_state=2))
    assert all(item - place < size for place, item in enumerate(given))


@pytest.mark.parametrize(("k", "read"), [(0, 0), (1, 4), (2, 5), (7, 10), (10, 10)])
def test_shuffle_reads_what_it_holds(k, read):
    source = Recorded(range(10))
    list(islice(source | shuffle(4, random_state=0), k))
    assert source.read == read


def test_a_shuffle_of_all_is_uniform():
    places = np.zeros((5, 5))
    for seed in range(4000):
        for place, item in enumerate(range(5) | shuffle(5, random_state=seed)):
            places[item, place] += 1
    assert chi_square(places.ravel(), [800] * 25) < 3


def test_the_first_of_a_shuffle_is_uniform_over_its_size():
    first = Counter(next(iter(range(50) | shuffle(4, random_state=seed))) for seed in range(4000))
    assert chi_square([first[i] for i in range(4)], [1000] * 4) < 3


def test_shuffle_draws_as_numpys_randint():
    draws = np.random.RandomState(6)
    held, rest, expected = list(range(5)), list(range(5, 30)), []
    while held:
        slot = draws.randint(0, len(held))
        expected.append(held[slot])
        if rest:
            held[slot] = rest.pop(0)
        else:
            held[slot] = held[-1]
            del held[-1]
    assert list(range(30) | shuffle(5, random_state=6)) == expected


def test_shuffle_closes_its_source_and_passes_its_exception_on():
    source = Recorded(range(10))
    run = iter(source | shuffle(3))
    next(run)
    run.close()
    assert source.active == 0
    _, error = until_fault(stream(failing, "abcdef") | shuffle(2))
    assert type(error) is Fault
