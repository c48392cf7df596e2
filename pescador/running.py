"""One run of a stream, and how it is closed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain, starmap
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import ref

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Begun", "Pass", "close_all"]

A = TypeVar("A")
B = TypeVar("B")


class Pass(chain[A]):
    """One run of a stream: an iterator that can be closed.

    A run costs next to nothing per element, since it is implemented in C. Its end, or `close`,
    closes the generators of its source and of its operators, so that their ``finally`` clauses
    run. As a context manager it closes itself.

    Parameters
    ----------
    items : Iterator
        The elements.
    owned : list
        The generators and runs to close, the last one first.
    """

    __slots__ = ("__weakref__", "items", "owned")

    items: Iterator[A]
    owned: list[Any]

    def __new__(cls, items: Iterator[A], owned: list[Any]) -> Self:
        self = super().__new__(cls, items, _end(owned))
        self.items = items
        self.owned = owned
        return self

    @staticmethod
    def over(upstream: Iterable[B]) -> Pass[B]:
        """Begin a run of `upstream`; a started iterator is left to its owner to close."""
        items = iter(upstream.values() if isinstance(upstream, Mapping) else upstream)
        if items is upstream:
            return Pass(items, [])
        return items if isinstance(items, Pass) else Pass(items, [items])

    @staticmethod
    def lazily(begin: Callable[[], Iterator[B]]) -> Pass[B]:
        """Run the iterator that `begin` returns, which is called for the first element."""
        opening = _Opening(begin)
        return Pass(chain.from_iterable(starmap(opening.open, [()])), [opening])

    def then(self, step: Callable[[Iterator[A]], Iterator[B]]) -> Pass[B]:
        """Return the run with one more step in C, which reads directly from the step before it."""
        return Pass(step(self.items), self.owned)

    def close(self) -> None:
        """End the run, its steps from the last to the first."""
        close_all(reversed(self.owned))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Opening(Generic[A]):
    """The iterator of a run that is made at its first element, unless the run is closed before."""

    def __init__(self, begin: Callable[[], Iterator[A]]) -> None:
        self.begin = begin
        self.items: Iterator[A] | None = None
        self.begun: Begun | None = None

    def open(self) -> Iterator[A]:
        self.items = self.begin()
        if self.begun is not None:
            self.begun.note(self.items)
        return self.items

    def close(self) -> None:
        self.begin = lambda: iter(())
        close_all([self.items])


class Begun:
    """The runs that an operator has begun of its upstream, to be closed with its own run.

    What these runs own is referred to weakly: it ends by itself once nothing else refers to it.
    """

    __slots__ = ("inner", "most", "notes")

    def __init__(self) -> None:
        self.notes: list[ref[Any]] = []
        self.inner: list[Begun] = []
        self.most = 64

    def add(self, run: Pass[Any]) -> None:
        if len(self.notes) + len(self.inner) > self.most:
            self.most = 2 * self.alive() + 64
        for one in run.owned:
            if isinstance(one, Begun):
                self.inner.append(one)
            else:
                self.note(one)
            if isinstance(one, _Opening):
                one.begun = self

    def note(self, one: Any) -> None:
        if hasattr(one, "close"):
            with suppress(TypeError):  # What knows no weak references ends by itself.
                self.notes.append(ref(one))

    def alive(self) -> int:
        """Forget what has ended by itself, and count the rest."""
        self.notes = [note for note in self.notes if note() is not None]
        self.inner = [begun for begun in self.inner if begun.alive()]
        return len(self.notes) + len(self.inner)

    def close(self) -> None:
        noted = [note() for note in reversed(self.notes)]
        # A generator that runs in a thread of the operator cannot be closed from here.
        idle = [one for one in noted if not getattr(one, "gi_running", False)]
        close_all([*idle, *reversed(self.inner)])


def _end(owned: list[Any]) -> Iterator[Any]:
    """Yield nothing, and close what a run owns when this end is reached."""
    close_all(reversed(owned))
    yield from ()


def close_all(runs: Iterable[Any]) -> None:
    """Close each that can be closed, even where one of them fails; then raise its error."""
    failure: BaseException | None = None
    for run in runs:
        close = getattr(run, "close", None)
        try:
            if close is not None:
                close()
        except BaseException as error:  # noqa: BLE001  All are closed, whatever happens.
            failure = failure or error
    if failure is not None:
        raise failure
