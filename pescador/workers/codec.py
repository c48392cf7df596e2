"""Elements as bytes and back: one deep interface, which may therefore take more than 400 lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import repeat
from math import prod
from operator import attrgetter, methodcaller
from types import ModuleType, NoneType
from typing import Annotated, Any, TypeAlias

import numpy as np
from msgspec import Meta, MsgspecError, Struct
from msgspec.msgpack import Decoder, Encoder, Ext

from pescador.errors import DataError, TransportError
from pescador.tree import Record, record_of
from pescador.values import show

__all__ = [
    "ALIGNMENT",
    "TEXT",
    "Layout",
    "decode",
    "elements_of",
    "encode",
    "fit",
    "loaded_class",
    "serialisable",
]

# Every array starts at a multiple of this many bytes: no dtype of numpy asks for more.
ALIGNMENT = 16

# About how many bytes a Python scalar takes in a message and in the worker's columns.
SCALAR_BYTES = 16

TEXT = {str, bytes, np.str_, np.bytes_}
SCALARS = {NoneType, bool, int, float, complex, *TEXT}
ARRAYS = {np.ndarray, np.memmap}

# The kinds of dtype whose items are bytes and refer to no other object.
KINDS = "biufcmMSUV"

# Types for which msgpack has no type, or none that holds every value: code, encoder, decoder.
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
DECODERS = {code: decoder for code, _, decoder in EXTENSIONS.values()}


def _from_extension(code: int, data: Any) -> Any:
    return DECODERS[code](bytes(data))


def _to_extension(value: Any) -> Ext:
    code, encoder, _ = EXTENSIONS[type(value)]
    return Ext(code, encoder(value))


# Encodes a message as bytes; call `fit` first on values outside of msgpack's range.
encode = Encoder(enc_hook=_to_extension).encode


def fit(value: Any) -> Any:
    """Replace a value outside of msgpack's range, such as a large integer, by an extension."""
    try:
        encode(value)
    except (OverflowError, UnicodeEncodeError):
        return _to_extension(value)
    return value


@lru_cache(maxsize=64)
def _decoder(kind: Any) -> Decoder[Any]:
    return Decoder(kind, ext_hook=_from_extension)


def decode(data: bytes, kind: Any) -> Any:
    """Decode a message of a given type.

    Raises
    ------
    TransportError
        If the bytes are not such a message.
    """
    try:
        return _decoder(kind).decode(data)
    except (MsgspecError, ValueError, LookupError, RecursionError) as error:
        raise TransportError(f"a message that cannot be read: {error}") from error


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
    """The dtype of a field that is itself an array."""

    base: Dtype
    shape: tuple[Count, ...]


class ArrayOf(Struct, frozen=True, array_like=True, tag="array"):
    """An array in C or Fortran order; the shape is that of its C-contiguous form."""

    dtype: Dtype
    shape: tuple[Count, ...]
    fortran: bool


class NumpyScalar(Struct, frozen=True, array_like=True, tag="numpy"):
    """A scalar of numpy."""

    dtype: Dtype


class Scalar(Struct, frozen=True, array_like=True, tag="scalar"):
    """A number, str or bytes of Python, or None."""


class DictOf(Struct, frozen=True, array_like=True, tag="dict"):
    """A dict, its keys in their order."""

    keys: tuple[Any, ...]
    nodes: tuple[Node, ...]


class TupleOf(Struct, frozen=True, array_like=True, tag="tuple"):
    """A plain tuple."""

    nodes: tuple[Node, ...]


class ListOf(Struct, frozen=True, array_like=True, tag="list"):
    """A list."""

    nodes: tuple[Node, ...]


class RecordOf(Struct, frozen=True, array_like=True):
    """An instance of a class with named fields; the class is named, and never sent."""

    module: str
    name: str
    fields: tuple[str, ...]
    nodes: tuple[Node, ...]


class NamedTupleOf(RecordOf, frozen=True, array_like=True, tag="namedtuple"):
    """A named tuple."""


class DataclassOf(RecordOf, frozen=True, array_like=True, tag="dataclass"):
    """An instance of a dataclass."""


Dtype: TypeAlias = str | Fields | Subarray
Leaf: TypeAlias = ArrayOf | NumpyScalar | Scalar
Node: TypeAlias = Leaf | DictOf | TupleOf | ListOf | NamedTupleOf | DataclassOf


def elements_of(
    encoded: bytes,
    count: int,
    scalars: Sequence[list[Any]],
    memory: Callable[[int], np.ndarray],
    copy: bool = False,
) -> Iterator[Any]:
    """Rebuild the elements of one message.

    Parameters
    ----------
    encoded : bytes
        Their layout.
    count : int
        How many elements there are.
    scalars : sequence of list
        Their Python scalars, column by column.
    memory : callable
        From a number of bytes to the ``uint8`` array of that length with the rows of the elements.
    copy : bool, default=False
        Whether arrays are copies; otherwise they are views of the memory.

    Returns
    -------
    iterator
        The elements.

    Raises
    ------
    TransportError
        If the message is not valid.
    DataError
        If the class of a named tuple or dataclass is not loaded here, or has other fields.
    """
    layout = Layout.read(encoded)
    return layout.elements(count, memory(count * layout.row), scalars, copy)


class Layout:
    """The structure that elements share, and where the arrays of one are within a row of bytes.

    A row consists of the arrays of one element, each starting at a multiple of `ALIGNMENT`; Python
    scalars are kept in columns beside the rows.

    Parameters
    ----------
    node : Node
        The structure.
    encoded : bytes
        The structure as bytes.

    Attributes
    ----------
    row : int
        The number of bytes of one element's arrays.
    scalars : int
        The number of Python scalars of one element.
    size : int
        The number of bytes that one element counts for, apart from its text.
    flatten : callable
        Takes an element and a list. If the element has this layout, its leaves are appended to the
        list, and the result is True. Only layouts made by `of` have this attribute.
    records : list
        The path and the node of each named tuple and dataclass, the outermost first. Only layouts
        made by `read` have this attribute.
    """

    __slots__ = ("arrays", "encoded", "flatten", "node", "records", "row", "scalars", "size")

    flatten: Flattener
    records: list[tuple[tuple[Any, ...], NamedTupleOf | DataclassOf]]

    def __init__(self, node: Node, encoded: bytes) -> None:
        self.node = node
        self.encoded = encoded
        self.scalars = 0
        self.row = 0
        # For each leaf its dtype, shape and offset in the row; None for a Python scalar.
        self.arrays: list[tuple[np.dtype[Any], tuple[int, ...], int] | None] = []
        for leaf in _leaves_of(node):
            if isinstance(leaf, Scalar):
                self.scalars += 1
                self.arrays.append(None)
                continue
            dtype = _dtype_of(leaf.dtype)
            shape = leaf.shape if isinstance(leaf, ArrayOf) else ()
            self.arrays.append((dtype, shape, self.row))
            size = dtype.itemsize * prod(shape)
            self.row += -(-size // ALIGNMENT) * ALIGNMENT
        self.size = self.row + self.scalars * SCALAR_BYTES

    @staticmethod
    def of(element: Any) -> Layout:
        """Find the layout of an element.

        Raises
        ------
        DataError
            If part of the element cannot be serialised; it names the keys of that part.
        """
        try:
            node = _node_of(element)
            layout = Layout(node, encode(node))
            layout.flatten = _flattener(node, element)
        except RecursionError:
            problem = "it is nested too deeply, or in itself, to be moved to another process"
            raise DataError(problem) from None
        return layout

    @staticmethod
    @lru_cache(maxsize=256)
    def read(encoded: bytes) -> Layout:
        """Decode a layout.

        Raises
        ------
        TransportError
            If the bytes are not a layout.
        """
        try:
            node = decode(encoded, Node)
            records = [*_records_of(node, ())]
            layout = Layout(node, encoded)
        except (ValueError, TypeError, OverflowError, SyntaxError, RecursionError) as error:
            raise TransportError(f"a layout that is not valid: {error}") from error
        layout.records = records
        return layout

    def columns(self, count: int, memory: np.ndarray) -> list[Any]:
        """Make one column per leaf, to be assigned to by position: views of memory, or lists."""
        return [
            [None] * count if array is None else self._column(count, memory, *array)
            for array in self.arrays
        ]

    def elements(
        self, count: int, memory: np.ndarray, scalars: Sequence[list[Any]], copy: bool = False
    ) -> Iterator[Any]:
        """Rebuild elements; see `elements_of`."""
        size = len(memory)
        if size != count * self.row:
            raise TransportError(f"{size} bytes for {count} rows of {self.row} bytes")
        if [*map(len, scalars)] != [count] * self.scalars:
            raise TransportError(f"{[*map(len, scalars)]} values for {self.scalars} x {count}")
        remaining = iter(scalars)
        try:
            columns = [
                next(remaining) if array is None else self._column(count, memory, *array)
                for array in self.arrays
            ]
        except (ValueError, OverflowError) as error:
            raise TransportError(f"a layout that is not valid: {error}") from error
        # Classes are looked up for each message: a cell of a notebook may define them again.
        records = [_record_of(node, path) for path, node in self.records]
        return _elements(self.node, count, iter(columns), iter(records), copy)

    def _column(
        self,
        count: int,
        memory: np.ndarray,
        dtype: np.dtype[Any],
        shape: tuple[int, ...],
        offset: int,
    ) -> np.ndarray:
        strides = [self.row, *(dtype.itemsize * prod(shape[i + 1 :]) for i in range(len(shape)))]
        return np.ndarray((count, *shape), dtype, memory, offset, strides)


def serialisable(value: Any) -> Any:
    """Replace the parts of a value that cannot be serialised by their repr."""
    try:
        found = _serialisable(value)
        encode(_node_of(found))
    except (DataError, RecursionError):
        return _shown(value, repr)
    return found


def _serialisable(value: Any) -> Any:
    if type(value) in (tuple, list):
        return type(value)(map(_serialisable, value))
    if type(value) is dict and {*map(type, value)} <= SCALARS:
        return {key: _serialisable(item) for key, item in value.items()}
    try:
        _node_of(value)
    except DataError:
        return _shown(value, repr)
    return value


def _shown(value: Any, how: Callable[[Any], str]) -> str:
    """Show a value by `how`, or as any object is shown if that fails."""
    try:
        return how(value)
    except Exception:  # noqa: BLE001  A class of the user's may raise anything.
        return object.__repr__(value)


def _node_of(value: Any, path: tuple[Any, ...] = ()) -> Node:
    """Find the structure of the value at the end of a path of keys."""
    kind = type(value)
    if kind in SCALARS:
        return Scalar()
    if kind in ARRAYS:
        fortran = value.flags.fnc
        shape = value.shape[::-1] if fortran else value.shape
        return ArrayOf(_describe(value.dtype, value, path), shape, fortran)
    if _is_numpy_scalar(value):
        return NumpyScalar(_describe(value.dtype, value, path))
    if kind is dict:
        for key in value:
            if type(key) not in SCALARS:
                raise _refusal(key, path, "keys are numbers, str, bytes and None")
        nodes = tuple(_node_of(item, (*path, key)) for key, item in value.items())
        return DictOf(tuple(map(fit, value)), nodes)
    if kind in (tuple, list):
        nodes = tuple(_node_of(item, (*path, place)) for place, item in enumerate(value))
        return TupleOf(nodes) if kind is tuple else ListOf(nodes)
    return _record_node(value, path)


def _record_node(value: Any, path: tuple[Any, ...]) -> Node:
    kind: Any = type(value)
    record = record_of(kind)
    if record is None:
        raise _refusal(
            value,
            path,
            "an element consists of dicts, tuples, lists, named tuples, dataclass instances, "
            "arrays, numbers, str, bytes and None",
        )
    values = record.read(value)
    if values is None:
        raise _refusal(value, path, "it must hold a value for each of its fields, and nothing else")
    if not _can_be_found(kind):
        raise _refusal(value, path, "define its class at the top of a module, under its own name")
    keys = range(len(values)) if record.is_tuple else record.fields
    nodes = (_node_of(item, (*path, key)) for key, item in zip(keys, values, strict=True))
    return _node_kind(record)(
        _module_name(kind.__module__), kind.__qualname__, record.fields, tuple(nodes)
    )


def _is_numpy_scalar(value: Any) -> bool:
    """Tell scalars of numpy from those of a class derived from one."""
    return isinstance(value, np.generic) and type(value) is value.dtype.type


def _refusal(value: Any, path: tuple[Any, ...], why: str) -> DataError:
    kind = type(value)
    shown = f"{kind.__module__}.{kind.__qualname__} {_shown(value, show):.60}"
    if isinstance(value, np.ndarray | np.generic) and kind.__module__ == "numpy":
        shown = f"{kind.__name__} of dtype {value.dtype}"
    return DataError(f"{shown} cannot be moved to another process: {why}", key=_key(path))


def _key(path: tuple[Any, ...]) -> Any:
    """Convert a path to the key of a `DataError`."""
    return path[0] if len(path) == 1 else path or None


def _describe(dtype: np.dtype[Any], value: Any, path: tuple[Any, ...]) -> Dtype:
    by_name: Any = dtype.fields
    if by_name is not None:
        names = dtype.names or ()
        fields = [by_name[name] for name in names]
        return Fields(
            names,
            tuple(_describe(field[0], value, path) for field in fields),
            tuple(field[1] for field in fields),
            tuple(field[2] if field[2:] else None for field in fields),
            dtype.itemsize,
            dtype.isalignedstruct,
        )
    if dtype.subdtype is not None:
        return Subarray(_describe(dtype.subdtype[0], value, path), dtype.subdtype[1])
    # A dtype from outside of numpy, such as bfloat16, may have the dtype.str of plain bytes.
    if dtype.kind not in KINDS or np.dtype(dtype.str) != dtype:
        raise _refusal(value, path, "arrays are of numbers, str, bytes and None")
    return dtype.str


def _dtype_of(described: Dtype) -> np.dtype[Any]:
    """Make a dtype from its description; refuse one whose items are more than bytes."""
    if isinstance(described, Subarray):
        return np.dtype((_dtype_of(described.base), described.shape))
    if isinstance(described, Fields):
        parts: dict[str, Any] = {
            "names": [*described.names],
            "formats": [*map(_dtype_of, described.formats)],
            "offsets": [*described.offsets],
            "itemsize": described.itemsize,
        }
        if any(described.titles):
            parts["titles"] = [*described.titles]
        return np.dtype(parts, align=described.aligned)  # type: ignore[call-overload, no-any-return]
    dtype = np.dtype(described)
    if dtype.kind not in KINDS or dtype.str != described:
        raise TypeError(f"not a dtype of numbers: {described!r}")
    return dtype


def _leaves_of(node: Node) -> Iterator[Leaf]:
    """Iterate over the leaves of a structure in their order."""
    if isinstance(node, Leaf):
        yield node
    else:
        for child in node.nodes:
            yield from _leaves_of(child)


def _keys_of(node: DictOf) -> tuple[Any, ...]:
    return tuple(
        _from_extension(key.code, key.data) if isinstance(key, Ext) else key for key in node.keys
    )


def _records_of(
    node: Node, path: tuple[Any, ...]
) -> Iterator[tuple[tuple[Any, ...], NamedTupleOf | DataclassOf]]:
    """Find the records of a decoded structure; refuse keys and fields that do not match it."""
    if isinstance(node, Leaf):
        return
    keys: Sequence[Any] = range(len(node.nodes))
    if isinstance(node, DictOf):
        keys = _keys_of(node)
        if not {*map(type, keys)} <= SCALARS or len({*keys}) != len(node.nodes):
            raise TypeError(f"not the keys of a dict: {keys!r}")
    if isinstance(node, RecordOf):
        yield path, node
        keys = node.fields if isinstance(node, DataclassOf) else keys
        if len(node.fields) != len(node.nodes):
            raise TypeError(f"{len(node.nodes)} values for the fields {node.fields!r}")
    for key, child in zip(keys, node.nodes, strict=True):
        yield from _records_of(child, (*path, key))


def _module_name(name: str) -> str:
    """Name the main module as the consumer does: to a spawned worker it is ``__mp_main__``."""
    return "__main__" if name == "__mp_main__" else name


def loaded_class(module: str, name: str) -> type | None:
    """Look up a class by its qualified name in a module that is already imported.

    Nothing is imported, and no hook of a module or of a class for missing attributes is called:
    another process chooses the names.
    """
    found: Any = sys.modules.get(_module_name(module))
    if not issubclass(type(found), ModuleType):
        return None
    look_up: Callable[[Any, str], Any] = ModuleType.__getattribute__
    for part in name.split("."):
        found = look_up(found, "__dict__").get(part)
        if not issubclass(type(found), type):
            return None
        look_up = type.__getattribute__
    return found  # type: ignore[no-any-return]


def _can_be_found(kind: type) -> bool:
    """Whether the consumer, too, has this class by its module and qualified name."""
    if loaded_class(kind.__module__, kind.__qualname__) is kind:
        return True
    # cloudpickle gives the worker a copy of a class of the main module; the consumer has the class.
    main = _module_name(kind.__module__) == "__main__"
    return main and "cloudpickle" in sys.modules and "<" not in kind.__qualname__


def _record_of(node: NamedTupleOf | DataclassOf, path: tuple[Any, ...]) -> Record:
    """Find the class of the record at the end of a path.

    Raises
    ------
    DataError
        If it is not loaded, or is another class.
    """
    kind = loaded_class(node.module, node.name)
    shown = f"an instance of {node.module}.{node.name} cannot be rebuilt here"
    if kind is None:
        cure = f"import {node.module} before the stream runs"
        if node.module == "__main__":
            cure = "define the class in a module that both processes import"
        raise DataError(f"{shown}: the class is not loaded; {cure}", index=0, key=_key(path))
    record = record_of(kind)
    if record is None or type(node) is not _node_kind(record) or node.fields != record.fields:
        here = "another class"
        if record is not None:
            here = _class_shown(_node_kind(record), record.fields)
        problem = (
            f"{shown}: in the worker it is {_class_shown(type(node), node.fields)}, and here "
            f"{here}; import the same version of {node.module} in both processes"
        )
        raise DataError(problem, index=0, key=_key(path))
    return record


def _node_kind(record: Record) -> type[NamedTupleOf | DataclassOf]:
    return NamedTupleOf if record.is_tuple else DataclassOf


def _class_shown(kind: type, fields: tuple[str, ...]) -> str:
    return f"a {'named tuple' if kind is NamedTupleOf else 'dataclass'} of {', '.join(fields)}"


Flattener: TypeAlias = Callable[[Any, list[Any]], bool]


def _flattener(node: Node, example: Any) -> Flattener:
    """Compile the test for a structure, which an example has: it runs for every element."""
    if isinstance(node, Scalar):
        return _flatten_scalar
    if isinstance(node, ArrayOf):
        return _array_flattener(node)
    if isinstance(node, NumpyScalar):
        return _numpy_scalar_flattener(node)
    if isinstance(node, DictOf):
        parts = [*map(_flattener, node.nodes, example.values())]
        return _dict_flattener(tuple(example), parts)
    if isinstance(node, RecordOf):
        return _record_flattener(node, example)
    return _sequence_flattener(type(example), [*map(_flattener, node.nodes, example)])


def _flatten_scalar(value: Any, leaves: list[Any]) -> bool:
    leaves.append(value)
    return type(value) in SCALARS


def _array_flattener(node: ArrayOf) -> Flattener:
    dtype, fortran = _dtype_of(node.dtype), node.fortran
    shape = node.shape[::-1] if fortran else node.shape

    def flatten(value: Any, leaves: list[Any]) -> bool:
        if (
            type(value) in ARRAYS
            and value.dtype == dtype
            and value.shape == shape
            and value.flags.fnc == fortran
        ):
            leaves.append(value.T if fortran else value)
            return True
        return False

    return flatten


def _numpy_scalar_flattener(node: NumpyScalar) -> Flattener:
    dtype = _dtype_of(node.dtype)

    def flatten(value: Any, leaves: list[Any]) -> bool:
        if _is_numpy_scalar(value) and type(value) not in SCALARS and value.dtype == dtype:
            leaves.append(value)
            return True
        return False

    return flatten


def _dict_flattener(keys: tuple[Any, ...], parts: list[Flattener]) -> Flattener:
    items = [*zip(keys, parts, strict=True)]
    kinds = [*map(type, keys)]
    only_str = {*kinds} <= {str}  # Keys of other types may be equal, as 1 and True are.

    def flatten(value: Any, leaves: list[Any]) -> bool:
        if type(value) is not dict or (*value,) != keys:
            return False
        if not only_str and [*map(type, value)] != kinds:
            return False
        for key, part in items:  # noqa: SIM110  In this hot path a generator costs twice as much.
            if not part(value[key], leaves):
                return False
        return True

    return flatten


def _sequence_flattener(kind: Any, parts: list[Flattener]) -> Flattener:
    def flatten(value: Any, leaves: list[Any]) -> bool:
        if type(value) is not kind or len(value) != len(parts):
            return False
        for part, item in zip(parts, value, strict=True):  # noqa: SIM110  As above.
            if not part(item, leaves):
                return False
        return True

    return flatten


def _record_flattener(node: RecordOf, example: Any) -> Flattener:
    kind: Any = type(example)
    record: Any = record_of(kind)
    read: Callable[[Any], Any] = record.read
    parts = [*map(_flattener, node.nodes, read(example))]

    def flatten(value: Any, leaves: list[Any]) -> bool:
        if type(value) is not kind or (values := read(value)) is None:
            return False
        for part, item in zip(parts, values, strict=True):  # noqa: SIM110  As above.
            if not part(item, leaves):
                return False
        return True

    return flatten


def _elements(
    node: Node, count: int, columns: Iterator[Any], records: Iterator[Record], copy: bool
) -> Iterator[Any]:
    if isinstance(node, Scalar | NumpyScalar):
        return iter(next(columns))
    if isinstance(node, ArrayOf):
        column = next(columns)
        # A column's own iterator would yield a scalar where the array has no dimension.
        arrays: Iterator[Any] = map(column.__getitem__, zip(range(count), repeat(...)))
        if node.shape:
            arrays = iter(column)
        if node.fortran:
            arrays = map(attrgetter("T"), arrays)
        return map(methodcaller("copy", "K"), arrays) if copy else arrays
    record = next(records) if isinstance(node, RecordOf) else None
    values = [_elements(child, count, columns, records, copy) for child in node.nodes]
    rows: Iterator[Any] = zip(*values, strict=True) if values else repeat((), count)
    if isinstance(node, DictOf):
        return map(dict, map(zip, repeat(_keys_of(node)), rows))
    if record is not None:
        return record.build(rows)
    return rows if isinstance(node, TupleOf) else map(list, rows)
