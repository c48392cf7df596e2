"""Pictures of what a run measured: bars side by side, or a line over the sizes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from statistics import median, quantiles

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks import reporting
from benchmarks.contenders import OURS, Contender
from benchmarks.running import Run

OUR_COLOUR, OTHER_COLOUR = "tab:orange", "tab:gray"

# What differs by more than this would leave nothing to see of the least.
MANIFOLD = 20


def draw(runs: Iterable[Run], folder: Path) -> None:
    """Draw a picture of each row that has figures, named for its title."""
    folder.mkdir(parents=True, exist_ok=True)
    # The same figures give the same file.
    mpl.rcParams["svg.hashsalt"] = "pescador"
    for run in runs:
        if any(run.figures.values()):
            name = re.sub(r"[^a-z0-9]+", "-", run.row.whole_name.lower()).strip("-")
            picture = Figure(figsize=(7, 4), layout="constrained")
            axes = picture.add_subplot()
            (_bars if len(run.row.sizes) == 1 else _lines)(run, axes)
            axes.set_title(run.row.whole_name, size=10)
            picture.savefig(folder / f"{name}.svg", metadata={"Date": None})


def _quartiles(values: list[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high


def _measured(run: Run) -> str:
    return run.row.measure.name.replace("unit", run.row.unit)


def _written(run: Run) -> FuncFormatter:
    return FuncFormatter(lambda value, _: run.row.measure.quantity.say(value))


def _bars(run: Run, axes: Axes) -> None:
    """Draw the contenders' medians and quartiles, the least at the top."""
    (figures,) = run.figures.values()
    ranked = sorted(figures, key=lambda who: -median(figures[who]))
    if median(figures[ranked[0]]) > MANIFOLD * median(figures[ranked[-1]]) > 0:
        axes.set_xscale("log")
    for place, who in enumerate(ranked):
        middle, (low, high) = median(figures[who]), _quartiles(figures[who])
        axes.barh(
            place,
            middle,
            xerr=[[middle - low], [high - middle]],
            color=OUR_COLOUR if who == OURS else OTHER_COLOUR,
        )
        label = reporting.figure(run, figures[who])
        axes.annotate(label, (high, place), xytext=(4, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(ranked)), [who.name for who in ranked])
    axes.margins(x=0.15)
    axes.set_xlabel(_measured(run))
    axes.xaxis.set_major_formatter(_written(run))


def _lines(run: Run, axes: Axes) -> None:
    """Draw the contenders' medians over the sizes, and their quartiles around them."""
    contenders: list[Contender] = list(run.row.contenders)
    for who in contenders:
        sizes = [size for size, at in run.figures.items() if who in at]
        if sizes:
            values = [run.figures[size][who] for size in sizes]
            low, high = zip(*map(_quartiles, values), strict=True)
            axes.plot(sizes, list(map(median, values)), marker="o", label=who.name)
            axes.fill_between(sizes, low, high, alpha=0.2)
    if max(run.row.sizes) > 50:
        axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel(run.row.title.replace("{}", "n"))
    axes.set_ylabel(_measured(run))
    axes.yaxis.set_major_formatter(_written(run))
    axes.legend()
