"""The examples, run as the README has them run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def printed(example):
    """What stands after each label of the example's output."""
    run = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / example],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert not run.stderr
    return run.stdout


def figures(output, pattern):
    return [float(figure) for figure in re.findall(pattern, output)]


def test_iris():
    output = printed("iris.py")
    assert "The same 1000 batches, in classes and as a pipeline" in output
    accuracies = figures(output, r"(?m)^Test accuracy: (\d\.\d{3})$")
    assert len(accuracies) == 3
    assert min(accuracies) > 0.4  # A guess is right in one of three.
    (mean,) = figures(output, r"(?m)^Mean test accuracy: (\d\.\d{3})$")
    assert mean == pytest.approx(sum(accuracies) / 3, abs=0.001)
    assert mean > 0.6


def test_out_of_core():
    output = printed("out_of_core.py")
    (accuracy,) = figures(output, r"(?m)^Test accuracy: (\d\.\d{3})$")
    assert accuracy > 0.85  # A guess is right in one of ten.
    (speed,) = figures(output, r"(?m)^Samples per second: (\d+)$")
    assert speed > 0
    most, files, times = map(
        int, re.search(r"Files open at most: (\d+), of (\d+), opened (\d+) times", output).groups()
    )
    assert most == 16
    assert files == 200
    assert times > files
