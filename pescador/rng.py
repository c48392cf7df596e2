"""Random draws: numpy's Mersenne Twister bit for bit, and weighted choice in log n."""

from __future__ import annotations

import functools
import math
import random
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from pescador.seeds import Seed, State

__all__ = [
    "Candidates",
    "MersenneTwister",
    "cumulative",
    "fresh_word",
    "seed_globals",
    "twister",
]


class MersenneTwister(random.Random):
    """numpy's ``RandomState``, at the price of Python's ``random.Random``.

    Both are the same Mersenne Twister, so ``random()`` here is ``random_sample()`` there. The
    other draws below consume the same words and give the same numbers as the methods of
    ``RandomState`` that they are named after, without its cost per scalar.
    """

    def below(self, n: int) -> int:
        """``RandomState.randint(0, n)``: masked rejection over words of 32 bits."""
        if n == 1:
            return 0
        mask = (1 << (n - 1).bit_length()) - 1
        while (value := self.getrandbits(32) & mask) >= n:
            pass
        return value

    def order(self, n: int) -> list[int]:
        """``RandomState.shuffle(numpy.arange(n))``: Fisher and Yates, from the end."""
        places = list(range(n))
        for i in range(n - 1, 0, -1):
            j = self.below(i + 1)
            places[i], places[j] = places[j], places[i]
        return places

    def poisson(self, lam: float) -> int:
        """``RandomState.poisson(lam)``.

        Multiplication of uniforms (Knuth) below 10; above, the transformed rejection PTRS of
        W. Hörmann, "The transformed rejection method for generating Poisson random variables",
        Insurance: Mathematics and Economics 12 (1993); numpy's own where the rounding of its
        logarithms would decide.
        """
        if lam > 1e8:
            return int(self._from_numpy(lambda state: state.poisson(lam)))
        uniform = self.random
        if lam < 10:
            if lam == 0:
                return 0
            threshold, product, k = math.exp(-lam), uniform(), 0
            while product > threshold:
                product *= uniform()
                k += 1
            return k
        b = 0.931 + 2.53 * math.sqrt(lam)
        a = -0.059 + 0.02483 * b
        squeeze = 0.9277 - 3.6224 / (b - 2)
        while True:
            u = uniform() - 0.5
            v = uniform()
            us = 0.5 - abs(u)
            k = math.floor((2 * a / us + b) * u + lam + 0.43) if us else -1
            if us >= 0.07 and v <= squeeze:
                return k
            if k < 0 or (us < 0.013 and v > us):
                continue
            inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
            hat = math.log(v * inverse_alpha / (a / (us * us) + b)) if v else -math.inf
            if hat <= k * math.log(lam) - lam - math.lgamma(k + 1):
                return k

    def binomial(self, n: int, p: float) -> int:
        """``RandomState.binomial(n, p)``: by inversion where the mean is small, else numpy's."""
        if p > 0.5:
            return n - self._binomial(n, 1.0 - p)
        return self._binomial(n, p)

    def _binomial(self, n: int, p: float) -> int:
        if n * p > 30:
            return int(self._from_numpy(lambda state: state.binomial(n, p)))
        q = 1.0 - p
        start = math.exp(n * math.log(q))
        bound = int(min(n, n * p + 10.0 * math.sqrt(n * p * q + 1)))
        k, density, u = 0, start, self.random()
        while u > density:
            k += 1
            if k > bound:
                k, density, u = 0, start, self.random()
            else:
                u -= density
                density *= (n - k + 1) * p / (k * q)
        return k

    def choice_of_weights(self, weights: np.ndarray, size: int, replace: bool) -> np.ndarray:
        """``RandomState.choice(weights, size, replace, p=weights)``; zeros where it refuses."""
        shares = weights / weights.sum()
        drawn: np.ndarray
        try:
            drawn = self._from_numpy(lambda state: state.choice(weights, size, replace, shares))
        except ValueError:  # Refused before anything is drawn.
            drawn = np.zeros(size)
        return drawn

    def _from_numpy(self, draw: Callable[[np.random.RandomState], Any]) -> Any:
        """What a ``RandomState`` draws that stands where this one does; then on from there."""
        _, words, _ = self.getstate()
        state = _scratch.state
        state.set_state(("MT19937", np.array(words[:-1], np.uint32), words[-1], 0, 0.0))
        drawn = draw(state)
        self.adopt(state)
        return drawn

    def adopt(self, state: np.random.RandomState) -> None:
        """Go on from where a ``RandomState`` is."""
        self.go_on_from(State.of(state))

    def go_on_from(self, state: State) -> None:
        """Go on from a state."""
        self.setstate((3, (*state.key, state.position), None))


class _Scratch(threading.local):
    """A ``RandomState`` for each thread: making one takes longer than all that is done with it."""

    @functools.cached_property
    def state(self) -> np.random.RandomState:
        return np.random.RandomState(0)


_scratch = _Scratch()


def twister(seed: Seed) -> MersenneTwister:
    """A generator at the start of the sequence of `seed`.

    None draws one seed from numpy's global state, and so follows ``np.random.seed``.

    Examples
    --------
    >>> twister(5).random() == np.random.RandomState(5).random_sample()
    True
    """
    result = MersenneTwister(0)
    if isinstance(seed, State):
        result.go_on_from(seed)
        return result
    if seed is None:
        seed = fresh_word()
    state = _scratch.state
    state.seed(seed)
    result.adopt(state)
    return result


def fresh_word() -> int:
    """32 bits from numpy's global state, so that ``np.random.seed`` decides them."""
    return int(np.random.randint(2**32, dtype=np.uint32))


def seed_globals(words: tuple[int, ...]) -> None:
    """Seed the global state of numpy and of Python's ``random``, as a new process does."""
    np.random.seed(words)
    random.seed(repr(words))


def cumulative(weights: np.ndarray) -> list[float]:
    """Where each weight's share of [0, 1) ends, rounded as numpy's ``choice`` does.

    The entry that a uniform draw u chooses is ``bisect_right(cumulative(weights), u)``.

    Examples
    --------
    >>> cumulative(np.array([1.0, 0.0, 3.0]))
    [0.25, 0.25, 1.0]
    """
    # The ufuncs' own methods give what sum() and cumsum() give, at half the cost of a call.
    ends = np.add.accumulate(weights / np.add.reduce(weights))
    ends /= ends[-1]
    return ends.tolist()  # type: ignore[no-any-return]


class Candidates:
    """A set of numbers below `n`, of which a uniform draw chooses one, in their order.

    All are equally likely at any time, so a draw u chooses that of rank ``floor(u * count)``:
    what numpy's ``choice`` finds with ``p = 1 / count``, without its n additions. The rank is
    looked up in a tree of counts (P. M. Fenwick, "A new data structure for cumulative frequency
    tables", Software: Practice and Experience 24 (1994)), made when the first number leaves.

    Examples
    --------
    >>> candidates = Candidates(np.array([True, False, True]))
    >>> candidates.choose(0.49), candidates.choose(0.51)
    (0, 2)
    """

    __slots__ = ("count", "present", "tree")

    def __init__(self, present: np.ndarray) -> None:
        self.present = present
        self.count = int(present.sum())
        self.tree: list[int] | None = None if self.count == len(present) else self._tree()

    def __len__(self) -> int:
        return self.count

    def choose(self, u: float) -> int:
        rank = int(u * self.count)
        if self.tree is None:
            return rank
        place, step = 0, 1 << len(self.present).bit_length()
        while step := step >> 1:
            if place + step <= len(self.present) and self.tree[place + step] <= rank:
                place += step
                rank -= self.tree[place]
        return place

    def add(self, number: int) -> None:
        if not self.present[number]:
            self._change(number, 1)

    def remove(self, number: int) -> None:
        if self.present[number]:
            self._change(number, -1)

    def _change(self, number: int, by: int) -> None:
        tree = self.tree = self.tree or self._tree()
        self.present[number] = by > 0
        self.count += by
        place = number + 1
        while place < len(tree):
            tree[place] += by
            place += place & -place

    def _tree(self) -> list[int]:
        places = np.arange(len(self.present) + 1)
        before = np.concatenate(([0], np.cumsum(self.present)))
        return (before - before[places - (places & -places)]).tolist()  # type: ignore[no-any-return]
