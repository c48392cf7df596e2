"""Operators that turn each element into one other."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from operator import itemgetter
from typing import Any, TypeVar

from pescador import errors
from pescador.checks import members
from pescador.core import Op, Stream, gathers
from pescador.errors import DataError, MissingKeyError
from pescador.readings import ELEMENTWISE, Finding
from pescador.running import Pass
from pescador.values import show

__all__ = ["keras_tuples", "map", "tuples"]

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class map(Op[A, B]):
    """Call `function` on each element, and yield what it returns.

    Parameters
    ----------
    function : callable
        A function from one element to another.

    Raises
    ------
    ParameterTypeError
        If `function` cannot be called.

    Examples
    --------
    >>> list(["a", "bc"] | map(len))
    [1, 2]
    >>> list([] | map(len))
    []

    An error of the function ends the run, after the elements before it:

    >>> run = iter(["1", "one"] | map(int))
    >>> next(run)
    1
    >>> next(run)
    Traceback (most recent call last):
    ...
    ValueError: invalid literal for int() with base 10: 'one'
    """

    function: Callable[[A], B]

    closes = True
    sharding = ELEMENTWISE

    def __post_init__(self) -> None:
        errors.function(self, "function", self.function)

    def __call__(self, upstream: Iterable[A], /) -> Iterator[B]:
        return Pass.over(upstream).then(lambda items: builtins.map(self.function, items))

    def check(self, upstream: Stream[Any], /) -> Iterable[Finding]:
        for name, member in members(upstream) if gathers(self.function) else ():
            if not upstream.ops and member.length == inf:
                problem = f"it asks for all of stream {name!r}, which is endless"
                yield Finding("error", self, problem, "take(n) on the stream")


@dataclass(frozen=True, slots=True, eq=False, repr=False, init=False)
class tuples(Op[Mapping[str, Any], tuple[Any, ...]]):
    """Turn each mapping into the tuple of its values at `keys`.

    Parameters
    ----------
    *keys : str
        The keys, in the order of the tuple.

    Raises
    ------
    ParameterError
        If there is no key.
    MissingKeyError
        At run time, if an element lacks a key; also a ``KeyError``.
    DataError
        At run time, if an element is not a mapping.

    Examples
    --------
    >>> list([{"X": 1, "Y": 2}] | tuples("Y", "X"))
    [(2, 1)]
    >>> list([{"X": 1, "Y": 2}] | tuples("X"))
    [(1,)]
    >>> list([{"X": 1, "Y": 2}, {"X": 3}] | tuples("X", "Y"))
    Traceback (most recent call last):
    ...
    pescador.errors.MissingKeyError: tuples('X', 'Y'): element 1, key 'Y': is missing; ...
    """

    keys: tuple[str, ...]

    closes = True
    sharding = ELEMENTWISE

    def __init__(self, *keys: str) -> None:
        object.__setattr__(self, "keys", keys)
        errors.require(keys, self, "at least one key must be given")
        errors.require_type(_are_keys(keys), self, f"keys must be str, not {keys!r}")

    def __call__(self, upstream: Iterable[Mapping[str, Any]], /) -> Iterator[tuple[Any, ...]]:
        first, *others = self.keys
        if others:
            return _each(self, itemgetter(first, *others), self.keys, upstream)
        return _each(self, lambda item: (item[first],), self.keys, upstream)

    def __repr__(self) -> str:
        return f"tuples({', '.join(builtins.map(repr, self.keys))})"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class keras_tuples(Op[Mapping[str, Any], tuple[Any, Any]]):
    """Turn each mapping into a pair ``(x, y)``, as Keras takes it for fitting a model.

    Parameters
    ----------
    inputs : str, sequence of str, or None, default=None
        The keys of `x`: a str for one array, a sequence for a list of arrays, None for None.
    outputs : str, sequence of str, or None, default=None
        The keys of `y`, in the same way.

    Raises
    ------
    ParameterError
        If neither names a key.
    ParameterTypeError
        If one is of another type.
    MissingKeyError
        At run time, if an element lacks a key; also a ``KeyError``.
    DataError
        At run time, if an element is not a mapping.

    Examples
    --------
    >>> list([{"X": 1, "Y": 2}] | keras_tuples("X", ["Y"]))
    [(1, [2])]

    A side without keys is None, as an autoencoder or a prediction needs it:

    >>> list([{"X": 1, "Y": 2}] | keras_tuples(["X", "Y"]))
    [([1, 2], None)]
    >>> list([{"X": 1}] | keras_tuples("X", "Y"))
    Traceback (most recent call last):
    ...
    pescador.errors.MissingKeyError: keras_tuples(inputs='X', outputs='Y'): element 0, key 'Y': ...
    """

    inputs: str | Sequence[str] | None = None
    outputs: str | Sequence[str] | None = None

    closes = True
    sharding = ELEMENTWISE

    def __post_init__(self) -> None:
        for name in ("inputs", "outputs"):
            keys = getattr(self, name)
            errors.require_type(
                keys is None or isinstance(keys, str) or _are_keys(keys),
                self,
                f"{name} must be a str, a sequence of str, or None, not {keys!r}",
            )
            if not isinstance(keys, str):
                object.__setattr__(self, name, tuple(keys) if keys else None)
        errors.require(
            self.inputs or self.outputs, self, "at least one key must be given, as input or output"
        )

    def __call__(self, upstream: Iterable[Mapping[str, Any]], /) -> Iterator[tuple[Any, Any]]:
        inputs, outputs = _side(self.inputs), _side(self.outputs)
        keys = [key for side in (self.inputs, self.outputs) for key in _listed(side)]
        return _each(self, lambda item: (inputs(item), outputs(item)), keys, upstream)


def _side(keys: str | Sequence[str] | None) -> Callable[[Mapping[str, Any]], Any]:
    if isinstance(keys, str):
        return itemgetter(keys)
    return lambda item: [item[key] for key in keys] if keys else None


def _listed(keys: str | Sequence[str] | None) -> Sequence[str]:
    return [keys] if isinstance(keys, str) else keys or ()


def _are_keys(keys: object) -> bool:
    return isinstance(keys, Sequence) and all(isinstance(key, str) for key in keys)


def _each(
    op: object, pick: Callable[[A], B], keys: Sequence[str], upstream: Iterable[A]
) -> Iterator[B]:
    with Pass.over(upstream) as items:
        for index, item in enumerate(items):
            try:
                picked = pick(item)
            except (LookupError, TypeError) as error:
                misfit = _misfit(op, index, item, keys)
                if misfit is None:  # The error is the mapping's own.
                    raise
                raise misfit from error
            yield picked


def _misfit(op: object, index: int, item: Any, keys: Sequence[str]) -> DataError | None:
    if not isinstance(item, Mapping):
        problem = f"{type(item).__name__} {show(item):.60} is not a mapping with the keys {[*keys]}"
        return DataError(problem, op, index)
    for key in keys:
        if key not in item:
            return MissingKeyError(f"is missing; the element has {[*item]}", op, index, key)
    return None
