"""How figures are written: three digits and a unit that suits them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

Scales = tuple[tuple[float, str], ...]


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _scaled(scales: Scales, value: float) -> str:
    """Return a figure in the largest unit that keeps a digit before the point."""
    scale, unit = next((pair for pair in scales if value >= pair[0]), scales[-1])
    return f"{_digits(value / scale)} {unit}"


@dataclass(frozen=True)
class Quantity:
    """What figures are of: the unit that they are kept in, and how one is written."""

    unit: str
    say: Callable[[float], str]


SECONDS = Quantity(
    "seconds", partial(_scaled, ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")))
)
BYTES = Quantity("bytes", partial(_scaled, ((1e9, "GB"), (1e6, "MB"), (1e3, "KB"), (1.0, "B"))))
SHARE = Quantity("share", "{:.1%}".format)
COUNT = Quantity("count", "{:.0f}".format)


def times(value: float) -> str:
    """Return a ratio: `0.75 x`, `12.4 x`, `310 x`."""
    return f"{_digits(value)} x"


def rate(value: float) -> str:
    """Return bytes a second."""
    return f"{BYTES.say(value)}/s"
