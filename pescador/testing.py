"""The laws that streams and operators obey, to hold one's own to them."""

from __future__ import annotations

import functools
import math
import pickle
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import numpy as np

from pescador import ops
from pescador.core import Join, Op, Pipeline, Same, Stream, stream
from pescador.errors import count, require
from pescador.values import fields_of, same

__all__ = ["LAWS", "Probe", "alike", "assert_lawful"]


class Probe:
    """A source that records what is done to it.

    Parameters
    ----------
    items : iterable
        The elements of each run.
    error : Exception, optional
        What to raise after the last element.
    kept : bool, default=False
        Whether to keep hold of the runs, so that nothing but ``close`` can end one early. Without
        it a run ends as well when the last reference to it is gone.

    Attributes
    ----------
    runs : int
        How many times it was iterated.
    read : int
        How many elements were read, in all runs together.
    live : int
        How many runs were begun and have not yet ended, by themselves or by being closed.

    Examples
    --------
    >>> from pescador.ops import take
    >>> probe = Probe("abc", kept=True)
    >>> run = iter(probe | take(2))
    >>> next(run), probe.runs, probe.read, probe.live
    ('a', 1, 1, 1)
    >>> run.close()
    >>> probe.live
    0
    """

    def __init__(
        self, items: Iterable[Any], error: Exception | None = None, *, kept: bool = False
    ) -> None:
        self.items = items
        self.error = error
        self.runs = 0
        self.read = 0
        self.live = 0
        self._kept: list[Iterator[Any]] | None = [] if kept else None

    def __iter__(self) -> Iterator[Any]:
        self.runs += 1
        run = self._run()
        if self._kept is not None:
            self._kept.append(run)
        return run

    def _run(self) -> Iterator[Any]:
        self.live += 1
        try:
            for item in self.items:
                self.read += 1
                yield item
            if self.error is not None:
                raise self.error
        finally:
            self.live -= 1

    def __repr__(self) -> str:
        return f"Probe({self.items!r})"


def alike(one: Any, other: Any) -> bool:
    """Whether two elements are the same in structure, types and values.

    Arrays are compared with their dtypes and shapes, bit by bit, so that NaN is like NaN; lists,
    tuples and mappings (their order included) part by part; the rest by ``==``.

    Parameters
    ----------
    one, other : object
        The elements, or lists of them.

    Returns
    -------
    bool
        Whether they are.

    Examples
    --------
    >>> import numpy as np
    >>> alike({"x": np.arange(3)}, {"x": np.arange(3)})
    True
    >>> alike({"x": np.arange(3)}, {"x": np.arange(3.0)})
    False
    """
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray | np.generic):
        one, other = np.asarray(one), np.asarray(other)
        if one.dtype != other.dtype or one.shape != other.shape:
            return False
        if one.dtype.names:  # What is between the fields is no value.
            return all(alike(one[name], other[name]) for name in one.dtype.names)
        if one.dtype.hasobject:
            return alike(one.tolist(), other.tolist())
        return bool(one.tobytes() == other.tobytes())
    if isinstance(one, Mapping):
        return alike([*one], [*other]) and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    return same(one, other)


def assert_lawful(
    subject: Any,
    upstream: Any = None,
    *,
    laws: Collection[str] | None = None,
    reads: Callable[[int], int] | None = None,
    most: int = 20,
    names: Mapping[str, Any] | None = None,
) -> None:
    """Hold an operator, a pipeline or a stream to the laws.

    purity
        Two runs give the same elements, one after the other and in turns. So an operator that
        draws at random is to be given a seed.
    associativity
        ``(s | f) | g == s | (f | g)``, as values and in their elements; ``Pipeline()`` changes
        nothing; and ``f(s)`` gives what ``s | f`` gives.
    post
        It survives pickle with the same elements, equal and with an equal hash (where it holds no
        arrays, which are compared by identity); and so does what its repr evaluates to, unless
        that shows in angle brackets what cannot be written.
    laziness
        Describing, printing, comparing, hashing and ``iter`` touch no source.
    demand
        No more of the upstream is read than is needed.
    release
        A run that ends, and a consumer that leaves early, by ``close``, by letting go of the run
        or by an exception, leave no run of a source open, and no file.

    Parameters
    ----------
    subject : Op, Pipeline, Stream, or what `stream` takes
        What to hold to the laws. Of what is no operator, only those that do not speak of an
        upstream are asked. A function that is meant as a step is written ``Pipeline() | f``.
    upstream : iterable or mapping, optional
        A sample for an operator, finite and of elements that fit it; of a pool, the streams. By
        default the numbers 0 to 8, or a pool of three streams of them.
    laws : collection of str, optional
        Which of `LAWS` to hold it to; by default all.
    reads : callable, optional
        From k to how many elements may have been read when the operator was asked for an element
        k times; of a pool, how many of all its streams. By default a read must be able to make a
        difference to what the operator answers, had other elements of the sample come from there
        on, or none; and of a pool one element is read for each that is asked for. An operator that
        draws from a buffer may read by its nature what it does not need, and has to say how much.
    most : int > 0, default=20
        How many elements are looked at.
    names : mapping of str to object, optional
        What the repr refers to, beyond pescador's names and those of the modules of the operators
        and of the functions that they are given.

    Raises
    ------
    AssertionError
        If a law is broken: it says which, by what, and on which example.

    See Also
    --------
    Probe : a source that records what is done to it.

    Examples
    --------
    >>> from pescador.ops import batch, map
    >>> assert_lawful(batch(2) | map(len))
    >>> assert_lawful(map(lambda n: n + 1))
    Traceback (most recent call last):
    ...
    AssertionError: post: map(<lambda> at ...) over [0, 1, ...]: it cannot be pickled: ...
    """
    require(
        laws is None or {*laws} <= {*LAWS},
        "assert_lawful()",
        f"laws must be among {', '.join(LAWS)}, not {laws!r}",
    )
    if isinstance(subject, Op):
        pool = _takes_pool(subject)
        default = (range(3), range(3, 6), range(6, 9)) if pool else range(9)
        sample = _sample(default if upstream is None else upstream, pool=pool)
    else:
        subject, pool, sample = stream(subject), False, []
    most = count("assert_lawful()", "most", most)
    trial = _Trial(subject, pool, sample, reads, most, names or {})
    for law in LAWS if laws is None else laws:
        _CHECKS[law](trial)


def _takes_pool(subject: Op[Any, Any]) -> bool:
    steps = subject.ops if isinstance(subject, Pipeline) else (subject,)
    return isinstance(next((op for op in steps if not isinstance(op, Same)), None), Join)


def _sample(upstream: Any, *, pool: bool) -> Any:
    """What is given, as a list; a pool as a list of lists, or as a dict of them by name."""
    described: Stream[Any] = stream(upstream)
    if not pool:
        return [*described]
    members = [[*stream(member)] for member in described]
    return dict(zip(described.names, members, strict=True)) if described.names else members


@dataclass(frozen=True, slots=True)
class _Trial:
    """What is held to the laws, with what it takes."""

    subject: Any
    pool: bool
    sample: Any
    reads: Callable[[int], int] | None
    most: int
    names: Mapping[str, Any]

    def over(self, upstream: Any, subject: Any = None) -> Stream[Any]:
        """The subject, or a twin of it, over an upstream if it takes one."""
        step = self.subject if subject is None else subject
        return step if isinstance(step, Stream) else stream(upstream) | step

    def gives(self, described: Iterable[Any], most: int | None = None) -> list[Any]:
        """The first elements, each as it was when it came; the run is then let go of."""
        return [*map(_snapshot, islice(described, self.most if most is None else most))]

    def outcome(self, described: Iterable[Any], most: int | None = None) -> list[Any] | Exception:
        """What it gives, or the exception that it ends with."""
        try:
            return self.gives(described, most)
        except Exception as error:  # noqa: BLE001  It may be the operator's, or the upstream's.
            return error

    def probed(self, failing: int | None = None) -> _Probed:
        """The subject over probes. What the upstream has at `failing` raises an exception."""
        if isinstance(self.subject, Stream):
            return _Probed(self.subject, [])
        error = RuntimeError("raised by the upstream, as a trial")
        if not self.pool:
            probe = Probe(self.sample[:failing], error if failing is not None else None)
            return _Probed(self.over(probe), [probe])
        probes = [
            Probe(member, error if place == failing else None)
            for place, member in enumerate(stream(self.sample))
        ]
        if isinstance(self.sample, Mapping):
            return _Probed(self.over(dict(zip(self.sample, probes, strict=True))), probes)
        pool = Probe(probes)
        return _Probed(self.over(pool), probes, [pool])

    def hold(self, condition: object, law: str, problem: str) -> None:
        if not condition:
            example = f" over {self.sample!r:.300}" if isinstance(self.subject, Op) else ""
            raise AssertionError(f"{law}: {self.subject!r:.300}{example}: {problem}")


@dataclass(frozen=True, slots=True)
class _Probed:
    """A stream over probes: of its upstream, or of the streams of a pool, and of the pool."""

    stream: Stream[Any]
    probes: list[Probe]
    pool: list[Probe] = field(default_factory=list)

    @property
    def read(self) -> int:
        return sum(probe.read for probe in self.probes)

    @property
    def runs(self) -> int:
        return sum(probe.runs for probe in self.probes + self.pool)

    @property
    def live(self) -> int:
        return sum(probe.live for probe in self.probes + self.pool)


def _snapshot(element: Any) -> Any:
    if isinstance(element, np.ndarray):
        return element.copy()
    if isinstance(element, Mapping):
        return {key: _snapshot(value) for key, value in element.items()}
    if isinstance(element, list | tuple):
        return [*map(_snapshot, element)]
    return element


def _purity(trial: _Trial) -> None:
    described = trial.over(trial.sample)
    shown = repr(described)
    first, again = trial.gives(described), trial.gives(described)
    trial.hold(alike(first, again), "purity", f"one run gave {first}, the next {again}")
    one, other = iter(described), iter(described)
    turns = [trial.gives(run, 1) for _ in range(trial.most) for run in (one, other)]
    for gave in (turns[::2], turns[1::2]):
        problem = f"a run alone gave {first}, in turns with another {gave}"
        trial.hold(alike(first, [*chain.from_iterable(gave)]), "purity", problem)
    trial.hold(repr(described) == shown, "purity", f"running changed it, into {described}")


def _associativity(trial: _Trial) -> None:
    source, step = stream(trial.sample), trial.subject
    if isinstance(step, Stream):
        source, step = step, ops.skip(1)
    then = ops.take(trial.most)
    nothing: Pipeline[Any, Any] = Pipeline()
    gives = trial.gives(source | step)
    for one, other, problem in (
        ((source | step) | then, source | (step | then), "(s | f) | g is not s | (f | g)"),
        ((source | step) | nothing, source | step, "s | f | Pipeline() is not s | f"),
        (source | (nothing | step), source | step, "s | (Pipeline() | f) is not s | f"),
    ):
        same_value = one == other and hash(one) == hash(other)
        trial.hold(same_value, "associativity", f"{problem}, as a value")
        for either in (one, other):
            gave = trial.gives(either)
            trial.hold(alike(gave, gives), "associativity", f"{either} gave {gave}, not {gives}")
    gave = trial.gives(step(source if isinstance(trial.subject, Stream) else trial.sample))
    trial.hold(alike(gave, gives), "associativity", f"f(s) gave {gave}, and s | f {gives}")


def _post(trial: _Trial) -> None:
    gives = trial.gives(trial.over(trial.sample))
    for way, twin in _twins(trial).items():
        if "<array" not in repr(trial.subject):  # An array is equal to itself alone.
            trial.hold(twin == trial.subject, "post", f"{way} makes it {twin!r}, not equal to it")
            trial.hold(hash(twin) == hash(trial.subject), "post", f"{way} changes its hash")
        gave = trial.gives(trial.over(trial.sample, twin))
        trial.hold(alike(gave, gives), "post", f"it gives {gives}, and after {way} {gave}")


def _twins(trial: _Trial) -> dict[str, Any]:
    """What the subject becomes by each way out of the process and back."""
    subject, twins = trial.subject, {}
    try:
        twins["pickle"] = pickle.loads(pickle.dumps(subject))  # noqa: S301  Just written.
    except Exception as error:  # noqa: BLE001  It may be any that a __reduce__ raises.
        trial.hold(False, "post", f"it cannot be pickled: {error!r}")
    try:
        twins["eval(repr)"] = eval(repr(subject), _namespace(trial))  # noqa: S307  Just written.
    except Exception as error:  # noqa: BLE001  It may be any that a __post_init__ raises.
        trial.hold("<" in repr(subject), "post", f"its repr does not evaluate: {error!r}")
    return twins


def _namespace(trial: _Trial) -> dict[str, Any]:
    """What a repr may refer to; of two with the same name, the last."""
    subject = trial.subject
    steps = subject.ops if isinstance(subject, Stream | Pipeline) else (subject,)
    given = [value for node in (subject, *steps) for value in fields_of(node)]
    modules = [sys.modules.get(getattr(value, "__module__", None) or "") for value in given]
    names: dict[str, Any] = {"functools": functools, "np": np}
    for module in filter(None, modules):
        names |= vars(module)
    names |= {"stream": stream, "Pipeline": Pipeline, **vars(ops)}
    return names | {type(step).__name__: type(step) for step in steps} | {**trial.names}


def _laziness(trial: _Trial) -> None:
    probed = trial.probed()
    acts: dict[str, Callable[[Any], object]] = {
        "|": id,
        "repr": repr,
        "hash": hash,
        "==": trial.probed().stream.__eq__,
        "iter": iter,
    }
    for name, act in acts.items():
        act(probed.stream)
        trial.hold(not probed.runs, "laziness", f"{name} began a run of its upstream")


def _demand(trial: _Trial) -> None:
    if isinstance(trial.subject, Stream):
        return
    gives = trial.gives(trial.over(trial.sample))
    reads = trial.reads or ((lambda asked: asked) if trial.pool else None)
    probed = trial.probed()
    run = iter(probed.stream)
    for asked in range(1, len(gives) + 2):
        before = probed.read
        next(run, None)
        problem = f"asked for an element {asked} times, it read {probed.read} of its upstream"
        if reads:
            most = reads(asked)
            trial.hold(probed.read <= most, "demand", f"{problem}, and not at most {most}")
        elif gives and probed.read > before:
            needed = _makes_difference(trial, asked, probed.read)
            trial.hold(needed, "demand", f"{problem}, the last of them to no effect")


def _makes_difference(trial: _Trial, asked: int, read: int) -> bool:
    """Whether the answers would be others, had anything else come from what was read last on."""
    before = trial.sample[: read - 1]
    answers = trial.gives(trial.over(trial.sample), asked)
    futures = [[], trial.sample, *([item] for item in trial.sample)]
    outcomes = [trial.outcome(trial.over([*before, *future]), asked) for future in futures]
    return not all(alike(outcome, answers) for outcome in outcomes)


def _release(trial: _Trial) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        for how, probed in _leavings(trial):
            left = "; ".join(str(warning.message) for warning in caught)
            trial.hold(not probed.live, "release", f"{how}, it left a run of its upstream open")
            trial.hold(not left, "release", f"{how}, it left behind: {left}")


def _leavings(trial: _Trial) -> Iterator[tuple[str, _Probed]]:
    """Runs that were left early, each in its way."""
    for asked in range(1, len(trial.gives(trial.over(trial.sample))) + 2):
        probed = trial.probed()
        run: Any = iter(probed.stream)
        if len(trial.gives(run, asked)) < asked:
            yield f"at its end after {asked - 1} elements", probed
        run.close()
        yield f"closed after {asked} elements", probed
        probed = trial.probed()
        trial.gives(probed.stream, asked)
        yield f"let go of after {asked} elements", probed
    for place in range(len(trial.sample)):
        probed = trial.probed(place)
        failure = trial.outcome(probed.stream)
        yield f"ended by {failure!r}", probed


_CHECKS: dict[str, Callable[[_Trial], None]] = {
    "purity": _purity,
    "associativity": _associativity,
    "post": _post,
    "laziness": _laziness,
    "demand": _demand,
    "release": _release,
}
LAWS = tuple(_CHECKS)
