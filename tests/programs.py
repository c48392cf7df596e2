"""Programs and processes of tests: how they are started, how their end is awaited, and ended."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).parent.parent

# Seconds after which a wait counts as a hang: far more than any machine under load takes, and less
# than the timeout in pyproject.toml that ends the whole run.
LIMIT = 500

# A program that is started in the background inherits that SIGINT is ignored.
PRELUDE = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"

# Read before a test takes it away.
_pidfd_open = getattr(os, "pidfd_open", None)


class Programs:
    """Starts programs, each in a process group of its own, and kills the groups in the end."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *command: object, **options: Any) -> subprocess.Popen[str]:
        """Start a program that finds the package and the modules of the tests."""
        paths = [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
        program = subprocess.Popen(
            [*map(str, command)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            process_group=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        self.started.append(program)
        return program

    def script(self, source: str, *arguments: object) -> subprocess.Popen[str]:
        """Start a Python that runs a script."""
        return self.start(sys.executable, "-c", PRELUDE + textwrap.dedent(source), *arguments)

    def run(self, *command: object, **options: Any) -> subprocess.CompletedProcess[str]:
        """Start a program, and wait for its end."""
        program = self.start(*command, **options)
        out, err = finished(program)
        return subprocess.CompletedProcess(program.args, program.returncode, out, err)

    def end(self) -> None:
        for program in self.started:
            with suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
            with program:  # closes its pipes, and waits for it
                pass


def need_memory(transport: str, method: str) -> None:
    """Skip a test that shares memory with a process that is not a fork, where none can be."""
    if transport == "shm" and method != "fork" and not hasattr(os, "memfd_create"):
        pytest.skip("no memfd here")


def finished(program: subprocess.Popen[str]) -> tuple[str, str]:
    """What a program has written by its end, to standard output and to standard error."""
    return program.communicate(timeout=LIMIT)


def has_ended(process: int) -> bool:
    """Whether a process has ended, also if its parent has not asked for its exit code yet."""
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def await_end(process: int) -> None:
    """Wait for the end of a process, which may be a child of another one."""
    if _pidfd_open is None:
        psutil.wait_procs([psutil.Process(process)] * psutil.pid_exists(process), LIMIT)
    else:
        try:
            descriptor = _pidfd_open(process)
        except ProcessLookupError:
            return
        with os.fdopen(descriptor) as watched:
            select.select([watched], [], [], LIMIT)
    assert has_ended(process)


def children() -> set[psutil.Process]:
    """The processes that this one, and they in turn, have started and that have not ended."""
    found = psutil.Process().children(recursive=True)
    return {process for process in found if not has_ended(process.pid)}


def kill(processes: set[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, LIMIT)
