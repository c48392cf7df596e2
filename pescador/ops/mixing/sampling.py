"""Runs of the operators that mix a pool of streams."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import repeat, starmap
from typing import Any

import numpy as np

from pescador.ops.mixing.pool import Active, Pool
from pescador.rng import Candidates, cumulative, twister
from pescador.running import close_all

__all__ = ["Mixture", "Restarting", "turns"]

# The share above which a stream counts as the only active one, as in pescador 3.
ALONE = 0.9999


class Drawing:
    """One run that draws a slot for each element, and yields the next of the stream in it."""

    def __init__(self, op: Any, upstream: Iterable[Any]) -> None:
        self.op = op
        self.upstream = upstream
        self.active: list[Any] = []
        self.items: list[Iterator[Any]] = []
        self.ends: list[float] = []

    def run(self) -> Iterator[Any]:
        """Return the elements; weights that are a callable are asked for again as they go on."""
        return self.scheduled() if callable(self.op.weights) else self.elements()

    def scheduled(self) -> Iterator[Any]:
        """Yield the elements, and ask for new weights after every `op.every` of them."""
        with closing(self.elements()) as elements:
            for drawn, item in enumerate(elements, 1):
                yield item
                if drawn % self.op.every == 0:
                    self.pool.weights = self.pool.weigh(drawn)
                    if not self.reweigh():
                        return

    def begin(self) -> None:
        """Fill the slots."""
        raise NotImplementedError

    def reweigh(self) -> bool:
        """Apply new weights of the pool; return False if the run is over."""
        raise NotImplementedError

    def replace(self, slot: int, yielded: bool) -> bool:
        """Close the stream in a slot that has ended, and fill the slot again.

        Parameters
        ----------
        slot : int
            The index of the slot.
        yielded : bool
            Whether the run has yielded an element since the last replacement.

        Returns
        -------
        bool
            False if the run is over.
        """
        raise NotImplementedError

    def elements(self) -> Generator[Any, None, None]:
        """Yield the elements, and close the active streams at the end."""
        # An element costs a uniform draw, a bisection and a step of its stream, all of them in C;
        # `replace` does the rest, once for each activation.
        try:
            self.pool = Pool(self.op, self.upstream)
            self.draws = twister(self.op.random_state)
            self.begin()
            items = self.items
            uniforms = starmap(self.draws.random, repeat(()))
            yielded = False
            for slot in map(bisect_right, repeat(self.ends), uniforms):
                try:
                    item = next(items[slot])
                except StopIteration:
                    if not self.replace(slot, yielded):
                        return
                    yielded = False
                except Exception as error:
                    self.active[slot].note(error)
                    raise
                else:
                    yielded = True
                    yield item
        finally:
            close_all(self.active)

    def slots(self, weights: np.ndarray) -> None:
        """Make one empty slot for each of the weights."""
        self.weights = weights
        self.active = [None] * len(weights)
        self.items = [iter(())] * len(weights)

    def place(self, slot: int, active: Active) -> None:
        """Put an active stream into a slot."""
        self.active[slot] = active
        self.items[slot] = active.items

    def weigh(self) -> bool:
        """Apply the weights of the slots; return False if all are 0."""
        if np.count_nonzero(self.weights):  # It takes a fifth of the time of any().
            self.ends[:] = cumulative(self.weights)
            return True
        return False


class Mixture(Drawing):
    """One run of a `mux`."""

    def begin(self) -> None:
        weights = self.pool.weights
        self.slots(self.op.first_weights(weights, self.draws))
        self.members = [0] * self.op.k
        self.candidates = Candidates(weights > 0)
        self.eligible = self.alive = len(self.candidates)
        self.pruned: set[int] = set()
        self.barren: set[int] = set()  # Those that yielded nothing since the last element.
        for slot in range(self.op.k):
            if not self.candidates:
                break
            self.activate(slot)
        self.weigh()

    def activate(self, slot: int) -> None:
        """Draw a candidate and activate it in a slot."""
        member = self.members[slot] = self.candidates.choose(self.draws.random())
        weight = self.pool.weights[member]
        quota = self.quota(slot, weight)
        if self.op.mode != "with_replacement":
            self.candidates.remove(member)
        self.weights[slot] = weight
        self.place(slot, self.pool.active(member, quota))

    def quota(self, slot: int, weight: float) -> int | None:
        """Draw the quota of a stream of the given weight that enters a slot."""
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
            if share <= ALONE:
                return 1 + self.draws.binomial(int((lam - 1) / (1 - share)), 1 - share)
        return 1 + self.draws.poisson(lam - 1)

    def replace(self, slot: int, yielded: bool) -> bool:
        member, retired, weight = self.members[slot], self.active[slot], self.weights[slot]
        retired.close()
        if yielded:
            self.barren.clear()
        if not retired.given():
            self.barren.add(member)
            if self.op.prune_empty and member not in self.pruned:
                self.candidates.remove(member)
                self.pruned.add(member)
                self.alive -= 1
        if self.op.mode == "single_active":
            self.candidates.add(member)
        if not self.alive or len(self.barren) == self.eligible:
            return False
        self.fill(slot)
        return self.weights[slot] == weight or self.weigh()

    def fill(self, slot: int) -> None:
        """Activate a candidate in a slot, or leave it empty if there is no candidate."""
        if self.candidates:
            self.activate(slot)
        else:
            self.weights[slot] = 0
            self.active[slot] = None

    def reweigh(self) -> bool:
        weights = self.pool.weights
        free = weights > 0
        self.eligible = int(free.sum())
        self.alive = self.eligible - int(free[[*self.pruned]].sum())
        if self.op.mode == "exhaustive":
            taken = [*self.pool.activated]
        elif self.op.mode == "single_active":
            taken = [m for m, on in zip(self.members, self.active, strict=True) if on]
        else:
            taken = [*self.pruned]
        free[taken] = False
        self.candidates = Candidates(free)
        self.barren.clear()
        for slot, active in enumerate(self.active):
            self.weights[slot] = weights[self.members[slot]] if active else 0
        for slot in np.flatnonzero(self.weights == 0).tolist():
            close_all([self.active[slot]])
            self.fill(slot)
        return self.weigh()


class Restarting(Drawing):
    """One run of `shuffled`."""

    def begin(self) -> None:
        self.slots(self.pool.weights.copy())
        self.empty: set[int] = set()
        for slot in np.flatnonzero(self.weights).tolist():
            self.place(slot, self.pool.active(slot))
        self.weigh()

    def replace(self, slot: int, yielded: bool) -> bool:
        ended = self.active[slot]
        ended.close()
        if ended.given():
            self.place(slot, self.pool.active(slot))
            return True
        self.weights[slot] = 0
        self.empty.add(slot)
        return self.weigh()

    def reweigh(self) -> bool:
        for slot, weight in enumerate(self.pool.weights):
            if slot not in self.empty:
                self.weights[slot] = weight
                if weight and not self.active[slot]:
                    self.place(slot, self.pool.active(slot))
        return self.weigh()


def turns(pool: Pool, order: Iterable[int]) -> Generator[Any, None, None]:
    """Yield one round of `round_robin`, until all streams have ended."""
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
                closed = {*ended}
                active = [one for one in active if one not in closed]
    finally:
        close_all(active)
