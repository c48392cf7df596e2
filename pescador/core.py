"""The algebra: what a stream is, what an operator is, and how ``|`` joins them."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from itertools import chain, compress, count, repeat
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    ParamSpec,
    TypeAlias,
    TypeVar,
    cast,
    overload,
)

import numpy as np

from pescador import errors, readings
from pescador.errors import DataError, ParameterTypeError
from pescador.readings import Finding, Length, OpReadings, Sharding, StreamReadings, Whole
from pescador.running import Begun, Pass
from pescador.seeds import SEEDS, argument
from pescador.values import Named, call, described, fields_of, hash_of, same, show

__all__ = ["Apply", "Join", "Op", "Pipeline", "Same", "Stream", "sequence", "shard", "stream"]

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
P = ParamSpec("P")


class Op(OpReadings, Generic[A, B]):
    """A step from elements of one type to elements of another: the base of every operator.

    A subclass is a frozen, slotted dataclass of its parameters, checked in ``__post_init__``.
    Its ``__call__`` takes the upstream, any iterable, and returns an iterator. All that changes
    while it runs is made in ``__call__`` and never kept in the operator.

    Attributes
    ----------
    sharding : Sharding or Whole
        How the stream is divided among shards: `ELEMENTWISE`, `PER_SHARD`, `REGROUPS`, or a
        `Whole` that says why it cannot be divided, which is the default.
    closes : bool, default=False
        Whether ``__call__`` itself closes the runs that it begins of its upstream. If not, they
        are closed when its own run ends or is closed.
    """

    __slots__ = ()
    # numpy leaves `array | op` to the operator.
    __array_ufunc__ = None

    closes = False

    def __call__(self, upstream: Iterable[A], /) -> Iterator[B]:
        raise NotImplementedError

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
    """An operator that keeps the type of its elements; a pipeline of such operators is one too."""

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
        def __or__(self, other: Any) -> Any: ...  # pyright: ignore[reportIncompatibleMethodOverride]

        @overload
        def __ror__(self, source: Mapping[str, A]) -> Stream[A]: ...
        @overload
        def __ror__(self, source: Iterable[A]) -> Stream[A]: ...
        @overload
        def __ror__(self, source: Callable[[], Iterable[A]]) -> Stream[A]: ...
        def __ror__(self, source: Any) -> Any: ...


class Join(Op[Iterable[Any], Any]):
    """An operator on a stream of streams, its pool, that yields the elements of these streams."""

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
        def __or__(self, other: Any) -> Any: ...  # pyright: ignore[reportIncompatibleMethodOverride]

        @overload
        def __ror__(self, source: Mapping[str, Iterable[A]]) -> Stream[A]: ...
        @overload
        def __ror__(self, source: Iterable[Iterable[A]]) -> Stream[A]: ...
        @overload
        def __ror__(self, source: Callable[[], Iterable[Iterable[A]]]) -> Stream[A]: ...
        def __ror__(self, source: Any) -> Any: ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class shard(Same):  # noqa: N801  An operator, here because a source is divided by it.
    """Keep one of `count` parts: the elements `index`, `index + count`, `index + 2 * count`, ...

    The other elements of a range, a sequence or an array are not read.

    Parameters
    ----------
    index : int >= 0
        The index of the part, less than `count`.
    count : int > 0
        The number of parts.
    block : int > 0, default=1
        The number of consecutive elements that stay together: parts consist of whole blocks.

    Raises
    ------
    ParameterError
        If `index` is not in ``[0, count)``, or `count` or `block` is less than 1.
    ParameterTypeError
        If one of them is not an integer.

    Examples
    --------
    >>> list("abcde" | shard(1, 2)), list("abcde" | shard(0, 2, block=2))
    (['b', 'd'], ['a', 'b', 'e'])

    A part of a stream that is too short is empty:

    >>> list("a" | shard(1, 2))
    []
    """

    index: int
    count: int
    _: KW_ONLY
    block: int = 1

    closes = True
    sharding = Whole("it counts elements of the whole stream")

    def __post_init__(self) -> None:
        for name, least in (("index", 0), ("count", 1), ("block", 1)):
            object.__setattr__(self, name, errors.count(self, name, getattr(self, name), least))
        errors.require(
            self.index < self.count, self, f"index must be less than count, not {self.index}"
        )

    def __call__(self, upstream: Iterable[A], /) -> Iterator[A]:
        known = sequence(upstream)
        start, size, step = self.index * self.block, self.block, self.count * self.block
        if known is not None:
            places: Iterable[int] = range(start, len(known), step)
            if size > 1:
                places = chain.from_iterable(range(at, min(at + size, len(known))) for at in places)
            return Pass(map(known.__getitem__, places), [])
        parts = (start, False), (size, True), (step - start - size, False)
        belongs = chain.from_iterable(repeat(ours, n) for _ in count() for n, ours in parts)
        return Pass.over(upstream).then(lambda items: compress(items, belongs))

    def below(self, n: int) -> int:
        """Return the number of the first `n` elements that belong to the part."""
        rounds, rest = divmod(n, self.count * self.block)
        return rounds * self.block + min(max(rest - self.index * self.block, 0), self.block)

    def length(self, upstream: Stream[Any], /) -> Length:
        known = upstream.length
        return self.below(known) if isinstance(known, int) else known

    def shard_exact(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        if self.block != part.block:
            upstream.shard_exact(part)  # It refuses an upstream that cannot be divided.
            return upstream.then(self, part)
        index = self.index + self.count * part.index
        return upstream.shard_exact(replace(self, index=index, count=self.count * part.count))


Part: TypeAlias = shard


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Apply(Op[A, B]):
    """The step that any callable from an iterable to an iterable becomes on the right of ``|``."""

    function: Callable[[Iterable[A]], Iterable[B]]

    sharding = Whole("it may do anything")

    def __call__(self, upstream: Iterable[A], /) -> Iterator[B]:
        yield from _iterator(self.function(upstream), self)

    def check(self, upstream: Stream[Any], /) -> Iterable[Finding]:
        if gathers(self.function) and upstream.length == math.inf:
            problem = "it asks for all elements of an endless stream"
            yield Finding("error", self, problem, f"take(n) before {self}")

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
        return iter(described.then(*self.ops))

    def __repr__(self) -> str:
        if len(self.ops) == 1 and not isinstance(self.ops[0], Apply):
            return f"Pipeline({show(self.ops)})"
        # Without an operator on its left, a callable cannot be joined to the next step.
        begin = [] if self.ops and not isinstance(self.ops[0], Apply) else ["Pipeline()"]
        return " | ".join([*begin, *map(repr, self.ops)])


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Stream(StreamReadings[A]):
    """A description of a stream: a source, its arguments, and the operators that follow it.

    `stream` and ``|`` make descriptions. They are immutable, picklable and comparable. Each
    ``iter`` begins a new run (a `Pass`), independent of any other; nothing is opened, called or
    copied before its first element is asked for.

    Parameters
    ----------
    source : iterable or callable
        The source that `stream` was given; a list is frozen to a tuple.
    args : tuple
        Positional arguments for a source that is a function.
    kwargs : tuple of (str, object)
        Keyword arguments for a source that is a function, sorted by name.
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

    if TYPE_CHECKING:  # How notebooks show a stream.
        _repr_html_: ClassVar[Callable[[Stream[Any]], str]]

    def __iter__(self) -> Iterator[A]:
        if not self.ops:
            return self._begin()
        op = self.ops[-1]
        if op.closes:
            items = op(self.upstream)
            return items if isinstance(items, Pass) else Pass(items, [items])
        begun = Begun()
        items = _iterator(op(_Watched(begun, self.upstream)), op)
        return Pass(items, [begun, items])

    def _begin(self) -> Pass[A]:
        source = self.source
        if type(source) in _PLAIN:
            return Pass(iter(source), [])
        if inspect.isgeneratorfunction(source):
            items = self._call()
            return Pass(items, [items])
        if _is_function(source):
            return Pass.lazily(lambda: _iterator(self._call(), self))
        if isinstance(source, Iterator):
            return Pass(iter(source), [])
        return Pass.lazily(lambda: _iterator(source, self))

    def _call(self) -> Any:
        args = [argument(arg) if type(arg) in SEEDS else arg for arg in self.args]
        kwargs = {name: argument(arg) if type(arg) in SEEDS else arg for name, arg in self.kwargs}
        return self.source(*args, **kwargs)

    @property
    def upstream(self) -> Stream[Any]:
        """The stream before the last operator."""
        return Stream(self.source, self.args, self.kwargs, self.ops[:-1])

    def _part(self, index: int, count: int) -> Part:
        return shard(index, count)

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
            op.validate(joined)
            joined = joined.then(op)
        return joined

    def then(self, *ops: Op[Any, Any]) -> Stream[Any]:
        """Return the stream with more operators; ``|`` also checks that they fit.

        Parameters
        ----------
        *ops : Op
            The operators that come last.

        Returns
        -------
        Stream
            The longer stream.
        """
        return Stream(self.source, self.args, self.kwargs, (*self.ops, *ops))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and same(fields_of(self), fields_of(other))

    def __hash__(self) -> int:
        return hash(hash_of(fields_of(self)))


class _Watched(Stream[A]):
    """The upstream that an operator from outside is given: the runs that it begins are noted."""

    __slots__ = ("begun",)

    begun: Begun

    def __init__(self, begun: Begun, upstream: Stream[A]) -> None:
        Stream.__init__(self, *fields_of(upstream))
        object.__setattr__(self, "begun", begun)

    def __iter__(self) -> Iterator[A]:
        run = cast("Pass[A]", Stream.__iter__(self))
        self.begun.add(run)
        return run

    def __reduce__(self) -> Any:
        return Stream, fields_of(self)

    if not TYPE_CHECKING:

        @property
        def __class__(self) -> type[Stream[Any]]:
            """The class of copies: they are plain streams."""
            return Stream


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
        an iterable that can be iterated again: a range, list, tuple, str, array (its rows), another
        stream or an object whose class has a method ``__stream__``, as the documented classes do.
        A list is frozen to a tuple; elements are never copied. A mapping is a named pool: its
        values are the elements. Or a started iterator: a run continues it, and never closes it.
    *args, **kwargs
        Arguments for a callable.

    Returns
    -------
    Stream

    Raises
    ------
    ParameterTypeError
        If `source` is neither callable nor iterable, if it is an operator, or if it is not
        callable and arguments are given.

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
            f"stream({show(source)}): an operator is not a source; "
            "write the source on its left: source | " + _hint(source)
        )
    source = described(source)
    if _is_function(source):
        return Stream(source, args, tuple(sorted(kwargs.items())))
    if args or kwargs:
        raise ParameterTypeError(
            f"{show(source)} is not callable, so it takes no arguments; "
            "for its first n elements write stream(...) | take(n)"
        )
    if isinstance(source, Stream):
        return source
    if isinstance(source, Mapping):
        return Stream(Named(tuple(source), tuple(source.values())))
    if isinstance(source, list):
        return Stream(tuple(source))
    is_scalar = isinstance(source, np.ndarray) and not source.ndim
    if not is_scalar and (isinstance(source, Iterable) or hasattr(type(source), "__getitem__")):
        return Stream(source)
    raise ParameterTypeError(
        f"stream({source!r}): a source must be iterable, or a function that returns an iterable"
    )


# The types of sources whose `iter` has no effect.
_PLAIN = {range, tuple, str, bytes, np.ndarray, Named}


def _is_function(source: Any) -> bool:
    return callable(source) and not isinstance(source, Iterable)


def _iterator(items: Iterable[A], what: object) -> Iterator[A]:
    try:
        return iter(items)
    except TypeError as error:
        if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
            raise  # It is raised inside an `__iter__`, and so the user's own.
        raise DataError(
            f"gave {items!r}, which cannot be iterated; "
            "it must return an iterable or be a generator function",
            what,
        ) from error


def gathers(function: Any) -> bool:
    """Return whether a function is known to read all of an iterable before it returns."""
    return any(function is known for known in (list, tuple, set, frozenset, sorted))


def sequence(upstream: Iterable[A]) -> Sequence[A] | np.ndarray | None:
    """Return the sequence, if there is one, whose items are the elements of `upstream`."""
    if isinstance(upstream, Stream) and not upstream.ops:
        upstream = upstream.source
    if isinstance(upstream, Named):
        upstream = upstream.values
    return upstream if isinstance(upstream, Sequence | np.ndarray) else None


def _joined(ops: tuple[Op[Any, Any], ...]) -> Op[Any, Any]:
    return ops[0] if len(ops) == 1 and not isinstance(ops[0], Apply) else Pipeline(ops)


def _steps(step: Any) -> tuple[Op[Any, Any], ...]:
    if isinstance(step, Pipeline):
        return step.ops
    if isinstance(step, Op):
        kind: Any = type(step)
        if not _declares_sharding(kind):
            _check_sharding(step, step.sharding)
        return (step,)
    if isinstance(step, type) and issubclass(step, Op):
        raise ParameterTypeError(
            f"{step.__name__} is an operator without its parameters: write {_hint(step)}"
        )
    if isinstance(described(step), Stream):
        raise ParameterTypeError(
            f"{show(step)} is a stream, not a step: to join streams write [a, b] | chain()"
        )
    if callable(step):
        return (Apply(cast("Callable[[Iterable[Any]], Iterable[Any]]", step)),)
    raise ParameterTypeError(
        f"{show(step)} is not a step: write an operator, or a callable from an iterable to one"
    )


@functools.lru_cache(maxsize=256)
def _declares_sharding(kind: Any) -> bool:
    """Check the class of an operator; False if parameters decide how it is sharded."""
    parameters = vars(kind).get("__dataclass_params__")
    if parameters is None or not parameters.frozen:
        raise ParameterTypeError(
            f"{kind.__name__} is not a frozen dataclass: write "
            "@dataclass(frozen=True, slots=True, eq=False, repr=False) above its class"
        )
    if isinstance(kind.sharding, property):
        return False
    _check_sharding(kind.__name__, kind.sharding)
    return True


def _check_sharding(op: object, declared: object) -> None:
    errors.require_type(
        isinstance(declared, Sharding | Whole),
        op,
        f"sharding must be ELEMENTWISE, PER_SHARD, REGROUPS or Whole(why), not {declared!r}",
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


# The annotations of `readings` name these, and it cannot import them.
readings.__dict__.update(Op=Op, Part=Part, Stream=Stream)
