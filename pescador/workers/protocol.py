"""The messages between a worker and its consumer, exceptions among them."""

from __future__ import annotations

import traceback
from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct

from pescador.errors import WorkerError
from pescador.workers.codec import loaded_class, serialisable

__all__ = [
    "Batch",
    "Credit",
    "End",
    "Failure",
    "FromConsumer",
    "FromWorker",
    "Leave",
    "Ready",
    "RemoteError",
    "Stop",
    "describe_error",
    "rebuild_error",
]

Count = Annotated[int, Meta(ge=0)]


class Ready(Struct, frozen=True, array_like=True, tag="ready"):
    """The worker is connected and about to run the stream."""


class Batch(Struct, frozen=True, array_like=True, tag="batch"):
    """Elements of one layout.

    Parameters
    ----------
    layout : bytes
        The layout.
    count : int
        How many elements there are.
    scalars : list of list
        Their Python scalars, column by column.
    region : int or None
        The offset of their arrays in the shared memory; None if the arrays follow in a frame.
    nbytes : int
        How many bytes they count for while they are in flight.
    """

    layout: bytes
    count: Annotated[int, Meta(ge=1)]
    scalars: list[list[Any]]
    region: Count | None
    nbytes: Count


class RemoteError(Struct, frozen=True, array_like=True):
    """An exception that was raised in a worker, apart from its arguments and attributes.

    Parameters
    ----------
    classes : tuple of (str, str)
        The module and qualified name of its class, and of each exception class above that.
    text : str
        Its message.
    traceback : str
        Its traceback.
    """

    classes: tuple[tuple[str, str], ...]
    text: str
    traceback: str


class Failure(Struct, frozen=True, array_like=True, tag="failure"):
    """An exception ended the stream.

    Parameters
    ----------
    error : RemoteError
        The exception.
    values : Batch
        Its arguments and attributes, as one element.
    closing : bool
        Whether it was raised while the stream was closed, after the consumer had left.
    """

    error: RemoteError
    values: Batch
    closing: bool


class End(Struct, frozen=True, array_like=True, tag="end"):
    """The stream has ended."""


class Credit(Struct, frozen=True, array_like=True, tag="credit"):
    """The consumer acknowledges elements, counted since the start of the run.

    Parameters
    ----------
    elements, nbytes : int
        How many elements, and how many bytes of them, the consumer has taken.
    regions : list of int
        The regions of the shared memory that the consumer has released since the last credit.
    starved : bool
        Whether the consumer has no element left and waits.
    """

    elements: Count
    nbytes: Count
    regions: list[Count]
    starved: bool


class Stop(Struct, frozen=True, array_like=True, tag="stop"):
    """The consumer wants no more elements: the worker closes the stream."""


class Leave(Struct, frozen=True, array_like=True, tag="leave"):
    """The consumer has received everything: the worker ends."""


FromWorker: TypeAlias = Ready | Batch | Failure | End
FromConsumer: TypeAlias = Credit | Stop | Leave


def describe_error(error: BaseException) -> tuple[RemoteError, tuple[Any, dict[str, Any]]]:
    """Describe an exception, with its arguments and attributes as far as they are serialisable."""
    classes = [kind for kind in type(error).__mro__ if issubclass(kind, BaseException)]
    return (
        RemoteError(
            tuple((kind.__module__, kind.__qualname__) for kind in classes),
            _text(error),
            "".join(traceback.format_exception(error)).encode("utf-8", "replace").decode(),
        ),
        (
            tuple(map(serialisable, _arguments(error))),
            {name: serialisable(value) for name, value in vars(error).items()},
        ),
    )


def _arguments(error: BaseException) -> tuple[Any, ...]:
    """Find what the exception is made from, as pickle does: `args` may be only part of that."""
    try:
        reduced: Any = error.__reduce_ex__(2)
        return tuple(reduced[1]) if reduced[0] is type(error) else error.args
    except Exception:  # noqa: BLE001  A class of the user's may raise anything.
        return error.args


def rebuild_error(
    remote: RemoteError, args: tuple[Any, ...], attributes: dict[str, Any], where: str
) -> BaseException:
    """Make an exception of the same class, or of its nearest base that is loaded here.

    The cause of the exception is a `WorkerError` with the place where it was raised, and with the
    remote traceback.
    """
    error = next(
        error
        for module, name in remote.classes
        if (error := _instance(loaded_class(module, name), args, attributes, remote.text))
        is not None
    )
    error.__cause__ = WorkerError(f"raised in {where}\n\n{remote.traceback}")
    return error


def _instance(
    kind: Any, args: tuple[Any, ...], attributes: dict[str, Any], text: str
) -> BaseException | None:
    """Make an exception of a class with the same message; None if that is not possible."""
    if kind is None or not issubclass(kind, BaseException):
        return None
    # A constructor may take other arguments than the exception keeps; it is left out then.
    ways: list[tuple[Any, tuple[Any, ...]]] = [
        (kind, args),
        (kind.__new__, (kind, *args)),
        (kind, (text,)),
    ]
    for make, given in ways:
        try:
            error: BaseException = make(*given)
            vars(error).update(attributes)
        except Exception:  # noqa: BLE001, S112  A class of the user's may raise anything.
            continue
        if type(error) is kind and _text(error) == text:
            return error
    return None


def _text(error: BaseException) -> str:
    try:
        return str(error).encode("utf-8", "replace").decode()
    except Exception as failure:  # noqa: BLE001  A class of the user's may raise anything.
        return f"<no message: {type(failure).__name__} in its __str__>"
