"""Elements as they travel: their structure said once a message, their values in rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import repeat
from math import prod
from operator import attrgetter, methodcaller
from typing import Any, TypeAlias

import numpy as np

from pescador.errors import DataError, TransportError
from pescador.transport.packing import PLAIN, decoded, encode
from pescador.transport.structures import (
    ARRAYS,
    ArrayOf,
    DictOf,
    Node,
    Plain,
    ScalarOf,
    TupleOf,
    dtype_of,
    is_scalar,
    keys_of,
    leaves_of,
    structure_of,
)

__all__ = ["ALIGNMENT", "Form"]

# What every array begins at a multiple of, in a row and in memory: no dtype of numpy asks for more.
ALIGNMENT = 16

# About how many bytes a number of Python takes on its way, with its place in the structure.
NUMBER = 16


class Form:
    """The structure that elements share, and where in a row of bytes each of their arrays stands.

    A row is as long as its arrays, each begun at a multiple of `ALIGNMENT`; numbers and text of
    Python stand in columns beside the rows.

    Parameters
    ----------
    node : Node
        The structure.
    encoded : bytes
        The same as it travels.

    Attributes
    ----------
    row : int
        How many bytes the arrays of an element take.
    size : int
        How many an element takes in all, besides its text.
    take : callable
        From an element and a list: whether it has the structure; if so, its leaves are appended.
    """

    __slots__ = ("arrays", "encoded", "node", "plain", "row", "size", "take")

    def __init__(self, node: Node, encoded: bytes) -> None:
        self.node = node
        self.encoded = encoded
        self.take = _taker(node)
        self.plain = 0
        self.row = 0
        # Of each leaf: dtype, shape and offset in the row; None of what is plain.
        self.arrays: list[tuple[np.dtype[Any], tuple[int, ...], int] | None] = []
        for leaf in leaves_of(node):
            if isinstance(leaf, Plain):
                self.plain += 1
                self.arrays.append(None)
                continue
            dtype = dtype_of(leaf.dtype)
            shape = _shape(leaf)
            self.arrays.append((dtype, shape, self.row))
            size = dtype.itemsize * prod(shape)
            self.row += -(-size // ALIGNMENT) * ALIGNMENT
        self.size = self.row + self.plain * NUMBER

    @staticmethod
    def of(element: Any) -> Form:
        """The form of an element.

        Raises
        ------
        DataError
            If something in it has no place on the wire; it names the keys that lead there.
        """
        try:
            node = structure_of(element)
            return Form(node, encode(node))
        except RecursionError:
            problem = "it is nested too deeply, or in itself, to be moved to another process"
            raise DataError(problem) from None

    @staticmethod
    @lru_cache(maxsize=256)
    def read(encoded: bytes) -> Form:
        """The form that travelled as these bytes.

        Raises
        ------
        TransportError
            If they are none.
        """
        try:
            return Form(decoded(encoded, Node), encoded)
        except (ValueError, TypeError, OverflowError, SyntaxError, RecursionError) as error:
            raise TransportError(f"a structure that cannot be: {error}") from error

    def columns(self, count: int, memory: Any) -> list[Any]:
        """Where the leaves of `count` elements stand in memory: to be set by place."""
        return [
            [None] * count if array is None else self._column(count, memory, *array)
            for array in self.arrays
        ]

    def elements(
        self, count: int, memory: Any, plain: Sequence[list[Any]], copy: bool = False
    ) -> Iterator[Any]:
        """The elements whose leaves stand in memory; their arrays are views of it, or copies.

        Raises
        ------
        TransportError
            If there is not as much of them as there should be.
        """
        size = len(memory)
        if size != count * self.row:
            raise TransportError(f"{size} bytes for {count} rows of {self.row} bytes")
        if [*map(len, plain)] != [count] * self.plain:
            raise TransportError(f"{[*map(len, plain)]} values for {self.plain} x {count}")
        texts = iter(plain)
        columns = iter(
            [
                next(texts) if array is None else self._column(count, memory, *array)
                for array in self.arrays
            ]
        )
        return _elements(self.node, count, columns, copy)

    def _column(
        self, count: int, memory: Any, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int
    ) -> np.ndarray:
        strides = [self.row, *(dtype.itemsize * prod(shape[i + 1 :]) for i in range(len(shape)))]
        return np.ndarray((count, *shape), dtype, memory, offset, strides)


def _shape(leaf: ArrayOf | ScalarOf) -> tuple[int, ...]:
    return leaf.shape if isinstance(leaf, ArrayOf) else ()


Taker: TypeAlias = Callable[[Any, list[Any]], bool]


def _taker(node: Node) -> Taker:
    if isinstance(node, Plain):
        return _take_plain
    if isinstance(node, ArrayOf):
        return _array_taker(node)
    if isinstance(node, ScalarOf):
        return _scalar_taker(node)
    takers = [*map(_taker, node.nodes)]
    if isinstance(node, DictOf):
        return _dict_taker(keys_of(node), takers)
    return _sequence_taker(tuple if isinstance(node, TupleOf) else list, takers)


def _take_plain(value: Any, leaves: list[Any]) -> bool:
    leaves.append(value)
    return type(value) in PLAIN


def _array_taker(node: ArrayOf) -> Taker:
    dtype, fortran = dtype_of(node.dtype), node.fortran
    shape = node.shape[::-1] if fortran else node.shape

    def take(value: Any, leaves: list[Any]) -> bool:
        if (
            type(value) in ARRAYS
            and value.dtype == dtype
            and value.shape == shape
            and value.flags.fnc == fortran
        ):
            leaves.append(value.T if fortran else value)
            return True
        return False

    return take


def _scalar_taker(node: ScalarOf) -> Taker:
    dtype = dtype_of(node.dtype)

    def take(value: Any, leaves: list[Any]) -> bool:
        if is_scalar(value) and type(value) not in PLAIN and value.dtype == dtype:
            leaves.append(value)
            return True
        return False

    return take


def _dict_taker(keys: tuple[Any, ...], takers: list[Taker]) -> Taker:
    items = [*zip(keys, takers, strict=True)]
    kinds = [*map(type, keys)]
    told_apart = {*kinds} <= {str}  # by what they equal; 1 and True are not

    def take(value: Any, leaves: list[Any]) -> bool:
        if type(value) is not dict or (*value,) != keys:
            return False
        if not told_apart and [*map(type, value)] != kinds:
            return False
        for key, take in items:  # noqa: SIM110  It is the hot path, and a generator costs twice.
            if not take(value[key], leaves):
                return False
        return True

    return take


def _sequence_taker(kind: Any, takers: list[Taker]) -> Taker:
    def take(value: Any, leaves: list[Any]) -> bool:
        if type(value) is not kind or len(value) != len(takers):
            return False
        for take, item in zip(takers, value, strict=True):  # noqa: SIM110  As above.
            if not take(item, leaves):
                return False
        return True

    return take


def _elements(node: Node, count: int, columns: Iterator[Any], copy: bool) -> Iterator[Any]:
    if isinstance(node, Plain | ScalarOf):
        return iter(next(columns))
    if isinstance(node, ArrayOf):
        column = next(columns)
        # A column's own iterator would give a number where the array has no dimension.
        arrays: Iterator[Any] = map(column.__getitem__, zip(range(count), repeat(...)))
        if node.shape:
            arrays = iter(column)
        if node.fortran:
            arrays = map(attrgetter("T"), arrays)
        return map(methodcaller("copy", "K"), arrays) if copy else arrays
    values = [_elements(child, count, columns, copy) for child in node.nodes]
    rows: Iterator[Any] = zip(*values, strict=True) if values else repeat((), count)
    if isinstance(node, DictOf):
        return map(dict, map(zip, repeat(keys_of(node)), rows))
    return rows if isinstance(node, TupleOf) else map(list, rows)
