"""Elements as bytes: they are read as they were written, and other bytes are refused."""

from __future__ import annotations

import collections
import dataclasses
import os
import re
import sys
import types
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pescador import DataError, TransportError
from pescador.testing import alike
from pescador.workers.codec import ALIGNMENT, Layout, decode, encode, fit, serialisable
from pescador.workers.protocol import Batch, FromWorker
from sources import Frozen, Late, One, Pair, Point, Three, late
from strategies import data_objects

T = TypeVar("T")

python_scalars = (
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
    python_scalars | all_arrays() | scalars,
    lambda inner: (
        st.dictionaries(keys, inner, max_size=3)
        | st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.builds(One, inner)
        | st.builds(Point, inner, inner)
        | st.builds(Three, inner, inner, inner)
        | st.builds(Pair, inner, inner)
        | st.builds(Frozen, inner, inner)
        | st.builds(late, inner, inner)
    ),
    max_leaves=6,
)


def posted(sent: list[Any], copy: bool = False) -> list[Any]:
    """Write elements of one layout, and read them."""
    layout = Layout.of(sent[0])
    memory = np.empty(len(sent) * layout.row, np.uint8)
    columns = layout.columns(len(sent), memory)
    for place, element in enumerate(sent):
        leaves: list[Any] = []
        assert layout.flatten(element, leaves)
        for column, leaf in zip(columns, leaves, strict=True):
            column[place] = leaf
    values = [[*map(fit, column)] for column in columns if isinstance(column, list)]
    batch = decode(encode(Batch(layout.encoded, len(sent), values, None, 0)), FromWorker)
    return [*Layout.read(batch.layout).elements(batch.count, memory, batch.scalars, copy)]


def leaves_of(element: Any) -> list[Any]:
    """The leaves of an element, and the types and keys that lead to them."""
    if isinstance(element, dict):
        return [dict, *element, *leaves_of([*element.values()])]
    if dataclasses.is_dataclass(element):
        parts = [getattr(element, field.name) for field in dataclasses.fields(element)]
        return [type(element), *leaves_of(parts)]
    if isinstance(element, list | tuple):
        return [type(element), *(leaf for part in element for leaf in leaves_of(part))]
    return [element]


def comparable(element: Any) -> Any:
    """Replace complex numbers, which `alike` compares by ==: -0.0 equals 0.0, and NaN nothing."""
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


@given(data_objects([()] * 3, dataclasses=True), st.booleans())
def test_elements_of_one_form_travel_together(sent: list[Any], copy: bool) -> None:
    assert alike(posted(sent, copy), sent)


@pytest.mark.parametrize("key", [2**64, -(2**63) - 1, "\ud800", 1j, np.str_("a"), np.bytes_(b"b")])
def test_a_key_that_msgpack_cannot_hold(key: Any) -> None:
    (arrived,) = posted([{key: 1, "b": 2}])
    assert [(type(one), one) for one in arrived] == [(type(key), key), (str, "b")]


def named_tuple(name: str, fields: str, module: str = __name__) -> Any:
    return collections.namedtuple(name, fields, module=module)  # noqa: PYI024


class Other(NamedTuple):
    """A class with the same fields as `Point`."""

    x: Any
    y: Any


class Turned(Point):
    """A named tuple with methods that must not be called."""

    def __new__(cls, *_: Any) -> Any:
        raise AssertionError

    def __iter__(self) -> Any:
        raise AssertionError

    def __len__(self) -> Any:
        raise AssertionError

    _make = None


@dataclasses.dataclass(eq=False)
class Guarded:
    """A dataclass with hooks that must not be called."""

    x: Any

    def __new__(cls, *_: Any) -> Any:
        raise AssertionError

    def __init__(self, *_: Any) -> None:
        raise AssertionError

    def __setattr__(self, *_: Any) -> None:
        raise AssertionError

    def __getattribute__(self, name: str) -> Any:
        assert name.startswith("__")
        return object.__getattribute__(self, name)


@dataclasses.dataclass
class Empty:
    pass


class Outer:
    @dataclasses.dataclass
    class Inner:
        """A dataclass within another class."""

        x: int


@dataclasses.dataclass
class Typed(Generic[T]):
    """A generic dataclass."""

    x: T


class Derivative(Pair):
    """A class that derives from a dataclass, and is not decorated."""


def test_no_code_of_a_class_runs() -> None:
    turned = tuple.__new__(Turned, (1, 2))
    (arrived,) = posted([turned])
    assert type(arrived) is Turned
    assert [*tuple.__iter__(arrived)] == [1, 2]
    guarded = object.__new__(Guarded)
    object.__setattr__(guarded, "x", 3)
    (found,) = posted([guarded])
    assert type(found) is Guarded
    assert object.__getattribute__(found, "x") == 3


def test_a_dataclass_is_its_fields() -> None:
    assert posted([Late(1)]) == [Late(1)]
    assert posted([late([1], 2), late([3], 4)]) == [late([1], 2), late([3], 4)]
    assert posted([Derivative(1, 2)]) == [Derivative(1, 2)]
    assert posted([Empty(), Empty()]) == [Empty(), Empty()]
    assert posted([Outer.Inner(1)]) == [Outer.Inner(1)]
    assert posted([Typed[int](1)]) == [Typed(1)]
    (arrived,) = posted([{"a": Frozen(np.zeros(2), Point(1, Pair("b", None)))}])
    assert arrived == {"a": Frozen(np.zeros(2), Point(1, Pair("b", None)))}
    with pytest.raises(dataclasses.FrozenInstanceError):
        arrived["a"].x = 1


def test_a_class_that_is_defined_again_is_the_new_one(monkeypatch: Any) -> None:
    """A cell of a notebook may run twice."""
    layout = Layout.of(Point(1, 2))
    assert type(Layout.read(layout.encoded).elements(1, np.empty(0, np.uint8), [[1], [2]])) is map
    again = named_tuple("Point", "x y", "sources")
    monkeypatch.setattr("sources.Point", again)
    (arrived,) = Layout.read(layout.encoded).elements(1, np.empty(0, np.uint8), [[1], [2]])
    assert type(arrived) is again


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
        (Point(1, 2), (1, 2)),
        (Point(1, 2), Other(1, 2)),
        (Point(1, [2]), Point(1, (2,))),
        (Pair(1, 2), Frozen(1, 2)),
        (Pair(1, 2), late(1, 2)),
        (Pair(1, 2), Point(1, 2)),
        (Pair(1, 2), {"x": 1, "y": 2}),
        (Pair(1, np.zeros(2)), Pair(1, np.zeros(3))),
    ],
)
def test_another_form_is_noticed(first: Any, second: Any) -> None:
    assert not Layout.of(first).flatten(second, [])
    assert not Layout.of(second).flatten(first, [])


class Unknown:
    def __repr__(self) -> str:
        return "<unknown>"


class Unshown:
    def __repr__(self) -> str:
        raise RuntimeError("never shown")


class Derived(np.float64):
    pass


def with_attribute(instance: Any) -> Any:
    vars(instance)["cache"] = 1
    return instance


class Noted(Point):
    """A named tuple with attributes besides its values."""


@dataclasses.dataclass
class Derived2(dict[str, int]):
    x: int = 0


@dataclasses.dataclass(eq=False)
class Checked:
    x: Any


def set_x(self: Any, value: Any) -> None:
    vars(self)["x"] = value


Checked.x = property(lambda self: vars(self)["x"], set_x)


class WithSlot:
    __slots__ = ("hidden",)


@dataclasses.dataclass(slots=True)
class Hiding(WithSlot):
    x: int = 0


def local() -> Any:
    @dataclasses.dataclass
    class Inside:
        x: int = 0

    return Inside()


Renamed = named_tuple("Misnamed", "x")
holds_all = "it must hold a value for each of its fields, and nothing else"
consists = "an element consists of dicts, tuples, lists, named tuples, dataclass instances"
define = "define its class at the top of a module, under its own name"


@pytest.mark.parametrize(
    ("element", "message"),
    [
        ({"a": Pair(1, local())}, f"key 'a'['y']: {__name__}.local.<locals>.Inside "),
        (local(), define),
        (Point(0, Point(1, {2})), "key 1[1]: builtins.set {2} cannot be moved"),
        (
            Renamed(1),
            f"{__name__}.Misnamed Misnamed(x=1) cannot be moved to another process: {define}",
        ),
        (with_attribute(Pair(1, 2)), holds_all),
        (with_attribute(Noted(1, 2)), holds_all),
        (object.__new__(Pair), holds_all),
        (object.__new__(Frozen), holds_all),
        (tuple.__new__(Point, (1, 2, 3)), holds_all),
        (Derived2(), consists),
        (Checked(1), consists),
        (Hiding(), consists),
        (collections.OrderedDict(), consists),
        (type("Listed", (list,), {})(), consists),
        (type("Fieldless", (tuple,), {})(), consists),
        (type("Odd", (tuple,), {"_fields": (1,)})(), consists),
        (os.times(), consists),
        ({"a": Unshown()}, "test_workers_codec.Unshown object at"),
        (Derived(1), "test_workers_codec.Derived"),
        (Unknown(), "test_workers_codec.Unknown <unknown> cannot be moved to another process"),
        ({"a": [0, {"b": {1, 2}}]}, "key 'a'[1]['b']: builtins.set {1, 2} cannot be moved"),
        ({"a": np.array([None])}, "key 'a': ndarray of dtype object cannot be moved"),
        ({"a": {(1, 2): 3}}, "key 'a': builtins.tuple (1, 2) cannot be moved to another process: "),
        (np.ma.zeros(2), "MaskedArray <array float64[2]> cannot be moved"),
        (np.zeros(2, [("f", "O")]), "ndarray of dtype [('f', 'O')] cannot be moved"),
    ],
)
def test_what_has_no_place_is_refused(element: Any, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        Layout.of(element)


def test_a_dtype_that_is_not_of_numpy_is_refused() -> None:
    rational = pytest.importorskip("numpy._core._rational_tests").rational
    for element in (np.zeros(2, rational), np.zeros(2, [("f", rational)])):
        with pytest.raises(DataError, match=r"ndarray of dtype .*rational.* cannot be moved"):
            Layout.of({"a": element})


def test_a_number_of_a_derived_class_is_another_form() -> None:
    assert not Layout.of(np.float64(1)).flatten(Derived(1), [])


def test_what_is_nested_too_deeply_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(DataError, match="it is nested too deeply, or in itself"):
        Layout.of(endless)


def test_plain_is_what_can_travel() -> None:
    told = serialisable((1, [np.zeros(2)], {"a": Unknown()}, {Unknown(): 1}, Unknown(), "b"))
    assert alike(told[:2], (1, [np.zeros(2)]))
    assert told[2:] == ({"a": "<unknown>"}, "{<unknown>: 1}", "<unknown>", "b")


def test_plain_tells_of_anything() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert serialisable(endless) == "[[...]]"
    assert "test_workers_codec.Unshown object at" in serialisable({"a": Unshown()})["a"]


def test_rows_begin_where_any_dtype_may() -> None:
    layout = Layout.of({"a": np.int8(1), "b": np.longdouble(2), "c": np.zeros(3, np.int8)})
    assert layout.row == 3 * ALIGNMENT


def read(data: bytes, frame: bytes, scalars: list[Any]) -> None:
    try:
        message = decode(data, FromWorker)
        batch = message if isinstance(message, Batch) else getattr(message, "values", None)
        if batch is not None:
            memory = np.frombuffer(frame, np.uint8)
            count = min(batch.count, 1000)
            for element in Layout.read(batch.layout).elements(count, memory, batch.scalars):
                repr(element)
    except (TransportError, DataError):
        pass


@settings(max_examples=300)
@given(st.binary(max_size=60), st.binary(max_size=64))
def test_garbage_is_refused(data: bytes, frame: bytes) -> None:
    read(data, frame, [])


@settings(max_examples=300)
@given(st.data())
def test_what_nearly_is_a_message_is_refused(data: st.DataObject) -> None:
    """Some bytes of a valid message are changed, deleted or inserted."""
    element = data.draw(elements)
    layout = Layout.of(element)
    values = [[None]] * layout.scalars
    message = bytearray(encode(Batch(layout.encoded, 1, values, None, 0)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(message) - 1))
        message[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    read(bytes(message), bytes(layout.row), values)


words = ["array", "dict", "list", "tuple", "scalar", "numpy", "fields", "subarray"]
words += ["namedtuple", "dataclass", "sources", "Point", "Pair", "sys", "x", "y", "setup.x"]
atoms = st.none() | st.integers(-2, 99) | st.text(max_size=4)
atoms |= st.sampled_from([*words, "<f8", "O", "M8[s]", "V99999999"])


@settings(max_examples=300)
@given(st.recursive(atoms, lambda inner: st.lists(inner, max_size=6), max_leaves=20))
def test_a_structure_that_cannot_be_is_refused(tree: Any) -> None:
    batch = ["batch", msgspec.msgpack.encode(tree), 1, [], None, 0]
    read(msgspec.msgpack.encode(batch), b"", [])


@pytest.mark.parametrize(
    ("dtype", "why"), [("O", "not a dtype"), ("i4,i4", "not a dtype"), ("T", "'T'"), ("x", "'x'")]
)
def test_a_dtype_that_is_none_is_refused(dtype: str, why: str) -> None:
    with pytest.raises(TransportError, match=why):
        Layout.read(msgspec.msgpack.encode(["numpy", dtype]))


def test_a_shape_that_is_too_large_is_refused() -> None:
    layout = Layout.read(msgspec.msgpack.encode(["array", "<f8", [0, 2**63 - 1], False]))
    with pytest.raises(TransportError, match="a layout that is not valid"):
        layout.elements(1, np.empty(0, np.uint8), [])


def test_a_count_that_does_not_fit_is_refused() -> None:
    layout = Layout.of({"a": np.zeros(2), "b": 1})
    with pytest.raises(TransportError, match="16 bytes for 2 rows of 16 bytes"):
        layout.elements(2, np.zeros(16, np.uint8), [[1, 2]])
    with pytest.raises(TransportError, match=re.escape("[1] values for 1 x 2")):
        layout.elements(2, np.zeros(32, np.uint8), [[1]])
    with pytest.raises(TransportError, match="not the keys of a dict"):
        Layout.read(msgspec.msgpack.encode(["dict", [[]], [["scalar"]]]))


def rebuild(*node: Any) -> list[Any]:
    """Read one record from a layout; each of its scalars is 1."""
    layout = Layout.read(msgspec.msgpack.encode(node))
    values: list[Any] = [[1]] * layout.scalars
    return [*layout.elements(1, np.empty(0, np.uint8), values)]


x, xy = [["scalar"]], [["scalar"], ["scalar"]]


@pytest.mark.parametrize(
    ("node", "why"),
    [
        (
            ("namedtuple", "no_such.module", "P", ["x"], x),
            "an instance of no_such.module.P cannot be rebuilt here: the class is not loaded",
        ),
        (("namedtuple", "sources", "No", ["x"], x), "import sources before the stream runs"),
        (("namedtuple", "sources", "Point.no", ["x"], x), "the class is not loaded"),
        (("dataclass", "__main__", "No", ["x"], x), "in a module that both processes import"),
        (("namedtuple", "", "", [], []), "the class is not loaded"),
        (("dataclass", "sources", "numbered", ["x"], x), "the class is not loaded"),
        (
            ("namedtuple", "sources", "Point", ["x"], x),
            "in the worker it is a named tuple of x, and here a named tuple of x, y; import",
        ),
        (("namedtuple", "sources", "Point", ["y", "x"], xy), "a named tuple of y, x, and here"),
        (("namedtuple", "sources", "Pair", ["x", "y"], xy), "tuple of x, y, and here a dataclass"),
        (("dataclass", "sources", "Point", ["x", "y"], xy), "of x, y, and here a named tuple of"),
        (("dataclass", "sources", "Pair", ["x"], x), "in the worker it is a dataclass of x"),
        (("dataclass", "sources", "Recorded", ["x"], x), "and here another class"),
        (("namedtuple", "builtins", "tuple", [], []), "and here another class"),
        (("dataclass", "builtins", "type", [], []), "and here another class"),
    ],
)
def test_a_class_that_is_not_the_same_here_is_refused(node: Any, why: str) -> None:
    loaded = {*sys.modules}
    with pytest.raises(DataError, match=re.escape(why)):
        rebuild(*node)
    assert {*sys.modules} == loaded


def test_the_record_that_is_refused_is_named() -> None:
    absent = ["namedtuple", "absent", "P", [], []]
    outer = ["dataclass", "sources", "Pair", ["x", "y"], [["scalar"], ["list", [absent]]]]
    point = ["namedtuple", "sources", "Point", ["x", "y"], [["scalar"], outer]]
    with pytest.raises(
        DataError, match=r"element 0, key 'a'\[1\]\['y'\]\[0\]: an instance of absent"
    ):
        rebuild("dict", ["a"], [point])


def test_a_record_of_another_size_is_refused() -> None:
    with pytest.raises(TransportError, match="2 values for the fields"):
        rebuild("namedtuple", "sources", "Point", ["x"], xy)


def test_no_hook_of_a_module_is_called(monkeypatch: Any) -> None:
    class Lazy(types.ModuleType):
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError

    def hook(name: str) -> Any:
        raise AssertionError

    hooked: Any = types.ModuleType("hooked")
    hooked.__getattr__ = hook
    modules = {"lazy": Lazy("lazy"), "hooked": hooked, "nothing": None, "odd": Unshown()}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
        with pytest.raises(DataError, match="the class is not loaded"):
            rebuild("dataclass", name, "P", ["x"], x)


def test_the_main_module_of_a_spawned_process_is_that_of_its_parent(monkeypatch: Any) -> None:
    main: Any = types.ModuleType("__main__")
    main.P = named_tuple("P", "x", "__mp_main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setitem(sys.modules, "__mp_main__", main)
    layout = Layout.of(main.P(1))
    assert layout.node.module == "__main__"
    assert posted([main.P(1)]) == [main.P(1)]
    assert rebuild("namedtuple", "__mp_main__", "P", ["x"], x) == [main.P(1)]


def test_a_class_that_cloudpickle_has_copied(monkeypatch: Any) -> None:
    """An instance of the worker's copy of a class arrives as one of the consumer's class."""
    main: Any = types.ModuleType("__main__")
    main.P = named_tuple("P", "x", "__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    copy = named_tuple("P", "x", "__main__")
    monkeypatch.setitem(sys.modules, "cloudpickle", types.ModuleType("cloudpickle"))
    (arrived,) = posted([copy(1)])
    assert type(arrived) is main.P
    monkeypatch.delitem(sys.modules, "cloudpickle")
    with pytest.raises(DataError, match=re.escape(define)):
        Layout.of(copy(1))
