"""Readings: what can be asked of a description without running it, with the default of each."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, TypeAlias, TypeVar, cast

import numpy as np

from pescador import errors
from pescador.errors import IndivisibleError, ParameterTypeError, shortened
from pescador.rng import random_state
from pescador.seeds import SEED, Place, divided, entropy_of, filled, freeze
from pescador.values import (
    Description,
    FilledSeed,
    Named,
    Words,
    changed,
    described,
    fields_of,
    show,
)

if TYPE_CHECKING:
    from pescador.core import Op, Part, Stream

__all__ = [
    "ELEMENTWISE",
    "PER_SHARD",
    "REGROUPS",
    "Finding",
    "Length",
    "OpReadings",
    "Random",
    "Sharding",
    "StreamReadings",
    "Whole",
    "endless",
    "length_of",
    "total",
]

A = TypeVar("A")

# The number of elements of a stream: infinite, or None where it is not known.
Length: TypeAlias = int | float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem that `pescador.check` foresees.

    Parameters
    ----------
    severity : {"error", "warning"}
        The stream of an error fails, never ends or is empty; that of a warning does something else
        than its description says.
    step : object
        The operator, or the stream whose source it is.
    problem : str
        What will go wrong.
    instead : str
        What to write instead.
    stream : tuple, default=()
        The member of a pool that the step belongs to: its name or index, the outermost pool first.
    alike : int, default=0
        The number of further members of that pool with the same problem.

    Examples
    --------
    >>> print(Finding("warning", "take(5)", "there are only 3 elements", "take(3)"))
    warning: take(5): there are only 3 elements; instead: take(3)
    """

    severity: str
    step: object
    problem: str
    instead: str
    stream: tuple[Any, ...] = ()
    alike: int = 0

    def __str__(self) -> str:
        where = "".join(f" in stream {name!r}" for name in reversed(self.stream))
        more = f" and {self.alike} like it" if self.alike else ""
        return (
            f"{self.severity}: {shortened(self.step)}{where}{more}: {self.problem}; "
            f"instead: {self.instead}"
        )


class Sharding(Enum):
    """The ways in which the stream of an operator can be divided among shards.

    An operator declares one of them, or `Whole`, as its class attribute ``sharding``; or as a
    property, if its parameters decide.
    """

    ELEMENTWISE = "elementwise"
    """Output i depends on input i and on nothing else, not on i itself."""
    PER_SHARD = "per shard"
    """The outputs of all shards are, as a multiset, those of the whole stream."""
    REGROUPS = "regroups"
    """Each shard gathers its own: every input is in one output, but groups are cut otherwise."""

    def __repr__(self) -> str:
        return self.name


ELEMENTWISE, PER_SHARD, REGROUPS = Sharding


class Whole(NamedTuple):
    """The declaration of an operator that cannot be divided among shards.

    Parameters
    ----------
    why : str
        The reason, as a clause whose subject is the operator.
    instead : str, optional
        What to write instead.

    Examples
    --------
    >>> Whole("it counts elements of the whole stream").instead
    'put it after what divides the stream'
    """

    why: str
    instead: str = "put it after what divides the stream"


class OpReadings(Description):
    """The readings of an operator: each has a default that follows from its `sharding`."""

    __slots__ = ()

    sharding: Sharding | Whole = Whole(
        "its outputs for the whole stream do not follow from its shards"
    )

    def validate(self, upstream: Stream[Any], /) -> None:
        """Refuse an upstream that can never fit.

        It is called where the pipeline is written, by ``|``. The default refuses nothing.

        Parameters
        ----------
        upstream : Stream
            The description of the stream before the operator.

        Raises
        ------
        ParameterError, ParameterTypeError
            If the upstream does not fit.
        """

    def length(self, upstream: Stream[Any], /) -> Length:
        """Return the number of elements of a run.

        The default is the length of the upstream for an elementwise operator, else None.

        Parameters
        ----------
        upstream : Stream
            The description of the stream before the operator.

        Returns
        -------
        int, math.inf or None
            The length; None where it does not follow from the descriptions.
        """
        return upstream.length if self.sharding is ELEMENTWISE else None

    def restarts(self, upstream: Stream[Any], /) -> bool:
        """Return whether the stream restarts for ever, unless it is empty.

        The default is that of the upstream, unless the operator is `Whole`.

        Parameters
        ----------
        upstream : Stream
            The description of the stream before the operator.

        Returns
        -------
        bool
            True if it does.
        """
        return not isinstance(self.sharding, Whole) and upstream.restarts

    def shard_exact(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        """Return the stream of exactly the elements that belong to `part`.

        The default divides the upstream of an elementwise operator.

        Parameters
        ----------
        upstream : Stream
            The description of the stream before the operator.
        part : shard
            The shard: its index, the number of shards, and the size of its blocks.

        Returns
        -------
        Stream
            The shard of ``upstream | self``.

        Raises
        ------
        IndivisibleError
            If it is not known in advance which elements these are.
        """
        if self.sharding is ELEMENTWISE:
            return upstream.shard_exact(part).then(self)  # type: ignore[arg-type]
        raise self._indivisible()

    def shard_any(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        """Return one stream of a partition of the elements into ``part.count`` streams.

        Which element belongs to which of them is left to the operator. The default divides the
        upstream, unless the operator is `Whole`.

        Parameters
        ----------
        upstream : Stream
            The description of the stream before the operator.
        part : shard
            The shard: its index and the number of shards.

        Returns
        -------
        Stream
            The shard of ``upstream | self``.

        Raises
        ------
        IndivisibleError
            If the operator cannot be divided.
        """
        if not isinstance(self.sharding, Whole):
            return upstream.shard_any(part).then(self)  # type: ignore[arg-type]
        try:
            return self.shard_exact(upstream, part)
        except IndivisibleError:
            upstream.shard_any(part)  # The upstream's own reason, if it has one, is the better one.
            raise self._indivisible() from None

    def _indivisible(self) -> IndivisibleError:
        reason = self.sharding
        if not isinstance(reason, Whole):
            reason = Whole("which elements belong to a shard is known only while it runs")
        return IndivisibleError(f"{self} cannot be divided: {reason.why}; {reason.instead}")

    def seed(self, place: Place, /) -> Self:
        """Return the operator with the seeds that it lacks.

        The default has none; `Random` fills in `random_state`.

        Parameters
        ----------
        place : Place
            Where the operator is; ``place.words()`` is the seed of this place.

        Returns
        -------
        Op
            The seeded operator.
        """
        return self

    @property
    def seeded(self) -> bool | None:
        """Whether the random draws of the operator have a seed; None if it draws nothing."""
        return None

    @property
    def seeds_upstream(self) -> bool:
        """Whether the operator seeds its upstream, or the members of its pool, at each start."""
        return False

    @property
    def takes_over_seeding(self) -> bool:
        """Whether the operator seeds its upstream instead of `Stream.seed`, with its own seed."""
        return False

    @property
    def known_as(self) -> str | None:
        """The name that `Stream.seed` knows the operator by; None for its kind and place."""
        return None

    @property
    def runs_in(self) -> str:
        """Where the upstream runs, if not where the operator does: "a thread", "2 processes"."""
        return ""

    def check(self, upstream: Stream[Any], /) -> Iterable[Finding]:
        """Return what will go wrong with the operator, as far as the descriptions tell.

        Parameters
        ----------
        upstream : Stream
            The description of the stream before the operator.

        Returns
        -------
        iterable of Finding
            The problems; the default finds none.
        """
        return ()


class Random(OpReadings):
    """The base of an operator that draws at random.

    An operator derives from `Random` and from `Op` or `Same`, in this order, and declares the
    field ``random_state: Any = None``, and ``name: str | None = None`` if `Stream.seed` is to know
    it by name. Each run draws from a `generator` of its own. `Random` refuses values that cannot be
    a seed, lets `Stream.seed` fill in the field, and divides the seed among shards, so that no two
    of them draw the same.

    Raises
    ------
    TypeError
        If a subclass does not declare the field `random_state`.
    ParameterError, ParameterTypeError
        If `random_state` cannot be a seed, or `name` is neither a str nor None.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from typing import Any
    >>> from pescador import Same
    >>> @dataclass(frozen=True, slots=True, eq=False, repr=False)
    ... class thin(Random, Same):
    ...     random_state: Any = None
    ...
    ...     def __call__(self, upstream):
    ...         draws = self.generator()
    ...         return (item for item in upstream if draws.random_sample() < 0.5)
    >>> list(range(9) | thin(0)), (range(9) | thin()).seed(7).ops[0].seeded
    ([4, 6], True)
    >>> thin(-1)
    Traceback (most recent call last):
    ...
    pescador.errors.ParameterError: thin(random_state=-1): random_state must lie in 0 .. ...
    """

    __slots__ = ()

    random_state: Any = None
    name: str | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        others = (base for base in cls.__mro__ if base is not Random)
        if not any("random_state" in inspect.get_annotations(base) for base in others):
            raise TypeError(
                f"{cls.__name__} derives from Random and must declare the field "
                "random_state: Any = None"
            )

    def __post_init__(self) -> None:
        object.__setattr__(self, "random_state", freeze(self, self.random_state))
        errors.name(self, self.name)

    def seed(self, place: Place, /) -> Self:
        return filled(self, random_state=place)

    @property
    def known_as(self) -> str | None:
        return self.name

    @property
    def seeded(self) -> bool | None:
        return self.random_state is not None

    def generator(self) -> np.random.RandomState:
        """Return a generator for one run, at the start of the sequence of `random_state`.

        Returns
        -------
        numpy.random.RandomState
            The generator; where `random_state` is None, ``np.random.seed`` decides its seed.
        """
        return random_state(self.random_state)

    def shard_any(self, upstream: Stream[Any], part: Part, /) -> Stream[Any]:
        if isinstance(self.sharding, Whole):
            return super().shard_any(upstream, part)
        seed = divided(self.random_state, part.index, part.count)
        step: Any = changed(self, random_state=seed)
        return upstream.shard_any(part).then(step)


class StreamReadings(Description, Generic[A]):
    """The readings of a stream: each asks the last operator, and in the end the source."""

    __slots__ = ()

    if TYPE_CHECKING:
        source: Any
        args: tuple[Any, ...]
        kwargs: tuple[tuple[str, Any], ...]
        ops: tuple[Op[Any, Any], ...]

        @property
        def upstream(self) -> Stream[Any]: ...
        def then(self, *ops: Op[Any, Any]) -> Stream[Any]: ...
        def _part(self, index: int, count: int) -> Part: ...

    @property
    def length(self) -> Length:
        """The number of elements of a run: an int, ``math.inf``, or None where it is not known.

        It follows from the description alone; nothing is run.

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
    def restarts(self) -> bool:
        """Whether the stream restarts for ever, unless it is empty."""
        return bool(self.ops) and self.ops[-1].restarts(self.upstream)

    def __len__(self) -> int:
        length = self.length
        if isinstance(length, int):
            return length
        # Only the last step is shown, for list() and tuple() ask for a length each time.
        last = self.ops[-1] if self.ops else f"stream({show(self.source)})"
        known = "unknown" if length is None else "infinite"
        raise ParameterTypeError(f"{last} has no len(): its length is {known}")

    def __bool__(self) -> bool:
        return True

    def seed(self, *entropy: int | str) -> Stream[A]:
        """Return the stream with a seed wherever one is wanted and none is given.

        The seed of an operator depends on `entropy` and on its place by name: its own ``name=``,
        or else its kind and the number of operators of that kind before it. So other operators
        may come and go. The members of a pool are seeded by key or index, again at each
        activation; a `SEED` among the arguments of a source by its place there. Seeds that are
        given stay.

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
            If the entropy is of another type.

        Notes
        -----
        Seeds are words of ``numpy.random.SeedSequence(entropy, spawn_key=place)``.

        Examples
        --------
        >>> from pescador.ops import shuffle
        >>> mixed = range(5) | shuffle(5)
        >>> list(mixed.seed(7, 0)) == list(mixed.seed(7, 0))
        True
        >>> mixed.seed(7, 0)
        (stream(range(0, 5)) | shuffle(5)).seed(7, 0)
        """
        place = Place(entropy_of(self, entropy))
        ops: list[Op[Any, Any]] = []
        seen: Counter[tuple[str, str]] = Counter()
        first = 0  # The steps before this one are seeded by an operator, each time it starts them.
        for index, op in enumerate(self.ops):
            kind = ("kind", type(op).__name__)
            known_as = ("name", op.known_as) if op.known_as else kind
            ops.append(op.seed(place.at(*known_as, seen[known_as])))
            seen.update({kind, known_as})
            if op.takes_over_seeding:
                first = index
        ops[:first] = self.ops[:first]
        if any(op.takes_over_seeding for op in ops):
            return self._with(ops=tuple(ops))
        return self._with(
            args=tuple(place.fill(arg, i) for i, arg in enumerate(self.args)),
            kwargs=tuple((name, place.fill(arg, name)) for name, arg in self.kwargs),
            ops=tuple(ops),
        )

    def _with(self, **changes: Any) -> Stream[A]:
        return changed(cast("Stream[A]", self), **changes)

    def shard(self, index: int, count: int) -> Stream[A]:
        """Return the part of worker or rank `index` of `count`; every element is in one part.

        Elements are divided by place if that is possible, or else a pool member by member.

        Parameters
        ----------
        index : int >= 0
            The index of the part, less than `count`.
        count : int > 0
            The number of parts.

        Returns
        -------
        Stream
            The part.

        Raises
        ------
        IndivisibleError
            If an operator cannot be divided without changing what it means.
        ParameterError, ParameterTypeError
            If `index` or `count` is out of range or not an integer.

        Examples
        --------
        >>> from pescador.ops import batch
        >>> batches = range(6) | batch(2)
        >>> batches.shard(1, 2)
        stream(range(0, 6)) | shard(1, 2, block=2) | batch(2)
        """
        part = self._part(index, count)
        if count == 1:
            return cast("Stream[A]", self)
        try:
            return self.shard_exact(part)
        except IndivisibleError:
            return self.shard_any(part)

    def shard_exact(self, part: Part) -> Stream[A]:
        """Return the stream of exactly the elements that belong to `part`.

        Parameters
        ----------
        part : shard
            The shard: its index, the number of shards, and the size of its blocks.

        Returns
        -------
        Stream
            The shard.

        Raises
        ------
        IndivisibleError
            If an operator cannot tell in advance which elements these are.
        """
        if self.ops:
            return self.ops[-1].shard_exact(self.upstream, part)
        if isinstance(self.source, Iterator):
            raise IndivisibleError(
                f"{self} cannot be divided: it is a started iterator, which yields each element "
                "once; pass the function that makes it"
            )
        return self.then(part)

    def shard_any(self, part: Part) -> Stream[A]:
        """Return one stream of a partition of the elements into ``part.count`` streams.

        Which element belongs to which of them is not specified.

        Parameters
        ----------
        part : shard
            The shard: its index and the number of shards.

        Returns
        -------
        Stream
            The shard.

        Raises
        ------
        IndivisibleError
            If an operator cannot be divided without changing what it means.
        """
        return self.ops[-1].shard_any(self.upstream, part) if self.ops else self.shard_exact(part)

    @property
    def names(self) -> tuple[Any, ...] | None:
        """The names of the pool's members, if the source is a mapping; else None.

        Names survive elementwise operators.
        """
        if not isinstance(self.source, Named):
            return None
        elementwise = all(op.sharding is ELEMENTWISE for op in self.ops)
        return self.source.names if elementwise else None

    def __repr__(self) -> str:
        arguments = [show(self.source), *map(show, self.args)]
        arguments += [f"{name}={show(value)}" for name, value in self.kwargs]
        steps = [f"stream({', '.join(arguments)})", *map(repr, self.ops)]
        written = " | ".join(steps)
        if any(map(_hides, self.ops)):
            return f"<{written}, a shard of it>"
        seeds = self._seeds()
        if not seeds:
            return written
        shown = ""
        twin = self._with(
            args=tuple(map(_without_seed, self.args)),
            kwargs=tuple((name, _without_seed(value)) for name, value in self.kwargs),
            ops=(),
        )
        for n, step in enumerate(steps):
            shown = f"{shown} | {step}" if n else step
            twin = twin.then(*map(_without_seed, self.ops[max(n - 1, 0) : n]))
            for entropy in (known for known, last in seeds.items() if last == n):
                twin = twin.seed(*entropy)
                shown = f"({shown})" if n else shown
                shown += f".seed({', '.join(map(repr, entropy))})"
        return shown if twin == self else f"<{written}, each with its seed>"

    def _seeds(self) -> dict[tuple[int | str, ...], int]:
        """Find the entropies of the seeds filled in, and the last step with a seed of each."""
        arguments = (*self.args, *dict(self.kwargs).values())
        found = {value.entropy: 0 for value in arguments if isinstance(value, FilledSeed)}
        for n, op in enumerate(self.ops, 1):
            found |= {value.entropy: n for value in fields_of(op) if isinstance(value, Words)}
        return found


def _without_seed(value: Any) -> Any:
    """Undo what `Stream.seed` filled in: of an argument of a source, or of an operator."""
    if isinstance(value, FilledSeed):
        return SEED
    if not isinstance(value, OpReadings):
        return value
    bare = {
        field.name: None if field.default is dataclasses.MISSING else field.default
        for field in dataclasses.fields(value)  # type: ignore[arg-type]
        if isinstance(getattr(value, field.name), Words)
    }
    return changed(value, **bare)


def _hides(op: Op[Any, Any]) -> bool:
    """Return whether an operator holds what neither its parameters nor `Stream.seed` gave it."""
    return any(
        getattr(op, field.name) != field.default and not isinstance(getattr(op, field.name), Words)
        for field in dataclasses.fields(op)  # type: ignore[arg-type]
        if not field.init
    )


def length_of(source: Any) -> Length:
    """Return the number of elements of a source, or of a member of a pool."""
    source = described(source)
    if isinstance(source, StreamReadings):
        return source.length
    if isinstance(source, range):  # len() of a range fails above the largest index.
        return max(0, -((source.start - source.stop) // source.step))
    known = isinstance(source, Sequence | AbstractSet | Mapping | np.ndarray | Named)
    return len(source) if known else None


def total(lengths: Iterable[Length]) -> Length:
    """Return the number of elements of streams of these lengths together."""
    known: int | float = 0
    for length in lengths:
        if length is None:
            return None
        known += length
    return known


def endless(lengths: Iterable[Length]) -> Length:
    """Return the length of streams that restart for as long as one of them has elements."""
    known = total(lengths)
    return math.inf if known else known
