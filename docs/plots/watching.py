"""Measurements for the plots: the elements of a mux, and when its streams are active."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from pescador.ops import mux, take

DISTS = {"constant": "C2", "binomial": "C0", "poisson_mean": "C1", "poisson": "C3"}


@dataclass
class Watch:
    """The number of elements that a mux has yielded, and when its streams were active by it."""

    elements: int = 0
    activations: list[int] = field(default_factory=list)
    stays: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class Watched:
    """An endless stream of one number, which records in a watch when it is active."""

    number: int
    watch: Watch

    def __iter__(self) -> Iterator[int]:
        begin = self.watch.elements
        self.watch.activations.append(begin)
        return self.run(begin)

    def run(self, begin: int) -> Iterator[int]:
        """Yield until closed."""
        try:
            while True:
                yield self.number
        finally:
            self.watch.stays.append((begin, self.watch.elements))


def run(op: mux, n_streams: int, n: int) -> tuple[Watch, np.ndarray]:
    """Take `n` elements of a mux of endless streams: the watch, and the stream of each element."""
    watch = Watch()
    given = np.empty(n, int)
    for number in [Watched(i, watch) for i in range(n_streams)] | op | take(n):
        given[watch.elements] = number
        watch.elements += 1
    return watch, given


def quota(dist: str, lam: float, k: int) -> tuple[float, float]:
    """Mean and variance of the quota if all weights are equal."""
    trials = int((lam - 1) / (1 - 1 / k)) if k > 1 else 0
    return {
        "constant": (np.ceil(lam), 0.0),
        "binomial": (1 + trials * (1 - 1 / k), trials * (1 - 1 / k) / k),
        "poisson_mean": (lam, lam - 1),
        "poisson": (lam + 1, lam),
    }[dist]


def spread(dist: str, lam: float, k: int) -> float:
    """Standard deviation of a stay, relative to its mean."""
    mean, variance = quota(dist, lam, k)
    return np.sqrt((1 - 1 / k) / (mean + 1) + variance / (mean + 1) ** 2)
