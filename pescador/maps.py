"""The functions of pescador 2 and 3 that take a stream and return an iterator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pescador import ops

__all__ = ["buffer_stream", "cache", "keras_tuples", "tuples"]


def buffer_stream(
    stream: Iterable[Any], buffer_size: int, partial: bool = False, axis: int | None = None
) -> Iterator[Any]:
    """Gather `buffer_size` elements into one batch.

    Parameters
    ----------
    stream : iterable of mapping
        The elements, mappings of arrays.
    buffer_size : int > 0
        The number of elements in a batch.
    partial : bool, default=False
        Whether a last batch of fewer elements is yielded, and not dropped.
    axis : int or None, default=None
        None stacks on a new first axis; a number concatenates along that axis.

    Yields
    ------
    dict of ndarray
        The batches.

    See Also
    --------
    pescador.ops.batch : The operator that this function applies.

    Examples
    --------
    >>> list(buffer_stream([{"x": 1}, {"x": 2}, {"x": 3}], 2))
    [{'x': array([1, 2])}]
    >>> list(buffer_stream([{"x": 1}, {"x": 2}, {"x": 3}], 2, partial=True))
    [{'x': array([1, 2])}, {'x': array([3])}]
    """
    return ops.batch(buffer_size, axis, partial=partial)(stream)


def tuples(stream: Iterable[Any], *keys: str) -> Iterator[tuple[Any, ...]]:
    """Turn each mapping into the tuple of its values at `keys`.

    Parameters
    ----------
    stream : iterable of mapping
        The elements.
    *keys : str
        The keys, in the order of the tuple.

    Yields
    ------
    tuple
        ``(item[keys[0]], item[keys[1]], ...)``.

    See Also
    --------
    pescador.ops.tuples : The operator that this function applies.

    Examples
    --------
    >>> list(tuples([{"X": 1, "Y": 2}], "Y", "X"))
    [(2, 1)]
    """
    return ops.tuples(*keys)(stream)


def keras_tuples(
    stream: Iterable[Any],
    inputs: str | Sequence[str] | None = None,
    outputs: str | Sequence[str] | None = None,
) -> Iterator[tuple[Any, Any]]:
    """Turn each mapping into a pair ``(x, y)``, as Keras takes it for fitting a model.

    Parameters
    ----------
    stream : iterable of mapping
        The elements.
    inputs, outputs : str, sequence of str, or None
        The keys of `x` and of `y`: a str for one array, a sequence for a list of arrays, None for
        None.

    Yields
    ------
    tuple
        ``(x, y)``.

    See Also
    --------
    pescador.ops.keras_tuples : The operator that this function applies.

    Examples
    --------
    >>> list(keras_tuples([{"X": 1, "Y": 2}], "X", ["Y"]))
    [(1, [2])]
    >>> list(keras_tuples([{"X": 1, "Y": 2}], "X"))
    [(1, None)]
    """
    return ops.keras_tuples(inputs, outputs)(stream)


def cache(
    stream: Iterable[Any], n_cache: int, prob: float = 0.5, random_state: Any = None
) -> Iterator[Any]:
    """Hold `n_cache` elements, and yield each several times, at random.

    Parameters
    ----------
    stream : iterable
        The elements.
    n_cache : int > 0
        The number of elements held.
    prob : float in (0, 1], default=0.5
        The share of the steps that read a new element.
    random_state : None, int, RandomState, Generator or SeedSequence, default=None
        The seed; None follows ``np.random.seed``.

    Yields
    ------
    object
        Elements of `stream`, some of them several times.

    See Also
    --------
    pescador.ops.cache : The operator that this function applies.

    Examples
    --------
    >>> list(cache(range(4), 2, random_state=0))
    [0, 1, 0, 0, 1, 1, 2, 2, 3, 1]
    >>> list(cache(range(4), 2, prob=1, random_state=0))
    [0, 1, 2, 3]
    """
    return ops.cache(n_cache, prob, random_state=random_state)(stream)


FUNCTIONS = (buffer_stream, tuples, keras_tuples, cache)
