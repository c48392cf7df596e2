"""What tests need of a world around a stream: sources that tell and fail, messages, seeds."""

import importlib
import itertools
import os
import random
import re
import select
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import numpy as np
import pytest

from pescador.testing import alike
from programs import LIMIT


class Recorded:
    """An iterable that knows how often it was begun, read and ended; real generators underneath.

    Parameters
    ----------
    items : iterable
        What a pass yields.
    events : list, optional
        Where each begin and end is noted, as ``(name, "begin")``, to be shared by several.
    name : object, optional
        What it is called there.
    """

    def __init__(self, items, events=None, name=None):
        self.items = items
        self.events = [] if events is None else events
        self.name = name
        self.read = 0

    def __iter__(self):
        self.events.append((self.name, "begin"))
        try:
            for item in self.items:
                self.read += 1
                yield item
        finally:
            self.events.append((self.name, "end"))

    def count(self, event):
        return sum(kind == event and name == self.name for name, kind in self.events)

    @property
    def begun(self):
        return self.count("begin")

    @property
    def active(self):
        """How many passes are live."""
        return self.begun - self.count("end")


class Fault(Exception):  # noqa: N818  An error of the test itself.
    """What a user's own code raises."""


def failing(items, error=Fault):
    """The items, and then the error."""
    yield from items
    raise error("out of luck")


def until_fault(stream, error=Fault):
    """All that a stream gives before it fails, and the error."""
    given = []
    with pytest.raises(error) as caught:
        given.extend(iter(stream))
    return given, caught.value


def shown(value):
    """The repr, cut, without its place in memory, so that a test has one name in each process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))[:40]


def notes(error):
    return getattr(error, "__notes__", [])


def exactly(message):
    """A pattern that matches the whole message, and no other."""
    return f"^{re.escape(message)}$"


def seed_numpy(seed):
    """Seed numpy's global generator, as users do."""
    np.random.seed(seed)


class Tally:
    """How many elements were made, in whichever process: a named pipe gets a byte for each.

    Parameters
    ----------
    path : Path
        Where the pipe is made; what `counted` takes.
    """

    def __init__(self, path):
        os.mkfifo(path)
        self.path = path
        self.pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.made = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.pipe)

    def grows(self, seconds):
        """Wait for further elements; False if none came."""
        if not select.select([self.pipe], [], [], seconds)[0]:
            return False
        self.made += len(os.read(self.pipe, 65536))
        return True

    def now(self):
        """How many were made up to now."""
        while self.grows(0):
            pass
        return self.made

    def reaches(self, number):
        """Wait until so many were made."""
        while self.made < number:
            assert self.grows(LIMIT), f"{self.made} and not {number}"

    def settles(self):
        """Wait until for a moment no more are made, and return how many were."""
        while self.grows(0.1):
            pass
        return self.made


# What workers run is at the top of a module, so that a spawned process finds it.
def numbered(n, size=4):
    """Mappings of an array of ones times the number, and the number."""
    for number in range(n):
        yield {"X": np.full(size, number, float), "Y": number}


def closing(items, path):
    """The items; it is written to the path that they were closed."""
    try:
        yield from items
    finally:
        path.write_text("closed")


def counted(items, path):
    """The items; a `Tally` counts them."""
    with path.open("wb", buffering=0) as tally:
        for item in items:
            tally.write(b".")
            yield item


def awaiting(items, path):
    """The items, each as soon as a byte can be read from a named pipe."""
    with path.open("rb", buffering=0) as pipe:
        for item in items:
            pipe.read(1)
            yield item


def stuck(forever):
    """One element, and then a step that does not come to an end."""
    yield 0
    forever()


def in_c():
    """What holds Python's lock and looks at no signal."""
    sum(itertools.repeat(0))


def draws(n):
    """What the global generators of numpy and of Python draw."""
    for _ in range(n):
        yield np.random.rand(), random.random()


def pid(n=1):
    """The process that it runs in."""
    for _ in range(n):
        yield os.getpid()


def imported(module, name, *values):
    """A zero, and an instance of a class that is imported here alone."""
    yield 0
    yield getattr(importlib.import_module(module), name)(*values)


def raising_imported(module, name, *values):
    """An exception about such an instance."""
    *_, instance = imported(module, name, *values)
    yield 0
    raise Fault(instance)


# Elements whose classes are found by name in every process.


class Point(NamedTuple):
    """A named tuple of two values."""

    x: Any
    y: Any


class One(NamedTuple):
    """A named tuple of one value."""

    x: Any


class Three(NamedTuple):
    """A named tuple of three values."""

    x: Any
    y: Any
    z: Any


class Comparable:
    """Equal as `alike` has it: dataclasses compare their arrays by ``==``, which fails."""

    __slots__ = ()

    def __eq__(self, other):
        if type(self) is not type(other):
            return NotImplemented
        return all(
            alike(getattr(self, one.name, None), getattr(other, one.name, None))
            for one in fields(self)
        )

    __hash__ = None


@dataclass(eq=False)
class Pair(Comparable):
    """A dataclass of two values."""

    x: Any
    y: Any


@dataclass(eq=False, frozen=True, slots=True)
class Frozen(Comparable):
    """A dataclass that is frozen and has slots."""

    x: Any
    y: Any


@dataclass(eq=False)
class Late(Comparable):
    """A dataclass whose constructor takes one of two values, and changes that one."""

    x: Any
    y: Any = field(init=False, default=0)

    def __post_init__(self):
        self.x = (self.x, "changed")


def late(x, y):
    """A `Late` of these values."""
    instance = Late(x)
    instance.x, instance.y = x, y
    return instance
