"""What a worker has to say: elements gathered into messages, within what the consumer allows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

import numpy as np
import zmq

from pescador.transport.failing import story_of
from pescador.transport.framing import Form
from pescador.transport.packing import TEXT, encode, fitting
from pescador.transport.sharing import Arena, Slots
from pescador.transport.speaking import Credit, End, Failure, FromWorker, Rows

__all__ = ["Outbox"]

# The most that travels together, in bytes: about what one core has at hand.
TOGETHER = 1 << 19

# An element that comes so much later than the last message, in seconds, goes by itself.
PAUSE = 2e-4


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

    def __init__(
        self, socket: zmq.Socket[bytes], arena: Arena | None, ahead: int, nbytes: int
    ) -> None:
        self.socket = socket
        self.arena = arena
        self.slots = Slots(arena.size if arena else 0)
        self.ahead = ahead
        self.nbytes = nbytes
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
            size = form.size
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
        capacity = max(1, min(self.ahead // 2, TOGETHER // (form.size or 1)))
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
