"""Plots of the run of a stream; matplotlib is an extra, imported when a plot is drawn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pescador.core import stream
from pescador.errors import require
from pescador.inspecting import profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["activity"]

# The greatest number of streams whose names are written at the axis.
NAMED = 40


def activity(described: Iterable[Any], n: int = 1000, ax: Axes | None = None) -> Axes:
    """Draw which stream of a pool each element came from, and which streams were active.

    The stream is run. Each activated stream of its pool has a line, with a bar for each time that
    it was active, and a mark for each element that it yielded.

    Parameters
    ----------
    described : Stream, or what `pescador.stream` takes
        The stream, with a mux or another operator on a pool. If there are several, the first is
        drawn.
    n : int > 0, default=1000
        The number of elements to run; fewer, if the stream has fewer.
    ax : matplotlib Axes or None, default=None
        The axes to draw on; None for the current axes.

    Returns
    -------
    matplotlib Axes
        The axes that were drawn on; x counts the elements of the pool.

    Raises
    ------
    ParameterError
        If no pool was run.

    Examples
    --------
    >>> from pescador.ops import mux
    >>> axes = activity(["aaaa", "bbbb", "cccc"] | mux(2, lam=2, random_state=0), n=30)
    >>> axes.get_xlabel()
    'element'
    """
    import matplotlib.pyplot as plt

    pools = profile(described, n).pools
    require(pools, stream(described), "has no pool of streams to draw")
    axes = plt.gca() if ax is None else ax
    names = _in_order({name for name, _, _ in pools[0].visits})
    lines = {name: line for line, name in enumerate(names)}
    for name, begin, end in pools[0].visits:
        # A bar extends half a step beyond the first and the last element.
        axes.barh(lines[name], end - begin, 0.8, begin - 0.5, color="C0", alpha=0.25)
    given = [lines[name] for name in pools[0].given]
    axes.plot(range(len(given)), given, "|", color="C0", markersize=4)
    axes.set(xlabel="element", ylabel="stream", xlim=(-0.5, max(len(given), 1) - 0.5))
    axes.set_ylim(len(names) - 0.5, -0.5)
    if len(names) <= NAMED:
        axes.set_yticks(range(len(names)), [str(name) for name in names])
    return axes


def _in_order(names: set[Any]) -> list[Any]:
    try:
        return sorted(names)
    except TypeError:  # Names of several types cannot be sorted.
        return sorted(names, key=repr)
