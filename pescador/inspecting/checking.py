"""Checking: what will go wrong with a stream, told before anything runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from pescador.core import Stream, stream
from pescador.errors import Finding
from pescador.foreseeing import members

__all__ = ["check"]


def check(described: Iterable[Any]) -> list[Finding]:
    """What will go wrong when a stream runs, as far as its description tells; nothing is run.

    Each operator is asked about the stream before it, in the pool's streams too.

    Parameters
    ----------
    described : Stream, or what `pescador.stream` takes
        What is looked at. What will be done with all of its elements can be a last step:
        ``check(s | list)``.

    Returns
    -------
    list of Finding
        In the order of the steps; empty where nothing is found. What holds for several streams of
        a pool alike is said once.

    Examples
    --------
    >>> from pescador.ops import batch, cycle, take
    >>> check(range(10) | batch(4))
    []
    >>> for finding in check(range(10) | take(12) | batch(16)):
    ...     print(finding)
    warning: take(12): there are only 10 elements; instead: take(10)
    error: batch(16): it is never filled, there are only 10 elements; instead: ...partial=True)
    >>> print(*check(range(10) | cycle() | list))
    error: list: it asks for all elements, which have no end; instead: take(n) before list
    """
    alike: defaultdict[Any, list[Finding]] = defaultdict(list)
    for one in _findings(stream(described)):
        # Of an operator it does not matter what its parameters are, nor where it stands in a pool.
        place = (one.stream[:-1], len(one.stream)) if one.stream else id(one)
        alike[type(one.step), one.severity, one.problem, one.instead, place].append(one)
    return [replace(first, alike=len(more)) for first, *more in alike.values()]


def _findings(described: Stream[Any]) -> Iterator[Finding]:
    for name, member in members(described):
        for finding in _findings(member):
            yield replace(finding, stream=(name, *finding.stream))
    for index, op in enumerate(described.ops):
        yield from op.check(replace(described, ops=described.ops[:index]))
