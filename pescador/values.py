"""Values in a description: how they are compared, hashed, copied and shown."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "Description",
    "FilledSeed",
    "Named",
    "Words",
    "call",
    "changed",
    "described",
    "fields_of",
    "hash_of",
    "same",
    "show",
]

A = TypeVar("A")
Node = TypeVar("Node")


class Description:
    """The base of streams and operators: they describe, so no batch takes their fields apart."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Named(Generic[A]):
    """A pool with names: a mapping on the left of ``|`` is frozen to one."""

    names: tuple[Any, ...]
    values: tuple[A, ...]

    def __iter__(self) -> Iterator[A]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        pairs = (f"{show(k)}: {show(v)}" for k, v in zip(self.names, self.values, strict=True))
        return "{" + ", ".join(pairs) + "}"


class Words(tuple[int, ...]):  # noqa: SLOT001  A tuple has no slots.
    """A seed that was filled in: a tuple of words that knows the entropy they come from."""

    entropy: tuple[int | str, ...]

    def __new__(cls, words: Iterable[int], entropy: tuple[int | str, ...]) -> Self:
        self = super().__new__(cls, words)
        self.entropy = entropy
        return self

    def __getnewargs__(self) -> Any:
        return tuple(self), self.entropy


class FilledSeed(int):
    """A seed of a source that was filled in: an int that knows the entropy it comes from."""

    entropy: tuple[int | str, ...]

    def __new__(cls, seed: int, entropy: tuple[int | str, ...]) -> Self:
        self = super().__new__(cls, seed)
        self.entropy = entropy
        return self

    def __getnewargs__(self) -> Any:
        return int(self), self.entropy


def described(value: Any) -> Any:
    """Return the stream that a facade stands for, and any other value as it is.

    The class of a facade has a method ``__stream__`` that returns the description.
    """
    facade = getattr(type(value), "__stream__", None)
    return value if facade is None else facade(value)


@functools.lru_cache(maxsize=256)
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def fields_of(node: Any) -> tuple[Any, ...]:
    """Return the values of a dataclass's fields."""
    return tuple(getattr(node, name) for name in _names(node.__class__))


def changed(node: Node, **changes: Any) -> Node:
    """Return a copy of a dataclass in which some fields have other values.

    Unlike ``dataclasses.replace`` it also copies the fields that are not parameters of the class.
    """
    kind: Any = node.__class__
    copy: Node = object.__new__(kind)
    for name in _names(kind):
        value = changes[name] if name in changes else getattr(node, name)
        object.__setattr__(copy, name, value)
    return copy


def same(a: Any, b: Any) -> bool:
    """Compare without ever raising: arrays by identity; values that cannot be compared differ."""
    if a is b:
        return True
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return False
    if isinstance(a, tuple) and type(a) is type(b):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, functools.partial) and type(a) is type(b):
        return same(_parts(a), _parts(b))
    try:
        if type(a) is not type(b) or hasattr(type(a), "__stream__"):
            a, b = described(a), described(b)
        return bool(a == b)
    except Exception:  # noqa: BLE001  What cannot be compared may raise anything.
        return False


def hash_of(value: Any) -> int:
    """Return a hash that agrees with `same`; an unhashable value has that of its type."""
    if isinstance(value, np.ndarray):
        return id(value)
    if isinstance(value, tuple):
        return hash(tuple(map(hash_of, value)))
    if isinstance(value, functools.partial):
        return hash_of(_parts(value))
    try:
        return hash(described(value))
    except Exception:  # noqa: BLE001  What cannot be hashed may raise anything.
        return hash(type(value))


def _parts(value: functools.partial[Any]) -> tuple[Any, ...]:
    return value.func, value.args, tuple(sorted(value.keywords.items()))


def show(value: Any) -> str:
    """Return the expression of `value`: functions by qualified name, arrays abbreviated."""
    if isinstance(value, np.ndarray):
        return f"<array {value.dtype}{list(value.shape)}>"
    if isinstance(value, FilledSeed):
        return "SEED"
    if isinstance(value, functools.partial):
        arguments = [show(value.func), *map(show, value.args)]
        arguments += [f"{name}={show(given)}" for name, given in value.keywords.items()]
        return f"functools.partial({', '.join(arguments)})"
    if isinstance(value, tuple | list) and type(value) in (tuple, list):
        inside = ", ".join(map(show, value))
        if isinstance(value, list):
            return f"[{inside}]"
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if type(value) is dict:
        return "{" + ", ".join(f"{show(k)}: {show(v)}" for k, v in value.items()) + "}"
    name = getattr(value, "__qualname__", None)
    if callable(value) and isinstance(name, str):
        if name.endswith("<lambda>"):
            from pathlib import Path  # It takes some ms to import, and only this line needs it.

            code = value.__code__
            return f"<lambda> at {Path(code.co_filename).name}:{code.co_firstlineno}"
        return name
    return repr(value)


def call(name: str, node: Any) -> str:
    """Return the call that builds a dataclass, without defaults and without filled-in seeds."""
    shown, by_place = [], True
    parameters = [field for field in dataclasses.fields(node) if field.init]
    for field in sorted(parameters, key=lambda field: field.kw_only is True):
        value = getattr(node, field.name)
        by_place = by_place and not field.kw_only and field.default is dataclasses.MISSING
        if by_place:
            shown.append(show(value))
        elif isinstance(value, Words):
            continue
        elif isinstance(value, bool) != isinstance(field.default, bool) or not same(
            value, field.default
        ):
            shown.append(f"{field.name}={show(value)}")
    return f"{name}({', '.join(shown)})"
