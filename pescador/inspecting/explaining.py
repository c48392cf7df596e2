"""Explaining: a stream as a tree of its steps, with the readings of each."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pescador.checks import wants_seed
from pescador.core import stream
from pescador.inspecting.outlining import Step, outline, places
from pescador.inspecting.rendering import Rendered, Table
from pescador.readings import Length

__all__ = ["Explanation", "Row", "explain"]


@dataclass(frozen=True, slots=True)
class Row:
    """The readings of one step.

    Parameters
    ----------
    step : str
        The source or the operator, after the lines of the tree.
    length : int, math.inf or None
        The number of elements that the step yields; None if it is not known.
    seeded : bool or None
        Whether its random draws have a seed, or are seeded when the run begins; None if it draws
        nothing.
    runs : str
        The thread or the processes that run it, if they are not the consumer's.
    functions : tuple of str
        The places ``file:line`` of its functions that are written in Python.
    """

    step: str
    length: Length
    seeded: bool | None
    runs: str
    functions: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Explanation(Rendered):
    """The result of `explain`, which prints itself as a table, also in a notebook.

    Parameters
    ----------
    rows : tuple of Row
        One row per step: a source, the operators after it, and the streams of a pool below the
        pool.
    """

    rows: tuple[Row, ...]

    def tables(self) -> list[Table]:
        """Return the rows as one table."""
        head = ("step", "length", "seed", "runs in", "functions")
        rows = [
            (
                row.step,
                "unknown" if row.length is None else _length(row.length),
                "" if row.seeded is None else "given" if row.seeded else "none",
                row.runs,
                ", ".join(row.functions),
            )
            for row in self.rows
        ]
        return [Table(head, rows, frozenset({"length"}))]


def explain(described: Iterable[Any]) -> Explanation:
    """Explain a stream as a tree: the length, seed, process and functions of each step.

    Nothing is run. Streams of a pool that have the same steps are shown once, by the first of them.

    Parameters
    ----------
    described : Stream, or what `pescador.stream` takes
        The stream.

    Returns
    -------
    Explanation
        A value that prints itself as a table.

    Examples
    --------
    >>> from pescador.ops import batch, mux, take
    >>> pool = {"tens": range(10, 20), "more": range(100, 200)}
    >>> explain(pool | mux(2, random_state=0) | batch(4) | take(3))
    step                                             length  seed
    pool of 2 streams                                     2
    └─ 'tens' and 1 like it: stream(range(10, 20))       10
    mux(2, random_state=0)                          endless  given
    batch(4)                                        endless
    take(3)                                               3
    """
    branch = outline(stream(described))
    return Explanation(tuple(_row(line, step) for line, step in branch.lines()))


def _row(line: str, step: Step) -> Row:
    seeded = step.op.seeded if step.op else False if wants_seed(step.described) else None
    if seeded is False and step.reseeded:
        seeded = True
    return Row(line, step.described.length, seeded, step.runs, places(step))


def _length(length: float) -> str:
    return "endless" if length == math.inf else f"{length:,}"
