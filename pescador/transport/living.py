"""Whether a process still lives: what becomes ready to be read when it dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["sentinel"]


@contextmanager
def sentinel(process: int, pipe: int) -> Iterator[int]:
    """What becomes ready to be read when a process dies.

    Parameters
    ----------
    process : int
        Its number.
    pipe : int
        What multiprocessing has for it. It stays open as long as any fork of that process lives
        on; where the system tells of the process itself, that is asked.

    Yields
    ------
    int
        A file descriptor.
    """
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        descriptor = os.open(os.devnull, os.O_RDONLY)  # It is ready always.
    except (AttributeError, OSError):
        yield pipe
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)
