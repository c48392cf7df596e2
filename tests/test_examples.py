"""The examples, run as the README has them run."""

from __future__ import annotations

import re
import sys

import pytest

from programs import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def printed(programs, example):
    """Run an example, which ends well and warns of nothing, and return its output."""
    run = programs.run(sys.executable, "-W", "error", ROOT / "examples" / example)
    assert run.returncode == 0, run.stderr
    assert not run.stderr
    return run.stdout


def figures(output, pattern):
    return [float(figure) for figure in re.findall(pattern, output)]


def test_mixture(programs):
    output = printed(programs, "mixture.py")
    in_memory, in_order, mixed, again = figures(output, r"accuracy (\d\.\d{3})")
    assert in_memory > 0.9
    assert in_order < 0.5
    assert mixed == again
    assert mixed > in_memory - 0.02
    accuracy = r"\d\.\d{3}"  # The README's may be those of another release of scikit-learn.
    assert re.sub(accuracy, "", output) in re.sub(accuracy, "", README)
    most = re.findall(r"at most (\d+) of (\d+) files open at once", output)
    assert most == [("1", "200"), ("16", "200"), ("16", "200")]


def test_iris(programs):
    output = printed(programs, "iris.py")
    assert "The same 1000 batches, in classes and as a pipeline" in output
    scores = r"(\d\.\d{3}), fitted without noise in memory: (\d\.\d{3})$"
    accuracies = re.findall(rf"(?m)^Test accuracy: {scores}", output)
    assert len(accuracies) == 3
    (means,) = re.findall(rf"(?m)^Mean test accuracy: {scores}", output)
    mean, in_memory = map(float, means)
    assert mean == pytest.approx(sum(float(one) for one, _ in accuracies) / 3, abs=0.001)
    assert mean > in_memory - 0.05
    assert mean > 0.85


@pytest.mark.parametrize("start_method", ["fork", "forkserver", "spawn"])
def test_the_script_of_the_readme(start_method, tmp_path, programs):
    script, expected = re.search(
        r"```python\n([^>].*?)```\s*```text\n(.*?)```", README, re.DOTALL
    ).groups()
    path = tmp_path / "script.py"
    guard = 'if __name__ == "__main__":\n'
    started = f"import multiprocessing\n    multiprocessing.set_start_method({start_method!r})"
    path.write_text(script.replace(guard, f"{guard}    {started}\n"))
    assert guard in script
    assert printed(programs, path) == expected
