"""What a worker and its consumer say to each other."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct

from pescador.transport.failing import Story

__all__ = [
    "Credit",
    "End",
    "Failure",
    "FromConsumer",
    "FromWorker",
    "Leave",
    "Ready",
    "Rows",
    "Stop",
]

Count = Annotated[int, Meta(ge=0)]


# From the worker, over the socket.


class Ready(Struct, frozen=True, array_like=True, tag="ready"):
    """The worker is there, and about to begin."""


class Rows(Struct, frozen=True, array_like=True, tag="rows"):
    """Elements of one structure.

    Parameters
    ----------
    form : bytes
        The structure.
    count : int
        How many elements.
    plain : list of list
        Their numbers and text, column by column.
    slot : int or None
        Where in the shared memory their arrays stand; None if they come as a frame of their own.
    nbytes : int
        How many bytes they take of what may be under way.
    """

    form: bytes
    count: Annotated[int, Meta(ge=1)]
    plain: list[list[Any]]
    slot: Count | None
    nbytes: Count


class Failure(Struct, frozen=True, array_like=True, tag="failure"):
    """The stream was ended by an exception.

    Parameters
    ----------
    story : Story
        What is told of it.
    values : Rows
        Its arguments and attributes, as one element.
    closing : bool
        Whether it was raised as the stream was closed, after the consumer had left.
    """

    story: Story
    values: Rows
    closing: bool


class End(Struct, frozen=True, array_like=True, tag="end"):
    """The stream has ended."""


# From the consumer, over the pipe.


class Credit(Struct, frozen=True, array_like=True, tag="credit"):
    """What the consumer has taken, since the beginning.

    Parameters
    ----------
    elements, nbytes : int
        How much.
    slots : list of int
        Which slots of the shared memory it holds no more.
    hungry : bool
        Whether it has nothing left, and waits.
    """

    elements: Count
    nbytes: Count
    slots: list[Count]
    hungry: bool


class Stop(Struct, frozen=True, array_like=True, tag="stop"):
    """No more elements are wanted; what has begun is to be closed."""


class Leave(Struct, frozen=True, array_like=True, tag="leave"):
    """All that was said has arrived, and the worker may go."""


FromWorker: TypeAlias = Ready | Rows | Failure | End
FromConsumer: TypeAlias = Credit | Stop | Leave
