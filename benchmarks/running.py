"""Running a row: each contender once a round, in a process and an environment of its own."""

import hashlib
import os
import signal
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from importlib.metadata import version
from itertools import product
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import worker
from benchmarks.rows import Contender, Row

TIMEOUT = 300.0


@cache
def environment(requirements: tuple[str, ...]) -> tuple[Path, str]:
    """Return the Python that has these packages, installed now if need be, or why it has not."""
    if not requirements:
        return Path(sys.executable), ""
    # Everybody computes with one version of numpy.
    recipe = "\n".join((*requirements, f"numpy=={version('numpy')}"))
    folder = worker.CACHE / hashlib.sha256((sys.version + recipe).encode()).hexdigest()[:12]
    python, complete = folder / "bin" / "python", folder / "requirements.txt"
    if not complete.exists():
        venv.create(folder, clear=True, with_pip=True)
        pip = [python, "-m", "pip", "install", "--quiet", *recipe.split("\n")]
        done = subprocess.run(pip, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            return python, done.stderr.strip().splitlines()[-1]
        complete.write_text(recipe)
    return python, ""


@contextmanager
def process(who: Contender, *work: object) -> Iterator[Connection]:
    """Start a contender's process, on whose path is only its checkout, and connect to it."""
    python, failure = environment(who.requirements)
    if failure:
        raise ChildProcessError(failure)
    ours, theirs = Pipe()
    started = subprocess.Popen(
        [python, "-P", worker.__file__, str(theirs.fileno())],
        env=os.environ | {"PYTHONPATH": who.checkout or ""},
        pass_fds=[theirs.fileno()],
        start_new_session=True,
        **dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL),
    )
    theirs.close()
    ours.send(work)
    try:
        yield ours
    finally:
        # The process ends when nobody can ask any more; whatever it has started is killed then.
        ours.close()
        with suppress(subprocess.TimeoutExpired):
            started.wait(TIMEOUT / 10)
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


class Run:
    """A row that is run: a figure of each contender at each size and round, and who failed why."""

    def __init__(self, part: str, number: int, row: Row, rounds: int) -> None:
        self.part, self.number, self.row = part, number, row
        self.failures: dict[Contender, str] = {}
        turns = range(1 if row.measure.steady else rounds)
        index = pd.MultiIndex.from_product([row.sizes, turns], names=["size", "round"])
        self.figures = pd.DataFrame(index=index, columns=[*row.contenders], dtype=float)
        self._processes: dict[tuple[int, Contender], Connection] = {}
        with ExitStack() as self._alive:
            self._compare()
            for turn in turns:
                # Every other round is reversed, so that nobody always comes first.
                for size, who, figure in self._answers("figure", -1 if turn % 2 else 1):
                    self.figures.loc[(size, turn), who] = figure
        self.figures[[*self.failures]] = float("nan")
        self.missed = [goal for goal in row.goals if goal.missed(goal.value(self.figures))]

    def _compare(self) -> None:
        """Fail the contenders whose first elements differ from those of the others."""
        expected: dict[tuple[int, str], tuple[Contender, str]] = {}
        for size, who, looks in self._answers("look"):
            for what, found in looks.items():
                other, wanted = expected.setdefault((size, what), (who, found))
                if found != wanted:
                    self.failures[who] = f"{what} {found}, of {other}: {wanted}"

    def _answers(self, question: str, order: int = 1) -> Iterator[tuple[int, Contender, Any]]:
        for size, who in [*product(self.row.sizes, self.row.contenders)][::order]:
            if who in self.failures or size > self.row.up_to.get(who, size):
                continue
            try:
                if (size, who) not in self._processes:
                    begun = process(who, self.part, self.number, who.name, size)
                    self._processes[size, who] = self._alive.enter_context(begun)
                asked = self._processes[size, who]
                asked.send(question)
                answer = asked.recv() if asked.poll(TIMEOUT) else ChildProcessError("hangs")
            except (EOFError, OSError) as failure:
                answer = failure
            if isinstance(answer, Exception):
                self.failures[who] = str(answer) or "its process died"
            else:
                yield size, who, answer
            if self.row.measure.fresh:
                self._alive.close()
                self._processes.clear()
