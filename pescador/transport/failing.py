"""Exceptions as they travel: told in words and values, raised anew on the other side."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from msgspec import Struct

from pescador.errors import WorkerError
from pescador.transport.structures import plain

__all__ = ["Story", "raised_again", "story_of"]


class Story(Struct, frozen=True, array_like=True):
    """What is told of an exception beside its arguments and attributes.

    Parameters
    ----------
    kinds : tuple of (str, str)
        The module and the name of its class, and of the classes that this one derives from.
    text : str
        Its message.
    traceback : str
        Where it was raised, and by what.
    """

    kinds: tuple[tuple[str, str], ...]
    text: str
    traceback: str


def story_of(error: BaseException) -> tuple[Story, tuple[Any, dict[str, Any]]]:
    """The story of an exception, and its arguments and attributes as far as they can travel."""
    kinds = [kind for kind in type(error).__mro__ if issubclass(kind, BaseException)]
    return (
        Story(
            tuple((kind.__module__, kind.__qualname__) for kind in kinds),
            _text(error),
            "".join(traceback.format_exception(error)).encode("utf-8", "replace").decode(),
        ),
        (
            tuple(map(plain, _arguments(error))),
            {name: plain(value) for name, value in vars(error).items()},
        ),
    )


def _arguments(error: BaseException) -> tuple[Any, ...]:
    """What it is made from, as it tells pickle: not all of it need be in `args`."""
    try:
        reduced: Any = error.__reduce_ex__(2)
        return tuple(reduced[1]) if reduced[0] is type(error) else error.args
    except Exception:  # noqa: BLE001  Whatever a class of the user's does.
        return error.args


def raised_again(story: Story, args: Any, attributes: Any, where: str) -> BaseException:
    """An exception of the same class, or of the nearest that is known here.

    Its cause is a `WorkerError` that says where it was raised, with the traceback. A class is
    known if its module is imported: nothing is imported at the word of another process.
    """
    error = next(
        error
        for module, name in story.kinds
        if (error := _revived(_known(module, name), args, attributes, story.text)) is not None
    )
    error.__cause__ = WorkerError(f"raised in {where}\n\n{story.traceback}")
    return error


def _known(module: str, name: str) -> Any:
    found: Any = sys.modules.get("__main__" if module == "__mp_main__" else module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _revived(
    kind: Any, args: tuple[Any, ...], attributes: dict[str, Any], text: str
) -> BaseException | None:
    """An exception that says the same, if one of this class can be made to."""
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        return None
    # A constructor may take other arguments than the exception keeps; then it is not called.
    ways: list[tuple[Any, tuple[Any, ...]]] = [
        (kind, args),
        (kind.__new__, (kind, *args)),
        (kind, (text,)),
    ]
    for make, given in ways:
        try:
            error = make(*given)
            vars(error).update(attributes)
        except Exception:  # noqa: BLE001, S112  Whatever a class of the user's does.
            continue
        if type(error) is kind and _text(error) == text:
            return error
    return None


def _text(error: BaseException) -> str:
    try:
        return str(error).encode("utf-8", "replace").decode()
    except Exception as failure:  # noqa: BLE001  Whatever a class of the user's does.
        return f"<no message: {type(failure).__name__} in its __str__>"
