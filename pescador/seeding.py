"""Everything about seeds and draws: the only module that makes a random generator."""

from __future__ import annotations

import copy
import functools
import math
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

import numpy as np

from pescador.errors import count, require, require_type

Operator = TypeVar("Operator")

__all__ = [
    "SEED",
    "Candidates",
    "Place",
    "Seed",
    "State",
    "Twister",
    "cumulative",
    "divided",
    "entropy_of",
    "filled",
    "freeze",
    "fresh_word",
    "seed_globals",
    "twister",
]


@dataclass(frozen=True, slots=True, repr=False)
class State:
    """The state of a numpy ``RandomState`` at one moment, as a value."""

    key: tuple[int, ...]
    position: int

    def __repr__(self) -> str:
        return f"<RandomState {_digest((self.key, self.position), 4).hex()}>"


Seed: TypeAlias = int | tuple[int, ...] | State | None


class Twister(random.Random):
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
        key, position = _words(state)
        self.setstate((3, (*key, position), None))


def _words(state: np.random.RandomState) -> tuple[tuple[int, ...], int]:
    words = state.get_state(legacy=False)["state"]
    return tuple(words["key"].tolist()), int(words["pos"])


def freeze(op: object, random_state: Any) -> Seed:
    """What the user gave as `random_state`, as a value that no one else can change.

    Parameters
    ----------
    op : object
        The operator, for the error message.
    random_state : None, int, sequence of int, RandomState, Generator, SeedSequence or BitGenerator
        A ``RandomState`` is read as it stands; a ``Generator`` is read through a copy. Neither is
        consumed.

    Returns
    -------
    None, int, tuple of int, or State

    Raises
    ------
    ParameterError
        If an integer lies outside ``[0, 2**32)``.
    ParameterTypeError
        If it is nothing of the above.
    """
    if random_state is None or isinstance(random_state, State):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        name = random_state.get_state(legacy=False)["bit_generator"]
        require(name == "MT19937", op, f"random_state must be of MT19937, not {name}")
        return State(*_words(random_state))
    if isinstance(random_state, np.random.SeedSequence):
        return tuple(random_state.generate_state(8).tolist())
    if isinstance(random_state, np.random.BitGenerator):
        random_state = np.random.Generator(random_state)
    if isinstance(random_state, np.random.Generator):
        return tuple(copy.deepcopy(random_state).integers(2**32, size=8).tolist())
    several = isinstance(random_state, list | tuple)
    words = tuple(random_state) if several else (random_state,)
    require_type(
        words and all(isinstance(w, int | np.integer) and not isinstance(w, bool) for w in words),
        op,
        "random_state must be None, an int, a RandomState, a Generator or a SeedSequence, "
        f"not {random_state!r}",
    )
    require(
        all(0 <= word < 2**32 for word in words),
        op,
        f"random_state must lie in 0 .. 2**32 - 1, not {random_state!r}",
    )
    whole = tuple(map(int, words))
    return whole if several else whole[0]


class _Scratch(threading.local):
    """A ``RandomState`` for each thread: making one takes longer than all that is done with it."""

    @functools.cached_property
    def state(self) -> np.random.RandomState:
        return np.random.RandomState(0)


_scratch = _Scratch()


def twister(seed: Seed) -> Twister:
    """A generator at the start of the sequence of `seed`.

    None draws one seed from numpy's global state, and so follows ``np.random.seed``.

    Examples
    --------
    >>> twister(5).random() == np.random.RandomState(5).random_sample()
    True
    """
    result = Twister(0)
    if isinstance(seed, State):
        result.setstate((3, (*seed.key, seed.position), None))
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


class Placeholder:
    """What stands in a stream's arguments for a seed that `Stream.seed` will fill in."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "SEED"

    def __reduce__(self) -> str:
        return "SEED"


SEED = Placeholder()


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a description a seed is wanted: the user's entropy, and a path of names.

    Examples
    --------
    >>> everything = Place((7,))
    >>> everything.at("mux", 0).words() == everything.at("mux", 0).words()
    True
    >>> everything.at("mux", 0).words() == everything.at("mux", 1).words()
    False
    """

    entropy: tuple[int | str, ...]
    path: tuple[Any, ...] = ()

    def at(self, *path: Any) -> Place:
        return Place(self.entropy, (*self.path, *path))

    def fill(self, argument: Any, name: Any) -> Any:
        """A seed of 32 bits where the argument is a `SEED`, else the argument."""
        return self.at("source", name).words(1)[0] if argument is SEED else argument

    def words(self, n: int = 4) -> tuple[int, ...]:
        """Entropy for this place alone, as `n` words of 32 bits: numpy's ``SeedSequence``."""
        entropy = [word if isinstance(word, int) else _number(word) for word in self.entropy]
        # The entropy goes into the key as well: alone it would not tell (7,) from (7, 0).
        sequence = np.random.SeedSequence(entropy, spawn_key=[_number((self.entropy, self.path))])
        return tuple(sequence.generate_state(n).tolist())


def _number(name: Any) -> int:
    return int.from_bytes(_digest(name, 16))


def _digest(value: Any, size: int) -> bytes:
    import hashlib  # a few ms, and most runs want none of it

    return hashlib.blake2b(repr(value).encode(), digest_size=size).digest()


def entropy_of(op: object, words: Any) -> tuple[int | str, ...]:
    """What to seed from: whole numbers of at least 0, and strings."""
    require_type(isinstance(words, tuple | list), op, f"entropy must be a tuple, not {words!r}")
    require(words, op, "entropy must be at least one number or str")
    return tuple(
        w if isinstance(w, str) else count(op, "entropy", w, least=0, most=math.inf) for w in words
    )


def filled(op: Operator, **places: Place) -> Operator:
    """The operator with a seed from its place in each field that it has, and that is None."""
    missing = {name: at.words() for name, at in places.items() if getattr(op, name, at) is None}
    return replace(op, **missing)  # type: ignore[type-var]


def divided(seed: Seed, index: int, count: int) -> Seed:
    """The seed of one of `count` parts, so that no two draw alike; None stays None."""
    if seed is None:
        return None
    words = seed.key if isinstance(seed, State) else seed if isinstance(seed, tuple) else (seed,)
    return Place(words).at(index, count).words()


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
