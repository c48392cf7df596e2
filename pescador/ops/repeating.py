"""Operators that yield elements more than once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass, field
from itertools import chain, count, islice
from math import inf
from typing import Any, Self, TypeVar

from pescador import errors
from pescador.checks import empty, restarted
from pescador.core import Op, Part, Same, Stream, shard
from pescador.readings import PER_SHARD, Finding, Length, Random, Whole
from pescador.rng import twister
from pescador.running import Pass
from pescador.seeds import Place, filled
from pescador.values import changed

__all__ = ["cache", "cycle"]

A = TypeVar("A")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class cycle(Same):
    """Run the upstream again and again.

    Each round starts the source again, so no element is kept in memory.

    Parameters
    ----------
    times : int >= 0 or None, default=None
        The number of rounds; None for no end.
    reseed : bool, default=False
        Whether a seeded stream (`Stream.seed`) draws other random numbers in each round.

    Raises
    ------
    ParameterError
        If `times` is negative.
    ParameterTypeError
        If `times` is neither an integer nor None.

    Examples
    --------
    >>> from pescador.ops import take
    >>> "".join("ab" | cycle(3)), "".join("abc" | cycle() | take(7))
    ('ababab', 'abcabca')

    A round without an element ends the run, so an empty stream is not restarted for ever:

    >>> list([] | cycle()), list("ab" | cycle(0))
    ([], [])
    """

    times: int | None = None
    _: KW_ONLY
    reseed: bool = False
    entropy: tuple[int | str, ...] | None = field(default=None, init=False)
    # The shards that `Stream.shard` takes of each round, once the round is seeded.
    parts: tuple[shard, ...] = field(default=(), init=False)

    closes = True
    sharding = PER_SHARD

    def __post_init__(self) -> None:
        errors.flag(self, "reseed", self.reseed)
        if self.times is not None:
            object.__setattr__(self, "times", errors.count(self, "times", self.times, least=0))

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        rounds = self._rounds(upstream)
        return Pass(chain.from_iterable(rounds), [rounds])

    def _rounds(self, upstream: Iterable[A]) -> Iterator[Iterator[A]]:
        for index in count() if self.times is None else range(self.times):
            once = self._round(upstream, index) if isinstance(upstream, Stream) else upstream
            with Pass.over(once) as run:
                for first in run.items:
                    yield chain((first,), run.items)
                    break
                else:
                    return

    def _round(self, upstream: Stream[Any], index: int) -> Stream[Any]:
        if self.reseed and self.entropy:
            upstream = upstream.seed(*self.entropy, index)
        for part in self.parts:
            upstream = upstream.shard(part.index, part.count)
        return upstream

    def check(self, upstream: Stream[Any], /) -> Iterable[Finding]:
        if self.times is None or self.times > 1:
            yield from empty(self, upstream.length)
            yield from restarted(self, upstream, "restarts")

    @property
    def seeds_upstream(self) -> bool:
        return self.entropy is not None

    @property
    def takes_over_seeding(self) -> bool:
        return self.reseed

    def shard_any(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        if not self.reseed:
            return Op.shard_any(self, upstream, part)
        # A round that cannot be divided is refused here, and not when it runs.
        self._round(upstream, 0).shard(part.index, part.count)
        return upstream.then(changed(self, parts=(*self.parts, part)))

    def length(self, upstream: Stream[Any], /) -> Length:
        once = 0 if self.times == 0 else self._round(upstream, 0).length
        if not once:
            return once
        return inf if self.times is None else self.times * once

    def restarts(self, upstream: Stream[Any], /) -> bool:
        return self.times is None or upstream.restarts

    def seed(self, place: Place, /) -> Self:
        return filled(self, entropy=place) if self.reseed else self


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class cache(Random, Same):
    """Hold `size` elements, and yield each several times, at random.

    This is for elements that are expensive to read or to compute. The first `size` elements pass
    through and fill the cache. From then on each step picks a slot at random, replaces its element
    by the next of the upstream with probability `prob`, and yields the element in the slot. The
    run ends when an element is needed and the upstream has ended.

    Parameters
    ----------
    size : int > 0
        The number of elements held.
    prob : float in (0, 1], default=0.5
        The share of the steps that read a new element; 1 reads one in each step.
    random_state : None, int, RandomState, Generator or SeedSequence, default=None
        The seed of each run; None follows ``np.random.seed``.
    name : str or None, default=None
        The name that `Stream.seed` knows the operator by; None for its kind and place.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    ParameterTypeError
        If a parameter is of the wrong type.

    Examples
    --------
    >>> list(range(6) | cache(2, random_state=0))
    [0, 1, 0, 0, 1, 1, 2, 2, 3, 1, 4, 5, 5, 4]

    Nothing is repeated if the upstream does not fill the cache, or `prob` is 1:

    >>> list(range(3) | cache(8, random_state=0)), list(range(4) | cache(2, prob=1, random_state=0))
    ([0, 1, 2], [0, 1, 2, 3])
    """

    size: int
    prob: float = 0.5
    _: KW_ONLY
    random_state: Any = None
    name: str | None = None

    closes = True
    sharding = Whole("it repeats elements of the whole stream at random")

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", errors.count(self, "size", self.size))
        prob = errors.number(self, "prob", self.prob)
        object.__setattr__(self, "prob", prob)
        errors.require(0 < prob <= 1, self, f"prob must lie in (0, 1], not {prob}")
        Random.__post_init__(self)

    def length(self, upstream: Stream[Any], /) -> Length:
        known = upstream.length
        return known if known in (0, inf) or self.prob == 1 else None

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        draws = twister(self.random_state)
        with Pass.over(upstream) as items:
            slots = []
            for item in islice(items, self.size):
                yield item
                slots.append(item)
            while len(slots) == self.size:
                slot = draws.below(self.size)
                if draws.random() <= self.prob:
                    for item in items:
                        slots[slot] = item
                        break
                    else:
                        return
                yield slots[slot]
