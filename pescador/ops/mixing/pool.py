"""Pools of streams: their members, weights and lengths, and how they are sharded."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import compress, count, islice, repeat
from typing import Any, Self

import numpy as np

from pescador import errors
from pescador.core import Part, Stream, sequence, stream
from pescador.errors import IndivisibleError
from pescador.readings import ELEMENTWISE, Length, Random, length_of
from pescador.running import Pass
from pescador.seeds import divided
from pescador.values import Named, changed, described


class Pool:
    """The members of a pool in one run, with their names and normalised weights."""

    def __init__(self, op: Any, upstream: Iterable[Any]) -> None:
        source = stream(upstream)
        members = sequence(source)
        if members is None:
            with Pass.over(source) as run:
                members = (*run,)
        check_pool(op, members)
        self.op = op
        self.members = members
        self.names = source.names
        self.weights = self.weigh(0)
        self.activated: Counter[int] = Counter()

    def weigh(self, drawn: int) -> np.ndarray:
        """Return the normalised weights after `drawn` elements."""
        weights = self.op.weights
        if callable(weights):
            weights = frozen_weights(self.op, weights(drawn))
            errors.require_type(
                not callable(weights),
                self.op,
                f"weights({drawn}) returned {weights!r}, not numbers",
            )
        check_weights(self.op, weights, len(self.members), self.names)
        shares: np.ndarray
        if weights is None:
            shares = np.full(len(self.members), 1 / len(self.members))
        else:
            shares = np.array(_in_order(weights, self.names))
        shares /= shares.sum()
        return shares

    def active(self, index: int, quota: int | None = None) -> Active:
        """Activate the member at an index, for at most `quota` elements."""
        name = self.names[index] if self.names else index
        time = self.activated[index]
        self.activated[index] += 1
        return Active(self.op, name, self.members[index], time, quota)


class Active:
    """A member of the pool while it is active: at most `quota` elements, counted in C."""

    __slots__ = ("counter", "items", "name", "op", "run")

    def __init__(
        self, op: Any, name: Any, member: Any, time: int = 0, quota: int | None = None
    ) -> None:
        self.op = op
        self.name = name
        self.counter = count(1)
        try:
            if not isinstance(member, Iterable):
                member = stream(member)
            elif op.entropy:
                member = described(member)
                if isinstance(member, Stream):
                    member = member.seed(*op.entropy, repr(name), time)
            self.run = Pass.over(member)
        except Exception as error:
            self.note(error)
            raise
        # All counts are true, so compress passes every element, and the counter counts them in C.
        self.items: Iterator[Any] = islice(compress(self.run.items, self.counter), quota)
        if op.tag:
            self.items = zip(repeat(name), self.items)

    def given(self) -> int:
        """Return the number of elements that were yielded; it can be asked for once, at the end."""
        return next(self.counter) - 1

    def note(self, error: Exception) -> None:
        """Add a note to an error that says where in the pool it was raised."""
        error.add_note(
            f"{self.op}: raised by stream {self.name!r} of the pool, at its element {self.given()}"
        )

    def close(self) -> None:
        self.run.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def member_lengths(op: Any, upstream: Stream[Any]) -> Iterable[Length]:
    """Return the lengths of the members that can be activated; None for an unknown one."""
    members = sequence(upstream)
    weights = op.weights
    if members is None or callable(weights):
        return [None]
    if weights is None:
        return map(length_of, members)
    shares = _in_order(weights, upstream.names)
    return (length_of(member) for member, share in zip(members, shares, strict=True) if share)


def idle_members(op: Any, upstream: Stream[Any]) -> set[Any]:
    """Return the names or indices of the members known to have weight 0."""
    members = sequence(upstream)
    weights = op.weights
    if members is None or weights is None or callable(weights):
        return set()
    names = upstream.names or range(len(members))
    shares = _in_order(weights, upstream.names)
    return {name for name, share in zip(names, shares, strict=True) if not share}


def shard_pool(op: Any, upstream: Stream[Any], part: Part, **changes: Any) -> Stream[Any]:
    """Return a shard of a mixture: every `count`-th member, mixed by `op` for the smaller pool.

    Members keep their names, or the indices that they had, so their tags and seeds are the same.
    """
    elementwise = all(step.sharding == ELEMENTWISE for step in upstream.ops)
    members = sequence(changed(upstream, ops=())) if elementwise else None
    weights = op.weights
    if callable(weights):
        raise IndivisibleError(
            f"{op} cannot be divided: its weights are a function of the whole; "
            "divide each stream of the pool instead"
        )
    draws = isinstance(op, Random)
    seeds = ["random_state"] if draws else []
    pool: Stream[Any]
    if members is not None:
        chosen = range(part.index, len(members), part.count)
        names = upstream.names or range(len(members))
        source = Named(tuple(names[i] for i in chosen), tuple(members[i] for i in chosen))
        pool = Stream(source, ops=upstream.ops)
    elif op.tag:
        raise IndivisibleError(
            f"{op} cannot be divided: its tags are indices of the whole pool; "
            "write a mapping or a list as the pool"
        )
    else:
        pool = upstream.shard_any(part) if weights is None else upstream.shard_exact(part)
        seeds.append("entropy")  # The indices of its streams begin at 0 in each shard.
    if weights is not None:
        weights = changes["weights"] = _chosen(weights, pool, part)
    if pool.length == 0 or (weights is not None and not any(weights)):
        return Stream(())
    for name in seeds:
        if getattr(op, name) is not None:
            changes[name] = divided(getattr(op, name), part.index, part.count)
    return pool.then(changed(op, **changes))


def _chosen(weights: Any, pool: Stream[Any], part: Part) -> Any:
    """Return the weights of the members in a shard of the pool."""
    if not isinstance(weights, Named):
        return weights[part.index :: part.count]
    names = weights.names if pool.names is None else pool.names
    return Named(names, tuple(_in_order(weights, names)))


def frozen_weights(op: object, weights: Any) -> Any:
    """Return weights as an immutable value: a tuple, numbers with names, or a callable."""
    if weights is None or isinstance(weights, Named) or callable(weights):
        return weights
    names = None
    if isinstance(weights, Mapping):
        names, weights = (*weights,), [*weights.values()]
    try:
        values = np.atleast_1d(np.asarray(weights, float))
    except (TypeError, ValueError):
        values = np.empty((0, 0))
    errors.require_type(
        values.ndim == 1 and np.asarray(weights).dtype.kind in "biufO",
        op,
        "weights must be numbers, one per stream",
    )
    shares = [float(value) for value in values]
    odd = [
        f"{share} for stream {names[index] if names else index!r}"
        for index, share in enumerate(shares)
        if not 0 <= share < math.inf
    ]
    errors.require(not odd, op, f"weights must be finite and at least 0, not {', '.join(odd[:1])}")
    errors.require(values.any(), op, "at least one of the weights must be above 0")
    errors.require(sum(shares) < math.inf, op, "the sum of the weights must be finite")
    return Named(names, tuple(shares)) if names else tuple(shares)


def _in_order(weights: Any, names: tuple[Any, ...] | None) -> list[float]:
    """Return the weights in the order of the names of the pool."""
    if not isinstance(weights, Named):
        return [*weights]
    by_name = dict(zip(weights.names, weights.values, strict=True))
    return [by_name[name] for name in names or ()]


def validate_pool(op: Any, upstream: Stream[Any]) -> None:
    """Refuse a pool that is known before it runs, and cannot be mixed."""
    members = sequence(upstream)
    if members is not None:
        check_pool(op, members)
        check_weights(op, op.weights, len(members), upstream.names)


def check_pool(op: object, members: Any) -> None:
    """Refuse a pool that is empty, or has a member that is not a stream."""
    errors.require(len(members), op, "the pool is empty; it must hold at least one stream")
    check_members(op, members)


def check_weights(op: object, weights: Any, n: int, names: tuple[Any, ...] | None) -> None:
    """Refuse weights that do not belong to a pool of `n` streams with these names."""
    if isinstance(weights, Named):
        errors.require(names, op, "weights have names, but the streams of the pool have no names")
        odd = {*weights.names} ^ {*(names or ())}
        errors.require(
            not odd, op, f"weights and pool differ in the names {sorted(map(repr, odd))}"
        )
    elif weights is not None and not callable(weights):
        errors.require(
            len(weights) == n, op, f"weights must be one per stream: {n}, not {len(weights)}"
        )


def check_members(op: object, members: Iterable[Any], first: int = 0) -> None:
    """Refuse a pool with a member that cannot be iterated, looking at its types in C."""
    for kind in {*map(type, members)}:
        if not (
            issubclass(kind, Iterable)
            or hasattr(kind, "__getitem__")
            or hasattr(kind, "__stream__")
        ):
            index, member = next((i, m) for i, m in enumerate(members) if type(m) is kind)
            errors.require_type(
                callable(member),
                op,
                f"stream {index + first} of the pool is {member!r}, which cannot be iterated",
            )
