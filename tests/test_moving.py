"""Streams that run elsewhere: the same elements, within bounds, and nothing left behind."""

from __future__ import annotations

import gc
import itertools
import multiprocessing
import os
import random
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import psutil
import pytest

import sources
from pescador import (
    DataError,
    IndivisibleError,
    ParameterTypeError,
    PescadorError,
    PescadorWarning,
    Streamer,
    WorkerError,
    ZMQStreamer,
    ops,
    stream,
)
from pescador.inspecting import check
from pescador.ops import (
    batch,
    chain,
    mux,
    prefetch,
    round_robin,
    shuffle,
    take,
    take_while,
    unbatch,
    zmq,
)
from pescador.testing import Probe, alike
from programs import LIMIT, Programs, children, need_memory
from sources import (
    Fault,
    Tally,
    awaiting,
    counted,
    draws,
    exactly,
    failing,
    notes,
    numbered,
    pid,
    until_fault,
)

pytestmark = pytest.mark.processes

METHODS = multiprocessing.get_all_start_methods()
each_method = pytest.mark.parametrize("method", METHODS)
each_transport = pytest.mark.parametrize("transport", ["shm", "ipc", "tcp"])
elsewhere = pytest.mark.parametrize("op", [prefetch(), zmq()], ids=repr)


def odd(number: int) -> bool:
    return number % 2 == 1


@pytest.fixture
def tally(tmp_path: Path) -> Iterator[Tally]:
    """How many elements were made, in whichever process."""
    with Tally(tmp_path / "tally") as tally:
        yield tally


@pytest.mark.parametrize(
    ("given", "nbytes"),
    [(5, 5), ("6", 6), ("64MB", 64e6), ("1.5 kb", 1500), ("2KiB", 2048), ("1GiB", 2**30)],
)
def test_buffer_in_bytes(given: Any, nbytes: float) -> None:
    assert zmq(buffer=given).nbytes == nbytes


def test_ports_are_those_of_tcp() -> None:
    assert zmq().medium == ("shm" if hasattr(os, "memfd_create") else "tcp")
    assert zmq(min_port=50000).medium == zmq(max_tries=3).medium == "tcp"
    assert zmq(min_port=50000, transport="ipc").medium == "ipc"


ELEMENTS = [
    {"X": np.arange(6.0).reshape(2, 3), "Y": 1},
    {"X": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "Y": 1},
    {"X": np.zeros((0, 3), ">i2"), "label": "höhe", "raw": b"\0", "none": None},
    (1, 2.5, [True, {"deep": (np.array("2020", "M8[D]"),)}], -(2**90), 1j),
    np.zeros(3, [("a", "i1"), ("b", "f8", 2)]),
    np.float32(0.1),
    np.bool_(True),
    {},
    (),
    [],
    "",
]


@each_transport
@each_method
def test_elements_of_any_kind(transport: str, method: str) -> None:
    need_memory(transport, method)
    moved = ELEMENTS * 3 | zmq(transport=transport, start_method=method)
    assert alike([*moved], ELEMENTS * 3)


RECORDS = [
    sources.Point(np.arange(3), sources.One("a")),
    {"a": sources.Pair(np.zeros((2, 2)), [sources.Point(1, None)])},
    sources.Frozen(1, sources.Frozen(b"2", (3,))),
    sources.late([1], sources.late(2, 3)),
    sources.Late(4),
]


@each_method
def test_named_tuples_and_dataclasses_arrive_as_they_were(method: str) -> None:
    moved = RECORDS * 3 | zmq(start_method=method)
    assert alike([*moved], RECORDS * 3)


@each_method
def test_what_batch_makes_of_named_tuples_is_moved(method: str) -> None:
    points = [sources.Point(np.full(2, number), number) for number in range(10)]
    batches = points | batch(3, partial=True)
    assert alike([*(batches | zmq(start_method=method))], [*batches])


@pytest.mark.parametrize("method", [one for one in METHODS if one != "fork"])
def test_classes_of_the_main_module_are_moved(
    programs: Programs, method: str, tmp_path: Path
) -> None:
    """The worker runs a copy of the main module, or cloudpickle's copy of the class."""
    path = tmp_path / "main.py"
    path.write_text(
        "import sys\n"
        "from dataclasses import dataclass\n"
        "from typing import NamedTuple\n"
        "from pescador import stream\n"
        "from pescador.ops import zmq\n"
        "class P(NamedTuple):\n"
        "    x: int\n"
        "@dataclass(frozen=True, slots=True)\n"
        "class D:\n"
        "    x: P\n"
        "def make():\n"
        "    yield P(1)\n"
        "    yield D(P(2))\n"
        "if __name__ == '__main__':\n"
        "    if sys.argv[2] == 'pickle':\n"
        "        sys.modules['cloudpickle'] = None\n"
        "    given = [*(stream(make) | zmq(start_method=sys.argv[1]))]\n"
        "    print(given == [P(1), D(P(2))])\n"
    )
    for pickler in ("pickle", "cloudpickle"):
        run = programs.run(sys.executable, path, method, pickler)
        assert (run.stdout, run.stderr) == ("True\n", "")


@pytest.fixture
def unloaded(tmp_path: Path, monkeypatch: Any) -> str:
    """A module that can be imported, and is not imported yet."""
    (tmp_path / "unloaded.py").write_text(
        "import collections\nP = collections.namedtuple('P', 'x')"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "unloaded"


@each_method
def test_a_class_that_only_the_worker_has_loaded(method: str, unloaded: str) -> None:
    op = zmq(start_method=method)
    given, error = until_fault(stream(sources.imported, unloaded, "P", 1) | op, DataError)
    assert given == [0]
    assert str(error) == (
        f"{op}: element 1: an instance of unloaded.P cannot be rebuilt here: the class is not "
        "loaded; import unloaded before the stream runs"
    )
    assert unloaded not in sys.modules


def test_an_exception_with_an_argument_that_cannot_be_rebuilt(unloaded: str) -> None:
    _, error = until_fault(stream(sources.raising_imported, unloaded, "P", 1) | zmq())
    assert str(error) == "P(x=1)"
    assert unloaded not in sys.modules


def test_no_element_at_all() -> None:
    assert [*([] | zmq())] == [*([] | prefetch())] == []


def test_an_operator_is_a_function() -> None:
    assert [*zmq()(range(3))] == [*prefetch()(range(3))] == [0, 1, 2]


@each_transport
@pytest.mark.parametrize("copy", [False, True])
def test_arrays_are_the_consumers_own(transport: str, copy: bool) -> None:
    """Writing to one array changes no other."""
    moved = stream(numbered, 500, 1000) | zmq(transport=transport, copy=copy, buffer="1MB")
    kept = [*moved]
    assert all(one["X"].flags.writeable for one in kept)
    assert all(one["X"].flags.owndata for one in kept) or not copy
    for one in kept[::2]:
        one["X"][:] = -1
    for one in kept[1::2]:
        assert one["X"].tolist() == [one["Y"]] * 1000


def test_memory_that_is_let_go_of_is_used_again() -> None:
    """Far more elements are moved than the shared memory holds, and some are kept meanwhile."""
    kept: list[Any] = []
    for number, one in enumerate(stream(numbered, 3000, 2000) | zmq(buffer="2MB")):
        assert one["X"].min() == one["X"].max() == number == one["Y"]
        kept = [*kept[-20:], one]
    assert [one["X"][0] for one in kept] == [one["Y"] for one in kept]


def test_memmaps_arrive_as_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(6))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    (arrived,) = [mapped[1:4]] | zmq()
    assert type(arrived) is np.ndarray
    assert arrived.tolist() == [1, 2, 3]


def refilled() -> Any:
    buffer = np.zeros(3)
    for number in range(200):
        buffer[:] = number
        yield buffer


def test_an_array_that_is_refilled_was_sent_before() -> None:
    assert [one[0] for one in stream(refilled) | zmq()] == [*range(200)]


def test_what_cannot_be_moved_is_named() -> None:
    given, error = until_fault([1, 2, {"a": [0, {1}]}, 4] | zmq(), DataError)
    assert given == [1, 2]
    assert str(error).startswith("zmq(): element 2, key 'a'[1]: builtins.set {1} cannot be moved")


def test_it_runs_in_another_process_and_nests() -> None:
    pool = [stream(pid, 3) | zmq(), stream(pid, 3) | zmq() | ops.map(abs) | zmq()]
    found = {*(pool | round_robin() | zmq())}
    assert len(found) == 2
    assert os.getpid() not in found


def test_a_stream_of_many_tiny_elements() -> None:
    assert sum(range(100_000) | zmq()) == sum(range(100_000))


@pytest.mark.slow
def test_a_stream_of_a_million_tiny_elements() -> None:
    for number, moved in enumerate(range(10**6) | zmq()):
        assert number == moved
    assert number == 10**6 - 1


@pytest.mark.slow
@each_transport
def test_elements_that_are_larger_than_the_buffer(transport: str) -> None:
    large = np.arange(300_000_000, dtype=np.uint8)
    for arrived in [large, large[:0], large] | zmq(transport=transport):
        assert arrived.sum() == large[: arrived.size].sum()


def test_strings_count_towards_the_buffer() -> None:
    texts = ["x" * 10_000, b"y" * 300_000, "z" * 20_000] * 20
    assert [*(texts | zmq(buffer="100KB"))] == texts


@elsewhere
@pytest.mark.parametrize("n", [0, 1, 300])
def test_an_exception_comes_after_what_was_before_it(op: Any, n: int) -> None:
    given, error = until_fault(stream(failing, range(n)) | op)
    assert given == [*range(n)]
    assert type(error) is Fault
    assert str(error) == "out of luck"


def test_an_exception_has_the_traceback_of_the_worker() -> None:
    _, error = until_fault(stream(failing, range(3)) | zmq())
    assert isinstance(error.__cause__, WorkerError)
    assert str(error.__cause__).startswith("raised in zmq(): worker\n\nTraceback")
    assert 'raise error("out of luck")' in str(error.__cause__)


class Unusual(Exception):  # noqa: N818
    def __init__(self, code: int, hint: str) -> None:
        super().__init__(f"{code}: {hint}")
        self.code = code
        self.lock = threading.Lock()  # which makes it one that cannot be pickled


def test_an_exception_of_any_make() -> None:
    def unusual() -> Any:
        yield 0
        raise Unusual(7, "see there")

    def unknown() -> Any:
        class Local(LookupError):  # noqa: N818
            pass

        error = Local("here")
        error.add_note("noted")
        yield 0
        raise error

    def broken() -> Any:
        class Broken(Exception):  # noqa: N818
            def __str__(self) -> str:
                raise RuntimeError

        yield 0
        raise Broken

    def hidden() -> Any:
        class Hidden(LookupError):  # noqa: N818
            def __reduce__(self) -> Any:
                raise RuntimeError

        yield 0
        raise Hidden("there")

    def missing() -> Any:
        yield 0
        raise FileNotFoundError(2, "No such file", "x.npz")

    def endless() -> Any:
        yield 0
        error = ValueError([])
        error.args[0].append(error.args)
        raise error

    _, error = until_fault(stream(endless) | zmq(), ValueError)
    assert "in endless" in str(error.__cause__)
    _, error = until_fault(stream(unusual) | zmq(), Unusual)
    assert (str(error), error.code) == ("7: see there", 7)
    assert "lock" in error.lock
    _, error = until_fault(stream(unknown) | zmq(), LookupError)
    assert (type(error), str(error), notes(error)) == (LookupError, "here", ["noted"])
    _, error = until_fault(stream(broken) | zmq(), Exception)
    assert str(error) == "<no message: RuntimeError in its __str__>"
    _, error = until_fault(stream(hidden) | zmq(), LookupError)
    assert str(error) == "there"
    _, error = until_fault(stream(missing) | zmq(), FileNotFoundError)
    assert (error.errno, error.filename) == (2, "x.npz")


@each_method
def test_an_exception_of_each_start_method(method: str) -> None:
    given, error = until_fault(stream(failing, [1]) | zmq(start_method=method))
    assert (given, type(error)) == ([1], Fault)


@elsewhere
def test_an_exception_in_finally(op: Any) -> None:
    def source() -> Any:
        try:
            yield from range(1000)
        finally:
            raise Fault("at the end")

    given, error = until_fault(stream(source) | op)
    assert (len(given), str(error)) == (1000, "at the end")
    run = iter(stream(source) | op)
    assert next(run) == 0
    with pytest.raises(Fault, match="at the end"):
        run.close()


@elsewhere
def test_an_exception_that_is_never_reached_is_none(op: Any) -> None:
    """Errors in prefetched elements are ignored if the consumer leaves before it reaches them."""
    for _ in range(10):
        with iter(stream(failing, [1, 2]) | op) as run:
            assert next(run) == 1


def test_a_note_of_the_pool_comes_with_it() -> None:
    _, error = until_fault({"bad": stream(failing, [])} | chain() | zmq())
    assert notes(error) == ["chain(): raised by stream 'bad' of the pool, at its element 0"]


def test_what_cannot_be_pickled_is_refused_before_a_process_starts(monkeypatch: Any) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cloudpickle", None)
    before = children()
    step = ops.map(lambda x: x)
    moved = range(3) | step | zmq(start_method="spawn")
    (finding,) = check(moved)
    assert finding.step == step
    with pytest.raises(ParameterTypeError, match=re.escape(f"{step}: it cannot be pickled")):
        next(iter(moved))
    assert children() == before


def test_a_lambda_is_moved_by_cloudpickle() -> None:
    assert [*(range(3) | ops.map(lambda x: -x) | zmq(start_method="spawn"))] == [0, -1, -2]


@each_method
def test_what_is_started_is_refused(method: str) -> None:
    begun = iter([1, 2])
    moved = {"a": [3], "b": begun} | chain() | zmq(start_method=method)
    assert [finding.severity for finding in check(moved)] == ["error"]
    with pytest.raises(ParameterTypeError, match="the list_iterator is started already"):
        next(iter(moved))
    assert next(begun) == 1


def test_a_daemon_may_have_no_workers() -> None:
    def ask(answer: Any) -> None:
        try:
            list(range(3) | zmq())
        except PescadorError as error:
            answer.put(str(error))

    context = multiprocessing.get_context("fork")
    answer = context.Queue()
    daemon = context.Process(target=ask, args=(answer,), daemon=True)
    daemon.start()
    assert "a daemonic process may have no workers" in answer.get(timeout=LIMIT)
    daemon.join()


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize(
    "described",
    [
        range(20) | ops.map(abs),
        range(20) | batch(3, partial=True) | unbatch(),
        stream(numbered, 9) | ops.map(len),
        ["abc", "defg", "h"] | chain(),
        {"a": "abc", "b": "defg", "c": "h"} | mux(2, None, mode="exhaustive", random_state=3),
        range(20) | ops.filter(odd) | shuffle(3, random_state=0),
    ],
    ids=repr,
)
def test_workers_take_turns(described: Any, n: int) -> None:
    """In order and whatever the timing: the parts in turn."""
    parts = [described.shard(index, n) for index in range(n)]
    expected = [*(parts | round_robin())]
    assert [*(described | zmq(n))] == expected
    length = (described | zmq(n)).length
    assert length in (None, len(expected))


def test_workers_of_elements_in_order_change_nothing(tmp_path: Path) -> None:
    """Of three workers, the first makes each element only after the third."""
    os.mkfifo(tmp_path / "pipe")

    def made(number: int) -> int:
        if number % 3 != 1:
            pipe = os.open(tmp_path / "pipe", os.O_RDWR)
            os.read(pipe, 1) if number % 3 == 0 else os.write(pipe, b"!")
            os.close(pipe)
        return number

    with (tmp_path / "pipe").open(
        "r+b", buffering=0
    ):  # It keeps what is written for who comes later.
        assert [*(range(21) | ops.map(made) | zmq(3))] == [*range(21)]


def test_workers_are_as_many_processes() -> None:
    found = [*([stream(pid, 2)] * 3 | chain() | zmq(3))]
    assert len({*found}) == 3
    assert found[:3] == found[3:]


def test_what_cannot_be_divided_is_refused_where_it_is_written() -> None:
    with pytest.raises(IndivisibleError, match=re.escape("take_while(odd) cannot be divided")):
        range(9) | take_while(odd) | zmq(2)


def test_one_worker_that_fails_ends_them_all() -> None:
    before = children()
    described = [[1, 2, 3], stream(failing, [4])] | chain()
    given, error = until_fault(described | zmq(2))
    assert given == [1, 4, 2]
    assert str(error.__cause__).startswith("raised in zmq(workers=2): worker 1 of 2")
    assert children() == before


def test_what_is_in_flight_is_shared_among_workers(tally: Tally) -> None:
    """The bound holds for all workers together."""
    run = iter([stream(counted, itertools.count(), tally.path)] * 2 | chain() | zmq(2, ahead=10))
    assert [next(run), next(run)] == [0, 0]
    tally.reaches(10)
    run.close()
    assert tally.now() <= 12


def test_workers_draw_from_states_of_their_own() -> None:
    sources.seed_numpy(5)
    random.seed(5)
    here = [*stream(draws, 3)]
    sources.seed_numpy(5)
    random.seed(5)
    [*one], [*other] = ([*(stream(draws, 3) | zmq())] for _ in range(2))
    numbers = {number for pair in one + other + here for number in pair}
    assert len(numbers) == 18


def test_the_global_seed_decides_what_workers_draw() -> None:
    moved = [stream(draws, 3)] * 2 | chain() | zmq(2)
    runs = []
    for _ in range(2):
        sources.seed_numpy(7)
        runs.append([*moved])
    assert runs[0] == runs[1]
    assert len({*runs[0]}) == 6
    assert runs[0] != [*moved]


@each_method
def test_a_seeded_mixture_is_the_same_elsewhere(method: str) -> None:
    mixture = [range(i, i + 5) for i in range(9)] | mux(3, 2, random_state=4) | take(50)
    assert [*(mixture | zmq(start_method=method))] == [*mixture]


@pytest.mark.parametrize("ahead", [1, 2, 7, 256])
def test_no_more_elements_are_made_than_are_allowed(ahead: int, tally: Tally) -> None:
    with iter(stream(counted, itertools.count(), tally.path) | zmq(ahead=ahead)) as run:
        for taken in (1, 2, 3, 300):
            while next(run) < taken - 1:
                pass
            assert tally.now() <= taken + ahead
        tally.reaches(taken + ahead // 4)
        assert tally.settles() <= taken + ahead


def test_numbers_count_towards_the_buffer(tally: Tally) -> None:
    lists = itertools.repeat([0.5] * 1000)
    with iter(stream(counted, lists, tally.path) | zmq(buffer="100KB")) as run:
        next(run)
        tally.reaches(5)
        assert tally.settles() < 20


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_thread_is_as_far_ahead_as_it_may(n: int, tally: Tally) -> None:
    probe = Probe(itertools.count())
    with iter(stream(counted, probe, tally.path) | prefetch(n)) as run:
        for taken in (1, 2, 3):
            next(run)
            tally.reaches(taken + n)
        assert tally.settles() == taken + n == probe.read
    assert probe.live == 0


def large(n: int) -> Any:
    for _ in range(n):
        yield np.ones(16_000_000, np.uint8)


@pytest.mark.slow
@each_transport
def test_a_slow_consumer_stops_the_worker_and_not_the_machine(transport: str, tally: Tally) -> None:
    """64 MB are in flight; the worker and the consumer hold one element each."""
    others = children()
    before = psutil.Process().memory_full_info().pss
    described = stream(counted, stream(large, 40), tally.path)
    with iter(described | zmq(transport=transport)) as run:
        one = next(run)
        tally.reaches(4)
        assert tally.settles() <= 1 + 4 + 1
        (worker,) = children() - others
        took = worker.memory_full_info().pss + psutil.Process().memory_full_info().pss - before
        encrypted = 64e6 if transport == "tcp" else 0  # in addition to what is to be encrypted
        assert took < 64e6 + encrypted + 3 * 16e6 + 100e6  # and what an interpreter is
        assert sum(1 for _ in run) == 39
        assert one.all()


def test_an_element_that_is_ready_alone_does_not_wait_for_company(tmp_path: Path) -> None:
    """It comes while the worker is in the midst of making the next."""
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "pipe").open("r+b", buffering=0) as pipe:
        run = iter(stream(awaiting, range(4), tmp_path / "pipe") | zmq())
        for number in range(4):
            pipe.write(b"!")
            assert next(run) == number
        assert [*run] == []


@elsewhere
def test_making_and_using_overlap(op: Any, tally: Tally) -> None:
    """The next element is made while the consumer uses this one."""
    run = iter(stream(counted, range(40), tally.path) | op)
    for number in run:
        tally.reaches(min(number + 2, 40))


def test_the_facade() -> None:
    moved = ZMQStreamer(Streamer(numbered, 3))
    assert alike([*moved()], [*stream(numbered, 3)])
    assert [one["Y"] for one in moved(max_batches=5, cycle=True)] == [0, 1, 2, 0, 1]
    assert [*moved.tuples("Y", max_batches=2)] == [(0,), (1,)]
    assert repr(moved) == "stream(numbered, 3) | zmq()"
    assert ZMQStreamer("ab", copy=True, timeout=3).stream == stream("ab") | zmq(
        copy=True, timeout=3
    )
    assert ZMQStreamer("ab", 50000, 50010, 3).stream.ops[0].medium == "tcp"
    assert [*ZMQStreamer("ab", 50000, 50010, 11)] == ["a", "b"]
    run = moved.iterate()
    next(run)
    assert moved.active == 1
    run.close()
    assert moved.active == 0


def test_elsewhere_is_told() -> None:
    assert [op.runs_in for op in (prefetch(), zmq(), zmq(3))] == [
        "a thread",
        "a process",
        "3 processes",
    ]
    assert (range(5) | prefetch()).length == (range(5) | zmq()).length == 5


def test_a_thread_that_does_not_come_back_is_left(monkeypatch: Any) -> None:
    monkeypatch.setattr("pescador.workers.thread.TIMEOUT", 0.1)
    forever = threading.Event()
    run = iter(stream(sources.stuck, forever.wait) | prefetch())
    assert next(run) == 0
    (thread,) = [one for one in threading.enumerate() if one.name == "prefetch()"]
    said = (
        "prefetch(): its thread is still in a step that was begun 0.1 s ago; "
        "it is left to end by itself"
    )
    with pytest.warns(PescadorWarning, match=exactly(said)):
        run.close()
    assert thread.is_alive()
    forever.set()
    thread.join()


def test_a_consumer_that_is_swifter_than_its_thread(monkeypatch: Any) -> None:
    class Handing(SimpleQueue):
        """A queue that takes an item only once the one before was taken."""

        def __init__(self) -> None:
            self.taken = threading.Event()

        def put(self, item: Any) -> None:
            self.taken.clear()
            super().put(item)
            self.taken.wait(LIMIT)

        def get(self) -> Any:
            item = super().get()
            self.taken.set()
            return item

    monkeypatch.setattr("pescador.workers.thread.SimpleQueue", Handing)
    run = iter(range(20) | prefetch())
    given: list[int] = []
    thread = threading.Thread(target=given.extend, args=(run,), daemon=True)
    thread.start()
    thread.join(LIMIT)
    assert given == [*range(20)]


def test_a_thread_ends_with_its_run() -> None:
    before = threading.active_count()
    run = iter(itertools.count() | prefetch(3))
    assert next(run) == 0
    assert threading.active_count() == before + 1
    del run
    gc.collect()
    assert threading.active_count() == before


@elsewhere
def test_no_run_goes_on_in_a_fork(op: Any) -> None:
    def go_on() -> None:
        with pytest.raises(PescadorError, match="a fork cannot go on with the run of its parent"):
            list(run)

    run = iter(range(1000) | op)
    next(run)
    child = multiprocessing.get_context("fork").Process(target=go_on)
    child.start()
    child.join()
    assert child.exitcode == 0
    assert [*run] == [*range(1, 1000)]
