"""Running rows: each contender once a round, round after round, so all see the same machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.contenders import Contender
from benchmarks.processes import ContenderError, Processes
from benchmarks.rows import Row


@dataclass(frozen=True)
class Result:
    """A row's figures, one a round, and the contenders that failed."""

    row: Row[Any]
    figures: dict[int, dict[Contender, list[float]]]
    failures: dict[Contender, str]


def run(part: str, number: int, row: Row[Any], rounds: int, processes: Processes) -> Result:
    """Run a row's contenders in turns, at every size.

    Parameters
    ----------
    part : str
        The module that holds the row.
    number : int
        The row's place in the module's `ROWS`.
    row : Row
        What to run.
    rounds : int
        Figures to take of each contender at each size.
    processes : Processes
        The workers.

    Returns
    -------
    Result
        Contenders whose first elements are not those of the first contender, or that
        raise, are among its failures, without figures.
    """
    failures: dict[Contender, str] = {}

    def each(ask: str, answer: Callable[[int, Contender, Any], None]) -> None:
        for size in row.sizes:
            for who in row.contenders:
                if who in failures or not row.runs(who, size):
                    continue
                request = {"part": part, "number": number, "size": size}
                try:
                    answer(size, who, processes.ask(who, ask=ask, **request))
                except ContenderError as failure:
                    failures[who] = str(failure)

    fingerprints: dict[int, str] = {}

    def compare(size: int, who: Contender, fingerprint: str) -> None:
        if who not in row.apart and fingerprints.setdefault(size, fingerprint) != fingerprint:
            failures[who] = f"its elements differ from those of {next(iter(row.contenders)).name}"

    each("fingerprint", compare)
    figures: dict[int, dict[Contender, list[float]]] = {size: {} for size in row.sizes}

    def keep(size: int, who: Contender, figure: float) -> None:
        figures[size].setdefault(who, []).append(figure)

    for _ in range(rounds):
        each("figure", keep)
    for at in figures.values():
        for who in failures:
            at.pop(who, None)
    return Result(row, figures, failures)
