"""Graphing: a stream as a Mermaid flowchart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from pescador.core import stream
from pescador.inspecting.outlining import Branch, outline

__all__ = ["graph"]


def graph(described: Iterable[Any]) -> str:
    """Draw a stream as the text of a Mermaid flowchart: its steps, pools and processes.

    Nothing is run.

    Parameters
    ----------
    described : Stream, or what `pescador.stream` takes
        The stream.

    Returns
    -------
    str
        A text for https://mermaid.js.org, which many viewers of Markdown draw.

    Examples
    --------
    >>> from pescador.ops import mux, take
    >>> print(graph({"a": "abc", "b": range(3)} | mux(2) | take(4)))
    flowchart TD
        s0["pool of 2 streams"]
        s1["stream('abc')"]
        s1 -->|"'a'"| s0
        s2["stream(range(0, 3))"]
        s2 -->|"'b'"| s0
        s3["mux(2)"]
        s0 --> s3
        s4["take(4)"]
        s3 --> s4
    """
    lines, _ = _drawn(outline(stream(described)), count())
    return "\n".join(["flowchart TD", *("    " + line for line in lines)])


def _drawn(branch: Branch, numbers: Iterator[int]) -> tuple[list[str], str]:
    """Return the lines of a branch, and the name of its last node."""
    lines: list[str] = []
    before = ""
    for step in branch.steps:
        if step.op and step.op.runs_in:
            inside = [f"    {line}" for line in lines]
            lines = [f'subgraph p{next(numbers)}["{_text(step.op.runs_in)}"]', *inside, "end"]
        node = f"s{next(numbers)}"
        lines.append(f'{node}["{_text(step.label)}"]')
        if before:
            lines.append(f"{before} --> {node}")
        for member in step.pool.values():
            inside, last = _drawn(member, numbers)
            lines += [*inside, f'{last} -->|"{_text(member.title.removesuffix(": "))}"| {node}']
        before = node
    return lines, before


def _text(label: str) -> str:
    """Return a label with the characters escaped that Mermaid reads as its own."""
    # Mermaid has entities of its own, without the ampersand of HTML.
    for character in '#"<>':
        label = label.replace(character, f"#{ord(character)};")
    return label
