"""The documented classes of pescador 1 to 3, and the function mux, each made of operators."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar, overload

from pescador import errors, ops
from pescador.core import Stream, stream
from pescador.errors import ParameterTypeError
from pescador.maps import FUNCTIONS
from pescador.ops.mixing import stochastic_mux
from pescador.running import Pass
from pescador.values import show

__all__ = [
    "BufferedStreamer",
    "ChainMux",
    "Mux",
    "RoundRobinMux",
    "ShuffledMux",
    "StochasticMux",
    "Streamer",
    "ZMQStreamer",
    "mux",
    "streamable",
]

A = TypeVar("A")
P = ParamSpec("P")


class Streamer(Generic[A]):
    """A stream that can be run again and again, from a generator function or an iterable.

    Parameters
    ----------
    streamer : generator function, iterable, Streamer or Stream
        The source.
    *args, **kwargs
        Arguments for a generator function.

    Attributes
    ----------
    stream : Stream
        The description of the stream, which ``streamer | op`` and ``iter(streamer)`` use.

    Raises
    ------
    ParameterTypeError
        If `streamer` is neither iterable nor a generator function; a ``PescadorError``.

    Examples
    --------
    >>> def countdown(n):
    ...     while n:
    ...         yield n
    ...         n -= 1
    >>> streamer = Streamer(countdown, 3)
    >>> list(streamer()), list(streamer(max_batches=2)), list(streamer.cycle(5))
    ([3, 2, 1], [3, 2], [3, 2, 1, 3, 2])
    """

    _overridden = ""

    @overload
    def __init__(self, streamer: Mapping[str, A]) -> None: ...
    @overload
    def __init__(self, streamer: Iterable[A]) -> None: ...
    @overload
    def __init__(
        self, streamer: Callable[P, Iterable[A]], *args: P.args, **kwargs: P.kwargs
    ) -> None: ...
    def __init__(self, streamer: Any, *args: Any, **kwargs: Any) -> None:
        self._describe(_lifted(streamer, *args, **kwargs))

    def __init_subclass__(cls) -> None:
        run = [name for name in ("iterate", "generate") if name in cls.__dict__]
        cls._overridden = run[0] if run else cls._overridden

    def _describe(self, described: Stream[A]) -> None:
        self._stream = described
        self._active = 0

    @property
    def stream(self) -> Stream[A]:
        """The description; a subclass with an `iterate` of its own has that as its source."""
        return Stream(getattr(self, self._overridden)) if self._overridden else self._stream

    @property
    def generator(self) -> Any:
        """The source of the stream."""
        return self._stream.source

    streamer = generator

    @property
    def args(self) -> tuple[Any, ...]:
        """The positional arguments of a generator function."""
        return self._stream.args

    @property
    def kwargs(self) -> dict[str, Any]:
        """The keyword arguments of a generator function."""
        return dict(self._stream.kwargs)

    @property
    def active(self) -> int:
        """The number of live runs: from their first element until they end or are closed."""
        return self._active

    def activate(self) -> None:
        """Count one more live run."""
        self._active += 1

    def deactivate(self) -> None:
        """Count one live run less."""
        self._active = max(0, self._active - 1)

    def __enter__(self) -> Streamer[A]:
        self.activate()
        return self

    def __exit__(self, *_: object) -> None:
        self.deactivate()

    def _run(self, described: Stream[Any]) -> Generator[Any, None, None]:
        with self, Pass.over(described) as run:
            yield from run.items

    def generate(self, max_batches: int | None = None) -> Generator[A, None, None]:
        """Run the stream once.

        Parameters
        ----------
        max_batches : int >= 0 or None, default=None
            The greatest number of elements; None for all.

        Yields
        ------
        object
            The elements of the stream.
        """
        return self._run(_bounded(self._stream, max_batches))

    def iterate(self, max_iter: int | None = None) -> Generator[A, None, None]:
        """Run the stream once, as `generate` does; pescador 2 and 3 use this name.

        Parameters
        ----------
        max_iter : int >= 0 or None, default=None
            The greatest number of elements; None for all.

        Yields
        ------
        object
            The elements of the stream.
        """
        return self._run(_bounded(self._stream, max_iter))

    def cycle(self, max_iter: int | None = None) -> Generator[A, None, None]:
        """Run the stream again and again; a run without an element is the last one.

        Parameters
        ----------
        max_iter : int >= 0 or None, default=None
            The greatest number of elements; None for no end.

        Yields
        ------
        object
            The elements of the stream.
        """
        return self._run(_bounded(self.stream | ops.cycle(), max_iter))

    def tuples(
        self, *items: str, cycle: bool = False, max_batches: int | None = None
    ) -> Generator[tuple[Any, ...], None, None]:
        """Turn each mapping into the tuple of its values at `items`.

        Parameters
        ----------
        *items : str
            The keys, in the order of the tuples.
        cycle : bool, default=False
            Whether the stream is restarted when it ends.
        max_batches : int >= 0 or None, default=None
            The greatest number of elements; None for all.

        Yields
        ------
        tuple
            ``(batch[items[0]], batch[items[1]], ...)``.

        Raises
        ------
        ParameterError
            If there is no item; a ``PescadorError``.
        """
        picked: Stream[tuple[Any, ...]] = self.stream.then(ops.tuples(*items))
        return self._run(_bounded(picked | ops.cycle() if cycle else picked, max_batches))

    def __call__(
        self,
        max_batches: int | None = None,
        cycle: bool = False,
        *,
        max_iter: int | None = None,
        max_items: int | None = None,
    ) -> Generator[A, None, None]:
        """Run the stream once, or again and again.

        Parameters
        ----------
        max_batches : int >= 0 or None, default=None
            The greatest number of elements; None for all.
        cycle : bool, default=False
            Whether the stream is restarted when it ends.
        max_iter, max_items : int >= 0 or None
            Other names for `max_batches`.

        Yields
        ------
        object
            The elements of the stream.

        See Also
        --------
        generate, cycle, tuples
        """
        given = [n for n in (max_batches, max_iter, max_items) if n is not None]
        errors.require_type(
            len(given) <= 1, self, "max_batches, max_iter and max_items are one parameter; give one"
        )
        bound = given[0] if given else None
        return self.cycle(bound) if cycle else self._run(_bounded(self.stream, bound))

    def __iter__(self) -> Iterator[A]:
        return self._run(self.stream)

    def __stream__(self) -> Stream[A]:
        return self.stream

    def __or__(self, other: Any) -> Any:
        return self.stream | other

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_active": 0}

    def __repr__(self) -> str:
        return repr(self.stream)


class BufferedStreamer(Streamer[A]):
    """A stream of batches of exactly `buffer_size` rows, from batches of any length.

    Parameters
    ----------
    streamer : generator function, iterable, Streamer or Stream
        The batches: mappings of arrays that share their first dimension.
    buffer_size : int > 0
        The number of rows in a batch.
    strict_batch_size : bool, default=True
        Whether a last batch of fewer rows is dropped.

    See Also
    --------
    pescador.ops.buffer : The operator that this class applies.

    Examples
    --------
    >>> import numpy as np
    >>> buffered = BufferedStreamer([{"x": np.arange(3)}, {"x": np.arange(4)}], 2)
    >>> [batch["x"].tolist() for batch in buffered()]
    [[0, 1], [2, 0], [1, 2]]
    >>> whole = BufferedStreamer([{"x": np.arange(3)}], 2, strict_batch_size=False)
    >>> [batch["x"].tolist() for batch in whole()]
    [[0, 1], [2]]
    """

    def __init__(self, streamer: Any, buffer_size: int, strict_batch_size: bool = True) -> None:
        errors.flag("BufferedStreamer", "strict_batch_size", strict_batch_size)
        self._describe(_lifted(streamer) | ops.buffer(buffer_size, partial=not strict_batch_size))


class ZMQStreamer(Streamer[A]):
    """A stream that runs in a background process.

    Parameters
    ----------
    streamer : generator function, iterable, Streamer or Stream
        The stream to run there.
    min_port, max_port : int, default=49152, 65535
        The ports of 127.0.0.1 to try.
    max_tries : int > 0, default=100
        The number of ports to try. If one of the three is not the default, elements are sent by
        TCP, else through shared memory.
    copy : bool, default=False
        Whether each array has memory of its own, and does not share it with others of a message.
    timeout : float >= 0 or None, default=None
        The seconds that the process can take to end before it is killed; None for five.

    See Also
    --------
    pescador.ops.zmq : The operator that this class applies.

    Examples
    --------
    >>> list(ZMQStreamer("abc"))
    ['a', 'b', 'c']
    """

    def __init__(
        self,
        streamer: Any,
        min_port: int = 49152,
        max_port: int = 65535,
        max_tries: int = 100,
        copy: bool = False,
        timeout: float | None = None,
    ) -> None:
        moved = ops.zmq(
            copy=copy, timeout=timeout, min_port=min_port, max_port=max_port, max_tries=max_tries
        )
        self._describe(_lifted(streamer) | moved)


class Mux(Streamer[A]):
    """A random mixture of a pool of streams, of which at most `k` are active at a time.

    Parameters
    ----------
    seed_pool : iterable or mapping of Streamer or iterable
        The streams.
    k : int > 0
        The number of active streams.
    lam : float > 0 or None, default=256.0
        The rate of the quotas: an active stream yields at most ``1 + Poisson(lam)`` elements. None
        lets it run until it ends.
    pool_weights : array-like of float >= 0, shape (n_streams,), or None
        How often an active stream yields an element, relative to the others; None for equal
        weights.
    with_replacement : bool, default=True
        Whether a stream can be active several times at once.
    prune_empty_seeds : bool, default=True
        Whether a stream that yielded nothing is never activated again.
    revive : bool, default=False
        Whether a stream that has ended can be activated again, without replacement.
    random_state : None, int, RandomState, Generator or SeedSequence, default=None
        The seed of each run; None follows ``np.random.seed``.

    See Also
    --------
    pescador.ops.mux : The operator that this class applies.

    Examples
    --------
    >>> "".join(Mux(["aa", "bb"], k=2, lam=None, with_replacement=False, random_state=0))
    'aabb'
    """

    def __init__(
        self,
        seed_pool: Any,
        k: int,
        lam: float | None = 256.0,
        pool_weights: Any = None,
        with_replacement: bool = True,
        prune_empty_seeds: bool = True,
        revive: bool = False,
        random_state: Any = None,
    ) -> None:
        mixture = _mux(k, lam, pool_weights, with_replacement, prune_empty_seeds, revive)
        self._describe(_pool(seed_pool) | mixture(random_state=random_state))


class StochasticMux(Streamer[A]):
    """The random mixture of pescador 2 and 3.

    Parameters
    ----------
    streamers : iterable or mapping of Streamer or iterable
        The streams.
    n_active : int > 0
        The number of active streams.
    rate : float >= 1 or None
        The mean of the quotas, the greatest numbers of elements that active streams yield; None
        lets each run until it ends.
    weights : array-like of float >= 0, shape (n_streams,), or None
        How often an active stream yields an element, relative to the others; None for equal
        weights.
    mode : {"with_replacement", "single_active", "exhaustive"}, default="with_replacement"
        The streams that can be activated next:

        - "with_replacement": any stream, active or not;
        - "single_active": any stream that is not active at the time;
        - "exhaustive": any stream that has not been activated before.
    prune_empty_streams : bool, default=True
        Whether a stream that yielded nothing is never activated again.
    dist : {"binomial", "poisson", "constant"}, default="binomial"
        The distribution of the quotas, as in `pescador.ops.mux`; "poisson" is "poisson_mean" there.
    random_state : None, int, RandomState, Generator or SeedSequence, default=None
        The seed of each run; None follows ``np.random.seed``.

    See Also
    --------
    pescador.ops.mux : The operator that this class applies.

    Examples
    --------
    >>> "".join(StochasticMux(["a", "b"], 2, rate=3, random_state=0)(max_iter=8))
    'baababbb'
    """

    def __init__(
        self,
        streamers: Any,
        n_active: int,
        rate: float | None,
        weights: Any = None,
        mode: str = "with_replacement",
        prune_empty_streams: bool = True,
        dist: str = "binomial",
        random_state: Any = None,
    ) -> None:
        errors.choice("StochasticMux", "dist", dist, ("binomial", "poisson", "constant"))
        self._describe(
            _pool(streamers)
            | stochastic_mux(
                n_active,
                rate,
                weights=weights,
                mode=mode,
                dist="poisson_mean" if dist == "poisson" else dist,
                prune_empty=prune_empty_streams,
                random_state=random_state,
            )
        )


class ShuffledMux(Streamer[A]):
    """A random mixture in which every stream is active, and is restarted when it ends.

    Parameters
    ----------
    streamers : iterable or mapping of Streamer or iterable
        The streams.
    weights : array-like of float >= 0, shape (n_streams,), or None
        How often a stream yields an element, relative to the others; None for equal weights.
    random_state : None, int, RandomState, Generator or SeedSequence, default=None
        The seed of each run; None follows ``np.random.seed``.

    See Also
    --------
    pescador.ops.shuffled : The operator that this class applies.

    Examples
    --------
    >>> "".join(ShuffledMux(["a", "b"], random_state=0)(max_iter=8))
    'bbabbabb'
    """

    def __init__(self, streamers: Any, weights: Any = None, random_state: Any = None) -> None:
        self._describe(_pool(streamers) | ops.shuffled(weights, random_state=random_state))


class RoundRobinMux(Streamer[A]):
    """A mixture that takes one element of each stream in turn.

    Parameters
    ----------
    streamers : iterable or mapping of Streamer or iterable
        The streams.
    mode : {"exhaustive", "cycle", "permuted_cycle"}, default="exhaustive"
        The continuation when all streams have ended:

        - "exhaustive": the run ends;
        - "cycle": all streams are restarted, in the same order;
        - "permuted_cycle": all streams are restarted, in a random order.
    random_state : None, int, RandomState, Generator or SeedSequence, default=None
        The seed of each run; None follows ``np.random.seed``.

    See Also
    --------
    pescador.ops.round_robin : The operator that this class applies.

    Examples
    --------
    >>> "".join(RoundRobinMux(["ac", "b"]))
    'abc'
    """

    def __init__(self, streamers: Any, mode: str = "exhaustive", random_state: Any = None) -> None:
        self._describe(_pool(streamers) | ops.round_robin(mode, random_state=random_state))


class ChainMux(Streamer[A]):
    """A stream that yields one stream after another.

    Parameters
    ----------
    streamers : iterable or mapping of Streamer or iterable, or a generator function
        The streams, which can be lazy and endless.
    mode : {"exhaustive", "cycle"}, default="exhaustive"
        The continuation when the last stream has ended:

        - "exhaustive": the run ends;
        - "cycle": the first stream follows again.
    random_state : object
        A parameter of pescador 3 that is not used.

    See Also
    --------
    pescador.ops.chain : The operator that this class applies.

    Examples
    --------
    >>> "".join(ChainMux(["ab", "cd"])), "".join(ChainMux(["ab", "c"], mode="cycle")(7))
    ('abcd', 'abcabca')
    """

    def __init__(self, streamers: Any, mode: str = "exhaustive", random_state: Any = None) -> None:
        pool = _pool(streamers) if mode == "cycle" else _lifted(streamers)
        self._describe(pool | ops.chain(mode))


def mux(
    seed_pool: Any,
    n_samples: int | None,
    k: int,
    lam: float | None = 256.0,
    pool_weights: Any = None,
    with_replacement: bool = True,
    prune_empty_seeds: bool = True,
    revive: bool = False,
) -> Stream[Any]:
    """Mix the streams of a pool at random as `Mux` does, for at most `n_samples` elements.

    Parameters
    ----------
    seed_pool : iterable or mapping of Streamer or iterable
        The streams.
    n_samples : int >= 0 or None
        The greatest number of elements; None for all.
    k : int > 0
        The number of active streams.
    lam : float > 0 or None, default=256.0
        The rate of the quotas: an active stream yields at most ``1 + Poisson(lam)`` elements. None
        lets it run until it ends.
    pool_weights : array-like of float >= 0, shape (n_streams,), or None
        How often an active stream yields an element, relative to the others; None for equal
        weights.
    with_replacement, prune_empty_seeds, revive : bool
        Choices of the streams to activate, as for `Mux`.

    Returns
    -------
    Stream
        A stream to iterate, to join with ``|`` or to wrap in a `Streamer`.

    Examples
    --------
    >>> len(list(mux(["aa", "bb"], 3, 2)))
    3
    """
    mixture = _mux(k, lam, pool_weights, with_replacement, prune_empty_seeds, revive)
    return _bounded(_pool(seed_pool) | mixture(), n_samples)


def streamable(function: Callable[P, Iterable[A]]) -> Callable[P, Streamer[A]]:
    """Decorate a generator function so that a call returns a `Streamer`.

    Parameters
    ----------
    function : generator function
        The function that each run calls.

    Returns
    -------
    callable
        A function of the same arguments that returns a `Streamer`.

    Examples
    --------
    >>> @streamable
    ... def countdown(n):
    ...     while n:
    ...         yield n
    ...         n -= 1
    >>> list(countdown(3)), list(countdown(3).cycle(4))
    ([3, 2, 1], [3, 2, 1, 3])
    """
    _lifted(function)

    @functools.wraps(function)
    def describe(*args: P.args, **kwargs: P.kwargs) -> Streamer[A]:
        return Streamer(stream(_Undecorated(describe), *args, **kwargs))

    return describe


@dataclass(frozen=True, slots=True, repr=False)
class _Undecorated:
    """The function under `streamable`, pickled by the name of the decorated one."""

    decorated: Any

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.decorated.__wrapped__(*args, **kwargs)

    def __repr__(self) -> str:
        return show(self.decorated)


def _mux(
    k: int, lam: Any, weights: Any, with_replacement: bool, prune_empty: bool, revive: bool
) -> Callable[..., ops.mux]:
    """Return a mux that lacks only its seed, from the parameters of pescador 1."""
    for name, value in (("with_replacement", with_replacement), ("revive", revive)):
        errors.flag("Mux", name, value)
    mode = "exhaustive"
    if with_replacement:
        mode = "with_replacement"
    elif revive:
        mode = "single_active"
    return functools.partial(ops.mux, k, lam, weights=weights, mode=mode, prune_empty=prune_empty)


def _bounded(described: Stream[A], n: int | None) -> Stream[A]:
    """Return the first `n` elements of a stream, or all of them for None."""
    return described if n is None else described | ops.take(n)


def _lifted(streamer: Any, *args: Any, **kwargs: Any) -> Stream[Any]:
    """Return the stream of an iterable, or of a function that is known to return one."""
    if (
        isinstance(streamer, Iterable)
        or inspect.isgeneratorfunction(streamer)
        or isinstance(getattr(streamer, "__self__", None), Streamer)
        or streamer in FUNCTIONS
        or streamer is mux
    ):
        return stream(streamer, *args, **kwargs)
    raise ParameterTypeError(
        f"Streamer({show(streamer)}): must be an iterable or a generator function; "
        "for any other function that returns an iterable write stream(function)"
    )


def _pool(streamers: Any) -> Stream[Any]:
    """Return a pool that can be run again: a started iterator is read here, once."""
    return _lifted(tuple(streamers) if isinstance(streamers, Iterator) else streamers)
