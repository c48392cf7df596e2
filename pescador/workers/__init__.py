"""Streams that run in other processes and threads, which no other package starts."""

from __future__ import annotations

import os

from pescador.errors import PescadorError

__all__ = ["require_owner"]


def require_owner(owner: int, name: object) -> None:
    """Refuse to continue a run in a fork of the process that started the run.

    Parameters
    ----------
    owner : int
        The id of the process that started the run.
    name : object
        What the message calls the run.

    Raises
    ------
    PescadorError
        If this process is not the owner.
    """
    if os.getpid() != owner:
        raise PescadorError(f"{name}: a fork cannot go on with the run of its parent")
