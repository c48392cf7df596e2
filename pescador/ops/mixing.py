"""Operators that make one stream of a pool of streams, and those that change the order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import KW_ONLY, dataclass, replace
from itertools import count, islice
from typing import Any, Self, TypeVar

import numpy as np

from pescador import errors
from pescador.core import Join, Length, Part, Same, Stream, sequence, stream
from pescador.drawing import Mixture, Restarting, turns
from pescador.errors import Finding
from pescador.foreseeing import empty, held, mixed, restarted
from pescador.pools import (
    Active,
    Pool,
    accept_pool,
    check_members,
    deal_pool,
    endless,
    frozen_weights,
    idle_members,
    member_lengths,
    total,
)
from pescador.running import Pass
from pescador.seeding import Place, Twister, divided, entropy_of, filled, freeze, twister

__all__ = ["chain", "mux", "round_robin", "shuffle", "shuffled"]

A = TypeVar("A")

MODES = ("with_replacement", "single_active", "exhaustive")
DISTS = ("poisson", "poisson_mean", "binomial", "constant")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Mixing(Join):
    """What the operators on a pool have in common."""

    _: KW_ONLY
    tag: bool = False
    name: str | None = None
    entropy: tuple[int | str, ...] | None = None

    def __post_init__(self) -> None:
        errors.flag(self, "tag", self.tag)
        errors.name(self, self.name)
        if self.entropy is not None:
            object.__setattr__(self, "entropy", entropy_of(self, self.entropy))

    def accept(self, upstream: Stream[Any], /) -> None:
        accept_pool(self, upstream)

    @property
    def reseeds(self) -> bool:
        return self.entropy is not None

    def check(self, upstream: Stream[Any], /) -> Iterable[Finding]:
        yield from held(self, upstream)
        yield from mixed(self, upstream)

    def length(self, upstream: Stream[Any], /) -> Length:
        lengths = member_lengths(self, upstream)
        return endless(lengths) if self.recurs(upstream) else total(lengths)

    def recurs(self, upstream: Stream[Any], /) -> bool:
        return getattr(self, "mode", None) != "exhaustive"

    def seed(self, place: Place, /) -> Self:
        return filled(self, random_state=place, entropy=place.at("streams"))

    def deal(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        return deal_pool(self, upstream, part)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class mux(Mixing):
    """A random mixture of a pool of streams, of which at most `k` are active at a time.

    An active stream has a quota: how many elements it may give before it is retired and another
    takes its place. Each element comes from one of the active streams at random, in proportion to
    their weights. How often streams are replaced, by `dist`, is told in the mux analysis of the
    documentation.

    Parameters
    ----------
    k : int > 0
        How many streams are active. Where fewer are left, fewer are.
    lam : float > 0 or None, default=256.0
        The rate of the quotas; None lets each active stream run until it ends.
    weights : array-like of float >= 0, shape (n_streams,), mapping by name, or None
        How often each stream gives an element while it is active, relative to the others; None
        for equal weights. A stream of weight 0 is never activated. Or a function that gives them
        for the number of elements drawn so far.
    every : int > 0, default=1000
        After how many elements weights that are a function are asked for again.
    mode : {"with_replacement", "single_active", "exhaustive"}
        Whether a stream may be active several times at once; or once at a time; or once at all.
    dist : {"poisson", "poisson_mean", "binomial", "constant"}
        The quota: ``1 + Poisson(lam)``; ``1 + Poisson(lam - 1)``; ``1 + Binomial((lam - 1) /
        (1 - p), 1 - p)``, p being the stream's share of the active weights; or `lam`, rounded up.
    prune_empty : bool, default=True
        Whether a stream that gave nothing is never activated again, unless the mode is
        "single_active"; there it only counts towards the end, when all have given nothing.
    random_state : None, int, RandomState, Generator or SeedSequence, default=None
        The seed of each run; None follows ``np.random.seed``.
    tag : bool, default=False
        Whether an element comes as ``(name, element)``: its stream's key in a named pool, or index.
    name : str or None, default=None
        What `Stream.seed` calls it; None for its kind and place.
    entropy : tuple of int or str, or None, default=None
        What `Stream.seed` seeds the streams with, each at each activation; None leaves them.

    Raises
    ------
    ParameterError, ParameterTypeError
        If a parameter is out of range or of the wrong type, or the pool is empty or has a member
        that is no stream: where the pipeline is written, if the pool is known there.

    Notes
    -----
    The random draws, their order and their rounding are those of pescador 1.0 (``Mux``), so that
    a seeded mux gives the same sequence.

    Examples
    --------
    >>> "".join(["aaa", "bbb", "ccc"] | mux(2, lam=None, mode="exhaustive", random_state=1))
    'bbbaacacc'
    """

    k: int
    lam: float | None = 256.0
    _: KW_ONLY
    weights: Any = None
    every: int = 1000
    mode: str = "with_replacement"
    dist: str = "poisson"
    prune_empty: bool = True
    random_state: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", errors.count(self, "k", self.k))
        errors.choice(self, "mode", self.mode, MODES)
        errors.choice(self, "dist", self.dist, DISTS)
        errors.flag(self, "prune_empty", self.prune_empty)
        Mixing.__post_init__(self)
        if self.lam is not None:
            lam = errors.number(self, "lam", self.lam)
            least = 1 if self.dist in ("poisson_mean", "binomial") else 0
            errors.require(
                0 < lam >= least,
                self,
                f"lam must be {'at least 1' if least else 'above 0'} or None, not {lam}",
            )
            errors.require(lam < 2**48, self, f"lam must be below 2**48, not {lam}")
            object.__setattr__(self, "lam", lam)
        object.__setattr__(self, "weights", frozen_weights(self, self.weights))
        object.__setattr__(self, "every", errors.count(self, "every", self.every))
        object.__setattr__(self, "random_state", freeze(self, self.random_state))

    def __call__(self, upstream: Iterable[Iterable[A]], /) -> Iterator[A]:
        return Mixture(self, upstream).run()

    def check(self, upstream: Stream[Any], /) -> Iterable[Finding]:
        yield from Mixing.check(self, upstream)
        idle = idle_members(self, upstream)
        if idle and self.mode == "exhaustive":
            problem = f"stream {next(iter(idle))!r} has weight 0, so its elements never come"
            yield Finding("warning", self, problem, "a pool without it, or a weight above 0")
        pool = sequence(upstream)
        if pool is not None and self.k > len(pool) - len(idle):
            known = len(pool) - len(idle)
            problem = (
                f"there are only {known} streams to be active; with replacement they are so "
                "several times at once, and give their elements as often"
                if self.mode == "with_replacement"
                else f"there are only {known} streams to be active"
            )
            yield Finding("warning", self, problem, f"k={known}, or less")

    def length(self, upstream: Stream[Any], /) -> Length:
        known = Mixing.length(self, upstream)
        if not known or self.mode != "exhaustive" or self.lam is None:
            return known
        if self.dist != "constant":
            return None
        quota = math.ceil(self.lam)
        return total(n and min(n, quota) for n in member_lengths(self, upstream))

    def deal(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        active = len(range(part.index, self.k, part.count))
        return deal_pool(self, upstream, part, k=max(active, 1))

    def first_weights(self, weights: np.ndarray, draws: Twister) -> np.ndarray:
        """The weights of the slots before any stream is active."""
        return np.zeros(self.k)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class stochastic_mux(mux):
    """The `mux` of pescador 2 and 3: one draw more, at the start of each run."""

    def __post_init__(self) -> None:
        mux.__post_init__(self)

    def accept(self, upstream: Stream[Any], /) -> None:
        mux.accept(self, upstream)
        pool = sequence(upstream)
        if pool is not None and self.mode != "with_replacement":
            errors.require(
                self.k <= len(pool),
                self,
                f"mode={self.mode!r} requires that k be at most the {len(pool)} streams",
            )

    def first_weights(self, weights: np.ndarray, draws: Twister) -> np.ndarray:
        return draws.choice_of_weights(weights, self.k, self.mode == "with_replacement")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class shuffled(Mixing):
    """A random mixture in which every stream of the pool is active all the time.

    A stream that ends starts anew; one that gives nothing is dropped. The run ends when all are.

    Parameters
    ----------
    weights : array-like of float >= 0, shape (n_streams,), mapping by name, or None
        How often each stream gives an element, relative to the others; None for equal weights. Or
        a function that gives them for the number of elements drawn so far.
    every : int > 0, default=1000
        After how many elements weights that are a function are asked for again.
    random_state : None, int, RandomState, Generator or SeedSequence, default=None
        The seed of each run; None follows ``np.random.seed``.
    tag : bool, default=False
        Whether an element comes as ``(name, element)``: its stream's key in a named pool, or index.
    name : str or None, default=None
        What `Stream.seed` calls it; None for its kind and place.
    entropy : tuple of int or str, or None, default=None
        What `Stream.seed` seeds the streams with, each at each activation; None leaves them.

    Raises
    ------
    ParameterError, ParameterTypeError
        If a parameter is out of range or of the wrong type, or the pool is empty or has a member
        that is no stream.

    Examples
    --------
    >>> from pescador.ops import take
    >>> "".join(["a", "b"] | shuffled(weights=[3, 1], random_state=0) | take(8))
    'aaaabbaa'
    """

    weights: Any = None
    random_state: Any = None
    _: KW_ONLY
    every: int = 1000

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", frozen_weights(self, self.weights))
        object.__setattr__(self, "every", errors.count(self, "every", self.every))
        object.__setattr__(self, "random_state", freeze(self, self.random_state))
        Mixing.__post_init__(self)

    def __call__(self, upstream: Iterable[Iterable[A]], /) -> Iterator[A]:
        return Restarting(self, upstream).run()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class round_robin(Mixing):
    """One element of each stream of the pool in turn; streams that have ended are left out.

    Parameters
    ----------
    mode : {"exhaustive", "cycle", "permuted_cycle"}
        What follows when all have ended: nothing; all again; all again in a random order. A round
        without an element ends the run.
    random_state : None, int, RandomState, Generator or SeedSequence, default=None
        The seed of the orders in each run; None follows ``np.random.seed``.
    tag : bool, default=False
        Whether an element comes as ``(name, element)``: its stream's key in a named pool, or index.
    name : str or None, default=None
        What `Stream.seed` calls it; None for its kind and place.
    entropy : tuple of int or str, or None, default=None
        What `Stream.seed` seeds the streams with, each at each activation; None leaves them.

    Raises
    ------
    ParameterError, ParameterTypeError
        If a parameter is out of range or of the wrong type, or the pool is empty or has a member
        that is no stream.

    Examples
    --------
    >>> "".join(["ad", "be", "c"] | round_robin())
    'abcde'
    """

    mode: str = "exhaustive"
    random_state: Any = None

    def __post_init__(self) -> None:
        errors.choice(self, "mode", self.mode, ("exhaustive", "cycle", "permuted_cycle"))
        object.__setattr__(self, "random_state", freeze(self, self.random_state))
        Mixing.__post_init__(self)

    @property
    def seeded(self) -> bool | None:
        return self.random_state is not None if self.mode == "permuted_cycle" else None

    def __call__(self, upstream: Iterable[Iterable[A]], /) -> Iterator[A]:
        pool = Pool(self, upstream)
        order: Sequence[int] = range(len(pool.members))
        draws = twister(self.random_state) if self.mode == "permuted_cycle" else None
        gave = True
        while gave:
            gave = False
            with closing(turns(pool, order)) as items:
                for item in items:
                    gave = True
                    yield item
            gave = gave and self.mode != "exhaustive"
            order = draws.order(len(order)) if draws else order


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class chain(Mixing):
    """One stream of the pool after another; the pool may be lazy, or endless.

    Parameters
    ----------
    mode : {"exhaustive", "cycle"}
        What follows when the last has ended: nothing, or the pool again. A round without an
        element ends the run.
    tag : bool, default=False
        Whether an element comes as ``(name, element)``: its stream's key in a named pool, or index.
    name : str or None, default=None
        What `Stream.seed` calls it; None for its kind and place.
    entropy : tuple of int or str, or None, default=None
        What `Stream.seed` seeds the streams with, each at each activation; None leaves them.

    Raises
    ------
    ParameterError
        If `mode` is unknown.
    ParameterTypeError
        If a member of the pool is no stream.

    Examples
    --------
    >>> "".join(["ab", "cd"] | chain())
    'abcd'
    """

    mode: str = "exhaustive"

    def __post_init__(self) -> None:
        errors.choice(self, "mode", self.mode, ("exhaustive", "cycle"))
        Mixing.__post_init__(self)

    def accept(self, upstream: Stream[Any], /) -> None:
        known = sequence(upstream)
        check_members(self, () if known is None else known)

    def check(self, upstream: Stream[Any], /) -> Iterable[Finding]:
        if self.recurs(upstream):
            yield from empty(self, self.length(upstream))
            yield from restarted(self, upstream.then(self), "runs again")

    def __call__(self, upstream: Iterable[Iterable[A]], /) -> Iterator[A]:
        described = stream(upstream)
        for time in count():
            gave = False
            with Pass.over(described) as members:
                for index, member in enumerate(members):
                    check_members(self, [member], index)
                    name = described.names[index] if described.names else index
                    with Active(self, name, member, time) as active:
                        try:
                            yield from active.items
                        except Exception as error:
                            active.note(error)
                            raise
                        gave = active.given() > 0 or gave
            if not gave or self.mode == "exhaustive":
                return


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class shuffle(Same):
    """The elements in random order, as far as a buffer of `size` elements allows.

    The buffer is filled first; then each step yields one of its elements, chosen uniformly, and
    takes the next of the upstream in its place; at the end the rest comes in random order.

    Parameters
    ----------
    size : int > 0
        How many elements are held.
    random_state : None, int, RandomState, Generator or SeedSequence, default=None
        The seed of each run; None follows ``np.random.seed``.
    name : str or None, default=None
        What `Stream.seed` calls it; None for its kind and place.

    Raises
    ------
    ParameterError, ParameterTypeError
        If a parameter is out of range or of the wrong type.

    Examples
    --------
    >>> list(range(8) | shuffle(4, random_state=0))
    [0, 3, 1, 4, 5, 6, 2, 7]
    """

    size: int
    random_state: Any = None
    _: KW_ONLY
    name: str | None = None

    dealt = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", errors.count(self, "size", self.size))
        object.__setattr__(self, "random_state", freeze(self, self.random_state))
        errors.name(self, self.name)

    def length(self, upstream: Stream[Any], /) -> Length:
        return upstream.length

    def seed(self, place: Place, /) -> Self:
        return filled(self, random_state=place)

    def deal(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        seed = divided(self.random_state, part.index, part.count)
        return upstream.deal(part).then(replace(self, random_state=seed))

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        draws = twister(self.random_state)
        with Pass.over(upstream) as run:
            held = [*islice(run.items, self.size)]
            while held:
                slot = draws.below(len(held))
                yield held[slot]
                for item in run.items:
                    held[slot] = item
                    break
                else:
                    held[slot] = held[-1]
                    held.pop()
