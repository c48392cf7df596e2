"""Operators that look at the elements and pass them on as they are."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, TypeVar

from pescador import errors
from pescador.core import Part, Same, Stream
from pescador.readings import ELEMENTWISE
from pescador.running import Pass

__all__ = ["progress", "tap"]

A = TypeVar("A")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class tap(Same):
    """Call `function` on each element, and yield the element as it is.

    Parameters
    ----------
    function : callable
        A function of one element; what it returns is ignored.

    Raises
    ------
    ParameterTypeError
        If `function` cannot be called.

    Examples
    --------
    >>> list("ab" | tap(print))
    a
    b
    ['a', 'b']

    The function is called when an element is asked for, and not before:

    >>> next(iter("ab" | tap(print)))
    a
    'a'
    >>> list("" | tap(print))
    []
    """

    function: Callable[[Any], object]

    closes = True
    sharding = ELEMENTWISE

    def __post_init__(self) -> None:
        errors.function(self, "function", self.function)

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        with Pass.over(upstream) as items:
            for item in items:
                self.function(item)
                yield item


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class progress(Same):
    """Show a progress bar of tqdm on standard error; the elements pass unchanged.

    If tqdm is not installed, there is a warning, and no bar.

    Parameters
    ----------
    total : int >= 0 or None, default=None
        The number of elements to expect; None for the length of the stream, if it is known.
    desc : str or None, default=None
        The text before the bar.

    Raises
    ------
    ParameterError
        If `total` is negative.
    ParameterTypeError
        If a parameter is of the wrong type.

    Warns
    -----
    PescadorWarning
        Once, if tqdm is not installed.

    Examples
    --------
    >>> list("ab" | progress(desc="letters"))
    ['a', 'b']

    The total does not bound the stream; the bar counts beyond it:

    >>> list("abc" | progress(total=2)), list("" | progress())
    (['a', 'b', 'c'], [])
    """

    total: int | None = None
    _: KW_ONLY
    desc: str | None = None

    closes = True
    sharding = ELEMENTWISE

    def __post_init__(self) -> None:
        if self.total is not None:
            object.__setattr__(self, "total", errors.count(self, "total", self.total, least=0))
        errors.require_type(
            self.desc is None or isinstance(self.desc, str),
            self,
            f"desc must be a str, not {self.desc!r}",
        )

    def shard_exact(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        total = None if self.total is None else part.below(self.total)
        return upstream.shard_exact(part).then(replace(self, total=total))

    def shard_any(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        return upstream.shard_any(part).then(replace(self, total=None))

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        bar = _tqdm()
        total = self.total
        if total is None and isinstance(upstream, Stream) and isinstance(upstream.length, int):
            total = upstream.length
        with Pass.over(upstream) as items:
            if bar is None:
                yield from items
            else:
                with bar(items, total=total, desc=self.desc) as shown:
                    yield from shown


@functools.cache
def _tqdm() -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        warnings.warn(
            "progress() shows nothing, as tqdm is not installed: pip install 'pescador[progress]'",
            errors.PescadorWarning,
            stacklevel=2,
        )
        return None
    return tqdm
