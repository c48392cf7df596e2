"""What a benchmark is: contenders that do the same work on the same inputs, and its goals."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from benchmarks.parts import TIME, Measure

CHECKOUT = str(Path(__file__).resolve().parent.parent)


@dataclass(frozen=True)
class Contender:
    """One way of doing a piece of work.

    `requirements` are what pip installs into an environment of its own; without any, a contender
    runs in that of the command. `checkout` is the folder that pescador is imported from, where
    pescador is not an installed release.
    """

    name: str
    requirements: tuple[str, ...] = field(default=(), compare=False)
    checkout: str | None = field(default=None, compare=False)
    revision: str = ""

    def __str__(self) -> str:
        return f"{self.name} at {self.revision}" if self.revision else self.name


OURS = Contender("ours", checkout=CHECKOUT)
BY_HAND = Contender("by hand")
V3 = Contender("3.0.0", ("pescador==3.0.0",))
V1 = Contender("1.0.0", ("pescador==1.0.0", "joblib<1.3", "six"))


@dataclass(frozen=True)
class Goal:
    """A bound for one figure, which `value` computes from all figures of a row.

    Those are a pandas table with a line for each size and round, and a column for each
    contender. `text` says what the figure is, with `{}` in its place.
    """

    limit: float
    text: str
    value: Callable[[Any], float]
    unit: str = "x"
    bound: str = "at most"

    def missed(self, value: float) -> bool:
        """Return whether a figure breaks the bound, which NaN never does."""
        return value < self.limit if self.bound == "at least" else value > self.limit


def typical(figures: Any, over: Contender | None = None) -> Any:
    """Return for each size the median, over the rounds, of the figures or of their ratios.

    The two figures of a ratio were measured one right after the other, in one round, so that a
    machine that is slow for a while slows both.
    """
    ratios = figures if over is None else figures.div(figures.get(over, float("nan")), axis=0)
    return ratios.groupby("size").median()


def at_most(limit: float, unit: str = "s") -> Goal:
    """Return the goal that ours needs so many units at most."""
    return Goal(limit, "{}", lambda of: typical(of)[OURS].max(), unit)


def cost_at_most(limit: float, who: Contender, ours: Contender = OURS) -> Goal:
    """Return the goal that ours costs at most so many times what another contender costs."""
    return Goal(limit, f"{{}} the cost of {who}", lambda of: typical(of, who)[ours].max())


def speed_at_least(limit: float, who: Contender) -> Goal:
    """Return the goal that ours is at least so many times as fast as another contender."""
    text = f"{{}} the speed of {who}"
    return Goal(limit, text, lambda of: typical(of, OURS)[who].min(), bound="at least")


def ahead_of_best(limit: float) -> Goal:
    """Return the goal that every other contender needs at least so many times what ours needs."""

    def value(of: Any) -> float:
        return typical(of, OURS).drop(columns=OURS).min(axis=None)

    return Goal(limit, "{} ahead of the best", value, bound="at least")


def growth_at_most(limit: float) -> Goal:
    """Return the goal that no size costs ours more than so many times what another size does."""
    return Goal(limit, "{} between sizes", lambda of: (at := typical(of)[OURS]).max() / at.min())


@dataclass(frozen=True, eq=False)
class Row:
    """A piece of work, and those who do it.

    From the `inputs` of a size, which are made once in each process and untimed, the function of
    each contender builds an iterable that does the work when it is consumed. The size replaces
    `{}` in the title. A quick run has `quick_sizes`, where `sizes` take long. A time is given per
    `unit`, of which a whole pass does `units(size)`; a speed is given where a unit has
    `unit_bytes`. `up_to` is the largest size for a contender whose cost explodes. All contenders
    must give equal elements, except those that are `apart`, because they draw at random in another
    order: their elements must only have the same form, which is structure, dtypes and shapes.
    """

    title: str
    contenders: Mapping[Contender, Callable[[Any], Iterable[object]]]
    inputs: Callable[[int], Any]
    sizes: tuple[int, ...]
    quick_sizes: tuple[int, ...] = ()
    unit: str = "element"
    units: Callable[[int], int] = int
    measure: Measure = TIME
    goals: tuple[Goal, ...] = ()
    up_to: Mapping[Contender, int] = field(default_factory=dict)
    apart: tuple[Contender, ...] = ()
    unit_bytes: int | None = None

    def name(self, *sizes: int) -> str:
        """Return the title for some sizes, or for all of the row."""
        ends = dict.fromkeys(f"{(sizes or self.sizes)[end]:,}" for end in (0, -1))
        return self.title.replace("{}", " to ".join(ends))

    def against(self, checkout: str, revision: str) -> Iterator[Self]:
        """Yield a row for each size and contender of this checkout, in turn with another one."""
        for who, build in self.contenders.items():
            other = replace(who, checkout=checkout, revision=revision)
            pair, goals = {who: build, other: build}, (cost_at_most(1.05, other, who),)
            for size in self.sizes if who.checkout else ():
                yield replace(self, contenders=pair, sizes=(size,), goals=goals)
