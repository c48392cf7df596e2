"""The resources that two processes share: a socket, memory, and a sign that the other is alive."""

from __future__ import annotations

import mmap
import os
import secrets
import shutil
import tempfile
import threading
from bisect import insort
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.reduction import DupFd
from typing import Any

import numpy as np
import zmq

from pescador.errors import WorkerError

__all__ = [
    "Address",
    "Arena",
    "Borrowed",
    "Listener",
    "Regions",
    "attach",
    "connect",
    "forking_a_worker",
    "require_descriptors",
    "sentinel",
]

# A socket cannot be bound to a longer path: `sun_path` of unix(7), less the name of the socket.
LONGEST_PATH = 90

# How many descriptors a context with one connected socket takes, and a few more.
DESCRIPTORS = 12

# Every region starts at a multiple of a cache line, in bytes.
LINE = 64


@dataclass(frozen=True, slots=True)
class Address:
    """Where a worker connects.

    Parameters
    ----------
    url : str
        The address of the socket.
    key : bytes or None, default=None
        The public key of the listener on TCP: only its workers are given the key.
    """

    url: str
    key: bytes | None = None


class Listener:
    """The socket that receives the messages of one worker.

    Parameters
    ----------
    tcp : bool
        Whether to listen on a port of 127.0.0.1, with CURVE keys made for this run; otherwise the
        socket is in a folder that no other user can enter.
    ports : range
        The ports to try.
    tries : int
        How many of the ports to try.
    """

    def __init__(self, tcp: bool, ports: range, tries: int) -> None:
        self.folder: str | None = None
        require_descriptors(DESCRIPTORS)
        self.context = zmq.Context()
        try:
            self.socket = self.context.socket(zmq.PULL)
            self.socket.rcvhwm = 0  # Credits bound what is in flight, not the high-water mark.
            self.address = self._bind_port(ports, tries) if tcp else self._bind_path()
        except BaseException:
            self.close()
            raise

    def _bind_port(self, ports: range, tries: int) -> Address:
        public, secret = zmq.curve_keypair()
        self.socket.curve_server = True
        self.socket.curve_secretkey = secret
        first = secrets.randbelow(len(ports))
        for number in range(min(tries, len(ports))):
            port = ports[(first + number) % len(ports)]
            with suppress(zmq.ZMQError):
                self.socket.bind(url := f"tcp://127.0.0.1:{port}")
                return Address(url, public)
        raise WorkerError(
            f"no free port among the {min(tries, len(ports))} that were tried of "
            f"{ports[0]} .. {ports[-1]}; give other ports, or more tries"
        )

    def _bind_path(self) -> Address:
        parent = tempfile.gettempdir()
        self.folder = tempfile.mkdtemp(
            prefix="pescador-",
            dir=parent if len(parent) < LONGEST_PATH else "/tmp",  # noqa: S108
        )
        url = f"ipc://{self.folder}/socket"
        self.socket.bind(url)
        return Address(url)

    def connected(self) -> None:
        """Remove the folder of the socket, which is not needed once the worker is connected."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def close(self) -> None:
        self.context.destroy(linger=0)
        self.connected()


def require_descriptors(count: int) -> None:
    """Raise an error now if descriptors run out: libzmq would retry for ever.

    Raises
    ------
    OSError
        If fewer than `count` descriptors are free.
    """
    held: list[int] = []
    try:
        held.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(count))
    finally:
        for descriptor in held:
            os.close(descriptor)


def connect(address: Address) -> zmq.Socket[bytes]:
    """Connect the socket that sends the messages of a worker."""
    require_descriptors(DESCRIPTORS)
    socket = zmq.Context().socket(zmq.PUSH)
    socket.sndhwm = 0
    if address.key is not None:
        socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
        socket.curve_serverkey = address.key
    socket.connect(address.url)
    return socket


class Arena:
    """Shared memory without a name: a fork inherits it, other processes get its descriptor.

    Parameters
    ----------
    size : int > 0
        The number of bytes; pages that are never written take no memory.
    inherited : bool
        Whether the other process is a fork of this one, and needs no descriptor.
    """

    def __init__(self, size: int, inherited: bool) -> None:
        self.size = size
        self.descriptor = -1
        if not inherited:
            self.descriptor = os.memfd_create("pescador")
            os.ftruncate(self.descriptor, size)
        self.memory = mmap.mmap(self.descriptor, size)

    def __reduce__(self) -> Any:
        return attach, (self.size, DupFd(self.descriptor))

    def close(self) -> None:
        """Close the descriptor; the memory stays for as long as an array refers to it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def attach(size: int, handle: Any) -> Arena:
    """Map an arena in a process that was not forked; multiprocessing passes the handle."""
    arena = Arena.__new__(Arena)
    arena.size = size
    arena.descriptor = handle.detach()
    arena.memory = mmap.mmap(arena.descriptor, size)
    arena.close()
    return arena


class Regions:
    """The worker's record of which parts of an arena are free.

    The first gap that is large enough is used, so that memory in the cache is used again.

    Parameters
    ----------
    size : int
        The number of bytes of the arena.

    Examples
    --------
    >>> regions = Regions(256)
    >>> regions.allocate(100), regions.allocate(128), regions.allocate(1)
    (0, 128, None)
    >>> regions.free(0)
    >>> regions.allocate(64), regions.allocate(64)
    (0, 64)
    """

    def __init__(self, size: int) -> None:
        self.gaps = [(0, size)]  # The start and end of each free part, in order.
        self.ends: dict[int, int] = {}  # The end of each region in use, by its start.

    def allocate(self, size: int) -> int | None:
        """Find the start of a free region of at least `size` bytes; None if there is none."""
        size = max(-(-size // LINE), 1) * LINE
        for place, (start, end) in enumerate(self.gaps):
            if end - start >= size:
                self.gaps[place : place + 1] = [(start + size, end)] * (end - start > size)
                self.ends[start] = start + size
                return start
        return None

    def trim(self, start: int, size: int) -> None:
        """Free the part of a region behind its first `size` bytes."""
        end = self.ends[start]
        self.ends[start] = start + max(-(-size // LINE), 1) * LINE
        self._add_gap(self.ends[start], end)

    def free(self, start: int) -> None:
        self._add_gap(start, self.ends.pop(start))

    def _add_gap(self, start: int, end: int) -> None:
        if start == end:
            return
        insort(self.gaps, (start, end))
        place = self.gaps.index((start, end))
        if place + 1 < len(self.gaps) and self.gaps[place + 1][0] == end:
            self.gaps[place : place + 2] = [(start, self.gaps[place + 1][1])]
        if place and self.gaps[place - 1][1] == start:
            self.gaps[place - 1 : place + 1] = [(self.gaps[place - 1][0], self.gaps[place][1])]


class Borrowed(np.ndarray):
    """A region in the consumer: released when the last array that refers to it is deleted."""

    @staticmethod
    def of(arena: Arena, start: int, size: int, released: deque[int]) -> Borrowed:
        """Borrow a region; its start is appended to `released` in the end.

        Raises
        ------
        ValueError
            If the region is not within the arena.
        """
        # An array made on the mapping itself is what the arrays on top of it keep alive.
        region = np.ndarray.__new__(Borrowed, size, np.uint8, arena.memory, start)
        region.start = start
        region.released = released
        region.forks = _forks.number
        return region

    def __array_finalize__(self, _: Any) -> None:
        # Views do not own the region.
        self.start = 0
        self.released: deque[int] | None = None
        self.forks = 0

    def __del__(self) -> None:
        # A region that a fork of this process may still read is never used again.
        if self.released is not None and self.forks == _forks.number:
            self.released.append(self.start)


class _Forks(threading.local):
    """The number of forks of this process; workers do not count, since they read no regions."""

    number = 0  # Shared by all threads.
    ours = False

    def count(self) -> None:
        if not self.ours:
            _Forks.number += 1


_forks = _Forks()

with suppress(AttributeError):  # Not every platform can fork.
    os.register_at_fork(before=_forks.count)


@contextmanager
def forking_a_worker() -> Iterator[None]:
    """Do not count the forks that this thread makes meanwhile."""
    _forks.ours = True
    try:
        yield
    finally:
        _forks.ours = False


@contextmanager
def sentinel(process: int, pipe: int) -> Iterator[int]:
    """Open a file descriptor that becomes readable when a process dies.

    Parameters
    ----------
    process : int
        The id of the process.
    pipe : int
        The sentinel of multiprocessing. This pipe stays open while any fork of the process lives,
        so a pidfd is used instead on systems that have them.

    Yields
    ------
    int
        The file descriptor.
    """
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        descriptor = os.open(os.devnull, os.O_RDONLY)  # It is always readable.
    except (AttributeError, OSError):
        yield pipe
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)
