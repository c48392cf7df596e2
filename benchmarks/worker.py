"""The process of one environment: takes requests from standard input, answers on standard output.

Releases of pescador share one import name, so each lives in a process of its own, which stays
alive from row to row. A request and an answer are one line of JSON each.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import importlib.util
import itertools
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from benchmarks.rows import Row

COMPARED = 1_000


def load_benchmarks(folder: Path) -> ModuleType:
    """Import the package `benchmarks` by its place.

    Its parent folder stays off the module path, for the pescador beside it is not the one
    that an older release's process must import.
    """
    spec = importlib.util.spec_from_file_location(
        "benchmarks", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["benchmarks"] = package
    spec.loader.exec_module(package)
    return package


def digest(elements: Iterable[object]) -> str:
    """Return a fingerprint of elements: their structure, dtypes, shapes and bytes."""
    sha = hashlib.sha256()

    def add(value: object) -> None:
        if isinstance(value, Mapping):
            sha.update(b"{%d" % len(value))
            for key in sorted(value):
                add(key)
                add(value[key])
        elif isinstance(value, (tuple, list)):
            sha.update(b"(%d" % len(value))
            for item in value:
                add(item)
        else:
            array = np.asarray(value)
            sha.update(f"{array.dtype.str}{array.shape}".encode())
            sha.update(array.tobytes())

    for element in elements:
        add(element)
    return sha.hexdigest()


def outline(element: object) -> str:
    """Return what an element looks like: its structure, dtypes and shapes."""
    if isinstance(element, Mapping):
        return "{" + ", ".join(f"{key}: {outline(element[key])}" for key in sorted(element)) + "}"
    if isinstance(element, (tuple, list)):
        return "(" + ", ".join(map(outline, element)) + ")"
    if isinstance(element, str):
        return "text"
    array = np.asarray(element)
    return f"{array.dtype}{list(array.shape)}"


class Worker:
    """Answers requests; keeps the inputs of the row that it is on."""

    def __init__(self) -> None:
        self.row: Row[Any] | None = None
        self.inputs: dict[int, Any] = {}

    def _builder(
        self, part: str, number: int, contender: str, size: int
    ) -> Callable[[], Iterable[object]]:
        row = importlib.import_module(part).ROWS[number]
        if row is not self.row:
            self.row, self.inputs = row, {}
        if size not in self.inputs:
            self.inputs[size] = row.inputs(size)
        build = next(build for who, build in row.contenders.items() if who.name == contender)
        return partial(build, self.inputs[size])

    def outline(self, part: str, number: int, contender: str, size: int) -> str:
        """Return what the first element looks like; it also warms the contender up."""
        return outline(next(iter(self._builder(part, number, contender, size)())))

    def fingerprint(self, part: str, number: int, contender: str, size: int) -> str:
        """Return the fingerprint of the first elements."""
        build = self._builder(part, number, contender, size)
        return digest(itertools.islice(build(), COMPARED))

    def figure(self, part: str, number: int, contender: str, size: int) -> float:
        """Return one figure of the row's measure."""
        build = self._builder(part, number, contender, size)
        assert self.row is not None
        gc.collect()
        return self.row.measure.run(build, self.row.units(size))


def serve() -> None:
    """Answer until standard input ends."""
    # What the contenders print must neither join the answers nor clutter the table.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        ask = getattr(worker, request.pop("ask"))
        try:
            answer = {"answer": ask(**request)}
        except Exception as error:  # noqa: BLE001 (whatever it is, the report says it)
            summary = traceback.format_exception_only(error)[-1].strip()
            answer = {"failure": summary}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    sys.path[:0] = sys.argv[1:]
# A process that a contender starts runs this file under another name, to find what it is sent.
if __name__ in {"__main__", "__mp_main__"}:
    load_benchmarks(Path(__file__).resolve().parent)
if __name__ == "__main__":
    serve()
