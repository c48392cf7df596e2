"""The bounds that a row is held to, each a ratio or a limit computed from the row's figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.contenders import OURS, Contender
from benchmarks.quantities import SECONDS, Quantity, times

OneSize = Mapping[Contender, Sequence[float]]
Figures = Mapping[int, OneSize]


def ratio(figures: OneSize, over: Contender, under: Contender) -> float:
    """Return the median, over the rounds, of one contender's figure divided by another's.

    The two figures of a round were taken one right after the other, so that what slows the
    machine for a while slows both.
    """
    return median(a / b for a, b in zip(figures[over], figures[under], strict=True))


def _ratios(figures: Figures, over: Contender, under: Contender) -> Iterator[float]:
    return (ratio(at, over, under) for at in figures.values() if over in at and under in at)


def _medians(figures: Figures) -> list[float]:
    return [median(at[OURS]) for at in figures.values() if OURS in at]


@dataclass(frozen=True)
class Goal(ABC):
    """An upper bound for a figure of ours, and both in words."""

    limit: float

    @property
    def bound(self) -> str:
        """The bound in words."""
        return f"at most {self.say(self.limit)}"

    def reached(self, value: float) -> bool:
        """Return whether a figure keeps the bound."""
        return value <= self.limit

    @abstractmethod
    def measure(self, figures: Figures) -> float | None:
        """Return the worst figure over the row's sizes, or None where there is none."""

    @abstractmethod
    def say(self, value: float) -> str:
        """Return a figure in words."""


@dataclass(frozen=True)
class CostAtMost(Goal):
    """Ours costs at most `limit` times what another contender costs."""

    of: Contender

    def measure(self, figures: Figures) -> float | None:
        return max(_ratios(figures, OURS, self.of), default=None)

    def say(self, value: float) -> str:
        return f"{times(value)} the cost of {self.of.name}"


class LowerBound(Goal):
    """A goal whose figure must not be less than its limit."""

    @property
    def bound(self) -> str:
        return f"at least {self.say(self.limit)}"

    def reached(self, value: float) -> bool:
        return value >= self.limit


@dataclass(frozen=True)
class SpeedAtLeast(LowerBound):
    """Ours is at least `limit` times as fast as another contender."""

    of: Contender

    def measure(self, figures: Figures) -> float | None:
        return min(_ratios(figures, self.of, OURS), default=None)

    def say(self, value: float) -> str:
        return f"{times(value)} the speed of {self.of.name}"


@dataclass(frozen=True)
class AheadOfBest(LowerBound):
    """Every other contender takes at least `limit` times what ours takes, of whatever it is."""

    def measure(self, figures: Figures) -> float | None:
        others = {who for at in figures.values() for who in at} - {OURS}
        return min((one for who in others for one in _ratios(figures, who, OURS)), default=None)

    def say(self, value: float) -> str:
        return f"{times(value)} ahead of the best"


@dataclass(frozen=True)
class AtMost(Goal):
    """Ours takes at most `limit` seconds, or whatever the row's figures are of."""

    quantity: Quantity = SECONDS

    def measure(self, figures: Figures) -> float | None:
        return max(_medians(figures), default=None)

    def say(self, value: float) -> str:
        return self.quantity.say(value)


@dataclass(frozen=True)
class GrowthAtMost(Goal):
    """The dearest size costs ours at most `limit` times what the cheapest does."""

    def measure(self, figures: Figures) -> float | None:
        costs = _medians(figures)
        return max(costs) / min(costs) if len(costs) > 1 else None

    def say(self, value: float) -> str:
        return f"{times(value)} between sizes"
