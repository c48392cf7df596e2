"""The algebra: what a stream is, what an operator is, and how ``|`` joins them."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

import numpy as np

from pescador.errors import DataError, ParameterTypeError
from pescador.running import Pass
from pescador.values import call, fields_of, hash_of, same, show

__all__ = ["Join", "Op", "Pipeline", "Same", "Stream", "sequence", "stream"]

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
P = ParamSpec("P")


class Op(Generic[A, B]):
    """A step from elements of one type to elements of another: the base of every operator.

    A subclass is a frozen, slotted dataclass of its parameters, checked in ``__post_init__``.
    Its ``__call__`` takes the upstream, any iterable, and returns an iterator; what runs is born
    there and never kept in the operator.
    """

    __slots__ = ()
    # So that `array | op` is left to the operator.
    __array_ufunc__ = None

    def __call__(self, upstream: Iterable[A], /) -> Iterator[B]:
        raise NotImplementedError

    def accept(self, upstream: Stream[Any], /) -> None:
        """Refuse, where the pipeline is written, an upstream that can never fit."""

    @overload
    def __or__(self, other: Same) -> Op[A, B]: ...
    @overload
    def __or__(self: Op[A, Iterable[C]], other: Join) -> Op[A, C]: ...
    @overload
    def __or__(self, other: Op[B, C]) -> Op[A, C]: ...
    @overload
    def __or__(self, other: Callable[[Iterable[B]], Iterable[C]]) -> Op[A, C]: ...
    def __or__(self, other: Any) -> Any:
        return _joined(_steps(self) + _steps(other))

    @overload
    def __ror__(self, source: Mapping[str, A]) -> Stream[B]: ...
    @overload
    def __ror__(self, source: Iterable[A]) -> Stream[B]: ...
    @overload
    def __ror__(self, source: Callable[[], Iterable[A]]) -> Stream[B]: ...
    def __ror__(self, source: Any) -> Any:
        return stream(source) | self

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and same(fields_of(self), fields_of(other))

    def __hash__(self) -> int:
        return hash((type(self), hash_of(fields_of(self))))

    def __repr__(self) -> str:
        return call(type(self).__name__, self)


class Same(Op[Any, Any]):
    """An operator whose elements are of its upstream's type; so is a pipeline of such."""

    __slots__ = ()

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        raise NotImplementedError

    if TYPE_CHECKING:

        @overload
        def __or__(self, other: Same) -> Same: ...
        @overload
        def __or__(self, other: Join) -> Join: ...
        @overload
        def __or__(self, other: Op[B, C]) -> Op[B, C]: ...
        @overload
        def __or__(self, other: Callable[[Iterable[B]], Iterable[C]]) -> Op[B, C]: ...
        def __or__(self, other: Any) -> Any: ...

        @overload
        def __ror__(self, source: Mapping[str, A]) -> Stream[A]: ...
        @overload
        def __ror__(self, source: Iterable[A]) -> Stream[A]: ...
        @overload
        def __ror__(self, source: Callable[[], Iterable[A]]) -> Stream[A]: ...
        def __ror__(self, source: Any) -> Any: ...


class Join(Op[Iterable[Any], Any]):
    """An operator on a stream of streams, its pool, whose elements are those of the streams."""

    __slots__ = ()

    def __call__(self, upstream: Iterable[Iterable[A]], /) -> Iterator[A]:
        raise NotImplementedError

    if TYPE_CHECKING:

        @overload
        def __or__(self, other: Same) -> Join: ...
        @overload
        def __or__(self, other: Op[B, C]) -> Op[Iterable[Iterable[B]], C]: ...
        @overload
        def __or__(
            self, other: Callable[[Iterable[B]], Iterable[C]]
        ) -> Op[Iterable[Iterable[B]], C]: ...
        def __or__(self, other: Any) -> Any: ...

        @overload
        def __ror__(self, source: Mapping[str, Iterable[A]]) -> Stream[A]: ...
        @overload
        def __ror__(self, source: Iterable[Iterable[A]]) -> Stream[A]: ...
        @overload
        def __ror__(self, source: Callable[[], Iterable[Iterable[A]]]) -> Stream[A]: ...
        def __ror__(self, source: Any) -> Any: ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Apply(Op[A, B]):
    """Any callable from an iterable to an iterable, as it stands on the right of ``|``."""

    function: Callable[[Iterable[A]], Iterable[B]]

    def __call__(self, upstream: Iterable[A], /) -> Iterator[B]:
        return Pass.lazily(lambda: _iterator(self.function(upstream), self))

    def __repr__(self) -> str:
        return show(self.function)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Pipeline(Op[A, B]):
    """Operators joined with ``|`` and no source; without any it is the identity.

    Parameters
    ----------
    ops : tuple of Op
        The steps, in order.

    Examples
    --------
    >>> from pescador.ops import skip, take
    >>> middle = skip(2) | take(2)
    >>> middle
    skip(2) | take(2)
    >>> list(middle("abcdef")), list("abcdef" | middle)
    (['c', 'd'], ['c', 'd'])
    >>> Pipeline() | middle == middle
    True
    """

    ops: tuple[Op[Any, Any], ...] = ()

    def __call__(self, upstream: Iterable[A], /) -> Iterator[B]:
        described: Stream[A] = stream(upstream)
        return iter(described._then(*self.ops))

    def __repr__(self) -> str:
        return " | ".join(map(repr, self.ops)) if len(self.ops) > 1 else "Pipeline()"


@dataclass(frozen=True, slots=True)
class Named(Generic[A]):
    """A pool with names: what a mapping on the left of ``|`` is frozen to."""

    names: tuple[Any, ...]
    values: tuple[A, ...]

    def __iter__(self) -> Iterator[A]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        pairs = (f"{show(k)}: {show(v)}" for k, v in zip(self.names, self.values, strict=True))
        return "{" + ", ".join(pairs) + "}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Stream(Generic[A]):
    """A description of a stream: a source, its arguments, and the operators on its way.

    Made by `stream` and by ``|``; immutable, picklable, comparable. Each ``iter`` is a new run
    (a `Pass`), independent of any other; nothing is opened, called or copied before its first
    element is asked for.

    Parameters
    ----------
    source : iterable or callable
        What `stream` was given; a list frozen to a tuple.
    args : tuple
        Positional arguments for a source that is a function.
    kwargs : tuple of (str, object)
        Keyword arguments for it, sorted by name.
    ops : tuple of Op
        The operators, in the order in which elements pass through them.

    Examples
    --------
    >>> from pescador import stream
    >>> from pescador.ops import map, take
    >>> lengths = stream(["one", "two", "three"]) | map(len) | take(2)
    >>> lengths
    stream(('one', 'two', 'three')) | map(len) | take(2)
    >>> list(lengths), list(lengths)
    ([3, 3], [3, 3])
    """

    source: Any
    args: tuple[Any, ...] = ()
    kwargs: tuple[tuple[str, Any], ...] = ()
    ops: tuple[Op[Any, Any], ...] = ()

    def __iter__(self) -> Iterator[A]:
        if not self.ops:
            return self._begin()
        *before, last = self.ops
        items = last(Stream(self.source, self.args, self.kwargs, tuple(before)))
        return items if isinstance(items, Pass) else Pass(items, [items])

    def _begin(self) -> Pass[A]:
        source = self.source
        if not _is_function(source):
            if type(source) in _PLAIN or isinstance(source, Iterator):
                return Pass(iter(source), [])
            return Pass.lazily(lambda: _iterator(source, self))
        if inspect.isgeneratorfunction(source):
            items = source(*self.args, **dict(self.kwargs))
            return Pass(items, [items])
        return Pass.lazily(lambda: _iterator(source(*self.args, **dict(self.kwargs)), self))

    @property
    def names(self) -> tuple[Any, ...] | None:
        """The names of the pool's streams, where the source is a mapping; else None."""
        return self.source.names if isinstance(self.source, Named) and not self.ops else None

    @overload
    def __or__(self, other: Same) -> Stream[A]: ...
    @overload
    def __or__(self: Stream[Mapping[str, B]], other: Join) -> Stream[B]: ...
    @overload
    def __or__(self: Stream[Iterable[B]], other: Join) -> Stream[B]: ...
    @overload
    def __or__(self, other: Op[A, B]) -> Stream[B]: ...
    @overload
    def __or__(self, other: Callable[[Iterable[A]], Iterable[B]]) -> Stream[B]: ...
    def __or__(self, other: Any) -> Any:
        joined: Stream[Any] = self
        for op in _steps(other):
            op.accept(joined)
            joined = joined._then(op)
        return joined

    def _then(self, *ops: Op[Any, Any]) -> Stream[Any]:
        return Stream(self.source, self.args, self.kwargs, (*self.ops, *ops))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and same(fields_of(self), fields_of(other))

    def __hash__(self) -> int:
        return hash(hash_of(fields_of(self)))

    def __repr__(self) -> str:
        arguments = [show(self.source), *map(show, self.args)]
        arguments += [f"{name}={show(value)}" for name, value in self.kwargs]
        return " | ".join([f"stream({', '.join(arguments)})", *map(repr, self.ops)])


@overload
def stream(source: Mapping[str, A]) -> Stream[A]: ...
@overload
def stream(source: Iterable[A]) -> Stream[A]: ...
@overload
def stream(source: Callable[P, Iterable[A]], *args: P.args, **kwargs: P.kwargs) -> Stream[A]: ...
def stream(source: Any, *args: Any, **kwargs: Any) -> Any:
    """Describe a stream.

    Parameters
    ----------
    source : callable or iterable
        A generator function, or any callable that returns an iterable: each run calls it. Or
        anything that can be iterated again: a range, list, tuple, str, array (its rows), another
        stream or one of the documented classes. A list is frozen to a tuple; elements are never
        copied. A mapping is a named pool: its values are the elements. Or an iterator that is
        already started: a run continues it, and never closes it.
    *args, **kwargs
        Arguments for a callable.

    Returns
    -------
    Stream

    Raises
    ------
    ParameterTypeError
        If `source` is neither callable nor iterable, is an operator, or is not callable and yet
        has arguments.

    Examples
    --------
    >>> list(stream("abc"))
    ['a', 'b', 'c']
    >>> def count_down(n):
    ...     while n:
    ...         yield n
    ...         n -= 1
    >>> stream(count_down, 3)
    stream(count_down, 3)
    >>> list(stream(count_down, 3))
    [3, 2, 1]
    """
    if isinstance(source, Op) or (isinstance(source, type) and issubclass(source, Op)):
        raise ParameterTypeError(
            f"stream({show(source)}): an operator is no source; "
            "write the source on its left: source | " + _hint(source)
        )
    described = getattr(source, "stream", source)
    if isinstance(described, Stream):
        source = described
    if _is_function(source):
        return Stream(source, args, tuple(sorted(kwargs.items())))
    if args or kwargs:
        raise ParameterTypeError(f"{show(source)} is not callable, so it takes no arguments")
    if isinstance(source, Stream):
        return source
    if isinstance(source, Mapping):
        return Stream(Named(tuple(source), tuple(source.values())))
    if isinstance(source, list):
        return Stream(tuple(source))
    if isinstance(source, Iterable) or hasattr(type(source), "__getitem__"):
        return Stream(source)
    raise ParameterTypeError(
        f"stream({source!r}): a source must be iterable, or a function that returns an iterable"
    )


# What iterating touches nothing of.
_PLAIN = {range, tuple, str, bytes, np.ndarray, Named}


def _is_function(source: Any) -> bool:
    return callable(source) and not isinstance(source, Iterable)


def _iterator(items: Iterable[A], what: object) -> Iterator[A]:
    try:
        return iter(items)
    except TypeError as error:
        raise DataError(
            f"gave {items!r}, which cannot be iterated; "
            "it must return an iterable or be a generator function",
            what,
        ) from error


def sequence(upstream: Iterable[A]) -> Sequence[A] | np.ndarray | None:
    """The sequence that `upstream` runs over one by one, where it has one: it can be indexed."""
    if isinstance(upstream, Stream) and not upstream.ops:
        upstream = upstream.source
    if isinstance(upstream, Named):
        upstream = upstream.values
    return upstream if isinstance(upstream, Sequence | np.ndarray) else None


def _joined(ops: tuple[Op[Any, Any], ...]) -> Op[Any, Any]:
    return ops[0] if len(ops) == 1 else Pipeline(ops)


def _steps(step: Any) -> tuple[Op[Any, Any], ...]:
    if isinstance(step, Pipeline):
        return step.ops
    if isinstance(step, Op):
        return (step,)
    if isinstance(step, type) and issubclass(step, Op):
        raise ParameterTypeError(
            f"{step.__name__} is an operator without its parameters: write {_hint(step)}"
        )
    if isinstance(getattr(step, "stream", step), Stream):
        raise ParameterTypeError(
            f"{show(step)} is a stream, and no step: to join streams write [a, b] | chain()"
        )
    if callable(step):
        return (Apply(step),)
    raise ParameterTypeError(
        f"{show(step)} is no step: an operator, or a callable from an iterable to an iterable"
    )


def _hint(op: Any) -> str:
    if isinstance(op, Op):
        return repr(op)
    needed = [
        field.name
        for field in dataclasses.fields(op)
        if field.default is dataclasses.MISSING and not field.kw_only
    ]
    return f"{op.__name__}({', '.join(needed)})"
