"""What type checkers infer of the public names; read by them, never executed."""

# ruff: noqa: A004, N801 - Operators have the names of the builtins they lift, in lower case.

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sized
from itertools import pairwise
from typing import Any, TypeVar, assert_type

import numpy as np
import numpy.typing as npt

from pescador import (
    SEED,
    BufferedStreamer,
    ChainMux,
    Join,
    Mux,
    Op,
    Pass,
    Pipeline,
    RoundRobinMux,
    Same,
    ShuffledMux,
    StochasticMux,
    Stream,
    Streamer,
    mux,
    stream,
    streamable,
)
from pescador.ops import (
    batch,
    buffer,
    cache,
    chain,
    cycle,
    filter,
    keras_tuples,
    map,
    progress,
    round_robin,
    shard,
    shuffle,
    shuffled,
    skip,
    take,
    take_while,
    tap,
    tuples,
    unbatch,
)
from pescador.ops import mux as mixture
from pescador.testing import Probe, alike, assert_lawful

A = TypeVar("A")
Sample = dict[str, npt.NDArray[np.float64]]


def numbers(n: int, *, step: int = 1) -> Iterator[int]:
    yield from range(0, n, step)


def samples() -> list[Sample]:
    return [{"X": np.zeros(3)}]


def halves(items: Iterable[int]) -> Iterator[float]:
    for item in items:
        yield item / 2


def is_even(number: int) -> bool:
    return number % 2 == 0


# Sources.

assert_type(stream([1, 2]), Stream[int])
assert_type(stream(range(3)), Stream[int])
assert_type(stream("ab"), Stream[str])
assert_type(stream({"speech": 1.0}), Stream[float])
assert_type(stream(numbers, 3), Stream[int])
assert_type(stream(numbers, 3, step=2), Stream[int])
assert_type(stream(samples), Stream[Sample])
assert_type(stream(stream("ab")), Stream[str])
assert_type(stream(numbers(3)), Stream[int])
assert_type(iter(stream("ab")), Iterator[str])
assert_type(list(stream("ab")), list[str])
assert_type(len(stream("ab")), int)

stream(numbers, "three")  # type: ignore[call-overload]
stream(numbers, 3, width=2)  # type: ignore[call-arg]
stream(3)  # type: ignore[call-overload]

# Same: the elements keep their type.

words = stream(["one", "two"])
assert_type(words | take(1), Stream[str])
assert_type(words | skip(1) | cycle() | cycle(3), Stream[str])
assert_type(words | shard(0, 2) | cache(8) | shuffle(8, random_state=0), Stream[str])
assert_type(words | filter(str.isalpha) | take_while(bool), Stream[str])
assert_type(words | tap(print) | progress(total=2), Stream[str])
assert_type(stream(samples) | batch(2) | buffer(3), Stream[Sample])
assert_type(["one"] | take(1), Stream[str])
assert_type(range(3) | take(1), Stream[int])
assert_type({"speech": 1.0} | take(1), Stream[float])
assert_type(take(2)("abc"), Iterator[str])
assert_type(take(2)([1]), Iterator[int])

# Op: the elements change their type.

assert_type(words | map(len), Stream[int])
assert_type(words | map(len) | map(float), Stream[float])
assert_type([1, 2] | map(str), Stream[str])
assert_type(map(len)(["one"]), Iterator[int])
assert_type(stream(samples) | tuples("X"), Stream[tuple[Any, ...]])
assert_type(stream(samples) | keras_tuples("X", ["Y"]), Stream[tuple[Any, Any]])
assert_type(words | map(len) | take(2) | map(str), Stream[str])

stream([1.5]) | map(len)  # type: ignore[arg-type]
stream([1.5]) | tuples("X")  # type: ignore[operator]

# Join: the elements of a stream of streams.

pool = [stream(numbers, 3), stream(numbers, 4)]
assert_type(pool | mixture(2), Stream[int])
assert_type(pool | shuffled() | take(2), Stream[int])
assert_type(stream(pool) | round_robin("cycle"), Stream[int])
assert_type([[1, 2]] | chain() | take(2), Stream[int])
assert_type([["a"], ["b"]] | mixture(2, lam=16, random_state=0) | map(len), Stream[int])
assert_type({"speech": words, "music": words} | mixture(2, weights={"speech": 1}), Stream[str])
assert_type([[[1.0]]] | chain() | chain(), Stream[float])
assert_type(chain()([[1, 2]]), Iterator[int])

stream([1, 2]) | chain()  # type: ignore[operator]

# Any callable from an iterable to an iterable.

assert_type(stream(numbers, 3) | halves, Stream[float])
assert_type(words | pairwise, Stream[tuple[str, str]])

words | 3  # type: ignore[operator]
words | halves  # type: ignore[operator]

# Pipelines without a source.

assert_type(take(2) | skip(1), Same)
assert_type(words | (take(2) | skip(1)), Stream[str])
assert_type(chain() | take(2), Join)
assert_type([[1]] | (chain() | take(2)), Stream[int])
assert_type(take(2) | chain(), Join)
assert_type(map(len) | take(2), Op[Sized, int])
assert_type(map(len) | map(str), Op[Sized, str])
assert_type(take(2) | map(len), Op[Sized, int])
assert_type(words | (map(len) | take(2)), Stream[int])
prepare = batch(64) | tuples("X", "Y")
assert_type(prepare, Op[Mapping[str, Any], tuple[Any, ...]])
assert_type(stream(samples) | prepare, Stream[tuple[Any, ...]])
empty: Pipeline[str, str] = Pipeline()
assert_type(words | empty, Stream[str])
assert_type(unbatch() | take(1), Op[Any, Any])

# The facades.

streamer: Streamer[int] = Streamer(numbers, 3)
assert_type(streamer | take(1), Any)
BufferedStreamer(streamer, 10)
Mux([streamer], 2, lam=16, random_state=SEED)
StochasticMux([streamer], 2, rate=16)
ShuffledMux([streamer], weights=[1])
RoundRobinMux([streamer], mode="cycle")
ChainMux([streamer])
assert_type(mux([streamer], 10, 2), Stream[Any])


@streamable
def countdown(n: int) -> Iterator[int]:
    while n:
        yield n
        n -= 1


assert_type(countdown(3), Streamer[int])
assert_type(next(countdown(3)(max_batches=2)), int)
assert_type(next(countdown(3).tuples("X")), tuple[Any, ...])
countdown("three")  # type: ignore[arg-type]

# Runs, and operators of one's own.

with Pass.over(words) as run:
    assert_type(run, Pass[str])
    assert_type(next(run), str)
    assert_type(run.then(lambda items: (len(item) for item in items)), Pass[int])


class every_other(Same):
    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        with Pass.over(upstream) as items:
            for item, _ in zip(items, items, strict=False):
                yield item


class doubled(Op[int, int]):
    def __call__(self, upstream: Iterable[int], /) -> Iterator[int]:
        return Pass.over(upstream).then(lambda items: (2 * item for item in items))


assert_type(words | every_other(), Stream[str])
assert_type([1] | doubled() | every_other(), Stream[int])
words | doubled()  # type: ignore[operator]

# Readings, and testing.

assert_type(words.length, int | float | None)
assert_type(words.seed(7, 0), Stream[str])
assert_type(words.shard(0, 2), Stream[str])
assert_lawful(doubled(), [1, 2], reads=lambda k: k)
assert_type(alike(1, 1), bool)
assert_type(Probe("ab").live, int)
