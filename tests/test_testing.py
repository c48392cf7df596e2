"""pescador.testing: what is lawful passes, and each way to be unlawful is caught by name."""

# ruff: noqa: N801 - Operators are in lower case.

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import pescador.testing
from pescador import (
    ELEMENTWISE,
    PER_SHARD,
    REGROUPS,
    Join,
    Op,
    ParameterError,
    Pass,
    Pipeline,
    Random,
    Same,
    Stream,
    ops,
    stream,
)
from pescador.testing import LAWS, Probe, alike, assert_lawful
from sources import shown

operator = dataclass(frozen=True, slots=True, eq=False, repr=False)


def countdown(n: int) -> Iterator[int]:
    while n:
        yield n
        n -= 1


def plus(amount: int) -> Callable[[int], int]:
    return lambda number: number + amount


@operator
class pairs(Op[Any, tuple[Any, Any]]):
    """Each element with the one before it; it has to read one more than it gives."""

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[tuple[Any, Any]]:
        with Pass.over(upstream) as items:
            yield from itertools.pairwise(items)


@operator
class distinct(Same):
    """Each element that is new."""

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        seen = set()
        for item in upstream:
            if item not in seen:
                seen.add(item)
                yield item


@operator
class alternate(Join):
    """One element of each stream of the pool in turn, as long as all have one."""

    mode: str = "strict"

    def __call__(self, upstream: Iterable[Iterable[Any]], /) -> Iterator[Any]:
        for row in zip(*upstream, strict=False):
            yield from row


LAWFUL = [
    (pairs(), None, {}),
    (distinct(), None, {}),
    (distinct(), [3, 1, 3, 2], {}),
    (alternate(), None, {"reads": lambda k: k + 2}),
    (ops.filter(math.isfinite), [1.0, math.inf, 2.0], {}),
    (ops.filter(callable), None, {}),
    (ops.take(3), None, {}),
    (ops.cycle(), None, {}),
    (ops.mux(2, random_state=0), None, {}),
    (ops.mux(2, weights={"a": 1, "b": 2}, random_state=0), {"a": "xy", "b": "z"}, {}),
    (ops.take(2) | ops.chain() | ops.batch(2), None, {"reads": lambda k: 2 * k}),
    (ops.shuffle(4, random_state=0), None, {"reads": lambda k: 3 + k}),
    (ops.unbatch(), [{"x": np.arange(3)}, {"x": np.zeros(0, int)}, {"x": np.arange(2)}], {}),
    (ops.map(plus(1)), None, {"laws": {*LAWS} - {"post"}}),
    (Pipeline(), None, {}),
    (Pipeline() | enumerate, None, {"laws": ["associativity", "purity", "post", "demand"]}),
    (countdown, None, {}),
    (stream(countdown, 5) | ops.batch(2), None, {}),
    (stream(np.arange(4.0)), None, {}),
    (["a", "b"], None, {"names": {"unused": None}}),
]


@pytest.mark.parametrize(
    ("subject", "upstream", "how"),
    LAWFUL,
    ids=[f"{i}-{shown(row[0])}" for i, row in enumerate(LAWFUL)],
)
def test_lawful(subject: Any, upstream: Any, how: dict[str, Any]) -> None:
    subject = stream(subject, 4) if subject is countdown else subject
    assert_lawful(subject, upstream, **how)


@operator
class reads_ahead(Same):
    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        with Pass.over(upstream) as items:
            held = [*itertools.islice(items, 1)]
            for item in items:
                held.append(item)
                yield held.pop(0)
            yield from held


@operator
class reads_one_too_many(Same):
    n: int = 3

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        with Pass.over(upstream) as items:
            for index, item in enumerate(items):
                if index == self.n:
                    return
                yield item


@operator
class reads_all(Same):
    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return iter([*upstream])


@operator
class hoards_a_pool(Join):
    def __call__(self, upstream: Iterable[Iterable[Any]], /) -> Iterator[Any]:
        for member in [[*member] for member in upstream]:
            yield from member


@operator
class counts_in_itself(Same):
    seen: list[Any] = field(default_factory=list)

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        for item in upstream:
            self.seen.append(item)
            yield item


@operator
class numbers_across_runs(Op[Any, int]):
    counter: Any = field(default_factory=itertools.count)

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[int]:
        return (next(self.counter) for _ in upstream)

    def __repr__(self) -> str:
        return "numbers_across_runs()"


class Shared:
    """A count that two runs share, if they run at once."""

    total = 0


@operator
class shares_among_runs(Op[Any, int]):
    def __call__(self, upstream: Iterable[Any], /) -> Iterator[int]:
        Shared.total = 0
        for _ in upstream:
            Shared.total += 1
            yield Shared.total


@operator
class writes_into_its_input(Same):
    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        for item in upstream:
            item[:] += 1
            yield item


@operator
class draws_without_a_seed(Op[Any, float]):
    def __call__(self, upstream: Iterable[Any], /) -> Iterator[float]:
        return (random.random() for _ in upstream)


@operator
class repr_of_another(Same):
    n: int = 1

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return iter(upstream)

    def __repr__(self) -> str:
        return f"repr_of_another({self.n + 1})"


@operator
class repr_of_nothing(repr_of_another):
    def __repr__(self) -> str:
        return "repr of nothing"


@operator
class refuses_its_repr(repr_of_another):
    def __repr__(self) -> str:
        return "refuses_its_repr('one', 'two')"


@dataclass(frozen=True)
class compares_by_identity(Same):  # noqa: PLW1641 - Its hash is what is wrong with it.
    n: int = 1

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return iter(upstream)

    def __eq__(self, other: object) -> bool:
        return self is other


@operator
class hashes_by_identity(repr_of_another):
    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"hashes_by_identity({self.n})"


@operator
class loses_a_parameter(Same):
    n: int = 3

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return itertools.islice(upstream, self.n)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return 0

    def __reduce__(self) -> Any:
        return loses_a_parameter, (1,)


@operator
class begins_at_once(Same):
    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        items = iter(upstream)
        first = next(items, None)
        return itertools.chain([first], items)


@operator
class looks_when_joined(Same):
    def validate(self, upstream: Stream[Any], /) -> None:
        next(iter(upstream), None)

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return iter(upstream)


@operator
class leaves_upstream_open(Op[Any, Any]):
    closes = True

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return map(abs, upstream)


@operator
class forgets_a_stream_of_the_pool(Join):
    def __call__(self, upstream: Iterable[Iterable[Any]], /) -> Iterator[Any]:
        first, *others = map(iter, upstream)
        with Pass.over(upstream):
            for row in zip(first, *others, strict=False):
                yield from row


@operator
class keeps_its_runs(Same):
    runs: list[Any] = field(default_factory=list)

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        run = Pass.over(upstream)
        self.runs.append(run)
        return run

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "keeps_its_runs()"

    def __reduce__(self) -> Any:
        return keeps_its_runs, ()


@operator
class leaves_a_file_open(Same):
    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        Path(__file__).open()  # noqa: SIM115 - The file that is left.
        with Pass.over(upstream) as items:
            yield from items


@operator
class joins_as_it_likes(Same):
    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return iter(upstream)

    def __or__(self, other: Any) -> Any:
        return Pipeline((other, self)) if other != Pipeline() else self


@operator
class minds_how_it_is_called(Same):
    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return iter(upstream if isinstance(upstream, Stream) else [])


@operator
class numbered(Op[Any, tuple[int, Any]]):
    """It depends on i itself, so a shard numbers its elements otherwise."""

    sharding = ELEMENTWISE

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[tuple[int, Any]]:
        return enumerate(upstream)


@operator
class half(Same):
    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return itertools.islice(upstream, 0, None, 2)

    def length(self, upstream: Stream[Any], /) -> Any:
        return upstream.length


@operator
class restarts_in_words(Same):
    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return iter(upstream)

    def restarts(self, upstream: Stream[Any], /) -> bool:
        return True


@operator
class without_repetitions(Same):
    """It compares neighbours, and those of a shard are others."""

    sharding = PER_SHARD

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return (key for key, _ in itertools.groupby(upstream, lambda item: item // 2))


@operator
class drops_the_rest(Op[Any, Any]):
    sharding = REGROUPS

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return (np.array(row) for row in zip(*[iter(upstream)] * 2, strict=False))


@operator
class gives_all_to_each_shard(Same):
    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return iter(upstream)

    def shard_any(self, upstream: Stream[Any], part: Any, /) -> Stream[Any]:
        return upstream.then(self)


@operator
class cannot_be_seeded(Same):
    random_state: Any = None

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return iter(upstream)


@operator
class forgets_its_seed(Random, Same):
    random_state: Any = None

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return iter(upstream)

    def seed(self, place: Any, /) -> Any:
        return self


@operator
class jitter(Random, Same):
    """Noise on each element: the elements of the shards are those of the whole, but for it."""

    random_state: Any = None

    sharding = PER_SHARD

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        draws = self.generator()
        return (item + draws.uniform(0, 0.4) for item in upstream)


def rounded(item: float) -> list[int]:
    return [round(item)]


@operator
class sorted_runs(Same):
    """It stops at a step down, which the elements of a shard may not have."""

    sharding = PER_SHARD

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        last = -1
        for item in upstream:
            if item < last:
                return
            last = item
            yield item


@operator
class half_of_the_unknown(Same):
    """Its length fails where that of its upstream is not known."""

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return itertools.islice(upstream, 0, None, 2)

    def length(self, upstream: Stream[Any], /) -> Any:
        return (upstream.length + 1) // 2  # type: ignore[operator]


@operator
class counts_what_it_reads(Same):
    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return iter(upstream)

    def length(self, upstream: Stream[Any], /) -> Any:
        return sum(1 for _ in upstream)


@operator
class three_of_the_endless(Same):
    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return itertools.islice(upstream, 3)

    def restarts(self, upstream: Stream[Any], /) -> bool:
        return upstream.restarts


@operator
class a_number_in_words(Same):
    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return iter(upstream)

    def length(self, upstream: Stream[Any], /) -> Any:
        return "9"


@operator
class draws_the_same_in_each_shard(Random, Same):
    random_state: Any = None

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return iter(upstream)

    def shard_any(self, upstream: Stream[Any], part: Any, /) -> Stream[Any]:
        return upstream.shard_any(part).then(self)


@operator
class has_one_seed(Random, Same):
    random_state: Any = None

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return iter(upstream)

    def seed(self, place: Any, /) -> Any:
        return has_one_seed(3)


@operator
class takes_any_seed(Random, Same):
    random_state: Any = None

    def __post_init__(self) -> None:
        pass

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return iter(upstream)


@operator
class leaves_its_members_unseeded(Join):
    entropy: Any = None

    @property
    def seeds_upstream(self) -> bool:
        return self.entropy is not None

    def seed(self, place: Any, /) -> Any:
        return replace(self, entropy=place.words())

    def __call__(self, upstream: Iterable[Iterable[Any]], /) -> Iterator[Any]:
        for member in upstream:
            yield from member


@operator
class gathers_numbers(Op[Any, Any]):
    sharding = REGROUPS

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return map(abs, upstream)


UNLAWFUL = [
    (reads_ahead(), "demand"),
    (reads_one_too_many(), "demand"),
    (reads_all(), "laziness"),
    (hoards_a_pool(), "demand"),
    (counts_in_itself(), "purity"),
    (numbers_across_runs(), "purity"),
    (shares_among_runs(), "purity"),
    (writes_into_its_input(), "purity", {"upstream": [np.arange(2), np.arange(2)]}),
    (draws_without_a_seed(), "purity"),
    (repr_of_another(), "post"),
    (repr_of_nothing(), "post"),
    (refuses_its_repr(), "post"),
    (compares_by_identity(), "post"),
    (hashes_by_identity(), "post"),
    (loses_a_parameter(), "post"),
    (ops.map(plus(1)), "post"),
    (begins_at_once(), "laziness"),
    (looks_when_joined(), "laziness"),
    (leaves_upstream_open(), "release"),
    (forgets_a_stream_of_the_pool(), "release", {"reads": lambda k: k + 2}),
    (keeps_its_runs(), "release"),
    (leaves_a_file_open(), "release"),
    (joins_as_it_likes(), "associativity"),
    (minds_how_it_is_called(), "associativity"),
    (stream(iter("abc")), "purity"),
    (stream(countdown(3)) | ops.take(1), "purity"),
    (stream([plus(1)]), "post"),
    (counts_what_it_reads(), "laziness"),
    (half(), "length"),
    (half_of_the_unknown(), "length"),
    (sorted_runs(), "length"),
    (three_of_the_endless(), "length"),
    (a_number_in_words(), "length"),
    (restarts_in_words(), "length"),
    (numbered(), "shard"),
    (without_repetitions(), "shard"),
    (drops_the_rest(), "shard"),
    (gives_all_to_each_shard(), "shard"),
    (jitter(0), "shard"),
    (gathers_numbers(), "shard"),
    (draws_the_same_in_each_shard(0), "shard"),
    (has_one_seed(), "seed"),
    (takes_any_seed(0), "seed"),
    (leaves_its_members_unseeded(), "seed"),
    (cannot_be_seeded(), "seed"),
    (forgets_its_seed(), "seed"),
]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # Of the runs before those of the law.
@pytest.mark.parametrize(
    ("subject", "law", "how"),
    [(*row, {})[:3] for row in UNLAWFUL],
    ids=[f"{row[1]}-{shown(row[0])}" for row in UNLAWFUL],
)
def test_unlawful(subject: Any, law: str, how: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=f"^{law}: ") as caught:
        assert_lawful(subject, **how)
    assert repr(subject)[:40] in str(caught.value)
    assert_lawful(subject, laws=LAWS[: LAWS.index(law)], **how)


def test_what_is_said() -> None:
    sentence = (
        "demand: reads_ahead() over [5, 6, 7]: asked for an element 1 times, it read 2 of its "
        "upstream, the last of them to no effect: read no more than it needs; or say by reads= "
        "how much that is"
    )
    with pytest.raises(AssertionError, match=f"^{re.escape(sentence)}$"):
        assert_lawful(reads_ahead(), (5, 6, 7))
    sentence = "demand: batch(3) over [5, 6, 7]: asked for an element 1 times, it read 3"
    with pytest.raises(AssertionError, match=re.escape(sentence)):
        assert_lawful(ops.batch(3), [5, 6, 7], reads=lambda k: 2 * k)
    sentence = "purity: stream(<generator object"
    with pytest.raises(AssertionError, match=re.escape(sentence)):
        assert_lawful(countdown(3))


def test_refusals() -> None:
    with pytest.raises(ParameterError, match="laws must be among purity, associativity, post"):
        assert_lawful(ops.take(1), laws=["order"])
    with pytest.raises(ParameterError, match="most must be at least 1, not 0"):
        assert_lawful(ops.take(1), most=0)


def test_an_error_of_the_operator_itself_passes() -> None:
    with pytest.raises(pescador.DataError, match="int 0 is not a mapping"):
        assert_lawful(ops.tuples("x"))


class Point(NamedTuple):
    x: Any
    y: Any


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (1, 1, True),
        (1, True, False),
        (1, 1.0, False),
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        (np.float32(math.nan), np.float32(math.nan), True),
        (np.float32(1), np.float64(1), False),
        (np.arange(3), np.arange(3), True),
        (np.arange(3), np.arange(3, dtype="i2"), False),
        (np.arange(4), np.arange(4).reshape(2, 2), False),
        (np.arange(3), np.arange(1, 4), False),
        (np.array([None, 1]), np.array([None, 1]), True),
        (np.array([None, 1]), np.array([None, 2]), False),
        ({"x": np.zeros(2)}, {"x": np.zeros(2)}, True),
        ({"x": 1, "y": 2}, {"y": 2, "x": 1}, False),
        ({"x": 1}, {"x": 2}, False),
        ([1, np.zeros(1)], [1, np.zeros(1)], True),
        ([1], [1, 2], False),
        ([1], (1,), False),
        (Point(1, 2), Point(1, 2), True),
        (Point(1, 2), (1, 2), False),
        (stream("ab"), stream("ab"), True),
        (Probe("ab"), Probe("ab"), False),
    ],
    ids=repr,
)
def test_alike(one: Any, other: Any, expected: bool) -> None:
    assert alike(one, other) is expected
    assert alike(other, one) is expected


def test_probe() -> None:
    error = LookupError()
    probe = Probe("ab", error, kept=True)
    assert repr(probe) == "Probe('ab')"
    run = iter(probe)
    assert (probe.runs, probe.read, probe.live) == (1, 0, 0)
    assert (next(run), next(run)) == ("a", "b")
    assert (probe.runs, probe.read, probe.live) == (1, 2, 1)
    with pytest.raises(LookupError) as caught:
        next(run)
    assert caught.value is error
    assert probe.live == 0


def test_probe_kept_is_ended_by_close_alone() -> None:
    kept, free = Probe("ab", kept=True), Probe("ab")
    for probe in (kept, free):
        assert next(iter(probe)) == "a"
    assert (kept.live, free.live) == (1, 0)


def test_a_reading_that_lies_is_told_with_its_cure() -> None:
    with pytest.raises(AssertionError) as length:
        assert_lawful(half())
    assert "length: half()" in str(length.value)
    assert "its length is 5, and it says 9" in str(length.value)
    assert "return the true number of elements from length(), or None" in str(length.value)
    with pytest.raises(AssertionError) as shard:
        assert_lawful(numbered())
    assert "shard: numbered()" in str(shard.value)
    assert "its element 1" in str(shard.value)
    assert "ELEMENTWISE if output i depends on input i alone and not on i" in str(shard.value)


def test_contents_say_what_shards_have_in_common() -> None:
    assert_lawful(jitter(0), contents=rounded)
    assert_lawful(jitter(), laws=["length", "seed"])  # Unseeded, it is not pure.
    assert_lawful(ops.batch(2), [], laws=["length", "shard"])


@operator
class draws_from_the_global_generator(Random, Same):
    random_state: Any = None

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        return (item + np.random.random() for item in upstream)


def test_the_global_generators_decide_nothing_and_stay_as_they_were() -> None:
    np.random.seed(3)
    expected = np.random.RandomState(3).random_sample(2).tolist()
    assert np.random.random() == expected[0]
    assert_lawful(jitter(0), laws=["seed"])
    assert np.random.random() == expected[1]
    with pytest.raises(AssertionError, match=r"seed: .*draw from its random_state alone"):
        assert_lawful(draws_from_the_global_generator(), laws=["seed"])
