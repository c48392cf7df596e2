"""Running rows: each contender once a round, round after round, so all see the same machine."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from benchmarks.contenders import Contender
from benchmarks.processes import ContenderError, Processes
from benchmarks.rows import Row


@dataclass
class Run:
    """A row as it is run: its figures, one a round, and the contenders that failed.

    Parameters
    ----------
    part : str
        The module that holds the row.
    number : int
        The row's place in the module's `ROWS`.
    row : Row
        What to run.
    processes : Processes
        The workers.
    """

    part: str
    number: int
    row: Row[Any]
    processes: Processes
    figures: dict[int, dict[Contender, list[float]]] = field(default_factory=dict)
    failures: dict[Contender, str] = field(default_factory=dict)

    def compare(self) -> None:
        """Fail the contenders whose first elements are not, or not like, those of the others."""
        apart = set(self.row.apart)
        alike: dict[int, tuple[str, str]] = {}
        for size, who, outline in self._answers("outline"):
            name, expected = alike.setdefault(size, (who.name, outline))
            if outline != expected:
                self._fail(who, f"its elements are {outline}, those of {name} {expected}")
        equal: dict[int, tuple[str, str]] = {}
        for size, who, fingerprint in self._answers("fingerprint", but=apart):
            name, expected = equal.setdefault(size, (who.name, fingerprint))
            if fingerprint != expected:
                self._fail(who, f"its elements differ from those of {name}")

    def measure(self, rounds: int) -> None:
        """Take a figure of each contender at each size, so many times."""
        measure = self.row.measure
        for _ in range(1 if measure.steady else rounds):
            for size, who, figure in self._answers("figure", fresh=measure.fresh):
                self.figures.setdefault(size, {}).setdefault(who, []).append(figure)

    def _fail(self, who: Contender, why: str) -> None:
        self.failures[who] = why
        for at in self.figures.values():
            at.pop(who, None)

    def _answers(
        self, ask: str, *, fresh: bool = False, but: AbstractSet[Contender] = frozenset()
    ) -> Iterator[tuple[int, Contender, Any]]:
        request = {"ask": ask, "part": self.part, "number": self.number}
        for size, who in itertools.product(self.row.sizes, self.row.contenders):
            if who in self.failures or who in but or not self.row.runs(who, size):
                continue
            try:
                answer = self.processes.ask(who, fresh=fresh, size=size, **request)
            except ContenderError as failure:
                self._fail(who, str(failure))
            else:
                yield size, who, answer
