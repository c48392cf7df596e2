"""The functions of pescador 2 and 3 that take a stream and return an iterator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pescador import ops

__all__ = ["buffer_stream", "cache", "keras_tuples", "tuples"]


def buffer_stream(
    stream: Iterable[Any], buffer_size: int, partial: bool = False, axis: int | None = None
) -> Iterator[Any]:
    """Gather `buffer_size` elements at a time into one.

    Parameters
    ----------
    stream : iterable
        Of mappings of arrays.
    buffer_size : int > 0
        How many elements make a batch.
    partial : bool, default=False
        Whether a last batch of fewer elements is given.
    axis : int or None, default=None
        None stacks on a new first axis; a number concatenates along that axis.

    Yields
    ------
    dict of ndarray
        The batches.

    See Also
    --------
    pescador.ops.batch : the operator that this is.

    Examples
    --------
    >>> next(buffer_stream([{"x": 1}, {"x": 2}], 2))
    {'x': array([1, 2])}
    """
    return ops.batch(buffer_size, axis, partial=partial)(stream)


def tuples(stream: Iterable[Any], *keys: str) -> Iterator[tuple[Any, ...]]:
    """Mappings as tuples of what they have at `keys`.

    Parameters
    ----------
    stream : iterable
        Of mappings.
    *keys : str
        The keys, in the order of the tuple.

    Yields
    ------
    tuple
        ``(item[keys[0]], item[keys[1]], ...)``.

    See Also
    --------
    pescador.ops.tuples : the operator that this is.

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
    """Mappings as the pairs ``(x, y)`` that Keras fits a model on.

    Parameters
    ----------
    stream : iterable
        Of mappings.
    inputs, outputs : str, sequence of str, or None
        The keys of `x` and of `y`: a str gives the array, a sequence a list of arrays, None None.

    Yields
    ------
    tuple
        ``(x, y)``.

    See Also
    --------
    pescador.ops.keras_tuples : the operator that this is.

    Examples
    --------
    >>> list(keras_tuples([{"X": 1, "Y": 2}], "X", ["Y"]))
    [(1, [2])]
    """
    return ops.keras_tuples(inputs, outputs)(stream)


def cache(
    stream: Iterable[Any], n_cache: int, prob: float = 0.5, random_state: Any = None
) -> Iterator[Any]:
    """A stochastic cache of `n_cache` elements.

    Parameters
    ----------
    stream : iterable
        The elements.
    n_cache : int > 0
        How many elements are held.
    prob : float in (0, 1], default=0.5
        How often a step reads a new element.
    random_state : None, int, RandomState, Generator or SeedSequence, default=None
        The seed; None follows ``np.random.seed``.

    Yields
    ------
    object
        Elements of `stream`, some of them several times.

    See Also
    --------
    pescador.ops.cache : the operator that this is.

    Examples
    --------
    >>> list(cache(range(4), 2, prob=1, random_state=0))
    [0, 1, 2, 3]
    """
    return ops.cache(n_cache, prob, random_state=random_state)(stream)


FUNCTIONS = (buffer_stream, tuples, keras_tuples, cache)
