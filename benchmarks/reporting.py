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
from benchmarks.quantities import BYTES, SECONDS, rate, times
from benchmarks.rows import Row
from benchmarks.running import Run


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
        f"{facts['date']}, {facts['cores']} cores, {BYTES.say(facts['memory'])}, "
        f"{facts['system']}, {facts['python']}, numpy {facts['numpy']}; "
        f"medians of {rounds} rounds, spread = interquartile range / median"
    )


def figure(run: Run, values: Sequence[float]) -> str:
    """Return the median of a contender's figures in words."""
    row, middle = run.row, median(values)
    if row.unit_bytes:
        return rate(row.unit_bytes / middle)
    return row.measure.quantity.say(middle)


def _lines(run: Run) -> Iterable[list[str]]:
    for size in run.row.sizes:
        title, at = run.row.name(size), run.figures.get(size, {})
        for who in run.row.contenders:
            if who in at:
                versus = times(ratio(at, who, OURS)) if OURS in at and who != OURS else ""
                noise = f"{spread(at[who]):.0%}" if len(at[who]) > 1 else ""
                yield [title, who.name, figure(run, at[who]), noise, versus]
            elif who in run.failures:
                yield [title, who.name, "failed", "", ""]
            else:
                yield [title, who.name, "not run", "", ""]
            title = ""


def every_figure(runs: Iterable[Run]) -> str:
    """Return the table of all contenders: medians, spreads, and their cost over ours."""
    lines = [line for run in runs for line in _lines(run)]
    headers = ["work", "by", "median", "spread", "cost / ours"]
    return _markdown(lines, headers, ("left", "left", "right", "right", "right"))


def every_failure(runs: Iterable[Run]) -> str:
    """Return a line for each reason for which a contender failed, with all that it failed at."""
    failed: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        for who, why in run.failures.items():
            failed.setdefault((who.name, why), []).append(run.row.whole_name)
    return "\n".join(
        f"* {who}: {why} (in: {'; '.join(rows)})" for (who, why), rows in failed.items()
    )


def every_goal(runs: Iterable[Run]) -> str:
    """Return the table of goals: what was to be reached, and what was."""
    lines = []
    for run in runs:
        for goal in run.row.goals:
            value = goal.measure(run.figures)
            measured = "not measured" if value is None else goal.say(value)
            reached = "" if value is None else "yes" if goal.reached(value) else "no"
            lines.append([run.row.whole_name, measured, goal.bound, reached])
    headers = ["work", "measured", "to reach", "reached"]
    return _markdown(lines, headers, ("left",) * 4)


def _markdown(lines: list[list[str]], headers: list[str], align: Sequence[str]) -> str:
    escaped = [[cell.replace("|", r"\|") for cell in line] for line in lines]
    if not escaped:
        return ""
    return tabulate(escaped, headers, tablefmt="github", colalign=align, disable_numparse=True)


def as_json(runs: Iterable[Run], facts: dict[str, Any]) -> dict[str, Any]:
    """Return everything measured: figures in seconds, bytes or counts, one a round."""
    return {"machine": facts, "rows": [_row_as_json(run) for run in runs]}


def _unit(row: Row[Any]) -> str:
    quantity = row.measure.quantity
    return f"{quantity.unit}, per {row.unit}" if quantity is SECONDS else quantity.unit


def _row_as_json(run: Run) -> dict[str, Any]:
    row = run.row
    goals = [(goal, goal.measure(run.figures)) for goal in row.goals]
    return {
        "title": row.title,
        "measure": row.measure.name,
        "unit": _unit(row),
        "sizes": [
            {
                "size": size,
                "contenders": {
                    who.name: {"median": median(values), "spread": spread(values), "rounds": values}
                    for who, values in at.items()
                },
            }
            for size, at in run.figures.items()
        ],
        "failures": {who.name: why for who, why in run.failures.items()},
        "goals": [
            {
                "to_reach": goal.bound,
                "measured": value,
                "reached": None if value is None else goal.reached(value),
            }
            for goal, value in goals
        ],
    }
