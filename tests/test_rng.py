"""Draws and seeds: every draw is that of numpy's RandomState, and no one's generator is touched."""

import copy
import math
import pickle
import random

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pescador.errors import ParameterError, ParameterTypeError
from pescador.rng import Candidates, MersenneTwister, cumulative, twister
from pescador.seeds import State, freeze
from sources import exactly, seed_numpy

seeds = st.integers(0, 2**32 - 1)


def pair(seed):
    """The same Mersenne MersenneTwister, ours and numpy's."""
    return twister(seed), np.random.RandomState(seed)


def assert_in_step(ours, numpys):
    """Both have drawn as many words."""
    assert ours.random() == numpys.random_sample()


@given(seeds, st.lists(st.integers(1, 2**32), min_size=1, max_size=30))
@example(0, [1, 2, 3, 4, 5, 2**31, 2**31 + 1, 2**32 - 1, 2**32])
def test_below_is_randint(seed, bounds):
    ours, numpys = pair(seed)
    assert [ours.below(n) for n in bounds] == [numpys.randint(0, n) for n in bounds]
    assert_in_step(ours, numpys)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 8, 100, 1025])
def test_order_is_shuffle_of_arange(n):
    ours, numpys = pair(n + 1)
    for _ in range(20):
        order = np.arange(n)
        numpys.shuffle(order)
        assert ours.order(n) == order.tolist()
    assert_in_step(ours, numpys)


# 10 is where the algorithm changes.
RATES = [0, 5e-324, 1e-9, 0.5, 1, 3.7, 9.999, math.nextafter(10, 0), 10, 10.5, 16, 99.9, 255, 256]
RATES += [1e3, 12345.6, 1e5, 1e6, 2**24, 1e8, 1e9, 1e13, 2**52]


@pytest.mark.parametrize("lam", RATES)
def test_poisson_is_numpys_at(lam):
    ours, numpys = pair(9)
    assert [ours.poisson(lam) for _ in range(2000)] == numpys.poisson(lam, size=2000).tolist()
    assert_in_step(ours, numpys)


@given(seeds, st.lists(st.floats(0, 10) | st.floats(10, 2**53), min_size=1, max_size=50))
def test_poisson_is_numpys(seed, rates):
    ours, numpys = pair(seed)
    assert [ours.poisson(lam) for lam in rates] == [numpys.poisson(lam) for lam in rates]
    assert_in_step(ours, numpys)


# Inversion where n * min(p, 1 - p) is at most 30, BTPE above.
BINOMIALS = [
    *((0, p) for p in (0, 0.3, 0.5, 0.9, 1)),
    *((n, p) for n in (1, 7, 1000, 10**6) for p in (0, 0.5, 1)),
    *((60, p) for p in (0.5, math.nextafter(0.5, 1), 0.499)),
    *((100, p) for p in (0.3, math.nextafter(0.3, 1), 0.7, math.nextafter(0.7, 0))),
    *((n, 1e-4) for n in (1, 100, 300_000, 300_001, 10**9)),
    *((n, 0.9999) for n in (1, 100, 300_000, 300_001, 2550)),
    (10**15, 1e-15),
    (10**15, 0.25),
    (3, 5e-324),
    (3, math.nextafter(1, 0)),
]


@pytest.mark.parametrize(("n", "p"), BINOMIALS)
def test_binomial_is_numpys_at(n, p):
    ours, numpys = pair(8)
    assert [ours.binomial(n, p) for _ in range(300)] == [numpys.binomial(n, p) for _ in range(300)]
    assert_in_step(ours, numpys)


@given(
    seeds,
    st.lists(
        st.tuples(st.integers(0, 100) | st.integers(0, 10**9), st.floats(0, 1)),
        min_size=1,
        max_size=50,
    ),
)
def test_binomial_is_numpys(seed, parameters):
    ours, numpys = pair(seed)
    assert [ours.binomial(n, p) for n, p in parameters] == [
        numpys.binomial(n, p) for n, p in parameters
    ]
    assert_in_step(ours, numpys)


def test_binomial_begins_anew_beyond_its_bound():
    """A uniform so near to 1 that inversion would never end."""

    class Scripted(MersenneTwister):
        def random(self):
            return drawn.pop(0)

    drawn = [math.nextafter(1, 0), 0.5]
    assert Scripted(0).binomial(100, 0.3) == 30
    assert drawn == []


@pytest.mark.parametrize(("drawn", "expected"), [([0.0, 0.9, 0.5, 0.5], 20), ([0.06, 0.0], 11)])
def test_poisson_at_the_ends_of_its_uniforms(drawn, expected):
    """U = 0 is divided by, v = 0 has no logarithm: the one is drawn again, the other accepted."""

    class Scripted(MersenneTwister):
        def random(self):
            return drawn.pop(0)

    assert Scripted(0).poisson(20) == expected
    assert drawn == []


@given(
    seeds,
    st.lists(st.sampled_from([0, 0.25, 1, 3]), min_size=1, max_size=8).filter(any).map(np.array),
    st.integers(1, 8),
    st.booleans(),
)
def test_choice_of_weights_is_choice_or_zeros(seed, weights, size, replace):
    ours, numpys = pair(seed)
    drawn = ours.choice_of_weights(weights, size, replace)
    if replace or size <= np.count_nonzero(weights):
        shares = weights / weights.sum()
        expected = numpys.choice(weights, size=size, replace=replace, p=shares)
        assert drawn.tolist() == expected.tolist()
    else:
        assert drawn.tolist() == [0] * size
    assert_in_step(ours, numpys)


@given(seeds, st.lists(st.floats(0, 1e6), min_size=1, max_size=20).filter(any))
def test_cumulative_chooses_as_numpys_choice(seed, weights):
    weights = np.array(weights)
    ends = np.array(cumulative(weights))
    numpys, uniforms = np.random.RandomState(seed), np.random.RandomState(seed)
    for _ in range(20):
        chosen = numpys.choice(len(weights), p=weights / weights.sum())
        assert np.searchsorted(ends, uniforms.random_sample(), side="right") == chosen


def test_all_draws_in_turns_are_numpys():
    choose = random.Random(1)
    ours, numpys = pair(5)
    for _ in range(10_000):
        match choose.randrange(5):
            case 0:
                assert ours.random() == numpys.random_sample()
            case 1:
                n = choose.randrange(1, 1000)
                assert ours.below(n) == numpys.randint(0, n)
            case 2:
                lam = choose.random() * choose.choice([1, 20, 1000])
                assert ours.poisson(lam) == numpys.poisson(lam)
            case 3:
                n, p = choose.randrange(500), choose.random() ** choose.randrange(1, 9)
                assert ours.binomial(n, p) == numpys.binomial(n, p)
            case 4:
                order = np.arange(6)
                numpys.shuffle(order)
                assert ours.order(6) == order.tolist()


@given(st.data(), st.lists(st.booleans(), min_size=1, max_size=40))
def test_candidates_are_a_list_without_what_was_removed(data, present):
    candidates = Candidates(np.array(present))
    model = {number for number, there in enumerate(present) if there}
    number = st.integers(0, len(present) - 1)
    steps = st.lists(st.tuples(st.sampled_from("arc"), number, st.floats(0, 1, exclude_max=True)))
    for step, i, u in data.draw(steps):
        if step == "a":
            candidates.add(i)
            model.add(i)
        elif step == "r":
            candidates.remove(i)
            model.discard(i)
        elif model:
            assert candidates.choose(u) == sorted(model)[int(u * len(model))]
        assert len(candidates) == len(model)
        assert bool(candidates) == bool(model)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 1000])
def test_candidates_choose_as_numpys_choice_of_equal_shares(n):
    numpys, uniforms = np.random.RandomState(n), np.random.RandomState(n)
    candidates, shares = Candidates(np.ones(n, bool)), np.full(n, 1 / n)
    for _ in range(200):
        chosen = numpys.choice(n, p=shares / shares.sum())
        assert candidates.choose(uniforms.random_sample()) == chosen
        if np.count_nonzero(shares) > 1:
            candidates.remove(chosen)
            shares[chosen] = 0


@pytest.mark.parametrize("n", [1, 3, 4, 1000])
def test_the_largest_uniform_chooses_the_last_candidate(n):
    candidates = Candidates(np.ones(n, bool))
    assert candidates.choose(math.nextafter(1, 0)) == n - 1
    candidates.add(0)
    assert candidates.choose(math.nextafter(1, 0)) == n - 1
    candidates = Candidates(np.arange(n + 1) < n)
    assert candidates.choose(math.nextafter(1, 0)) == n - 1


@pytest.mark.parametrize(
    "given",
    [0, 1, 2**32 - 1, np.int64(7), np.uint8(8), [1, 2, 3], (5,), [np.int32(4)]],
    ids=repr,
)
def test_a_seed_is_that_of_a_random_state(given):
    frozen = freeze("op", given)
    assert {type(frozen)} <= {int, tuple}
    ours, numpys = twister(frozen), np.random.RandomState(given)
    assert [ours.random() for _ in range(5)] == numpys.random_sample(5).tolist()


@pytest.mark.parametrize("drawn", [0, 1, 5, 623, 624, 10_000])
def test_a_random_state_is_read_as_it_stands_and_not_consumed(drawn):
    state = np.random.RandomState(3)
    state.random_sample(drawn)
    state.randn(3)  # Leaves a normal in reserve, which no uniform comes from.
    expected = copy.deepcopy(state).random_sample(5).tolist()
    frozen = freeze("op", state)
    assert [twister(frozen).random() for _ in range(2)] == expected[:1] * 2
    ours = twister(frozen)
    assert [ours.random() for _ in range(5)] == expected
    assert state.random_sample(5).tolist() == expected


@pytest.mark.parametrize(
    "make",
    [
        np.random.default_rng,
        lambda seed: np.random.Generator(np.random.MT19937(seed)),
        np.random.PCG64,
        np.random.Philox,
        np.random.SFC64,
        np.random.SeedSequence,
    ],
    ids=["default_rng", "Generator", "PCG64", "Philox", "SFC64", "SeedSequence"],
)
def test_a_generator_is_read_through_a_copy(make):
    given, twin = make(4), make(4)
    frozen = freeze("op", given)
    assert frozen == freeze("op", given) == freeze("op", twin) != freeze("op", make(5))
    assert len(frozen) == 8
    assert all(0 <= word < 2**32 for word in frozen)
    if isinstance(given, np.random.SeedSequence):
        assert given.spawn(1)[0].state == twin.spawn(1)[0].state
    else:
        drawn = [
            np.random.Generator(getattr(g, "bit_generator", g)).random() for g in (given, twin)
        ]
        assert drawn[0] == drawn[1]


def test_a_generator_in_another_state_is_another_seed():
    generator = np.random.default_rng(0)
    before = freeze("op", generator)
    generator.random()
    assert freeze("op", generator) != before


def test_a_frozen_seed_stays_as_it_is():
    for seed in (None, 3, (1, 2), freeze("op", np.random.RandomState(1))):
        assert freeze("op", seed) is seed or freeze("op", seed) == seed


def test_a_state_is_a_value():
    one, same = (freeze("op", np.random.RandomState(1)) for _ in range(2))
    other = freeze("op", np.random.RandomState(2))
    assert one == same != other
    assert hash(one) == hash(same)
    assert pickle.loads(pickle.dumps(one)) == one
    assert repr(one) == repr(same) != repr(other)
    assert repr(one).startswith("<RandomState ")
    assert isinstance(one, State)


WANTED = "random_state must be None, an int, a RandomState, a Generator or a SeedSequence, not "


@pytest.mark.parametrize(
    "given",
    [
        True,
        np.False_,
        [True],
        1.0,
        np.float64(2),
        "7",
        [],
        (),
        [1, "a"],
        [1.5],
        np.arange(3),
        {},
        object,
    ],
    ids=repr,
)
def test_what_is_no_seed_is_refused(given):
    with pytest.raises(ParameterTypeError, match=exactly(f"op: {WANTED}{given!r}")):
        freeze("op", given)


def test_python_has_its_own_generator_which_is_none_of_numpys():
    with pytest.raises(ParameterTypeError, match="random_state must be None"):
        freeze("op", random.Random(3))
    with pytest.raises(ParameterTypeError, match="random_state must be None"):
        freeze("op", np.random)


@pytest.mark.parametrize("given", [-1, 2**32, np.int64(-5), [0, -1], [2**32], 10**30], ids=repr)
def test_a_seed_out_of_range_is_refused(given):
    message = f"op: random_state must lie in 0 .. 2**32 - 1, not {given!r}"
    with pytest.raises(ParameterError, match=exactly(message)):
        freeze("op", given)


def test_a_random_state_of_another_kind_is_refused():
    state = np.random.RandomState(np.random.PCG64(1))
    with pytest.raises(
        ParameterError, match=exactly("op: random_state must be of MT19937, not PCG64")
    ):
        freeze("op", state)


def test_none_follows_numpys_global_seed_and_takes_one_number_of_it():
    seed_numpy(11)
    drawn = [twister(None).random() for _ in range(3)]
    after = np.random.random_sample()
    assert len(set(drawn)) == 3
    seed_numpy(11)
    assert [twister(None).random() for _ in range(3)] == drawn
    assert np.random.random_sample() == after
    twin = np.random.RandomState(11)
    words = twin.randint(2**32, size=3, dtype=np.uint32)
    assert [twister(int(word)).random() for word in words] == drawn
    assert twin.random_sample() == after
