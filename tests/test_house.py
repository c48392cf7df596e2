"""The house: what stands in several places stands in all of them, under the same name."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import itertools
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pescador
import pescador.testing
from pescador import Op, ops
from strategies import OPERATORS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs" / "reference"

KINDS = {
    module.name: importlib.import_module(f"pescador.ops.{module.name}")
    for module in pkgutil.iter_modules(ops.__path__)
}
PACKAGE = [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(pescador.__path__, "pescador.")
    if not module.name.endswith("__main__")
]
PUBLIC = [pescador, ops, pescador.testing]

of_each_kind = pytest.mark.parametrize("kind", KINDS)
of_each_module = pytest.mark.parametrize("module", PACKAGE, ids=[m.__name__ for m in PACKAGE])
of_each_operator = pytest.mark.parametrize("name", ops.__all__)


def documented(page: Path) -> list[str]:
    """What a page has ``auto...`` directives for, or ``data``, by its last name."""
    directives = re.findall(r"^\.\. (?:auto\w+|data):: ([\w.]+)", page.read_text(), re.MULTILINE)
    return [name.rpartition(".")[2] for name in directives]


def test_every_operator_is_listed() -> None:
    of_a_kind = [name for module in KINDS.values() for name in module.__all__]
    assert sorted(of_a_kind) == ops.__all__


@of_each_operator
def test_every_operator_has_a_model_and_a_strategy(name: str) -> None:
    assert name in OPERATORS


def test_every_model_has_an_operator() -> None:
    assert sorted(OPERATORS) == ops.__all__


@of_each_kind
def test_every_operator_is_on_the_page_of_its_kind(kind: str) -> None:
    assert sorted(documented(DOCS / "operators" / f"{kind}.rst")) == sorted(KINDS[kind].__all__)


@of_each_kind
def test_every_kind_has_its_tests(kind: str) -> None:
    assert (ROOT / "tests" / f"test_{kind}.py").exists()


def test_every_page_of_operators_is_a_kind() -> None:
    pages = {page.stem for page in (DOCS / "operators").glob("*.rst")}
    assert pages == {*KINDS, "index"}


@of_each_operator
def test_operators_are_frozen_values_in_lower_case(name: str) -> None:
    operator: Any = getattr(ops, name)
    assert name == name.lower() == operator.__name__
    assert issubclass(operator, Op)
    assert dataclasses.is_dataclass(operator)
    assert operator.__dataclass_params__.frozen
    assert not operator.__dictoffset__


def test_every_law_is_told() -> None:
    tests = (ROOT / "tests" / "test_laws.py").read_text()
    told = (ROOT / "docs" / "explanation" / "laws.rst").read_text()
    written = re.findall(r"^(?:def )?(test_\w+)", tests, re.MULTILINE)
    assert {*re.findall(r"``(test_\w+)``", told)} == {*written}


def test_every_promise_is_tested() -> None:
    told = (ROOT / "docs" / "explanation" / "guarantees.rst").read_text()
    tests = "".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))
    written = re.findall(r"^(?:def )?(test_\w+)", tests, re.MULTILINE)
    assert {*re.findall(r"``(test_\w+)``", told)} <= {*written}


def made_by(package: str, module: ModuleType) -> set[str]:
    """The names of a module without an underscore whose classes and functions a package made."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__.startswith(package)
    }


@of_each_module
def test_every_name_of_a_module_is_there(module: ModuleType) -> None:
    names = getattr(module, "__all__", [])
    assert len({*names}) == len(names)
    assert [name for name in names if not hasattr(module, name)] == []


def test_no_public_name_is_missing() -> None:
    assert made_by("pescador", pescador) - {*pescador.__all__, "StreamLearner"} == set()
    assert made_by("pescador", ops) == {*ops.__all__}
    assert made_by("pescador.testing", pescador.testing) - {*pescador.testing.__all__} == set()


def test_every_public_name_is_in_the_reference() -> None:
    told = {name for page in DOCS.rglob("*.rst") for name in documented(page)}
    public = {name for module in PUBLIC for name in module.__all__} | {"StreamLearner"}
    assert public - told == set()


def public_objects() -> list[Any]:
    objects = [getattr(module, name) for module in PUBLIC for name in module.__all__]
    return [value for value in objects if inspect.isclass(value) or inspect.isfunction(value)]


@pytest.mark.parametrize("value", public_objects(), ids=lambda v: f"{v.__module__}.{v.__name__}")
def test_every_public_name_has_a_docstring(value: Any) -> None:
    assert vars(value)["__doc__"] if inspect.isclass(value) else value.__doc__
    for name, member in vars(value).items() if inspect.isclass(value) else ():
        function = getattr(member, "fget", None) or getattr(member, "__func__", member)
        if not name.startswith("_") and inspect.isfunction(function):
            assert inspect.getdoc(getattr(value, name)), name


@of_each_module
def test_every_module_opens_with_one_sentence(module: ModuleType) -> None:
    docstring = ast.get_docstring(ast.parse(Path(str(module.__file__)).read_text()))
    assert docstring is not None
    assert docstring.endswith(".")
    assert "\n\n" not in docstring


def imported_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after a statement."""
    code = f"import json, sys; {statement}; print(json.dumps([*sys.modules]))"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(run.stdout)}


def optional() -> set[str]:
    """What the extras install, by the names under which it is imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = itertools.chain.from_iterable(project["optional-dependencies"].values())
    names = {re.split(r"[^\w-]", extra)[0].replace("-", "_") for extra in extras}
    measuring = {"coverage"}  # Where it measures, it is in every interpreter.
    return names - {"pescador"} - measuring | {"sklearn", "torch", "pandas", "scipy", "IPython"}


@pytest.mark.parametrize(
    "statement",
    ["import pescador", "from pescador import *", "import pescador.ops", "import pescador.testing"],
)
def test_importing_takes_no_extra(statement: str) -> None:
    loaded = imported_by(statement)
    assert "pescador" in loaded
    assert "numpy" in loaded
    assert loaded & optional() == set()


def test_importing_leaves_what_only_few_runs_need() -> None:
    assert {"hashlib", "pathlib", "secrets"}.isdisjoint(
        imported_by("import pescador") - imported_by("import numpy")
    )


def test_what_an_extra_gives_is_imported_when_it_is_asked_for() -> None:
    pytest.importorskip("sklearn")
    assert "sklearn" in imported_by("from pescador import StreamLearner")
    with pytest.raises(AttributeError, match="module 'pescador' has no attribute 'Learner'"):
        pescador.Learner  # noqa: B018
