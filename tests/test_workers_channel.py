"""Shared memory: regions are allocated, released, and never used twice at the same time."""

from __future__ import annotations

import gc
import os
from collections import deque
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pescador.workers.channel import LINE, Arena, Borrowed, Regions, attach, forking_a_worker


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 9)), max_size=40))
def test_slots_never_overlap(wishes: list[tuple[int, int]]) -> None:
    """A list of the bytes in use is the model; some regions are trimmed, and some are freed."""
    regions = Regions(1024)
    taken: dict[int, int] = {}
    for size, chance in wishes:
        start = regions.allocate(size)
        used = {at for begin, end in taken.items() for at in range(begin, end)}
        if start is None:
            lines = -(-max(size, 1) // LINE) * LINE
            free = [not used & {*range(at, at + lines)} for at in range(0, 1025 - lines, LINE)]
            assert not any(free)
        else:
            assert start % LINE == 0
            assert not used & {*range(start, start + size)}
            taken[start] = start + max(-(-size // LINE), 1) * LINE
        if start is not None and chance < 3:
            regions.trim(start, size // 2)
            taken[start] = start + max(-(-(size // 2) // LINE), 1) * LINE
        if taken and chance % 3 == 0:
            oldest = next(iter(taken))
            regions.free(oldest)
            del taken[oldest]
    for start in [*taken]:
        regions.free(start)
    assert regions.allocate(1024) == 0


def borrowed(arena: Arena, start: int) -> tuple[Any, deque[int]]:
    returned: deque[int] = deque()
    return Borrowed.of(arena, start, 64, returned), returned


def test_a_slot_is_given_back_with_the_last_view_of_it() -> None:
    region, returned = borrowed(Arena(256, inherited=True), 64)
    column = np.ndarray((4, 2), "f8", region)
    row, turned, part = column[1], column.T, memoryview(column[2:])
    del region, column
    for view in ("row", "turned", "part"):
        gc.collect()
        assert not returned, view
        if view == "row":
            del row
        elif view == "turned":
            del turned
        else:
            part.release()
            del part
    assert [*returned] == [64]


def test_a_view_of_a_slot_gives_nothing_back() -> None:
    region, returned = borrowed(Arena(256, inherited=True), 64)
    view = region[:8]
    assert type(view) is Borrowed
    del view
    assert not returned
    del region
    assert [*returned] == [64]


@pytest.mark.processes
def test_what_a_fork_may_look_at_is_not_given_back() -> None:
    arena = Arena(256, inherited=True)
    with forking_a_worker():
        region, returned = borrowed(arena, 0)
        _fork_and_wait()
        del region
    assert [*returned] == [0]
    region, returned = borrowed(arena, 0)
    _fork_and_wait()
    del region
    assert not returned
    region, returned = borrowed(arena, 0)
    del region
    assert [*returned] == [0]


def _fork_and_wait() -> None:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)


@pytest.mark.parametrize("inherited", [True, False])
def test_memory_outlives_its_arena(inherited: bool) -> None:
    arena = Arena(4096, inherited)
    region, _ = borrowed(arena, 128)
    arena.close()
    arena.close()
    del arena
    region[:] = 7
    assert region.sum() == 7 * 64


def test_an_arena_that_is_handed_over_is_the_same_memory() -> None:
    class Handed:
        """The handle that multiprocessing makes of a descriptor."""

        def detach(self) -> int:
            return os.dup(arena.descriptor)

    arena = Arena(4096, inherited=False)
    other = attach(4096, Handed())
    borrowed(arena, 128)[0][:] = 7
    assert borrowed(other, 128)[0].sum() == 7 * 64
    arena.close()
