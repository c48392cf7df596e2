"""The consumer's side of a worker: it is started, heard, given credit, and ended."""

from __future__ import annotations

import math
import multiprocessing
import os
import pickle
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import chain, islice
from multiprocessing import connection, util
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np
import toolz
import zmq

from pescador.errors import PescadorError, TransportError, WorkerError, require
from pescador.rng import fresh_word
from pescador.running import Pass, close_all
from pescador.seeds import Place
from pescador.transport.connecting import Listener, require_room
from pescador.transport.failing import raised_again
from pescador.transport.framing import Form
from pescador.transport.living import sentinel
from pescador.transport.packing import decoded, encode
from pescador.transport.sharing import Arena, Borrowed, forking_a_worker
from pescador.transport.speaking import (
    Credit,
    End,
    Failure,
    FromConsumer,
    FromWorker,
    Leave,
    Rows,
    Stop,
)
from pescador.transport.working import Job, work

__all__ = ["packed", "received"]

# How long a worker may take to end where no `timeout` is given, in seconds.
PATIENCE = 5.0

# How long what is under way, or gathered, may take before it is asked for, in milliseconds.
SHORTLY = 1

# How long what a worker sent before it died may take to arrive, in milliseconds.
LAST_WORDS = 100


def packed(start_method: str | None, described: Any) -> Any:
    """What a worker is handed to run: a fork has it as it is, another process needs a pickle."""
    if _resolved(start_method) == "fork":
        return described
    try:
        import cloudpickle
    except ImportError:
        return pickle.dumps(described)
    return cloudpickle.dumps(described)


def _resolved(start_method: str | None) -> str:
    """How processes start: as it says, or as is usual here."""
    return start_method or multiprocessing.get_start_method()


def received(op: Any, parts: Sequence[Any], pack: Callable[[Any], Any]) -> Iterator[Any]:
    """The elements of streams that run each in a worker: of each one in turn.

    Parameters
    ----------
    op : zmq
        The operator.
    parts : sequence of Stream
        What each worker runs.
    pack : callable
        From such a part to what the worker is handed.
    """
    runs = _runs(op, parts, pack)
    return Pass(chain.from_iterable(runs), [runs])


def _runs(
    op: Any, parts: Sequence[Any], pack: Callable[[Any], Any]
) -> Generator[Iterator[Any], None, None]:
    packages = [*map(pack, parts)]
    entropy = Place((fresh_word(),))
    workers: list[Worker] = []
    try:
        for index, package in enumerate(packages):
            seeds = entropy.at(index).words()
            workers.append(Worker(op, package, seeds, index, len(packages)))
        runs = [chain.from_iterable(worker.blocks()) for worker in workers]
        yield runs[0] if len(runs) == 1 else toolz.interleave(runs)
    finally:
        for worker in workers:
            worker.stop()
        close_all(workers)


class Worker:
    """A worker as its consumer knows it; made, it has started.

    Parameters
    ----------
    op : zmq
        The operator.
    package : object
        What it runs, `packed`.
    seeds : tuple of int
        For its global random state.
    index, count : int
        Which worker it is, of how many.
    """

    def __init__(
        self, op: Any, package: Any, seeds: tuple[int, ...], index: int, count: int
    ) -> None:
        require(
            not multiprocessing.current_process().daemon,
            op,
            "a daemonic process may have no workers; start it with daemon=False",
        )
        self.op = op
        self.name = f"{op}: worker" + (f" {index} of {count}" if count > 1 else "")
        self.owner = os.getpid()
        self.patience = PATIENCE if op.timeout is None else op.timeout
        self.ahead = op.ahead // count
        self.nbytes = max(op.nbytes // count, 1)
        self.taken = self.taken_bytes = 0  # and how much of it the worker was told
        self.told = self.told_bytes = 0
        self.returned: deque[int] = deque()
        self.ready = False
        self.over = False  # All that it has to say was heard.
        self.closed = False
        with ExitStack() as undo:
            self._start(package, seeds, undo)
            self.undo = undo.pop_all()
        self.at_exit = util.Finalize(None, self.abandon, exitpriority=20)

    def _start(self, package: Any, seeds: tuple[int, ...], undo: ExitStack) -> None:
        method = _resolved(self.op.start_method)
        forks = method == "fork"
        context: Any = multiprocessing.get_context(method)
        self.listener = Listener(self.op.medium == "tcp", self.op.ports, self.op.max_tries)
        undo.callback(self.listener.close)
        self.arena = None
        if self.op.medium == "shm":
            self.arena = Arena(self.nbytes, inherited=forks)
            undo.callback(self.arena.close)
        heard, self.control = context.Pipe(duplex=False)
        undo.callback(self.control.close)
        job = Job(
            self.op,
            self.ahead,
            self.nbytes,
            package,
            self.listener.address,
            self.arena,
            seeds,
            self.owner,
        )
        with heard, forking_a_worker():
            args = (job, heard, self.control if forks else None)
            self.process = context.Process(target=work, args=args, name=self.name)
            self.process.start()
        undo.callback(_end, self.process)
        self.gone = undo.enter_context(sentinel(self.process.pid, self.process.sentinel))
        if self.arena is not None:
            self.arena.close()
        require_room(1)  # for the worker's connection
        self.poller = zmq.Poller()
        self.poller.register(self.listener.socket, zmq.POLLIN)
        self.poller.register(self.gone, zmq.POLLIN)

    def blocks(self) -> Generator[Iterator[Any], None, None]:
        """What it sends, as iterators over some elements each."""
        try:
            while True:
                message, frame = self.receive()
                if isinstance(message, Rows):
                    elements = self.elements(message, frame)
                    del frame  # A copy of it stays with the elements.
                    yield islice(elements, message.count - 1)
                    self.take(message)
                    yield elements
                elif isinstance(message, Failure):
                    raise self.error(message, frame)
                elif isinstance(message, End):
                    return
        finally:
            self.close()

    def receive(self) -> tuple[FromWorker, Any]:
        """The next message, and its frame if it has one.

        Raises
        ------
        WorkerError
            If the process has died.
        """
        if os.getpid() != self.owner:
            raise PescadorError(f"{self.name}: a fork cannot go on with the run of its parent")
        socket = self.listener.socket
        if not int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            ready = self.poller.poll(SHORTLY)
            if not ready:
                self.tell(hungry=True)
                ready = self.poller.poll()
            if socket not in dict(ready) and not socket.poll(LAST_WORDS):
                raise self.death()
        return self.message()

    def message(self) -> tuple[FromWorker, Any]:
        """The message that is there."""
        header, *frames = self.listener.socket.recv_multipart(copy=False)
        if not self.ready:
            self.ready = True
            self.listener.met()
        try:
            message = decoded(header.bytes, FromWorker)
        except TransportError as error:
            raise self.named(error) from error
        self.over = isinstance(message, Failure | End)
        return message, frames[0] if frames else None

    def elements(self, rows: Rows, frame: Any) -> Iterator[Any]:
        try:
            form = Form.read(rows.form)
            memory = self.memory(rows, rows.count * form.row, frame)
            return form.elements(rows.count, memory, rows.plain, self.op.copy)
        except TransportError as error:
            raise self.named(error) from error

    def memory(self, rows: Rows, size: int, frame: Any) -> np.ndarray:
        if rows.slot is None or self.arena is None:
            return np.array(() if frame is None else frame.buffer, np.uint8)
        try:
            return Borrowed.of(self.arena, rows.slot, size, self.returned)
        except (TypeError, ValueError) as error:
            raise TransportError(f"no memory of {size} bytes at {rows.slot}") from error

    def named(self, error: TransportError) -> TransportError:
        """The same, with the worker whose message it was."""
        return TransportError(f"{self.name}: {error}")

    def error(self, failure: Failure, frame: Any) -> BaseException:
        ((args, attributes),) = self.elements(failure.values, frame)
        return raised_again(failure.story, args, attributes, self.name)

    def take(self, rows: Rows) -> None:
        """Count what is handed over, and tell the worker of it every now and then."""
        self.taken += rows.count
        self.taken_bytes += rows.nbytes
        if 2 * (self.taken - self.told) >= self.ahead or (
            4 * (self.taken_bytes - self.told_bytes) >= self.nbytes
        ):
            self.tell()

    def tell(self, hungry: bool = False) -> None:
        """Give the worker credit."""
        self.told, self.told_bytes = self.taken, self.taken_bytes
        slots = [self.returned.popleft() for _ in range(len(self.returned))]
        self.say(Credit(self.taken, self.taken_bytes, slots, hungry))

    def say(self, message: FromConsumer) -> None:
        with suppress(OSError):  # If it has died, the next that is received says so.
            self.control.send_bytes(encode(message))

    def death(self) -> WorkerError:
        """How the process died."""
        _reap(self.process)
        code = self.process.exitcode
        if code is not None and code < 0:
            how = f"was ended by {_signal_name(-code)}"
            if -code == signal.SIGKILL:
                how += ", as the system does when memory runs out"
        else:
            how = f"ended with exit code {code}"
        if not self.ready:
            how += " before it was ready; what it wrote to standard error says why"
        return WorkerError(f"{self.name} {how}", code)

    def stop(self) -> None:
        """Ask it to end; it is not waited for."""
        if not self.closed and os.getpid() == self.owner:
            self.say(Stop())

    def close(self) -> None:
        """End it, and free all that it took; what failed as it ended is raised."""
        if self.closed or os.getpid() != self.owner:
            return
        self.stop()
        self.closed = True
        self.at_exit.cancel()
        with self.undo:
            failure = self.last_words()
            self.say(Leave())
            connection.wait([self.gone], self.patience / 2)
        if failure is not None:
            raise failure

    def abandon(self) -> None:
        """End it with the interpreter; the socket is left to a thread that may be in its midst."""
        self.stop()
        self.closed = True
        self.say(Leave())
        connection.wait([self.gone], self.patience / 2)
        _reap(self.process)
        self.listener.met()

    def last_words(self) -> BaseException | None:
        """What went wrong as it closed what it runs, if anything did; at half time it is urged."""
        for urge in (self.process.terminate, self.process.kill):
            deadline = time.monotonic() + self.patience / 2
            while not self.over:
                left = max(deadline - time.monotonic(), 0)
                ready = self.poller.poll(math.ceil(1000 * left))
                if not ready:
                    urge()
                    break
                if self.listener.socket not in dict(ready):
                    return None  # It has died.
                message, frame = self.message()
                if isinstance(message, Failure) and message.closing:
                    return self.error(message, frame)
        return None


def _end(process: BaseProcess) -> None:
    """See to it that a process is no more, nor what stands for it."""
    _reap(process)
    process.close()


def _reap(process: BaseProcess) -> None:
    """See to it that a process is no more; of one that has died the exit code is known then."""
    if process.exitcode is None:
        process.kill()
    process.join()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # Between SIGRTMIN and SIGRTMAX they have none.
        return f"signal {number}"
