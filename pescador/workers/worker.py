"""The worker process: it runs a stream, and its outbox sends the elements within their bounds."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import connection, parent_process
from time import monotonic, sleep
from typing import Any

import numpy as np
import zmq

from pescador.errors import DataError
from pescador.rng import seed_globals
from pescador.running import Pass
from pescador.workers.channel import Address, Arena, Regions, connect, sentinel
from pescador.workers.codec import TEXT, Layout, decode, encode, fit
from pescador.workers.protocol import (
    Batch,
    Credit,
    End,
    Failure,
    FromConsumer,
    FromWorker,
    Leave,
    Ready,
    Stop,
    describe_error,
)

__all__ = ["Job", "Outbox", "work"]

# The most bytes in one message: about as much as the cache of one core holds.
MESSAGE_BYTES = 1 << 19

# An element is sent alone if it comes so much later than the last message, in seconds.
PAUSE = 2e-4

# How long a worker may take to close the stream after its consumer has died, in seconds.
ORPHAN_TIMEOUT = 0.5


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is given at its start.

    Parameters
    ----------
    op : zmq
        The operator.
    ahead : int
        How many elements may be in flight.
    nbytes : int
        How many bytes may be in flight.
    described : Stream or bytes
        The stream to run, or its pickle.
    address : Address
        Where to send the elements.
    arena : Arena or None
        The shared memory for arrays.
    seeds : tuple of int
        For the global random states of numpy and of Python.
    consumer : int
        The id of the consumer's process.
    """

    op: Any
    ahead: int
    nbytes: int
    described: Any
    address: Address
    arena: Arena | None
    seeds: tuple[int, ...]
    consumer: int


class Block:
    """Elements of one layout that are collected for one message.

    Parameters
    ----------
    layout : Layout
        Their layout.
    capacity : int
        How many elements there is room for.
    region : int or None
        The offset of the rows in the shared memory; None if they are in memory of their own.
    memory : ndarray of uint8
        The rows, shape ``(capacity * layout.row,)``.
    """

    __slots__ = ("capacity", "columns", "count", "layout", "memory", "nbytes", "region")

    def __init__(
        self, layout: Layout, capacity: int, region: int | None, memory: np.ndarray
    ) -> None:
        self.layout = layout
        self.capacity = capacity
        self.region = region
        self.memory = memory
        self.columns = layout.columns(capacity, memory)
        self.count = 0
        self.nbytes = 0

    def add(self, leaves: list[Any], nbytes: int) -> None:
        for column, leaf in zip(self.columns, leaves, strict=True):
            column[self.count] = leaf
        self.count += 1
        self.nbytes += nbytes

    def message(self) -> Batch:
        scalars = [column[: self.count] for column in self.columns if isinstance(column, list)]
        try:
            encode(scalars)
        except (OverflowError, UnicodeEncodeError):
            scalars = [[*map(fit, column)] for column in scalars]
        return Batch(self.layout.encoded, self.count, scalars, self.region, self.nbytes)


class Outbox:
    """The sending side of a worker: it collects elements, and sends them as credits allow.

    The thread that runs the stream calls `put`, `fail` and `end`; the thread that listens to the
    consumer calls `credit` and `stop`. Both hold `lock` meanwhile.

    Parameters
    ----------
    socket : zmq.Socket
        The socket to send with.
    arena : Arena or None
        The shared memory for arrays.
    ahead : int
        How many elements may be in flight.
    nbytes : int
        How many bytes may be in flight.
    """

    def __init__(
        self, socket: zmq.Socket[bytes], arena: Arena | None, ahead: int, nbytes: int
    ) -> None:
        self.socket = socket
        self.arena = arena
        self.regions = Regions(arena.size if arena else 0)
        self.ahead = ahead
        self.nbytes = nbytes
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.layout: Layout | None = None  # of the last element
        self.block: Block | None = None
        # Counts of elements since the start: put <= acknowledged + ahead.
        self.n_put = 0
        self.n_sent = 0
        self.acknowledged = 0
        self.acknowledged_bytes = 0
        self.in_flight = 0  # bytes that were put and are not acknowledged
        self.last_sent = 0.0  # the time of the last message
        self.starved = False
        self.stopped = False

    def put(self, element: Any) -> bool:
        """Add an element as soon as the bounds allow; False if no more elements are wanted."""
        with self.lock:
            leaves: list[Any] = []
            layout = self.layout
            if layout is None or not layout.flatten(element, leaves):
                self._flush()
                layout = self.layout = Layout.of(element)
                leaves.clear()
                layout.flatten(element, leaves)
            size = layout.size
            if layout.scalars:
                size += sum(len(leaf) for leaf in leaves if type(leaf) in TEXT)
            if self.in_flight + size > self.nbytes:
                self._flush()
                self._wait(lambda: self.in_flight + size <= self.nbytes or not self.in_flight)
            block = self.block = self.block or self._new_block(layout)
            block.add(leaves, size)
            self.n_put += 1
            self.in_flight += size
            if (
                block.count == block.capacity
                or block.nbytes >= MESSAGE_BYTES
                or self.starved
                or monotonic() - self.last_sent > PAUSE
            ):
                self._flush()
            if self.n_put - self.acknowledged >= self.ahead:
                self._flush()
                self._wait(lambda: self.n_put - self.acknowledged < self.ahead)
            return not self.stopped

    def _wait(self, until: Callable[[], bool]) -> None:
        while not (self.stopped or until()):
            self.changed.wait()

    def _new_block(self, layout: Layout) -> Block:
        """Start a block, in shared memory if a region is free."""
        capacity = max(1, min(self.ahead // 2, MESSAGE_BYTES // (layout.size or 1)))
        size = capacity * layout.row
        region = None
        if self.arena is not None and 0 < size <= self.arena.size:
            # Wait for a region while the consumer has work; otherwise fall back to the socket,
            # since the consumer may keep what it has.
            region = self.regions.allocate(size)
            while region is None and self.in_flight > self.nbytes // 2 and not self.stopped:
                self.changed.wait()
                region = self.regions.allocate(size)
        if self.arena is None or region is None:
            return Block(layout, capacity, None, np.empty(size, np.uint8))
        return Block(
            layout, capacity, region, np.ndarray(size, np.uint8, self.arena.memory, region)
        )

    def _flush(self) -> None:
        """Send the elements that are collected."""
        if self.block is not None:
            block, self.block = self.block, None
            self.starved = False
            self.n_sent += block.count
            self.last_sent = monotonic()
            if block.region is not None:
                self.regions.trim(block.region, block.count * block.layout.row)
            self.send(block.message(), block)

    def send(self, message: FromWorker, block: Block | None = None) -> None:
        header = encode(message)
        if block is not None and block.region is None and block.layout.row:
            self.socket.send(header, zmq.SNDMORE)
            frame = zmq.Frame(block.memory[: block.count * block.layout.row], copy=False)
            self.socket.send(frame, copy=False)
        else:
            self.socket.send(header)

    def fail(self, error: BaseException, closing: bool) -> None:
        """Send the elements that are collected, and then an exception."""
        remote, values = describe_error(error)
        layout = Layout.of(values)
        block = Block(layout, 1, None, np.empty(layout.row, np.uint8))
        leaves: list[Any] = []
        layout.flatten(values, leaves)
        block.add(leaves, 0)
        with self.lock:
            self._flush()
            self.send(Failure(remote, block.message(), closing), block)

    def end(self) -> None:
        with self.lock:
            self._flush()
            self.send(End())

    def credit(self, credit: Credit) -> None:
        """Record what the consumer has acknowledged; if it is starved, send what is collected."""
        with self.lock:
            self.acknowledged = credit.elements
            self.in_flight += self.acknowledged_bytes - credit.nbytes
            self.acknowledged_bytes = credit.nbytes
            for region in credit.regions:
                self.regions.free(region)
            # Ignore a stale flag: elements that were sent since are still in flight.
            self.starved = credit.starved and credit.elements == self.n_sent
            if self.starved:
                self._flush()
            self.changed.notify_all()

    def stop(self) -> None:
        with self.lock:
            self.stopped = True
            self.changed.notify_all()


def work(job: Job, control: connection.Connection, other: connection.Connection | None) -> None:
    """Run a worker from its start to its end.

    Parameters
    ----------
    job : Job
        What to do.
    control : Connection
        The pipe from the consumer.
    other : Connection or None
        The consumer's end of that pipe, if this process is a fork and has inherited it.
    """
    if other is not None:
        other.close()
    _set_signals()
    seed_globals(job.seeds)
    socket = connect(job.address)
    outbox = Outbox(socket, job.arena, job.ahead, job.nbytes)
    finished, dismissed = threading.Event(), threading.Event()
    arguments = (control, job.consumer, outbox, finished, dismissed)
    threading.Thread(target=_listen, args=arguments, daemon=True).start()
    try:
        _run(job, outbox)
        dismissed.wait()
    finally:
        finished.set()
        socket.context.destroy(linger=0)


def _run(job: Job, outbox: Outbox) -> None:
    """Run the stream and send how it ends."""
    closing = False
    try:
        outbox.send(Ready())
        described = job.described
        if isinstance(described, bytes):
            # Trusted: multiprocessing passed it. What the socket receives is never unpickled.
            described = pickle.loads(described)  # noqa: S301
        with Pass.over(described) as run:
            _put_all(job, run, outbox)
            closing = True
    except Terminated:
        raise
    except BaseException as error:  # noqa: BLE001  The consumer raises it.
        outbox.fail(error, closing)
    else:
        outbox.end()


def _put_all(job: Job, run: Pass[Any], outbox: Outbox) -> None:
    put = outbox.put
    for index, element in enumerate(run):
        try:
            wanted = put(element)
        except DataError as error:
            raise DataError(error.problem, job.op, index, error.key) from None
        if not wanted:
            return


class Terminated(SystemExit):
    """SIGTERM ends the worker, and the exception closes the stream on its way."""


def _terminate(number: int, _: Any) -> None:
    raise Terminated(128 + number)


def _set_signals() -> None:
    """Leave an interrupt to the consumer, and raise an exception at SIGTERM."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _terminate)


def _listen(
    control: connection.Connection,
    consumer: int,
    outbox: Outbox,
    finished: threading.Event,
    dismissed: threading.Event,
) -> None:
    """Listen to the consumer until it dismisses the worker; exit soon after the consumer dies."""
    parent = parent_process()
    assert parent is not None  # noqa: S101  A worker is a child of multiprocessing.
    with sentinel(consumer, parent.sentinel) as gone:
        try:
            while _receive(control, gone, outbox):
                pass
        finally:
            outbox.stop()
            dismissed.set()
            if not finished.wait(ORPHAN_TIMEOUT):
                os.kill(os.getpid(), signal.SIGTERM)
                finished.wait(ORPHAN_TIMEOUT)
            # Threads and processes that the stream has left may keep the interpreter from exiting.
            connection.wait([gone])
            sleep(ORPHAN_TIMEOUT)
            os._exit(1)


def _receive(control: connection.Connection, gone: int, outbox: Outbox) -> bool:
    """Wait for a message and act on it; False if there will not be another one."""
    if control not in connection.wait([control, gone]):
        return False
    try:
        message = decode(control.recv_bytes(), FromConsumer)
    except (EOFError, OSError):
        return False
    if isinstance(message, Credit):
        outbox.credit(message)
    elif isinstance(message, Stop):
        outbox.stop()
    return not isinstance(message, Leave)
