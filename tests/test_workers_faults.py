"""Faults of workers and of consumers: nothing hangs, ends in silence, or is left behind."""

from __future__ import annotations

import faulthandler
import gc
import multiprocessing
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from multiprocessing import connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import zmq as pyzmq

from pescador import TransportError, WorkerError, ops, stream
from pescador.ops import chain, mux, prefetch, round_robin, take, zmq
from pescador.workers.channel import sentinel
from pescador.workers.codec import Layout, encode
from pescador.workers.protocol import Batch
from pescador.workers.worker import Outbox
from programs import Programs, await_end, children, finished, has_ended, need_memory
from sources import Tally, closing, counted, in_c, numbered, pid, stuck, until_fault

pytestmark = pytest.mark.processes

METHODS = multiprocessing.get_all_start_methods()
each_method = pytest.mark.parametrize("method", METHODS)
each_transport = pytest.mark.parametrize("transport", ["shm", "ipc", "tcp"])
needs_pidfd = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="no pidfd here")
DEATHS = {
    "exit 3": (lambda: os._exit(3), 3, "ended with exit code 3"),
    "SIGKILL": (lambda: os.kill(os.getpid(), signal.SIGKILL), -9, "was ended by SIGKILL, as the"),
    "SIGSEGV": (lambda: os.kill(os.getpid(), signal.SIGSEGV), -11, "was ended by SIGSEGV"),
    "SIGRTMIN + 3": (
        lambda: os.kill(os.getpid(), signal.SIGRTMIN + 3),
        -signal.SIGRTMIN - 3,
        f"was ended by signal {signal.SIGRTMIN + 3}",
    ),
    "SIGTERM": (lambda: os.kill(os.getpid(), signal.SIGTERM), 143, "ended with exit code 143"),
}


def dying(n: int, die: str) -> Iterator[int]:
    yield from range(n)
    faulthandler.disable()  # What it would print is expected here.
    DEATHS[die][0]()


@each_transport
@pytest.mark.parametrize("n", [0, 1, 500])
@pytest.mark.parametrize("die", DEATHS)
def test_a_worker_that_dies(die: str, n: int, transport: str) -> None:
    """The error says how the worker died, and elements that came before are in order."""
    _, exitcode, said = DEATHS[die]
    given, error = until_fault(stream(dying, n, die) | zmq(transport=transport), WorkerError)
    assert given == [*range(len(given))]
    assert error.exitcode == exitcode
    assert said in str(error)


def test_a_worker_that_is_killed_while_it_is_waited_for() -> None:
    before = children()
    run = iter(stream(stuck, signal.pause) | zmq())
    assert next(run) == 0
    (worker,) = children() - before
    timer = threading.Timer(0.1, worker.kill)
    timer.start()
    with pytest.raises(WorkerError, match="SIGKILL"):
        next(run)
    timer.join()


def forking(path: Path) -> Iterator[int]:
    """Leave a fork behind that ends when it can read a byte."""
    read = os.open(path, os.O_RDONLY)
    if not os.fork():
        os.read(read, 1)
        os._exit(0)
    yield 0


@needs_pidfd
@pytest.mark.parametrize("die", ["SIGKILL", "SIGTERM"])
def test_a_worker_that_is_outlived_by_its_own_fork(die: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    write = os.open(tmp_path / "pipe", os.O_RDWR)
    try:
        fork = stream(forking, tmp_path / "pipe")
        given, _ = until_fault([fork, stream(dying, 1, die)] | chain() | zmq(), WorkerError)
        assert given in ([], [0], [0, 0])
        assert [*(fork | zmq())] == [0]
    finally:
        os.write(write, b"!!")
        os.close(write)


class Unreadable:
    """Objects that can be pickled, and fail when they are unpickled."""

    def __reduce__(self) -> Any:
        return fail, ()


def fail() -> None:
    raise ImportError("no such library here")


@pytest.mark.parametrize("method", [one for one in METHODS if one != "fork"])
def test_a_worker_that_cannot_read_what_to_run(method: str) -> None:
    moved = stream([Unreadable()]) | ops.map(len) | zmq(start_method=method)
    _, error = until_fault(moved, ImportError)
    assert str(error) == "no such library here"
    assert "in fail" in str(error.__cause__)


def test_a_worker_that_cannot_start(programs: Programs) -> None:
    """A script without a main guard starts itself in its worker: an error, and not a loop."""
    run = programs.script("""
        import sys, pathlib, tempfile, runpy
        path = pathlib.Path(tempfile.mkdtemp()) / "unguarded.py"
        path.write_text(
            "from pescador.ops import zmq\\n"
            "print(list(range(3) | zmq(start_method='spawn')))\\n"
        )
        sys.argv = [str(path)]
        runpy.run_path(str(path), run_name="__main__")
    """)
    out, err = finished(run)
    assert run.returncode
    assert "ended with exit code 1 before it was ready" in err or "[0, 1, 2]" in out


def test_memory_that_runs_out_in_the_worker() -> None:
    def hungry() -> Iterator[Any]:
        yield 0
        resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
        yield np.ones(2**34, np.uint8)

    given, _ = until_fault(stream(hungry) | zmq(), MemoryError)
    assert given == [0]


@each_transport
@each_method
def test_leaving_runs_what_is_in_finally(method: str, transport: str, tmp_path: Path) -> None:
    need_memory(transport, method)
    moved = stream(closing, range(10**6), tmp_path / "out")
    for _ in moved | zmq(start_method=method, transport=transport):
        break
    gc.collect()
    assert (tmp_path / "out").read_text() == "closed"


def test_leaving_by_an_exception(tmp_path: Path) -> None:
    def consume() -> None:
        for _ in stream(closing, range(10**6), tmp_path / "out") | zmq():
            raise LookupError

    with pytest.raises(LookupError):
        consume()
    assert (tmp_path / "out").read_text() == "closed"


def test_leaving_a_full_pipe_takes_no_time(tmp_path: Path) -> None:
    """No timeout is waited for: this one would last for days."""
    with Tally(tmp_path / "tally") as tally:
        described = stream(counted, stream(numbered, 10**6, 10**6), tally.path)
        with iter(described | zmq(timeout=10**6)) as run:
            next(run)
            tally.settles()


@pytest.mark.parametrize("op", [zmq(timeout=0.4), zmq(timeout=0)], ids=repr)
def test_a_worker_that_is_stuck_in_c_is_killed(op: Any) -> None:
    before = children()
    run = iter(stream(stuck, in_c) | op)
    assert next(run) == 0
    (worker,) = children() - before
    run.close()
    assert has_ended(worker.pid)


def waiting(path: Path) -> Iterator[int]:
    yield 0
    try:
        threading.Event().wait()
    finally:
        path.write_text("closed")


@pytest.mark.slow
def test_a_worker_that_waits_is_ended_at_half_time(tmp_path: Path) -> None:
    """The ``finally`` of a source runs even if the source never yields again."""
    run = iter(stream(waiting, tmp_path / "out") | zmq(timeout=8))
    assert next(run) == 0
    run.close()
    assert (tmp_path / "out").read_text() == "closed"


def test_an_interrupt_is_the_consumers_to_answer(programs: Programs, tmp_path: Path) -> None:
    """Ctrl+C interrupts the whole process group; the worker still closes its stream."""
    run = programs.script(
        """
        import os, signal, sys, itertools
        from pathlib import Path
        from pescador import stream
        from pescador.ops import zmq
        from sources import closing
        try:
            for number in stream(closing, itertools.count(), Path(sys.argv[1])) | zmq():
                if number == 1000:
                    os.killpg(0, signal.SIGINT)
        except KeyboardInterrupt:
            print("interrupted")
        """,
        tmp_path / "out",
    )
    assert finished(run) == ("interrupted\n", "")
    assert (tmp_path / "out").read_text() == "closed"


@each_method
@pytest.mark.parametrize("source", ["busy", "asleep"])
def test_a_consumer_that_dies_takes_its_worker_along(
    source: str, method: str, programs: Programs
) -> None:
    run = programs.script(
        """
        import signal, sys, itertools
        from pescador import stream
        from pescador.ops import chain, zmq
        from sources import pid, stuck
        if __name__ == "__main__":
            source = itertools.repeat if sys.argv[1] == "busy" else stuck
            argument = 0 if sys.argv[1] == "busy" else signal.pause
            moved = [stream(pid), stream(source, argument)] | chain()
            sibling = iter(range(10**9) | zmq(start_method=sys.argv[2]))
            next(sibling)
            run = iter(moved | zmq(start_method=sys.argv[2]))
            print(next(run), flush=True)
            print(next(run), flush=True)
            signal.pause()
        """,
        source,
        method,
    )
    assert run.stdout is not None
    worker = int(run.stdout.readline())
    run.stdout.readline()
    assert not has_ended(worker)
    run.kill()
    await_end(worker)


@needs_pidfd
def test_a_process_is_watched_where_the_system_does_not_tell(monkeypatch: Any) -> None:
    """Without pidfd, the pipe of multiprocessing is used; a dead process is ready at once."""
    monkeypatch.delattr(os, "pidfd_open")
    assert [*(range(5) | zmq())] == [*range(5)]
    monkeypatch.undo()
    with sentinel(2**22, -1) as gone:
        assert connection.wait([gone], 10) == [gone]


def test_an_interpreter_that_ends_takes_its_worker_along(programs: Programs) -> None:
    run = programs.script(
        """
        import itertools, threading
        from pescador import stream
        from pescador.ops import prefetch, zmq
        from sources import pid
        run = iter(stream(pid, 10**9) | zmq())
        other = iter(itertools.count() | prefetch())
        print(next(run), next(other), flush=True)

        def go_on():
            for _ in stream(itertools.repeat, 0) | zmq():
                begun.set()

        begun = threading.Event()
        threading.Thread(target=go_on, daemon=True).start()
        begun.wait()
        """
    )
    out, err = finished(run)
    assert (run.returncode, err) == (0, "")
    assert has_ended(int(out.split()[0]))


def test_a_process_that_ends_takes_its_worker_along() -> None:
    """Multiprocessing ends a child without the exit handlers of the interpreter."""
    left = []

    def leave() -> None:
        left.append(iter(stream(pid, 10**9) | zmq()))
        answer.put(next(left[0]))

    context = multiprocessing.get_context("fork")
    answer = context.SimpleQueue()
    process = context.Process(target=leave)
    process.start()
    worker = answer.get()
    process.join()
    assert process.exitcode == 0
    assert has_ended(worker)
    answer.close()


def test_what_a_fork_of_the_consumer_holds_is_not_overwritten() -> None:
    read, write = os.pipe()
    run = iter(stream(numbered, 5000, 2000) | zmq(buffer="1MB"))
    held = [next(run) for _ in range(10)]
    child = os.fork()
    if not child:
        code = 1
        try:
            run.close()  # It is the parent's, and goes on there.
            os.read(read, 1)
            code = not all((one["X"] == one["Y"]).all() for one in held)
        finally:
            os._exit(code)
    del held
    assert [one["Y"] for one in run] == [*range(10, 5000)]
    os.write(write, b"!")
    assert os.waitpid(child, 0)[1] == 0
    os.close(read)
    os.close(write)


def test_few_file_descriptors(programs: Programs) -> None:
    """One stream runs with 64 descriptors; more streams are an error, and leave nothing."""
    run = programs.script(
        """
        import os, resource
        from pescador import stream
        from pescador.ops import zmq
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        used = lambda: len(os.listdir("/proc/self/fd"))
        assert list(range(1000) | zmq()) == list(range(1000))
        before = used()
        runs = []
        try:
            while True:
                runs.append(iter(range(10**6) | zmq()))
                next(runs[-1])
        except Exception as error:
            print(error)
        assert 1 < len(runs) < 20
        for run in runs:
            run.close()
        assert used() == before, (used(), before)
        assert list(range(1000) | zmq()) == list(range(1000))
        print("done")
        """
    )
    out, err = finished(run)
    assert out.splitlines()[-1:] == ["done"]
    assert "Too many open files" in out + err


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/usr/bin/unshare").exists(), reason="not root")
def test_little_shared_memory(programs: Programs) -> None:
    """A small /dev/shm, as in a container, is not a bound: the shared memory has no name there."""
    command = f"""
        mount -t tmpfs -o size=1M tmpfs /dev/shm
        exec {sys.executable} -c '
import numpy as np
from pescador.ops import zmq
print(sum(int(one.sum()) for one in [np.ones(4_000_000, np.uint8)] * 30 | zmq()))'
    """
    run = programs.run("unshare", "-m", "sh", "-ec", command)
    if "unshare failed" in run.stderr or "mount:" in run.stderr:
        pytest.skip("no mount namespace here")
    assert (run.stdout, run.stderr) == ("120000000\n", "")


@pytest.fixture
def taken_ports() -> Iterator[range]:
    """Three consecutive ports on which others listen."""
    for first in range(20000, 30000, 3):  # Below those that tests use, which may run in parallel.
        sockets = [socket.socket() for _ in range(3)]
        try:
            for port, one in zip(range(first, first + 3), sockets, strict=True):
                one.bind(("127.0.0.1", port))
                one.listen()
        except OSError:
            continue
        else:
            yield range(first, first + 3)
            return
        finally:
            for one in sockets:
                one.close()


def test_ports_that_are_all_taken(taken_ports: range) -> None:
    before = psutil.Process().num_fds()
    moved = range(3) | zmq(min_port=taken_ports[0], max_port=taken_ports[-1])
    with pytest.raises(WorkerError, match="no free port among the 3 that were tried"):
        next(iter(moved))
    assert psutil.Process().num_fds() == before


def port_of(described: Any) -> tuple[Any, int]:
    """Start a run over TCP, and find its port."""
    before = {*listening()}
    run = iter(described | zmq(transport="tcp"))
    next(run)
    (port,) = {*listening()} - before
    return run, port


def listening() -> list[int]:
    connections = psutil.Process().net_connections("tcp")
    return [one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN]


def test_strangers_are_not_heard() -> None:
    """Strangers send garbage, a valid message, one with keys of their own, and nothing."""
    run, port = port_of(stream(numbered, 20000, 10))
    form = Layout.of(666)
    forged = encode(Batch(form.encoded, 1, [[666]], None, 0))
    context = pyzmq.Context()
    plain, curve = context.socket(pyzmq.PUSH), context.socket(pyzmq.PUSH)
    curve.curve_publickey, curve.curve_secretkey = pyzmq.curve_keypair()
    curve.curve_serverkey, _ = pyzmq.curve_keypair()
    for stranger in (plain, curve):
        stranger.connect(f"tcp://127.0.0.1:{port}")
        for _ in range(10):
            stranger.send(forged)
    silent = socket.create_connection(("127.0.0.1", port))
    rude = socket.create_connection(("127.0.0.1", port))
    rude.sendall(os.urandom(10_000))
    assert [one["Y"] for one in run] == [*range(1, 20000)]
    silent.close()
    rude.close()
    context.destroy(linger=0)


def test_only_loopback_is_listened_on() -> None:
    run, _ = port_of(range(10**6))
    connections = psutil.Process().net_connections("inet")
    assert {one.laddr.ip for one in connections} == {"127.0.0.1"}
    run.close()


def test_no_name_is_left_in_the_file_system(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run = iter(range(10**6) | zmq())
    assert next(run) == 0
    assert [*tmp_path.iterdir()] == []
    run.close()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("x" * 90)))
    assert [*(range(3) | zmq())] == [0, 1, 2]


def everything() -> dict[str, Any]:
    """Count the resources of this process that can leak."""
    gc.collect()
    process = psutil.Process()
    # The helpers of multiprocessing stay, once they are there.
    return {
        "descriptors": process.num_fds(),
        "threads": process.num_threads(),
        "processes": len(process.children(recursive=True)),
        "names": [one.name for one in Path("/dev/shm").glob("*pescador*")],
        "mappings": sum("pescador" in one.path for one in process.memory_maps()),
    }


def assert_nothing_more(before: dict[str, Any]) -> None:
    after = everything()
    # Threads that an earlier test has left may end in the meantime.
    assert after.pop("threads") <= before["threads"]
    assert after == {name: value for name, value in before.items() if name != "threads"}


@pytest.mark.slow
@each_transport
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_open_and_close_leaves_nothing(method: str, transport: str, tries: int) -> None:
    need_memory(transport, method)
    moved = stream(numbered, 100, 10_000) | zmq(start_method=method, transport=transport)
    next(iter(moved))
    before = everything()
    for number in range(tries):
        run = iter(moved)
        for _ in range(number % 5):
            next(run)
        if number % 3:
            run.close()
        else:
            del run
    assert_nothing_more(before)


@pytest.mark.slow
def test_many_streams_at_once_leave_nothing() -> None:
    moved = zmq(buffer="1MB", start_method="fork")  # Others take seconds for each process.
    pool = [stream(numbered, 5) | ops.map(dict) | moved for _ in range(50)]
    before = everything()
    assert len([*(pool | round_robin())]) == 250
    assert len([*(pool | mux(10, 3, random_state=0) | take(200))]) == 200
    assert_nothing_more(before)


def test_threads_and_processes_one_on_the_other() -> None:
    before = everything()
    numbers = range(2000) | prefetch() | zmq() | prefetch(3) | ops.map(abs) | zmq() | prefetch()
    assert [*numbers] == [*range(2000)]
    with iter(numbers) as run:
        assert next(run) == 0
    assert_nothing_more(before)


def test_a_context_that_is_there_already_is_left_alone() -> None:
    """The process uses pyzmq itself, with a message in flight, when it forks."""
    context = pyzmq.Context.instance()
    one, other = context.socket(pyzmq.PAIR), context.socket(pyzmq.PAIR)
    one.bind("inproc://mine")
    other.connect("inproc://mine")
    other.send(b"before")
    assert [*(range(100) | zmq())] == [*range(100)]
    assert one.recv() == b"before"
    context.destroy(linger=0)


def test_a_run_is_begun_in_one_thread_and_ended_in_another() -> None:
    run = iter(range(10**6) | zmq())
    assert next(run) == 0
    thread = threading.Thread(target=run.close)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("forged", "said"),
    [
        (b"\xc1", "a message that cannot be read"),
        (
            encode(Batch(Layout.of({"x": np.zeros(9)}).encoded, 1, [], 10**9, 0)),
            "no memory of 80 bytes",
        ),
    ],
    ids=["garbage", "elsewhere"],
)
def test_a_message_that_cannot_be_is_an_error(forged: bytes, said: str) -> None:
    """A worker sends bytes that are not a message of the protocol."""

    def forging() -> Iterator[int]:
        (outbox,) = [one for one in gc.get_objects() if isinstance(one, Outbox)]
        outbox.socket.send(forged)
        yield 0

    with pytest.raises(TransportError, match=rf"zmq\(.*\): worker: {said}"):
        list(stream(forging) | zmq(transport="shm"))
