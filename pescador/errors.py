"""What goes wrong: the errors that pescador raises, what it foresees, and require()."""

from __future__ import annotations

import math
import numbers
import operator
import sys
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

__all__ = [
    "DataError",
    "Finding",
    "IndivisibleError",
    "MissingKeyError",
    "ParameterError",
    "ParameterTypeError",
    "PescadorError",
    "TransportError",
    "WorkerError",
]


# How much of an operator's repr a message shows.
LONGEST = 200


class PescadorError(Exception):
    """The root of every error that pescador raises of its own accord."""


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
        Which element of the operator's input, counted from 0.
    key : object, optional
        Where in the element: a key, or a tuple of keys from the outermost in.

    Examples
    --------
    >>> print(DataError("shape (3,) beside (4,)", operator="batch(2)", index=5, key="X"))
    batch(2): element 5, key 'X': shape (3,) beside (4,)
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
        parts = [_shortened(self.operator)] * (self.operator is not None)
        return ": ".join([*parts, *([", ".join(place)] * bool(place)), self.problem])

    def located(self, operator: object, offset: int = 0) -> DataError:
        """The same error, with the operator that met it and its element's place in the stream."""
        index = None if self.index is None else self.index + offset
        return type(self)(self.problem, operator, index, self.key)


def show_key(key: object) -> str:
    """A key, or a path of keys as one would index it: ``'a'['b'][0]``."""
    first, *deeper = key if isinstance(key, tuple) else (key,)
    return repr(first) + "".join(f"[{part!r}]" for part in deeper)


def _shortened(op: object) -> str:
    shown = str(op)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 50]} ... {shown[-45:]}"


class MissingKeyError(DataError, KeyError):
    """An element lacks a key that the operator was asked for."""

    __str__ = DataError.__str__


class TransportError(PescadorError):
    """What came from another process cannot be read."""


class WorkerError(PescadorError):
    """A worker process could not start, or died; or what was said where an error was raised in it.

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


@dataclass(frozen=True, slots=True)
class Finding:
    """What `pescador.check` foresees.

    Parameters
    ----------
    severity : {"error", "warning"}
        An error fails, never ends or gives nothing; a warning does not do what it says.
    step : object
        The operator, or the stream whose source it is.
    problem : str
        What will go wrong.
    instead : str
        What to write instead.
    stream : tuple, default=()
        Where the step stands in a stream of a pool: its name or index, the outermost pool first.
    alike : int, default=0
        Of how many streams more of that pool the same is to be said.

    Examples
    --------
    >>> print(Finding("warning", "take(5)", "there are only 3 elements", "take(3)"))
    warning: take(5): there are only 3 elements; instead: take(3)
    """

    severity: str
    step: object
    problem: str
    instead: str
    stream: tuple[Any, ...] = ()
    alike: int = 0

    def __str__(self) -> str:
        where = "".join(f" in stream {name!r}" for name in reversed(self.stream))
        more = f" and {self.alike} like it" if self.alike else ""
        return (
            f"{self.severity}: {_shortened(self.step)}{where}{more}: {self.problem}; "
            f"instead: {self.instead}"
        )


def require(condition: object, op: object, problem: str) -> None:
    """Refuse a parameter, unless the condition holds.

    Parameters
    ----------
    condition : object
        Whether the parameter is right.
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
    >>> require(0 > 1, "take(0)", "n must be at least 1")
    Traceback (most recent call last):
    ...
    pescador.errors.ParameterError: take(0): n must be at least 1
    """
    if not condition:
        raise ParameterError(f"{_shortened(op)}: {problem}")


def require_type(condition: object, op: object, problem: str) -> None:
    """Refuse a parameter for its type, as `require` does for its value."""
    if not condition:
        raise ParameterTypeError(f"{_shortened(op)}: {problem}")


def whole(op: object, name: str, value: Any, what: str = "a whole number") -> int:
    """A whole number, as an int; a bool is none."""
    try:
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    require_type(number is not None, op, f"{name} must be {what}, not {value!r}")
    return cast("int", number)


def count(op: object, name: str, value: Any, least: int = 1, most: float = sys.maxsize) -> int:
    """A whole number between `least` and `most`, as an int; a bool is no count."""
    number = whole(op, name, value)
    require(number >= least, op, f"{name} must be at least {least}, not {number}")
    require(number <= most, op, f"{name} must be at most {most}, not {number}")
    return number


def number(op: object, name: str, value: Any) -> float:
    """A real number that is neither NaN nor infinite; a bool is none."""
    is_real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    require_type(is_real, op, f"{name} must be a number, not {value!r}")
    require(abs(cast("float", value)) < math.inf, op, f"{name} must be finite, not {value!r}")
    return value.item() if hasattr(value, "item") else value  # type: ignore[no-any-return]


def choice(op: object, name: str, value: object, known: tuple[str, ...]) -> None:
    """One of the names that are known."""
    require(
        isinstance(value, str) and value in known,
        op,
        f"{name} must be one of {', '.join(map(repr, known))}, not {value!r}",
    )


def function(op: object, name: str, value: object) -> None:
    """Something that can be called."""
    require_type(callable(value), op, f"{name} must be callable, not {value!r}")


def name(op: object, value: object) -> None:
    """A name, or None."""
    require_type(
        value is None or isinstance(value, str), op, f"name must be a str or None, not {value!r}"
    )


def flag(op: object, name: str, value: object) -> None:
    """True or False."""
    is_flag = isinstance(value, bool) or type(value).__name__ == "bool"  # numpy's bool is none
    require_type(is_flag, op, f"{name} must be True or False, not {value!r}")
