"""Who takes part in a benchmark: a name, and the environment whose packages it needs."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


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
    checkout : bool, default False
        Whether its interpreter imports this checkout.
    """

    name: str
    requirements: tuple[str, ...]
    startup: str = ""
    checkout: bool = False


@dataclass(frozen=True)
class Contender:
    """One way of doing a piece of work, told by its name among those of a row.

    Without an environment it runs in this checkout, and with what is installed beside it.
    """

    name: str
    environment: Environment | None = field(default=None, compare=False)


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


# One build of torch everywhere, for each of them trains the same models.
LEARNING = ("torch==2.13.0", "scikit-learn", "psutil")


def beside_learning(name: str, *requirements: str, checkout: bool = False) -> Environment:
    """Return an environment that can train, too."""
    return Environment(name, (*requirements, *LEARNING), checkout=checkout)


def _needed() -> list[str]:
    """Return what this checkout depends on."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    needed: list[str] = project["dependencies"]
    return needed


_TORCH = beside_learning("torch", "torchdata==0.11.0", "webdataset==1.0.2")

OURS_LEARNING = Contender("ours", beside_learning("ours", *_needed(), checkout=True))
TORCH = Contender("torch", _TORCH)
TORCHDATA = Contender("torchdata", _TORCH)
WEBDATASET = Contender("webdataset", _TORCH)
DATASETS = Contender("datasets", beside_learning("datasets", "datasets==5.2.0"))
GRAIN = Contender("grain", beside_learning("grain", "grain==0.2.18"))
SPDL = Contender("spdl", beside_learning("spdl", "spdl==0.8.0"))
LITDATA = Contender("litdata", beside_learning("litdata", "litdata==0.2.76"))
TFDATA = Contender("tf.data", beside_learning("tensorflow-cpu", "tensorflow-cpu==2.21.0"))
PESCADOR3 = Contender("pescador 3", beside_learning("pescador-3.0.0-learning", "pescador==3.0.0"))
