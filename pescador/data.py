"""Data objects, dicts of arrays and the like: stacked, concatenated, split and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any

import numpy as np

from pescador.errors import DataError, show_key

__all__ = ["concatenate", "lengths", "measure", "rows", "split", "stack"]

Path = tuple[Any, ...]
Join = Callable[[Sequence[Any], Path], np.ndarray]


def stack(elements: Sequence[Any]) -> Any:
    """One batch of elements of one structure and shape, on a new first axis.

    Parameters
    ----------
    elements : sequence
        Mappings, tuples or named tuples (nested as you like) of array-likes, or array-likes.

    Returns
    -------
    batch
        Of the same structure, its arrays of shape ``(len(elements), *shape)``: fresh memory in
        C order, of the dtype that numpy promotes theirs to.

    Raises
    ------
    DataError
        Where an element does not fit the first; its index counts from the start of `elements`.

    Examples
    --------
    >>> stack([{"x": [1, 2]}, {"x": [3, 4]}])
    {'x': array([[1, 2],
           [3, 4]])}
    """
    return _merge(elements, _stack_arrays)


def concatenate(elements: Sequence[Any], axis: int = 0) -> Any:
    """As `stack`, but along an axis that the arrays have already.

    Examples
    --------
    >>> concatenate([{"x": np.arange(2)}, {"x": np.arange(1)}])
    {'x': array([0, 1, 0])}
    """
    return _merge(elements, lambda arrays, key: _concatenate_arrays(arrays, key, axis))


def lengths(elements: Sequence[Any]) -> list[int]:
    """How many rows each batch has: the first dimension that all its arrays share.

    Raises
    ------
    DataError
        Where a batch holds arrays of unequal first dimension, no array, or one of no dimension.

    Examples
    --------
    >>> lengths([{"x": np.zeros((3, 2)), "y": np.zeros(3)}])
    [3]
    """
    shared: list[int] | None = None
    first_key: Path = ()
    for key, column in _columns(elements, ()):
        try:
            found = [*map(len, column)]
        except TypeError:
            index = next(i for i, value in enumerate(column) if not np.ndim(value))
            problem = (
                f"{_described(column[index])} has no first dimension; "
                "a batch of one row has arrays of shape (1, ...)"
            )
            raise _misfit(problem, index, key) from None
        if shared is None:
            shared, first_key = found, key
        elif found != shared:
            index = next(i for i, (n, m) in enumerate(zip(found, shared, strict=True)) if n != m)
            raise _misfit(
                f"{found[index]} rows beside {shared[index]} rows at {show_key(first_key)}; "
                "the arrays of a batch share their first dimension",
                index,
                key,
            )
    if shared is None:
        raise _misfit("an element without arrays has no rows", 0, ())
    return shared


def rows(batch: Any, start: int | None, stop: int | None) -> Any:
    """Rows `start` to `stop` of a batch, as views.

    Examples
    --------
    >>> rows({"x": np.arange(5)}, 1, 3)
    {'x': array([1, 2])}
    """
    if isinstance(batch, Mapping):
        return {key: rows(value, start, stop) for key, value in batch.items()}
    if isinstance(batch, tuple):
        return _like(batch, [rows(value, start, stop) for value in batch])
    return batch[start:stop]


def split(batch: Any) -> Iterator[Any]:
    """The rows of a batch one by one, each of the batch's structure.

    Examples
    --------
    >>> list(split((np.arange(2), np.array(["a", "b"]))))
    [(np.int64(0), np.str_('a')), (np.int64(1), np.str_('b'))]
    """
    if isinstance(batch, Mapping):
        values = zip(*map(split, batch.values()), strict=True)
        return map(dict, map(zip, repeat(tuple(batch)), values))
    if isinstance(batch, tuple):
        values = zip(*map(split, batch), strict=True)
        return map(type(batch)._make, values) if hasattr(batch, "_make") else values
    return iter(batch)


def measure(batch: Any) -> Callable[[Any], int]:
    """A quick way to the rows of `batch` and of all like it; `lengths` checks what it trusts.

    Examples
    --------
    >>> measure({"x": np.zeros((3, 2))})({"x": np.zeros((5, 2))})
    5
    """
    if isinstance(batch, Mapping | tuple) and batch:
        key: Any = next(iter(batch)) if isinstance(batch, Mapping) else 0
        deeper = measure(batch[key])
        return lambda other: deeper(other[key])
    return len


def _merge(elements: Sequence[Any], join: Join, key: Path = ()) -> Any:
    first = elements[0]
    if isinstance(first, np.ndarray):
        return join(elements, key)
    if isinstance(first, Mapping):
        columns = _by_key(elements, key)
        return {name: _merge(column, join, (*key, name)) for name, column in columns}
    if isinstance(first, tuple):
        return _like(
            first,
            [_merge(column, join, (*key, i)) for i, column in _by_place(elements, key)],
        )
    return join(elements, key)


def _columns(elements: Sequence[Any], key: Path) -> Iterator[tuple[Path, Sequence[Any]]]:
    """Each array's place in the elements, with what every element has there."""
    first = elements[0]
    if isinstance(first, Mapping):
        for name, column in _by_key(elements, key):
            yield from _columns(column, (*key, name))
    elif isinstance(first, tuple):
        for i, column in _by_place(elements, key):
            yield from _columns(column, (*key, i))
    else:
        yield key, elements


def _by_key(elements: Sequence[Any], key: Path) -> Iterable[tuple[Any, Sequence[Any]]]:
    first = elements[0]
    try:
        columns = [(name, [*map(itemgetter(name), elements)]) for name in first]
        same = sum(map(len, elements)) == len(first) * len(elements)
    except (KeyError, TypeError, IndexError):
        same = False
    if not same:
        _require_all(elements, lambda e: isinstance(e, Mapping) and e.keys() == first.keys(), key)
    return columns


def _by_place(elements: Sequence[Any], key: Path) -> Iterable[tuple[int, Sequence[Any]]]:
    first = elements[0]

    def fits(element: Any) -> bool:
        return type(element) is type(first) and len(element) == len(first)

    _require_all(elements, fits, key)
    return enumerate(zip(*elements, strict=True))


def _stack_arrays(values: Sequence[Any], key: Path) -> np.ndarray:
    try:
        batch = np.array(values)
    except ValueError:
        shape = _array(values[0], 0, key).shape
        _require_all(_arrays(values, key), lambda array: array.shape == shape, key)
        raise
    return _without_objects(batch, values, key)


def _concatenate_arrays(values: Sequence[Any], key: Path, axis: int) -> np.ndarray:
    try:
        batch = np.concatenate(values, axis)
    except ValueError:
        arrays = _arrays(values, key)
        rank = arrays[0].ndim
        if not -rank <= axis < rank:
            problem = f"{_described(arrays[0])} has no axis {axis} to concatenate along"
            raise _misfit(problem, 0, key) from None
        _require_all(arrays, lambda array: array.ndim == rank, key)
        others = np.delete(arrays[0].shape, axis)
        _require_all(arrays, lambda a: np.array_equal(np.delete(a.shape, axis), others), key)
        raise
    return _without_objects(batch, values, key)


def _without_objects(batch: np.ndarray, values: Sequence[Any], key: Path) -> np.ndarray:
    if batch.dtype.hasobject:
        for index, array in enumerate(_arrays(values, key)):
            if array.dtype.hasobject:
                problem = f"{_described(array)} is of Python objects, which cannot be batched"
                raise _misfit(problem, index, key)
    return batch


def _arrays(values: Sequence[Any], key: Path) -> list[np.ndarray]:
    return [_array(value, index, key) for index, value in enumerate(values)]


def _array(value: Any, index: int, key: Path) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError as error:
        raise _misfit(f"{_described(value)} is no array: {error}", index, key) from None


def _require_all(values: Sequence[Any], fits: Callable[[Any], bool], key: Path) -> None:
    for index, value in enumerate(values):
        if not fits(value):
            problem = f"{_described(value)} beside {_described(values[0])}"
            raise _misfit(problem, index, key)


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array of shape {value.shape}"
    if isinstance(value, Mapping):
        return f"{type(value).__name__} with the keys {[*value]}"
    if isinstance(value, tuple):
        return f"{type(value).__name__} of length {len(value)}"
    return f"{type(value).__name__} {value!r:.60}"


def _misfit(problem: str, index: int, key: Path) -> DataError:
    return DataError(problem, index=index, key=key[0] if len(key) == 1 else key or None)


def _like(template: tuple[Any, ...], values: Iterable[Any]) -> Any:
    make = getattr(template, "_make", tuple)
    return make(values)
