"""How figures are written: three digits and a unit that suits them."""

from __future__ import annotations

SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))
BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "KB"), (1.0, "B"))


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def amount(value: float, *, memory: bool = False) -> str:
    """Return seconds, or bytes, in the largest unit that keeps a digit before the point."""
    units = BYTES if memory else SECONDS
    scale, unit = next((pair for pair in units if value >= pair[0]), units[-1])
    return f"{_digits(value / scale)} {unit}"


def times(value: float) -> str:
    """Return a ratio: `0.75 x`, `12.4 x`, `310 x`."""
    return f"{_digits(value)} x"


def rate(value: float) -> str:
    """Return bytes a second."""
    return f"{amount(value, memory=True)}/s"
