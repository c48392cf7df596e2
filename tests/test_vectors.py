"""Sequences that published releases gave, drawn again through the classes and the operators."""

import json
from itertools import count, islice
from pathlib import Path

import pytest

import pescador
from pescador import ops
from pescador.ops.mixing import stochastic_mux

pytestmark = pytest.mark.recorded


def recorded(name):
    """The cases of a file, each with an id that says its class, place and parameters."""
    cases = json.loads(Path(__file__).with_name("data").joinpath(name).read_text())["cases"]
    for place, case in enumerate(cases):
        told = [
            f"{key}={value}"
            for key, value in case["params"].items()
            if key != "random_state" and not isinstance(value, list)
        ]
        yield pytest.param(case, id="-".join([case.get("cls", "cache"), str(place), *told]))


MUXES = [*recorded("mux-1.0.json"), *recorded("mux-3.0.json")]
CACHES = [*recorded("cache-3.0.json")]


def numbered(index, length):
    """(index, 0), (index, 1), ..., to so many or for ever."""
    for place in count() if length is None else range(length):
        yield index, place


def pool(case):
    return [pescador.stream(numbered, *pair) for pair in enumerate(case["lengths"])]


def operator(cls, params):
    """What the class is documented to be, as an operator."""
    if cls == "Mux":
        mode = "single_active" if params["revive"] else "exhaustive"
        return ops.mux(
            params["k"],
            params["lam"],
            weights=params["pool_weights"],
            mode="with_replacement" if params["with_replacement"] else mode,
            prune_empty=params["prune_empty_seeds"],
            random_state=params["random_state"],
        )
    if cls == "StochasticMux":
        return stochastic_mux(
            params["n_active"],
            params["rate"],
            weights=params["weights"],
            mode=params["mode"],
            dist="poisson_mean" if params["dist"] == "poisson" else params["dist"],
            prune_empty=params["prune_empty_streams"],
            random_state=params["random_state"],
        )
    if cls == "ChainMux":
        return ops.chain(params["mode"])
    return {"ShuffledMux": ops.shuffled, "RoundRobinMux": ops.round_robin}[cls](**params)


def assert_reproduced(items, case):
    assert [list(item) for item in islice(items, case["max_items"])] == case["expected"]


@pytest.mark.parametrize("case", MUXES)
def test_the_class_gives_the_recorded_sequence(case):
    streamers = [pescador.Streamer(numbered, *pair) for pair in enumerate(case["lengths"])]
    mux = getattr(pescador, case["cls"])(streamers, **case["params"])
    assert_reproduced(mux(max_batches=case["max_items"]), case)
    assert_reproduced(mux, case)


@pytest.mark.parametrize("case", MUXES)
def test_the_operator_gives_the_recorded_sequence(case):
    mixed = pool(case) | operator(case["cls"], case["params"])
    assert_reproduced(mixed, case)
    assert_reproduced(mixed | ops.take(case["max_items"]), case)


@pytest.mark.parametrize("case", CACHES)
def test_the_function_gives_the_recorded_sequence(case):
    assert list(pescador.cache(range(case["length"]), **case["params"])) == case["expected"]


@pytest.mark.parametrize("case", CACHES)
def test_the_cache_operator_gives_the_recorded_sequence(case):
    size, prob, seed = (case["params"][key] for key in ("n_cache", "prob", "random_state"))
    cached = range(case["length"]) | ops.cache(size, prob, random_state=seed)
    assert list(cached) == list(cached) == case["expected"]


def test_every_class_and_every_way_of_it_is_recorded():
    cases = [param.values[0] for param in MUXES]
    ways = {
        (case["cls"], *(case["params"].get(key) for key in ("mode", "dist", "with_replacement")))
        for case in cases
    }
    assert {cls for cls, *_ in ways} == {
        "Mux",
        "StochasticMux",
        "ShuffledMux",
        "RoundRobinMux",
        "ChainMux",
    }
    assert len([way for way in ways if way[0] == "StochasticMux"]) == 9
    assert len(MUXES) == 280
    assert len(CACHES) == 40
