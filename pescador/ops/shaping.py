"""Operators that change each element, one for one."""

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
    """Each element through `function`.

    Parameters
    ----------
    function : callable
        From an element to another.

    Raises
    ------
    ParameterTypeError
        If `function` cannot be called.

    Examples
    --------
    >>> list(["a", "bc"] | map(len))
    [1, 2]
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
    """Mappings as tuples: ``(item[k1], item[k2], ...)``.

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
        At run time, if an element is no mapping.

    Examples
    --------
    >>> list([{"X": 1, "Y": 2}] | tuples("Y", "X"))
    [(2, 1)]
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
    """Mappings as the pairs ``(x, y)`` that Keras fits a model on.

    Parameters
    ----------
    inputs : str, sequence of str, or None, default=None
        The keys of `x`: a str gives the array, a sequence a list of arrays, None gives None.
    outputs : str, sequence of str, or None, default=None
        The keys of `y`, likewise.

    Raises
    ------
    ParameterError
        If neither names a key.
    ParameterTypeError
        If one is of another type.
    MissingKeyError
        At run time, if an element lacks a key; also a ``KeyError``.
    DataError
        At run time, if an element is no mapping.

    Examples
    --------
    >>> list([{"X": 1, "Y": 2}] | keras_tuples("X", ["Y"]))
    [(1, [2])]
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
                if misfit is None:  # A mapping's own error.
                    raise
                raise misfit from error
            yield picked


def _misfit(op: object, index: int, item: Any, keys: Sequence[str]) -> DataError | None:
    if not isinstance(item, Mapping):
        problem = f"{type(item).__name__} {show(item):.60} is no mapping with the keys {[*keys]}"
        return DataError(problem, op, index)
    for key in keys:
        if key not in item:
            return MissingKeyError(f"is missing; the element has {[*item]}", op, index, key)
    return None
