"""Outlines: the steps of a stream, with streams of a pool that have the same steps grouped."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pescador.checks import members, seeded_later
from pescador.core import Op, Stream
from pescador.values import changed, fields_of, show

__all__ = ["Branch", "Step", "outline", "places"]

# The width of the longest label, in characters.
WIDTH = 64


@dataclass(slots=True, eq=False)
class Step:
    """A source or an operator of a stream, at its place.

    Attributes
    ----------
    described : Stream
        The stream up to this step.
    runs : str
        The thread or the processes that run it, if they are not the consumer's.
    reseeded : bool
        Whether missing seeds are filled in when its run begins.
    pool : dict
        The streams that are the elements of this step, grouped in branches.
    """

    described: Stream[Any]
    runs: str = ""
    reseeded: bool = False
    pool: dict[Any, Branch] = field(default_factory=dict)

    @property
    def op(self) -> Op[Any, Any] | None:
        """The operator; None for a source."""
        return self.described.ops[-1] if self.described.ops else None

    @property
    def label(self) -> str:
        """The expression, shortened."""
        if self.op is None and self.pool:
            size = sum(len(branch.names) for branch in self.pool.values())
            return f"pool of {size} stream{'s' * (size != 1)}"
        shown = repr(self.described if self.op is None else self.op)
        return shown if len(shown) <= WIDTH else f"{shown[: WIDTH - 4]}...)"

    def admit(self, name: Any, member: Stream[Any], join: Op[Any, Any] | None) -> Branch:
        """Return the branch of the pool that a stream belongs to, and note its name there."""
        kind = _kind(member)
        if kind not in self.pool:
            self.pool[kind] = outline(
                member, self.runs, self.reseeded or bool(join and join.seeds_upstream)
            )
        self.pool[kind].names.setdefault(name)
        return self.pool[kind]


@dataclass(slots=True, eq=False)
class Branch:
    """Streams of the same steps: the steps of the first, from its source on, and all names."""

    steps: list[Step]
    names: dict[Any, None] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The names of the streams within the pool."""
        first, *more = self.names
        return f"{first!r} and {len(more)} like it: " if more else f"{first!r}: "

    def lines(self, title: str = "") -> Iterator[tuple[str, Step]]:
        """Yield each step, with its line in the drawing of the tree."""
        for step in self.steps:
            yield title + step.label, step
            title = ""
            for index, branch in enumerate(step.pool.values(), 1):
                last = index == len(step.pool)
                first, later = ("└─ ", "   ") if last else ("├─ ", "│  ")
                for line, inner in branch.lines(branch.title):
                    yield first + line, inner
                    first = later


def outline(described: Stream[Any], runs: str = "", reseeded: bool = False) -> Branch:
    """Return the steps of a stream.

    Parameters
    ----------
    described : Stream
        The stream.
    runs : str, default=""
        The thread or the processes that run its consumer.
    reseeded : bool, default=False
        Whether its consumer fills in missing seeds.

    Returns
    -------
    Branch
        The steps, without a name.
    """
    steps = []
    first = seeded_later(described)
    for index in range(len(described.ops), -1, -1):
        upto = changed(described, ops=described.ops[:index])
        steps.append(Step(upto, runs, reseeded or index < first))
        if index and (where := described.ops[index - 1].runs_in):
            runs = f"{runs} > {where}" if runs else where
    join = described.ops[0] if described.ops else None
    for name, member in members(described):
        steps[-1].admit(name, member, join)
    return Branch(steps[::-1])


def places(step: Step) -> tuple[str, ...]:
    """Return the file and line of each function of a step that is written in Python."""
    values = (step.described.source,) if step.op is None else fields_of(step.op)
    return tuple(filter(None, map(_place, filter(callable, values))))


def _place(function: Any) -> str:
    """Return the file and line of a function or class; empty if it is not written in Python."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isclass(function):
        try:
            file, line = inspect.getfile(function), inspect.getsourcelines(function)[1]
        except (OSError, TypeError):
            return ""
    else:
        written = inspect.unwrap(function)
        code = getattr(written, "__code__", getattr(type(written).__call__, "__code__", None))
        if code is None:
            return ""
        file, line = code.co_filename, code.co_firstlineno
    path, here = Path(file), Path.cwd()
    return f"{path.relative_to(here) if path.is_relative_to(here) else file}:{line}"


def _kind(described: Stream[Any]) -> Any:
    """Return a value that is equal for streams of the same steps."""
    source = described.source
    return (
        show(source) if callable(source) else type(source),
        frozenset(_kind(member) for _, member in members(described)),
        *((type(op), *map(show, filter(callable, fields_of(op)))) for op in described.ops),
    )
