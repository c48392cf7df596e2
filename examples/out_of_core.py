"""A classifier learns from samples of 200 files, of which no more than 16 are open at a time."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import ShuffleSplit

from pescador import stream
from pescador.ops import batch, mux, take

N_FILES = 200
BATCH_SIZE = 64
N_BATCHES = 500


def write_files(folder: Path, X: np.ndarray, Y: np.ndarray) -> list[Path]:
    """Files of a few samples each, sorted by class: no file alone is a fair sample."""
    paths = [folder / f"{index:03}.npz" for index in range(N_FILES)]
    for path, rows in zip(paths, np.array_split(np.argsort(Y), N_FILES), strict=True):
        np.savez(path, X=X[rows], Y=Y[rows])
    return paths


class Opened:
    """The files that were opened, and how many of them were open at most."""

    def __init__(self) -> None:
        self.files: list[BinaryIO] = []
        self.total = 0
        self.most = 0

    def add(self, file: BinaryIO) -> None:
        """Count anew: only now can there be more open than before."""
        self.files = [one for one in [*self.files, file] if not one.closed]
        self.total += 1
        self.most = max(self.most, len(self.files))


def samples(
    path: Path, rng: np.random.Generator, opened: Opened
) -> Iterator[dict[str, np.ndarray]]:
    """Random rows of one file without end; it is open for as long as the stream is active."""
    with path.open("rb") as file, np.load(file) as arrays:
        opened.add(file)
        X, Y = arrays["X"], arrays["Y"]
        while True:
            row = rng.integers(len(X))
            yield {"X": X[row], "Y": Y[row]}


def main() -> None:
    """Write the files, learn from them, and print how well and how fast."""
    X, Y = load_digits(return_X_y=True)
    X /= X.max()
    train, test = next(ShuffleSplit(n_splits=1, test_size=0.2, random_state=0).split(X))
    model = SGDClassifier(random_state=0)
    rng = np.random.default_rng(0)
    opened = Opened()

    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(Path(folder), X[train], Y[train])
        batches = (
            [stream(samples, path, rng, opened) for path in paths]
            | mux(k=16, lam=16, random_state=0)
            | batch(BATCH_SIZE)
            | take(N_BATCHES)
        )
        start = time.perf_counter()
        for one in batches:
            model.partial_fit(one["X"], one["Y"], classes=np.unique(Y))
        seconds = time.perf_counter() - start

    print(f"Test accuracy: {model.score(X[test], Y[test]):.3f}")
    print(f"Samples per second: {N_BATCHES * BATCH_SIZE / seconds:.0f}")
    print(f"Files open at most: {opened.most}, of {N_FILES}, opened {opened.total} times")


if __name__ == "__main__":
    main()
