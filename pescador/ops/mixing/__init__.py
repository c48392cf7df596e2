"""Operators that make one stream of a pool of streams, or change the order of elements."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import KW_ONLY, dataclass, field
from itertools import count, islice
from typing import Any, Self, TypeVar

import numpy as np

from pescador import errors
from pescador.checks import empty, restarted
from pescador.core import Join, Part, Same, Stream, sequence, stream
from pescador.ops.mixing.pool import (
    Active,
    Pool,
    check_members,
    frozen_weights,
    idle_members,
    member_lengths,
    shard_pool,
    validate_pool,
)
from pescador.ops.mixing.sampling import Mixture, Restarting, turns
from pescador.readings import PER_SHARD, Finding, Length, Random, endless, total
from pescador.rng import MersenneTwister, twister
from pescador.running import Pass
from pescador.seeds import Place, filled

__all__ = ["chain", "mux", "round_robin", "shuffle", "shuffled"]

A = TypeVar("A")

MODES = ("with_replacement", "single_active", "exhaustive")
DISTS = ("poisson", "poisson_mean", "binomial", "constant")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Mixing(Join):
    """The base class of the operators that join a pool of streams into one.

    Parameters
    ----------
    tag : bool, default=False
        Whether elements are pairs ``(name, element)``: the key of the stream in a named pool, or
        its index.
    name : str or None, default=None
        The name that `Stream.seed` knows the operator by; None for its kind and place.

    Attributes
    ----------
    entropy : tuple of int or None
        The seed of the members, filled in by `Stream.seed`; each is seeded at each activation.
    """

    _: KW_ONLY
    tag: bool = False
    name: str | None = None
    entropy: tuple[int | str, ...] | None = field(default=None, init=False)

    closes = True
    # Operators that have these as fields override them.
    weights = None
    mode = ""

    def __post_init__(self) -> None:
        errors.flag(self, "tag", self.tag)
        errors.name(self, self.name)

    @property
    def known_as(self) -> str | None:
        return self.name

    @property
    def seeds_upstream(self) -> bool:
        return self.entropy is not None

    def validate(self, upstream: Stream[Any], /) -> None:
        validate_pool(self, upstream)

    def check(self, upstream: Stream[Any], /) -> Iterable[Finding]:
        if upstream.length == math.inf:
            problem = "it reads its whole pool first, and the pool is endless"
            yield Finding("error", self, problem, "chain(), or take(n) before it")
        if self.restarts(upstream):
            yield from empty(self, self.length(upstream))
            idle = idle_members(self, upstream)
            for finding in restarted(self, upstream.then(self), "restarts"):
                if finding.stream and finding.stream[0] not in idle:
                    yield finding

    def length(self, upstream: Stream[Any], /) -> Length:
        lengths = member_lengths(self, upstream)
        return endless(lengths) if self.restarts(upstream) else total(lengths)

    def restarts(self, upstream: Stream[Any], /) -> bool:
        return self.mode != "exhaustive"

    def seed(self, place: Place, /) -> Self:
        return filled(self, random_state=place, entropy=place.at("streams"))

    def shard_any(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        return shard_pool(self, upstream, part)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class mux(Mixing, Random):
    """Mix the streams of a pool at random, with at most `k` of them active at a time.

    Each element comes from one of the active streams, which is drawn in proportion to their
    weights. An active stream has a quota, a number of elements after which it is retired: it is
    closed, and another stream is activated in its place. So a pool of any number of files can be
    mixed with `k` of them open. The page on the analysis of the mux says how `lam` and `dist`
    decide how often streams are replaced.

    Parameters
    ----------
    k : int > 0
        The number of active streams; fewer, if no more can be activated.
    lam : float > 0 or None, default=256.0
        The rate of the quotas; None lets each active stream run until it ends.
    weights : array-like of float >= 0, shape (n_streams,), mapping by name, callable or None
        How often an active stream yields an element, relative to the others; None for equal
        weights. A stream of weight 0 is never activated. A callable returns the weights, for the
        number of elements yielded so far.
    every : int > 0, default=1000
        The number of elements after which weights that are a callable are asked for again.
    mode : {"with_replacement", "single_active", "exhaustive"}, default="with_replacement"
        The streams that can be activated next:

        - "with_replacement": any stream, active or not;
        - "single_active": any stream that is not active at the time;
        - "exhaustive": any stream that has not been activated before.
    dist : {"poisson", "poisson_mean", "binomial", "constant"}, default="poisson"
        The distribution of a quota:

        - "poisson": ``1 + Poisson(lam)``;
        - "poisson_mean": ``1 + Poisson(lam - 1)``;
        - "binomial": ``1 + Binomial((lam - 1) / (1 - p), 1 - p)``, where p is the share of the
          stream in the weights of the active streams;
        - "constant": `lam`, rounded up.
    prune_empty : bool, default=True
        Whether a stream that yielded nothing is never activated again. In the mode
        "single_active" it can be; there it only counts towards the end of the run, when all
        streams have yielded nothing.
    random_state : None, int, RandomState, Generator or SeedSequence, default=None
        The seed of each run; None follows ``np.random.seed``.
    tag : bool, default=False
        Whether elements are pairs ``(name, element)``: the key of the stream in a named pool, or
        its index.
    name : str or None, default=None
        The name that `Stream.seed` knows the operator by; None for its kind and place.

    Raises
    ------
    ParameterError, ParameterTypeError
        If a parameter is out of range or of the wrong type, or the pool is empty or has a member
        that is not a stream: when the pipeline is written, if the pool is known by then.

    Notes
    -----
    The random draws, their order and their rounding are those of ``Mux`` in pescador 1.0, so a
    seeded mux yields the same sequence.

    Examples
    --------
    >>> "".join(["aaa", "bbb", "ccc"] | mux(2, lam=None, mode="exhaustive", random_state=1))
    'bbbaacacc'

    One active stream at a time is a chain in random order; if there are fewer than `k` streams,
    all of them are active:

    >>> "".join(["aa", "bb"] | mux(1, lam=None, mode="exhaustive", random_state=1))
    'aabb'
    >>> "".join(["aaa", "bbb"] | mux(5, lam=None, mode="exhaustive", random_state=0))
    'aababb'

    With replacement a run has no end, unless all streams are empty:

    >>> from pescador.ops import take
    >>> "".join(["ab", "c"] | mux(2, lam=None, random_state=0) | take(7))
    'cacbaba'
    >>> list(["", ""] | mux(2)), list({"a": "xy", "b": ""} | mux(2, mode="exhaustive", tag=True))
    ([], [('a', 'x'), ('a', 'y')])
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
        Random.__post_init__(self)
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

    def __call__(self, upstream: Iterable[Iterable[A]], /) -> Iterator[A]:
        return Mixture(self, upstream).run()

    def check(self, upstream: Stream[Any], /) -> Iterable[Finding]:
        yield from Mixing.check(self, upstream)
        idle = idle_members(self, upstream)
        if idle and self.mode == "exhaustive":
            problem = f"stream {next(iter(idle))!r} has weight 0, so it yields nothing"
            yield Finding("warning", self, problem, "a pool without it, or a weight above 0")
        pool = sequence(upstream)
        if pool is not None and self.k > len(pool) - len(idle):
            known = len(pool) - len(idle)
            problem = (
                f"there are only {known} streams to be active; with replacement some are active "
                "several times at once, and yield their elements as often"
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

    def shard_any(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        active = len(range(part.index, self.k, part.count))
        return shard_pool(self, upstream, part, k=max(active, 1))

    def first_weights(self, weights: np.ndarray, draws: MersenneTwister) -> np.ndarray:
        """Return the weights of the slots before any stream is active."""
        return np.zeros(self.k)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class stochastic_mux(mux):
    """The `mux` of pescador 2 and 3, which draws once more at the start of each run."""

    def __post_init__(self) -> None:
        mux.__post_init__(self)

    def validate(self, upstream: Stream[Any], /) -> None:
        mux.validate(self, upstream)
        pool = sequence(upstream)
        if pool is not None and self.mode != "with_replacement":
            errors.require(
                self.k <= len(pool),
                self,
                f"mode={self.mode!r} requires that k be at most the {len(pool)} streams",
            )

    def first_weights(self, weights: np.ndarray, draws: MersenneTwister) -> np.ndarray:
        return draws.choice_of_weights(weights, self.k, self.mode == "with_replacement")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class shuffled(Mixing, Random):
    """Mix the streams of a pool at random, with all of them active all the time.

    A stream that ends is restarted; one that yields nothing is dropped. The run ends when all
    streams are dropped.

    Parameters
    ----------
    weights : array-like of float >= 0, shape (n_streams,), mapping by name, callable or None
        How often a stream yields an element, relative to the others; None for equal weights. A
        stream of weight 0 is not activated. A callable returns the weights, for the number of
        elements yielded so far.
    every : int > 0, default=1000
        The number of elements after which weights that are a callable are asked for again.
    random_state : None, int, RandomState, Generator or SeedSequence, default=None
        The seed of each run; None follows ``np.random.seed``.
    tag : bool, default=False
        Whether elements are pairs ``(name, element)``: the key of the stream in a named pool, or
        its index.
    name : str or None, default=None
        The name that `Stream.seed` knows the operator by; None for its kind and place.

    Raises
    ------
    ParameterError, ParameterTypeError
        If a parameter is out of range or of the wrong type, or the pool is empty or has a member
        that is not a stream: when the pipeline is written, if the pool is known by then.

    Examples
    --------
    >>> from pescador.ops import take
    >>> "".join(["a", "b"] | shuffled(weights=[3, 1], random_state=0) | take(8))
    'aaaabbaa'

    A stream of weight 0 yields nothing, nor does an empty one:

    >>> "".join(["a", "b", "c"] | shuffled([1, 0, 1], random_state=0) | take(8))
    'ccaccacc'
    >>> "".join(["a", ""] | shuffled(random_state=0) | take(4)), list(["", ""] | shuffled())
    ('aaaa', [])
    """

    weights: Any = None
    _: KW_ONLY
    every: int = 1000
    random_state: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", frozen_weights(self, self.weights))
        object.__setattr__(self, "every", errors.count(self, "every", self.every))
        Random.__post_init__(self)
        Mixing.__post_init__(self)

    def __call__(self, upstream: Iterable[Iterable[A]], /) -> Iterator[A]:
        return Restarting(self, upstream).run()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class round_robin(Mixing, Random):
    """Yield one element of each stream of a pool in turn, leaving out streams that have ended.

    All streams of the pool are open at once.

    Parameters
    ----------
    mode : {"exhaustive", "cycle", "permuted_cycle"}, default="exhaustive"
        The continuation when all streams have ended:

        - "exhaustive": the run ends;
        - "cycle": all streams are restarted, in the same order;
        - "permuted_cycle": all streams are restarted, in a random order.

        A round without an element ends the run in each mode.
    random_state : None, int, RandomState, Generator or SeedSequence, default=None
        The seed of each run; None follows ``np.random.seed``.
    tag : bool, default=False
        Whether elements are pairs ``(name, element)``: the key of the stream in a named pool, or
        its index.
    name : str or None, default=None
        The name that `Stream.seed` knows the operator by; None for its kind and place.

    Raises
    ------
    ParameterError, ParameterTypeError
        If a parameter is out of range or of the wrong type, or the pool is empty or has a member
        that is not a stream: when the pipeline is written, if the pool is known by then.

    Examples
    --------
    >>> "".join(["ad", "be", "c"] | round_robin())
    'abcde'

    Streams of other lengths, and empty ones, do not stop the others:

    >>> "".join(["ad", "", "bec"] | round_robin())
    'abdec'
    >>> from pescador.ops import take
    >>> "".join(["ab", "c"] | round_robin("cycle") | take(7))
    'acbacba'
    >>> "".join(["a", "b", "c"] | round_robin("permuted_cycle", random_state=0) | take(9))
    'abccbacab'
    """

    mode: str = "exhaustive"
    _: KW_ONLY
    random_state: Any = None

    def __post_init__(self) -> None:
        errors.choice(self, "mode", self.mode, ("exhaustive", "cycle", "permuted_cycle"))
        Random.__post_init__(self)
        Mixing.__post_init__(self)

    @property
    def seeded(self) -> bool | None:
        return self.random_state is not None if self.mode == "permuted_cycle" else None

    def __call__(self, upstream: Iterable[Iterable[A]], /) -> Iterator[A]:
        pool = Pool(self, upstream)
        order: Sequence[int] = range(len(pool.members))
        draws = twister(self.random_state) if self.mode == "permuted_cycle" else None
        yielded = True
        while yielded:
            yielded = False
            with closing(turns(pool, order)) as items:
                for item in items:
                    yielded = True
                    yield item
            yielded = yielded and self.mode != "exhaustive"
            order = draws.order(len(order)) if draws else order


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class chain(Mixing):
    """Yield the streams of a pool one after another.

    The pool can be lazy, and endless: a stream is asked for when the one before it has ended.

    Parameters
    ----------
    mode : {"exhaustive", "cycle"}, default="exhaustive"
        The continuation when the last stream has ended:

        - "exhaustive": the run ends;
        - "cycle": the pool is restarted, unless this round had no element.
    tag : bool, default=False
        Whether elements are pairs ``(name, element)``: the key of the stream in a named pool, or
        its index.
    name : str or None, default=None
        The name that `Stream.seed` knows the operator by; None for its kind and place.

    Raises
    ------
    ParameterError
        If `mode` is unknown.
    ParameterTypeError
        If a member of the pool is not a stream.

    Examples
    --------
    >>> "".join(["ab", "", "cd"] | chain()), list([] | chain())
    ('abcd', [])
    >>> list({"first": "ab", "last": "c"} | chain(tag=True))
    [('first', 'a'), ('first', 'b'), ('last', 'c')]
    >>> from pescador.ops import take
    >>> "".join(["ab", "c"] | chain("cycle") | take(7)), list(["", ""] | chain("cycle"))
    ('abcabca', [])
    """

    mode: str = "exhaustive"

    def __post_init__(self) -> None:
        errors.choice(self, "mode", self.mode, ("exhaustive", "cycle"))
        Mixing.__post_init__(self)

    def validate(self, upstream: Stream[Any], /) -> None:
        known = sequence(upstream)
        check_members(self, () if known is None else known)

    def check(self, upstream: Stream[Any], /) -> Iterable[Finding]:
        if self.restarts(upstream):
            yield from empty(self, self.length(upstream))
            yield from restarted(self, upstream.then(self), "restarts")

    def __call__(self, upstream: Iterable[Iterable[A]], /) -> Iterator[A]:
        described = stream(upstream)
        for time in count():
            yielded = False
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
                        yielded = active.given() > 0 or yielded
            if not yielded or self.mode == "exhaustive":
                return


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class shuffle(Random, Same):
    """Shuffle the elements, as far as a buffer of `size` elements allows.

    The buffer is filled first. Then each step yields one of its elements, drawn uniformly, and
    puts the next of the upstream in its place. At the end the rest is yielded in random order.

    Parameters
    ----------
    size : int > 0
        The number of elements held.
    random_state : None, int, RandomState, Generator or SeedSequence, default=None
        The seed of each run; None follows ``np.random.seed``.
    name : str or None, default=None
        The name that `Stream.seed` knows the operator by; None for its kind and place.

    Raises
    ------
    ParameterError, ParameterTypeError
        If a parameter is out of range or of the wrong type.

    Examples
    --------
    >>> list(range(8) | shuffle(4, random_state=0))
    [0, 3, 1, 4, 5, 6, 2, 7]

    A buffer of 1 changes nothing; one that holds the whole stream makes every order equally likely:

    >>> list(range(5) | shuffle(1, random_state=0)), list(range(5) | shuffle(100, random_state=0))
    ([0, 1, 2, 3, 4], [4, 3, 1, 0, 2])
    >>> list([] | shuffle(4))
    []
    """

    size: int
    _: KW_ONLY
    random_state: Any = None
    name: str | None = None

    closes = True
    sharding = PER_SHARD

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", errors.count(self, "size", self.size))
        Random.__post_init__(self)

    def length(self, upstream: Stream[Any], /) -> Length:
        return upstream.length

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
