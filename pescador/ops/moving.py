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
    """The same elements, made in a background thread up to `n` ahead.

    It overlaps reading with computing where the reading waits for files or the network, or
    computes in C without Python's lock; for work in Python itself see `zmq`. Leaving early waits
    until the thread has come out of the step that it is in, five seconds at most.

    Parameters
    ----------
    n : int > 0, default=2
        How many elements there may be beyond what the consumer has taken.

    Raises
    ------
    ParameterError
        If `n` is less than 1.
    ParameterTypeError
        If `n` is no integer.

    Warns
    -----
    ResourceWarning
        If the thread does not end in time.

    Examples
    --------
    >>> list("abc" | prefetch())
    ['a', 'b', 'c']
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
    """The same elements, made in background processes: the workers.

    A worker is ahead of the consumer as far as `ahead` and `buffer` allow, and no further. What
    is raised in it is raised here, with its traceback as the cause; if it dies, that is a
    `WorkerError`. Leaving early ends it. With several workers, each runs a part of the upstream
    (`Stream.shard`), and the elements are those of the parts in turn, whatever the timing.

    Elements are dicts, tuples, lists, named tuples and instances of dataclasses (nested as you
    like) of arrays of any dtype but object, numbers, str, bytes and None. They arrive as they are:
    the same types, dtypes, shapes and order in memory; arrays are the consumer's own to keep and
    to write to. A named tuple or dataclass is found by its name: its class is at the top of a
    module, and the consumer has imported that module. Its fields arrive as they were sent: neither
    its constructor nor ``__post_init__`` runs.

    Parameters
    ----------
    workers : int > 0, default=1
        How many processes.
    ahead : int > 0, default=256
        How many elements all workers together may be ahead of the consumer; at least `workers`.
    buffer : int or str, default="64MB"
        How many bytes of elements may be under way; an element that is larger travels alone. A
        number of bytes, or one with a unit: KB, MB, GB, KiB, MiB, GiB.
    transport : {"auto", "shm", "ipc", "tcp"}, default="auto"
        How elements travel: arrays in shared memory and the rest through a socket in a private
        folder; all through that socket; or all through a port of 127.0.0.1, encrypted. By default
        "tcp" if ports are given, else "shm" where the platform has it, else "tcp".
    start_method : {"fork", "forkserver", "spawn"} or None, default=None
        How processes start; None for the platform's default. All but a fork take a stream that
        can be pickled, by cloudpickle where that is installed.
    timeout : float >= 0 or None, default=None
        How many seconds a worker may take to end before it is killed; None for five. At half the
        time it is sent SIGTERM, which ends what waits, and runs its ``finally`` clauses.
    copy : bool, default=False
        Whether each array has memory of its own, and not part of what several arrived in.
    min_port, max_port : int, default=49152, 65535
        Which ports to use with "tcp".
    max_tries : int > 0, default=100
        How many of them to try.

    Raises
    ------
    ParameterError, ParameterTypeError
        If a parameter is out of range or of the wrong type; when it runs, if the upstream cannot
        be pickled and has to be.
    IndivisibleError
        If there are several workers, and the upstream cannot be divided among them.
    DataError
        At run time, if an element cannot be moved, or its class is not imported here: it names
        the element and the key.
    WorkerError
        At run time, if a worker cannot start, or dies.

    Notes
    -----
    The global random states of numpy and of Python are seeded in each worker, from numpy's in the
    consumer: ``np.random.seed`` decides all, and no two workers draw alike.

    Examples
    --------
    >>> list("abc" | zmq())
    ['a', 'b', 'c']
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
        """The buffer in bytes; 0 where it says nothing."""
        if not isinstance(self.buffer, str):
            return self.buffer
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?I?B)?", self.buffer.strip().upper())
        number, unit = found.groups() if found else ("0", "")
        return int(float(number) * UNITS.get(unit or "", 0))

    @property
    def medium(self) -> str:
        """How elements travel: "shm", "ipc" or "tcp"."""
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
        """What a worker is handed; refused where it cannot be moved, with what is to blame."""
        cause = None
        if not any(started(part)):
            try:
                return self.pack(part)
            except Exception as error:  # noqa: BLE001  Whatever a __reduce__ of the user's raises.
                cause = error
        blame = next(iter(_problems(self, part, 1)), f"{self}: its upstream: {cause}")
        raise ParameterTypeError(f"{blame}".removeprefix("error: ")) from cause


def _problems(op: zmq, upstream: Stream[Any], workers: int) -> Iterator[Finding]:
    """Find what keeps an upstream from running in worker processes."""
    iterators = [*started(upstream)]
    for path, name in iterators:
        problem = f"it cannot move {name}, which is started already, to another process"
        yield Finding("error", op, problem, INSTEAD_OF_STARTED, path)
    if not iterators and _refusal(upstream, op.pack):
        yield from _unpickled(upstream, op.pack)
    if workers > 1:
        for path, step in unseeded(upstream):
            problem = f"it draws at random without a seed, in each of {workers} workers"
            yield Finding("warning", step, problem, "s.seed(number), or a random_state", path)


def _unpickled(whole: Stream[Any], pack: Callable[[Any], object], *path: Any) -> Iterator[Finding]:
    """Find the innermost named parts of a stream that cannot be pickled."""
    inside = False
    for name, member in members(whole):
        for finding in _unpickled(member, pack, *path, name):
            inside = True
            yield finding
    for step in whole.ops if inside else (source_of(whole), *whole.ops):
        if reason := _refusal(step, pack):
            problem = f"it cannot be pickled, to move to another process: {reason}"
            instead = "functions and classes at the top of a module"
            yield Finding("error", step, problem, instead, path)


def _refusal(part: object, pack: Callable[[Any], object]) -> str:
    try:
        pack(part)
    except Exception as error:  # noqa: BLE001  Any is a reason.
        return f"{error}" or repr(error)
    return ""
