"""What tests need of a world around a stream: sources that tell and fail, messages, seeds."""

import itertools
import os
import random
import re
import select

import numpy as np
import pytest

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


class Fault(Exception):  # noqa: N818  It is no one's error but the test's.
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
    np.random.seed(seed)  # noqa: NPY002


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
        yield np.random.rand(), random.random()  # noqa: NPY002


def pid(n=1):
    """The process that it runs in."""
    for _ in range(n):
        yield os.getpid()
