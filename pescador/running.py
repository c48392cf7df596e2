"""What runs: a pass over a stream, and how it is closed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, starmap
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Pass", "close_all"]

A = TypeVar("A")
B = TypeVar("B")


class Pass(chain[A]):
    """One run of a stream: an iterator that can be closed.

    It costs next to nothing per element, being C. Its end, or `close`, ends what the run stands on:
    the generators of its source and of its operators, so that their ``finally`` clauses run. As a
    context manager it closes itself.

    Parameters
    ----------
    items : Iterator
        What to run.
    owned : list
        What to close, the last first.
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
        """Run `upstream`; an iterator that is started already stays its owner's to close."""
        items = iter(upstream.values() if isinstance(upstream, Mapping) else upstream)
        if items is upstream:
            return Pass(items, [])
        return items if isinstance(items, Pass) else Pass(items, [items])

    @staticmethod
    def lazily(begin: Callable[[], Iterator[B]]) -> Pass[B]:
        """Run what `begin` returns, called when the first element is asked for."""
        opening = _Opening(begin)
        return Pass(chain.from_iterable(starmap(opening.open, [()])), [opening])

    def then(self, step: Callable[[Iterator[A]], Iterator[B]]) -> Pass[B]:
        """The same run with a step in C on top: the steps stand on each other directly."""
        return Pass(step(self.items), self.owned)

    def close(self) -> None:
        """End the run, its steps from the last to the first."""
        close_all(reversed(self.owned))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Opening(Generic[A]):
    """What a run opens at its first element, if it is not closed before."""

    def __init__(self, begin: Callable[[], Iterator[A]]) -> None:
        self.begin = begin
        self.items: Iterator[A] | None = None

    def open(self) -> Iterator[A]:
        self.items = self.begin()
        return self.items

    def close(self) -> None:
        self.begin = lambda: iter(())
        close_all([self.items])


def _end(owned: list[Any]) -> Iterator[Any]:
    """Nothing, and the end of what is owned when it is reached."""
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
