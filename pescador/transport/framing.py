"""Elements as they travel: their structure said once a message, their values in rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import repeat
from math import prod
from operator import attrgetter, methodcaller
from types import NoneType
from typing import Annotated, Any, TypeAlias

import numpy as np
from msgspec import Meta, Struct
from msgspec.msgpack import Decoder, Encoder, Ext

from pescador.errors import DataError, TransportError
from pescador.values import show

__all__ = ["ALIGNMENT", "TEXT", "Form", "decoded", "encode", "fitting", "plain"]

# What every array begins at a multiple of, in a row and in memory: no dtype of numpy asks for more.
ALIGNMENT = 16

Count = Annotated[int, Meta(ge=0)]


class Fields(Struct, frozen=True, array_like=True, tag="fields"):
    """A structured dtype."""

    names: tuple[str, ...]
    formats: tuple[Dtype, ...]
    offsets: tuple[Count, ...]
    titles: tuple[str | None, ...]
    itemsize: Count
    aligned: bool


class Subarray(Struct, frozen=True, array_like=True, tag="subarray"):
    """The dtype of a field that is an array itself."""

    base: Dtype
    shape: tuple[Count, ...]


class ArrayOf(Struct, frozen=True, array_like=True, tag="array"):
    """An array, its elements in the order of C or of Fortran."""

    dtype: Dtype
    shape: tuple[Count, ...]
    fortran: bool


class ScalarOf(Struct, frozen=True, array_like=True, tag="scalar"):
    """A number of numpy."""

    dtype: Dtype


class Plain(Struct, frozen=True, array_like=True, tag="plain"):
    """A number, text or bytes of Python, or None."""


class DictOf(Struct, frozen=True, array_like=True, tag="dict"):
    """A dict, its keys in their order."""

    keys: tuple[Any, ...]
    nodes: tuple[Node, ...]


class TupleOf(Struct, frozen=True, array_like=True, tag="tuple"):
    """A tuple."""

    nodes: tuple[Node, ...]


class ListOf(Struct, frozen=True, array_like=True, tag="list"):
    """A list."""

    nodes: tuple[Node, ...]


Dtype: TypeAlias = str | Fields | Subarray
Node: TypeAlias = ArrayOf | ScalarOf | Plain | DictOf | TupleOf | ListOf

ARRAYS = {np.ndarray, np.memmap}
TEXT = {str, bytes, np.str_, np.bytes_}
PLAIN = {NoneType, bool, int, float, complex, *TEXT}

# What msgpack has no type for, or none for all of its values: a code, and the way there and back.
EXTENSIONS: dict[type, tuple[int, Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    int: (
        1,
        lambda value: value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True),
        lambda data: int.from_bytes(data, "little", signed=True),
    ),
    str: (
        2,
        lambda value: value.encode("utf-8", "surrogatepass"),
        lambda data: data.decode("utf-8", "surrogatepass"),
    ),
    complex: (
        3,
        lambda value: np.complex128(value).tobytes(),
        lambda data: np.frombuffer(data, np.complex128)[0].item(),
    ),
    np.str_: (
        4,
        lambda value: value.encode("utf-8", "surrogatepass"),
        lambda data: np.str_(data.decode("utf-8", "surrogatepass")),
    ),
    np.bytes_: (5, bytes, np.bytes_),
}
READ = {code: read for code, _, read in EXTENSIONS.values()}


def _read(code: int, data: Any) -> Any:
    return READ[code](bytes(data))


def _extended(value: Any) -> Ext:
    if type(value) not in EXTENSIONS:
        raise TypeError(f"{type(value).__name__} has no place on the wire")
    code, write, _ = EXTENSIONS[type(value)]
    return Ext(code, write(value))


# Of a message, as bytes; numbers and text that msgpack cannot hold are to be made `fitting` first.
encode = Encoder(enc_hook=_extended).encode


def fitting(value: Any) -> Any:
    """The same, as an extension where it is beyond msgpack: a large number, half a character."""
    try:
        encode(value)
    except (OverflowError, UnicodeEncodeError):
        return _extended(value)
    return value


@lru_cache(maxsize=64)
def _decoder(kind: Any) -> Decoder[Any]:
    return Decoder(kind, ext_hook=_read)


def decoded(data: bytes, kind: Any) -> Any:
    """A message of a kind.

    Raises
    ------
    TransportError
        If the bytes are none.
    """
    try:
        return _decoder(kind).decode(data)
    except (ValueError, LookupError, RecursionError) as error:
        raise TransportError(f"a message that cannot be read: {error}") from error


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
    take : callable
        From an element and a list: whether it has the structure; if so, its leaves are appended.
    """

    __slots__ = ("arrays", "encoded", "node", "plain", "row", "take")

    def __init__(self, node: Node, encoded: bytes) -> None:
        self.node = node
        self.encoded = encoded
        self.take = _taker(node)
        self.plain = 0
        self.row = 0
        # Of each leaf: dtype, shape and offset in the row; None of what is plain.
        self.arrays: list[tuple[np.dtype[Any], tuple[int, ...], int] | None] = []
        for leaf in _leaves(node):
            if isinstance(leaf, Plain):
                self.plain += 1
                self.arrays.append(None)
                continue
            dtype = _dtype(leaf.dtype)
            shape = _shape(leaf)
            self.arrays.append((dtype, shape, self.row))
            size = dtype.itemsize * prod(shape)
            self.row += -(-size // ALIGNMENT) * ALIGNMENT

    @staticmethod
    def of(element: Any) -> Form:
        """The form of an element.

        Raises
        ------
        DataError
            If something in it has no place on the wire; it names the keys that lead there.
        """
        try:
            node = _node(element, ())
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


def plain(value: Any) -> Any:
    """The same, as far as it can travel: what has no place on the wire is told by its repr."""
    try:
        told = _plain(value)
        Form.of(told)
    except (DataError, RecursionError):
        return _told(value, repr)
    return told


def _plain(value: Any) -> Any:
    if type(value) in (tuple, list):
        return type(value)(map(_plain, value))
    if type(value) is dict and {*map(type, value)} <= PLAIN:
        return {key: _plain(item) for key, item in value.items()}
    try:
        _node(value, ())
    except DataError:
        return _told(value, repr)
    return value


def _told(value: Any, how: Callable[[Any], str]) -> str:
    """What a value is, in words, even where its repr fails."""
    try:
        return how(value)
    except Exception:  # noqa: BLE001  Whatever a class of the user's does.
        return object.__repr__(value)


def _node(value: Any, path: tuple[Any, ...]) -> Node:
    kind = type(value)
    if kind in PLAIN:
        return Plain()
    if kind in ARRAYS:
        return ArrayOf(_described(value.dtype, value, path), _turned(value).shape, value.flags.fnc)
    if _is_scalar(value):
        return ScalarOf(_described(value.dtype, value, path))
    if kind is dict:
        for key in value:
            if type(key) not in PLAIN:
                raise _homeless(key, path, "keys are")
        nodes = tuple(_node(item, (*path, key)) for key, item in value.items())
        return DictOf(tuple(map(fitting, value)), nodes)
    if kind in (tuple, list):
        nodes = tuple(_node(item, (*path, place)) for place, item in enumerate(value))
        return TupleOf(nodes) if kind is tuple else ListOf(nodes)
    raise _homeless(value, path, "an element consists of dicts, tuples, lists, arrays,")


def _is_scalar(value: Any) -> bool:
    """Whether it is a number of numpy's, and not of a class derived from one."""
    return isinstance(value, np.generic) and type(value) is value.dtype.type


def _homeless(value: Any, path: tuple[Any, ...], what: str) -> DataError:
    kind = type(value)
    shown = f"{kind.__module__}.{kind.__qualname__} {_told(value, show):.60}"
    if isinstance(value, np.ndarray | np.generic) and kind.__module__ == "numpy":
        shown = f"{kind.__name__} of dtype {value.dtype}"
    problem = f"{shown} cannot be moved to another process: {what} numbers, str, bytes and None"
    return DataError(problem, key=path[0] if len(path) == 1 else path or None)


def _described(dtype: np.dtype[Any], value: Any, path: tuple[Any, ...]) -> Dtype:
    if dtype.fields is not None:
        names = dtype.names or ()
        fields: list[Any] = [dtype.fields[name] for name in names]
        return Fields(
            names,
            tuple(_described(field[0], value, path) for field in fields),
            tuple(field[1] for field in fields),
            tuple(field[2] if field[2:] else None for field in fields),
            dtype.itemsize,
            dtype.isalignedstruct,
        )
    if dtype.subdtype is not None:
        return Subarray(_described(dtype.subdtype[0], value, path), dtype.subdtype[1])
    # A dtype that is not numpy's own, as bfloat16 is, may pass itself off as bytes.
    if dtype.kind not in "biufcmMSUV" or np.dtype(dtype.str) != dtype:
        raise _homeless(value, path, "arrays are of")
    return dtype.str


def _dtype(described: Dtype) -> np.dtype[Any]:
    if isinstance(described, Subarray):
        return np.dtype((_dtype(described.base), described.shape))
    if isinstance(described, Fields):
        parts: dict[str, Any] = {
            "names": [*described.names],
            "formats": [*map(_dtype, described.formats)],
            "offsets": [*described.offsets],
            "itemsize": described.itemsize,
        }
        if any(described.titles):
            parts["titles"] = [*described.titles]
        return np.dtype(parts, align=described.aligned)  # type: ignore[call-overload, no-any-return]
    dtype = np.dtype(described)
    if dtype.kind not in "biufcmMSUV" or dtype.str != described:
        raise TypeError(f"no dtype of numbers: {described!r}")
    return dtype


def _turned(array: np.ndarray) -> np.ndarray:
    """The array, or its transpose if that is the one that stands in memory row by row."""
    return array.T if array.flags.fnc else array


def _shape(leaf: ArrayOf | ScalarOf) -> tuple[int, ...]:
    return leaf.shape if isinstance(leaf, ArrayOf) else ()


def _leaves(node: Node) -> Iterator[ArrayOf | ScalarOf | Plain]:
    if isinstance(node, ArrayOf | ScalarOf | Plain):
        yield node
    else:
        for child in node.nodes:
            yield from _leaves(child)


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
        return _dict_taker(_keys(node), takers)
    return _sequence_taker(tuple if isinstance(node, TupleOf) else list, takers)


def _take_plain(value: Any, leaves: list[Any]) -> bool:
    leaves.append(value)
    return type(value) in PLAIN


def _array_taker(node: ArrayOf) -> Taker:
    dtype, fortran = _dtype(node.dtype), node.fortran
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
    dtype = _dtype(node.dtype)

    def take(value: Any, leaves: list[Any]) -> bool:
        if _is_scalar(value) and type(value) not in PLAIN and value.dtype == dtype:
            leaves.append(value)
            return True
        return False

    return take


def _dict_taker(keys: tuple[Any, ...], takers: list[Taker]) -> Taker:
    known = [*map(type, keys)]
    items = [*zip(keys, takers, strict=True)]

    def take(value: Any, leaves: list[Any]) -> bool:
        if type(value) is not dict or (*value,) != keys or [*map(type, value)] != known:
            return False
        return all(take(value[key], leaves) for key, take in items)

    return take


def _sequence_taker(kind: Any, takers: list[Taker]) -> Taker:
    def take(value: Any, leaves: list[Any]) -> bool:
        if type(value) is not kind or len(value) != len(takers):
            return False
        return all(take(item, leaves) for take, item in zip(takers, value, strict=True))

    return take


def _keys(node: DictOf) -> tuple[Any, ...]:
    keys = tuple(_read(key.code, key.data) if isinstance(key, Ext) else key for key in node.keys)
    if not {*map(type, keys)} <= PLAIN or len({*keys}) != len(node.nodes):
        raise TypeError(f"no keys of a dict: {keys!r}")
    return keys


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
        return map(dict, map(zip, repeat(_keys(node)), rows))
    return rows if isinstance(node, TupleOf) else map(list, rows)
