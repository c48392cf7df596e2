"""The examples, run as the README has them run."""

from __future__ import annotations

import re
import sys

import pytest

from programs import ROOT


def printed(programs, example):
    """What the example prints."""
    run = programs.run(sys.executable, "-W", "error", ROOT / "examples" / example)
    assert run.returncode == 0, run.stderr
    assert not run.stderr
    return run.stdout


def figures(output, pattern):
    return [float(figure) for figure in re.findall(pattern, output)]


def test_iris(programs):
    output = printed(programs, "iris.py")
    assert "The same 1000 batches, in classes and as a pipeline" in output
    accuracies = figures(output, r"(?m)^Test accuracy: (\d\.\d{3})$")
    assert len(accuracies) == 3
    assert min(accuracies) > 0.4  # A guess is right in one of three.
    (mean,) = figures(output, r"(?m)^Mean test accuracy: (\d\.\d{3})$")
    assert mean == pytest.approx(sum(accuracies) / 3, abs=0.001)
    assert mean > 0.6


def test_out_of_core(programs):
    output = printed(programs, "out_of_core.py")
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
