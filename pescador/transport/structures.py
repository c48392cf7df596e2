"""What elements consist of: the structure of one, as a value that can travel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypeAlias

import numpy as np
from msgspec import Meta, Struct
from msgspec.msgpack import Ext

from pescador.errors import DataError
from pescador.transport.packing import PLAIN, encode, extension, fitting
from pescador.values import show

__all__ = [
    "ARRAYS",
    "ArrayOf",
    "DictOf",
    "ListOf",
    "Node",
    "Plain",
    "ScalarOf",
    "TupleOf",
    "dtype_of",
    "is_scalar",
    "keys_of",
    "leaves_of",
    "plain",
    "structure_of",
]

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
# The kinds of dtype whose elements are bytes, and refer to nothing.
KINDS = "biufcmMSUV"


def plain(value: Any) -> Any:
    """The same, as far as it can travel: what has no place on the wire is told by its repr."""
    try:
        told = _plain(value)
        encode(structure_of(told))
    except (DataError, RecursionError):
        return _told(value, repr)
    return told


def _plain(value: Any) -> Any:
    if type(value) in (tuple, list):
        return type(value)(map(_plain, value))
    if type(value) is dict and {*map(type, value)} <= PLAIN:
        return {key: _plain(item) for key, item in value.items()}
    try:
        structure_of(value)
    except DataError:
        return _told(value, repr)
    return value


def _told(value: Any, how: Callable[[Any], str]) -> str:
    """What a value is, in words, even where its repr fails."""
    try:
        return how(value)
    except Exception:  # noqa: BLE001  Whatever a class of the user's does.
        return object.__repr__(value)


def structure_of(value: Any, path: tuple[Any, ...] = ()) -> Node:
    """The structure of an element; the path is of the keys that lead to it.

    Raises
    ------
    DataError
        If something in it has no place on the wire; it names the keys that lead there.
    """
    kind = type(value)
    if kind in PLAIN:
        return Plain()
    if kind in ARRAYS:
        return ArrayOf(_described(value.dtype, value, path), _turned(value).shape, value.flags.fnc)
    if is_scalar(value):
        return ScalarOf(_described(value.dtype, value, path))
    if kind is dict:
        for key in value:
            if type(key) not in PLAIN:
                raise _homeless(key, path, "keys are")
        nodes = tuple(structure_of(item, (*path, key)) for key, item in value.items())
        return DictOf(tuple(map(fitting, value)), nodes)
    if kind in (tuple, list):
        nodes = tuple(structure_of(item, (*path, place)) for place, item in enumerate(value))
        return TupleOf(nodes) if kind is tuple else ListOf(nodes)
    raise _homeless(value, path, "an element consists of dicts, tuples, lists, arrays,")


def is_scalar(value: Any) -> bool:
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
    by_name: Any = dtype.fields
    if by_name is not None:
        names = dtype.names or ()
        fields = [by_name[name] for name in names]
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
    if dtype.kind not in KINDS or np.dtype(dtype.str) != dtype:
        raise _homeless(value, path, "arrays are of")
    return dtype.str


def dtype_of(described: Dtype) -> np.dtype[Any]:
    """The dtype that is described.

    Raises
    ------
    TypeError, ValueError
        If there is none, or its elements are not bytes alone.
    """
    if isinstance(described, Subarray):
        return np.dtype((dtype_of(described.base), described.shape))
    if isinstance(described, Fields):
        parts: dict[str, Any] = {
            "names": [*described.names],
            "formats": [*map(dtype_of, described.formats)],
            "offsets": [*described.offsets],
            "itemsize": described.itemsize,
        }
        if any(described.titles):
            parts["titles"] = [*described.titles]
        return np.dtype(parts, align=described.aligned)  # type: ignore[call-overload, no-any-return]
    dtype = np.dtype(described)
    if dtype.kind not in KINDS or dtype.str != described:
        raise TypeError(f"no dtype of numbers: {described!r}")
    return dtype


def _turned(array: np.ndarray) -> np.ndarray:
    """The array, or its transpose if that is the one that stands in memory row by row."""
    return array.T if array.flags.fnc else array


def leaves_of(node: Node) -> Iterator[ArrayOf | ScalarOf | Plain]:
    """Its arrays, numbers and texts, in their order."""
    if isinstance(node, ArrayOf | ScalarOf | Plain):
        yield node
    else:
        for child in node.nodes:
            yield from leaves_of(child)


def keys_of(node: DictOf) -> tuple[Any, ...]:
    """The keys of a dict.

    Raises
    ------
    TypeError
        If they are none.
    """
    keys = tuple(
        extension(key.code, key.data) if isinstance(key, Ext) else key for key in node.keys
    )
    if not {*map(type, keys)} <= PLAIN or len({*keys}) != len(node.nodes):
        raise TypeError(f"no keys of a dict: {keys!r}")
    return keys
