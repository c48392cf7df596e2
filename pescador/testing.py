"""The laws of streams and operators, as checks for operators of your own."""

from __future__ import annotations

import functools
import math
import pickle
import random
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any, NoReturn

import numpy as np

from pescador import ops, tree
from pescador.core import Join, Op, Pipeline, Same, Stream, stream
from pescador.errors import IndivisibleError, ParameterTypeError, PescadorWarning, count, require
from pescador.readings import REGROUPS, Length, Random, Whole
from pescador.values import changed, fields_of, same

__all__ = ["LAWS", "Probe", "alike", "assert_lawful"]


class Probe:
    """A source that counts its runs and the elements read from it.

    Parameters
    ----------
    items : iterable
        The elements of each run.
    error : Exception, optional
        The exception that each run raises after its last element.
    kept : bool, default=False
        Whether the probe keeps a reference to each run. A run can then be ended early by ``close``
        alone; otherwise it also ends when the last reference to it is dropped.

    Attributes
    ----------
    runs : int
        The number of runs begun.
    read : int
        The number of elements read, in all runs together.
    live : int
        The number of runs that have begun and have neither ended nor been closed.

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
    """Return whether two elements have the same structure, types and values.

    Arrays are compared with their dtypes and shapes, bit by bit, so that NaN equals NaN; lists,
    tuples, dataclass instances and mappings (their order included) part by part; the rest by
    ``==``.

    Parameters
    ----------
    one, other : object
        The elements, or lists of them.

    Returns
    -------
    bool
        True if they have.

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
        if one.dtype.names:  # Bytes between the fields are not compared.
            return all(alike(one[name], other[name]) for name in one.dtype.names)
        if one.dtype.hasobject:
            return alike(one.tolist(), other.tolist())
        return bool(one.tobytes() == other.tobytes())
    if isinstance(one, Mapping):
        return alike([*one], [*other]) and all(alike(one[key], other[key]) for key in one)
    parts, others = (
        item if isinstance(item, list) else tree.parts_of(item) for item in (one, other)
    )
    if parts is not None and others is not None:
        return len(parts) == len(others) and all(map(alike, parts, others))
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    return same(one, other)


def assert_lawful(
    subject: Any,
    upstream: Any = None,
    *,
    laws: Collection[str] | None = None,
    reads: Callable[[int], int] | None = None,
    contents: Callable[[Any], Iterable[Any]] | None = None,
    most: int = 20,
    names: Mapping[str, Any] | None = None,
) -> None:
    """Check that an operator, a pipeline or a stream obeys the laws.

    purity
        Two runs yield the same elements, one after the other and interleaved. An operator that
        draws at random must therefore be given a seed.
    associativity
        ``(s | f) | g == s | (f | g)``, as values and as elements; ``Pipeline()`` changes nothing;
        and ``f(s)`` yields the elements of ``s | f``.
    post
        The subject survives pickle with the same elements, and is equal afterwards with an equal
        hash, unless it holds arrays, which are compared by identity. So does the value of its repr,
        unless the repr shows in angle brackets a part that cannot be written.
    laziness
        Describing, printing, comparing, hashing and ``iter`` do not touch a source.
    demand
        No more elements of the upstream are read than are needed.
    release
        No run of a source and no file is left open when a run ends, is closed, is dropped, or is
        ended by an exception.
    length
        As many elements come as the length says, from shorter upstreams too; a stream whose length
        is infinite, or that restarts, does not end.
    shard
        The shards are the whole stream: element by element if it is divided by place
        (`Op.shard_exact`), otherwise as a multiset (`Op.shard_any`). The second half is not checked
        for an operator that is `Whole` and draws at random.
    seed
        After `Stream.seed` every draw has a seed: runs agree in any state of the global generators
        of numpy and Python, steps that draw nothing change no draws, and given seeds stay.

    Parameters
    ----------
    subject : Op, Pipeline, Stream, or a source that `stream` takes
        The subject. A stream is held to the laws that do not concern an upstream. A function that
        is meant as a step is written ``Pipeline() | f``.
    upstream : iterable or mapping, optional
        A finite sample of elements for an operator; for an operator on a pool, the members. By
        default the numbers 0 to 8, or a pool of three streams of three of them each.
    laws : collection of str, optional
        The laws to check, of `LAWS`; by default all.
    reads : callable, optional
        From k to the number of elements that the operator may have read after it was asked for an
        element k times; of a pool, from all members together. By default, each read must be able
        to change the answers: there must be a continuation of the sample from there on with which
        the operator would have answered otherwise. Of a pool, by default, one element is read for
        each that is asked for. An operator that fills a buffer reads more than that by its nature,
        so it needs this parameter.
    contents : callable, optional
        From an output to an iterable of its contents, by which the law *shard* compares the shards
        with the whole. By default the output itself; the rows of a batch, if the operator
        `REGROUPS`. For an operator that adds noise it can be the element without the noise.
    most : int > 0, default=20
        The number of elements of a run that are looked at.
    names : mapping of str to object, optional
        Names that the repr of the subject refers to, beyond those of pescador, of the modules of
        the operators, and of the modules of the functions that they are given.

    Raises
    ------
    AssertionError
        If a law is broken. The message names the law, the sample, the violation and the cure.

    See Also
    --------
    Probe : a source that counts its runs and the elements read from it.

    Examples
    --------
    >>> from pescador.ops import batch, map
    >>> assert_lawful(batch(2) | map(len))
    >>> assert_lawful(map(lambda n: n + 1))
    Traceback (most recent call last):
    ...
    AssertionError: post: map(<lambda> at ...) over [0, 1, ...]: it cannot be pickled: ...

    Some laws alone, and a sample that the operator can take:

    >>> assert_lawful(batch(2), [{"x": 1}, {"x": 2}], laws=["length", "shard"])
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
    trial = _Trial(subject, pool, sample, reads, contents, most, names or {})
    # Operators that compare elements tell their lies over repeated and unsorted ones alone.
    repeated = replace(trial, sample=[4, 0, 0, 1, 5, 1, 1, 8, 2])
    for law in LAWS if laws is None else laws:
        _CHECKS[law](trial)
        if law in ("length", "shard") and upstream is None and isinstance(subject, Op) and not pool:
            _CHECKS[law](repeated)


def _takes_pool(subject: Op[Any, Any]) -> bool:
    steps = subject.ops if isinstance(subject, Pipeline) else (subject,)
    return isinstance(next((op for op in steps if not isinstance(op, Same)), None), Join)


def _sample(upstream: Any, *, pool: bool) -> Any:
    """Return the sample as a list; a pool as a list of lists, or as a dict of lists by name."""
    described: Stream[Any] = stream(upstream)
    if not pool:
        return [*described]
    members = [[*stream(member)] for member in described]
    return dict(zip(described.names, members, strict=True)) if described.names else members


@dataclass(frozen=True, slots=True)
class _Trial:
    """A subject with its sample and the parameters of the trial."""

    subject: Any
    pool: bool
    sample: Any
    reads: Callable[[int], int] | None
    contents: Callable[[Any], Iterable[Any]] | None
    most: int
    names: Mapping[str, Any]

    def over(self, upstream: Any, subject: Any = None) -> Stream[Any]:
        """Return the subject, or another one like it, joined to an upstream if it takes one."""
        step = self.subject if subject is None else subject
        return step if isinstance(step, Stream) else stream(upstream) | step

    def gives(self, described: Iterable[Any], most: int | None = None) -> list[Any]:
        """Return copies of the first elements of a run, which is then dropped."""
        return [*map(_snapshot, islice(described, self.most if most is None else most))]

    def outcome(self, described: Iterable[Any], most: int | None = None) -> list[Any] | Exception:
        """Return the first elements of a run, or the exception that ended it."""
        try:
            return self.gives(described, most)
        except Exception as error:  # noqa: BLE001  It may be the operator's, or the upstream's.
            return error

    @property
    def steps(self) -> tuple[Op[Any, Any], ...]:
        """Return the operators of the subject."""
        many = isinstance(self.subject, Stream | Pipeline)
        return self.subject.ops if many else (self.subject,)

    def probed(self, failing: int | None = None, *, kept: bool = False) -> _Probed:
        """Join the subject to probes; the one at index `failing`, or the element there, raises."""
        if isinstance(self.subject, Stream):
            return _Probed(self.subject, [])
        error = RuntimeError("raised by the upstream, as a trial")
        if not self.pool:
            last = error if failing is not None else None
            probe = Probe(self.sample[:failing], last, kept=kept)
            return _Probed(self.over(probe), [probe])
        probes = [
            Probe(member, error if place == failing else None)
            for place, member in enumerate(stream(self.sample))
        ]
        if isinstance(self.sample, Mapping):
            return _Probed(self.over(dict(zip(self.sample, probes, strict=True))), probes)
        pool = Probe(probes, kept=kept)
        return _Probed(self.over(pool), probes, [pool])

    def hold(self, condition: object, law: str, problem: str) -> None:
        if not condition:
            self.broken(law, problem)

    def broken(self, law: str, problem: str) -> NoReturn:
        example = f" over {self.sample!r:.300}" if isinstance(self.subject, Op) else ""
        raise AssertionError(f"{law}: {self.subject!r:.300}{example}: {problem}")


@dataclass(frozen=True, slots=True)
class _Probed:
    """A stream with the probes that it reads: of its upstream, or of a pool and its members."""

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
    parts = element if isinstance(element, list) else tree.parts_of(element)
    return element if parts is None else [*map(_snapshot, parts)]


def _purity(trial: _Trial) -> None:
    described = trial.over(trial.sample)
    shown = repr(described)
    first, again = trial.gives(described), trial.gives(described)
    cure = (
        "make all that changes in __call__; an operator that draws at random needs a random_state "
        "here, and draws from self.generator() alone"
    )
    trial.hold(alike(first, again), "purity", f"one run gave {first}, the next {again}: {cure}")
    one, other = iter(described), iter(described)
    turns = [trial.gives(run, 1) for _ in range(trial.most) for run in (one, other)]
    for gave in (turns[::2], turns[1::2]):
        problem = f"a run alone gave {first}, in turns with another {gave}: {cure}"
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
        if "<array" not in repr(trial.subject):  # Arrays are compared by identity.
            trial.hold(twin == trial.subject, "post", f"{way} makes it {twin!r}, not equal to it")
            trial.hold(hash(twin) == hash(trial.subject), "post", f"{way} changes its hash")
        gave = trial.gives(trial.over(trial.sample, twin))
        trial.hold(alike(gave, gives), "post", f"it gives {gives}, and after {way} {gave}")


def _twins(trial: _Trial) -> dict[str, Any]:
    """Return copies of the subject, by pickle and by its repr."""
    subject, twins = trial.subject, {}
    try:
        twins["pickle"] = pickle.loads(pickle.dumps(subject))  # noqa: S301  Just written.
    except Exception as error:  # noqa: BLE001  It may be any that a __reduce__ raises.
        trial.broken("post", f"it cannot be pickled: {error!r}")
    try:
        twins["eval(repr)"] = eval(repr(subject), _namespace(trial))  # noqa: S307  Just written.
    except Exception as error:  # noqa: BLE001  It may be any that a __post_init__ raises.
        trial.hold("<" in repr(subject), "post", f"its repr does not evaluate: {error!r}")
    return twins


def _namespace(trial: _Trial) -> dict[str, Any]:
    """Return the names that a repr may refer to; later ones replace earlier ones."""
    steps = trial.steps
    given = [value for node in (trial.subject, *steps) for value in fields_of(node)]
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
        "length": functools.partial(_asked, "length"),
        "restarts": functools.partial(_asked, "restarts"),
    }
    for name, act in acts.items():
        act(probed.stream)
        trial.hold(not probed.runs, "laziness", f"{name} began a run of its upstream")


def _asked(reading: str, described: Stream[Any]) -> None:
    with suppress(Exception):  # The law *length* is the one that it breaks.
        getattr(described, reading)


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
            cure = "read less; or say by reads= how much it needs, to join a pool or fill a buffer"
            trial.hold(probed.read <= most, "demand", f"{problem}, and not at most {most}: {cure}")
        elif gives and probed.read > before:
            needed = _makes_difference(trial, asked, probed.read)
            cure = "read no more than it needs; or say by reads= how much that is"
            trial.hold(needed, "demand", f"{problem}, the last of them to no effect: {cure}")


def _makes_difference(trial: _Trial, asked: int, read: int) -> bool:
    """Return whether another continuation from the last element read would change the answers."""
    before = trial.sample[: read - 1]
    answers = trial.gives(trial.over(trial.sample), asked)
    futures = [[], trial.sample, *([item] for item in trial.sample)]
    outcomes = [trial.outcome(trial.over([*before, *future]), asked) for future in futures]
    return not all(alike(outcome, answers) for outcome in outcomes)


def _release(trial: _Trial) -> None:
    with warnings.catch_warnings(record=True) as caught:
        for category in (ResourceWarning, PescadorWarning):
            warnings.simplefilter("always", category)
        for how, probed in _leavings(trial):
            left = "; ".join(str(warning.message) for warning in caught)
            trial.hold(not probed.live, "release", f"{how}, it left a run of its upstream open")
            trial.hold(not left, "release", f"{how}, it left behind: {left}")


def _leavings(trial: _Trial) -> Iterator[tuple[str, _Probed]]:
    """Yield runs that were left early, with the way in which they were left."""
    for asked in range(1, len(trial.gives(trial.over(trial.sample))) + 2):
        # Only ``close`` ends what someone else refers to.
        probed = trial.probed(kept=True)
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


def _length(trial: _Trial) -> None:
    for described, where in _upstreams(trial):
        said, restarts = _said(trial, described, where)
        known = said is None or said == math.inf or type(said) is int
        problem = f"{where}its length is {said!r}: return an int, math.inf or None from length()"
        trial.hold(known, "length", problem)
        if said is None and not restarts:
            continue
        most = said + 1 if isinstance(said, int) else 3 * trial.most
        try:
            gave = trial.gives(described, most)
        except _SearchError:
            continue  # Nothing of an endless upstream passes, so the stream is empty.
        if isinstance(said, int):
            problem = f"its length is {len(gave)}{'+' * (len(gave) == most)}, and it says {said}"
            cure = "return the true number of elements from length(), or None"
            holds = len(gave) == said
        else:
            problem = f"it ends after {len(gave)} elements, and says that it does not end"
            cure = "return False from restarts(), and a number or None from length()"
            holds = len(gave) == most or (not gave and said is None)
        trial.hold(holds, "length", f"{where}{problem}: {cure}")


def _said(trial: _Trial, described: Stream[Any], where: str) -> tuple[Length, bool]:
    try:
        return described.length, described.restarts
    except Exception as error:  # noqa: BLE001  It may be any.
        trial.broken("length", f"{where}its length() or restarts() raises {error!r}")


def _upstreams(trial: _Trial) -> Iterator[tuple[Stream[Any], str]]:
    """Yield the subject over upstreams of other lengths, each with words for the upstream."""
    if isinstance(trial.subject, Stream) or trial.pool:
        yield trial.over(trial.sample), ""
        return
    for n in range(len(trial.sample), -1, -1):
        shorter = f"over {trial.sample[:n]!r:.100} " if n < len(trial.sample) else ""
        yield trial.over(trial.sample[:n]), shorter
    yield trial.over(lambda: iter(trial.sample)), "over an upstream of unknown length "
    bound = ops.tap(functools.partial(_bounded, iter(range(10_000))))
    endless: Any = stream(trial.sample) | ops.cycle() | bound
    yield trial.over(endless), "over its sample again and again "


class _SearchError(Exception):
    """An operator has read thousands of elements without letting one pass."""


def _bounded(numbers: Iterator[int], _: Any) -> None:
    if next(numbers, None) is None:
        raise _SearchError


def _shard(trial: _Trial) -> None:
    described = trial.over(trial.sample)
    # An endless stream is compared as far as it is looked at, and only by place.
    whole = trial.gives(described, 4 * trial.most)
    ended = len(whole) < 4 * trial.most
    for n in (2, 3):
        for block in (1, 2):
            parts = [ops.shard(index, n, block=block) for index in range(n)]
            with suppress(IndivisibleError):
                for part in parts:
                    _hold_exact(trial, whole, part, described.shard_exact(part))
        parts = [ops.shard(index, n) for index in range(n)]
        with suppress(IndivisibleError):
            _hold_seeds(trial, [described.seed(7).shard_any(part) for part in parts])
        drawn = any(op.seeded is not None and isinstance(op.sharding, Whole) for op in trial.steps)
        # What the outputs of later steps consist of, only `contents` can tell.
        hidden = any(op.sharding is REGROUPS for op in trial.steps[:-1]) and not trial.contents
        if ended and not drawn and not hidden:
            with suppress(IndivisibleError):
                _hold_any(trial, described, [described.shard_any(part) for part in parts])


def _hold_seeds(trial: _Trial, shards: list[Stream[Any]]) -> None:
    """Check that the draws of no two shards have the same seed."""
    drawing = ([op for op in divided.ops if op.seeded] for divided in shards)
    for steps in zip(*drawing, strict=False):
        problem = (
            f"all {len(shards)} shards draw from one seed, {steps[0]}: divide it, as Random does"
        )
        trial.hold(len({*steps}) == len(steps), "shard", problem)


def _hold_exact(trial: _Trial, whole: list[Any], part: Any, divided: Stream[Any]) -> None:
    expected = list(part(whole))
    gave = trial.gives(divided, len(expected) + (len(whole) < 4 * trial.most))
    pairs = enumerate(zip(gave, expected, strict=False))
    place = next((i for i, pair in pairs if not alike(*pair)), min(len(gave), len(expected)))
    found, right = (str([*one[place : place + 1]])[1:-1] or "nothing" for one in (gave, expected))
    problem = f"{part} of it gives {found} as its element {place}, and that of the whole is {right}"
    trial.hold(place == len(gave) == len(expected), "shard", f"{problem}: {_CURE}")


def _hold_any(trial: _Trial, whole: Stream[Any], shards: list[Stream[Any]]) -> None:
    contents = trial.contents or _default_contents(trial)
    left = [*chain.from_iterable(map(contents, whole))]
    for index, divided in enumerate(shards):
        outputs = islice(divided, 8 * trial.most)
        for content in chain.from_iterable(map(contents, outputs)):
            at = next((i for i, other in enumerate(left) if alike(content, other)), -1)
            problem = f"shard {index} of {len(shards)} gives {content!r:.100} more often than "
            trial.hold(at >= 0, "shard", f"{problem}the whole does: {_CURE}")
            left.pop(at)
    problem = f"none of {len(shards)} shards gives {left[:1]!r:.100}, as the whole does: {_CURE}"
    trial.hold(not left, "shard", problem)


_CURE = (
    "declare as its sharding only what holds, ELEMENTWISE if output i depends on input i alone "
    "and not on i, PER_SHARD, or REGROUPS; else leave it Whole, or write shard_exact() and "
    "shard_any(); "
    "if the outputs of shards are other ones on purpose, say by contents= what they have in common"
)


def _default_contents(trial: _Trial) -> Callable[[Any], Iterable[Any]]:
    if not any(op.sharding is REGROUPS for op in trial.steps[-1:]):
        return lambda output: [output]

    def rows(output: Any) -> Iterable[Any]:
        found: list[Any] | None = None
        with suppress(TypeError):
            found = [*tree.split(output)]
        problem = f"it REGROUPS, and its output {output!r:.100} has no rows: say by contents= what "
        trial.hold(found is not None, "shard", f"{problem}an output consists of")
        return found or []

    return rows


def _seed(trial: _Trial) -> None:
    for op in trial.steps:
        draws = hasattr(op, "random_state")
        problem = "it has a random_state that Stream.seed does not fill in: derive it from Random"
        trial.hold(not draws or isinstance(op, Random), "seed", problem)
        if isinstance(op, Random):
            _hold_checked(trial, op)
    described = trial.over(trial.sample)
    _hold_seeded(trial, described)
    given = any(isinstance(op, Random) and op.random_state is not None for op in described.ops)
    if isinstance(trial.subject, Op) and given:  # Then the seed given was all that was looked at.
        bare = [changed(op, random_state=None) if op.seeded else op for op in trial.steps]
        _hold_seeded(trial, trial.over(trial.sample, Pipeline(tuple(bare))))
    if all(op.seeded is not False for op in described.ops):
        gave, seeded = (_gives_after(trial, 1, one) for one in (described, described.seed(7)))
        problem = f"it gives {gave}, and after Stream.seed {seeded}: keep the seed that is given"
        keeps = all(not op.seeds_upstream for op in described.seed(7).ops)
        trial.hold(not keeps or alike(gave, seeded), "seed", problem)


def _hold_seeded(trial: _Trial, described: Stream[Any]) -> None:
    seeded = described.seed(7)
    left = [op for op in seeded.ops if op.seeded is False]
    problem = f"Stream.seed leaves {left[:1]} without a seed: return one from its seed(place)"
    trial.hold(not left, "seed", problem)
    if any(op.seeded is False for op in described.ops):
        problem = "Stream.seed fills in the same seed from 7 and from 8: return place.words()"
        trial.hold(seeded != described.seed(8), "seed", problem)
    one, other = (_gives_after(trial, number, seeded) for number in (1, 2))
    problem = f"seeded, one run gave {one}, the next {other}: draw from its random_state alone"
    trial.hold(alike(one, other), "seed", problem)
    if isinstance(trial.subject, Op):
        after = stream(trial.sample).then(ops.tap(id), *described.ops).seed(7)
        gave = _gives_after(trial, 1, after)
        problem = f"seeded, it gives {one}, and after a tap() {gave}: seed it by its place alone"
        trial.hold(alike(one, gave), "seed", problem)
    if trial.pool and any(op.seeds_upstream for op in seeded.ops):
        sample = trial.sample
        names = [*sample] if isinstance(sample, Mapping) else range(len(sample))
        drawn = {name: stream(sample[name]) | ops.shuffle(9) for name in names}
        pool: Any = drawn if isinstance(sample, Mapping) else [*drawn.values()]
        joined = stream(pool).then(*described.ops).seed(7)
        one, other = (_gives_after(trial, number, joined) for number in (1, 2))
        problem = f"over members that draw, one seeded run gave {one}, the next {other}"
        trial.hold(alike(one, other), "seed", f"{problem}: seed the members as they are started")


def _hold_checked(trial: _Trial, op: Random) -> None:
    try:
        replace(op, random_state="no seed")  # type: ignore[type-var]
    except ParameterTypeError:
        return
    problem = "it accepts random_state='no seed': call Random.__post_init__(self) in __post_init__"
    trial.broken("seed", problem)


def _gives_after(trial: _Trial, number: int, described: Stream[Any]) -> list[Any]:
    """Run with numpy's and Python's global generators seeded; they are put back afterwards."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        np.random.seed(number)
        random.seed(number)
        return trial.gives(described)
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)


_CHECKS: dict[str, Callable[[_Trial], None]] = {
    "purity": _purity,
    "associativity": _associativity,
    "post": _post,
    "laziness": _laziness,
    "demand": _demand,
    "release": _release,
    "length": _length,
    "shard": _shard,
    "seed": _seed,
}
LAWS = tuple(_CHECKS)
