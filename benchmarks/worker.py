"""The process of one contender, which answers how its elements look, or with one more figure."""

import collections.abc
import gc
import hashlib
import importlib
import itertools
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pescador-benchmarks"
COMPARED, COMPARED_BYTES = 1_000, 10**9


def leaves(element: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each leaf of an element as an array, with its path, dtype and shape in words."""
    if isinstance(element, (Mapping, tuple, list)):
        items = sorted(element.items()) if isinstance(element, Mapping) else enumerate(element)
        for key, value in items:
            yield from leaves(value, f"{path}[{key!r}]")
    else:
        array = np.asarray(element)
        yield f"{path} {array.dtype.type.__name__}{list(array.shape)}".strip(), array


def look(elements: Iterable[object], compared: int) -> dict[str, str]:
    """Return the form of the first element and, if there are more to compare, a hash of these."""
    digest, form = hashlib.sha256(), ""
    for element in itertools.islice(elements, compared):
        named = list(leaves(element))
        form = form or ", ".join(name for name, _ in named)
        for name, array in named:
            digest.update(name.encode() + array.tobytes())
    return {"form": form} | ({"bytes": digest.hexdigest()[:8]} if compared > 1 else {})


def answer(asked: Connection, part: str, number: int, name: str, size: int) -> None:
    """Answer for one contender of a row at one size, until nobody asks any more."""
    row = importlib.import_module(part).ROWS[number]
    who = next(who for who in row.contenders if who.name == name)
    build = partial(row.contenders[who], row.inputs(size))
    compared = 1 if who in row.apart else min(COMPARED, COMPARED_BYTES // (row.unit_bytes or 1))
    for question in iter(asked.recv, None):
        gc.collect()
        if question == "look":
            asked.send(look(build(), compared))
        else:
            asked.send(row.measure.run(build, row.units(size)))


if __name__ == "__main__":
    # Last on the path, so that an installed release comes before the pescador of this checkout.
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    # Python 3.10 removed the alias that pescador 1.0.0 reads.
    collections.Iterable = collections.abc.Iterable  # type: ignore[attr-defined]
    with Connection(int(sys.argv[1])) as connection:
        try:
            answer(connection, *connection.recv())
        except Exception as error:  # noqa: BLE001 (the report shows it, whatever it is)
            connection.send(ChildProcessError(f"{type(error).__name__}: {error}"))
