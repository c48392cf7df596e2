"""A classifier learns from 200 files sorted by class: read in order, mixed, and all in memory."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

from pescador import Stream, stream
from pescador.ops import batch, chain, cycle, mux

Arrays = dict[str, np.ndarray]

N_FILES = 200
N_ACTIVE = 16
N_EPOCHS = 5
BATCH_SIZE = 32
SEED = 7


def write_files(folder: Path, X: np.ndarray, Y: np.ndarray) -> list[Path]:
    """Write the samples, sorted by class, to one small file after another."""
    paths = [folder / f"{number:03}.npz" for number in range(N_FILES)]
    for path, rows in zip(
        paths, np.array_split(np.argsort(Y, kind="stable"), N_FILES), strict=True
    ):
        np.savez(path, X=X[rows], Y=Y[rows])
    return paths


class OpenFiles:
    """A count of the files that were opened, and of those that were open at once."""

    def __init__(self) -> None:
        self.files: list[BinaryIO] = []
        self.opened = 0
        self.most = 0

    def add(self, file: BinaryIO) -> None:
        """Count a file that was just opened, with those that are still open."""
        self.files = [one for one in [*self.files, file] if not one.closed]
        self.opened += 1
        self.most = max(self.most, len(self.files))


def samples(path: Path, open_files: OpenFiles) -> Iterator[Arrays]:
    """Yield the samples of one file, which is open as long as this generator runs."""
    with path.open("rb") as file, np.load(file) as arrays:
        open_files.add(file)
        for x, y in zip(arrays["X"], arrays["Y"], strict=True):
            yield {"X": x, "Y": y}


def in_order(files: dict[str, Stream[Arrays]]) -> Stream[Arrays]:
    """Read one file after another."""
    return files | chain() | cycle(N_EPOCHS) | batch(BATCH_SIZE)


def mixed(files: dict[str, Stream[Arrays]]) -> Stream[Arrays]:
    """Read at random from 16 files at a time, in another order in each epoch."""
    epoch = files | mux(N_ACTIVE, lam=None, mode="exhaustive")
    return (epoch | cycle(N_EPOCHS, reseed=True) | batch(BATCH_SIZE)).seed(SEED)


def in_memory(X: np.ndarray, Y: np.ndarray) -> Iterator[Arrays]:
    """Shuffle arrays that hold all samples, in another order in each epoch."""
    rng = np.random.default_rng(SEED)
    rows = np.concatenate([rng.permutation(len(X)) for _ in range(N_EPOCHS)])
    for start in range(0, len(rows) - BATCH_SIZE + 1, BATCH_SIZE):
        chosen = rows[start : start + BATCH_SIZE]
        yield {"X": X[chosen], "Y": Y[chosen]}


def trained(batches: Iterable[Arrays]) -> SGDClassifier:
    """Train a new classifier on the batches."""
    model = SGDClassifier(alpha=0.01, random_state=0)
    for one in batches:
        model.partial_fit(one["X"], one["Y"], classes=range(10))
    return model


def main() -> None:
    """Train on the same samples in three orders, and print the accuracy on held-out samples."""
    X, Y = load_digits(return_X_y=True)
    X /= X.max()
    train, test = train_test_split(np.arange(len(X)), test_size=0.25, stratify=Y, random_state=0)
    print(f"{len(train)} images of digits, {N_EPOCHS} epochs; tested on {len(test)} others")

    model = trained(in_memory(X[train], Y[train]))
    print(f"all in memory, shuffled:  accuracy {model.score(X[test], Y[test]):.3f}")

    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(Path(folder), X[train], Y[train])
        for order, read in [
            ("files read in order", in_order),
            ("files mixed by mux", mixed),
            (f"again, from seed {SEED}", mixed),
        ]:
            open_files = OpenFiles()
            files = {path.stem: stream(samples, path, open_files) for path in paths}
            model = trained(read(files))
            accuracy = model.score(X[test], Y[test])
            print(
                f"{order + ':':25} accuracy {accuracy:.3f}, "
                f"at most {open_files.most} of {N_FILES} files open at once"
            )


if __name__ == "__main__":
    main()
