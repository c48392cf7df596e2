"""The consumer's side of a worker: start the process, receive elements, give credit, end it."""

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
from functools import partial
from itertools import chain, islice
from multiprocessing import connection, util
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np
import toolz
import zmq

from pescador.errors import DataError, TransportError, WorkerError, require
from pescador.rng import fresh_word
from pescador.running import Pass, close_all
from pescador.seeds import Place
from pescador.workers import require_owner
from pescador.workers.channel import (
    Arena,
    Borrowed,
    Listener,
    forking_a_worker,
    require_descriptors,
    sentinel,
)
from pescador.workers.codec import decode, elements_of, encode
from pescador.workers.protocol import (
    Batch,
    Credit,
    End,
    Failure,
    FromConsumer,
    FromWorker,
    Leave,
    Stop,
    rebuild_error,
)
from pescador.workers.worker import Job, work

__all__ = ["packed", "run_in_workers"]

# How long a worker may take to end if no `timeout` is given, in seconds.
TIMEOUT = 5.0

# How long to wait for a message before the worker is asked for what it has, in milliseconds.
STARVED_AFTER = 1

# How long messages that a worker sent before it died may take to arrive, in milliseconds.
ARRIVAL_TIMEOUT = 100


def packed(start_method: str | None, described: Any) -> Any:
    """Prepare a stream for a worker: a fork takes it as it is, other processes take a pickle."""
    if _resolved(start_method) == "fork":
        return described
    try:
        import cloudpickle
    except ImportError:
        return pickle.dumps(described)
    return cloudpickle.dumps(described)


def _resolved(start_method: str | None) -> str:
    return start_method or multiprocessing.get_start_method()


def run_in_workers(op: Any, parts: Sequence[Any], pack: Callable[[Any], Any]) -> Iterator[Any]:
    """Run each of several streams in a worker, and take one element of each in turn.

    Parameters
    ----------
    op : zmq
        The operator.
    parts : sequence of Stream
        The stream of each worker.
    pack : callable
        Prepares a stream for a worker, as `packed` does.
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
        runs = [chain.from_iterable(worker.batches()) for worker in workers]
        yield runs[0] if len(runs) == 1 else toolz.interleave(runs)
    finally:
        for worker in workers:
            worker.stop()
        close_all(workers)


class Worker:
    """A worker process as its consumer sees it; the process starts at once.

    Parameters
    ----------
    op : zmq
        The operator.
    package : object
        The stream to run, `packed`.
    seeds : tuple of int
        For the worker's global random states.
    index, count : int
        The number of this worker, and of all workers.
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
        self.timeout = TIMEOUT if op.timeout is None else op.timeout
        self.ahead = op.ahead // count
        self.nbytes = max(op.nbytes // count, 1)
        # How much the consumer has taken since the start, and how much of it is acknowledged.
        self.taken = self.taken_bytes = 0
        self.acknowledged = self.acknowledged_bytes = 0
        self.released: deque[int] = deque()  # regions of the arena
        self.ready = False
        self.over = False  # The last message has arrived.
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
        receiver, self.control = context.Pipe(duplex=False)
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
        with receiver, forking_a_worker():
            args = (job, receiver, self.control if forks else None)
            self.process = context.Process(target=work, args=args, name=self.name)
            self.process.start()
        undo.callback(_end, self.process)
        self.gone = undo.enter_context(sentinel(self.process.pid, self.process.sentinel))
        if self.arena is not None:
            self.arena.close()
        require_descriptors(1)  # The worker's connection takes one.
        self.poller = zmq.Poller()
        self.poller.register(self.listener.socket, zmq.POLLIN)
        self.poller.register(self.gone, zmq.POLLIN)

    def batches(self) -> Generator[Iterator[Any], None, None]:
        """Receive batches of elements: of each, all elements but the last, and then the last."""
        try:
            while True:
                message, frame = self._receive()
                if isinstance(message, Batch):
                    elements = self._elements(message, frame)
                    del frame  # The rows of the elements are a copy.
                    yield islice(elements, message.count - 1)
                    self._count(message)
                    yield elements
                elif isinstance(message, Failure):
                    raise self._error(message, frame)
                elif isinstance(message, End):
                    return
        finally:
            self.close()

    def _receive(self) -> tuple[FromWorker, Any]:
        """Wait for the next message; the result has its frame too, or None.

        Raises
        ------
        WorkerError
            If the process has died.
        """
        require_owner(self.owner, self.name)
        socket = self.listener.socket
        if not int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            ready = self.poller.poll(STARVED_AFTER)
            if not ready:
                self._acknowledge(starved=True)
                ready = self.poller.poll()
            if socket not in dict(ready) and not socket.poll(ARRIVAL_TIMEOUT):
                raise self._death()
        return self._message()

    def _message(self) -> tuple[FromWorker, Any]:
        """Read a message that has arrived."""
        header, *frames = self.listener.socket.recv_multipart(copy=False)
        if not self.ready:
            self.ready = True
            self.listener.connected()
        try:
            message = decode(header.bytes, FromWorker)
        except TransportError as error:
            raise self._named(error) from error
        self.over = isinstance(message, Failure | End)
        return message, frames[0] if frames else None

    def _elements(self, batch: Batch, frame: Any) -> Iterator[Any]:
        memory = partial(self._memory, batch, frame)
        try:
            return elements_of(batch.layout, batch.count, batch.scalars, memory, self.op.copy)
        except TransportError as error:
            raise self._named(error) from error
        except DataError as error:
            raise error.located(self.op, self.taken) from None

    def _memory(self, batch: Batch, frame: Any, size: int) -> np.ndarray:
        """Find the rows of a batch: in its frame, or in shared memory."""
        if batch.region is None or self.arena is None:
            return np.array(() if frame is None else frame.buffer, np.uint8)
        try:
            return Borrowed.of(self.arena, batch.region, size, self.released)
        except (TypeError, ValueError, OverflowError) as error:
            raise TransportError(f"no memory of {size} bytes at {batch.region}") from error

    def _named(self, error: TransportError) -> TransportError:
        """Add the name of this worker to an error."""
        return TransportError(f"{self.name}: {error}")

    def _error(self, failure: Failure, frame: Any) -> BaseException:
        try:
            ((args, attributes),) = self._elements(failure.values, frame)
        except DataError:  # A class in the arguments is not loaded here.
            args, attributes = (), {}
        return rebuild_error(failure.error, args, attributes, self.name)

    def _count(self, batch: Batch) -> None:
        """Count the elements that the consumer takes, and acknowledge them every now and then."""
        self.taken += batch.count
        self.taken_bytes += batch.nbytes
        if 2 * (self.taken - self.acknowledged) >= self.ahead or (
            4 * (self.taken_bytes - self.acknowledged_bytes) >= self.nbytes
        ):
            self._acknowledge()

    def _acknowledge(self, starved: bool = False) -> None:
        """Give the worker credit for all that the consumer has taken and released."""
        self.acknowledged, self.acknowledged_bytes = self.taken, self.taken_bytes
        regions = [self.released.popleft() for _ in range(len(self.released))]
        self._send(Credit(self.taken, self.taken_bytes, regions, starved))

    def _send(self, message: FromConsumer) -> None:
        with suppress(OSError):  # If the worker has died, the next `_receive` raises an error.
            self.control.send_bytes(encode(message))

    def _death(self) -> WorkerError:
        """Make the error that says how the process died."""
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
        """Ask the worker to close its stream, without waiting for it."""
        if not self.closed and os.getpid() == self.owner:
            self._send(Stop())

    def close(self) -> None:
        """End the worker and free its resources; raise the exception of its closing, if any."""
        if self.closed or os.getpid() != self.owner:
            return
        self.stop()
        self.closed = True
        self.at_exit.cancel()
        with self.undo:
            failure = self._drain()
            self._send(Leave())
            connection.wait([self.gone], self.timeout / 2)
        if failure is not None:
            raise failure

    def abandon(self) -> None:
        """End the worker with the interpreter; a thread may still be using the socket."""
        self.stop()
        self.closed = True
        self._send(Leave())
        connection.wait([self.gone], self.timeout / 2)
        _reap(self.process)
        self.listener.connected()

    def _drain(self) -> BaseException | None:
        """Wait for the exception of the worker's closing, if it raises one.

        The process gets SIGTERM after half of the timeout, and SIGKILL at its end.
        """
        for signal_process in (self.process.terminate, self.process.kill):
            deadline = time.monotonic() + self.timeout / 2
            while not self.over:
                left = max(deadline - time.monotonic(), 0)
                ready = self.poller.poll(math.ceil(1000 * left))
                if not ready:
                    signal_process()
                    break
                if self.listener.socket not in dict(ready):
                    return None  # The process has died.
                message, frame = self._message()
                if isinstance(message, Failure) and message.closing:
                    return self._error(message, frame)
        return None


def _end(process: BaseProcess) -> None:
    """Make sure that a process has ended, and free its resources."""
    _reap(process)
    process.close()


def _reap(process: BaseProcess) -> None:
    """Kill a process unless it has died already, in which case its exit code stays."""
    if process.exitcode is None:
        process.kill()
    process.join()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # Most real-time signals have no name.
        return f"signal {number}"
