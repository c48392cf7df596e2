"""What a benchmark is: contenders that do the same work on the same inputs, and its goals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, Self, TypeVar

from benchmarks.contenders import Contender
from benchmarks.goals import Goal
from benchmarks.measures import TIME, Measure

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Row(Generic[T]):
    """A piece of work, and those who do it.

    Parameters
    ----------
    title : str
        Names the work; `{}` in it stands for the size.
    contenders : mapping of Contender to callable
        Each builds, from the inputs, an iterable that does the work when it is consumed.
    inputs : callable
        From a size to what every contender is given. Made once in each process, untimed.
    sizes : tuple of int
        Sizes to run at.
    quick_sizes : tuple of int, default ()
        Sizes to run at in a hurry, where those above take long.
    unit : str, default "element"
        What a figure in time is given per.
    units : callable, optional
        From a size to the number of units that consuming everything does. Default: the size.
    measure : Measure, default TIME
        What is measured.
    goals : tuple of Goal
        Bounds that the figures are held to.
    up_to : mapping of Contender to int
        The largest size at which a contender is run, where its cost explodes.
    apart : tuple of Contender
        Those whose elements cannot equal the first contender's, for they draw at random in
        another order: theirs need only look like them, in structure, dtypes and shapes. All
        others are refused unless their first elements are equal.
    unit_bytes : int, optional
        Bytes a unit holds, where the speed is of interest in bytes a second.
    """

    title: str
    contenders: Mapping[Contender, Callable[[T], Iterable[object]]]
    inputs: Callable[[int], T]
    sizes: tuple[int, ...]
    quick_sizes: tuple[int, ...] = ()
    unit: str = "element"
    units: Callable[[int], int] = int
    measure: Measure = TIME
    goals: tuple[Goal, ...] = ()
    up_to: Mapping[Contender, int] = field(default_factory=dict)
    apart: tuple[Contender, ...] = ()
    unit_bytes: int | None = None

    @property
    def quick(self) -> Self:
        """The row at its quick sizes."""
        return replace(self, sizes=self.quick_sizes or self.sizes)

    def name(self, size: int) -> str:
        """Return the title for one size."""
        return self.title.replace("{}", f"{size:,}")

    @property
    def whole_name(self) -> str:
        """The title for all sizes."""
        ends = dict.fromkeys((self.sizes[0], self.sizes[-1]))
        return self.title.replace("{}", " to ".join(f"{n:,}" for n in ends))

    def runs(self, contender: Contender, size: int) -> bool:
        """Return whether a contender is run at a size."""
        return size <= self.up_to.get(contender, size)
