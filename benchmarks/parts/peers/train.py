"""Training on the batches of `files`, which one worker reads: one pass, and how much of it waits.

The model and the step are the same for everybody, in the environment of each. The batches come
as `files` builds them: numpy's arrays or torch's, and both models take both.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.parts import Build, Measure
from benchmarks.parts.peers.files import files_row, readers
from benchmarks.parts.peers.libraries import OURS_LEARNING
from benchmarks.rows import OURS, Goal, Row, ahead_of_best

Step = Callable[[Any], object]

CLASSES = np.arange(10)


def trained(make_step: Callable[[], Step], build: Build) -> tuple[float, float]:
    """Train on every batch; return how long that takes, and how much of it was spent waiting."""
    step, waited = make_step(), 0.0
    asked = start = perf_counter()
    for batch in build():
        waited += perf_counter() - asked
        step(batch)
        asked = perf_counter()
    return asked - start, waited


def share_waited(make_step: Callable[[], Step]) -> Measure:
    """Return a measure of how much of its time a model that trains waits for elements."""

    def run(build: Build, units: int) -> float:
        whole, waited = trained(make_step, build)
        return 100 * waited / whole

    return Measure("share of the time in which training waited", run, "%")


def time_waited(make_step: Callable[[], Step]) -> Measure:
    """Return a measure of how long the model waits, which a slower step does not make less."""
    return Measure(
        "time per unit in which training waited",
        lambda build, units: trained(make_step, build)[1] / units,
    )


def time_trained(make_step: Callable[[], Step]) -> Measure:
    """Return a measure of how long training takes in all."""
    return Measure(
        "time per unit, all elements trained on",
        lambda build, units: trained(make_step, build)[0] / units,
    )


def linear() -> Step:
    """Return a step of scikit-learn's linear classifier."""
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier()

    def step(batch: Any) -> None:
        model.partial_fit(np.asarray(batch["X"]), np.asarray(batch["Y"]), classes=CLASSES)

    return step


def network() -> Step:
    """Return a step of a small network in torch."""
    import torch
    from torch import nn

    # The worker has the other core; torch's threads, in each other's way, would hide the waiting.
    torch.set_num_threads(1)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))
    optimizer = torch.optim.Adam(model.parameters())
    loss = nn.CrossEntropyLoss()

    def step(batch: Any) -> None:
        optimizer.zero_grad()
        loss(model(torch.as_tensor(batch["X"])), torch.as_tensor(batch["Y"])).backward()
        optimizer.step()

    return step


# This checkout again, in an environment that has torch.
CONTENDERS = {OURS_LEARNING: readers(1)[OURS]} | {
    who: build for who, build in readers(1).items() if who != OURS
}


def train_row(what: str, measure: Measure, *goals: Goal) -> Row:
    return files_row(f"{{}} files, 1 worker, {what}", CONTENDERS, measure, *goals)


def rows_of(name: str, make_step: Callable[[], Step]) -> list[Row]:
    """Return the rows of one model."""
    return [
        train_row(f"{name} waits, share", share_waited(make_step), ahead_of_best(1.0)),
        train_row(f"{name} waits, time", time_waited(make_step), ahead_of_best(1.0)),
        train_row(f"{name} trains", time_trained(make_step)),
    ]


ROWS = [*rows_of("SGDClassifier", linear), *rows_of("torch network", network)]
