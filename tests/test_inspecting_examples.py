"""What is told of the two examples."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from pescador import check, explain, graph, profile, stream
from pescador.ops import batch, mux

pytest.importorskip("sklearn")

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def iris():
    from sklearn.datasets import load_iris

    described = runpy.run_path(str(EXAMPLES / "iris.py"))
    return described["by_pipeline"](*load_iris(return_X_y=True), seed=0)


@pytest.fixture
def mixture(tmp_path):
    from sklearn.datasets import load_digits

    made = runpy.run_path(str(EXAMPLES / "mixture.py"))
    paths = made["write_files"](tmp_path, *load_digits(return_X_y=True))
    open_files = made["OpenFiles"]()
    pool = {path.stem: stream(made["samples"], path, open_files) for path in paths}
    described = pool | mux(16, lam=None, mode="exhaustive", random_state=0) | batch(32)
    return described, open_files


def test_iris_is_explained(iris):
    source, member, mixture, bound = explain(iris).rows
    assert source.step == "pool of 4 streams"
    assert member.step.startswith("└─ 0 and 3 like it: stream(noisy_samples, ")
    assert member.functions[0].startswith(f"{Path('examples', 'iris.py')}:")
    assert (mixture.step, mixture.seeded) == ("mux(2, lam=16, random_state=0)", True)
    assert bound.step == "take(1000)"
    assert graph(iris).count("-->") == 3


def test_iris_is_profiled(iris):
    found = profile(iris, n=100)
    assert [step.elements for step in found.steps][1:] == [100, 100, 100]
    assert found.steps[1].nbytes == 100 * (16 * 4 * 8 + 16 * 8)
    (pool,) = found.pools
    assert sum(one.elements for one in pool.streams) == 100
    assert sum(one.activations - one.retirements for one in pool.streams) == 2


def test_mixture_is_explained(mixture):
    described, open_files = mixture
    rows = explain(described).rows
    assert [row.step for row in rows][::2] == [
        "pool of 200 streams",
        "mux(16, lam=None, mode='exhaustive', random_state=0)",
    ]
    assert rows[1].step.startswith("└─ '000' and 199 like it: stream(samples, ")
    assert open_files.opened == 0


def test_mixture_is_profiled(mixture):
    described, open_files = mixture
    found = profile(described, n=40)
    assert [step.elements for step in found.steps][1:] == [1280, 1280, 40]
    (pool,) = found.pools
    activated = sum(one.activations for one in pool.streams)
    assert activated - 16 <= open_files.opened <= activated  # The last may not have begun.
    assert open_files.most == 16
    assert all(file.closed for file in open_files.files)


def test_there_is_nothing_wrong_with_them(iris, mixture):
    assert check(iris) == check(mixture[0]) == []
