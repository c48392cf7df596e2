"""Data objects as functions see them; what operators make of them stands in test_batching."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pescador import ops, stream, tree
from pescador.errors import DataError
from pescador.testing import alike
from sources import exactly
from strategies import data_objects

X = np.arange(6.0).reshape(3, 2)


class Pair(NamedTuple):
    x: Any
    y: Any


def leaves_of(element):
    """Every array of a data object, in order: a model of `columns`."""
    if isinstance(element, dict):
        return [leaf for value in element.values() for leaf in leaves_of(value)]
    if isinstance(element, tuple):
        return [leaf for value in element for leaf in leaves_of(value)]
    return [element]


@given(st.integers(1, 5).flatmap(lambda n: data_objects([()] * n)))
def test_stack_stacks_every_leaf(elements):
    expected = [np.stack(column) for column in zip(*map(leaves_of, elements), strict=True)]
    stacked = tree.stack(elements)
    assert alike(leaves_of(stacked), expected)
    assert alike(tree.rebuild(elements[0], expected), stacked)


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=4).flatmap(
        lambda lengths: data_objects([(n,) for n in lengths]).map(lambda b: (lengths, b))
    )
)
def test_concatenate_joins_every_leaf_and_lengths_counts_its_rows(drawn):
    lengths, batches = drawn
    expected = [np.concatenate(column) for column in zip(*map(leaves_of, batches), strict=True)]
    assert alike(leaves_of(tree.concatenate(batches)), expected)
    assert tree.lengths(tree.columns(batches)) == lengths
    rows = [list(tree.split(batch)) for batch in batches]
    assert [*map(len, rows)] == lengths
    assert [len(tree.first_leaf(batches[0])(batch)) for batch in batches] == lengths
    some = [row for batch in rows for row in batch]
    if some:
        made = leaves_of(tree.stack(some))
        # A row of an array of str is as long as itself.
        kept = [leaf.astype(own.dtype) for leaf, own in zip(made, expected, strict=True)]
        assert alike(kept, expected)


@pytest.mark.parametrize(
    ("elements", "columns"),
    [
        ([X], [((), [X])]),
        ([1, 2], [((), [1, 2])]),
        ([{"a": 1, "b": 2}, {"b": 4, "a": 3}], [(("a",), [1, 3]), (("b",), [2, 4])]),
        ([(1, {"a": 2}), (3, {"a": 4})], [((0,), (1, 3)), ((1, "a"), [2, 4])]),
        ([Pair(1, 2)], [((0,), (1,)), ((1,), (2,))]),
        ([{"a": {}, "b": ()}], []),
        ([{}], []),
        ([()], []),
    ],
    ids=repr,
)
def test_columns_say_where_each_leaf_stands(elements, columns):
    assert repr(tree.columns(elements)) == repr(columns)


@pytest.mark.parametrize(
    ("element", "leaf"),
    [
        (X, X),
        ([1, 2], [1, 2]),
        ({"a": X, "b": 1}, X),
        ((X, 1), X),
        ({"a": {"b": (X,)}}, X),
        ({"none": {}, "empty": (), "a": {"b": X}}, X),
        (({}, {"a": X}), X),
    ],
    ids=repr,
)
def test_the_first_leaf_is_found_behind_what_is_empty(element, leaf):
    assert repr(tree.first_leaf(element)(element)) == repr(leaf)


def test_rebuild_keeps_the_kind_of_tuples_and_makes_dicts_of_mappings():
    made = tree.rebuild(OrderedDict(a=Pair(1, (2, 3))), iter("xyz"))
    assert made == {"a": Pair("x", ("y", "z"))}
    assert type(made) is dict
    assert type(made["a"]) is Pair
    assert tree.rebuild(5, ["x"]) == "x"


def test_without_rows_holds_none_of_the_memory():
    empty = tree.without_rows({"x": X, "list": [1, 2], "deep": (X, {})})
    assert alike(empty["x"], np.empty((0, 2)))
    assert empty["x"].base is None
    assert [*map(len, leaves_of(empty))] == [0, 0, 0]
    assert list(empty) == ["x", "list", "deep"]


def test_split_gives_views():
    rows = list(tree.split({"x": X, "y": (X, [1, 2, 3])}))
    assert [row["y"][1] for row in rows] == [1, 2, 3]
    assert all(np.shares_memory(row["x"], X) for row in rows)


def test_one_array_is_copied_too():
    for made in (tree.stack([X]), tree.concatenate([X])):
        assert not np.shares_memory(made, X)


@pytest.mark.parametrize(
    "values",
    [
        np.arange(7.0),
        np.arange(14, dtype=">i4").reshape(7, 2),
        np.asfortranarray(np.arange(14.0).reshape(7, 2)),
        np.broadcast_to(np.arange(3.0), (7, 3)),
        np.array([("a", i) for i in range(7)], [("name", "U3"), ("n", ">f8")]),
        np.zeros(7, "M8[s]"),
        [1, 2, 3, 4.5, 5, 6, 7],
    ],
    ids=["C", "big-endian", "fortran", "broadcast", "record", "datetime", "list"],
)
@pytest.mark.parametrize(("n", "start"), [(1, 0), (2, 1), (3, 1), (7, 0), (7, 1), (8, 0)])
def test_cuts_are_what_join_makes_of_each_piece(values, n, start):
    pieces = [values[at : at + n] for at in range(start, 8 - n, n)]
    made = [*tree.cuts(values, ("x",), n, start)]
    assert alike(made, [tree.join([piece], ("x",)) for piece in pieces])
    assert all(cut.flags.owndata and not np.shares_memory(cut, values) for cut in made)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_join_is_numpys_concatenate(axis):
    assert alike(tree.join([X, X], ("x",), axis), np.concatenate([X, X], axis))


@pytest.mark.parametrize(
    ("values", "axis", "message"),
    [
        (
            [X, X[0]],
            0,
            "element 1: float64 array of shape (2,) after float64 array of shape (3, 2)",
        ),
        (
            [X, X.T],
            0,
            "element 1: float64 array of shape (2, 3) after float64 array of shape (3, 2)",
        ),
        (
            [X, X],
            2,
            "element 0: float64 array of shape (3, 2) has no axis 2 to concatenate along",
        ),
        (
            [X, X],
            -3,
            "element 0: float64 array of shape (3, 2) has no axis -3 to concatenate along",
        ),
        (
            [1, 2],
            0,
            "element 0: int64 array of shape () has no axis 0 to concatenate along",
        ),
    ],
)
def test_what_cannot_be_joined_is_told(values, axis, message):
    with pytest.raises(DataError, match=exactly(message)):
        tree.join(values, (), axis)


def test_an_array_like_that_cannot_be_read_is_told_or_passes_its_own_error():
    class Unreadable:
        def __init__(self, error):
            self.error = error

        def __array__(self, dtype=None, copy=None):
            raise self.error

        def __repr__(self):
            return "Unreadable()"

    with pytest.raises(
        DataError, match=exactly("element 1: Unreadable Unreadable() is not an array: torn")
    ):
        tree.stack([X, Unreadable(ValueError("torn"))])
    with pytest.raises(OSError, match=exactly("disk")):
        tree.stack([X, Unreadable(OSError("disk"))])


@dataclass(frozen=True, slots=True)
class Sample:
    x: Any
    label: Any = 0


@dataclass
class Window:
    """Its constructor would refuse arrays: batches are built without it."""

    at: Any
    inner: Any = None

    def __post_init__(self) -> None:
        if isinstance(self.at, np.ndarray):
            raise TypeError


RECORDS = [
    ([Sample(np.zeros(2), 1), Sample(np.ones(2), 2)], Sample),
    ([Window(1, {"y": 3}), Window(2, {"y": 4})], Window),
    ([Window(1, Sample(2)), Window(3, Sample(4))], Window),
    ([{"one": Sample(1)}, {"one": Sample(2)}], dict),
]


@pytest.mark.parametrize(("elements", "kind"), RECORDS, ids=repr)
def test_dataclass_instances_are_stacked_and_split(elements: list[Any], kind: type) -> None:
    batch = tree.stack(elements)
    assert type(batch) is kind
    assert tree.lengths(tree.columns([batch])) == [2]
    assert len(tree.first_leaf(batch)(batch)) == 2
    assert len(tree.first_leaf(batch)(tree.without_rows(batch))) == 0
    again = tree.concatenate([tree.stack(elements[:1]), tree.stack(elements[1:])])
    for one, other in zip(tree.split(batch), tree.split(again), strict=True):
        assert type(one) is type(other) is kind
    leaves = zip(tree.columns(elements), tree.columns([*tree.split(batch)]), strict=True)
    for (path, before), (same_path, after) in leaves:
        assert path == same_path
        np.testing.assert_array_equal(np.array(before), np.array(after))


def test_dataclass_instances_that_differ_are_refused() -> None:
    with pytest.raises(
        DataError, match=exactly("element 1: int 3 after Sample with the fields ['x', 'label']")
    ):
        tree.stack([Sample(1), 3])
    lacking = Window.__new__(Window)
    with pytest.raises(DataError, match=r"element 1: .*every field must have a value"):
        tree.stack([Window(1), lacking])
    with pytest.raises(DataError, match="element 1, key 'x': float64"):
        tree.stack([Sample(np.zeros(2)), Sample(np.zeros(3))])


def test_batches_of_dataclass_instances_are_rebatched() -> None:
    chunks = [Sample(np.arange(3), (np.arange(3),)), Sample(np.arange(2), (np.arange(2),))]
    batches = [*(chunks | ops.buffer(2, partial=True))]
    assert [batch.x.tolist() for batch in batches] == [[0, 1], [2, 0], [1]]
    assert [batch.label[0].tolist() for batch in batches] == [[0, 1], [2, 0], [1]]


class Readable:
    """An array in the eyes of numpy."""

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        return np.arange(2)


@dataclass
class Image(Readable):
    path: str = ""


@pytest.mark.parametrize("element", [ops.take(1), stream(range(3))], ids=repr)
def test_descriptions_are_not_data(element: Any) -> None:
    with pytest.raises(DataError, match="holds Python objects"):
        tree.stack([element, element])


def test_a_dataclass_that_numpy_reads_is_an_array() -> None:
    assert tree.stack([Image(), Image()]).tolist() == [[0, 1], [0, 1]]


@dataclass
class Code(int):
    """A part of its value is not in its fields."""

    x: int = 0


def test_a_dataclass_of_a_builtin_type_is_not_a_record() -> None:
    assert tree.record_of(Code) is None
    assert tree.stack([Code(), Code()]).tolist() == [0, 0]
