"""The house: what stands in several places stands in all of them, under the same name."""

from __future__ import annotations

import ast
import bisect
import dataclasses
import importlib
import inspect
import io
import itertools
import json
import pkgutil
import re
import runpy
import sys
import tokenize
import tomllib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pescador
import pescador.testing
from pescador import Op, ops
from programs import ROOT, Programs
from strategies import OPERATORS

DOCS = ROOT / "docs" / "reference"
TESTS = ROOT / "tests"

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


def assert_same(names: Iterable[str], others: Iterable[str], place: str, other: str) -> None:
    """Two places have the same names; the message says what to add, and where."""
    names, others = {*names}, {*others}
    assert not names - others, f"add {', '.join(sorted(names - others))} to {other}"
    assert not others - names, f"add {', '.join(sorted(others - names))} to {place}"


def test_every_operator_is_listed() -> None:
    kinds = [name for module in KINDS.values() for name in module.__all__]
    of_its_kind = "__all__ of the file of its kind in pescador/ops/"
    listed = "the imports and to __all__ of pescador/ops/__init__.py"
    assert_same(kinds, ops.__all__, of_its_kind, listed)
    assert len(kinds) == len({*kinds}), "two kinds have an operator of one name"


def test_every_operator_has_a_model_and_a_strategy() -> None:
    row = "OPERATORS in tests/strategies.py: what it takes, its strategy and its model"
    assert_same(OPERATORS, ops.__all__, row, "pescador.ops")


@of_each_kind
def test_every_operator_is_on_the_page_of_its_kind(kind: str) -> None:
    page = f"docs/reference/operators/{kind}.rst"
    file = f"__all__ of pescador/ops/{kind}"
    told = documented(ROOT / page)
    assert_same(told, KINDS[kind].__all__, f"{page}, as `.. autoclass:: NAME`", file)


def test_every_operator_is_in_the_table_of_the_readme() -> None:
    (section,) = re.findall(r"(?ms)^## Operators\n(.*?)^## ", (ROOT / "README.md").read_text())
    rows = "".join(line for line in section.splitlines() if line.startswith("|"))
    told = re.findall(r"`(\w+)\(", rows)
    assert_same(told, ops.__all__, "the table of operators in README.md", "pescador.ops")


def test_every_operator_is_in_the_table_of_the_reference() -> None:
    page = "docs/reference/operators/index.rst"
    told = re.findall(r"^      .*", (ROOT / page).read_text(), re.MULTILINE)
    names = re.findall(r":class:`~pescador\.ops\.(\w+)`", "".join(told))
    assert_same(names, ops.__all__, f"the table of {page}", "pescador.ops")


def test_the_length_of_every_operator_is_tested() -> None:
    told = re.findall(r"\bops\.(\w+)\(", (TESTS / "test_length.py").read_text())
    rows = "STEPS or POOLS in tests/test_length.py: a stream and its length"
    assert_same(told, ops.__all__, rows, "pescador.ops")


@of_each_kind
def test_every_kind_has_its_tests(kind: str) -> None:
    assert (TESTS / f"test_{kind}.py").exists(), f"add tests/test_{kind}.py"


def test_every_page_of_operators_is_a_kind() -> None:
    pages = {page.stem for page in (DOCS / "operators").glob("*.rst")}
    assert_same(pages, {*KINDS, "index"}, "docs/reference/operators/", "pescador/ops/")


@of_each_operator
def test_operators_are_frozen_values_in_lower_case(name: str) -> None:
    operator: Any = getattr(ops, name)
    assert name == name.lower() == operator.__name__, f"name the class {name.lower()}"
    assert issubclass(operator, Op), f"derive {name} from Op, Same or Join"
    decorated = f"decorate {name} with @dataclass(frozen=True, slots=True, eq=False, repr=False)"
    assert dataclasses.is_dataclass(operator), decorated
    assert operator.__dataclass_params__.frozen, decorated
    assert not operator.__dictoffset__, decorated


def test_every_law_is_told() -> None:
    tests = (TESTS / "test_laws.py").read_text()
    page = "docs/explanation/laws.rst"
    told = re.findall(r"``(test_\w+)``", (ROOT / page).read_text())
    written = re.findall(r"^(?:def )?(test_\w+)", tests, re.MULTILINE)
    assert_same(told, written, f"what {page} says a law is held by", "tests/test_laws.py")


def test_every_promise_is_tested() -> None:
    told = (ROOT / "docs" / "explanation" / "guarantees.rst").read_text()
    tests = "".join(path.read_text() for path in TESTS.glob("test_*.py"))
    written = re.findall(r"^(?:def )?(test_\w+)", tests, re.MULTILINE)
    missing = {*re.findall(r"``(test_\w+)``", told)} - {*written}
    assert not missing, f"write {missing}, or have docs/explanation/guarantees.rst name other tests"


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
    assert len({*names}) == len(names), f"__all__ of {module.__name__} has a name twice"
    missing = [name for name in names if not hasattr(module, name)]
    assert not missing, f"remove {missing} from __all__ of {module.__name__}, or define them"


def test_no_public_name_is_missing() -> None:
    pickled = {kind.__name__ for kind in pescador.PICKLED}
    for package, module in zip(("pescador", "pescador", "pescador.testing"), PUBLIC, strict=True):
        missing = made_by(package, module) - {*module.__all__, "StreamLearner"}
        missing -= pickled if module is pescador else set()
        assert not missing, f"add {missing} to __all__ of {module.__name__}, or an underscore"


def test_every_public_name_is_in_the_reference() -> None:
    told = {name for page in DOCS.rglob("*.rst") for name in documented(page)}
    public = {name for module in PUBLIC for name in module.__all__} | {"StreamLearner"}
    assert not public - told, f"add {public - told} to a page of docs/reference/, as auto..."


def public_objects() -> list[Any]:
    objects = [getattr(module, name) for module in PUBLIC for name in module.__all__]
    return [value for value in objects if inspect.isclass(value) or inspect.isfunction(value)]


@pytest.mark.parametrize("value", public_objects(), ids=lambda v: f"{v.__module__}.{v.__name__}")
def test_every_public_name_has_a_docstring(value: Any) -> None:
    documented = vars(value)["__doc__"] if inspect.isclass(value) else value.__doc__
    assert documented, f"write a docstring for {value.__name__}"
    for name, member in vars(value).items() if inspect.isclass(value) else ():
        function = getattr(member, "fget", None) or getattr(member, "__func__", member)
        if not name.startswith("_") and inspect.isfunction(function):
            assert inspect.getdoc(getattr(value, name)), f"write a docstring for {name}"


@of_each_module
def test_every_module_opens_with_one_sentence(module: ModuleType) -> None:
    docstring = ast.get_docstring(ast.parse(Path(str(module.__file__)).read_text())) or ""
    one = f"open {module.__name__} with one sentence that says what belongs there"
    assert docstring.endswith("."), one
    assert "\n\n" not in docstring, one


@pytest.mark.parametrize(
    "path", sorted({*TESTS.glob("*.py")} - {TESTS / "programs.py"}), ids=lambda path: path.name
)
def test_no_test_sleeps_or_starts_programs_by_itself(path: Path) -> None:
    """Such a test fails under load, or leaves processes behind where it fails."""
    nodes = [*ast.walk(ast.parse(path.read_text()))]
    imported = {
        alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    banned = {"time", "subprocess"} & imported
    assert not banned, (
        f"{path.name} imports {banned}: start programs by the fixture `programs`, wait for events "
        "as tests/programs.py and Tally in tests/sources.py do, and measure time in benchmarks/"
    )


def imported_by(programs: Programs, statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after a statement."""
    code = f"import json, sys; {statement}; print(json.dumps([*sys.modules]))"
    run = programs.run(sys.executable, "-c", code)
    assert run.returncode == 0, run.stderr
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
def test_importing_takes_no_extra(programs: Programs, statement: str) -> None:
    loaded = imported_by(programs, statement)
    assert "pescador" in loaded
    assert "numpy" in loaded
    extras = loaded & optional()
    assert not extras, f"import {extras} where they are used, not at the top of a module"


def test_importing_leaves_what_only_few_runs_need(programs: Programs) -> None:
    loaded = imported_by(programs, "import pescador") - imported_by(programs, "import numpy")
    early = {"hashlib", "pathlib", "secrets"} & loaded
    assert not early, f"import {early} where they are used, not at the top of a module"


def test_what_an_extra_gives_is_imported_when_it_is_asked_for(programs: Programs) -> None:
    pytest.importorskip("sklearn")
    assert "sklearn" in imported_by(programs, "from pescador import StreamLearner")
    with pytest.raises(AttributeError, match="module 'pescador' has no attribute 'Learner'"):
        pescador.Learner  # noqa: B018


# Slips in prose, and what to write instead: words that were wrong nearly wherever they were found.
SLIPS = {
    r"(?<!there )(?:is|are|was|were) no(?![-\w])(?! (?:longer|more|less)\b)": "is not a",
    r"(?<!there )(?:is|are|was|were) (?-i:none)": "is not a",  # But None is a value.
    r"alike": "equal, or of the same structure",
    r"anew": "again",
    r"beside": "compared with, next to, or besides",
    r"com(?:es?|ing) (?:of|by)|came (?:of|by)": "comes from, gets",
    r"dealt": "sharded by member",
    r"dear(?:er|est)?": "expensive",
    r"heard": "received",
    r"hungry": "starved",
    r"so-manie\w+": "n-th",
    r"(?:stands?|stood)(?! (?:for|out)\b)": "is",
    r"tells? (?:how|of|what|when)|told (?:by|in|of|once)": "says, explains, or is known from",
    r"travel\w*": "is sent",
    r"under way": "in flight",
    r"whatever (?:its|the|their)": "regardless of",
}
CODE = re.compile(
    r"^ *>>>.*(?:\n.*\S.*)*"  # A doctest, until an empty line.
    r"|^( *)\.\. (?:code-block|output|math)::.*(?:\n(?:\1 .*|[ ]*$))*"
    r"|^ *\.\. [\w-]+::.*$"
    r"|^ *```[\s\S]*?^ *```"
    r"|``[^`]+``|`[^`]+`"
    r"|^ *\w+ : .*$"  # A parameter, in numpydoc.
    r"|\{[^{}]*\}",
    re.MULTILINE,
)
PROSE = [
    *sorted((ROOT / "pescador").rglob("*.py")),
    *sorted((ROOT / "docs").rglob("*.rst")),
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
]


def lines_of_prose(path: Path) -> list[str]:
    """The prose of a page, or of the strings and comments of a module, line by line."""
    text = path.read_text()
    if path.suffix != ".py":
        return without_code(text)
    lines = [""] * (text.count("\n") + 2)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if tokenize.tok_name[token.type] in {"STRING", "FSTRING_MIDDLE", "COMMENT"}:
            for number, line in enumerate(without_code(token.string), token.start[0]):
                # A string without a space is a name, or a value.
                if " " in token.string:
                    lines[number] += " {} ".format(line.strip("#\"' "))
    return lines[1:]


def without_code(text: str) -> list[str]:
    return CODE.sub(lambda code: re.sub(r".+", "·", code[0]), text).split("\n")


def slips(lines: list[str]) -> list[str]:
    """Each slip, as ``line: slip: what to write``; it may run on from a line to the next."""
    lines = [" ".join(line.split()) for line in lines]
    starts = [0, *itertools.accumulate(len(line) + 1 for line in lines)]
    return [
        f"{bisect.bisect(starts, slip.start())}: {slip[0]!r}: write {cure!r}"
        for pattern, cure in SLIPS.items()
        for slip in re.finditer(rf"\b(?:{pattern})\b", " ".join(lines), re.IGNORECASE)
    ]


@pytest.mark.parametrize("path", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_is_plain(path: Path) -> None:
    found = [f"{path.relative_to(ROOT)}:{slip}" for slip in slips(lines_of_prose(path))]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A run is\nno longer open; there is no file, and x is None.", []),
        ("A bool\nis\nno number.", ["2: 'is no'"]),
        ("It is `no` number, `alike` is a function.\n\n>>> alike(1, 2)  # anew\nTrue", []),
        ("alike : int\n    Streams that are alike.", ["2: 'alike'"]),
    ],
)
def test_slips_are_found_in_prose_alone(text: str, found: list[str]) -> None:
    assert [slip.partition(": write")[0] for slip in slips(without_code(text))] == found


def test_the_layout_is_drawn_as_it_is() -> None:
    drawn = runpy.run_path(str(ROOT / "docs" / "layout.py"))["drawing"]()
    assert drawn in (ROOT / "CONTRIBUTING.md").read_text(), "run python docs/layout.py"
