"""Nested dicts, tuples and records of arrays: stacked, concatenated, split, rebuilt, measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial, reduce
from inspect import getattr_static
from itertools import count, repeat
from operator import attrgetter, getitem, itemgetter
from types import MemberDescriptorType
from typing import Any, NamedTuple

import numpy as np

from pescador.errors import DataError, show_key
from pescador.values import Description

__all__ = [
    "Record",
    "columns",
    "concatenate",
    "cuts",
    "first_leaf",
    "join",
    "lengths",
    "merge",
    "parts_of",
    "rebuild",
    "record_of",
    "split",
    "stack",
    "without_rows",
]

# The types of most leaves: no class of these is a record.
LEAVES = {bool, int, float, complex, str, bytes, list}

Path = tuple[Any, ...]
Column = tuple[Path, Sequence[Any]]


class Record(NamedTuple):
    """How instances of a class with named fields are taken apart and rebuilt.

    Parameters
    ----------
    is_tuple : bool
        Whether the class is one of named tuples; else it is a dataclass.
    fields : tuple of str
        The names of the fields.
    read : callable
        From an instance to the values of its fields; None if it lacks one, or holds more.
    build : callable
        From an iterator over rows of values to an iterator over instances.
    """

    is_tuple: bool
    fields: tuple[str, ...]
    read: Callable[[Any], Sequence[Any] | None]
    build: Callable[[Iterator[Any]], Iterator[Any]]


@lru_cache(maxsize=256)
def record_of(kind: Any) -> Record | None:
    """Verify that a class is one of named tuples, or a dataclass, that fields alone can rebuild.

    Nothing of the class runs, neither here nor when instances are rebuilt: a constructor, or
    ``__post_init__``, might change the values of fields, and they are to stay as they are.

    Examples
    --------
    >>> from collections import namedtuple
    >>> record = record_of(namedtuple("Point", "x y"))
    >>> record.fields, list(record.build(iter([(1, 2)])))
    (('x', 'y'), [Point(x=1, y=2)])
    >>> record_of(dict) is None
    True
    """
    if issubclass(kind, tuple):
        fields = getattr_static(kind, "_fields", None)
        if type(fields) is not tuple or not {*map(type, fields)} <= {str}:
            return None
        read = partial(_named_tuple_values, len(fields), bool(kind.__dictoffset__))
        return Record(True, fields, read, partial(map, partial(tuple.__new__, kind)))
    if type(getattr_static(kind, "__dataclass_fields__", None)) is not dict:
        return None
    if issubclass(kind, Description) or any(
        hasattr(kind, name) for name in ("__array__", "__len__")
    ):
        return None  # It describes a stream, or is an array or a sequence itself.
    fields = tuple(field.name for field in dataclasses.fields(kind))
    attributes = {type(getattr_static(kind, name, None)) for name in fields}
    slots = {
        name
        for base in kind.__mro__
        for name, value in vars(base).items()
        if type(value) is MemberDescriptorType
    }
    setters = [one for one in attributes - {MemberDescriptorType} if hasattr(one, "__set__")]
    if setters or not slots <= {*fields}:
        return None
    try:
        object.__new__(kind)
    except TypeError:  # It derives from a builtin type, whose part of the value is not in fields.
        return None
    # Instances of ``D[int]``, for a generic D, note that in an attribute, for type checkers alone.
    known = frozenset((*fields, "__orig_class__"))
    read = partial(_dataclass_values, fields, known, bool(kind.__dictoffset__))
    return Record(False, fields, read, partial(_instances, kind, fields))


def _named_tuple_values(count: int, has_dict: bool, value: Any) -> Sequence[Any] | None:
    values = tuple.__getitem__(value, slice(None))
    return None if len(values) != count or (has_dict and value.__dict__) else values


def _dataclass_values(
    fields: tuple[str, ...], known: frozenset[str], has_dict: bool, value: Any
) -> Sequence[Any] | None:
    try:
        values = [object.__getattribute__(value, name) for name in fields]
    except AttributeError:
        return None
    return None if has_dict and not value.__dict__.keys() <= known else values


def _instances(kind: type, fields: tuple[str, ...], rows: Iterable[Any]) -> Iterator[Any]:
    new, assign = object.__new__, object.__setattr__
    for row in rows:
        instance: Any = new(kind)
        for name, value in zip(fields, row, strict=True):
            assign(instance, name, value)
        yield instance


def parts_of(value: Any) -> Sequence[Any] | None:
    """Return the values that a mapping, a tuple or a record consists of; None for a leaf.

    Examples
    --------
    >>> parts_of({"x": 1, "y": (2, 3)}), parts_of((2, 3)), parts_of([2, 3])
    ([1, (2, 3)], (2, 3), None)
    """
    if isinstance(value, Mapping):
        return [*value.values()]
    if isinstance(value, tuple):
        return value
    return _taken_apart(value)[1]


def _taken_apart(value: Any) -> tuple[Record | None, Sequence[Any] | None]:
    """Return the record of an instance, and the values of its fields; None for what has none."""
    record = record_of(value.__class__)
    return record, None if record is None else record.read(value)


def stack(elements: Sequence[Any]) -> Any:
    """Stack elements of one structure and shape on a new first axis.

    Parameters
    ----------
    elements : sequence
        Mappings, tuples, named tuples or dataclass instances (nested as you like) of array-likes,
        or array-likes.

    Returns
    -------
    batch
        A batch of the same structure: its arrays have the shape ``(len(elements), *shape)``, are
        new memory in C order, and have the dtype that numpy promotes those of the elements to.

    Raises
    ------
    DataError
        If an element does not fit the first; its index counts from the start of `elements`.

    Examples
    --------
    >>> stack([{"x": [1, 2]}, {"x": [3, 4]}])
    {'x': array([[1, 2],
           [3, 4]])}
    """
    return merge(elements, _stacked)


def concatenate(elements: Sequence[Any], axis: int = 0) -> Any:
    """Concatenate elements of one structure along an axis that their arrays have.

    Examples
    --------
    >>> concatenate([{"x": np.arange(2)}, {"x": np.arange(1)}])
    {'x': array([0, 1, 0])}
    """
    return merge(elements, lambda column, path: join(column, path, axis))


def merge(
    elements: Sequence[Any], leaf: Callable[[Sequence[Any], Path], Any], path: Path = ()
) -> Any:
    """Merge elements of one structure: `leaf` makes one leaf of all leaves with the same path.

    Raises
    ------
    DataError
        If an element has another structure than the first.

    Examples
    --------
    >>> merge([{"x": 1, "y": (2, 3)}, {"x": 4, "y": (5, 6)}], lambda column, path: sum(column))
    {'x': 5, 'y': (7, 9)}
    """
    first = elements[0]
    if isinstance(first, np.ndarray):
        return leaf(elements, path)
    if isinstance(first, Mapping):
        named = _by_key(elements, path)
        return {name: merge(column, leaf, (*path, name)) for name, column in named}
    if isinstance(first, tuple):
        placed = _by_place(elements, path)
        values = [merge(column, leaf, (*path, i)) for i, column in placed]
        return getattr(first, "_make", tuple)(values)
    record = None if type(first) in LEAVES else record_of(first.__class__)
    if record is not None:
        by_field = _by_field(elements, record, path)
        row = [merge(column, leaf, (*path, name)) for name, column in by_field]
        return next(record.build(iter([row])))
    return leaf(elements, path)


def columns(elements: Sequence[Any]) -> list[Column]:
    """Return the leaves of elements of one structure: each path, and the leaves of all there.

    Raises
    ------
    DataError
        If an element has another structure than the first.

    Examples
    --------
    >>> columns([{"x": 1, "y": (2, 3)}, {"x": 4, "y": (5, 6)}])
    [(('x',), [1, 4]), (('y', 0), (2, 5)), (('y', 1), (3, 6))]
    """
    found: list[Column] = []
    merge(elements, lambda column, path: found.append((path, column)))
    return found


def rebuild(template: Any, leaves: Iterable[Any]) -> Any:
    """Put leaves, in the order of `columns`, into the structure of an element.

    Examples
    --------
    >>> rebuild({"x": 1, "y": (2, 3)}, ["a", "b", "c"])
    {'x': 'a', 'y': ('b', 'c')}
    """
    return _rebuilt(template, iter(leaves))


def join(values: Sequence[Any], path: Path, axis: int = 0) -> np.ndarray:
    """Concatenate the arrays of a column along an axis that they have.

    Raises
    ------
    DataError
        If an array does not fit the first, or holds Python objects.
    """
    try:
        batch = np.concatenate(values, axis)
    except (ValueError, TypeError):
        arrays = _arrays(values, path)
        rank = arrays[0].ndim
        if not -rank <= axis < rank:
            problem = f"{_described(arrays[0])} has no axis {axis} to concatenate along"
            raise _misfit(problem, 0, path) from None
        _require_all(arrays, lambda array: array.ndim == rank, path)
        others = np.delete(arrays[0].shape, axis)
        _require_all(arrays, lambda a: np.array_equal(np.delete(a.shape, axis), others), path)
        _require_promotion(arrays, path)
        raise
    return _without_objects(batch, values, path)


def lengths(batches: Sequence[Column]) -> list[int]:
    """Return the number of rows of each batch, the first dimension of its arrays, from `columns`.

    Raises
    ------
    DataError
        If a batch has arrays of unequal first dimension, no array, or an array without dimensions.

    Examples
    --------
    >>> lengths(columns([{"x": np.zeros((3, 2)), "y": np.zeros(3)}]))
    [3]
    """
    if not batches:
        raise _misfit("an element without arrays has no rows", 0, ())
    (first, column), *others = batches
    shared = _lengths(column, first)
    for path, column in others:
        found = _lengths(column, path)
        if found != shared:
            index = next(i for i, (n, m) in enumerate(zip(found, shared, strict=True)) if n != m)
            raise _misfit(
                f"{found[index]} rows, but {shared[index]} rows at {show_key(first)}; "
                "the arrays of a batch share their first dimension",
                index,
                path,
            )
    return shared


def without_rows(batch: Any) -> Any:
    """Return a batch of the same structure without rows, which does not keep `batch` in memory.

    Examples
    --------
    >>> without_rows({"x": np.zeros((3, 2))})["x"].shape
    (0, 2)
    """
    return rebuild(batch, [np.array(leaf[:0]) for _, (leaf,) in columns([batch])])


def first_leaf(element: Any) -> Callable[[Any], Any]:
    """Return the function from an element of the structure of `element` to its first leaf.

    Examples
    --------
    >>> first_leaf({"x": (1, 2)})({"x": (3, 4)})
    3
    """
    path, _ = columns([element])[0]
    ways: list[Callable[[Any], Any]] = []
    for key in path:
        by_key = isinstance(element, Mapping | tuple)
        ways.append(itemgetter(key) if by_key else attrgetter(key))
        element = ways[-1](element)
    if len(ways) == 1:
        return ways[0]
    return lambda other: reduce(lambda value, way: way(value), ways, other)


def cuts(values: Any, path: Path, n: int, start: int) -> Iterator[np.ndarray]:
    """Yield copies of `n` rows each, from row `start` on, while there are so many.

    Examples
    --------
    >>> [*cuts(np.arange(6), ("x",), 2, start=1)]
    [array([1, 2]), array([3, 4])]
    """
    places = map(slice, count(start, n), range(start + n, len(values) + 1, n))
    pieces = map(getitem, repeat(values), places)
    if isinstance(values, np.ndarray):  # All have one dtype: this does in C what `join` does.
        return map(np.array, pieces, repeat(np.result_type(values)))
    return map(join, zip(pieces), repeat(path))


def split(batch: Any) -> Iterator[Any]:
    """Yield the rows of a batch one by one, each of the structure of the batch.

    Examples
    --------
    >>> list(split((np.arange(2), np.array(["a", "b"]))))
    [(np.int64(0), np.str_('a')), (np.int64(1), np.str_('b'))]
    """
    if isinstance(batch, np.ndarray):
        return iter(batch)
    if isinstance(batch, Mapping):
        values = _together(map(split, batch.values()))
        return map(dict, map(zip, repeat(tuple(batch)), values))
    if isinstance(batch, tuple):
        values = _together(map(split, batch))
        make = getattr(batch, "_make", None)
        return map(make, values) if make else values
    record, parts = _taken_apart(batch)
    if record is not None and parts is not None:
        return record.build(_together(map(split, parts)))
    return iter(batch)


def _together(columns: Iterable[Iterator[Any]]) -> Iterator[tuple[Any, ...]]:
    """Yield the values at each place as a tuple; empty tuples for ever if there are no columns."""
    known = [*columns]
    return zip(*known, strict=False) if known else repeat(())


def _rebuilt(template: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(template, Mapping):
        return {name: _rebuilt(value, leaves) for name, value in template.items()}
    if isinstance(template, tuple):
        values = [_rebuilt(value, leaves) for value in template]
        return getattr(template, "_make", tuple)(values)
    record, parts = _taken_apart(template)
    if record is not None and parts is not None:
        return next(record.build(iter([[_rebuilt(value, leaves) for value in parts]])))
    return next(leaves)


def _by_key(elements: Sequence[Any], path: Path) -> Iterable[tuple[Any, Sequence[Any]]]:
    first = elements[0]
    try:
        found = [(name, [*map(itemgetter(name), elements)]) for name in first]
        keys = sum(map(len, elements))
    except (KeyError, TypeError, IndexError):
        _require_keys(elements, path)
        raise  # The error comes from the mapping itself.
    if keys != len(first) * len(elements):
        _require_keys(elements, path)
    return found


def _by_place(elements: Sequence[Any], path: Path) -> Iterable[tuple[int, Sequence[Any]]]:
    first = elements[0]

    def fits(element: Any) -> bool:
        return type(element) is type(first) and len(element) == len(first)

    _require_all(elements, fits, path)
    return enumerate(zip(*elements, strict=True))


def _by_field(
    elements: Sequence[Any], record: Record, path: Path
) -> Iterable[tuple[str, Sequence[Any]]]:
    first = elements[0]
    _require_all(elements, lambda element: type(element) is type(first), path)
    rows = [*map(record.read, elements)]
    for index in (i for i, row in enumerate(rows) if row is None):
        problem = f"{_described(elements[index])}: every field must have a value, and nothing else"
        raise _misfit(problem, index, path)
    return zip(record.fields, zip(*rows, strict=True), strict=True)


def _stacked(values: Sequence[Any], path: Path) -> np.ndarray:
    try:
        batch = np.array(values)
        if not batch.dtype.isnative:  # np.array keeps the byte order of a lone array.
            batch = np.stack(values)
    except (ValueError, TypeError):
        arrays = _arrays(values, path)
        _require_all(arrays, lambda array: array.shape == arrays[0].shape, path)
        _require_promotion(arrays, path)
        raise
    return _without_objects(batch, values, path)


def _lengths(column: Sequence[Any], path: Path) -> list[int]:
    # A str or a mapping has a length but no rows; joining refuses one before the last.
    if not isinstance(column[-1], str | bytes | Mapping):
        with suppress(TypeError):
            return [*map(len, column)]
    index = next(i for i, value in enumerate(column) if not np.ndim(value))
    problem = (
        f"{_described(column[index])} has no first dimension; "
        "a batch of one row has arrays of shape (1, ...)"
    )
    raise _misfit(problem, index, path)


def _without_objects(batch: np.ndarray, values: Sequence[Any], path: Path) -> np.ndarray:
    if batch.dtype.hasobject:
        arrays = _arrays(values, path)
        for index, array in enumerate(arrays):
            if array.dtype.hasobject:
                problem = f"{_described(array)} holds Python objects, which cannot be batched"
                raise _misfit(problem, index, path)
        _require_promotion(arrays, path)
    return batch


def _require_keys(elements: Sequence[Any], path: Path) -> None:
    keys = elements[0].keys()
    _require_all(elements, lambda one: isinstance(one, Mapping) and one.keys() == keys, path)


def _require_promotion(arrays: Sequence[np.ndarray], path: Path) -> None:
    """Refuse the first array whose dtype cannot be promoted with those before it."""
    shared = arrays[0].dtype
    for index, array in enumerate(arrays):
        try:
            shared = np.promote_types(shared, array.dtype)
        except TypeError:
            problem = f"{_described(array)} after {_described(arrays[0])}"
            raise _misfit(problem, index, path) from None


def _arrays(values: Sequence[Any], path: Path) -> list[np.ndarray]:
    return [_array(value, index, path) for index, value in enumerate(values)]


def _array(value: Any, index: int, path: Path) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError as error:
        raise _misfit(f"{_described(value)} is not an array: {error}", index, path) from None


def _require_all(values: Sequence[Any], fits: Callable[[Any], bool], path: Path) -> None:
    for index, value in enumerate(values):
        if not fits(value):
            problem = f"{_described(value)} after {_described(values[0])}"
            raise _misfit(problem, index, path)


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array of shape {value.shape}"
    if isinstance(value, Mapping):
        return f"{type(value).__name__} with the keys {[*value]}"
    if isinstance(value, tuple):
        return f"{type(value).__name__} of length {len(value)}"
    if (record := record_of(value.__class__)) is not None:
        return f"{type(value).__name__} with the fields {[*record.fields]}"
    return f"{type(value).__name__} {value!r:.60}"


def _misfit(problem: str, index: int, path: Path) -> DataError:
    return DataError(problem, index=index, key=path[0] if len(path) == 1 else path or None)
