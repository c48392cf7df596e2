"""A classifier learns from a random mixture of noisy streams of Iris, two of them alive at a time.

The mixture is described twice, by the documented classes and as one pipeline, and is the same.
"""

from collections.abc import Iterator

import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import ShuffleSplit

import pescador
from pescador import Stream, stream
from pescador.ops import mux, take

Batch = dict[str, np.ndarray]

VARIANCES = [0.01, 0.02, 0.05, 0.1]  # Those of the features are 0.2 to 3.1.
N_BATCHES = 1000


def noisy_samples(
    X: np.ndarray, Y: np.ndarray, variance: float, rng: np.random.Generator, batch_size: int = 16
) -> Iterator[Batch]:
    """Batches without end: rows drawn at random, and Gaussian noise added to them."""
    while True:
        rows = rng.integers(len(X), size=batch_size)
        noise = rng.normal(scale=variance**0.5, size=(batch_size, X.shape[1]))
        yield {"X": X[rows] + noise, "Y": Y[rows]}


def by_classes(X: np.ndarray, Y: np.ndarray, seed: int) -> Iterator[Batch]:
    """The mixture, in the documented classes."""
    # One generator of noise for all: a stream that is activated again must not repeat its own.
    rng = np.random.default_rng(seed)
    streams = [pescador.Streamer(noisy_samples, X, Y, variance, rng) for variance in VARIANCES]
    return pescador.Mux(streams, 2, lam=16, random_state=seed)(max_batches=N_BATCHES)


def by_pipeline(X: np.ndarray, Y: np.ndarray, seed: int) -> Stream[Batch]:
    """The mixture, as one pipeline."""
    rng = np.random.default_rng(seed)
    streams = [stream(noisy_samples, X, Y, variance, rng) for variance in VARIANCES]
    return streams | mux(2, lam=16, random_state=seed) | take(N_BATCHES)


def classifier() -> SGDClassifier:
    """A new linear classifier."""
    return SGDClassifier(alpha=0.01, random_state=0)


def main() -> None:
    """Compare the two, train on the second, and print the accuracy on held-out rows."""
    X, Y = load_iris(return_X_y=True)

    for one, other in zip(by_classes(X, Y, seed=0), by_pipeline(X, Y, seed=0), strict=True):
        np.testing.assert_equal(one, other)
    print(f"The same {N_BATCHES} batches, in classes and as a pipeline")

    accuracies = []
    for train, test in ShuffleSplit(n_splits=3, test_size=0.2, random_state=0).split(X):
        center = X[train].mean(axis=0)  # Stochastic gradients want features around 0.
        rows, held_out = X[train] - center, X[test] - center

        streamed = pescador.StreamLearner(classifier(), max_batches=N_BATCHES)
        streamed.iter_fit(by_pipeline(rows, Y[train], seed=0), classes=np.unique(Y))
        in_memory = classifier().fit(rows, Y[train])

        scores = [model.score(held_out, Y[test]) for model in (streamed, in_memory)]
        accuracies.append(scores)
        print("Test accuracy: {:.3f}, fitted without noise in memory: {:.3f}".format(*scores))
    means = np.mean(accuracies, axis=0)
    print("Mean test accuracy: {:.3f}, fitted without noise in memory: {:.3f}".format(*means))


if __name__ == "__main__":
    main()
