"""A thread that runs a stream ahead of its consumer."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterable, Iterator
from itertools import islice
from multiprocessing import util
from queue import SimpleQueue
from typing import Any

from pescador.errors import PescadorWarning
from pescador.running import Pass
from pescador.workers import require_owner

__all__ = ["prefetched"]

# How long `close` waits for the thread to finish the step that it is in, in seconds.
TIMEOUT = 5.0


def prefetched(op: Any, upstream: Iterable[Any]) -> Iterator[Any]:
    """Iterate over elements that a thread prefetches.

    Parameters
    ----------
    op : prefetch
        The operator; its `n` is how many elements are prefetched.
    upstream : iterable
        The stream that the thread runs.
    """
    fetcher = Fetcher(op, upstream)
    try:
        yield from fetcher.elements()
    finally:
        fetcher.close()


class Fetcher:
    """A thread that runs a stream, and the queue between the thread and its consumer.

    Parameters
    ----------
    op : prefetch
        The operator.
    upstream : iterable
        The stream.
    """

    def __init__(self, op: Any, upstream: Iterable[Any]) -> None:
        self.op = op
        self.upstream = upstream
        self.owner = os.getpid()
        self.room = threading.Semaphore(op.n)
        # Each item is a list of one element, an empty list for the end, or an exception.
        self.queue: SimpleQueue[list[Any] | BaseException] = SimpleQueue()
        self.stopped = False
        self.failure: BaseException | None = None  # It was raised while the stream was closed.
        self.at_exit = util.Finalize(None, self.close, exitpriority=20)
        self.thread = threading.Thread(target=self.run, name=f"{op}", daemon=True)

    def run(self) -> None:
        closing = False
        try:
            with Pass.over(self.upstream) as run:
                more = True
                while more and self.room.acquire() and not self.stopped:
                    item = [*islice(run, 1)]
                    more = bool(item)  # The consumer may empty the list as soon as it is queued.
                    self.queue.put(item)
                closing = True
        except BaseException as error:  # noqa: BLE001  The consumer raises it.
            if closing:
                self.failure = error
            self.queue.put(error)

    def elements(self) -> Iterator[Any]:
        self.thread.start()
        while item := self.queue.get():
            if isinstance(item, BaseException):
                raise item
            self.room.release()
            yield item.pop()
            require_owner(self.owner, self.op)

    def close(self) -> None:
        """Wait until the thread has closed the stream; raise the exception of that, if any."""
        self.at_exit.cancel()
        self.stopped = True
        self.room.release()
        if self.thread.is_alive() and self.thread is not threading.current_thread():
            self.thread.join(TIMEOUT)
            if self.thread.is_alive():
                warnings.warn(
                    f"{self.op}: its thread is still in a step that was begun {TIMEOUT:g} s ago; "
                    "it is left to end by itself",
                    PescadorWarning,
                    stacklevel=2,
                )
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
