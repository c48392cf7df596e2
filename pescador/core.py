"""The algebra: what a stream is, what an operator is, and how ``|`` joins them."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain, compress, count, repeat
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    ParamSpec,
    Self,
    TypeAlias,
    TypeVar,
    cast,
    overload,
)

import numpy as np

from pescador import errors
from pescador.errors import DataError, Finding, IndivisibleError, ParameterTypeError
from pescador.running import Pass
from pescador.seeding import SEED, Place, entropy_of
from pescador.values import call, fields_of, hash_of, same, show

__all__ = ["Join", "Op", "Pipeline", "Same", "Stream", "sequence", "stream"]

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
P = ParamSpec("P")

# Of a stream: infinite, or None where nothing can be known.
Length: TypeAlias = int | float | None


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

    # How a stream is divided: `exact` where each element comes of the one at its place upstream;
    # `dealt` where the parts of the upstream, however dealt out, give the parts of the whole.
    exact: ClassVar[bool] = False
    dealt: ClassVar[bool] = False
    # Why it cannot be divided, and what to write instead.
    indivisible: ClassVar[str] = (
        "what it does with the whole cannot be told of the parts; "
        "put it after what divides the stream"
    )

    def accept(self, upstream: Stream[Any], /) -> None:
        """Refuse, where the pipeline is written, an upstream that can never fit."""

    def length(self, upstream: Stream[Any], /) -> Length:
        """How many elements it gives: an int, ``math.inf``, or None where nothing can be known."""
        return upstream.length if self.exact else None

    def recurs(self, upstream: Stream[Any], /) -> bool:
        """Whether it begins again for as long as there is anything to give."""
        return (self.exact or self.dealt) and upstream.recurs

    def seed(self, place: Place, /) -> Self:
        """The same operator, with what seed it lacks."""
        return self

    def split(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        """Exactly the elements of `part`."""
        if self.exact:
            return upstream.split(part).then(self)
        raise IndivisibleError(f"{self} cannot be divided: {self.indivisible}")

    def deal(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        """As many parts, of which every element is in one."""
        if self.exact or self.dealt:
            return upstream.deal(part).then(self)
        try:
            return self.split(upstream, part)
        except IndivisibleError:
            upstream.deal(part)  # Its own reason, where it has one, comes first.
            raise IndivisibleError(f"{self} cannot be divided: {self.indivisible}") from None

    @property
    def seeded(self) -> bool | None:
        """Whether its random draws have a seed; None where it draws nothing."""
        missing = object()
        seed = getattr(self, "random_state", missing)
        return None if seed is missing else seed is not None

    @property
    def reseeds(self) -> bool:
        """Whether it seeds what it begins: streams of its pool, or rounds of its upstream."""
        return False

    @property
    def elsewhere(self) -> str:
        """Where its upstream runs, if not where it does: "a thread", "2 processes"."""
        return ""

    def check(self, upstream: Stream[Any], /) -> Iterable[Finding]:
        """What will go wrong with it, as far as the description tells."""
        return ()

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
        def __or__(self, other: Any) -> Any: ...  # pyright: ignore[reportIncompatibleMethodOverride]

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
    """One of `count` parts: the elements `index`, `index + count`, `index + 2 * count`, ...

    Where the source is a range, a sequence or an array, the others are not read.

    Parameters
    ----------
    index : int >= 0
        Which part, less than `count`.
    count : int > 0
        How many parts there are.
    block : int > 0, default=1
        How many elements in a row stay together: the parts are of blocks, as of elements above.

    Raises
    ------
    ParameterError
        If `index` is not in ``[0, count)``, or `count` or `block` is less than 1.
    ParameterTypeError
        If one of them is no integer.

    Examples
    --------
    >>> list("abcde" | shard(1, 2)), list("abcde" | shard(0, 2, block=2))
    (['b', 'd'], ['a', 'b', 'e'])
    """

    index: int
    count: int
    block: int = 1

    indivisible = "it counts elements of the whole; put it after what divides the stream"

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
        """How many of the first `n` elements belong to the part."""
        rounds, rest = divmod(n, self.count * self.block)
        return rounds * self.block + min(max(rest - self.index * self.block, 0), self.block)

    def length(self, upstream: Stream[Any], /) -> Length:
        known = upstream.length
        return self.below(known) if isinstance(known, int) else known

    def split(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        if self.block != part.block:
            upstream.split(part)  # Refuses what cannot be divided.
            return upstream.then(self, part)
        index = self.index + self.count * part.index
        return upstream.split(replace(self, index=index, count=self.count * part.count))


Part: TypeAlias = shard


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Apply(Op[A, B]):
    """Any callable from an iterable to an iterable, as it stands on the right of ``|``."""

    function: Callable[[Iterable[A]], Iterable[B]]

    indivisible = "it may do anything; put it after what divides the stream"

    def __call__(self, upstream: Iterable[A], /) -> Iterator[B]:
        # A generator, so that closing it lets go of the upstream wherever the callable holds it.
        yield from _iterator(self.function(upstream), self)

    def check(self, upstream: Stream[Any], /) -> Iterable[Finding]:
        if gathers(self.function) and upstream.length == math.inf:
            problem = "it asks for all elements, which have no end"
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
        # Two callables, or a callable and an operator, are no pipeline if nothing is on their left.
        begin = [] if self.ops and not isinstance(self.ops[0], Apply) else ["Pipeline()"]
        return " | ".join([*begin, *map(repr, self.ops)])


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

    # How notebooks show it.
    _repr_html_: ClassVar[Callable[[Stream[Any]], str]]

    def __iter__(self) -> Iterator[A]:
        if not self.ops:
            return self._begin()
        items = self.ops[-1](self.upstream)
        return items if isinstance(items, Pass) else Pass(items, [items])

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
        args = [None if arg is SEED else arg for arg in self.args]
        kwargs = {name: None if arg is SEED else arg for name, arg in self.kwargs}
        return self.source(*args, **kwargs)

    @property
    def upstream(self) -> Stream[Any]:
        """The stream before the last operator."""
        return Stream(self.source, self.args, self.kwargs, self.ops[:-1])

    @property
    def length(self) -> Length:
        """How many elements a run gives: an int, ``math.inf``, or None where it is not known.

        It is told by the description alone; nothing is run.

        Examples
        --------
        >>> from pescador.ops import batch, cycle
        >>> (range(10) | batch(3)).length, (range(10) | cycle()).length
        (3, inf)
        """
        if self.ops:
            return self.ops[-1].length(self.upstream)
        return length_of(self.source)

    @property
    def recurs(self) -> bool:
        """Whether it begins again for as long as there is anything to give."""
        return bool(self.ops) and self.ops[-1].recurs(self.upstream)

    def __len__(self) -> int:
        length = self.length
        if isinstance(length, int):
            return length
        # Not all of the stream is shown, for list() and tuple() ask for a length each time.
        last = self.ops[-1] if self.ops else f"stream({show(self.source)})"
        known = "unknown" if length is None else "infinite"
        raise ParameterTypeError(f"{last} has no len(): its length is {known}")

    def __bool__(self) -> bool:
        return True

    def seed(self, *entropy: int | str) -> Stream[A]:
        """The same stream, with a seed wherever one is wanted and none is given.

        An operator's seed depends on `entropy` and on its place by name: its own ``name=``, or
        else its kind and how many of that kind stand before it. So other operators may come and
        go. The streams of a pool are seeded by key or index, anew at each activation; a `SEED`
        among the arguments of a source by its place there. What has a seed keeps it.

        Parameters
        ----------
        *entropy : int >= 0 or str
            For instance a seed and an epoch: ``s.seed(7, epoch)``.

        Returns
        -------
        Stream
            The seeded stream.

        Raises
        ------
        ParameterError
            If there is no entropy, or a negative number.
        ParameterTypeError
            If it is of another type.

        Notes
        -----
        Seeds are words of ``numpy.random.SeedSequence(entropy, spawn_key=place)``.

        Examples
        --------
        >>> from pescador.ops import shuffle
        >>> mixed = range(5) | shuffle(5)
        >>> list(mixed.seed(7, 0)) == list(mixed.seed(7, 0))
        True
        """
        place = Place(entropy_of(self, entropy))
        ops: list[Op[Any, Any]] = []
        seen: Counter[tuple[str, str]] = Counter()
        for op in self.ops:
            kind, name = ("kind", type(op).__name__), getattr(op, "name", None)
            known_as = ("name", name) if name else kind
            ops.append(op.seed(place.at(*known_as, seen[known_as])))
            seen.update({kind, known_as})
            if getattr(op, "reseed", False):  # It seeds what comes before, at each round.
                ops[:-1] = self.ops[: len(ops) - 1]
        if any(getattr(op, "reseed", False) for op in ops):
            return replace(self, ops=tuple(ops))
        return replace(
            self,
            args=tuple(place.fill(arg, i) for i, arg in enumerate(self.args)),
            kwargs=tuple((name, place.fill(arg, name)) for name, arg in self.kwargs),
            ops=tuple(ops),
        )

    def shard(self, index: int, count: int) -> Stream[A]:
        """The part of worker or rank `index` of `count`; every element is in one part.

        Elements are dealt out by place where that is possible, and else a pool stream by stream.

        Parameters
        ----------
        index : int >= 0
            Which part, less than `count`.
        count : int > 0
            How many parts there are.

        Returns
        -------
        Stream
            The part.

        Raises
        ------
        IndivisibleError
            If an operator cannot be divided without changing what it means.
        ParameterError, ParameterTypeError
            If `index` or `count` is out of range or no integer.

        Examples
        --------
        >>> from pescador.ops import batch
        >>> batches = range(6) | batch(2)
        >>> batches.shard(1, 2)
        stream(range(0, 6)) | shard(1, 2, block=2) | batch(2)
        """
        part = shard(index, count)
        if count == 1:
            return self
        try:
            return self.split(part)
        except IndivisibleError:
            return self.deal(part)

    def split(self, part: Part) -> Stream[A]:
        """Exactly the elements of `part`.

        Parameters
        ----------
        part : shard
            Which part, of how many, in blocks of which size.

        Returns
        -------
        Stream
            The part.

        Raises
        ------
        IndivisibleError
            If an operator cannot tell which elements these are.
        """
        if self.ops:
            return self.ops[-1].split(self.upstream, part)
        if isinstance(self.source, Iterator):
            raise IndivisibleError(
                f"{self} cannot be divided: it is started already, and gives each element once; "
                "pass the function that makes it"
            )
        return self.then(part)

    def deal(self, part: Part) -> Stream[A]:
        """One of as many parts, of which every element is in one; how they are dealt out is free.

        Parameters
        ----------
        part : shard
            Which part, of how many.

        Returns
        -------
        Stream
            The part.

        Raises
        ------
        IndivisibleError
            If an operator cannot be divided without changing what it means.
        """
        return self.ops[-1].deal(self.upstream, part) if self.ops else self.split(part)

    @property
    def names(self) -> tuple[Any, ...] | None:
        """The names of the pool's streams, where the source is a mapping; else None.

        They last through operators that give one element for each.
        """
        lasting = isinstance(self.source, Named) and all(op.exact for op in self.ops)
        return self.source.names if lasting else None

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
            joined = joined.then(op)
        return joined

    def then(self, *ops: Op[Any, Any]) -> Stream[Any]:
        """The stream with more operators on its way; ``|`` also looks whether they fit.

        Parameters
        ----------
        *ops : Op
            What comes last.

        Returns
        -------
        Stream
            The longer stream.
        """
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


# What iterating touches nothing of.
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
    """Whether it is known to read all of an iterable before it returns."""
    return any(function is known for known in (list, tuple, set, frozenset, sorted))


def length_of(source: Any) -> Length:
    """How many elements a source gives, or anything else that can stand for a stream."""
    described = getattr(source, "stream", source)
    if isinstance(described, Stream):
        return described.length
    if isinstance(source, range):  # len() ends where an index of the machine does.
        return max(0, -((source.start - source.stop) // source.step))
    known = isinstance(source, Sequence | AbstractSet | Mapping | np.ndarray | Named)
    return len(source) if known else None


def sequence(upstream: Iterable[A]) -> Sequence[A] | np.ndarray | None:
    """The sequence that `upstream` runs over one by one, where it has one: it can be indexed."""
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
        return (Apply(cast("Callable[[Iterable[Any]], Iterable[Any]]", step)),)
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
