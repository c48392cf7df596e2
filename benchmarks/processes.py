"""The workers as the benchmark sees them: started when first needed, asked, and ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Any, Self

import psutil

from benchmarks import environments, worker
from benchmarks.contenders import CHECKOUT, Contender, Environment

PATIENCE = 300.0


class ContenderError(Exception):
    """A contender that could not run, and why."""


def _kill(pid: int) -> None:
    """End a worker that hangs, and what it has started."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (*process.children(recursive=True), process):
            with suppress(psutil.NoSuchProcess):
                one.kill()


class Processes:
    """One worker process for each environment.

    Parameters
    ----------
    cache : Path
        Folder that holds the environments, and the files that are read.
    """

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self._workers: dict[Environment | None, subprocess.Popen[str]] = {}
        self._failures: dict[Environment | None, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._workers.values():
            _end(process)

    def ask(self, contender: Contender, *, fresh: bool, **request: Any) -> Any:
        """Send a request to a contender's worker, or to a fresh one, and return the answer.

        Raises
        ------
        ContenderError
            If its environment cannot be made, it raises, or its process dies or hangs.
        """
        environment = contender.environment
        if environment in self._failures:
            raise ContenderError(self._failures[environment])
        try:
            process = self._start(environment) if fresh else self._worker(environment)
        except environments.InstallError as failure:
            self._failures[environment] = str(failure)
            raise ContenderError(str(failure)) from failure
        line = _answer(process, json.dumps({**request, "contender": contender.name}))
        if fresh or not line:
            _end(process)
        if not line:
            # Its environment serves other contenders, and other rows: the next asks a new one.
            self._workers.pop(environment, None)
            raise ContenderError(f"its process ended with code {process.returncode}")
        answer = json.loads(line)
        if "failure" in answer:
            raise ContenderError(answer["failure"])
        return answer["answer"]

    def _worker(self, environment: Environment | None) -> subprocess.Popen[str]:
        if environment not in self._workers:
            self._workers[environment] = self._start(environment)
        return self._workers[environment]

    def _start(self, environment: Environment | None) -> subprocess.Popen[str]:
        # Isolated from PYTHONPATH and the working folder: only our own worker sees the checkout.
        python = environments.make(environment, self.cache) if environment else sys.executable
        command = [str(python), "-P", "-E", worker.__file__]
        if environment is None or environment.checkout:
            command.append(str(CHECKOUT))
        return subprocess.Popen(
            command,
            env={**os.environ, environments.CACHE: str(self.cache.resolve())},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def _answer(process: subprocess.Popen[str], request: str) -> str:
    """Return the line that a worker answers, empty where it dies or has to be killed."""
    assert process.stdin is not None
    assert process.stdout is not None
    impatient = Timer(PATIENCE, _kill, (process.pid,))
    impatient.start()
    try:
        # A death is told by the empty answer.
        with suppress(BrokenPipeError):
            process.stdin.write(request + "\n")
            process.stdin.flush()
        return process.stdout.readline()
    finally:
        impatient.cancel()


def _end(process: subprocess.Popen[str]) -> None:
    """End a worker, which does so when its input ends."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    impatient = Timer(PATIENCE / 10, _kill, (process.pid,))
    impatient.start()
    process.wait()
    impatient.cancel()
