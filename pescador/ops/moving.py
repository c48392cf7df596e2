"""Operators that run their upstream elsewhere: in a thread, or in other processes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any, TypeVar

from pescador import errors
from pescador.checks import INSTEAD_OF_STARTED, members, source_of, started, unseeded
from pescador.core import Same, Stream, stream
from pescador.errors import ParameterTypeError
from pescador.readings import ELEMENTWISE, Finding, Length, total

__all__ = ["prefetch", "zmq"]

A = TypeVar("A")

METHODS = "fork", "forkserver", "spawn"
PORTS = 49152, 65535
TRIES = 100
UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class prefetch(Same):
    """Read elements ahead in a background thread, up to `n` more than the consumer has taken.

    Use it where the upstream waits for files or a network, or computes in C without Python's lock,
    so that the consumer computes meanwhile. For work in Python itself, see `zmq`. A run that is
    left early waits for the thread to finish its step, five seconds at most.

    Parameters
    ----------
    n : int > 0, default=2
        The number of elements that can be prefetched.

    Raises
    ------
    ParameterError
        If `n` is less than 1.
    ParameterTypeError
        If `n` is not an integer.

    Warns
    -----
    PescadorWarning
        If the thread does not end in time.

    Examples
    --------
    >>> list("abc" | prefetch()), list("" | prefetch())
    (['a', 'b', 'c'], [])

    An endless stream is read `n` elements ahead, and no further:

    >>> from itertools import count
    >>> from pescador.ops import take
    >>> list(count() | prefetch(4) | take(3))
    [0, 1, 2]
    """

    n: int = 2

    closes = True
    sharding = ELEMENTWISE

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", errors.count(self, "n", self.n))

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        from pescador.workers.thread import prefetched

        return prefetched(self, upstream)

    @property
    def runs_in(self) -> str:
        return "a thread"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class zmq(Same):
    """Run the upstream in background processes, the workers.

    Use it where making elements takes the consumer's time, in Python or not. The workers prefetch
    as many elements as `ahead` and `buffer` allow. With several workers, each runs a shard of the
    upstream (`Stream.shard`), and the shards are read in turn, so the order never depends on
    timing. An error in a worker is raised in the consumer, with the traceback of the worker as its
    cause. A run that is left early ends its workers.

    Elements are dicts, tuples, lists, named tuples and instances of dataclasses (nested as you
    like) of numbers, str, bytes, None and arrays of any dtype but object. They arrive with the same
    types, dtypes, shapes and order in memory. The consumer can keep the arrays and write to them.
    The class of a named tuple or dataclass is found by its name: it must be at the top of a module
    that the consumer has imported. Its fields arrive as they were sent, since neither its
    constructor nor ``__post_init__`` runs.

    Parameters
    ----------
    workers : int > 0, default=1
        The number of processes.
    ahead : int > 0, default=256
        The number of elements that all workers together can prefetch; at least `workers`.
    buffer : int or str, default="64MB"
        The bytes of elements that can be in flight; a larger element is sent by itself. A number
        of bytes, or a number and a unit: KB, MB, GB, KiB, MiB or GiB.
    transport : {"auto", "shm", "ipc", "tcp"}, default="auto"
        The way in which elements are sent:

        - "shm": arrays in shared memory, the rest by a socket in a private folder;
        - "ipc": everything by a socket in a private folder;
        - "tcp": everything by a port of 127.0.0.1, encrypted;
        - "auto": "tcp" if ports are given or the platform has no such shared memory, else "shm".
    start_method : {"fork", "forkserver", "spawn"} or None, default=None
        The way in which processes start; None for the default of the platform. "forkserver" and
        "spawn" pickle the stream, by cloudpickle if that is installed.
    timeout : float >= 0 or None, default=None
        The seconds that a worker can take to end before it is killed; None for five. After half
        of them it is sent SIGTERM, which interrupts it and runs its ``finally`` clauses.
    copy : bool, default=False
        Whether each array has memory of its own, and does not share it with others of a message.
    min_port, max_port : int, default=49152, 65535
        The ports to try with "tcp".
    max_tries : int > 0, default=100
        The number of ports to try.

    Raises
    ------
    ParameterError, ParameterTypeError
        If a parameter is out of range or of the wrong type; at run time, if the upstream has to be
        pickled, and cannot be.
    IndivisibleError
        If there are several workers, and the upstream cannot be divided among them.
    DataError
        At run time, if an element cannot be sent, or its class is not imported in the consumer:
        the message names the element and the key.
    WorkerError
        At run time, if a worker cannot start, or dies.

    Notes
    -----
    In each worker the global random states of numpy and of Python are seeded, from that of numpy
    in the consumer. So ``np.random.seed`` decides all draws, and no two workers draw the same.

    Examples
    --------
    >>> list("abc" | zmq()), list("" | zmq())
    (['a', 'b', 'c'], [])

    Two workers run every second element each; here one of them has nothing to do:

    >>> list("a" | zmq(2))
    ['a']

    Parameters that do not fit, and streams that cannot be divided, are refused when described:

    >>> "abc" | zmq(2, ahead=1)
    Traceback (most recent call last):
    ...
    pescador.errors.ParameterError: zmq(workers=2, ahead=1): ahead must be at least one ...
    >>> iter("abc") | zmq(2)
    Traceback (most recent call last):
    ...
    pescador.errors.IndivisibleError: stream(<...>) cannot be divided: it is a started iterator, ...
    """

    workers: int = 1
    _: KW_ONLY
    ahead: int = 256
    buffer: int | str = "64MB"
    transport: str = "auto"
    start_method: str | None = None
    timeout: float | None = None
    copy: bool = False
    min_port: int = PORTS[0]
    max_port: int = PORTS[1]
    max_tries: int = TRIES

    closes = True
    sharding = ELEMENTWISE

    def __post_init__(self) -> None:
        for name in ("workers", "ahead", "max_tries"):
            object.__setattr__(self, name, errors.count(self, name, getattr(self, name)))
        for name in ("min_port", "max_port"):
            port = errors.count(self, name, getattr(self, name), most=2**16 - 1)
            object.__setattr__(self, name, port)
        errors.require(
            self.min_port <= self.max_port,
            self,
            f"min_port must be at most max_port, not {self.min_port} above {self.max_port}",
        )
        errors.require(
            self.ahead >= self.workers,
            self,
            f"ahead must be at least one element for each of {self.workers} workers, "
            f"not {self.ahead}",
        )
        errors.choice(self, "transport", self.transport, ("auto", "shm", "ipc", "tcp"))
        if self.start_method is not None:
            errors.choice(self, "start_method", self.start_method, METHODS)
        if self.timeout is not None:
            timeout = errors.number(self, "timeout", self.timeout)
            errors.require(timeout >= 0, self, f"timeout must be at least 0, not {timeout}")
            object.__setattr__(self, "timeout", timeout)
        errors.flag(self, "copy", self.copy)
        if not isinstance(self.buffer, str):
            object.__setattr__(self, "buffer", errors.count(self, "buffer", self.buffer))
        errors.require(self.nbytes, self, "buffer must be a number of bytes, such as '64MB'")

    @property
    def nbytes(self) -> int:
        """The buffer in bytes; 0 for a str that is not a number of bytes."""
        if not isinstance(self.buffer, str):
            return self.buffer
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?I?B)?", self.buffer.strip().upper())
        number, unit = found.groups() if found else ("0", "")
        return int(float(number) * UNITS.get(unit or "", 0))

    @property
    def medium(self) -> str:
        """The transport that is used: "shm", "ipc" or "tcp"."""
        if self.transport != "auto":
            return self.transport
        given = (self.min_port, self.max_port, self.max_tries) != (*PORTS, TRIES)
        return "tcp" if given or not hasattr(os, "memfd_create") else "shm"

    @property
    def ports(self) -> range:
        """The ports to try."""
        return range(self.min_port, self.max_port + 1)

    @property
    def runs_in(self) -> str:
        return "a process" if self.workers == 1 else f"{self.workers} processes"

    def validate(self, upstream: Stream[Any], /) -> None:
        self._parts(upstream)

    def _parts(self, upstream: Stream[Any]) -> list[Stream[Any]]:
        return [upstream.shard(index, self.workers) for index in range(self.workers)]

    def length(self, upstream: Stream[Any], /) -> Length:
        return total(part.length for part in self._parts(upstream))

    def check(self, upstream: Stream[Any], /) -> Iterable[Finding]:
        return _problems(self, upstream, self.workers)

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        from pescador.workers.consumer import run_in_workers

        return run_in_workers(self, self._parts(stream(upstream)), self._packed)

    def pack(self, part: object) -> Any:
        """Return the form in which a worker is given a part of the stream."""
        from pescador.workers.consumer import packed

        return packed(self.start_method, part)

    def _packed(self, part: Stream[Any]) -> Any:
        """Return what a worker is given, or refuse a part that cannot be sent and say why."""
        cause = None
        if not any(started(part)):
            try:
                return self.pack(part)
            except Exception as error:  # noqa: BLE001  A user's __reduce__ can raise any error.
                cause = error
        blame = next(iter(_problems(self, part, 1)), f"{self}: its upstream: {cause}")
        raise ParameterTypeError(f"{blame}".removeprefix("error: ")) from cause


def _problems(op: zmq, upstream: Stream[Any], workers: int) -> Iterator[Finding]:
    """Yield the reasons why an upstream cannot run in worker processes, or should not."""
    iterators = [*started(upstream)]
    for path, name in iterators:
        problem = f"{name} is started already, so it cannot be sent to another process"
        yield Finding("error", op, problem, INSTEAD_OF_STARTED, path)
    if not iterators and _refusal(upstream, op.pack):
        yield from _unpickled(upstream, op.pack)
    if workers > 1:
        for path, step in unseeded(upstream):
            problem = f"it draws at random without a seed, in each of {workers} workers"
            yield Finding("warning", step, problem, "s.seed(number), or a random_state", path)


def _unpickled(whole: Stream[Any], pack: Callable[[Any], object], *path: Any) -> Iterator[Finding]:
    """Yield a finding for each of the innermost parts of a stream that cannot be pickled."""
    inside = False
    for name, member in members(whole):
        for finding in _unpickled(member, pack, *path, name):
            inside = True
            yield finding
    for step in whole.ops if inside else (source_of(whole), *whole.ops):
        if reason := _refusal(step, pack):
            problem = f"it cannot be pickled, to be sent to another process: {reason}"
            instead = "functions and classes at the top of a module"
            yield Finding("error", step, problem, instead, path)


def _refusal(part: object, pack: Callable[[Any], object]) -> str:
    """Return why something cannot be packed; an empty str if it can."""
    try:
        pack(part)
    except Exception as error:  # noqa: BLE001  Any error is a reason.
        return f"{error}" or repr(error)
    return ""
