"""What a run hands out: two Markdown tables, and the same in JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median, quantiles
from typing import Any

from tabulate import tabulate

from benchmarks.contenders import OURS
from benchmarks.goals import ratio
from benchmarks.quantities import amount, rate, times
from benchmarks.running import Result


def spread(values: Sequence[float]) -> float:
    """Return the interquartile range as a share of the median."""
    if len(values) < 2:
        return 0.0
    low, _, high = quantiles(values, n=4, method="inclusive")
    return (high - low) / median(values)


def machine() -> dict[str, Any]:
    """Return when and on what the figures were taken."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "memory": memory,
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": version("numpy"),
    }


def heading(facts: dict[str, Any], rounds: int) -> str:
    """Return the line that opens the report."""
    return (
        f"{facts['date']}, {facts['cores']} cores, {amount(facts['memory'], memory=True)}, "
        f"{facts['system']}, {facts['python']}, numpy {facts['numpy']}; "
        f"medians of {rounds} rounds, spread = interquartile range / median"
    )


def _figure(result: Result, values: Sequence[float]) -> str:
    row, middle = result.row, median(values)
    if row.unit_bytes:
        return rate(row.unit_bytes / middle)
    return amount(middle, memory=row.measure.memory)


def _lines(result: Result) -> Iterable[list[str]]:
    for size, at in result.figures.items():
        title = result.row.name(size)
        for who in result.row.contenders:
            if who in at:
                versus = times(ratio(at, who, OURS)) if OURS in at and who != OURS else ""
                noise = f"{spread(at[who]):.0%}"
                yield [title, who.name, _figure(result, at[who]), noise, versus]
            elif who in result.failures:
                yield [title, who.name, "failed", "", ""]
            else:
                yield [title, who.name, "not run", "", ""]
            title = ""


def every_figure(results: Iterable[Result]) -> str:
    """Return the table of all contenders: medians, spreads, and their cost over ours."""
    lines = [line for result in results for line in _lines(result)]
    headers = ["work", "by", "median", "spread", "cost / ours"]
    return _markdown(lines, headers, ("left", "left", "right", "right", "right"))


def every_failure(results: Iterable[Result]) -> str:
    """Return a line for each contender that failed, with the reason."""
    return "\n".join(
        f"* {result.row.whole_name}, {who.name}: {why}"
        for result in results
        for who, why in result.failures.items()
    )


def every_goal(results: Iterable[Result]) -> str:
    """Return the table of goals: what was to be reached, and what was."""
    lines = []
    for result in results:
        for goal in result.row.goals:
            value = goal.measure(result.figures)
            measured = "not measured" if value is None else goal.say(value)
            reached = "" if value is None else "yes" if goal.reached(value) else "no"
            lines.append([result.row.whole_name, measured, goal.bound, reached])
    headers = ["work", "measured", "to reach", "reached"]
    return _markdown(lines, headers, ("left",) * 4)


def _markdown(lines: list[list[str]], headers: list[str], align: Sequence[str]) -> str:
    escaped = [[cell.replace("|", r"\|") for cell in line] for line in lines]
    return tabulate(escaped, headers, tablefmt="github", colalign=align, disable_numparse=True)


def as_json(results: Iterable[Result], facts: dict[str, Any]) -> dict[str, Any]:
    """Return everything measured: figures in seconds or bytes, one a round."""
    return {"machine": facts, "rows": [_row_as_json(result) for result in results]}


def _row_as_json(result: Result) -> dict[str, Any]:
    row = result.row
    goals = [(goal, goal.measure(result.figures)) for goal in row.goals]
    return {
        "title": row.title,
        "measure": row.measure.name,
        "unit": "bytes" if row.measure.memory else f"seconds, per {row.unit}",
        "sizes": [
            {
                "size": size,
                "contenders": {
                    who.name: {"median": median(values), "spread": spread(values), "rounds": values}
                    for who, values in at.items()
                },
            }
            for size, at in result.figures.items()
        ],
        "failures": {who.name: why for who, why in result.failures.items()},
        "goals": [
            {
                "to_reach": goal.bound,
                "measured": value,
                "reached": None if value is None else goal.reached(value),
            }
            for goal, value in goals
        ],
    }
