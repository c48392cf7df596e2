"""Memory that a worker writes and its consumer reads: no name, no copy, no overwriting."""

from __future__ import annotations

import mmap
import os
import threading
from bisect import insort
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.reduction import DupFd
from typing import Any

import numpy as np

__all__ = ["Arena", "Borrowed", "Slots", "forking_a_worker", "received"]

# A slot begins at a multiple of a cache line.
LINE = 64


class Arena:
    """Memory without a name, inherited by a fork, or handed over as a file descriptor.

    Parameters
    ----------
    size : int > 0
        How many bytes; what is never written takes none.
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
        return received, (self.size, DupFd(self.descriptor))

    def close(self) -> None:
        """Let go of the descriptor; the memory stays for as long as anything looks at it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def received(size: int, handed: Any) -> Arena:
    """An arena as it arrives in a process that was not forked."""
    arena = Arena.__new__(Arena)
    arena.size = size
    arena.descriptor = handed.detach()
    arena.memory = mmap.mmap(arena.descriptor, size)
    arena.close()
    return arena


class Slots:
    """Which parts of an arena are free: the worker's book.

    The first that is large enough is taken, so that memory that is warm is used again.

    Examples
    --------
    >>> slots = Slots(256)
    >>> slots.take(100), slots.take(128), slots.take(1)
    (0, 128, None)
    >>> slots.free(0)
    >>> slots.take(64), slots.take(64)
    (0, 64)
    """

    def __init__(self, size: int) -> None:
        self.gaps = [(0, size)]  # where each free part begins and ends
        self.taken: dict[int, int] = {}  # where each slot begins and ends

    def take(self, size: int) -> int | None:
        """Where a slot of so many bytes begins; None if there is no room for it."""
        size = max(-(-size // LINE), 1) * LINE
        for place, (start, end) in enumerate(self.gaps):
            if end - start >= size:
                self.gaps[place : place + 1] = [(start + size, end)] * (end - start > size)
                self.taken[start] = start + size
                return start
        return None

    def trim(self, start: int, size: int) -> None:
        """Give back what of a slot is not needed."""
        end = self.taken[start]
        self.taken[start] = start + max(-(-size // LINE), 1) * LINE
        self._give_back(self.taken[start], end)

    def free(self, start: int) -> None:
        self._give_back(start, self.taken.pop(start))

    def _give_back(self, start: int, end: int) -> None:
        if start == end:
            return
        insort(self.gaps, (start, end))
        place = self.gaps.index((start, end))
        if place + 1 < len(self.gaps) and self.gaps[place + 1][0] == end:
            self.gaps[place : place + 2] = [(start, self.gaps[place + 1][1])]
        if place and self.gaps[place - 1][1] == start:
            self.gaps[place - 1 : place + 1] = [(self.gaps[place - 1][0], self.gaps[place][1])]


class Borrowed(np.ndarray):
    """A slot as the consumer holds it: given back when the last array that looks at it is gone."""

    @staticmethod
    def of(arena: Arena, start: int, size: int, returned: deque[int]) -> Borrowed:
        """Borrow a slot; where it starts is appended to `returned` in the end.

        Raises
        ------
        ValueError
            If it does not lie within the arena.
        """
        # Made on the mapping itself: arrays on top of it then hold on to it, and not past it.
        slot = np.ndarray.__new__(Borrowed, size, np.uint8, arena.memory, start)
        slot.start = start
        slot.returned = returned
        slot.forks = _forks.number
        return slot

    def __array_finalize__(self, _: Any) -> None:
        # Of a view no one returns anything.
        self.start = 0
        self.returned: deque[int] | None = None
        self.forks = 0

    def __del__(self) -> None:
        # What a fork of this process may still look at is never given back.
        if self.returned is not None and self.forks == _forks.number:
            self.returned.append(self.start)


class _Forks(threading.local):
    """Forks of this process that may go on to use what it holds, as workers do not."""

    number = 0  # of all threads together
    ours = False

    def count(self) -> None:
        if not self.ours:
            _Forks.number += 1


_forks = _Forks()

with suppress(AttributeError):  # where nothing forks
    os.register_at_fork(before=_forks.count)


@contextmanager
def forking_a_worker() -> Iterator[None]:
    """While a worker is forked, which has no business with what its parent received."""
    _forks.ours = True
    try:
        yield
    finally:
        _forks.ours = False
