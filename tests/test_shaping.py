"""What is made of each element: map, tuples, keras_tuples."""

from collections import ChainMap, OrderedDict, UserDict
from itertools import islice
from types import MappingProxyType

import numpy as np
import pytest

from pescador import DataError, MissingKeyError, stream
from pescador.ops import keras_tuples, take, tuples
from pescador.ops import map as apply
from sources import Fault, Recorded, failing, notes, until_fault

ELEMENTS = [{"X": np.full(2, i), "Y": i, "Z": str(i)} for i in range(4)]

# An operator, and what it makes of an element.
MODELS = [
    (apply(len), len),
    (apply(dict.copy), dict),
    (tuples("X"), lambda e: (e["X"],)),
    (tuples("Y", "X"), lambda e: (e["Y"], e["X"])),
    (tuples("X", "X", "Z"), lambda e: (e["X"], e["X"], e["Z"])),
    (keras_tuples("X"), lambda e: (e["X"], None)),
    (keras_tuples(outputs="Y"), lambda e: (None, e["Y"])),
    (keras_tuples("X", "Y"), lambda e: (e["X"], e["Y"])),
    (keras_tuples(["X"], ["Y", "Z"]), lambda e: ([e["X"]], [e["Y"], e["Z"]])),
    (keras_tuples(("X", "Z"), "Y"), lambda e: ([e["X"], e["Z"]], e["Y"])),
]
each_model = pytest.mark.parametrize(("op", "model"), MODELS, ids=[repr(op) for op, _ in MODELS])


@each_model
def test_it_makes_of_each_element_what_its_model_does(op, model):
    expected = [model(element) for element in ELEMENTS]
    for given in (list(ELEMENTS | op), list(op(iter(ELEMENTS))), list(stream(iter, ELEMENTS) | op)):
        assert repr(given) == repr(expected)
    assert list([] | op) == []


@each_model
@pytest.mark.parametrize("k", [0, 1, 3])
def test_it_reads_an_element_for_an_element(op, model, k):
    source = Recorded(ELEMENTS)
    run = iter(source | op)
    assert source.begun == 0
    list(islice(run, k))
    assert source.read == k
    run.close()
    assert source.active == 0


@pytest.mark.parametrize("op", [tuples("X", "Y"), keras_tuples("X", ["Y"])], ids=repr)
def test_what_is_picked_is_not_copied(op):
    x, y = next(iter(ELEMENTS | op))
    assert x is ELEMENTS[0]["X"]
    assert (y[0] if isinstance(y, list) else y) is ELEMENTS[0]["Y"]


@pytest.mark.parametrize("op", [tuples("X", "Y"), tuples("X"), keras_tuples("X", "Y")], ids=repr)
@pytest.mark.parametrize("kind", [dict, OrderedDict, UserDict, MappingProxyType, ChainMap])
def test_an_element_may_be_any_mapping(op, kind):
    assert list([kind({"X": 1, "Y": 2})] | op) == list([{"X": 1, "Y": 2}] | op)


@pytest.mark.parametrize(
    ("op", "element", "kind", "problem"),
    [
        (tuples("X", "Y"), {"X": 1}, MissingKeyError, "key 'Y': is missing; the element has ['X']"),
        (tuples("Y"), {"X": 1}, MissingKeyError, "key 'Y': is missing; the element has ['X']"),
        (tuples("Y"), {}, MissingKeyError, "key 'Y': is missing; the element has []"),
        (
            keras_tuples("X", ["Y", "Q"]),
            {"X": 1, "Y": 2},
            MissingKeyError,
            "key 'Q': is missing; the element has ['X', 'Y']",
        ),
        (
            keras_tuples(None, "Y"),
            {"X": 1},
            MissingKeyError,
            "key 'Y': is missing; the element has ['X']",
        ),
        (tuples("X"), 3, DataError, "int 3 is not a mapping with the keys ['X']"),
        (tuples("X"), None, DataError, "NoneType None is not a mapping with the keys ['X']"),
        (tuples("X"), "abc", DataError, "str 'abc' is not a mapping with the keys ['X']"),
        (tuples("X"), (1, 2), DataError, "tuple (1, 2) is not a mapping with the keys ['X']"),
        (tuples("X"), [1, 2], DataError, "list [1, 2] is not a mapping with the keys ['X']"),
        (
            tuples("X", "Y"),
            np.zeros((2, 2)),
            DataError,
            "ndarray <array float64[2, 2]> is not a mapping with the keys ['X', 'Y']",
        ),
        (
            keras_tuples("X", ["Y"]),
            np.zeros(2),
            DataError,
            "ndarray <array float64[2]> is not a mapping with the keys ['X', 'Y']",
        ),
        (
            tuples("X"),
            "a" * 100,
            DataError,
            "str '" + "a" * 59 + " is not a mapping with the keys ['X']",
        ),
    ],
)
def test_what_has_not_the_keys_is_told_with_operator_and_element(op, element, kind, problem):
    good = {"X": 0, "Y": 0, "Q": 0}
    given, error = until_fault([good, good, element, good] | op, kind)
    place = "element 2" + (", " if problem.startswith("key") else ": ")
    assert str(error) == f"{op}: {place}{problem}"
    assert given == list([good, good] | op)
    assert isinstance(error, KeyError) == (kind is MissingKeyError)
    assert isinstance(error.__cause__, LookupError | TypeError)


class Broken(dict):
    """A mapping whose values cannot be read."""

    def __init__(self, error):
        super().__init__(X=1, Y=2)
        self.error = error

    def __getitem__(self, key):
        raise self.error


@pytest.mark.parametrize("op", [tuples("X"), tuples("X", "Y"), keras_tuples("X", "Y")], ids=repr)
@pytest.mark.parametrize("error", [KeyError("file"), TypeError("file"), OSError("file")], ids=repr)
def test_an_error_of_the_mapping_is_its_own(op, error):
    _, raised = until_fault([Broken(error)] | op, type(error))
    assert raised is error
    assert not isinstance(raised, DataError)


@each_model
def test_an_exception_of_the_source_is_the_users_own(op, model):
    given, error = until_fault(stream(failing, ELEMENTS) | op)
    assert len(given) == 4
    assert type(error) is Fault
    assert notes(error) == []


def test_an_exception_of_the_function_is_the_users_own():
    given, error = until_fault([1, 2, 0, 4] | apply(lambda n: 4 / n), ZeroDivisionError)
    assert given == [4.0, 2.0]
    assert notes(error) == []


def test_a_started_source_can_be_continued_after_a_fault():
    elements = iter([{"X": 1}, {"Y": 2}, {"X": 3}])
    given, _ = until_fault(elements | tuples("X"), MissingKeyError)
    assert given == [(1,)]
    assert list(elements | tuples("X")) == [(3,)]
    numbers = iter([1, 0, 2])
    given, _ = until_fault(numbers | apply(lambda n: 2 / n), ZeroDivisionError)
    assert list(numbers) == [2]


def test_the_caller_may_change_the_list_of_keys_afterwards():
    keys = ["X"]
    op = keras_tuples(keys, "Y")
    keys.append("Q")
    assert list([{"X": 1, "Y": 2}] | op) == [([1], 2)]


def test_no_key_is_none():
    assert keras_tuples([], "Y") == keras_tuples(None, "Y")
    assert keras_tuples("X", ()) == keras_tuples("X")


def test_map_composes():
    assert list(range(4) | apply(str) | apply(len) | take(3)) == [1, 1, 1]
