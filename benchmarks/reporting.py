"""What a run hands out: tables in Markdown, every figure in JSON, and pictures."""

import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from benchmarks.rows import OURS, Row, typical
from benchmarks.running import Run


def say(value: float, unit: str) -> str:
    """Return a figure to three digits: `45.7 µs`, `1.2 GB/s`, `310 x`; or nothing for NaN."""
    if np.isnan(value):
        return ""
    if unit in {"s", "B", "B/s"}:
        return EngFormatter(unit)(float(f"{value:.3g}"))
    return f"{float(f'{value:.3g}'):g} {unit}".strip()


def of_row(row: Row, value: float) -> str:
    """Return a figure of a row, as a rate where the row knows the bytes."""
    return say(row.unit_bytes / value, "B/s") if row.unit_bytes else say(value, row.measure.unit)


def quartiles(run: Run) -> list[pd.DataFrame]:
    """Return the lower quartile, the median and the upper one over the rounds, for each size."""
    return [run.figures.groupby("size").quantile(share) for share in (0.25, 0.5, 0.75)]


def table(lines: Sequence[Sequence[str]], *headers: str) -> str:
    """Return a table in Markdown, or an empty text if there are no lines."""
    cells = pd.DataFrame(lines, columns=headers).replace(r"\|", r"\\|", regex=True)
    return cells.to_markdown(index=False, tablefmt="github", disable_numparse=True) if lines else ""


def figures(runs: Sequence[Run]) -> str:
    """Return the table of all contenders: medians, spreads, and their cost over ours."""
    lines = []
    for run in runs:
        low, middle, high = quartiles(run)
        costs = typical(run.figures, OURS)
        for size, who in product(run.row.sizes, run.row.contenders):
            value = middle[who][size]
            said = of_row(run.row, value) or ("failed" if who in run.failures else "not run")
            spread = say((high - low)[who][size] / value * 100, "%")
            cost = "" if who == OURS else say(costs[who][size], "x")
            lines.append((run.row.name(size), str(who), said, spread, cost))
    return table(lines, "work", "by", "median", "spread", "cost / ours")


def failures(runs: Sequence[Run]) -> str:
    """Return the table of those who failed, and why."""
    lines = [(run.row.name(), str(who), why) for run in runs for who, why in run.failures.items()]
    return table(lines, "work", "by", "failed")


def goals(runs: Sequence[Run]) -> str:
    """Return the table of goals: what was to be reached, and what was."""
    lines = []
    for run, goal in [(one, goal) for one in runs for goal in one.row.goals]:
        value = goal.value(run.figures)
        measured, limit = (goal.text.format(say(one, goal.unit)) for one in (value, goal.limit))
        reached = "" if np.isnan(value) else "no" if goal in run.missed else "yes"
        lines.append((run.row.name(), measured, f"{goal.bound} {limit}", reached))
    return table(lines, "work", "measured", "to reach", "reached")


def write(runs: Sequence[Run], file: Path) -> None:
    """Write every figure as an object of JSON, in seconds, bytes, per cent or plain numbers."""
    tables = [
        run.figures.rename(columns=str)
        .melt(var_name="by", value_name="figure", ignore_index=False)
        .assign(work=run.row.title, measure=run.row.measure.name, unit=run.row.measure.unit)
        for run in runs
    ]
    pd.concat(tables).dropna().reset_index().to_json(file, orient="records", double_precision=15)


def draw(runs: Sequence[Run], folder: Path) -> None:
    """Draw a picture of each row that somebody ran, named for its title: medians and quartiles."""
    folder.mkdir(parents=True, exist_ok=True)
    # The same figures give the same file.
    mpl.rcParams["svg.hashsalt"] = "pescador"
    for run in runs:
        low, middle, high = (one.rename(columns=str).dropna(axis=1) for one in quartiles(run))
        axes = Figure((7, 4), layout="constrained").add_subplot(title=run.row.name())
        if len(middle) > 1:
            middle.plot(ax=axes, marker="o", logx=max(run.row.sizes) > 50, ylim=(0, None))
            axes.set(xlabel=run.row.title.replace("{}", "n"))
            for who in middle:
                axes.fill_between(middle.index, low[who], high[who], alpha=0.2)
        else:
            ranked = middle.iloc[0].sort_values(ascending=False)
            errors = [(middle - low).iloc[0][ranked.index], (high - middle).iloc[0][ranked.index]]
            colours = ["tab:orange" if who == "ours" else "tab:gray" for who in ranked.index]
            ranked.plot.barh(ax=axes, xerr=errors, color=colours, ylabel="")
            axes.bar_label(axes.containers[-1], [f" {of_row(run.row, one)}" for one in ranked])
            scale = "log" if ranked.max() > 20 * ranked.min() > 0 else "linear"
            axes.set(xscale=scale, xmargin=0.15)
        values = axes.yaxis if len(middle) > 1 else axes.xaxis
        values.set_major_formatter(lambda value, _, row=run.row: say(value, row.measure.unit))
        values.set_label_text(run.row.measure.name.replace("unit", run.row.unit))
        name = re.sub(r"[^a-z0-9]+", "-", run.row.name().lower()).strip("-")
        axes.figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
