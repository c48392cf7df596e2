"""Both type checkers infer what ``tests/typing`` says, where they are installed."""

import sys
from importlib.util import find_spec

import pytest

from programs import ROOT, Programs

CHECKERS = {
    "mypy": ["--config-file", "setup.cfg", "--follow-imports", "silent"],
    "basedpyright": ["--pythonpath", sys.executable],
}


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_public_types(checker: str, programs: Programs) -> None:
    if find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed")
    command = (sys.executable, "-m", checker, *CHECKERS[checker], "tests/typing")
    run = programs.run(*command, cwd=ROOT)
    assert run.returncode == 0, run.stdout + run.stderr
