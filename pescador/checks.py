"""Checks: what will go wrong when a stream runs, found in its description."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from pescador.core import Join, Stream, stream
from pescador.readings import Finding, Length
from pescador.seeds import SEED
from pescador.values import Named, changed, described

__all__ = [
    "INSTEAD_OF_STARTED",
    "check",
    "empty",
    "members",
    "restarted",
    "seeded_later",
    "source_of",
    "started",
    "unseeded",
    "wants_seed",
]

INSTEAD_OF_STARTED = "stream(function), of the function that makes it"


def check(described: Iterable[Any]) -> list[Finding]:
    """Return what will go wrong when a stream runs, as far as its description shows.

    Nothing is run. Each operator is asked about the stream before it, also in the members of a
    pool.

    Parameters
    ----------
    described : Stream, or what `pescador.stream` takes
        The stream. A function that collects its elements can be the last step:
        ``check(s | list)``.

    Returns
    -------
    list of Finding
        The problems, in the order of the steps. A problem that several members of a pool share is
        listed once.

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
    error: list: it asks for all elements of an endless stream; instead: take(n) before list
    """
    same: defaultdict[Any, list[Finding]] = defaultdict(list)
    for one in _findings(stream(described)):
        # Members of a pool share a problem, although their parameters and names differ.
        place = (one.stream[:-1], len(one.stream)) if one.stream else id(one)
        same[type(one.step), one.severity, one.problem, one.instead, place].append(one)
    return [changed(first, alike=len(more)) for first, *more in same.values()]


def _findings(whole: Stream[Any]) -> Iterator[Finding]:
    """Yield the findings in the members of a pool, then those of the operators."""
    for name, member in members(whole):
        for finding in _findings(member):
            yield changed(finding, stream=(name, *finding.stream))
    for index, op in enumerate(whole.ops):
        yield from op.check(changed(whole, ops=whole.ops[:index]))


def members(whole: Stream[Any]) -> Iterator[tuple[Any, Stream[Any]]]:
    """Yield the members of a stream's pool by name or index, if the description holds them."""
    source = whole.source
    if not isinstance(source, tuple | Named):
        return
    pooled = bool(whole.ops) and isinstance(whole.ops[0], Join)
    kinds = {*map(type, source)}
    if not pooled and not any(issubclass(k, Stream) or hasattr(k, "__stream__") for k in kinds):
        return
    names = source.names if isinstance(source, Named) else range(len(source))
    for name, value in zip(names, source, strict=True):
        if pooled or isinstance(described(value), Stream):
            yield name, stream(value)


def source_of(whole: Stream[Any]) -> Stream[Any]:
    """Return a stream without its operators."""
    return Stream(whole.source, whole.args, whole.kwargs)


def empty(op: object, once: Length) -> Iterator[Finding]:
    """Find that an operator restarts a stream of length `once` that is empty."""
    if once == 0:
        problem = "it restarts a stream that has no elements"
        yield Finding("error", op, problem, "a source that is not empty")


def restarted(op: object, whole: Stream[Any], verb: str) -> Iterator[Finding]:
    """Find the started iterators in a stream that an operator starts more than once."""
    for path, name in started(whole):
        problem = f"it {verb} {name}, which is started already and yields each element once"
        yield Finding("warning", op, problem, INSTEAD_OF_STARTED, path)


def started(whole: Stream[Any], *path: Any) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Yield the path and the name of each started iterator in a stream and its members."""
    source = whole.source
    if isinstance(source, Iterator):
        yield path, f"the {type(source).__name__} {getattr(source, '__name__', '')}".strip()
    for name, member in members(whole):
        yield from started(member, *path, name)


def wants_seed(source: Stream[Any]) -> bool:
    """Return whether there is an unfilled `SEED` among the arguments of a source."""
    return any(arg is SEED for arg in (*source.args, *dict(source.kwargs).values()))


def seeded_later(whole: Stream[Any]) -> int:
    """Count the operators up to the last one that seeds its upstream each time it starts it."""
    ops = enumerate(whole.ops, 1)
    return max((n for n, op in ops if op.seeds_upstream and not isinstance(op, Join)), default=0)


def unseeded(whole: Stream[Any], *path: Any) -> Iterator[tuple[tuple[Any, ...], object]]:
    """Yield the path of each source or operator that draws at random without a seed."""
    first, ops = seeded_later(whole), whole.ops
    if not first and wants_seed(whole):
        yield path, source_of(whole)
    if not first and not (ops and ops[0].seeds_upstream):
        for name, member in members(whole):
            yield from unseeded(member, *path, name)
    for op in ops[first:]:
        if op.seeded is False:
            yield path, op
