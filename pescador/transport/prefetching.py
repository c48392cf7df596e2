"""A stream that runs in a thread, ahead of its consumer."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterable, Iterator
from itertools import islice
from multiprocessing import util
from queue import SimpleQueue
from typing import Any

from pescador.errors import PescadorError
from pescador.running import Pass

__all__ = ["prefetched"]

# How long the thread may take to come out of the step that it is in, in seconds.
PATIENCE = 5.0


def prefetched(op: Any, upstream: Iterable[Any]) -> Iterator[Any]:
    """The elements of what runs in a thread.

    Parameters
    ----------
    op : prefetch
        The operator; its `n` is how many elements the thread may be ahead.
    upstream : iterable
        What to run.
    """
    fetcher = Fetcher(op, upstream)
    try:
        yield from fetcher.elements()
    finally:
        fetcher.close()


class Fetcher:
    """A thread and its consumer, and what passes between them."""

    def __init__(self, op: Any, upstream: Iterable[Any]) -> None:
        self.op = op
        self.upstream = upstream
        self.owner = os.getpid()
        self.room = threading.Semaphore(op.n)
        # Lists of one element; at the end an empty one, or what was raised.
        self.queue: SimpleQueue[list[Any] | BaseException] = SimpleQueue()
        self.stopped = False
        self.failure: BaseException | None = None  # raised after the consumer had left
        self.at_exit = util.Finalize(None, self.close, exitpriority=20)
        self.thread = threading.Thread(target=self.run, name=f"{op}", daemon=True)

    def run(self) -> None:
        closing = False
        try:
            with Pass.over(self.upstream) as run:
                goes_on = True
                while goes_on and self.room.acquire() and not self.stopped:
                    one = [*islice(run, 1)]
                    goes_on = bool(one)  # Once it is put, its consumer may have emptied it.
                    self.queue.put(one)
                closing = True
        except BaseException as error:  # noqa: BLE001  It is the consumer's to see.
            if closing:
                self.failure = error
            self.queue.put(error)

    def elements(self) -> Iterator[Any]:
        self.thread.start()
        while one := self.queue.get():
            if isinstance(one, BaseException):
                raise one
            self.room.release()
            yield one.pop()
            if os.getpid() != self.owner:
                raise PescadorError(f"{self.op}: a fork cannot go on with the run of its parent")

    def close(self) -> None:
        """Have the thread close what it runs; what failed in that is raised."""
        self.at_exit.cancel()
        self.stopped = True
        self.room.release()
        if self.thread.is_alive() and self.thread is not threading.current_thread():
            self.thread.join(PATIENCE)
            if self.thread.is_alive():
                warnings.warn(
                    f"{self.op}: its thread is still in a step that was begun {PATIENCE:g} s ago; "
                    "it is left to end by itself",
                    ResourceWarning,
                    stacklevel=2,
                )
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
