"""The worker process: it runs a stream, and sends what comes of it as far as it may."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from dataclasses import dataclass
from multiprocessing import connection, parent_process
from time import sleep
from typing import Any

from pescador.errors import DataError
from pescador.rng import seed_globals
from pescador.running import Pass
from pescador.transport.connecting import Address, connect
from pescador.transport.living import sentinel
from pescador.transport.packing import decoded
from pescador.transport.sending import Outbox
from pescador.transport.sharing import Arena
from pescador.transport.speaking import (
    Credit,
    FromConsumer,
    Leave,
    Ready,
    Stop,
)

__all__ = ["Job", "work"]

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
    outbox = Outbox(socket, job.arena, job.ahead, job.nbytes)
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
    put = outbox.put
    for index, element in enumerate(run):
        try:
            wanted = put(element)
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
    """Hear the consumer until it has all, or is gone; none is outlived for long."""
    parent = parent_process()
    assert parent is not None  # noqa: S101  A worker is a child of multiprocessing.
    with sentinel(consumer, parent.sentinel) as gone:
        try:
            while _heard(control, gone, outbox):
                pass
        finally:
            outbox.stop()
            dismissed.set()
            if not finished.wait(GRACE):
                os.kill(os.getpid(), signal.SIGTERM)
                finished.wait(GRACE)
            # Threads and processes that the stream leaves behind may keep it from ending.
            connection.wait([gone])
            sleep(GRACE)
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
