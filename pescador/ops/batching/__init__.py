"""Operators that gather elements into batches, and cut batches up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import KW_ONLY, dataclass, replace
from itertools import chain, count, islice
from math import inf
from typing import Any, TypeVar

from pescador import errors, tree
from pescador.core import Op, Part, Same, Stream
from pescador.errors import DataError, IndivisibleError
from pescador.ops.batching.rebatching import Rows
from pescador.readings import PER_SHARD, REGROUPS, Finding, Length
from pescador.running import Pass

__all__ = ["batch", "buffer", "unbatch"]

A = TypeVar("A")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class batch(Same):
    """`n` elements at a time, gathered into one.

    Elements are mappings, tuples, named tuples (nested as you like) of arrays or numbers, or
    these themselves, all of one structure. They are gathered by reference and copied once, into
    arrays that are the consumer's own; so a source must not refill an array that it has yielded.

    Parameters
    ----------
    n : int > 0
        How many elements make a batch.
    axis : int or None, default=None
        None stacks arrays of shape ``shape`` into ``(n, *shape)``; a number concatenates along
        that axis.
    partial : bool, default=False
        Whether a last batch of fewer elements is given or dropped.

    Raises
    ------
    ParameterError, ParameterTypeError
        If a parameter is out of range or of the wrong type.
    DataError
        At run time, if an element does not fit those before it in its batch. With `partial`, those
        before it are given first.

    Examples
    --------
    >>> for one in [{"x": 1}, {"x": 2}, {"x": 3}] | batch(2, partial=True):
    ...     print(one)
    {'x': array([1, 2])}
    {'x': array([3])}
    """

    n: int
    axis: int | None = None
    _: KW_ONLY
    partial: bool = False

    closes = True
    sharding = REGROUPS

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", errors.count(self, "n", self.n))
        errors.flag(self, "partial", self.partial)
        if self.axis is not None:
            axis = errors.whole(self, "axis", self.axis, "an int or None")
            object.__setattr__(self, "axis", axis)

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        with Pass.over(upstream) as run:
            for index in count(step=self.n):
                gathered: list[A] = []
                try:
                    gathered.extend(islice(run.items, self.n))
                except Exception as error:
                    _note(error, self, index + len(gathered))
                    if gathered and self.partial:
                        yield from self._merged(gathered, index)
                    raise
                if len(gathered) < self.n and not (gathered and self.partial):
                    return
                yield from self._merged(gathered, index)

    def check(self, upstream: Stream[Any], /) -> Iterable[Finding]:
        known = upstream.length
        if known is not None and known < self.n and not self.partial:
            problem = f"it is never filled, there are only {known} elements"
            yield Finding("error", self, problem, f"batch({self.n}, partial=True)")

    def length(self, upstream: Stream[Any], /) -> Length:
        known = upstream.length
        if known is None or known == inf:
            return known
        return -(-known // self.n) if self.partial else known // self.n

    def shard_exact(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        return upstream.shard_exact(replace(part, block=part.block * self.n)).then(self)

    def shard_any(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        return _dealt(self, upstream, part)

    def _merged(self, gathered: list[A], index: int) -> Iterator[A]:
        try:
            if self.axis is None:
                merged = tree.stack(gathered)
            else:
                merged = tree.concatenate(gathered, self.axis)
        except DataError as error:
            if error.index and self.partial:
                yield from self._merged(gathered[: error.index], index)
            raise error.located(self, index) from error.__cause__
        yield merged


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class buffer(Same):
    """A stream of batches, re-cut into batches of exactly `n` rows.

    An element is a mapping, a tuple or a named tuple (nested as you like) of arrays that share
    their first dimension, the rows, or such an array itself. A batch is given as soon as its rows
    are there; the time is linear in the rows, however long the chunks are, and what is held is at
    most `n` rows and the chunk in hand. Batches are the consumer's own memory.

    Parameters
    ----------
    n : int > 0
        How many rows make a batch.
    partial : bool, default=False
        Whether a last batch of fewer rows is given or dropped.

    Raises
    ------
    ParameterError, ParameterTypeError
        If a parameter is out of range or of the wrong type.
    DataError
        At run time, if an element does not fit those before it in its batch, its arrays are of
        unequal first dimension, or have none. With `partial`, the rows before are given first.

    Examples
    --------
    >>> import numpy as np
    >>> for one in [{"x": np.arange(3)}, {"x": np.arange(4)}] | buffer(2, partial=True):
    ...     print(one)
    {'x': array([0, 1])}
    {'x': array([2, 0])}
    {'x': array([1, 2])}
    {'x': array([3])}
    """

    n: int
    _: KW_ONLY
    partial: bool = False

    closes = True
    sharding = REGROUPS

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", errors.count(self, "n", self.n))
        errors.flag(self, "partial", self.partial)

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        rows = Rows(self)
        fresh, missing = rows.fresh, self.n
        leaf: Callable[[Any], Any] = _unknown
        with Pass.over(upstream) as run:
            try:
                for chunk in run.items:
                    fresh.append(chunk)
                    try:
                        missing -= len(leaf(chunk))
                    except (TypeError, LookupError, AttributeError):
                        leaf = rows.first_leaf(chunk)
                        missing -= len(leaf(chunk))
                    if missing <= 0:
                        rows.admit()
                        yield from rows.batches()
                        missing = self.n - rows.held
                rows.admit()
            except Exception as error:
                if not (isinstance(error, DataError) and error.operator is self):
                    _note(error, self, rows.seen + len(fresh))
                if self.partial:
                    yield from rows.rest()
                raise
            if self.partial:
                yield from rows.rest()

    def length(self, upstream: Stream[Any], /) -> Length:
        return 0 if upstream.length == 0 else None

    def shard_any(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        return _dealt(self, upstream, part)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class unbatch(Op[Any, Any]):
    """The rows of each batch, one element per row.

    An element is a mapping, a tuple or a named tuple (nested as you like) of arrays that share
    their first dimension, or such an array itself; a row has the same structure, and its arrays
    are views of the batch's.

    Raises
    ------
    DataError
        At run time, if the arrays of an element are of unequal first dimension, or have none.

    Examples
    --------
    >>> import numpy as np
    >>> list([{"x": np.array(["a", "b"])}] | unbatch())
    [{'x': np.str_('a')}, {'x': np.str_('b')}]
    """

    closes = True
    sharding = PER_SHARD

    def length(self, upstream: Stream[Any], /) -> Length:
        return 0 if upstream.length == 0 else None

    def __call__(self, upstream: Iterable[Any], /) -> Iterator[Any]:
        splits = self._splits(upstream)
        return Pass(chain.from_iterable(splits), [splits])

    def _splits(self, upstream: Iterable[Any]) -> Iterator[Iterator[Any]]:
        with Pass.over(upstream) as run:
            for index, element in enumerate(run.items):
                try:
                    tree.lengths(tree.columns([element]))
                except DataError as error:
                    raise error.located(self, index) from None
                yield tree.split(element)


def _dealt(op: batch | buffer, upstream: Stream[Any], part: Part) -> Stream[Any]:
    """Parts that are batched each for itself: right where no short batch is dropped."""
    divided = upstream.shard_any(part)
    if op.partial or upstream.restarts:
        return divided.then(op)
    raise IndivisibleError(
        f"{op} cannot be divided: each part would drop a last short batch of its own; "
        "have partial=True, or put it after what divides the stream"
    )


def _unknown(_: Any) -> Any:
    raise LookupError


def _note(error: Exception, op: object, index: int) -> None:
    error.add_note(f"{op}: raised by what comes before it, at element {index}")
