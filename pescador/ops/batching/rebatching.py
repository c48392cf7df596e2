"""The rows that a run of `buffer` holds, between the chunks that it reads and its batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pescador import tree
from pescador.errors import DataError

__all__ = ["Rows"]


class Rows:
    """The rows that one run of a `buffer` has read and not yielded.

    They are held as columns: for each leaf of the structure, the arrays of the chunks.
    """

    def __init__(self, op: Any) -> None:
        self.op = op
        self.fresh: list[Any] = []  # The chunks that are not checked yet.
        self.seen = 0  # The number of chunks that were checked.
        self.drop()

    def drop(self) -> None:
        """Hold no rows."""
        self.template: Any = None  # A chunk, for its structure.
        self.columns: list[tuple[tree.Path, list[Any]]] = []
        self.start = 0  # The rows of the first chunk that were yielded.
        self.held = 0  # The rows that were not.
        self.last = 0  # The rows of the last chunk.

    def first_leaf(self, chunk: Any) -> Callable[[Any], Any]:
        """Return a function that measures chunks of the structure of this one, if it has rows."""
        try:
            tree.lengths(tree.columns([chunk]))
        except DataError as error:
            self.fresh.pop()
            raise error.located(self.op, self.seen + len(self.fresh)) from None
        return tree.first_leaf(chunk)

    def admit(self) -> None:
        """Check the fresh chunks, all at once, and hold their rows.

        If a chunk does not fit, those before it stay among the fresh ones.
        """
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
        """Yield the full batches: the one that ends in the last chunk, then those inside it."""
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
        """Return the first `n` rows, the last of which is in the last chunk."""
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
            if len(self.columns[0][1]) > 1:  # Let go of the first chunk.
                self.template = tree.without_rows(self.template)
            self.columns = [(path, column[-1:]) for path, column in self.columns]
            self.start, self.held = stop, left
        else:
            self.drop()
        return batch

    def keep(self, chunks: int) -> None:
        """Hold only the first chunks."""
        self.seen -= len(self.columns[0][1]) - chunks
        self.columns = [(path, column[:chunks]) for path, column in self.columns]
        lengths = [*map(len, self.columns[0][1])]
        self.held = max(sum(lengths) - self.start, 0)
        self.last = lengths[-1] if lengths else 0

    def rest(self) -> Iterator[Any]:
        """Yield the rows that are left as a last batch."""
        self.admit()
        if self.held:
            try:
                batch = self.cut(self.held)
            except DataError:
                yield from self.rest()
                raise
            yield batch
