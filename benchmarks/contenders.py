"""Who takes part in a benchmark: a name, and the environment whose packages it needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Environment:
    """Packages installed together into a virtual environment of their own.

    Parameters
    ----------
    name : str
        Names the environment's folder, and the column of its failures.
    requirements : tuple of str
        What pip installs. The numpy of the running interpreter is added, so that every
        contender computes with the same one.
    startup : str, default ""
        One `import` line that its interpreter runs before anything else.
    """

    name: str
    requirements: tuple[str, ...]
    startup: str = ""


@dataclass(frozen=True)
class Contender:
    """One way of doing a piece of work; without an environment it runs in this checkout."""

    name: str
    environment: Environment | None = None


OURS = Contender("ours")
BY_HAND = Contender("by hand")
V3 = Contender("3.0.0", Environment("pescador-3.0.0", ("pescador==3.0.0",)))
V1 = Contender(
    "1.0.0",
    Environment(
        "pescador-1.0.0",
        ("pescador==1.0.0", "joblib<1.3", "six"),
        # Python 3.10 removed the alias that this release reads.
        startup="import collections.abc; collections.Iterable = collections.abc.Iterable",
    ),
)
