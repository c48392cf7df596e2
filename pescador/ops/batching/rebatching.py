"""The rows that one run of a buffer holds, between the chunks it reads and the batches it cuts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pescador import tree
from pescador.errors import DataError

__all__ = ["Rows"]


class Rows:
    """What one run of a `buffer` holds: the leaves of chunks of which not all rows are given."""

    def __init__(self, op: Any) -> None:
        self.op = op
        self.fresh: list[Any] = []  # chunks to be checked and admitted
        self.seen = 0  # how many chunks were admitted
        self.drop()

    def drop(self) -> None:
        """Hold nothing."""
        self.template: Any = None  # a chunk, for its structure
        self.columns: list[tuple[tree.Path, list[Any]]] = []
        self.start = 0  # how many rows of the first chunk are given
        self.held = 0  # how many rows are not
        self.last = 0  # how many rows the last chunk has

    def first_leaf(self, chunk: Any) -> Callable[[Any], Any]:
        """How chunks like this one are measured; it is refused if it has no rows."""
        try:
            tree.lengths(tree.columns([chunk]))
        except DataError as error:
            self.fresh.pop()
            raise error.located(self.op, self.seen + len(self.fresh)) from None
        return tree.first_leaf(chunk)

    def admit(self) -> None:
        """Check the fresh chunks and count their rows, in bulk; those before a bad one stay."""
        fresh = [*self.fresh]
        self.fresh.clear()
        if not fresh:
            return
        like = [self.template] if self.columns else []
        try:
            columns = tree.columns(like + fresh)
            lengths = tree.lengths(columns)[len(like) :]
        except DataError as error:
            self.fresh += fresh[: (error.index or 0) - len(like)]
            raise error.located(self.op, self.seen - len(like)) from None
        if not like:
            self.template = fresh[0]
            self.columns = [(path, []) for path, _ in columns]
        for (_, held), (_, column) in zip(self.columns, columns, strict=True):
            held.extend(column[len(like) :])
        self.seen += len(fresh)
        self.held += sum(lengths)
        self.last = lengths[-1]

    def batches(self) -> Iterator[Any]:
        """The whole batches: the one that ends in the last chunk, then those that lie within it."""
        n = self.op.n
        yield self.cut(n)
        if self.held < n:
            return
        pieces = [tree.cuts(chunk, path, n, self.start) for path, (chunk,) in self.columns]
        batches = tree.split(tree.rebuild(self.template, pieces))
        while self.held >= n:
            try:
                batch = next(batches)
            except DataError as error:
                self.keep(0)
                raise error.located(self.op, self.seen) from None
            self.start += n
            self.held -= n
            yield batch
        if not self.held:
            self.drop()

    def cut(self, n: int) -> Any:
        """The first `n` rows, which end in the last chunk."""
        left = self.held - n
        stop = self.last - left
        leaves = []
        for path, column in self.columns:
            pieces = [*column]
            pieces[-1] = pieces[-1][:stop]
            pieces[0] = pieces[0][self.start :]
            try:
                leaves.append(tree.join(pieces, path))
            except DataError as error:
                located = error.located(self.op, self.seen - len(column))
                self.keep(error.index or 0)
                raise located from None
        batch = tree.rebuild(self.template, leaves)
        if left:
            if len(self.columns[0][1]) > 1:  # The first chunk is let go.
                self.template = tree.without_rows(self.template)
            self.columns = [(path, column[-1:]) for path, column in self.columns]
            self.start, self.held = stop, left
        else:
            self.drop()
        return batch

    def keep(self, chunks: int) -> None:
        """Forget all but the first chunks."""
        self.seen -= len(self.columns[0][1]) - chunks
        self.columns = [(path, column[:chunks]) for path, column in self.columns]
        lengths = [*map(len, self.columns[0][1])]
        self.held = max(sum(lengths) - self.start, 0)
        self.last = lengths[-1] if lengths else 0

    def rest(self) -> Iterator[Any]:
        """What is left, in a last batch."""
        self.admit()
        if self.held:
            try:
                batch = self.cut(self.held)
            except DataError:
                yield from self.rest()
                raise
            yield batch
