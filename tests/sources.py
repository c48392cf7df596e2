"""What tests need of a world around a stream: sources that tell and fail, messages, seeds."""

import itertools
import os
import random
import re

import numpy as np
import pytest


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


# What workers run: at the top of a module, so that a spawned process finds it.


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


def counted(items, count):
    """The items; a shared number says how many were made."""
    for item in items:
        with count.get_lock():
            count.value += 1
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
