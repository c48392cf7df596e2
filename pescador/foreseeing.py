"""What a description tells of its run: what operators ask when they are checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Any

from pescador.core import Join, Length, Named, Stream, stream
from pescador.errors import Finding
from pescador.pools import idle_members
from pescador.seeding import SEED

__all__ = [
    "empty",
    "held",
    "members",
    "mixed",
    "moved",
    "reseeded_steps",
    "restarted",
    "started",
    "waits",
]

INSTEAD = "stream(function), of the function that makes it"


def members(described: Stream[Any]) -> Iterator[tuple[Any, Stream[Any]]]:
    """The streams of its pool, by name or index, where the description holds them."""
    source = described.source
    if not isinstance(source, tuple | Named):
        return
    pooled = bool(described.ops) and isinstance(described.ops[0], Join)
    names = source.names if isinstance(source, Named) else range(len(source))
    for name, value in zip(names, source, strict=True):
        if pooled or isinstance(getattr(value, "stream", value), Stream):
            yield name, stream(value)


def empty(op: object, once: Length) -> Iterator[Finding]:
    """Of an operator that begins again what gives `once` elements."""
    if once == 0:
        problem = "what it begins again has no elements"
        yield Finding("error", op, problem, "a source that is not empty")


def restarted(op: object, described: Stream[Any], verb: str) -> Iterator[Finding]:
    """Of an operator that begins what is described more than once."""
    for path, name in started(described):
        problem = f"it {verb} {name}, which is started already and gives each element once"
        yield Finding("warning", op, problem, INSTEAD, path)


def mixed(op: Any, upstream: Stream[Any]) -> Iterator[Finding]:
    """Of an operator that mixes the streams of a pool."""
    if op.recurs(upstream):
        yield from empty(op, op.length(upstream))
        idle = idle_members(op, upstream)
        for finding in restarted(op, upstream.then(op), "activates again"):
            if finding.stream and finding.stream[0] not in idle:
                yield finding


def held(op: object, upstream: Stream[Any]) -> Iterator[Finding]:
    """Of an operator that reads its whole pool before it gives an element."""
    if upstream.length == inf:
        problem = "it reads its whole pool first, and there is no end of it"
        yield Finding("error", op, problem, "chain(), or take(n) before it")


def moved(
    op: object, upstream: Stream[Any], workers: int, pack: Callable[[Any], object]
) -> Iterator[Finding]:
    """Of an operator that runs its upstream in processes, to which `pack` takes it or raises."""
    iterators = [*started(upstream)]
    for path, name in iterators:
        problem = f"it cannot move {name}, which is started already, to another process"
        yield Finding("error", op, problem, INSTEAD, path)
    if not iterators and _refusal(upstream, pack):
        yield from _unpacked(upstream, pack)
    if workers > 1:
        for path, step in _unseeded(upstream):
            problem = f"it draws at random without a seed, in each of {workers} workers"
            yield Finding("warning", step, problem, "s.seed(number), or a random_state", path)


def _source(described: Stream[Any]) -> Stream[Any]:
    return Stream(described.source, described.args, described.kwargs)


def started(described: Stream[Any], *path: Any) -> Iterator[tuple[tuple[Any, ...], str]]:
    """The iterators in it that are started already: where they stand, and their names."""
    source = described.source
    if isinstance(source, Iterator):
        yield path, f"the {type(source).__name__} {getattr(source, '__name__', '')}".strip()
    for name, member in members(described):
        yield from started(member, *path, name)


def waits(source: Stream[Any]) -> bool:
    """Whether a seed is wanted, and missing, among the arguments of its function."""
    return any(arg is SEED for arg in (*source.args, *dict(source.kwargs).values()))


def reseeded_steps(described: Stream[Any]) -> int:
    """How many of its operators stand before the last that seeds its rounds, and with it."""
    ops = enumerate(described.ops, 1)
    return max((n for n, op in ops if op.reseeds and not isinstance(op, Join)), default=0)


def _unseeded(described: Stream[Any], *path: Any) -> Iterator[tuple[tuple[Any, ...], object]]:
    first, ops = reseeded_steps(described), described.ops
    if not first and waits(described):
        yield path, _source(described)
    if not first and not (ops and ops[0].reseeds):
        for name, member in members(described):
            yield from _unseeded(member, *path, name)
    for op in ops[first:]:
        if op.seeded is False:
            yield path, op


def _unpacked(
    described: Stream[Any], pack: Callable[[Any], object], *path: Any
) -> Iterator[Finding]:
    """What of it is to blame, as far down as there are names for it."""
    inside = False
    for name, member in members(described):
        for finding in _unpacked(member, pack, *path, name):
            inside = True
            yield finding
    for step in described.ops if inside else (_source(described), *described.ops):
        if reason := _refusal(step, pack):
            problem = f"it cannot be pickled, to move to another process: {reason}"
            instead = "functions and classes at the top of a module"
            yield Finding("error", step, problem, instead, path)


def _refusal(part: object, pack: Callable[[Any], object]) -> str:
    try:
        pack(part)
    except Exception as error:  # noqa: BLE001  Any is a reason.
        return f"{error}" or repr(error)
    return ""
