"""Data objects, dicts of arrays and the like: stacked, concatenated, split and checked."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count, repeat
from operator import getitem, itemgetter
from typing import Any

import numpy as np

from pescador.errors import DataError, show_key

__all__ = [
    "columns",
    "concatenate",
    "cuts",
    "first_leaf",
    "join",
    "lengths",
    "merge",
    "rebuild",
    "split",
    "stack",
    "without_rows",
]

Path = tuple[Any, ...]
Column = tuple[Path, Sequence[Any]]


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
    return merge(elements, _stacked)


def concatenate(elements: Sequence[Any], axis: int = 0) -> Any:
    """As `stack`, but along an axis that the arrays have already.

    Examples
    --------
    >>> concatenate([{"x": np.arange(2)}, {"x": np.arange(1)}])
    {'x': array([0, 1, 0])}
    """
    return merge(elements, lambda column, path: join(column, path, axis))


def merge(
    elements: Sequence[Any], leaf: Callable[[Sequence[Any], Path], Any], path: Path = ()
) -> Any:
    """One of many elements of one structure: what `leaf` makes of all that stands at a path.

    Raises
    ------
    DataError
        Where an element is of another structure than the first.

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
    return leaf(elements, path)


def columns(elements: Sequence[Any]) -> list[Column]:
    """The leaves of elements of one structure: where each stands, and what all have there.

    Raises
    ------
    DataError
        Where an element is of another structure than the first.

    Examples
    --------
    >>> columns([{"x": 1, "y": (2, 3)}, {"x": 4, "y": (5, 6)}])
    [(('x',), [1, 4]), (('y', 0), (2, 5)), (('y', 1), (3, 6))]
    """
    found: list[Column] = []
    merge(elements, lambda column, path: found.append((path, column)))
    return found


def rebuild(template: Any, leaves: Iterable[Any]) -> Any:
    """Leaves, in the order of `columns`, in the structure of an element.

    Examples
    --------
    >>> rebuild({"x": 1, "y": (2, 3)}, ["a", "b", "c"])
    {'x': 'a', 'y': ('b', 'c')}
    """
    return _rebuilt(template, iter(leaves))


def join(values: Sequence[Any], path: Path, axis: int = 0) -> np.ndarray:
    """One array of the arrays of a column, along an axis that they have already.

    Raises
    ------
    DataError
        Where an array does not fit the first, or is of Python objects.
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
    """How many rows each batch has, of the `columns` of batches: the first dimension of its arrays.

    Raises
    ------
    DataError
        Where a batch holds arrays of unequal first dimension, no array, or one of no dimension.

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
                f"{found[index]} rows beside {shared[index]} rows at {show_key(first)}; "
                "the arrays of a batch share their first dimension",
                index,
                path,
            )
    return shared


def without_rows(batch: Any) -> Any:
    """A batch like this one, of no rows, that does not keep it in memory.

    Examples
    --------
    >>> without_rows({"x": np.zeros((3, 2))})["x"].shape
    (0, 2)
    """
    return rebuild(batch, [np.array(leaf[:0]) for _, (leaf,) in columns([batch])])


def first_leaf(element: Any) -> Callable[[Any], Any]:
    """How to get at the first leaf of `element` and of all like it.

    Examples
    --------
    >>> first_leaf({"x": (1, 2)})({"x": (3, 4)})
    3
    """
    path, _ = columns([element])[0]
    if len(path) == 1:
        return itemgetter(*path)
    return lambda other: functools.reduce(getitem, path, other)


def cuts(values: Any, path: Path, n: int, start: int) -> Iterator[np.ndarray]:
    """Copies of `n` rows each, from row `start` on, as long as there are so many.

    Examples
    --------
    >>> [*cuts(np.arange(6), ("x",), 2, start=1)]
    [array([1, 2]), array([3, 4])]
    """
    places = map(slice, count(start, n), range(start + n, len(values) + 1, n))
    pieces = map(getitem, repeat(values), places)
    if isinstance(values, np.ndarray):  # All are of one dtype: in C, what `join` does.
        return map(np.array, pieces, repeat(np.result_type(values)))
    return map(join, zip(pieces), repeat(path))


def split(batch: Any) -> Iterator[Any]:
    """The rows of a batch one by one, each of the batch's structure.

    Examples
    --------
    >>> list(split((np.arange(2), np.array(["a", "b"]))))
    [(np.int64(0), np.str_('a')), (np.int64(1), np.str_('b'))]
    """
    if isinstance(batch, Mapping):
        values = _together(map(split, batch.values()))
        return map(dict, map(zip, repeat(tuple(batch)), values))
    if isinstance(batch, tuple):
        values = _together(map(split, batch))
        make = getattr(batch, "_make", None)
        return map(make, values) if make else values
    return iter(batch)


def _together(columns: Iterable[Iterator[Any]]) -> Iterator[tuple[Any, ...]]:
    """What stands at each place, in a tuple; as often as wanted where there are no columns."""
    known = [*columns]
    return zip(*known, strict=False) if known else repeat(())


def _rebuilt(template: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(template, Mapping):
        return {name: _rebuilt(value, leaves) for name, value in template.items()}
    if isinstance(template, tuple):
        values = [_rebuilt(value, leaves) for value in template]
        return getattr(template, "_make", tuple)(values)
    return next(leaves)


def _by_key(elements: Sequence[Any], path: Path) -> Iterable[tuple[Any, Sequence[Any]]]:
    first = elements[0]
    try:
        found = [(name, [*map(itemgetter(name), elements)]) for name in first]
        keys = sum(map(len, elements))
    except (KeyError, TypeError, IndexError):
        _require_keys(elements, path)
        raise  # A mapping's own.
    if keys != len(first) * len(elements):
        _require_keys(elements, path)
    return found


def _by_place(elements: Sequence[Any], path: Path) -> Iterable[tuple[int, Sequence[Any]]]:
    first = elements[0]

    def fits(element: Any) -> bool:
        return type(element) is type(first) and len(element) == len(first)

    _require_all(elements, fits, path)
    return enumerate(zip(*elements, strict=True))


def _stacked(values: Sequence[Any], path: Path) -> np.ndarray:
    try:
        batch = np.array(values)
        if not batch.dtype.isnative:  # A lone array's own order; else numpy gives the machine's.
            batch = np.stack(values)
    except (ValueError, TypeError):
        arrays = _arrays(values, path)
        _require_all(arrays, lambda array: array.shape == arrays[0].shape, path)
        _require_promotion(arrays, path)
        raise
    return _without_objects(batch, values, path)


def _lengths(column: Sequence[Any], path: Path) -> list[int]:
    # A str or a mapping has a length and yet no rows; before the last, joining tells.
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
                problem = f"{_described(array)} is of Python objects, which cannot be batched"
                raise _misfit(problem, index, path)
        _require_promotion(arrays, path)
    return batch


def _require_keys(elements: Sequence[Any], path: Path) -> None:
    keys = elements[0].keys()
    _require_all(elements, lambda one: isinstance(one, Mapping) and one.keys() == keys, path)


def _require_promotion(arrays: Sequence[np.ndarray], path: Path) -> None:
    """Refuse the first array whose dtype has none in common with those before it."""
    shared = arrays[0].dtype
    for index, array in enumerate(arrays):
        try:
            shared = np.promote_types(shared, array.dtype)
        except TypeError:
            problem = f"{_described(array)} beside {_described(arrays[0])}"
            raise _misfit(problem, index, path) from None


def _arrays(values: Sequence[Any], path: Path) -> list[np.ndarray]:
    return [_array(value, index, path) for index, value in enumerate(values)]


def _array(value: Any, index: int, path: Path) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError as error:
        raise _misfit(f"{_described(value)} is no array: {error}", index, path) from None


def _require_all(values: Sequence[Any], fits: Callable[[Any], bool], path: Path) -> None:
    for index, value in enumerate(values):
        if not fits(value):
            problem = f"{_described(value)} beside {_described(values[0])}"
            raise _misfit(problem, index, path)


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array of shape {value.shape}"
    if isinstance(value, Mapping):
        return f"{type(value).__name__} with the keys {[*value]}"
    if isinstance(value, tuple):
        return f"{type(value).__name__} of length {len(value)}"
    return f"{type(value).__name__} {value!r:.60}"


def _misfit(problem: str, index: int, path: Path) -> DataError:
    return DataError(problem, index=index, key=path[0] if len(path) == 1 else path or None)
