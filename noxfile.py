"""Every check of the project: `nox` runs those for each change, `nox -s full` the rest."""

import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "venv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["lint", "types", "docs", "examples", "tests"]


@nox.session
def lint(session: nox.Session) -> None:
    """Style, import contracts and docstrings."""
    session.install("-e", ".[lint]")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports", "--no-logo")
    # Beside a pyproject.toml numpydoc does not read setup.cfg; in a folder of its own it does.
    obey = shutil.copy("setup.cfg", session.create_tmp())
    modules = sorted(map(str, Path("pescador").rglob("*.py")))
    session.run("numpydoc", "lint", "--config", str(Path(obey).parent), *modules)


@nox.session
def types(session: nox.Session) -> None:
    """The package and its public typing, under two type checkers."""
    session.install("-e", ".[types]")
    session.run("mypy")
    session.run("basedpyright")


@nox.session
def docs(session: nox.Session) -> None:
    """Documentation, every warning an error, every reference resolved."""
    session.install("-e", ".[docs]")
    session.run(
        *("sphinx-build", "--builder", "html", "--fresh-env"),
        *("--fail-on-warning", "--keep-going", "--nitpicky"),
        *("docs", "docs/_build/html"),
    )


@nox.session
def examples(session: nox.Session) -> None:
    """The examples, as the README has them run."""
    session.install(".[examples]")
    for example in sorted(Path("examples").glob("*.py")):
        session.run("python", str(example))


@nox.session
def tests(session: nox.Session) -> None:
    """The README's test command, with coverage."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs, env={"PYTEST_ADDOPTS": "--cov --cov-config=setup.cfg"})


HERE = "{}.{}".format(*sys.version_info)


@nox.session
@nox.parametrize(
    ("python", "options"),
    [
        nox.param(HERE, ["-m", "not frameworks", "--tries", "100"], id="stress"),
        nox.param("3.12", [], id="3.12"),
        nox.param("3.13", [], id="3.13"),
        nox.param(HERE, ["--start-method", "forkserver"], id="forkserver"),
        nox.param(
            HERE,
            ["-m", "processes", "--without", "memfd_create", "--without", "pidfd_open"],
            id="without",
        ),
    ],
)
def full(session: nox.Session, options: list[str]) -> None:
    """What takes too long for each change: in random order, in parallel, and elsewhere."""
    session.install("-e", ".[full]")
    session.run("pytest", "-n", "2", *options, *session.posargs)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Speed, in brief."""
    session.install("-e", ".[benchmarks]")
    session.run("python", "-m", "benchmarks", "--quick", *session.posargs)
