"""Operators that let some elements pass and leave out others."""

from __future__ import annotations

from builtins import filter as _filter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any, TypeVar

from pescador import errors
from pescador.core import Same, sequence
from pescador.running import Pass

__all__ = ["filter", "shard", "skip", "take", "take_while"]

A = TypeVar("A")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class take(Same):
    """The first `n` elements; exactly `n` are read.

    Parameters
    ----------
    n : int >= 0
        How many.

    Raises
    ------
    ParameterError
        If `n` is negative.
    ParameterTypeError
        If `n` is no integer.

    Examples
    --------
    >>> list("abcde" | take(2))
    ['a', 'b']
    """

    n: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", errors.count(self, "n", self.n, least=0))

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        return Pass.over(upstream).then(lambda items: islice(items, self.n))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class skip(Same):
    """All but the first `n` elements.

    Where the source is a range, a sequence or an array, nothing is read on the way.

    Parameters
    ----------
    n : int >= 0
        How many to leave out.

    Raises
    ------
    ParameterError
        If `n` is negative.
    ParameterTypeError
        If `n` is no integer.

    Examples
    --------
    >>> list("abcde" | skip(2))
    ['c', 'd', 'e']
    """

    n: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", errors.count(self, "n", self.n, least=0))

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        return _every(upstream, self.n, 1)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class shard(Same):
    """The elements `index`, `index + count`, `index + 2 * count`, ...: one of `count` parts.

    Parameters
    ----------
    index : int >= 0
        Which part, less than `count`.
    count : int > 0
        How many parts there are.

    Raises
    ------
    ParameterError
        If `index` is not in ``[0, count)``, or `count` is less than 1.
    ParameterTypeError
        If either is no integer.

    Examples
    --------
    >>> list("abcde" | shard(1, 2))
    ['b', 'd']
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", errors.count(self, "count", self.count))
        object.__setattr__(self, "index", errors.count(self, "index", self.index, least=0))
        errors.require(
            self.index < self.count, self, f"index must be less than count, not {self.index}"
        )

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        return _every(upstream, self.index, self.count)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class filter(Same):
    """The elements for which `predicate` holds.

    Parameters
    ----------
    predicate : callable
        From an element to what is true or false.

    Raises
    ------
    ParameterTypeError
        If `predicate` cannot be called.

    Examples
    --------
    >>> list(["a", "1", "b"] | filter(str.isalpha))
    ['a', 'b']
    """

    predicate: Callable[[Any], object]

    def __post_init__(self) -> None:
        errors.function(self, "predicate", self.predicate)

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        return Pass.over(upstream).then(lambda items: _filter(self.predicate, items))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class take_while(Same):
    """The elements before the first for which `predicate` does not hold.

    Parameters
    ----------
    predicate : callable
        From an element to what is true or false.

    Raises
    ------
    ParameterTypeError
        If `predicate` cannot be called.

    Examples
    --------
    >>> list(["a", "1", "b"] | take_while(str.isalpha))
    ['a']
    """

    predicate: Callable[[Any], object]

    def __post_init__(self) -> None:
        errors.function(self, "predicate", self.predicate)

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        return Pass.over(upstream).then(lambda items: takewhile(self.predicate, items))


def _every(upstream: Iterable[A], start: int, step: int) -> Iterator[A]:
    known = sequence(upstream)
    if known is None:
        return Pass.over(upstream).then(lambda items: islice(items, start, None, step))
    return Pass(map(known.__getitem__, range(start, len(known), step)), [])
