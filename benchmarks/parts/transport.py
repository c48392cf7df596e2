"""A stream in a background process: against pescador 3.0.0, bare sockets and bare shared memory."""

from __future__ import annotations

import itertools
import mmap
import multiprocessing
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import pescador
from benchmarks.parts import DRAINING_TIME, RUNNING_TIME, STARTING_TIME, Build, Measure
from benchmarks.rows import OURS, V3, Contender, Row, at_most, cost_at_most, speed_at_least

TCP = Contender("ours, by TCP")
SOCKET, RING = Contender("bare pyzmq"), Contender("bare ring")
NUMPY, LONGER = Contender("import numpy"), Contender("the longer alone")

FORK: Any = multiprocessing.get_context("fork")
IN_FLIGHT = 64
RING_BYTES = 64_000_000
STEP = 5e-3
FILLED_AFTER = 0.3


@dataclass(frozen=True)
class Payload:
    """An element that is ready, and how often it is given."""

    element: dict[str, Any]
    n: int

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return itertools.repeat(self.element, self.n)


def ones(size: int, n: int) -> Payload:
    return Payload({"X": np.ones(size, np.uint8)}, n)


def batch(n: int) -> Payload:
    images = np.ones((64, 128, 128), np.float32)
    return Payload({"X": images, "Y": np.arange(64), "name": "train"}, n)


def ours(payload: Any) -> Any:
    return pescador.stream(iter, payload) | pescador.ops.zmq()


def by_tcp(payload: Any) -> Any:
    return pescador.stream(iter, payload) | pescador.ops.zmq(transport="tcp")


def each(payload: Any) -> Iterator[Any]:
    yield from payload


def version_3(payload: Any) -> Any:
    return pescador.ZMQStreamer(pescador.Streamer(each, payload)).iterate()


def bare_socket(payload: Payload) -> Iterator[dict[str, Any]]:
    """One message an element, sent and received without a copy."""
    import zmq

    with tempfile.TemporaryDirectory() as folder:
        address = f"ipc://{folder}/socket"

        def send() -> None:
            with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
                socket.sndhwm = IN_FLIGHT
                socket.connect(address)
                for element in payload:
                    socket.send(element["X"], copy=False)

        with zmq.Context() as context, context.socket(zmq.PULL) as socket:
            socket.rcvhwm = IN_FLIGHT
            socket.bind(address)
            sender = FORK.Process(target=send)
            sender.start()
            try:
                for _ in range(payload.n):
                    yield {"X": np.frombuffer(socket.recv(copy=False).buffer, np.uint8)}
            finally:
                sender.kill()
                sender.join()
                while socket.poll(0):  # What is in the way of closing it.
                    socket.recv()


def bare_ring(payload: Payload) -> Iterator[dict[str, Any]]:
    """Slots of one size, two semaphores, a copy in and a copy out."""
    size = payload.element["X"].nbytes
    slots = min(IN_FLIGHT, RING_BYTES // size)
    ring = np.frombuffer(mmap.mmap(-1, slots * size), np.uint8).reshape(slots, size)
    free, full = FORK.Semaphore(slots), FORK.Semaphore(0)

    def fill() -> None:
        for number, element in enumerate(payload):
            free.acquire()
            ring[number % slots] = element["X"]
            full.release()

    filler = FORK.Process(target=fill)
    filler.start()
    try:
        for number in range(payload.n):
            full.acquire()
            element = {"X": ring[number % slots].copy()}
            free.release()
            yield element
    finally:
        filler.kill()
        filler.join()


def moving(size: int, n: int, faster: float) -> Row:
    """Return a row of one size of payload."""
    return Row(
        f"move {{X: uint8[{size:,}]}}",
        {OURS: ours, TCP: by_tcp, V3: version_3, SOCKET: bare_socket, RING: bare_ring},
        partial(ones, size),
        (n,),
        measure=DRAINING_TIME,
        goals=(speed_at_least(faster, V3),),
        unit_bytes=size,
    )


def spawned(_: Any) -> Any:
    return range(10) | pescador.ops.zmq(start_method="spawn")


def say_that_numpy_is_there(say: Any) -> None:
    import numpy as np

    say.send_bytes(np.__version__.encode())


def spawned_with_numpy(_: Any) -> Iterator[Any]:
    """A spawned Python that imports numpy, and says so."""
    context: Any = multiprocessing.get_context("spawn")
    heard, say = context.Pipe(duplex=False)
    process = context.Process(target=say_that_numpy_is_there, args=(say,))
    process.start()
    say.close()
    heard.recv_bytes()
    yield 0
    process.join()


def slow(n: int) -> Iterator[int]:
    for number in range(n):
        time.sleep(STEP)
        yield number


def seconds_to_close(build: Build, units: int) -> float:
    run: Any = iter(build())
    next(run)
    time.sleep(FILLED_AFTER)
    start = time.perf_counter()
    run.close()
    return time.perf_counter() - start


def worked_on(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        time.sleep(STEP)
        yield item


def overlapped(n: int) -> Iterator[Any]:
    return worked_on(pescador.stream(slow, n) | pescador.ops.zmq())


ROWS = [
    moving(1_024, 10**6, 4),
    moving(65_536, 300_000, 3),
    moving(1_048_576, 30_000, 3),
    moving(16_777_216, 2_000, 2.2),
    Row(
        "move {X: float32[64,128,128], Y: int64[64], name: str}",
        {OURS: ours, TCP: by_tcp},
        batch,
        (10_000,),
        measure=DRAINING_TIME,
        unit_bytes=4 * 64 * 128 * 128,
    ),
    Row(
        "first element after fork",
        {OURS: ours, V3: version_3},
        partial(ones, 1_024),
        (10,),
        measure=STARTING_TIME,
        goals=(at_most(10e-3),),
    ),
    Row(
        "first element after spawn",
        {OURS: spawned, NUMPY: spawned_with_numpy},
        range,
        (10,),
        measure=STARTING_TIME,
        goals=(cost_at_most(1.5, NUMPY),),
        apart=(NUMPY,),
    ),
    Row(
        "closing while the worker is blocked on a full pipe",
        {OURS: ours},
        partial(ones, 1_000_000),
        (10_000,),
        measure=Measure("time that leaving early takes", seconds_to_close),
        goals=(at_most(0.2),),
    ),
    Row(
        "elements that take 5 ms to make and 5 ms to use",
        {OURS: overlapped, LONGER: slow},
        int,
        (200,),
        measure=RUNNING_TIME,
        goals=(cost_at_most(1.15, LONGER),),
    ),
]
