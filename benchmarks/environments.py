"""Virtual environments, made from the package registry once and kept in a cache folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

from benchmarks.contenders import Environment

# Tells a worker which folder the command line named.
CACHE = "PESCADOR_BENCHMARKS"


class InstallError(Exception):
    """An environment that could not be made, with pip's last words."""


def default_cache() -> Path:
    """Return the folder for environments and data: the one named, or in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get(CACHE) or Path(base).expanduser() / "pescador-benchmarks")


def _python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _pip_install(python: Path, requirements: tuple[str, ...]) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stdout.strip().splitlines()[-1:] or ["pip failed"]
        raise InstallError(last[0])


def _run_at_startup(python: Path, line: str) -> None:
    """Have an environment's interpreter run a line before anything else, by a `.pth` file."""
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([python, "-c", ask], stdout=subprocess.PIPE, text=True, check=True)
    Path(done.stdout.strip(), "benchmarks_startup.pth").write_text(line + "\n")


def make(environment: Environment, cache: Path) -> Path:
    """Return the interpreter of an environment, made now unless the cache holds it.

    Parameters
    ----------
    environment : Environment
        What to install.
    cache : Path
        Folder that holds the environments.

    Returns
    -------
    Path
        The environment's Python.

    Raises
    ------
    InstallError
        If a requirement does not install on this Python.
    """
    requirements = (*environment.requirements, f"numpy=={version('numpy')}")
    recipe = json.dumps([sys.version, requirements, environment.startup])
    key = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    folder = cache / f"{environment.name}-{key}"
    python = _python_of(folder)
    complete = folder / "complete"
    if complete.exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    _pip_install(python, requirements)
    if environment.startup:
        _run_at_startup(python, environment.startup)
    complete.write_text(recipe + "\n")
    return python
