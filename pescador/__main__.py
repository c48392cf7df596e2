"""The command line: inspects a stream that is defined in a module."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from operator import attrgetter
from typing import Any

from pescador.core import Stream, stream
from pescador.errors import PescadorError
from pescador.inspecting import check, explain, graph, profile

__all__ = ["main"]

READINGS = {
    "explain": "show its steps: lengths, seeds, processes, and where their functions are defined",
    "graph": "draw its steps, as the text of a Mermaid flowchart",
    "check": "list the problems that it will have; the exit status is 1 if there are any",
    "profile": "run it, and show where the time goes",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Inspect a stream as the command line says.

    Parameters
    ----------
    arguments : sequence of str or None, default=None
        The inspection and the stream: ``["check", "module:name"]``; None for those of the command
        line.

    Returns
    -------
    int
        The exit status: 1 if `check` finds a problem, else 0.

    Examples
    --------
    >>> main(["check", "string:ascii_letters"])
    Nothing found.
    0
    """
    parser = argparse.ArgumentParser("python -m pescador", description=__doc__)
    readings = parser.add_subparsers(dest="reading", required=True, metavar="how")
    for name, does in READINGS.items():
        reading = readings.add_parser(name, help=does, description=f"For a stream, {does}.")
        reading.add_argument(
            "stream",
            metavar="module:name",
            help="the module that defines the stream, and its name there",
        )
        if name == "profile":
            reading.add_argument("-n", type=int, default=1000, help="the number of elements to run")
    given = parser.parse_args(arguments)
    try:
        described = _found(given.stream)
    except (LookupError, PescadorError) as error:
        parser.error(str(error))
    if given.reading == "check":
        findings = check(described)
        _show("\n".join(map(str, findings)) or "Nothing found.")
        return int(bool(findings))
    if given.reading == "profile":
        _show(profile(described, given.n))
    else:
        _show({"explain": explain, "graph": graph}[given.reading](described))
    return 0


def _found(place: str) -> Stream[Any]:
    """Import the stream that ``module:name`` names."""
    module_name, _, name = place.partition(":")
    if not (module_name and name):
        raise LookupError(f"{place!r} is not like module:name")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # The module exists; it imports one that does not.
        raise LookupError(f"there is no module {error.name!r}") from None
    try:
        return stream(attrgetter(name)(module))
    except AttributeError as error:
        known = [
            key
            for key, value in vars(module).items()
            if isinstance(getattr(value, "stream", value), Stream)
        ]
        streams = f"; its streams are {', '.join(known)}" if known else ""
        raise LookupError(f"{error}{streams}") from None


def _show(found: object) -> None:
    """Print a result, by rich if that is installed and the output is a terminal."""
    if sys.stdout.isatty() and find_spec("rich"):
        from rich.console import Console

        Console().print(found)
    else:
        sys.stdout.write(f"{found}\n")


if __name__ == "__main__":
    sys.exit(main())
