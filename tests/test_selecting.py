"""What passes and what is left out: take, skip, shard, filter, take_while."""

from collections import deque
from collections.abc import Sequence
from itertools import chain, islice

import numpy as np
import pytest

from pescador import Streamer, stream
from pescador.ops import filter as keep
from pescador.ops import map as apply
from pescador.ops import shard, skip, take, take_while
from sources import Fault, Recorded, failing, until_fault


def small(n):
    return n < 4


def even(n):
    return n % 2 == 0


# An operator, what it makes of 0 .. 9, and how much is read for all that can be asked of it.
MODELS = [
    (take(0), [], 0),
    (take(3), [0, 1, 2], 3),
    (take(10), list(range(10)), 10),
    (take(99), list(range(10)), 10),
    (skip(0), list(range(10)), 10),
    (skip(3), list(range(3, 10)), 10),
    (skip(10), [], 10),
    (skip(99), [], 10),
    (shard(0, 1), list(range(10)), 10),
    (shard(0, 3), [0, 3, 6, 9], 10),
    (shard(2, 3), [2, 5, 8], 10),
    (shard(9, 10), [9], 10),
    (shard(9, 99), [9], 10),
    (shard(0, 2, block=3), [0, 1, 2, 6, 7, 8], 10),
    (shard(1, 2, block=3), [3, 4, 5, 9], 10),
    (shard(1, 3, block=4), [4, 5, 6, 7], 10),
    (keep(even), [0, 2, 4, 6, 8], 10),
    (keep(small), [0, 1, 2, 3], 10),
    (take_while(small), [0, 1, 2, 3], 5),
    (take_while(even), [0], 2),
    (take_while(int), [], 1),
]
each_model = pytest.mark.parametrize(("op", "expected", "reads"), MODELS)

SOURCES = {
    "range": range(10),
    "list": list(range(10)),
    "tuple": tuple(range(10)),
    "array": np.arange(10),
    "generator": stream(islice, range(10), None),
    "deque": deque(range(10)),
    "set": set(range(10)),
    "dict": {str(i): i for i in range(10)},
    "stream": stream(range(10)),
    "facade": Streamer(range(10)),
    "operated": range(10) | apply(int),
}


@each_model
@pytest.mark.parametrize("source", SOURCES)
def test_it_passes_what_its_list_does(source, op, expected, reads):
    selected = SOURCES[source] | op
    assert [int(item) for item in selected] == expected
    assert [int(item) for item in selected] == expected
    assert list(op(range(10))) == expected


@each_model
def test_it_reads_no_more_than_it_must(op, expected, reads):
    source = Recorded(range(10))
    assert list(source | op) == expected
    assert source.read == reads
    assert source.active == 0


@pytest.mark.parametrize(
    ("op", "k", "reads"),
    [
        (take(5), 2, 2),
        (skip(5), 2, 7),
        (shard(1, 3), 2, 5),
        (shard(1, 2, block=2), 3, 7),
        (keep(even), 2, 3),
        (take_while(small), 2, 2),
    ],
    ids=repr,
)
def test_for_k_elements_it_reads_up_to_the_kth_that_passes(op, k, reads):
    source = Recorded(range(100))
    run = iter(source | op)
    assert source.begun == 0
    assert len(list(islice(run, k))) == k
    assert source.read == reads
    run.close()
    assert source.active == 0


class Untouched(Sequence):
    """A sequence that knows which of its items were read."""

    def __init__(self, n):
        self.n = n
        self.read = []

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        self.read.append(i)
        return i


@pytest.mark.parametrize(
    ("op", "read"),
    [
        (skip(10**9), [10**9, 10**9 + 1]),
        (shard(5, 10**8), [5, 10**8 + 5]),
        (shard(1, 10**6, block=1000), [1000, 1001]),
    ],
    ids=repr,
)
def test_of_a_sequence_only_what_passes_is_read(op, read):
    source = Untouched(10**12)
    assert list(islice(source | op, 2)) == read == source.read


def test_the_rows_of_an_array_are_not_copied():
    array = np.arange(12).reshape(6, 2)
    for op in (skip(2), shard(1, 2), take(3), keep(np.any)):
        assert all(np.shares_memory(row, array) for row in array | op)


@pytest.mark.parametrize(
    ("op", "given", "rest"),
    [
        (take(3), [0, 1, 2], [3, 4, 5, 6, 7]),
        (take(0), [], [0, 1, 2, 3, 4, 5, 6, 7]),
        (skip(6), [6, 7], []),
        (take_while(small), [0, 1, 2, 3], [5, 6, 7]),
    ],
    ids=repr,
)
def test_a_started_source_can_be_continued(op, given, rest):
    source = iter(range(8))
    assert list(source | op) == given
    assert list(source) == rest


@pytest.mark.parametrize(
    "op", [skip(1), shard(1, 2), keep(even), take_while(str), take(9)], ids=repr
)
def test_an_exception_of_the_source_comes_after_what_passed(op):
    given, error = until_fault(stream(failing, range(4)) | op)
    assert given == list(op(range(4)))
    assert type(error) is Fault
    assert not hasattr(error, "__notes__")


def test_an_exception_of_a_predicate_is_the_users_own():
    for op in (keep(lambda n: 1 / (2 - n)), take_while(lambda n: 1 / (2 - n))):
        given, error = until_fault(range(9) | op, ZeroDivisionError)
        assert given == [0, 1]
        assert not hasattr(error, "__notes__")


def test_selections_compose():
    numbers = range(20)
    assert list(numbers | take(7) | take(3)) == list(numbers | take(3))
    assert list(numbers | skip(7) | skip(3)) == list(numbers | skip(10))
    parts = [list(numbers | shard(i, 3)) for i in range(3)]
    assert sorted(chain(*parts)) == list(numbers)
    inner = [list(numbers | shard(1, 2) | shard(i, 2)) for i in range(2)]
    assert inner == [list(numbers | shard(1 + 2 * i, 4)) for i in range(2)]
