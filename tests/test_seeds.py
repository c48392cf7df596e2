"""`Stream.seed`, `SEED` and ``cycle(reseed=True)``: which draws are whose, and that they recur."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import multiprocessing
import pickle
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import readings
import strategies
from pescador import SEED, ParameterError, ParameterTypeError, Stream, Streamer, ops, stream
from readings import echo, elements, entropies, noisy, one, same, unseeded
from sources import exactly, seed_numpy

NAMES = {**vars(strategies), **vars(readings), **vars(ops), "stream": stream}


def seeds(described: Stream[Any]) -> list[Any]:
    """Every seed that stands in a description, or None where one is wanted."""
    wanted = [
        getattr(op, field)
        for op in described.ops
        for field in ("random_state", "entropy")
        if field in {f.name for f in dataclasses.fields(op)} and not isinstance(op, ops.cycle)
    ]
    return wanted + [value for _, value in described.kwargs]


@given(unseeded(), entropies)
def test_the_same_entropy_gives_the_same_stream(described: Any, entropy: list[Any]) -> None:
    seeded = described.seed(*entropy)
    again = described.seed(*entropy)
    assert seeded == again == pickle.loads(pickle.dumps(seeded)) == eval(repr(seeded), NAMES)
    assert hash(seeded) == hash(again)
    seed_numpy(0)
    expected = elements(seeded)
    seed_numpy(1)
    assert elements(again) == expected == elements(seeded)


@given(unseeded(), entropies, entropies)
def test_every_seed_is_given_and_no_two_are_alike(
    described: Any, entropy: list[Any], other: list[Any]
) -> None:
    variants = {tuple(entropy), (*entropy, 0), (*entropy, "0"), tuple(other)}
    given = [seed for variant in variants for seed in seeds(described.seed(*variant))]
    assert len(given) == len(variants) * len(seeds(described))
    assert None not in given
    assert SEED not in given
    assert len({*given}) == len(given)


@given(strategies.streams(), entropies)
def test_what_has_a_seed_keeps_it(drawn: Any, entropy: list[Any]) -> None:
    """So no draw of a seeded operator changes, and no element."""
    described, _ = drawn
    seeded = described.seed(*entropy)
    pairs = zip(described.ops, seeded.ops, strict=True)
    assert all(
        getattr(before, field, None) in (None, getattr(after, field, None))
        for before, after in pairs
        for field in ("random_state", "entropy")
    )
    assert elements(seeded) == elements(described)


@given(unseeded(), entropies, entropies)
def test_the_first_seed_stays(described: Any, entropy: list[Any], other: list[Any]) -> None:
    seeded = described.seed(*entropy)
    assert seeded.seed(*other) == seeded
    assert (seeded | ops.take(3)).seed(*other) == seeded | ops.take(3)


WITHOUT_DRAWS = [
    ops.map(same),
    ops.tap(strategies.ignore),
    ops.progress(),
    ops.take(10**6),
    ops.skip(0),
    ops.cycle(1),
    ops.filter(callable),
    ops.batch(2) | ops.unbatch(),
    ops.buffer(2),
]


@given(unseeded(), entropies, st.data())
def test_steps_that_draw_nothing_change_no_draws(
    described: Any, entropy: list[Any], data: st.DataObject
) -> None:
    # The names of a pool reach the step that comes first, and no further.
    named = replace(described, ops=()).names
    least = min(len(named or ()), len(described.ops), 1)
    at = data.draw(st.integers(least, len(described.ops)))
    head, tail = described.ops[:at], described.ops[at:]

    def with_(step: Any) -> Stream[Any]:
        steps = getattr(step, "ops", (step,))
        return replace(described, ops=(*head, *steps, *tail)).seed(*entropy)

    expected = described.seed(*entropy)
    assert seeds(with_(data.draw(st.sampled_from(WITHOUT_DRAWS)))) == seeds(expected)
    neutral = with_(data.draw(st.sampled_from(WITHOUT_DRAWS[:6])))
    assert elements(neutral) == elements(expected)


@given(st.data(), entropies)
def test_the_draws_of_a_mux_are_not_those_of_its_streams(
    data: st.DataObject, entropy: list[Any]
) -> None:
    """Which stream comes when is as it was without the seed: the streams' own are apart."""
    sizes = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    pool = [stream(echo, SEED, n) for n in sizes]
    mixed = pool | replace(data.draw(strategies.muxes("pool", pool)), tag=True)
    mixed |= ops.take(60)
    seeded = list(mixed.seed(*entropy))
    assert [name for name, _ in seeded] == [name for name, _ in mixed]
    assert None not in {seed for _, seed in seeded}


@pytest.fixture(scope="module", params=["fork", "forkserver", "spawn"])
def elsewhere(request: Any) -> Iterator[Executor]:
    context = multiprocessing.get_context(request.param)
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        executor.submit(int).result()  # Its process starts here, and not in a test.
        yield executor


@pytest.mark.processes
# Python 3.12 warns of forking where there are threads, of which numpy's libraries start some.
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_same_elements_in_another_process(elsewhere: Executor) -> None:
    @given(unseeded(), st.booleans(), entropies)
    def law(described: Any, reseed: bool, entropy: list[Any]) -> None:
        seeded = (described | ops.cycle(2, reseed=reseed)).seed(*entropy)
        expected = elements(seeded)
        assert elsewhere.submit(elements, seeded).result() == expected

    law()


def drawn(described: Any, n: int) -> list[Any]:
    given = list(described | ops.take(n))
    assert len(given) == n
    return given


POOL = [stream(echo, SEED) for _ in range(3)]
AGAIN_AND_AGAIN = [
    ops.mux(2, 3),
    ops.mux(2, 3, mode="single_active"),
    ops.mux(2, 3, random_state=0),
    ops.mux(5, None, dist="constant"),
    ops.shuffled(),
    ops.shuffled([1, 2, 3]),
    ops.round_robin("cycle"),
    ops.round_robin("permuted_cycle"),
    ops.chain("cycle"),
]


@pytest.mark.parametrize("op", AGAIN_AND_AGAIN, ids=repr)
@pytest.mark.parametrize("pool", [POOL, dict(zip("abc", POOL, strict=True))], ids=["list", "dict"])
def test_each_activation_of_each_stream_has_a_seed_of_its_own(op: Any, pool: Any) -> None:
    mixed = pool | op
    first = drawn(mixed.seed(7, 0), 60)
    assert len({*first}) == 60
    assert first == drawn(mixed.seed(7, 0), 60)
    assert {*first}.isdisjoint(drawn(mixed.seed(7, 1), 60))


def test_mixtures_of_mixtures_share_nothing() -> None:
    mixtures = [POOL | ops.mux(2), POOL | ops.mux(2), POOL | ops.round_robin("cycle")]
    seeded = (mixtures | ops.mux(3, 5)).seed("a")
    assert len({*drawn(seeded, 200)}) == 200


def test_streams_are_told_apart_by_key_whatever_else_is_in_the_pool() -> None:
    def by_name(*names: Any) -> dict[Any, Any]:
        pool = {name: stream(echo, SEED) for name in names} | ops.chain(tag=True)
        return dict(pool.seed(7))

    names = ("a", "b", 0, 1, -1, "0", "-1", True, None, 0.5, (1, 2), b"a")
    everything = by_name(*names)
    assert len({*everything.values()}) == len({*names})
    assert by_name(-1, "b") == {name: everything[name] for name in (-1, "b")}
    assert dict((POOL | ops.chain(tag=True)).seed(7)) == by_name(0, 1, 2)


def test_facades_in_a_pool_are_seeded() -> None:
    streamers = [Streamer(echo, SEED), Streamer(echo, SEED)]
    assert len({*(streamers | ops.chain("cycle")).seed(1) | ops.take(20)}) == 20


def test_a_place_is_a_name_or_a_kind_and_a_number() -> None:
    def draws(described: Any) -> list[Any]:
        return [op.random_state for op in described.seed(7).ops if hasattr(op, "random_state")]

    plain, named = ops.shuffle(3), ops.shuffle(3, name="order")
    first, second = draws(range(9) | plain | plain)
    assert draws(range(9) | ops.cache(2) | plain)[1] == first
    (by_name,) = draws(range(9) | named)
    assert draws(range(9) | plain | ops.cache(2) | named)[-1] == by_name
    assert draws(range(9) | named | plain) == [by_name, second]
    assert len({*draws(range(9) | named | named | plain), first, by_name}) == 4


def test_placeholders_stand_among_the_arguments() -> None:
    both = stream(lambda *seeds, **named: [*seeds, *named.values()], SEED, 5, SEED, a=SEED, b=6)
    assert list(both) == [None, 5, None, None, 6]
    a, five, b, c, six = both.seed(7)
    assert (five, six) == (5, 6)
    assert len({a, b, c}) == 3
    assert all(0 <= seed < 2**32 for seed in (a, b, c))
    assert list(both.seed(7)) == list(both.seed(7)) != list(both.seed(8))


def test_the_placeholder_is_one_object() -> None:
    assert pickle.loads(pickle.dumps(SEED)) is copy.deepcopy(SEED) is copy.copy(SEED) is SEED
    assert repr(stream(noisy, 3, random_state=SEED)) == "stream(noisy, 3, random_state=SEED)"


@given(unseeded(), st.integers(0, 3), entropies)
def test_rounds_are_seeded_by_their_number(described: Any, n: int, entropy: list[Any]) -> None:
    cycled = (described | ops.cycle(n, reseed=True)).seed(*entropy)
    assert cycled.upstream == described
    rounds = [elements(described.seed(*cycled.ops[-1].entropy, i)) for i in range(n)]
    before_an_empty_one = itertools.takewhile(len, rounds)
    assert elements(cycled) == list(itertools.chain.from_iterable(before_an_empty_one))


@given(unseeded(), st.integers(0, 3), entropies)
def test_without_reseed_rounds_are_alike(described: Any, n: int, entropy: list[Any]) -> None:
    assert elements((described | ops.cycle(n)).seed(*entropy)) == (
        elements(described.seed(*entropy)) * n
    )


def test_rounds_within_rounds_share_nothing() -> None:
    rounds = POOL | ops.chain() | ops.cycle(2, reseed=True)
    nested = rounds | ops.map(same) | ops.cycle(3, reseed=True)
    assert len({*nested.seed(7)}) == 3 * 2 * 3
    assert len({*([nested, nested] | ops.chain()).seed(7)}) == 2 * 3 * 2 * 3
    assert list(nested.seed(7, 1)) == list(nested.seed(7, 1)) != list(nested.seed(7, 2))


def test_rounds_keep_the_seeds_that_are_given() -> None:
    order = range(9) | ops.shuffle(9, random_state=0)
    assert list((order | ops.cycle(2, reseed=True)).seed(7)) == list(order) * 2


def test_what_stands_after_rounds_is_seeded_as_ever() -> None:
    plain = range(9) | ops.shuffle(3) | ops.cycle(2) | ops.shuffle(4)
    reseeding = range(9) | ops.shuffle(3) | ops.cycle(2, reseed=True) | ops.shuffle(4)
    assert plain.seed(7).ops[-1] == reseeding.seed(7).ops[-1]


@given(unseeded(random_state=5), st.integers(0, 2**32 - 1))
def test_unseeded_operators_follow_numpy(described: Any, seed: int) -> None:
    seed_numpy(seed)
    expected = elements(described)
    for again in (described, described | ops.cycle(1, reseed=True)):
        seed_numpy(seed)
        assert elements(again) == expected


@given(strategies.streams())
def test_reseed_without_a_seed_is_plain(given: Any) -> None:
    described, _ = given
    reseeding = described | ops.cycle(2, reseed=True)
    assert elements(reseeding) == elements(described | ops.cycle(2))


@pytest.mark.parametrize(
    ("entropy", "error", "problem"),
    [
        ((), ParameterError, "entropy must be at least one number or str"),
        ((7, -1), ParameterError, "entropy must be at least 0, not -1"),
        ((True,), ParameterTypeError, "entropy must be a whole number, not True"),
        ((1.0,), ParameterTypeError, "entropy must be a whole number, not 1.0"),
        ((None,), ParameterTypeError, "entropy must be a whole number, not None"),
        ((b"a",), ParameterTypeError, "entropy must be a whole number, not b'a'"),
        (((1, 2),), ParameterTypeError, "entropy must be a whole number, not (1, 2)"),
    ],
)
def test_what_is_no_entropy_is_refused(entropy: Any, error: Any, problem: str) -> None:
    described = range(3) | ops.shuffle(2)
    with pytest.raises(error, match=exactly(f"{described}: {problem}")):
        described.seed(*entropy)


@pytest.mark.parametrize("build", [ops.mux, ops.cycle])
def test_the_entropy_of_an_operator_is_not_a_parameter(build: Any) -> None:
    with pytest.raises(TypeError, match="entropy"):
        build(2, entropy=(5,))


def test_a_singleton_is_a_stream() -> None:
    """Two steps on pools, one after another, have places of their own."""
    twice = POOL | ops.mux(2) | ops.map(one) | ops.mux(1, None, mode="exhaustive")
    assert len({*seeds(twice.seed(7))}) == 4
