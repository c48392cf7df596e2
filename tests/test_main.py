"""The command line, as one writes it in a shell."""

from __future__ import annotations

import os
import runpy
import sys

import pytest

from pescador import __main__

MODULE = """
from pescador import Streamer, stream
from pescador.ops import batch, chain, mux, take

def numbers(n):
    yield from range(n)

batches = [stream(numbers, n) for n in (5, 6)] | mux(2, random_state=0) | batch(4)
short = range(3) | take(4)
old = Streamer(numbers, 3)

class Held:
    letters = "ab" | take(1)
"""


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    """What a command prints, its errors, and its exit status."""
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("import nowhere")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["pescador", *arguments])
        with pytest.raises(SystemExit) as left:
            runpy.run_path(__main__.__file__, run_name="__main__")
        return *capsys.readouterr(), left.value.code

    return run


def test_it_is_run_by_the_name_of_the_package(programs, tmp_path):
    (tmp_path / "mine.py").write_text(MODULE)
    command = (sys.executable, "-m", "pescador", "check", "mine:short")
    ran = programs.run(*command, cwd=tmp_path)
    assert (ran.stdout.partition(":")[0], ran.stderr, ran.returncode) == ("warning", "", 1)


def test_in_a_terminal_it_is_printed_by_rich(monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    control, terminal = pytest.importorskip("pty").openpty()
    with os.fdopen(control, "rb", buffering=0) as screen, os.fdopen(terminal, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert __main__.main(["explain", "string:digits"]) == 0
        stdout.flush()
        printed = screen.read(10_000).decode()
    assert "stream('0123456789')" in printed
    assert "\x1b[1mstep" in printed  # in bold


def test_explain(shell):
    output, error, status = shell("explain", "mine:batches")
    assert (error, status) == ("", 0)
    assert output.splitlines()[:3] == [
        "step                                     length  seed   functions",
        "pool of 2 streams                             2",
        "└─ 0 and 1 like it: stream(numbers, 5)  unknown         mine.py:5",
    ]


def test_graph(shell):
    output, error, status = shell("graph", "mine:batches")
    assert (error, status) == ("", 0)
    assert output.startswith("flowchart TD\n")


def test_profile(shell):
    output, error, status = shell("profile", "mine:batches", "-n", "7")
    assert (error, status) == ("", 0)
    assert output.startswith("7 elements in ")


def test_check_that_finds_something(shell):
    assert shell("check", "mine:short") == (
        "warning: take(4): there are only 3 elements; instead: take(3)\n",
        "",
        1,
    )


@pytest.mark.parametrize("name", ["batches", "old", "Held.letters"])
def test_check_that_finds_nothing(shell, name):
    assert shell("check", f"mine:{name}") == ("Nothing found.\n", "", 0)


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("mine", "'mine' is not like module:name"),
        (":batches", "':batches' is not like module:name"),
        ("yours:batches", "there is no module 'yours'"),
        ("yours.too:batches", "there is no module 'yours'"),
        (
            "mine:no",
            "module 'mine' has no attribute 'no'; its streams are batches, short, old",
        ),
        ("string:nothing", "module 'string' has no attribute 'nothing'"),
        ("sys:maxsize", f"stream({sys.maxsize}): a source must be iterable, or a function"),
    ],
)
def test_a_stream_that_is_not_there(shell, place, problem):
    output, error, status = shell("explain", place)
    assert (output, status) == ("", 2)
    assert f"python -m pescador: error: {problem}" in error


def test_a_module_that_lacks_another(shell):
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        shell("explain", "broken:batches")


@pytest.mark.parametrize("arguments", [[], ["look", "mine:batches"], ["profile"]])
def test_what_cannot_be_parsed(shell, arguments):
    output, error, status = shell(*arguments)
    assert (output, status) == ("", 2)
    assert "usage: python -m pescador" in error
