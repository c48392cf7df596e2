"""Files to read: scikit-learn's digits, tiled and noised, a megabyte each, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.environments import default_cache

ROWS = 3_780
DRAWS = 16

Sample = dict[str, Any]
Data = dict[str, npt.NDArray[Any]]


def digits(n: int) -> list[str]:
    """Return the paths of n files, those that are missing made now."""
    folder = default_cache() / "digits"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{i:05}.npz" for i in range(n)]
    missing = [path for path in paths if not path.exists()]
    if missing:
        from sklearn.datasets import load_digits

        X, Y = load_digits(return_X_y=True)
        for path in missing:
            _make(path, X.astype(np.float32), Y.astype(np.int64))
    return list(map(str, paths))


def _make(path: Path, X: npt.NDArray[np.float32], Y: npt.NDArray[np.int64]) -> None:
    rng = np.random.default_rng(int(path.stem))
    rows = rng.permutation(np.resize(np.arange(len(Y)), ROWS))
    noise = rng.normal(size=(ROWS, X.shape[1])).astype(np.float32)
    unfinished = path.with_suffix(".part.npz")
    np.savez(unfinished, X=X[rows] + noise, Y=Y[rows])
    unfinished.replace(path)


def drawn(path: str) -> Data:
    """Read a file, and return some of its rows, drawn at random."""
    with np.load(path) as data:
        rows = np.random.default_rng().integers(ROWS, size=DRAWS)
        return {"X": data["X"][rows], "Y": data["Y"][rows]}


def draws(path: str) -> Iterator[Sample]:
    """Yield the same one by one, the file open until the last has been taken."""
    with np.load(path) as data:
        rows = np.random.default_rng().integers(ROWS, size=DRAWS)
        yield from map(_sample, data["X"][rows], data["Y"][rows])


def _sample(x: npt.NDArray[np.float32], y: np.int64) -> Sample:
    return {"X": x, "Y": int(y)}
