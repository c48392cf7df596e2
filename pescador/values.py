"""Values as they stand in a description: compared, hashed and shown."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

__all__ = ["call", "fields_of", "hash_of", "same", "show"]


def fields_of(node: Any) -> tuple[Any, ...]:
    """The values of a dataclass's fields."""
    return tuple(getattr(node, field.name) for field in dataclasses.fields(node))


def same(a: Any, b: Any) -> bool:
    """Equality that never raises: arrays by identity, what cannot be compared is unequal."""
    if a is b:
        return True
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return False
    # The documented classes are equal as what they describe.
    a, b = getattr(a, "stream", a), getattr(b, "stream", b)
    if isinstance(a, tuple) and type(a) is type(b):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, functools.partial) and type(a) is type(b):
        return same(_parts(a), _parts(b))
    try:
        return bool(a == b)
    except Exception:  # noqa: BLE001  What cannot be compared may raise anything.
        return False


def hash_of(value: Any) -> int:
    """A hash that agrees with `same`, also of what has none of its own."""
    if isinstance(value, np.ndarray):
        return id(value)
    if isinstance(value, tuple):
        return hash(tuple(map(hash_of, value)))
    if isinstance(value, functools.partial):
        return hash_of(_parts(value))
    try:
        return hash(getattr(value, "stream", value))
    except TypeError:
        return hash(type(value))


def _parts(value: functools.partial[Any]) -> tuple[Any, ...]:
    return value.func, value.args, tuple(sorted(value.keywords.items()))


def show(value: Any) -> str:
    """The expression that gives `value`: functions by qualified name, arrays abbreviated."""
    if isinstance(value, np.ndarray):
        return f"<array {value.dtype}{list(value.shape)}>"
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
            from pathlib import Path  # a few ms, for this alone

            code = value.__code__
            return f"<lambda> at {Path(code.co_filename).name}:{code.co_firstlineno}"
        return name
    return repr(value)


def call(name: str, node: Any) -> str:
    """The call that builds a dataclass, defaults left out."""
    shown, by_place = [], True
    for field in sorted(dataclasses.fields(node), key=lambda field: field.kw_only is True):
        value = getattr(node, field.name)
        by_place = by_place and not field.kw_only and field.default is dataclasses.MISSING
        if by_place:
            shown.append(show(value))
        elif not same(value, field.default):
            shown.append(f"{field.name}={show(value)}")
    return f"{name}({', '.join(shown)})"
