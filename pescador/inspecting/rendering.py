"""Rendering: a table as text, as HTML for notebooks, and for rich."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

__all__ = ["Rendered", "Table", "quantity"]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a head, and lines above and below them.

    Parameters
    ----------
    head : tuple of str
        The head of each column; columns without an entry are left out.
    rows : sequence of tuple of str
        The entries.
    numeric : set of str, default=()
        The heads of the columns that are aligned to the right.
    before, after : tuple of str, default=()
        The lines above and below.
    """

    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numeric: frozenset[str] = frozenset()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def columns(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the head and the entries of each column that is shown."""
        for head, *entries in zip(self.head, *self.rows, strict=True):
            if any(entries):
                yield head, entries

    def lines(self) -> Iterator[str]:
        """Yield the lines of the table as text."""
        yield from self.before
        aligned = []
        for head, entries in self.columns():
            width = max(map(len, (head, *entries)))
            align = str.rjust if head in self.numeric else str.ljust
            aligned.append([align(entry, width) for entry in (head, *entries)])
        for row in zip(*aligned, strict=True):
            yield "  ".join(row).rstrip()
        yield from self.after

    def html(self) -> str:
        """Return the table as HTML."""
        tags = ["th", *["td"] * len(self.rows)]
        columns = (
            [
                _cell(tag, text, head in self.numeric)
                for tag, text in zip(tags, (head, *entries), strict=True)
            ]
            for head, entries in self.columns()
        )
        rows = "".join(f"<tr>{''.join(row)}</tr>" for row in zip(*columns, strict=True))
        return f"{_lines(self.before)}<table>{rows}</table>{_lines(self.after)}"

    def rich(self) -> Any:
        """Return the table as an object that rich prints."""
        from rich.console import Group
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(box=None, pad_edge=False)
        columns = [*self.columns()]
        for name, _ in columns:
            numeric = name in self.numeric
            table.add_column(name, justify="right" if numeric else "left", no_wrap=numeric)
        for row in zip(*(entries for _, entries in columns), strict=True):
            table.add_row(*map(Text, row))
        return Group(*map(Text, self.before), table, *map(Text, self.after))


class Rendered(ABC):
    """The base of values that show themselves as tables: printed, in a notebook, by rich."""

    __slots__ = ()

    @abstractmethod
    def tables(self) -> list[Table]:
        """Return the tables."""

    def __str__(self) -> str:
        return "\n\n".join("\n".join(table.lines()) for table in self.tables())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(table.html() for table in self.tables())

    def __rich__(self) -> Any:
        from rich.console import Group

        return Group(*(table.rich() for table in self.tables()))


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"<div>{escape(line)}</div>" for line in lines)


def _cell(tag: str, text: str, numeric: bool) -> str:
    # White space is kept, since it aligns the lines of the tree.
    align = "right" if numeric else "left"
    return f'<{tag} style="text-align: {align}; white-space: pre">{escape(text)}</{tag}>'


PREFIXES = {1e12: "T", 1e9: "G", 1e6: "M", 1e3: "k", 1: "", 1e-3: "m", 1e-6: "µ"}


def quantity(value: float, unit: str = "") -> str:
    """Return three digits and a prefix: ``quantity(0.00123, "s") == "1.23 ms"``."""
    for scale, prefix in PREFIXES.items():
        if value >= 0.9995 * scale:
            return f"{value / scale:#.3g}".rstrip(".") + f" {prefix}{unit}".rstrip()
    return f"{value * 1e9:.0f} n{unit}" if value else f"0 {unit}".rstrip()
