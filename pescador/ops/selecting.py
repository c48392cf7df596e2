"""Operators that let some elements pass and leave out the others."""

from __future__ import annotations

from builtins import filter as _filter
from builtins import map as _map
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import Any, TypeVar

from pescador import errors
from pescador.core import Part, Same, Stream, sequence, shard
from pescador.readings import PER_SHARD, Finding, Length, Whole
from pescador.running import Pass

__all__ = ["filter", "shard", "skip", "take", "take_while"]

A = TypeVar("A")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class take(Same):
    """Keep the first `n` elements; exactly `n` are read.

    Parameters
    ----------
    n : int >= 0
        The number of elements.

    Raises
    ------
    ParameterError
        If `n` is negative.
    ParameterTypeError
        If `n` is not an integer.

    Examples
    --------
    >>> list("abcde" | take(2))
    ['a', 'b']

    A shorter stream passes whole; `check` warns of that, where the length is known:

    >>> list("abc" | take(5))
    ['a', 'b', 'c']
    >>> list("abc" | take(0))
    []
    """

    n: int

    closes = True
    sharding = Whole("it counts elements of the whole stream")

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", errors.count(self, "n", self.n, least=0))

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        return Pass.over(upstream).then(lambda items: islice(items, self.n))

    def check(self, upstream: Stream[Any], /) -> Iterable[Finding]:
        known = upstream.length
        if known is not None and known < self.n:
            yield Finding("warning", self, f"there are only {known} elements", f"take({known})")

    def length(self, upstream: Stream[Any], /) -> Length:
        known = 0 if self.n == 0 else upstream.length
        return None if known is None else min(known, self.n)

    def shard_exact(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        return upstream.shard_exact(part).then(take(part.below(self.n)))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class skip(Same):
    """Leave out the first `n` elements.

    Nothing is read on the way if the source is a range, a sequence or an array.

    Parameters
    ----------
    n : int >= 0
        The number of elements to leave out.

    Raises
    ------
    ParameterError
        If `n` is negative.
    ParameterTypeError
        If `n` is not an integer.

    Examples
    --------
    >>> list("abcde" | skip(2))
    ['c', 'd', 'e']

    Nothing is left of a stream of at most `n` elements:

    >>> list("abc" | skip(3)), list("abc" | skip(5))
    ([], [])
    """

    n: int

    closes = True
    sharding = Whole("it counts elements of the whole stream")

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", errors.count(self, "n", self.n, least=0))

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        known = sequence(upstream)
        if known is None:
            return Pass.over(upstream).then(lambda items: islice(items, self.n, None))
        return Pass(_map(known.__getitem__, range(self.n, len(known))), [])

    def length(self, upstream: Stream[Any], /) -> Length:
        return None if upstream.length is None else max(upstream.length - self.n, 0)

    def shard_exact(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        blocks, within = divmod(self.n, part.block)
        if within:
            upstream.shard_exact(part)  # It refuses an upstream that cannot be divided.
            return upstream.then(self, part)
        moved = replace(part, index=(part.index + blocks) % part.count)
        return upstream.shard_exact(moved).then(skip(moved.below(self.n)))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class filter(Same):
    """Keep the elements for which `predicate` is true.

    Parameters
    ----------
    predicate : callable
        A function from an element to a truth value.

    Raises
    ------
    ParameterTypeError
        If `predicate` cannot be called.

    Examples
    --------
    >>> list(["a", "1", "b"] | filter(str.isalpha))
    ['a', 'b']

    The stream is empty if no element passes; an endless stream is then searched without end:

    >>> list("123" | filter(str.isalpha))
    []
    """

    predicate: Callable[[Any], object]

    closes = True
    sharding = PER_SHARD

    def __post_init__(self) -> None:
        errors.function(self, "predicate", self.predicate)

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        return Pass.over(upstream).then(lambda items: _filter(self.predicate, items))

    def length(self, upstream: Stream[Any], /) -> Length:
        return 0 if upstream.length == 0 else None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class take_while(Same):
    """Keep the elements before the first one for which `predicate` is false.

    That element is read, and left out; no element after it is read.

    Parameters
    ----------
    predicate : callable
        A function from an element to a truth value.

    Raises
    ------
    ParameterTypeError
        If `predicate` cannot be called.

    Examples
    --------
    >>> list(["a", "1", "b"] | take_while(str.isalpha))
    ['a']

    The stream is empty if the first element fails, and whole if none does:

    >>> list("1ab" | take_while(str.isalpha)), list("ab" | take_while(str.isalpha))
    ([], ['a', 'b'])
    """

    predicate: Callable[[Any], object]

    closes = True
    sharding = Whole("one shard does not know where another ends")

    def __post_init__(self) -> None:
        errors.function(self, "predicate", self.predicate)

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        return Pass.over(upstream).then(lambda items: takewhile(self.predicate, items))

    def length(self, upstream: Stream[Any], /) -> Length:
        return 0 if upstream.length == 0 else None
