"""Elements on the wire: whatever has a place there arrives as it was, and nothing else is read."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pescador import DataError, TransportError
from pescador.testing import alike
from pescador.transport.framing import ALIGNMENT, Form
from pescador.transport.packing import decoded, encode, fitting
from pescador.transport.speaking import FromWorker, Rows
from pescador.transport.structures import plain
from strategies import data_objects

plains = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=True)
    | st.complex_numbers()
    | st.binary(max_size=5)
    | st.text(st.characters(), max_size=5)  # halves of characters, too
    | st.text(max_size=5).map(np.str_)
    | st.binary(max_size=5).map(np.bytes_)
)
dtypes = (
    arrays.boolean_dtypes()
    | arrays.integer_dtypes()
    | arrays.unsigned_integer_dtypes()
    | arrays.floating_dtypes()
    | arrays.complex_number_dtypes()
    | arrays.datetime64_dtypes()
    | arrays.timedelta64_dtypes()
    | arrays.unicode_string_dtypes()
    | arrays.byte_string_dtypes()
    | arrays.array_dtypes(arrays.scalar_dtypes(), min_size=1, max_size=3)
    | arrays.nested_dtypes(arrays.scalar_dtypes())
)


@st.composite
def all_arrays(draw: Any) -> Any:
    """Arrays of every dtype and shape, in every order."""
    array = draw(arrays.arrays(draw(dtypes), arrays.array_shapes(min_dims=0, min_side=0)))
    turn = draw(st.sampled_from([np.array, np.asfortranarray, np.transpose, lambda a: a[::-1]]))
    return turn(array) if array.ndim else array


scalars = dtypes.flatmap(lambda dtype: arrays.arrays(dtype, ())).map(lambda array: array[()])
keys = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.binary(max_size=3)
elements = st.recursive(
    plains | all_arrays() | scalars,
    lambda inner: (
        st.dictionaries(keys, inner, max_size=3)
        | st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=6,
)


def posted(sent: list[Any], copy: bool = False) -> list[Any]:
    """Elements of one form, there and back."""
    form = Form.of(sent[0])
    memory = np.empty(len(sent) * form.row, np.uint8)
    columns = form.columns(len(sent), memory)
    for place, element in enumerate(sent):
        leaves: list[Any] = []
        assert form.take(element, leaves)
        for column, leaf in zip(columns, leaves, strict=True):
            column[place] = leaf
    values = [[*map(fitting, column)] for column in columns if isinstance(column, list)]
    rows = decoded(encode(Rows(form.encoded, len(sent), values, None, 0)), FromWorker)
    return [*Form.read(rows.form).elements(rows.count, memory, rows.plain, copy)]


def leaves_of(element: Any) -> list[Any]:
    if isinstance(element, dict):
        element = [*element.values()]
    if isinstance(element, list | tuple):
        return [leaf for part in element for leaf in leaves_of(part)]
    return [element]


def comparable(element: Any) -> Any:
    """The same, where `alike` would take -0.0 for 0.0, or two NaN for different."""
    if isinstance(element, complex):
        return np.complex128(element).tobytes()
    return element


@given(elements, st.booleans())
def test_an_element_arrives_as_it_was(element: Any, copy: bool) -> None:
    (arrived,) = posted([element], copy)
    there, here = leaves_of(arrived), leaves_of(element)
    assert len(there) == len(here)
    for one, other in zip(there, here, strict=True):
        assert alike(comparable(one), comparable(other))
        if isinstance(other, np.ndarray):
            assert one.flags.fnc == other.flags.fnc
            assert one.flags.c_contiguous or one.flags.f_contiguous
            assert one.flags.aligned
            assert one.flags.writeable
            assert one.flags.owndata or not copy


@given(data_objects([()] * 3), st.booleans())
def test_elements_of_one_form_travel_together(sent: list[Any], copy: bool) -> None:
    assert alike(posted(sent, copy), sent)


@pytest.mark.parametrize("key", [2**64, -(2**63) - 1, "\ud800", 1j, np.str_("a"), np.bytes_(b"b")])
def test_a_key_that_msgpack_cannot_hold(key: Any) -> None:
    (arrived,) = posted([{key: 1, "b": 2}])
    assert [(type(one), one) for one in arrived] == [(type(key), key), (str, "b")]


def test_what_arrives_is_separate() -> None:
    one, other = posted([{"X": np.zeros(3)}, {"X": np.zeros(3)}])
    one["X"][:] = 7
    assert other["X"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"a": 1}, {"b": 1}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1: "a"}, {True: "a"}),
        ({"a": 1}, [1]),
        ([1], (1,)),
        ([1], [1, 2]),
        (np.zeros(2), np.zeros(3)),
        ([np.zeros(2)], [np.zeros(3)]),
        (np.zeros(2), np.zeros(2, ">f8")),
        (np.zeros((2, 3)), np.asfortranarray(np.zeros((2, 3)))),
        (np.zeros(()), np.float64(0)),
        (np.float64(0), np.float32(0)),
        (np.float64(0), 0.0),
        (np.zeros(2), [0, 0]),
        (0, np.zeros(2)),
    ],
)
def test_another_form_is_noticed(first: Any, second: Any) -> None:
    assert not Form.of(first).take(second, [])
    assert not Form.of(second).take(first, [])


class Unknown:
    def __repr__(self) -> str:
        return "<unknown>"


class Unshown:
    def __repr__(self) -> str:
        raise RuntimeError("never shown")


class Derived(np.float64):
    pass


@pytest.mark.parametrize(
    ("element", "message"),
    [
        ({"a": Unshown()}, "test_framing.Unshown object at"),
        (Derived(1), "test_framing.Derived"),
        (Unknown(), "test_framing.Unknown <unknown> cannot be moved to another process"),
        ({"a": [0, {"b": {1, 2}}]}, "key 'a'[1]['b']: builtins.set {1, 2} cannot be moved"),
        ({"a": np.array([None])}, "key 'a': ndarray of dtype object cannot be moved"),
        ({"a": {(1, 2): 3}}, "key 'a': builtins.tuple (1, 2) cannot be moved to another process: "),
        (np.ma.zeros(2), "MaskedArray <array float64[2]> cannot be moved"),
        (np.zeros(2, [("f", "O")]), "ndarray of dtype [('f', 'O')] cannot be moved"),
    ],
)
def test_what_has_no_place_is_refused(element: Any, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        Form.of(element)


def test_a_dtype_that_is_not_of_numpy_is_refused() -> None:
    rational = pytest.importorskip("numpy._core._rational_tests").rational
    for element in (np.zeros(2, rational), np.zeros(2, [("f", rational)])):
        with pytest.raises(DataError, match=r"ndarray of dtype .*rational.* cannot be moved"):
            Form.of({"a": element})


def test_a_number_of_a_derived_class_is_another_form() -> None:
    assert not Form.of(np.float64(1)).take(Derived(1), [])


def test_what_is_nested_too_deeply_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(DataError, match="it is nested too deeply, or in itself"):
        Form.of(endless)


def test_plain_is_what_can_travel() -> None:
    told = plain((1, [np.zeros(2)], {"a": Unknown()}, {Unknown(): 1}, Unknown(), "b"))
    assert alike(told[:2], (1, [np.zeros(2)]))
    assert told[2:] == ({"a": "<unknown>"}, "{<unknown>: 1}", "<unknown>", "b")


def test_plain_tells_of_anything() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert plain(endless) == "[[...]]"
    assert "test_framing.Unshown object at" in plain({"a": Unshown()})["a"]


def test_rows_begin_where_any_dtype_may() -> None:
    form = Form.of({"a": np.int8(1), "b": np.longdouble(2), "c": np.zeros(3, np.int8)})
    assert form.row == 3 * ALIGNMENT


def read(data: bytes, frame: bytes, plain: list[Any]) -> None:
    try:
        message = decoded(data, FromWorker)
        rows = message if isinstance(message, Rows) else getattr(message, "values", None)
        if rows is not None:
            memory = np.frombuffer(frame, np.uint8)
            count = min(rows.count, 1000)
            for element in Form.read(rows.form).elements(count, memory, rows.plain):
                repr(element)
    except TransportError:
        pass


@settings(max_examples=300)
@given(st.binary(max_size=60), st.binary(max_size=64))
def test_garbage_is_refused(data: bytes, frame: bytes) -> None:
    read(data, frame, [])


@settings(max_examples=300)
@given(st.data())
def test_what_nearly_is_a_message_is_refused(data: st.DataObject) -> None:
    """A message with some of its bytes changed, cut off or put in between."""
    element = data.draw(elements)
    form = Form.of(element)
    values = [[None]] * form.plain
    message = bytearray(encode(Rows(form.encoded, 1, values, None, 0)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(message) - 1))
        message[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    read(bytes(message), bytes(form.row), values)


words = ["array", "dict", "list", "tuple", "plain", "scalar", "fields", "subarray"]
atoms = st.none() | st.integers(-2, 99) | st.text(max_size=4)
atoms |= st.sampled_from([*words, "<f8", "O", "M8[s]", "V99999999"])


@settings(max_examples=300)
@given(st.recursive(atoms, lambda inner: st.lists(inner, max_size=6), max_leaves=20))
def test_a_structure_that_cannot_be_is_refused(tree: Any) -> None:
    rows = ["rows", msgspec.msgpack.encode(tree), 1, [], None, 0]
    read(msgspec.msgpack.encode(rows), b"", [])


@pytest.mark.parametrize(
    ("dtype", "why"), [("O", "no dtype"), ("i4,i4", "no dtype"), ("T", "'T'"), ("x", "'x'")]
)
def test_a_dtype_that_is_none_is_refused(dtype: str, why: str) -> None:
    with pytest.raises(TransportError, match=why):
        Form.read(msgspec.msgpack.encode(["scalar", dtype]))


def test_a_count_that_does_not_fit_is_refused() -> None:
    form = Form.of({"a": np.zeros(2), "b": 1})
    with pytest.raises(TransportError, match="16 bytes for 2 rows of 16 bytes"):
        form.elements(2, np.zeros(16, np.uint8), [[1, 2]])
    with pytest.raises(TransportError, match=re.escape("[1] values for 1 x 2")):
        form.elements(2, np.zeros(32, np.uint8), [[1]])
    with pytest.raises(TransportError, match="no keys of a dict"):
        Form.read(msgspec.msgpack.encode(["dict", [[]], [["plain"]]]))
