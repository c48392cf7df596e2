"""`Stream.shard`: the parts make up the whole, and read no more than theirs; or it is refused."""

from __future__ import annotations

import itertools
import pickle
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from pescador import (
    SEED,
    DataError,
    IndivisibleError,
    Op,
    ParameterError,
    ParameterTypeError,
    Stream,
    ops,
    stream,
)
from readings import echo, elements, key, noisy, one, same
from sources import exactly
from strategies import each, ignore, is_even, is_small, twice, weight

counts = st.integers(1, 4)


def parts(described: Stream[Any], count: int) -> list[Stream[Any]]:
    return [described.shard(index, count) for index in range(count)]


def is_exact(described: Stream[Any], count: int) -> bool:
    """Whether the elements are dealt out by their place."""
    try:
        described.shard_exact(ops.shard(0, count))
    except IndivisibleError:
        return False
    return True


def keeps_every_element(op: Any) -> bool:
    """Whether an operator, dealt out, gives of each stream what it gave of it in the whole."""
    if isinstance(op, ops.mux):
        return op.lam is None or op.dist == "constant"
    return not isinstance(op, ops.batch | ops.buffer)


@given(strategies.streams(), st.integers(2, 4))
def test_the_parts_make_up_the_whole(drawn: Any, count: int) -> None:
    described, _ = drawn
    try:
        given = [elements(part) for part in parts(described, count)]
    except IndivisibleError as error:
        refused, _, cure = str(error).partition(" cannot be divided: ")
        assert refused in map(repr, described.ops)
        assert "; " in cure
        return
    expected = elements(described)
    if is_exact(described, count):
        assert given == [expected[index::count] for index in range(count)]
    elif all(map(keeps_every_element, described.ops)):
        assert sum(map(Counter, given), Counter()) == Counter(expected)


@st.composite
def exact_steps(draw: Any) -> Any:
    n = draw(st.integers(1, 4))
    step = draw(
        st.sampled_from(
            [
                ops.map(twice),
                ops.tap(ignore),
                ops.progress(20),
                ops.skip(n),
                ops.take(3 * n),
                ops.batch(n) | ops.map(weight),
                ops.batch(n, partial=True) | ops.map(weight),
            ]
        )
    )
    return draw(st.just(step) | strategies.shards())


@given(st.integers(0, 40), st.lists(exact_steps(), max_size=4), counts, counts)
def test_exact_parts_in_turn_are_the_whole(
    n: int, steps: list[Any], count: int, deeper: int
) -> None:
    for source in (range(n), stream(each, range(n)), np.arange(n)):
        described = stream(source)
        for step in steps:
            described |= step
        expected = elements(described)
        for index, part in enumerate(parts(described, count)):
            assert elements(part) == expected[index::count]
            assert part.length in (None, len(expected[index::count]))
            assert elements(parts(part, deeper) | ops.round_robin()) == elements(part)
        assert elements(parts(described, count) | ops.round_robin()) == expected


@st.composite
def dealt_steps(draw: Any) -> Any:
    n = draw(st.integers(1, 3))
    return draw(
        st.sampled_from(
            [
                ops.filter(is_even),
                ops.shuffle(n, random_state=n),
                ops.shuffle(n),
                ops.cycle(n),
                ops.cycle(n, reseed=True),
                ops.map(twice),
                ops.progress(n),
                ops.batch(n, partial=True) | ops.unbatch(),
                ops.batch(2, partial=True) | ops.buffer(n, partial=True) | ops.unbatch(),
            ]
        )
    )


@given(
    strategies.inputs("pool"),
    st.sampled_from([ops.chain(), ops.round_robin(), ops.mux(2, None, mode="exhaustive")]),
    st.lists(dealt_steps(), max_size=3),
    counts,
    counts,
)
def test_dealt_parts_together_are_the_whole(
    pool: Any, join: Any, steps: list[Any], count: int, deeper: int
) -> None:
    described = stream(pool) | join
    for step in steps:
        described |= step
    described = described.seed(7)

    def together(streams: list[Stream[Any]]) -> Counter[Any]:
        return Counter(itertools.chain.from_iterable(map(elements, streams)))

    divided = parts(described, count)
    assert together(divided) == Counter(elements(described))
    for part in divided:
        assert together(parts(part, deeper)) == Counter(elements(part))


@given(strategies.streams(), counts)
def test_parts_are_descriptions(drawn: Any, count: int) -> None:
    described, _ = drawn
    try:
        divided = parts(described, count)
    except IndivisibleError:
        return
    assert divided == parts(described, count)
    for part, again in zip(divided, pickle.loads(pickle.dumps(divided)), strict=True):
        assert elements(again) == elements(part)


@given(strategies.streams())
def test_one_part_is_the_whole(drawn: Any) -> None:
    described, _ = drawn
    assert described.shard(0, 1) is described


class Counted(Sequence):
    """A sequence that knows which of its elements were read."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.read: list[int] = []

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> int:
        self.read.append(index)
        return index


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (ops.map(same), range(1, 20, 3)),
        (ops.map(same) | ops.tap(ignore) | ops.progress(), range(1, 20, 3)),
        (ops.skip(6), [7, 10, 13, 16, 19]),
        (ops.take(6), [1, 4]),
        (ops.batch(2), [2, 3, 8, 9, 14, 15]),
        (ops.batch(2) | ops.batch(2), [4, 5, 6, 7, 16, 17, 18, 19]),
        (ops.shard(1, 2), [3, 9, 15]),
        (ops.filter(is_even), range(1, 20, 3)),
        (ops.shuffle(3) | ops.batch(2, partial=True), range(1, 20, 3)),
        (ops.cycle(2) | ops.map(same), [*range(1, 20, 3)] * 2),
    ],
    ids=repr,
)
def test_a_part_reads_only_its_own(step: Any, expected: Any) -> None:
    source = Counted(20)
    part = (source | step).shard(1, 3)
    assert source.read == []
    list(part)
    if step == ops.skip(6):  # A few elements are read to be left out.
        assert source.read == [1, 4, *expected]
    else:
        assert source.read == [*expected]


def test_a_part_of_a_long_range_begins_at_once() -> None:
    described = range(10**12) | ops.map(twice) | ops.batch(4) | ops.skip(1)
    (first,) = described.shard(5, 7) | ops.take(1)
    assert first.tolist() == [48, 50, 52, 54]
    assert described.shard(5, 7).length == len(range(5, 10**12 // 4 - 1, 7))
    (deep,) = described.shard(5, 7).shard(1, 2) | ops.take(1)
    assert deep.tolist() == [104, 106, 108, 110]


def test_rows_of_an_array_are_views() -> None:
    array = np.arange(12).reshape(6, 2)
    rows = list((array | ops.map(same)).shard(1, 4))
    assert [row.tolist() for row in rows] == [[2, 3], [10, 11]]
    assert all(np.shares_memory(row, array) for row in rows)


LETTERS = {"a": "aaa", "b": "bb", "c": "c", "d": "dddd", "e": "ee"}


SHARES = [1, 2, 3, 0, 5]


@pytest.mark.parametrize(
    "weights", [SHARES, dict(zip(LETTERS, SHARES, strict=True))], ids=["sequence", "by name"]
)
def test_weights_go_with_their_streams(weights: Any) -> None:
    even, odd = parts(LETTERS | ops.mux(3, weights=weights, random_state=0), 2)
    assert even.names is odd.names is None
    assert (even.source.names, odd.source.names) == (("a", "c", "e"), ("b", "d"))
    by_part = [
        dict(zip(part.source.names, getattr(w := part.ops[0].weights, "values", w), strict=True))
        for part in (even, odd)
    ]
    assert by_part == [{"a": 1, "c": 3, "e": 5}, {"b": 2, "d": 0}]
    assert set(even | ops.take(300)) == {"a", "c", "e"}
    assert set(odd | ops.take(300)) == {"b"}


@pytest.mark.parametrize(("k", "expected"), [(1, [1, 1, 1]), (3, [1, 1, 1]), (7, [3, 2, 2])])
def test_the_active_streams_are_dealt_out(k: int, expected: list[int]) -> None:
    described = LETTERS | ops.mux(k, random_state=0)
    assert [part.ops[0].k for part in parts(described, 3)] == expected


@pytest.mark.parametrize(
    "op", [ops.mux(2), ops.shuffled(), ops.round_robin(), ops.chain(), ops.mux(2, weights=[1] * 5)]
)
def test_more_parts_than_streams(op: Any) -> None:
    divided = parts(LETTERS | op, 7)
    assert [list(part) for part in divided[5:]] == [[], []]
    assert all(list(part | ops.take(1)) for part in divided[:5])


def test_a_part_whose_streams_all_have_weight_0_is_empty() -> None:
    described = ["a", "b"] | ops.mux(1, weights=[1, 0])
    assert [part.length for part in parts(described, 2)] == [float("inf"), 0]
    assert list(described.shard(1, 2)) == []


@pytest.mark.parametrize("pool", [LETTERS, [*LETTERS.values()]], ids=["dict", "list"])
def test_tags_are_those_of_the_whole(pool: Any) -> None:
    described = pool | ops.round_robin(tag=True)
    given = itertools.chain(*parts(described, 3))
    assert Counter(given) == Counter(described)


def test_a_pool_that_is_made_on_the_way_is_dealt_out() -> None:
    described = [3, 1, 2, 4] | ops.map(range) | ops.mux(2, None, weights=[1, 0, 1, 1])
    described |= ops.map(same)
    assert [set(part | ops.take(99)) for part in parts(described, 2)] == [{0, 1, 2}, {0, 1, 2, 3}]
    assert described.shard(1, 2).ops[-2].weights == (0, 1)


@pytest.mark.parametrize("op", [ops.mux(2, 3), ops.shuffled(), ops.round_robin("cycle")])
def test_an_endless_mixture_is_dealt_out(op: Any) -> None:
    """Its batches too: none of its parts has a last one."""
    described = LETTERS | op | ops.batch(3) | ops.unbatch()
    assert [set(part | ops.take(99)) for part in parts(described, 2)] == [{*"ace"}, {*"bd"}]


@pytest.mark.parametrize(
    "gather", [ops.batch(2, axis=0, partial=True), ops.buffer(3, partial=True)]
)
def test_batches_of_a_dealt_pool_hold_every_row(gather: Any) -> None:
    pool = [[np.arange(n)] for n in (3, 1, 4)]
    described = pool | ops.mux(2, None, mode="exhaustive") | gather | ops.unbatch()
    assert Counter(map(key, itertools.chain(*parts(described, 2)))) == Counter(map(key, described))


def test_parts_draw_from_seeds_of_their_own() -> None:
    for op in (ops.mux(2), ops.shuffled(), ops.round_robin("permuted_cycle")):
        described = (LETTERS | op).seed(7)
        divided = [described, *parts(described, 2), *parts(described, 3)]
        assert len({part.ops[0].random_state for part in divided}) == 6
    order = (range(99) | ops.filter(same) | ops.shuffle(9)).seed(7)
    assert len({part.ops[-1].random_state for part in [order, *parts(order, 2)]}) == 3


@pytest.mark.parametrize("seed", [5, (5, 6), np.random.RandomState(5)], ids=["int", "tuple", "MT"])
def test_a_given_seed_is_divided(seed: Any) -> None:
    described = LETTERS | ops.mux(2, random_state=seed)
    assert len({part.ops[0].random_state for part in [described, *parts(described, 3)]}) == 4


def test_the_streams_of_a_part_are_seeded_as_in_the_whole() -> None:
    """So what a stream gives does not depend on the number of workers."""
    pool = [stream(echo, SEED) for _ in range(5)]
    for members in (pool, dict(zip("abcde", pool, strict=True))):
        described = (members | ops.mux(2, None, mode="exhaustive")).seed(7)
        for count in (2, 3, 9):
            assert sorted(itertools.chain(*parts(described, count))) == sorted(described)


def test_rounds_are_seeded_before_they_are_divided() -> None:
    pool = [stream(echo, SEED, 2) for _ in range(4)]
    epochs = pool | ops.mux(2, None, mode="exhaustive") | ops.shuffle(9) | ops.cycle(3, reseed=True)
    described = epochs.seed(7)
    even, odd = parts(described, 2)
    assert Counter([*even, *odd]) == Counter(described)
    assert {*even}.isdisjoint({*odd})
    assert len({*even}) == 3 * 2
    assert even.length == described.length
    assert Counter(even) == Counter([*even.shard(0, 2), *even.shard(1, 2)])
    assert [p.seed(7) for p in parts(epochs, 2)] == [even, odd]
    order = (range(1, 21) | ops.filter(same) | ops.shuffle(20) | ops.cycle(2, reseed=True)).seed(7)
    assert [x + 1 for x in order.shard(0, 2)] != [*order.shard(1, 2)]


def test_a_source_with_a_seed_is_the_same_in_each_part() -> None:
    described = (stream(noisy, 20, random_state=SEED) | ops.cycle(2, reseed=True)).seed(7)
    assert Counter(itertools.chain(*parts(described, 3))) == Counter(described)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Own(Op[Any, Any]):
    def __call__(self, upstream: Any) -> Any:
        return iter(upstream)


AFTER = "; put it after what divides the stream"
COUNTS = "it counts elements of the whole stream" + AFTER
SHORT = (
    "each part would drop a last short batch of its own; "
    "write partial=True, or put it after what divides the stream"
)


@pytest.mark.parametrize(
    ("described", "who", "reason"),
    [
        (range(9) | ops.filter(is_even) | ops.take(3), "take(3)", COUNTS),
        (range(9) | ops.filter(is_even) | ops.skip(3), "skip(3)", COUNTS),
        (range(9) | ops.filter(is_even) | ops.shard(0, 2), "shard(0, 2)", COUNTS),
        (
            range(9) | ops.take_while(is_small) | ops.map(same),
            "take_while(is_small)",
            "one shard does not know where another ends" + AFTER,
        ),
        (
            range(9) | ops.cache(2) | ops.take(3),
            "cache(2)",
            "it repeats elements of the whole stream at random" + AFTER,
        ),
        (range(9) | ops.filter(is_even) | ops.batch(2), "batch(2)", SHORT),
        ([np.arange(3)] | ops.buffer(2), "buffer(2)", SHORT),
        (stream(range(9)) | enumerate, "enumerate", "it may do anything" + AFTER),
        (
            range(9) | Own(),
            "Own()",
            "its outputs for the whole stream do not follow from its shards" + AFTER,
        ),
        (
            LETTERS | ops.mux(2, weights=one),
            "mux(2, weights=one)",
            "its weights are a function of the whole; divide each stream of the pool instead",
        ),
        (
            range(3) | ops.map(range) | ops.skip(0) | ops.chain(tag=True),
            "chain(tag=True)",
            "its tags are indices of the whole pool; write a mapping or a list as the pool",
        ),
        (
            range(9) | ops.cache(2) | ops.cycle(reseed=True),
            "cache(2)",
            "it repeats elements of the whole stream at random" + AFTER,
        ),
    ],
    ids=repr,
)
def test_what_cannot_be_divided_says_why(described: Any, who: str, reason: str) -> None:
    for index in range(2):
        with pytest.raises(IndivisibleError, match=exactly(f"{who} cannot be divided: {reason}")):
            described.shard(index, 2)


def test_a_started_iterator_cannot_be_divided() -> None:
    with pytest.raises(IndivisibleError, match=r"started iterator.*pass the function"):
        (iter("abc") | ops.map(same)).shard(0, 2)


@pytest.mark.parametrize(
    ("index", "count", "error", "problem"),
    [
        (2, 2, ParameterError, "shard(2, 2): index must be less than count, not 2"),
        (-1, 2, ParameterError, "shard(-1, 2): index must be at least 0, not -1"),
        (0, 0, ParameterError, "shard(0, 0): count must be at least 1, not 0"),
        (True, 2, ParameterTypeError, "shard(True, 2): index must be a whole number, not True"),
        (0, 2.0, ParameterTypeError, "shard(0, 2.0): count must be a whole number, not 2.0"),
    ],
)
def test_what_is_no_part_is_refused(index: Any, count: Any, error: Any, problem: str) -> None:
    with pytest.raises(error, match=exactly(problem)):
        stream(range(9)).shard(index, count)


def test_a_progress_bar_counts_what_is_in_the_part() -> None:
    described = range(10) | ops.progress(10)
    assert [part.ops[-1].total for part in parts(described, 3)] == [4, 3, 3]
    dealt = LETTERS | ops.chain() | ops.progress(12)
    assert [part.ops[-1].total for part in parts(dealt, 2)] == [None, None]


def test_batches_of_batches_of_what_begins_again() -> None:
    for described in (
        range(9) | ops.cycle() | ops.batch(2) | ops.batch(2),
        LETTERS | ops.map(rows_of) | ops.mux(1, random_state=1) | ops.buffer(2) | ops.batch(2),
    ):
        for index in range(2):
            assert len(list(described.shard(index, 2) | ops.take(5))) == 5


def rows_of(letters: Any) -> list[dict[str, Any]]:
    return [{"x": np.arange(3)} for _ in letters]


def test_blocks_that_a_skip_cuts_across() -> None:
    described = range(20) | ops.skip(3) | ops.batch(2)
    parts = [described.shard(index, 3) for index in range(3)]
    assert [one.tolist() for one in parts | ops.round_robin()] == [
        one.tolist() for one in described
    ]


def test_a_pool_that_is_made_on_the_way() -> None:
    described = range(4) | ops.map(range) | ops.skip(0) | ops.mux(2, None, mode="exhaustive")
    parts = [[*described.seed(1).shard(index, 2)] for index in range(2)]
    assert sorted(parts[0] + parts[1]) == sorted(described)


class Misled:
    def __iter__(self) -> Any:
        return len(None)  # type: ignore[arg-type]


def test_an_error_inside_an_iterable_is_its_own() -> None:
    with pytest.raises(TypeError, match="has no len") as caught:
        list(stream(Misled()))
    assert not isinstance(caught.value, DataError)
