"""Explaining: a stream as a tree of its steps, with what is known of each."""

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
    """What is known of one step.

    Parameters
    ----------
    step : str
        The source or the operator, behind the lines of the tree.
    length : int, math.inf or None
        How many elements have come out of it at the end; None where that is not known.
    seeded : bool or None
        Whether its random draws have a seed, or will be given one when they begin; None where it
        draws nothing.
    runs : str
        In which thread or processes, if not those of the consumer.
    functions : tuple of str
        Where its functions are written, those in Python: ``file:line``.
    """

    step: str
    length: Length
    seeded: bool | None
    runs: str
    functions: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Explanation(Rendered):
    """What `explain` returns: printed it is a table, in a notebook too.

    Parameters
    ----------
    rows : tuple of Row
        One per step: a source, what its elements pass through, and the streams of a pool below it.
    """

    rows: tuple[Row, ...]

    def tables(self) -> list[Table]:
        """The rows, as one table."""
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
    """A stream as a tree: each step with its length, its seed, where it runs, and your functions.

    Nothing is run. Streams of a pool that are alike are told once, by the first of them.

    Parameters
    ----------
    described : Stream, or what `pescador.stream` takes
        What is looked at.

    Returns
    -------
    Explanation
        A value, which shows itself as a table.

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
