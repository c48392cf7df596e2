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
    "random_state",
    "seed_globals",
    "twister",
]


class MersenneTwister(random.Random):
    """The draws of numpy's ``RandomState``, at the cost of Python's ``random.Random``.

    Both are the same Mersenne Twister, so ``random()`` here is ``random_sample()`` there. Each
    other method below consumes the same words and returns the same numbers as the method of
    ``RandomState`` that its docstring names, in less time for a single number.
    """

    def below(self, n: int) -> int:
        """Return ``RandomState.randint(0, n)``, by masked rejection over words of 32 bits."""
        if n == 1:
            return 0
        mask = (1 << (n - 1).bit_length()) - 1
        while (value := self.getrandbits(32) & mask) >= n:
            pass
        return value

    def order(self, n: int) -> list[int]:
        """Return ``RandomState.shuffle(numpy.arange(n))``, by Fisher and Yates from the end."""
        places = list(range(n))
        for i in range(n - 1, 0, -1):
            j = self.below(i + 1)
            places[i], places[j] = places[j], places[i]
        return places

    def poisson(self, lam: float) -> int:
        """Return ``RandomState.poisson(lam)``.

        Below 10, uniforms are multiplied (Knuth). From 10 on, they are transformed and rejected:
        the PTRS of W. Hörmann, "The transformed rejection method for generating Poisson random
        variables", Insurance: Mathematics and Economics 12 (1993). Above 1e8, where the result
        depends on how numpy rounds logarithms, numpy itself draws.
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
        """Return ``RandomState.binomial(n, p)``, by inversion if the mean is small."""
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
        """Return ``RandomState.choice(weights, size, replace, p=weights)``; zeros if it refuses."""
        shares = weights / weights.sum()
        drawn: np.ndarray
        try:
            drawn = self._from_numpy(lambda state: state.choice(weights, size, replace, shares))
        except ValueError:  # numpy refuses before it draws anything.
            drawn = np.zeros(size)
        return drawn

    def _from_numpy(self, draw: Callable[[np.random.RandomState], Any]) -> Any:
        """Draw from a ``RandomState`` in the state of this generator, and adopt its state."""
        _, words, _ = self.getstate()
        state = _scratch.state
        state.set_state(("MT19937", np.array(words[:-1], np.uint32), words[-1], 0, 0.0))
        drawn = draw(state)
        self.adopt(state)
        return drawn

    def adopt(self, state: np.random.RandomState) -> None:
        """Continue from the state of a ``RandomState``."""
        self.go_on_from(State.of(state))

    def go_on_from(self, state: State) -> None:
        """Continue from a state."""
        self.setstate((3, (*state.key, state.position), None))


class _Scratch(threading.local):
    """One ``RandomState`` for each thread, since making one takes longer than using it."""

    @functools.cached_property
    def state(self) -> np.random.RandomState:
        return np.random.RandomState(0)


_scratch = _Scratch()


def twister(seed: Seed) -> MersenneTwister:
    """Return a generator at the start of the sequence of `seed`.

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


def random_state(seed: Seed) -> np.random.RandomState:
    """Return numpy's generator at the start of the sequence of `seed`; None is as in `twister`.

    Examples
    --------
    >>> random_state(5).random_sample() == twister(5).random()
    True
    """
    if not isinstance(seed, State):
        return np.random.RandomState(fresh_word() if seed is None else seed)
    result = np.random.RandomState(0)
    result.set_state(("MT19937", np.array(seed.key, np.uint32), seed.position, 0, 0.0))
    return result


def fresh_word() -> int:
    """Draw 32 bits from numpy's global state, so that ``np.random.seed`` decides them."""
    return int(np.random.randint(2**32, dtype=np.uint32))


def seed_globals(words: tuple[int, ...]) -> None:
    """Seed the global state of numpy and of Python's ``random``."""
    np.random.seed(words)
    random.seed(repr(words))


def cumulative(weights: np.ndarray) -> list[float]:
    """Return the end of each weight's share of [0, 1), rounded as numpy's ``choice`` rounds it.

    A uniform draw u chooses the entry ``bisect_right(cumulative(weights), u)``.

    Examples
    --------
    >>> cumulative(np.array([1.0, 0.0, 3.0]))
    [0.25, 0.25, 1.0]
    """
    # The methods of the ufuncs return what sum() and cumsum() do, at half the cost of a call.
    ends = np.add.accumulate(weights / np.add.reduce(weights))
    ends /= ends[-1]
    return ends.tolist()  # type: ignore[no-any-return]


class Candidates:
    """A set of numbers below `n`, from which a uniform draw chooses one.

    All numbers of the set are equally likely, so a draw u chooses the number of rank
    ``floor(u * count)``. numpy's ``choice`` finds the same with ``p = 1 / count``, by n additions.
    Here the rank is looked up in a tree of counts, in log n steps (P. M. Fenwick, "A new data
    structure for cumulative frequency tables", Software: Practice and Experience 24 (1994)). The
    tree is made when the first number is removed.

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
        """Return the number that a uniform draw chooses."""
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
        """Add a number to the set."""
        if not self.present[number]:
            self._change(number, 1)

    def remove(self, number: int) -> None:
        """Remove a number from the set."""
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
        """Return the tree of counts of the numbers that are present."""
        places = np.arange(len(self.present) + 1)
        before = np.concatenate(([0], np.cumsum(self.present)))
        return (before - before[places - (places & -places)]).tolist()  # type: ignore[no-any-return]
