"""The worker process: it runs a stream, and sends what comes of it as far as it may."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, parent_process
from time import monotonic
from typing import Any

import numpy as np
import zmq

from pescador.errors import DataError
from pescador.running import Pass
from pescador.seeding import seed_globals
from pescador.transport.connecting import Address, connect
from pescador.transport.failing import story_of
from pescador.transport.framing import TEXT, Form, decoded, encode, fitting
from pescador.transport.sharing import Arena, Slots
from pescador.transport.speaking import (
    Credit,
    End,
    Failure,
    FromConsumer,
    FromWorker,
    Leave,
    Ready,
    Rows,
    Stop,
)

__all__ = ["Job", "work"]

# The most that travels together, in bytes: about what one core has at hand.
TOGETHER = 1 << 19

# An element that comes so much later than the last message, in seconds, goes by itself.
PAUSE = 2e-4

# How long a worker whose consumer is gone may take to close what it has begun, in seconds.
GRACE = 0.5


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is told at its start.

    Parameters
    ----------
    op : zmq
        The operator.
    ahead : int
        How many elements may be under way.
    nbytes : int
        How many bytes of them.
    described : Stream or bytes
        What to run, as it is or pickled.
    address : Address
        Where to send what comes of it.
    arena : Arena or None
        Memory to put arrays in.
    seeds : tuple of int
        For the global random state of numpy and of Python.
    consumer : int
        The consumer's process.
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
    """Elements that are gathered to travel together.

    Parameters
    ----------
    form : Form
        Their structure.
    capacity : int
        How many there may be.
    slot : int or None
        Where in the arena their rows stand.
    memory : ndarray of uint8
        Their rows.
    """

    __slots__ = ("capacity", "columns", "count", "form", "memory", "nbytes", "slot")

    def __init__(self, form: Form, capacity: int, slot: int | None, memory: np.ndarray) -> None:
        self.form = form
        self.capacity = capacity
        self.slot = slot
        self.memory = memory
        self.columns = form.columns(capacity, memory)
        self.count = 0
        self.nbytes = 0

    def add(self, leaves: list[Any], nbytes: int) -> None:
        for column, leaf in zip(self.columns, leaves, strict=True):
            column[self.count] = leaf
        self.count += 1
        self.nbytes += nbytes

    def rows(self) -> Rows:
        values = [column[: self.count] for column in self.columns if isinstance(column, list)]
        try:
            encode(values)
        except (OverflowError, UnicodeEncodeError):
            values = [[*map(fitting, column)] for column in values]
        return Rows(self.form.encoded, self.count, values, self.slot, self.nbytes)


class Outbox:
    """What a worker sends, from the thread that runs the stream, as the consumer allows.

    A thread that listens tells it of credit, and sends what is gathered when the consumer waits
    for it. Whatever either does is done under `lock`.
    """

    def __init__(self, job: Job, socket: zmq.Socket[bytes]) -> None:
        self.ahead = job.ahead
        self.nbytes = job.nbytes
        self.socket = socket
        self.arena = job.arena
        self.slots = Slots(job.arena.size if job.arena else 0)
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.form: Form | None = None  # of the last element
        self.block: Block | None = None
        self.put_in = 0  # elements, of which so many were sent, and so many taken
        self.sent = 0
        self.taken = 0
        self.last_sent = 0.0  # when
        self.taken_bytes = 0
        self.under_way = 0  # bytes sent, and not yet taken
        self.hungry = False
        self.stopped = False

    # From the thread that runs the stream.

    def put(self, element: Any) -> bool:
        """Take an element on its way, once there is room; False if no more are wanted."""
        with self.lock:
            leaves: list[Any] = []
            form = self.form
            if form is None or not form.take(element, leaves):
                self.flush()
                form = self.form = Form.of(element)
                leaves.clear()
                form.take(element, leaves)
            size = form.row
            if form.plain:
                size += sum(len(leaf) for leaf in leaves if type(leaf) in TEXT)
            if self.under_way + size > self.nbytes:
                self.flush()
                self.wait(lambda: self.under_way + size <= self.nbytes or not self.under_way)
            block = self.block = self.block or self.opened(form)
            block.add(leaves, size)
            self.put_in += 1
            self.under_way += size
            if (
                block.count == block.capacity
                or block.nbytes >= TOGETHER
                or self.hungry
                or monotonic() - self.last_sent > PAUSE
            ):
                self.flush()
            if self.put_in - self.taken >= self.ahead:
                self.flush()
                self.wait(lambda: self.put_in - self.taken < self.ahead)
            return not self.stopped

    def wait(self, until: Callable[[], bool]) -> None:
        while not (self.stopped or until()):
            self.changed.wait()

    def opened(self, form: Form) -> Block:
        """A block for elements of this form, in shared memory if there is room for it."""
        capacity = max(1, min(self.ahead // 2, TOGETHER // (form.row or 1)))
        size = capacity * form.row
        slot = None
        if self.arena is not None and 0 < size <= self.arena.size:
            # Room comes with what the consumer lets go of. As long as it has enough to do, that
            # is waited for; if it keeps what it gets, what follows goes by the socket.
            slot = self.slots.take(size)
            while slot is None and self.under_way > self.nbytes // 2 and not self.stopped:
                self.changed.wait()
                slot = self.slots.take(size)
        if self.arena is None or slot is None:
            return Block(form, capacity, None, np.empty(size, np.uint8))
        return Block(form, capacity, slot, np.ndarray(size, np.uint8, self.arena.memory, slot))

    def flush(self) -> None:
        """Send what is gathered."""
        if self.block is not None:
            block, self.block = self.block, None
            self.hungry = False
            self.sent += block.count
            self.last_sent = monotonic()
            if block.slot is not None:
                self.slots.trim(block.slot, block.count * block.form.row)
            self.send(block.rows(), block)

    def send(self, message: FromWorker, block: Block | None = None) -> None:
        header = encode(message)
        if block is not None and block.slot is None and block.form.row:
            self.socket.send(header, zmq.SNDMORE)
            frame = zmq.Frame(block.memory[: block.count * block.form.row], copy=False)
            self.socket.send(frame, copy=False)
        else:
            self.socket.send(header)

    def fail(self, error: BaseException, closing: bool) -> None:
        """Send what is gathered, and an exception after it."""
        story, values = story_of(error)
        form = Form.of(values)
        block = Block(form, 1, None, np.empty(form.row, np.uint8))
        leaves: list[Any] = []
        form.take(values, leaves)
        block.add(leaves, 0)
        with self.lock:
            self.flush()
            self.send(Failure(story, block.rows(), closing), block)

    def end(self) -> None:
        with self.lock:
            self.flush()
            self.send(End())

    # From the thread that listens.

    def credit(self, credit: Credit) -> None:
        """Hear what the consumer has taken; it is sent what is there if it waits."""
        with self.lock:
            self.taken = credit.elements
            self.under_way += self.taken_bytes - credit.nbytes
            self.taken_bytes = credit.nbytes
            for slot in credit.slots:
                self.slots.free(slot)
            # It has less to wait for if more was sent than it had taken when it said so.
            self.hungry = credit.hungry and credit.elements == self.sent
            if self.hungry:
                self.flush()
            self.changed.notify_all()

    def stop(self) -> None:
        with self.lock:
            self.stopped = True
            self.changed.notify_all()


def work(job: Job, control: connection.Connection, other: connection.Connection | None) -> None:
    """The life of a worker.

    Parameters
    ----------
    job : Job
        What to do.
    control : Connection
        Where the consumer is heard.
    other : Connection or None
        The consumer's end of it, where a fork has inherited that.
    """
    if other is not None:
        other.close()
    _mind_signals()
    seed_globals(job.seeds)
    socket = connect(job.address)
    outbox = Outbox(job, socket)
    finished, dismissed = threading.Event(), threading.Event()
    listening = (control, job.consumer, outbox, finished, dismissed)
    threading.Thread(target=_listen, args=listening, daemon=True).start()
    try:
        _serve(job, outbox)
        dismissed.wait()
    finally:
        finished.set()
        socket.context.destroy(linger=0)


def _serve(job: Job, outbox: Outbox) -> None:
    closing = False
    try:
        outbox.send(Ready())
        described = job.described
        if isinstance(described, bytes):  # It came as an argument; from the socket nothing would.
            described = pickle.loads(described)  # noqa: S301
        with Pass.over(described) as run:
            _feed(job, run, outbox)
            closing = True
    except Terminated:
        raise
    except BaseException as error:  # noqa: BLE001  It is the consumer's to see.
        outbox.fail(error, closing)
    else:
        outbox.end()


def _feed(job: Job, run: Pass[Any], outbox: Outbox) -> None:
    for index, element in enumerate(run):
        try:
            wanted = outbox.put(element)
        except DataError as error:
            raise DataError(error.problem, job.op, index, error.key) from None
        if not wanted:
            return


class Terminated(SystemExit):
    """The worker is to end at once, and closes what it has begun on the way."""


def _terminate(number: int, _: Any) -> None:
    raise Terminated(128 + number)


def _mind_signals() -> None:
    """An interrupt is the consumer's to answer; to be terminated is an exception."""
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
    """Hear the consumer until it has all, or is gone."""
    try:
        with _sentinel(consumer) as gone:
            while _heard(control, gone, outbox):
                pass
    finally:
        outbox.stop()
        dismissed.set()
        if not finished.wait(GRACE):
            os.kill(os.getpid(), signal.SIGTERM)
            if not finished.wait(GRACE):
                os._exit(1)


def _heard(control: connection.Connection, gone: int, outbox: Outbox) -> bool:
    """Wait for the consumer, and do as it says; False if there is no more to wait for."""
    if control not in connection.wait([control, gone]):
        return False
    try:
        message = decoded(control.recv_bytes(), FromConsumer)
    except (EOFError, OSError):
        return False
    if isinstance(message, Credit):
        outbox.credit(message)
    elif isinstance(message, Stop):
        outbox.stop()
    return not isinstance(message, Leave)


@contextmanager
def _sentinel(consumer: int) -> Iterator[int]:
    """What becomes ready to be read when the consumer dies.

    The pipe that multiprocessing has for it stays open as long as any other fork of the consumer
    lives on; where the system tells of the process itself, that is asked.
    """
    try:
        descriptor = os.pidfd_open(consumer)
    except ProcessLookupError:
        raise  # It is gone already.
    except (AttributeError, OSError):
        parent = parent_process()
        assert parent is not None  # noqa: S101  A worker is a child of multiprocessing.
        yield parent.sentinel
    else:
        try:
            yield descriptor
        finally:
            os.close(descriptor)
