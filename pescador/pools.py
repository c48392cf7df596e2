"""Pools of streams and what draws from them: the running side of the operators that mix."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import compress, count, islice, repeat, starmap
from typing import Any

import numpy as np

from pescador import errors
from pescador.core import Length, Named, Part, Stream, length_of, sequence, stream
from pescador.errors import IndivisibleError
from pescador.running import Pass, close_all
from pescador.seeding import Candidates, cumulative, divided, twister


class Pool:
    """The streams to mix in one run, with their names and normalised weights."""

    def __init__(self, op: object, upstream: Iterable[Any], weights: Any = None) -> None:
        described = stream(upstream)
        members = sequence(described)
        if members is None:
            with Pass.over(described) as run:
                members = (*run,)
        check_pool(op, members, described.names, weights)
        self.op = op
        self.members = members
        self.names = described.names
        self.weights = np.full(len(members), 1 / len(members))
        if weights is not None:
            self.weights = np.array(_in_order(weights, described.names))
        self.weights /= self.weights.sum()

        self.activated: Counter[int] = Counter()

    def active(self, index: int, quota: int | None = None) -> Active:
        name = self.names[index] if self.names else index
        time = self.activated[index]
        self.activated[index] += 1
        return Active(self.op, name, self.members[index], time, quota)


class Active:
    """A stream of the pool while it is active: at most `quota` elements, counted in C."""

    __slots__ = ("counter", "items", "name", "op", "run")

    def __init__(
        self, op: Any, name: Any, member: Any, time: int = 0, quota: int | None = None
    ) -> None:
        self.op = op
        self.name = name
        self.counter = count(1)
        try:
            if not isinstance(member, Iterable) or isinstance(member, Mapping):
                member = stream(member)
            elif op.entropy:
                described = getattr(member, "stream", member)
                if isinstance(described, Stream):
                    key = name if isinstance(name, int | str) else repr(name)
                    member = described.seed(*op.entropy, key, time)
            self.run = Pass.over(member)
        except Exception as error:
            self.note(error)
            raise
        # Every count is true, so that compress passes all elements on and tells how many.
        self.items: Iterator[Any] = islice(compress(self.run.items, self.counter), quota)
        if op.tag:
            self.items = zip(repeat(name), self.items)

    def given(self) -> int:
        """How many elements it gave; to be asked once, at the end."""
        return next(self.counter) - 1

    def note(self, error: Exception) -> None:
        """Note on the error where it was raised."""
        error.add_note(
            f"{self.op}: raised by stream {self.name!r} of the pool, at its element {self.given()}"
        )

    def close(self) -> None:
        self.run.close()

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self.items
        except Exception as error:
            self.note(error)
            raise

    def __enter__(self) -> Active:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Drawing:
    """One run that draws a slot for each element, and an element from the stream in the slot."""

    def __init__(self, op: Any, upstream: Iterable[Any]) -> None:
        self.op = op
        self.upstream = upstream
        self.active: list[Any] = []
        self.items: list[Iterator[Any]] = []
        self.ends: list[float] = []

    def begin(self) -> bool:
        """Fill the slots; False if the run is over at once."""
        raise NotImplementedError

    def replace(self, slot: int, step: int) -> bool:
        """Close the stream in the slot and fill it anew; False if the run is over."""
        raise NotImplementedError

    def elements(self) -> Iterator[Any]:
        # The hot loop. A word or two of the generator, a bisection and a step of the stream are
        # all that happens for an element, and happens in C; what is rare is left to `replace`.
        try:
            self.pool = Pool(self.op, self.upstream, self.op.weights)
            self.draws = twister(self.op.random_state)
            if not self.begin():
                return
            items = self.items
            uniforms = starmap(self.draws.random, repeat(()))
            for step, slot in enumerate(map(bisect_right, repeat(self.ends), uniforms)):
                try:
                    item = next(items[slot])
                except StopIteration:
                    if not self.replace(slot, step):
                        return
                except Exception as error:
                    self.active[slot].note(error)
                    raise
                else:
                    yield item
        finally:
            close_all(self.active)

    def slots(self, weights: np.ndarray) -> None:
        """Have a slot for each of the weights."""
        self.weights = weights
        self.active = [None] * len(weights)
        self.items = [iter(())] * len(weights)

    def place(self, slot: int, active: Active) -> None:
        self.active[slot] = active
        self.items[slot] = active.items

    def weigh(self) -> bool:
        """Follow the weights of the slots; False if all are 0."""
        if self.weights.any():
            self.ends[:] = cumulative(self.weights)
            return True
        return False


class Mixture(Drawing):
    """One run of a `mux`."""

    def begin(self) -> bool:
        weights = self.pool.weights
        self.slots(self.op.first_weights(weights, self.draws))
        self.members = [0] * self.op.k
        self.candidates = Candidates(weights > 0)
        self.eligible = len(self.candidates)
        self.dead: set[int] = set()
        self.barren: set[int] = set()  # what proved empty since the last element
        self.last_replaced = -1
        for slot in range(self.op.k):
            if not self.candidates:
                break
            self.activate(slot)
        return self.weigh()

    def activate(self, slot: int) -> None:
        member = self.members[slot] = self.candidates.choose(self.draws.random())
        weight = self.pool.weights[member]
        quota = self.quota(slot, weight)
        if self.op.mode != "with_replacement":
            self.candidates.remove(member)
        self.weights[slot] = weight
        self.place(slot, self.pool.active(member, quota))

    def quota(self, slot: int, weight: float) -> int | None:
        lam: float | None = self.op.lam
        if lam is None:
            return None
        if self.op.dist == "constant":
            return math.ceil(float(lam))
        if self.op.dist == "poisson":
            return 1 + self.draws.poisson(lam)
        if self.op.dist == "binomial":
            total = self.weights.sum() - self.weights[slot] + weight
            share = weight / total if total else math.nan
            if share <= 0.9999:
                return 1 + self.draws.binomial(int((lam - 1) / (1 - share)), 1 - share)
        return 1 + self.draws.poisson(lam - 1)

    def replace(self, slot: int, step: int) -> bool:
        member, retired, weight = self.members[slot], self.active[slot], self.weights[slot]
        retired.close()
        if step != self.last_replaced + 1:
            self.barren.clear()
        self.last_replaced = step
        if not retired.given():
            self.barren.add(member)
            if self.op.prune_empty:
                self.candidates.remove(member)
                self.dead.add(member)
        if self.op.mode == "single_active":
            self.candidates.add(member)
        if self.eligible in (len(self.barren), len(self.dead)):
            return False
        if self.candidates:
            self.activate(slot)
        else:
            self.weights[slot] = 0
        return self.weights[slot] == weight or self.weigh()


class Restarting(Drawing):
    """One run of `shuffled`."""

    def begin(self) -> bool:
        self.slots(self.pool.weights)
        for slot in np.flatnonzero(self.weights).tolist():
            self.place(slot, self.pool.active(slot))
        return self.weigh()

    def replace(self, slot: int, step: int) -> bool:
        ended = self.active[slot]
        ended.close()
        if ended.given():
            self.place(slot, self.pool.active(slot))
            return True
        self.weights[slot] = 0
        return self.weigh()


def turns(pool: Pool, order: Iterable[int]) -> Iterator[Any]:
    """One round of `round_robin`, until all streams have ended."""
    active = [pool.active(index) for index in order]
    try:
        while active:
            ended = []
            for one in active:
                try:
                    item = next(one.items)
                except StopIteration:
                    ended.append(one)
                except Exception as error:
                    one.note(error)
                    raise
                else:
                    yield item
            if ended:
                close_all(ended)
                active = [one for one in active if one not in ended]
    finally:
        close_all(active)


def total(lengths: Iterable[Length]) -> Length:
    """How many elements streams of these lengths have together."""
    known: int | float = 0
    for length in lengths:
        if length is None:
            return None
        known += length
    return known


def endless(lengths: Iterable[Length]) -> Length:
    """How many elements they give if they begin again for as long as there are any."""
    known = total(lengths)
    return math.inf if known else known


def member_lengths(op: Any, upstream: Stream[Any]) -> list[Length]:
    """The lengths of the pool's streams, as far as one can be activated."""
    members = sequence(upstream)
    weights = getattr(op, "weights", None)
    if members is None or callable(weights):
        return [None]
    if weights is None:
        return [*map(length_of, members)]
    shares = _in_order(weights, upstream.names)
    return [length_of(member) for member, share in zip(members, shares, strict=True) if share]


def deal_pool(op: Any, upstream: Stream[Any], part: Part, **changes: Any) -> Stream[Any]:
    """Every so-manieth stream of the pool, joined by what `op` becomes for so many."""
    part = replace(part, block=1)
    weights = getattr(op, "weights", None)
    source = upstream.source
    if upstream.ops or sequence(upstream) is None:
        pool = upstream.deal(part) if weights is None else upstream.split(part)
    elif isinstance(source, Named):
        chosen = slice(part.index, None, part.count)
        pool = Stream(Named(source.names[chosen], source.values[chosen]))
    else:
        pool = Stream(tuple(source[part.index :: part.count]))
    if isinstance(weights, Named):
        shares = dict(zip(weights.names, weights.values, strict=True))
        weights = [shares[name] for name in pool.names or ()]
    elif callable(weights):
        raise IndivisibleError(f"{op} cannot be divided: its weights are a function of the whole")
    elif weights is not None:
        weights = weights[part.index :: part.count]
    if pool.length == 0 or (weights is not None and not any(weights)):
        return Stream(())
    if weights is not None:
        changes["weights"] = weights
    for name in ("random_state", "entropy"):
        if getattr(op, name, None) is not None:
            changes[name] = divided(getattr(op, name), part.index, part.count)
    return pool.then(replace(op, **changes))


def frozen_weights(op: object, weights: Any) -> Any:
    if weights is None or isinstance(weights, Named):
        return weights
    names = None
    if isinstance(weights, Mapping):
        names, weights = (*weights,), [*weights.values()]
    try:
        values = np.atleast_1d(np.asarray(weights, float))
    except (TypeError, ValueError):
        values = np.empty((0, 0))
    errors.require_type(values.ndim == 1, op, "weights must be numbers, one per stream")
    for index, value in enumerate(values.tolist()):
        errors.require(
            0 <= value < math.inf,
            op,
            f"weights must be finite and at least 0, not {value} for stream "
            f"{names[index] if names else index!r}",
        )
    errors.require(values.any(), op, "at least one of the weights must be above 0")
    return Named(names, (*values.tolist(),)) if names else (*values.tolist(),)


def _in_order(weights: Any, names: tuple[Any, ...] | None) -> list[float]:
    if not isinstance(weights, Named):
        return [*weights]
    by_name = dict(zip(weights.names, weights.values, strict=True))
    return [by_name[name] for name in names or ()]


def accept_pool(op: object, upstream: Stream[Any], weights: Any = None) -> None:
    members = sequence(upstream)
    if members is not None:
        check_pool(op, members, upstream.names, weights)


def check_pool(op: object, members: Any, names: tuple[Any, ...] | None, weights: Any) -> None:
    errors.require(len(members), op, "the pool is empty; it must hold at least one stream")
    check_members(op, members)
    if isinstance(weights, Named):
        errors.require(names, op, "weights have names, but the streams of the pool have none")
        odd = {*weights.names} ^ {*(names or ())}
        errors.require(
            not odd, op, f"weights and pool differ in the names {sorted(map(repr, odd))}"
        )
    elif weights is not None:
        errors.require(
            len(weights) == len(members),
            op,
            f"weights must be one per stream: {len(members)}, not {len(weights)}",
        )


def check_members(op: object, members: Iterable[Any], first: int = 0) -> None:
    """Refuse a pool with a member that can be no stream; its types are looked at in C."""
    for kind in {*map(type, members)}:
        if not issubclass(kind, Iterable) and not hasattr(kind, "__getitem__"):
            index, member = next((i, m) for i, m in enumerate(members) if type(m) is kind)
            errors.require_type(
                callable(member),
                op,
                f"stream {index + first} of the pool is {member!r}, which cannot be iterated",
            )
