"""The workers as the benchmark sees them: started when first needed, asked, and ended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks import environments, worker
from benchmarks.contenders import Contender, Environment

CHECKOUT = Path(__file__).resolve().parent.parent


class ContenderError(Exception):
    """A contender that could not run, and why."""


class Processes:
    """One worker process for each environment.

    Parameters
    ----------
    cache : Path
        Folder that holds the environments.
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
            if process.stdin is not None:
                process.stdin.close()
        for process in self._workers.values():
            process.wait()

    def ask(self, contender: Contender, **request: Any) -> Any:
        """Send a request to a contender's worker and return the answer.

        Raises
        ------
        ContenderError
            If its environment cannot be made, it raises, or its process dies.
        """
        environment = contender.environment
        if environment in self._failures:
            raise ContenderError(self._failures[environment])
        try:
            process = self._worker(environment)
        except environments.InstallError as failure:
            self._failures[environment] = str(failure)
            raise ContenderError(str(failure)) from failure
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps({**request, "contender": contender.name}) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # its death is told by the empty answer
        line = process.stdout.readline()
        if not line:
            self._failures[environment] = f"its process ended with code {process.wait()}"
            raise ContenderError(self._failures[environment])
        answer = json.loads(line)
        if "failure" in answer:
            raise ContenderError(answer["failure"])
        return answer["answer"]

    def _worker(self, environment: Environment | None) -> subprocess.Popen[str]:
        if environment not in self._workers:
            # Isolated from PYTHONPATH and the working folder: only our own worker sees the
            # checkout.
            if environment is None:
                command = [sys.executable, "-P", "-E", worker.__file__, str(CHECKOUT)]
            else:
                python = environments.make(environment, self.cache)
                command = [str(python), "-P", "-E", worker.__file__]
            self._workers[environment] = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        return self._workers[environment]
