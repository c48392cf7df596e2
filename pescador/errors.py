"""The exceptions that pescador raises, and the checks by which operators refuse parameters."""

from __future__ import annotations

import math
import numbers
import operator
import sys
from typing import Any, cast

import numpy as np

__all__ = [
    "DataError",
    "IndivisibleError",
    "MissingKeyError",
    "ParameterError",
    "ParameterTypeError",
    "PescadorError",
    "PescadorWarning",
    "TransportError",
    "WorkerError",
    "choice",
    "count",
    "flag",
    "function",
    "name",
    "number",
    "require",
    "require_type",
    "whole",
]

# The longest repr of an operator that a message shows in full, in characters.
LONGEST = 200


class PescadorError(Exception):
    """The base class of all errors that pescador raises itself."""


class ParameterError(PescadorError, ValueError):
    """A parameter has a value that its operator or source cannot take."""


class ParameterTypeError(PescadorError, TypeError):
    """A parameter, or an operand of ``|``, is of a type that does not fit."""


class IndivisibleError(ParameterError):
    """A stream cannot be divided into parts without changing what it means."""


class DataError(PescadorError):
    """An element does not fit the operator that it reached.

    Parameters
    ----------
    problem : str
        What was found, and what would be right.
    operator : object, optional
        The operator, shown by its repr.
    index : int, optional
        The index of the element in the operator's input, from 0.
    key : object, optional
        The place in the element: a key, or a tuple of keys from the outermost in.

    Examples
    --------
    >>> print(DataError("shape (3,) after (4,)", operator="batch(2)", index=5, key="X"))
    batch(2): element 5, key 'X': shape (3,) after (4,)
    """

    def __init__(
        self,
        problem: str,
        operator: object = None,
        index: int | None = None,
        key: object = None,
    ) -> None:
        super().__init__(problem, operator, index, key)
        self.problem = problem
        self.operator = operator
        self.index = index
        self.key = key

    def __str__(self) -> str:
        place = [f"element {self.index}"] * (self.index is not None)
        if self.key is not None:
            place.append(f"key {show_key(self.key)}")
        parts = [shortened(self.operator)] * (self.operator is not None)
        return ": ".join([*parts, *([", ".join(place)] * bool(place)), self.problem])

    def located(self, operator: object, offset: int = 0) -> DataError:
        """Return the error with the operator that met it and the element's index in the stream."""
        index = None if self.index is None else self.index + offset
        return type(self)(self.problem, operator, index, self.key)


def show_key(key: object) -> str:
    """Return a key, or a path of keys as it is written in Python: ``'a'['b'][0]``."""
    first, *deeper = key if isinstance(key, tuple) else (key,)
    return repr(first) + "".join(f"[{part!r}]" for part in deeper)


def shortened(op: object) -> str:
    """Return an operator as messages show it."""
    shown = str(op)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 50]} ... {shown[-45:]}"


class MissingKeyError(DataError, KeyError):
    """An element lacks a key that the operator was asked for."""

    __str__ = DataError.__str__


class PescadorWarning(UserWarning):
    """The class of the warnings that pescador gives itself."""


class TransportError(PescadorError):
    """A message from another process cannot be read."""


class WorkerError(PescadorError):
    """A worker process could not start, or died; or, as ``__cause__``, a traceback from a worker.

    Parameters
    ----------
    problem : str
        What happened.
    exitcode : int, optional
        The exit code of the process, or the negative number of the signal that ended it.
    """

    def __init__(self, problem: str, exitcode: int | None = None) -> None:
        super().__init__(problem, exitcode)
        self.problem = problem
        self.exitcode = exitcode

    def __str__(self) -> str:
        return self.problem


def require(condition: object, op: object, problem: str) -> None:
    """Refuse a parameter for its value, unless a condition holds.

    Parameters
    ----------
    condition : object
        True if the parameter is right.
    op : object
        The operator or description that refuses; the message begins with its repr.
    problem : str
        What would be right, and what was found.

    Raises
    ------
    ParameterError
        If the condition does not hold.

    Examples
    --------
    >>> require(0 > 1, "take(0)", "n must be at least 1, not 0")
    Traceback (most recent call last):
    ...
    pescador.errors.ParameterError: take(0): n must be at least 1, not 0
    """
    if not condition:
        raise ParameterError(f"{shortened(op)}: {problem}")


def require_type(condition: object, op: object, problem: str) -> None:
    """Refuse a parameter for its type, unless a condition holds.

    Parameters
    ----------
    condition : object
        True if the parameter is of a right type.
    op : object
        The operator or description that refuses; the message begins with its repr.
    problem : str
        What would be right, and what was found.

    Raises
    ------
    ParameterTypeError
        If the condition does not hold.

    Examples
    --------
    >>> require_type(callable(5), "map(5)", "function must be callable, not 5")
    Traceback (most recent call last):
    ...
    pescador.errors.ParameterTypeError: map(5): function must be callable, not 5
    """
    if not condition:
        raise ParameterTypeError(f"{shortened(op)}: {problem}")


def whole(op: object, name: str, value: Any, what: str = "a whole number") -> int:
    """Check that a parameter is a whole number; a bool is refused.

    Parameters
    ----------
    op : object
        The operator that refuses.
    name : str
        The name of the parameter.
    value : object
        Its value.
    what : str, default="a whole number"
        What the message says that it must be.

    Returns
    -------
    int
        The value, as an int of Python.

    Raises
    ------
    ParameterTypeError
        If the value is not a whole number.

    Examples
    --------
    >>> import numpy as np
    >>> whole("batch()", "axis", np.int64(-1))
    -1
    >>> whole("batch()", "axis", True)
    Traceback (most recent call last):
    ...
    pescador.errors.ParameterTypeError: batch(): axis must be a whole number, not True
    """
    try:
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    require_type(number is not None, op, f"{name} must be {what}, not {value!r}")
    return cast("int", number)


def count(op: object, name: str, value: Any, least: int = 1, most: float = sys.maxsize) -> int:
    """Check that a parameter is a whole number between two bounds; a bool is refused.

    Parameters
    ----------
    op : object
        The operator that refuses.
    name : str
        The name of the parameter.
    value : object
        Its value.
    least : int, default=1
        The smallest number that is right.
    most : int or math.inf, default=sys.maxsize
        The largest number that is right.

    Returns
    -------
    int
        The value, as an int of Python.

    Raises
    ------
    ParameterError
        If the value is out of bounds.
    ParameterTypeError
        If the value is not a whole number.

    Examples
    --------
    >>> count("take(-1)", "n", -1, least=0)
    Traceback (most recent call last):
    ...
    pescador.errors.ParameterError: take(-1): n must be at least 0, not -1
    """
    number = whole(op, name, value)
    require(number >= least, op, f"{name} must be at least {least}, not {number}")
    require(number <= most, op, f"{name} must be at most {most}, not {number}")
    return number


def number(op: object, name: str, value: Any) -> float:
    """Check that a parameter is a real number, neither NaN nor infinite; a bool is refused.

    Parameters
    ----------
    op : object
        The operator that refuses.
    name : str
        The name of the parameter.
    value : object
        Its value.

    Returns
    -------
    float
        The value, as a number of Python; an int stays an int.

    Raises
    ------
    ParameterError
        If the value is NaN or infinite.
    ParameterTypeError
        If the value is not a real number.

    Examples
    --------
    >>> number("mux(2)", "lam", float("nan"))
    Traceback (most recent call last):
    ...
    pescador.errors.ParameterError: mux(2): lam must be finite, not nan
    """
    is_real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    require_type(is_real, op, f"{name} must be a number, not {value!r}")
    require(abs(cast("float", value)) < math.inf, op, f"{name} must be finite, not {value!r}")
    return value.item() if hasattr(value, "item") else value  # type: ignore[no-any-return]


def choice(op: object, name: str, value: object, known: tuple[str, ...]) -> None:
    """Check that a parameter is one of the names that the operator knows.

    Parameters
    ----------
    op : object
        The operator that refuses.
    name : str
        The name of the parameter.
    value : object
        Its value.
    known : tuple of str
        The names that are right.

    Raises
    ------
    ParameterError
        If the value is not one of them.

    Examples
    --------
    >>> choice("chain()", "mode", "cycles", ("exhaustive", "cycle"))
    Traceback (most recent call last):
    ...
    pescador.errors.ParameterError: chain(): mode must be one of 'exhaustive', 'cycle', not 'cycles'
    """
    require(
        isinstance(value, str) and value in known,
        op,
        f"{name} must be one of {', '.join(map(repr, known))}, not {value!r}",
    )


def function(op: object, name: str, value: object) -> None:
    """Check that a parameter can be called.

    Parameters
    ----------
    op : object
        The operator that refuses.
    name : str
        The name of the parameter.
    value : object
        Its value.

    Raises
    ------
    ParameterTypeError
        If the value cannot be called.

    Examples
    --------
    >>> function("map(5)", "function", 5)
    Traceback (most recent call last):
    ...
    pescador.errors.ParameterTypeError: map(5): function must be callable, not 5
    """
    require_type(callable(value), op, f"{name} must be callable, not {value!r}")


def name(op: object, value: object) -> None:
    """Check the parameter `name` of an operator: a str or None.

    Parameters
    ----------
    op : object
        The operator that refuses.
    value : object
        The value of the parameter.

    Raises
    ------
    ParameterTypeError
        If the value is neither a str nor None.

    Examples
    --------
    >>> name("shuffle(2)", 5)
    Traceback (most recent call last):
    ...
    pescador.errors.ParameterTypeError: shuffle(2): name must be a str or None, not 5
    """
    require_type(
        value is None or isinstance(value, str), op, f"name must be a str or None, not {value!r}"
    )


def flag(op: object, name: str, value: object) -> None:
    """Check that a parameter is True or False.

    Parameters
    ----------
    op : object
        The operator that refuses.
    name : str
        The name of the parameter.
    value : object
        Its value.

    Raises
    ------
    ParameterTypeError
        If the value is not a bool.

    Examples
    --------
    >>> flag("batch(2)", "partial", "no")
    Traceback (most recent call last):
    ...
    pescador.errors.ParameterTypeError: batch(2): partial must be True or False, not 'no'
    """
    is_flag = isinstance(value, bool) or type(value).__name__ == "bool"  # numpy's, of any release
    require_type(is_flag, op, f"{name} must be True or False, not {value!r}")
