"""Seeds as values: frozen, found by name in a description, filled in, and split among shards."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np

from pescador.errors import count, require, require_type
from pescador.values import FilledSeed, Words, changed

__all__ = [
    "SEED",
    "SEEDS",
    "Place",
    "Seed",
    "State",
    "argument",
    "divided",
    "entropy_of",
    "filled",
    "freeze",
]

Operator = TypeVar("Operator")


@dataclass(frozen=True, slots=True, repr=False)
class State:
    """The state of a numpy ``RandomState`` at one moment, as a value."""

    key: tuple[int, ...]
    position: int

    @staticmethod
    def of(random_state: np.random.RandomState) -> State:
        """Read the state of a generator, which is left as it is."""
        words = random_state.get_state(legacy=False)["state"]
        return State(tuple(words["key"].tolist()), int(words["pos"]))

    def __repr__(self) -> str:
        return f"<RandomState {_digest((self.key, self.position), 4).hex()}>"


Seed: TypeAlias = int | tuple[int, ...] | State | None


def freeze(op: object, random_state: Any) -> Seed:
    """Turn a user's `random_state` into a value that no one else can change.

    Parameters
    ----------
    op : object
        The operator, for the error message.
    random_state : None, int, sequence of int, RandomState, Generator, SeedSequence or BitGenerator
        A ``RandomState`` is read, a ``Generator`` is copied and the copy read. Neither is advanced.

    Returns
    -------
    None, int, tuple of int, or State

    Raises
    ------
    ParameterError
        If an integer lies outside ``[0, 2**32)``.
    ParameterTypeError
        If `random_state` is of another type.
    """
    if random_state is None or isinstance(random_state, State | Words):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        name = random_state.get_state(legacy=False)["bit_generator"]
        require(name == "MT19937", op, f"random_state must be of MT19937, not {name}")
        return State.of(random_state)
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


class Placeholder:
    """The type of `SEED`, which marks the arguments of a source that `Stream.seed` fills in."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "SEED"

    def __reduce__(self) -> str:
        return "SEED"


SEED = Placeholder()

# The types of the arguments that a source is not called with as they are.
SEEDS = {Placeholder, FilledSeed}


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a description that needs a seed: the entropy of a user, and a path of names.

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
        """Return the place that a path of names leads to from here."""
        return Place(self.entropy, (*self.path, *path))

    def fill(self, argument: Any, name: Any) -> Any:
        """Return a seed of 32 bits for a `SEED`, and any other argument as it is."""
        if argument is not SEED:
            return argument
        return FilledSeed(self.at("source", name).words(1)[0], self.entropy)

    def words(self, n: int = 4) -> Words:
        """Return the seed of this place, `n` words of numpy's ``SeedSequence``."""
        entropy = [word if isinstance(word, int) else _number(word) for word in self.entropy]
        # SeedSequence makes the same of (7,) and (7, 0), so the key holds the entropy as well.
        sequence = np.random.SeedSequence(entropy, spawn_key=[_number((self.entropy, self.path))])
        return Words(sequence.generate_state(n).tolist(), self.entropy)


def _number(name: Any) -> int:
    """Return a whole number of 128 bits that is the same for equal names in every process."""
    return int.from_bytes(_digest(name, 16))


def _digest(value: Any, size: int) -> bytes:
    """Return `size` bytes that are the same for values of equal repr in every process."""
    import hashlib  # It takes some ms to import, and most runs do not need it.

    return hashlib.blake2b(repr(value).encode(), digest_size=size).digest()


def entropy_of(op: object, words: Any) -> tuple[int | str, ...]:
    """Check the entropy of a user, which must consist of numbers of at least 0 and strings."""
    require(words, op, "entropy must be at least one number or str")
    return tuple(
        w if isinstance(w, str) else count(op, "entropy", w, least=0, most=math.inf) for w in words
    )


def filled(op: Operator, **places: Place) -> Operator:
    """Fill in the seed of its place for each named field of the operator that is None."""
    missing = {name: at.words() for name, at in places.items() if getattr(op, name, at) is None}
    return changed(op, **missing) if missing else op


def argument(value: Any) -> Any:
    """Return the argument that a source is called with: None for an unfilled `SEED`."""
    if value is SEED:
        return None
    return int(value) if isinstance(value, FilledSeed) else value


def divided(seed: Seed, index: int, count: int) -> Seed:
    """Return another seed for each shard `index` of `count`; None for None."""
    if seed is None:
        return None
    words = seed.key if isinstance(seed, State) else seed if isinstance(seed, tuple) else (seed,)
    return tuple(Place(words).at(index, count).words())
