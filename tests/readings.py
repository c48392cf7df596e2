"""What the tests of a description's readings need: sources that take a seed, elements as keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st

from pescador import SEED, ParameterError, Pipeline, Stream, stream
from pescador.values import changed
from strategies import pipelines

entropies = st.lists(st.integers(0, 2**70) | st.text("ab"), min_size=1, max_size=3)


def noisy(n: int, *, random_state: Any = None) -> Iterator[int]:
    """Numbers that depend on the seed."""
    yield from np.random.RandomState(random_state).randint(-9, 9, n).tolist()


def echo(seed: Any, n: int = 1) -> Iterator[Any]:
    """The seed itself, so that no two seeds that differ can be taken for one another."""
    for _ in range(n):
        yield seed


def one(element: Any) -> list[Any]:
    """A stream of one element."""
    return [element]


def same(element: Any) -> Any:
    return element


def bare(step: Any) -> Any:
    """An operator, or a pipeline of them, without the seeds that it was given."""
    if isinstance(step, Pipeline):
        return Pipeline(tuple(map(bare, step.ops)))
    given = {"random_state": None, "entropy": None, "reseed": False}
    return changed(step, **{f.name: given[f.name] for f in fields(step) if f.name in given})


@st.composite
def unseeded(draw: Any, random_state: Any = SEED) -> Stream[Any]:
    """A stream that ends, with no seed but that of its source, or of the streams of its pool."""
    members = st.integers(0, 4).map(lambda n: stream(noisy, n, random_state=random_state))
    pools = st.lists(members, min_size=1, max_size=3)
    kind = draw(st.sampled_from(["numbers", "pool"]))
    if kind == "numbers":
        source = draw(members)
    else:
        source = draw(pools | pools.map(lambda pool: dict(zip("abc", pool, strict=False))))
    return stream(source) | bare(draw(pipelines(kind, source if kind == "pool" else None)))


def elements(described: Any) -> list[Any]:
    """All elements, as keys; an example in which a pool runs empty on the way is no example."""
    try:
        return [*map(key, described)]
    except ParameterError as error:
        assert "the pool is empty" in str(error)  # noqa: PT017  Else it is a failure.
        reject()


def key(element: Any) -> Any:
    """What can be hashed, and equals only what an equal element gives."""
    if isinstance(element, Mapping):
        return tuple((name, key(value)) for name, value in element.items())
    if isinstance(element, tuple | list):
        return tuple(map(key, element))
    if isinstance(element, np.ndarray):
        return element.dtype.str, element.shape, element.tobytes()
    return element.item() if isinstance(element, np.generic) else element
