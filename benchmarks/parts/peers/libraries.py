"""Who does the work of pescador elsewhere, each release in an environment that can also train."""

import tomllib
from pathlib import Path

from benchmarks.rows import CHECKOUT, Contender

# One build of torch everywhere, because each of them trains the same models.
LEARNING = ("torch==2.13.0", "scikit-learn", "psutil")
NEEDED = tomllib.loads(Path(CHECKOUT, "pyproject.toml").read_text())["project"]["dependencies"]

_TORCH = ("torchdata==0.11.0", "webdataset==1.0.2", *LEARNING)

OURS_LEARNING = Contender("ours", (*NEEDED, *LEARNING), CHECKOUT)
TORCH = Contender("torch", _TORCH)
TORCHDATA = Contender("torchdata", _TORCH)
WEBDATASET = Contender("webdataset", _TORCH)
DATASETS = Contender("datasets", ("datasets==5.2.0", *LEARNING))
GRAIN = Contender("grain", ("grain==0.2.18", *LEARNING))
SPDL = Contender("spdl", ("spdl==0.8.0", *LEARNING))
LITDATA = Contender("litdata", ("litdata==0.2.76", *LEARNING))
TFDATA = Contender("tf.data", ("tensorflow-cpu==2.21.0", *LEARNING))
PESCADOR3 = Contender("pescador 3", ("pescador==3.0.0", *LEARNING))
