"""Operators that gather elements into batches, and divide batches into elements."""

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
    """Gather `n` elements into one batch.

    Elements are arrays or numbers, or mappings, tuples, named tuples and dataclass instances of
    these (nested as you like), all of one structure. A batch has the structure of its elements,
    and arrays of its own. The elements are held by reference until the batch is full, and copied
    once; so a source must not refill an array that it has yielded.

    Parameters
    ----------
    n : int > 0
        The number of elements in a batch.
    axis : int or None, default=None
        None stacks arrays of shape ``shape`` into ``(n, *shape)``; a number concatenates along
        that axis.
    partial : bool, default=False
        Whether a last batch of fewer elements is yielded, and not dropped.

    Raises
    ------
    ParameterError, ParameterTypeError
        If a parameter is out of range or of the wrong type.
    DataError
        At run time, if an element does not fit those before it in its batch. With `partial`, the
        elements before it are yielded first.

    Examples
    --------
    >>> import numpy as np
    >>> list([{"x": 1}, {"x": 2}, {"x": 3}, {"x": 4}] | batch(2))
    [{'x': array([1, 2])}, {'x': array([3, 4])}]

    A last short batch is dropped, so that all batches are of one shape, unless `partial` is true:

    >>> list(range(5) | batch(2))
    [array([0, 1]), array([2, 3])]
    >>> list(range(5) | batch(2, partial=True))
    [array([0, 1]), array([2, 3]), array([4])]
    >>> list([] | batch(2, partial=True))
    []

    Concatenating, the elements can be of several lengths along the axis:

    >>> next(iter([np.arange(1), np.arange(3)] | batch(2, axis=0)))
    array([0, 0, 1, 2])
    >>> list([{"x": np.zeros(2)}, {"x": np.zeros(3)}] | batch(2))
    Traceback (most recent call last):
    ...
    pescador.errors.DataError: batch(2): element 1, key 'x': float64 array of shape (3,) ...
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
        return _regrouped(self, upstream, part)

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
    """Divide batches of any length into batches of exactly `n` rows.

    An element is an array, or a mapping, a tuple, a named tuple or a dataclass instance of arrays
    (nested as you like) that share their first dimension, the rows. A batch is yielded as soon as
    its rows have been read. The time is linear in the number of rows, regardless of how long the
    elements are; at most `n` rows and one element are held. The arrays of a batch are its own.

    Parameters
    ----------
    n : int > 0
        The number of rows in a batch.
    partial : bool, default=False
        Whether a last batch of fewer rows is yielded, and not dropped.

    Raises
    ------
    ParameterError, ParameterTypeError
        If a parameter is out of range or of the wrong type.
    DataError
        At run time, if an element does not fit those before it in its batch, or its arrays differ
        in their first dimension or have none. With `partial`, the rows before it are yielded first.

    Examples
    --------
    >>> import numpy as np
    >>> list([{"x": np.arange(3)}, {"x": np.arange(3)}] | buffer(2))
    [{'x': array([0, 1])}, {'x': array([2, 0])}, {'x': array([1, 2])}]

    An element of more than `n` rows is divided; a last short batch is dropped, unless `partial` is
    true:

    >>> list([np.arange(5)] | buffer(2))
    [array([0, 1]), array([2, 3])]
    >>> list([np.arange(5)] | buffer(2, partial=True))
    [array([0, 1]), array([2, 3]), array([4])]
    >>> list([np.arange(2)] | buffer(4)), list([np.arange(2)] | buffer(4, partial=True))
    ([], [array([0, 1])])
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
        return _regrouped(self, upstream, part)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class unbatch(Op[Any, Any]):
    """Yield the rows of each batch, one element per row.

    An element is an array, or a mapping, a tuple, a named tuple or a dataclass instance of arrays
    (nested as you like) that share their first dimension. A row has the same structure, and its
    arrays are views of those of the batch.

    Raises
    ------
    DataError
        At run time, if the arrays of an element differ in their first dimension, or have none.

    Examples
    --------
    >>> import numpy as np
    >>> list([{"x": np.array(["a", "b"])}] | unbatch())
    [{'x': np.str_('a')}, {'x': np.str_('b')}]

    A batch without rows yields nothing:

    >>> list([np.arange(2), np.arange(0), np.arange(1)] | unbatch())
    [np.int64(0), np.int64(1), np.int64(0)]
    >>> list([{"x": np.arange(2), "y": np.arange(3)}] | unbatch())
    Traceback (most recent call last):
    ...
    pescador.errors.DataError: unbatch(): element 0, key 'y': 3 rows...
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


def _regrouped(op: batch | buffer, upstream: Stream[Any], part: Part) -> Stream[Any]:
    """Return a shard that is batched by itself, unless it would drop a short batch."""
    divided = upstream.shard_any(part)
    if op.partial or upstream.restarts:
        return divided.then(op)
    raise IndivisibleError(
        f"{op} cannot be divided: each part would drop a last short batch of its own; "
        "write partial=True, or put it after what divides the stream"
    )


def _unknown(_: Any) -> Any:
    raise LookupError


def _note(error: Exception, op: object, index: int) -> None:
    error.add_note(f"{op}: raised upstream, at element {index}")
