"""Training on the batches of `files`, which one worker reads: one pass, and how much of it waits.

The model and the step are the same for everybody, in the environment of each. The batches come
as `files` builds them: numpy's arrays or torch's, and both models take both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.contenders import OURS, OURS_LEARNING
from benchmarks.goals import AheadOfBest, Goal
from benchmarks.measures import Measure, Step, share_waited, time_trained, time_waited
from benchmarks.parts.peers.files import files_row, readers
from benchmarks.rows import Row

CLASSES = np.arange(10)


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


def train_row(what: str, measure: Measure, *goals: Goal) -> Row[list[str]]:
    return files_row(f"{{}} files, 1 worker, {what}", CONTENDERS, measure, *goals)


def rows_of(name: str, make_step: Callable[[], Step]) -> list[Row[list[str]]]:
    """Return the rows of one model."""
    return [
        train_row(f"{name} waits, share", share_waited(make_step), AheadOfBest(1.0)),
        train_row(f"{name} waits, time", time_waited(make_step), AheadOfBest(1.0)),
        train_row(f"{name} trains", time_trained(make_step)),
    ]


ROWS = [*rows_of("SGDClassifier", linear), *rows_of("torch network", network)]
