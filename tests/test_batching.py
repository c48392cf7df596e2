"""What is gathered and cut: in which memory, when, and what is left of it at a fault."""

import gc
import weakref
from collections import OrderedDict
from itertools import chain, count, islice
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

from pescador import DataError, stream
from pescador.ops import batch, buffer, take, unbatch
from sources import Fault, Recorded, exactly, failing, notes, until_fault


class Pair(NamedTuple):
    x: Any
    y: Any


RECORD = np.dtype([("place", "i4"), ("share", "f8")])


def same(a, b):
    """Whether two data objects are equal in structure, dtype, shape and every value."""
    if isinstance(a, dict | tuple):
        assert type(a) is type(b)
        assert len(a) == len(b)
        if isinstance(a, dict):
            assert list(a) == list(b)
            a, b = a.values(), b.values()
        return all(map(same, a, b))
    assert isinstance(a, np.ndarray)
    assert a.dtype == b.dtype
    return a.shape == b.shape and a.tobytes() == b.tobytes()


def samples(n, dtype=float, shape=(3,)):
    """Samples of an array and a number."""
    size = int(np.prod(shape))
    for i in range(n):
        yield {"X": np.arange(i, i + size).astype(dtype).reshape(shape), "Y": i}


def chunks(*lengths):
    """Batches of so many rows, which are numbered from the first to the last."""
    rows = count()
    for length in lengths:
        ids = np.fromiter(islice(rows, length), int, length)
        yield {"X": np.stack([ids, -ids], axis=1).astype(float), "Y": ids}


def numbers(batches):
    return [one["Y"].tolist() for one in batches]


# batch: what it gathers.


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 100, np.int64(3)])
def test_batch_stacks_elements_on_a_new_first_axis(n, partial):
    expected = [
        {"X": np.stack([e["X"] for e in group]), "Y": np.array([e["Y"] for e in group])}
        for start in range(0, 10, n)
        if len(group := list(samples(10))[start : start + n]) == n or partial
    ]
    given = list(stream(samples, 10) | batch(n, partial=partial))
    assert len(given) == len(expected)
    assert all(map(same, given, expected))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3, np.int8(1)])
def test_batch_concatenates_along_an_axis_that_is_there(axis):
    arrays = [np.random.default_rng(i).random((2, 3, 4)) for i in range(4)]
    (given,) = [{"a": array} for array in arrays] | batch(4, axis)
    assert same(given, {"a": np.concatenate(arrays, axis)})


def test_along_an_axis_elements_may_differ_in_that_dimension():
    arrays = [np.full((i, 2), i) for i in range(4)]
    assert same(next(iter(arrays | batch(4, axis=0))), np.concatenate(arrays))
    turned = [array.T for array in arrays]
    assert same(next(iter(turned | batch(4, axis=-1))), np.concatenate(turned, -1))


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ([1, 2], np.array([1, 2])),
        ([1, 2.5], np.array([1, 2.5])),
        ([True, False], np.array([True, False])),
        (["a", "bcd"], np.array(["a", "bcd"])),
        ([b"a", b"bcd"], np.array([b"a", b"bcd"])),
        ([1j, 2], np.array([1j, 2])),
        ([np.float32(1), np.float32(2)], np.array([1, 2], np.float32)),
        ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]])),
        ([np.zeros((0, 3)), np.zeros((0, 3))], np.zeros((2, 0, 3))),
        ([(1, "a"), (2, "b")], (np.array([1, 2]), np.array(["a", "b"]))),
        ([Pair(1, {"a": 2}), Pair(3, {"a": 4})], Pair(np.array([1, 3]), {"a": np.array([2, 4])})),
        ([{"a": {"b": (1,)}}, {"a": {"b": (2,)}}], {"a": {"b": (np.array([1, 2]),)}}),
        ([OrderedDict(a=1), {"a": 2}], {"a": np.array([1, 2])}),
        ([MappingProxyType({"a": 1})] * 2, {"a": np.array([1, 1])}),
        ([{"a": 1, "b": 2}, {"b": 4, "a": 3}], {"a": np.array([1, 3]), "b": np.array([2, 4])}),
        ([{"meta": {}, "a": 1}] * 2, {"meta": {}, "a": np.array([1, 1])}),
        ([{}, {}], {}),
        ([(), ()], ()),
    ],
    ids=repr,
)
def test_elements_are_batched_by_their_structure(elements, expected):
    (given,) = elements | batch(2)
    assert same(given, expected)


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        (["f4", "f8"], "f8"),
        (["i1", "u1"], "i2"),
        (["i8", "u8"], "f8"),
        (["?", "i2"], "i2"),
        (["f4", "c8"], "c8"),
        (["U2", "U7"], "U7"),
        (["S3", "U2"], "U3"),
        (["M8[s]", "M8[ms]"], "M8[ms]"),
        (["m8[D]", "m8[h]"], "m8[h]"),
        ([">i4", "<i4"], "i4"),
        ([">f8", ">f8"], "f8"),
        ([RECORD, RECORD], RECORD),
        (["V5", "V5"], "V5"),
    ],
    ids=str,
)
@pytest.mark.parametrize("way", [batch(2), batch(2, 0), buffer(4)], ids=repr)
def test_dtypes_promote_as_numpys_concatenate_does(way, dtypes, expected):
    arrays = [
        np.frombuffer(b"0123456789", dtype) if dtype == "V5" else np.ones(2, "i1").astype(dtype)
        for dtype in dtypes
    ]
    (given,) = [{"x": array} for array in arrays] | way
    merged = np.concatenate(arrays)
    assert merged.dtype == np.dtype(expected)
    assert same(given, {"x": merged.reshape(given["x"].shape)})


def test_a_batch_of_one_is_in_the_byte_order_of_the_machine_too():
    for op in (batch(1), batch(2), batch(1, 0), buffer(1), buffer(2)):
        (given, *_) = [np.ones(1, ">f8")] * 2 | op
        assert given.dtype == np.dtype("f8")


WAYS = [batch(2), batch(2, 0), batch(1), batch(1, 0), buffer(6), buffer(3), buffer(2), buffer(1)]
WAYS += [batch(5, partial=True), buffer(50, partial=True)]
each_way = pytest.mark.parametrize("way", WAYS, ids=repr)


@each_way
@pytest.mark.parametrize("order", ["C", "F", "strided", "broadcast", "read-only"])
def test_a_batch_is_fresh_memory_that_the_consumer_may_write_to(way, order):
    def made():
        array = np.arange(24.0).reshape(3, 2, 4)
        if order == "F":
            return np.asfortranarray(array)
        if order == "strided":
            return np.arange(96.0).reshape(6, 4, 4)[::-2, ::2]
        if order == "broadcast":
            return np.broadcast_to(np.arange(4.0), (3, 2, 4))
        if order == "read-only":
            array.flags.writeable = False
        return array

    sources = [made() for _ in range(4)]
    kept = [array.copy() for array in sources]
    given = list([{"x": array, "deep": (array,)} for array in sources] | way)
    assert given
    arrays = [array for one in given for array in (one["x"], one["deep"][0])]
    for array in arrays:
        assert array.flags.writeable
        assert array.flags.owndata
        assert not any(np.shares_memory(array, source) for source in sources)
        array[...] = -1
    assert not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[i + 1 :])
    assert all(map(np.array_equal, sources, kept))
    if isinstance(way, batch) and way.axis is None:
        assert all(array.flags.c_contiguous for array in arrays)


@each_way
def test_a_batch_keeps_no_element_alive(way):
    arrays = [np.ones((3, 2)) for _ in range(4)]
    alive = [weakref.ref(array) for array in arrays]

    def source():
        while arrays:
            yield {"x": arrays.pop()}

    given = list(stream(source) | way)
    gc.collect()
    assert given
    assert not any(ref() is not None for ref in alive)


def test_elements_are_gathered_by_reference_until_the_batch_is_full():
    """A source that refills its array spoils a batch; it must yield copies."""

    def refilled():
        array = np.zeros(1)
        for i in range(4):
            array[:] = i
            yield array

    assert [one.ravel().tolist() for one in stream(refilled) | batch(2)] == [[1, 1], [3, 3]]


@pytest.mark.parametrize("k", [0, 1, 3])
@pytest.mark.parametrize("n", [1, 4])
def test_batch_reads_n_elements_a_batch(n, k):
    source = Recorded(range(100))
    list(islice(source | batch(n), k))
    assert source.read == n * k


def test_buffer_gives_a_batch_as_soon_as_its_rows_are_there():
    source = Recorded(chunks(3, 1, 10, 0, 2, 5))
    assert [(one["Y"].tolist(), source.read) for one in source | buffer(4)] == [
        ([0, 1, 2, 3], 2),
        ([4, 5, 6, 7], 3),
        ([8, 9, 10, 11], 3),
        ([12, 13, 14, 15], 5),
        ([16, 17, 18, 19], 6),
    ]


def test_a_big_chunk_gives_all_its_batches_before_the_source_is_asked_again():
    source = Recorded(chunks(1_000_000, 1))
    run = iter(source | buffer(7))
    for place, one in enumerate(islice(run, 142_857)):
        assert one["Y"][0] == 7 * place
    assert source.read == 1
    assert list(run) == []
    assert source.read == 2


@pytest.mark.parametrize("rows", [1, 3, 4, 10, 13])
def test_buffer_holds_at_most_n_rows_and_the_chunk_in_hand(rows):
    alive = []
    most = 0

    def source():
        nonlocal most
        while True:
            array = np.ones((rows, 2))
            alive.append(weakref.ref(array))
            yield {"x": array}
            del array
            alive[:] = [ref for ref in alive if ref() is not None]
            most = max(most, len(alive))

    n = 6
    for _ in islice(stream(source) | buffer(n), 50):
        pass
    assert (most - 1) * rows < n


@pytest.mark.parametrize("op", [batch(3), buffer(3), unbatch()], ids=repr)
def test_describing_and_iterating_read_nothing(op):
    source = Recorded([*chunks(2, 2, 2)])
    run = iter(source | op)
    assert source.begun == 0
    next(run)
    assert source.active == 1
    run.close()
    assert source.active == 0


@pytest.mark.parametrize("op", [batch(2), batch(2, partial=True)], ids=repr)
def test_a_started_source_can_be_continued_after_a_batch(op):
    elements = iter(range(10))
    assert next(iter(elements | op)).tolist() == [0, 1]
    assert next(iter(elements | op)).tolist() == [2, 3]
    assert list(elements) == [4, 5, 6, 7, 8, 9]


def test_a_started_source_can_be_continued_after_the_batches_of_its_chunks():
    source = chunks(2, 2, 2)
    assert numbers(source | buffer(2) | take(1)) == [[0, 1]]
    assert numbers(source) == [[2, 3], [4, 5]]


# buffer: what it gives.


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("n", [1, 2, 5, 16, 17, np.uint8(4)])
@pytest.mark.parametrize(
    "lengths",
    [(), (0,), (0, 0, 1), (1,) * 16, (16,), (5, 1, 10), (3, 0, 3, 4, 0, 6), (2, 2, 2, 2), (17, 15)],
    ids=str,
)
def test_buffer_cuts_the_rows_of_all_chunks_anew(lengths, n, partial):
    rows = list(range(sum(lengths)))
    groups = [rows[start : start + n] for start in range(0, len(rows), n)]
    expected = [group for group in groups if partial or len(group) == n]
    given = list(stream(chunks, *lengths) | buffer(n, partial=partial))
    assert numbers(given) == expected
    for one in given:
        assert one["X"].tolist() == [[float(i), -float(i)] for i in one["Y"]]


@pytest.mark.parametrize(
    "make",
    [
        lambda ids: ids,
        lambda ids: (ids, ids * 2.0),
        lambda ids: Pair(ids, {"deep": (ids, ids)}),
        lambda ids: {"meta": {}, "a": ids, "none": ()},
        lambda ids: ((), {"a": {"b": ids.astype("M8[s]")}}),
        lambda ids: {"list": ids.tolist(), "array": ids},
        lambda ids: {"names": np.array([f"row {i}" for i in ids], "U9")},
        lambda ids: np.array([(i, i / 2) for i in ids], RECORD),
        lambda ids: np.asfortranarray(np.stack([ids, ids], axis=1)),
    ],
    ids=["array", "tuple", "named", "empty", "first", "list", "str", "record", "fortran"],
)
@pytest.mark.parametrize("n", [1, 4, 5])
def test_buffer_keeps_the_structure_of_chunks(make, n):
    ids = np.arange(20)
    given = list([make(ids[:3]), make(ids[3:4]), make(ids[4:])] | buffer(n))
    expected = []
    for start in range(0, 20, n):
        one = make(ids[start : start + n])
        expected.append(next(iter([one] | buffer(n))))
    assert len(given) == 20 // n
    assert all(map(same, given, expected))


def test_buffer_follows_chunks_whose_kind_of_mapping_or_order_of_keys_changes():
    elements = [
        {"a": np.zeros(1), "b": np.zeros(1)},
        OrderedDict(b=np.ones(1), a=np.ones(1)),
        {"b": [2.0], "a": [2.0]},
    ]
    (given,) = elements | buffer(3)
    assert same(given, {"a": np.arange(3.0), "b": np.arange(3.0)})


def test_keys_may_change_their_order_while_rows_are_held():
    elements = [{"a": np.zeros(3), "b": np.ones(3)}, {"b": np.ones(4), "a": np.zeros(4)}]
    given = list([*elements, *elements] | buffer(5, partial=True))
    assert [list(one) for one in given] == [["a", "b"], ["a", "b"], ["b", "a"]]
    assert all(set(one["a"]) == {0} and set(one["b"]) == {1} for one in given)


def test_a_long_list_is_cut_in_linear_time():
    class Rows(list):
        copied = 0

        def __getitem__(self, place):
            part = super().__getitem__(place)
            Rows.copied += len(part)
            return Rows(part)

    assert len(list([{"a": Rows(range(10_000))}] | buffer(10))) == 1000
    assert Rows.copied < 30_000


def test_a_structure_may_change_between_batches():
    """Only what stands in one batch must fit together."""
    elements = [{"a": np.zeros(2)}, (np.ones(2), np.ones(2)), np.zeros((2, 2))]
    assert len(list(elements | buffer(2))) == 3
    assert len(list(elements | batch(1))) == 3


def test_buffer_and_batch_of_one_are_the_identity_on_batches_of_one():
    for op in (buffer(1), batch(1, 0)):
        given = list(stream(chunks, 1, 1, 1) | op)
        assert all(map(same, given, chunks(1, 1, 1)))


# unbatch.


def test_unbatch_gives_the_rows():
    rows = list(stream(chunks, 2, 0, 3) | unbatch())
    assert [row["Y"] for row in rows] == [0, 1, 2, 3, 4]
    assert [row["X"].tolist() for row in rows] == [[i, -i] for i in range(5)]
    assert list([np.arange(2), [2, 3]] | unbatch()) == [0, 1, 2, 3]
    named = list([Pair(np.arange(2), {"a": (np.arange(2),)})] | unbatch())
    assert named == [Pair(0, {"a": (0,)}), Pair(1, {"a": (1,)})]
    assert all(type(row) is Pair for row in named)
    assert list([(np.arange(2), ["a", "b"])] | unbatch()) == [(0, "a"), (1, "b")]
    empty = list([{"meta": {}, "a": np.arange(2), "none": ()}] | unbatch())
    assert empty == [{"meta": {}, "a": 0, "none": ()}, {"meta": {}, "a": 1, "none": ()}]


def test_unbatch_gives_views_and_reads_one_batch_at_a_time():
    batches = list(chunks(3, 3))
    source = Recorded(batches)
    run = iter(source | unbatch())
    rows = list(islice(run, 3))
    assert source.read == 1
    assert all(np.shares_memory(row["X"], batches[0]["X"]) for row in rows)


@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_unbatch_undoes_batch_and_buffer(n):
    rows = list(stream(samples, 13))
    for given in (
        list(rows | batch(n, partial=True) | unbatch()),
        list(stream(chunks, 2, 0, 3) | buffer(n, partial=True) | unbatch()),
    ):
        assert [row["Y"] for row in given] == list(range(len(given)))


# What does not fit: elements, of which the last has the fault, and what is said of them.
X2, X3 = np.zeros(2), np.zeros(3)
OBJECTS = " holds Python objects, which cannot be batched"
NO_ROWS = " has no first dimension; a batch of one row has arrays of shape (1, ...)"
UNEQUAL = "; the arrays of a batch share their first dimension"
MISFITS = [
    (
        batch(2),
        [{"x": X2}, {"x": X3}],
        "element 1, key 'x': float64 array of shape (3,) after float64 array of shape (2,)",
    ),
    (
        batch(2),
        [{"x": X2}, {"x": X2}, {"x": X2}, {"x": X3}],
        "element 3, key 'x': float64 array of shape (3,) after float64 array of shape (2,)",
    ),
    (
        batch(2),
        [{"x": (0, {"y": True})}, {"x": (0, {"y": X3})}],
        "element 1, key 'x'[1]['y']: float64 array of shape (3,) after bool array of shape ()",
    ),
    (
        batch(2),
        [X2, 5],
        "element 1: int64 array of shape () after float64 array of shape (2,)",
    ),
    (
        batch(2),
        [{"a": 1}, {"a": 1, "b": 2}],
        "element 1: dict with the keys ['a', 'b'] after dict with the keys ['a']",
    ),
    (
        batch(2),
        [{"a": 1, "b": 2}, {"a": 1}],
        "element 1: dict with the keys ['a'] after dict with the keys ['a', 'b']",
    ),
    (
        batch(3),
        [{"a": {"b": 1}}, {"a": {"b": 1}}, {"a": {"c": 1}}],
        "element 2, key 'a': dict with the keys ['c'] after dict with the keys ['b']",
    ),
    (batch(2), [{"a": 1}, 3], "element 1: int 3 after dict with the keys ['a']"),
    (batch(2), [{"a": 1}, [3, 4]], "element 1: list [3, 4] after dict with the keys ['a']"),
    (batch(2), [{"a": 1}, None], "element 1: NoneType None after dict with the keys ['a']"),
    (batch(2), [(1, 2), (1, 2, 3)], "element 1: tuple of length 3 after tuple of length 2"),
    (batch(2), [Pair(1, 2), (1, 2)], "element 1: tuple of length 2 after Pair of length 2"),
    (
        batch(2),
        [(1,), {"a": 1}],
        "element 1: dict with the keys ['a'] after tuple of length 1",
    ),
    (
        batch(2),
        [{"x": np.array([None, 1])}, {"x": np.array([None, 1])}],
        f"element 0, key 'x': object array of shape (2,){OBJECTS}",
    ),
    (batch(2), [{"x": 1}, {"x": None}], f"element 1, key 'x': object array of shape (){OBJECTS}"),
    (batch(2), [2**70, 2**70], f"element 0: object array of shape (){OBJECTS}"),
    (batch(2), [X2[0], {"a": 1}], f"element 1: object array of shape (){OBJECTS}"),
    (
        batch(3),
        [{"x": np.datetime64(1, "s")}, {"x": np.datetime64(1, "s")}, {"x": 1}],
        "element 2, key 'x': int64 array of shape () after datetime64[s] array of shape ()",
    ),
    (
        batch(3, 0),
        [{"x": np.zeros(1, dtype)} for dtype in ("M8[s]", "M8[D]", "i8")],
        "element 2, key 'x': int64 array of shape (1,) after datetime64[s] array of shape (1,)",
    ),
    (
        batch(2),
        [np.zeros(1, [(name, "<i4")]) for name in "ba"],
        "element 1: [('a', '<i4')] array of shape (1,) after [('b', '<i4')] array of shape (1,)",
    ),
    (
        batch(2, 1),
        [{"x": X2}, {"x": X2}],
        "element 0, key 'x': float64 array of shape (2,) has no axis 1 to concatenate along",
    ),
    (batch(2, 0), [1, 2], "element 0: int64 array of shape () has no axis 0 to concatenate along"),
    (
        batch(2, 0),
        [X2, X2[:, None]],
        "element 1: float64 array of shape (2, 1) after float64 array of shape (2,)",
    ),
    (
        batch(2, 0),
        [np.zeros((2, 2)), np.zeros((2, 3))],
        "element 1: float64 array of shape (2, 3) after float64 array of shape (2, 2)",
    ),
    (
        buffer(3),
        [{"x": X3, "y": np.array(1.0)}],
        f"element 0, key 'y': float64 array of shape (){NO_ROWS}",
    ),
    (
        buffer(3),
        [{"x": X2, "y": X2}, {"x": X2, "y": X3}],
        f"element 1, key 'y': 3 rows, but 2 rows at 'x'{UNEQUAL}",
    ),
    (
        buffer(9),
        [{"x": (X2, X2)}, {"x": (X2, X3)}],
        f"element 1, key 'x'[1]: 3 rows, but 2 rows at 'x'[0]{UNEQUAL}",
    ),
    (buffer(3), [{}], "element 0: an element without arrays has no rows"),
    (buffer(3), [{"a": X2}, {}], "element 1: an element without arrays has no rows"),
    (buffer(3), [{"x": X2}, 3], f"element 1: int 3{NO_ROWS}"),
    (buffer(3), [None], f"element 0: NoneType None{NO_ROWS}"),
    (
        buffer(3),
        [{"x": X2}, (X2,)],
        "element 1: tuple of length 1 after dict with the keys ['x']",
    ),
    (
        buffer(3),
        [{"x": X2}, {"y": X2}],
        "element 1: dict with the keys ['y'] after dict with the keys ['x']",
    ),
    (
        buffer(3),
        [{"x": X2}, {"x": X2, "y": X2}],
        "element 1: dict with the keys ['x', 'y'] after dict with the keys ['x']",
    ),
    (
        buffer(4),
        [{"x": X2}, {"x": np.zeros((2, 1))}],
        "element 1, key 'x': float64 array of shape (2, 1) after float64 array of shape (2,)",
    ),
    (
        buffer(3),
        [{"x": np.zeros((1, 2))}, {"x": np.zeros((2, 3))}],
        "element 1, key 'x': float64 array of shape (2, 3) after float64 array of shape (1, 2)",
    ),
    (
        buffer(2),
        [{"x": np.array(["a", None])}],
        f"element 0, key 'x': object array of shape (2,){OBJECTS}",
    ),
    (
        buffer(4),
        [{"x": np.zeros(2, "M8[s]")}, {"x": np.zeros(2, int)}],
        "element 1, key 'x': int64 array of shape (2,) after datetime64[s] array of shape (2,)",
    ),
    (unbatch(), [X2, np.array(1.0)], f"element 1: float64 array of shape (){NO_ROWS}"),
    (
        unbatch(),
        [{"a": X2, "b": X3}],
        f"element 0, key 'b': 3 rows, but 2 rows at 'a'{UNEQUAL}",
    ),
    (unbatch(), [{}], "element 0: an element without arrays has no rows"),
]


@pytest.mark.parametrize(("op", "elements", "message"), MISFITS)
def test_what_does_not_fit_is_told_with_operator_element_and_key(op, elements, message):
    _, error = until_fault(elements | op, DataError)
    assert str(error) == f"{op}: {message}"
    assert error.operator == op
    assert notes(error) == []


def test_a_ragged_list_is_told_in_numpys_words():
    message = (
        r"batch\(2\): element 1: list \[\[1\], \[2, 3\]\] is not an array: .* inhomogeneous shape"
    )
    with pytest.raises(DataError, match=message):
        list([[1, 2], [[1], [2, 3]]] | batch(2))


def test_with_partial_all_that_was_read_before_a_misfit_is_given():
    elements = [{"x": np.full(2, i)} for i in range(8)]
    elements[5] = {"x": X3}
    given, error = until_fault(elements | batch(4, partial=True), DataError)
    assert [one["x"][:, 0].tolist() for one in given] == [[0, 1, 2, 3], [4]]
    assert error.index == 5
    given, error = until_fault(elements | batch(4), DataError)
    assert [one["x"][:, 0].tolist() for one in given] == [[0, 1, 2, 3]]


def test_with_partial_two_misfits_in_a_batch_tell_of_the_first():
    elements = [{"a": 1, "b": 1}, {"a": 2, "b": 2}, {"a": 3, "b": X2}, {"a": X2, "b": 4}]
    given, error = until_fault(elements | batch(4, partial=True), DataError)
    assert [one["a"].tolist() for one in given] == [[1, 2]]
    assert (error.index, error.key) == (2, "b")


@pytest.mark.parametrize("n", [2, 5, 7, 10, 100])
def test_with_partial_all_rows_before_a_misfit_are_given(n):
    elements = [*chunks(1, 3, 5), {"X": np.zeros((2, 3)), "Y": np.zeros(2)}, *chunks(3)]
    given, error = until_fault(elements | buffer(n, partial=True), DataError)
    assert [*chain(*numbers(given))] == list(range(9))
    assert [len(one["Y"]) for one in given[:-1]] == [n] * (len(given) - 1)
    assert (error.index, error.key) == (3, "X")
    if n == 100:  # What would be dropped is not looked at.
        assert list(elements | buffer(n)) == []
        return
    given, _ = until_fault(elements | buffer(n), DataError)
    assert numbers(given) == [list(range(start, start + n)) for start in range(0, 10 - n, n)]


@pytest.mark.parametrize(
    "fault",
    [{"X": np.zeros((2, 2)), "Y": np.zeros(3)}, {"X": np.zeros((2, 2))}, 5, {}, {"Y": "a", "X": 0}],
    ids=repr,
)
@pytest.mark.parametrize("n", [3, 4, 100])
def test_with_partial_rows_come_before_whatever_fault(n, fault):
    given, error = until_fault([*chunks(1, 3, 1), fault] | buffer(n, partial=True), DataError)
    assert [*chain(*numbers(given))] == list(range(5))
    assert error.index == 3


def test_rows_of_a_list_before_the_one_that_is_no_number():
    elements = [{"x": [1, 2, None]}, {"x": [3]}]
    given, error = until_fault(elements | buffer(2, partial=True), DataError)
    assert [one["x"].tolist() for one in given] == [[1, 2]]
    assert (error.index, error.key) == (0, "x")


def test_rows_of_a_list_before_the_batch_with_no_number():
    elements = [{"x": [0]}, {"x": [1, 2, 3, 4, None, 6, 7]}, {"x": [8]}]
    given, error = until_fault(elements | buffer(2, partial=True), DataError)
    assert [one["x"].tolist() for one in given] == [[0, 1], [2, 3]]
    assert (error.index, error.key) == (1, "x")


def test_a_misfit_deep_in_the_columns_gives_the_rows_before_it_once():
    first = {"a": np.arange(2), "b": np.arange(2)}
    odd = {"a": np.arange(2, 4), "b": np.zeros((2, 2))}
    given, error = until_fault([first, odd] | buffer(4, partial=True), DataError)
    assert [(one["a"].tolist(), one["b"].tolist()) for one in given] == [([0, 1], [0, 1])]
    assert (error.index, error.key) == (1, "b")


def test_two_misfits_in_different_columns_give_the_rows_before_the_first():
    elements = [{"a": np.full(2, i), "b": np.full(2, i)} for i in range(4)]
    elements[3]["a"] = np.zeros((2, 1))
    elements[2]["b"] = np.zeros((2, 1))
    given, error = until_fault(elements | buffer(9, partial=True), DataError)
    assert [one["a"].tolist() for one in given] == [[0, 0, 1, 1]]
    assert (error.index, error.key) == (2, "b")


@pytest.mark.parametrize(
    "fault", [{"x": {"a": X2}}, {"x": (X2, X2)}, {"x": "ab"}, {"x": [X2]}, X2], ids=repr
)
@pytest.mark.parametrize("n", [3, 9])
def test_a_leaf_that_becomes_a_branch_is_a_misfit_while_rows_are_held(n, fault):
    given, error = until_fault([{"x": X2}, {"x": X2}, fault] | buffer(n, partial=True), DataError)
    assert sum(len(one["x"]) for one in given) == 4
    assert error.index == 2


@pytest.mark.parametrize("partial", [False, True])
def test_an_exception_in_the_middle_of_a_batch_comes_after_what_was_read(partial):
    op = batch(4, partial=partial)
    given, error = until_fault(stream(failing, range(6)) | op)
    assert [one.tolist() for one in given] == [[0, 1, 2, 3], *[[4, 5]] * partial]
    assert type(error) is Fault
    assert notes(error) == [f"{op}: raised upstream, at element 6"]

    op = buffer(4, partial=partial)
    given, error = until_fault(stream(failing, chunks(3, 3)) | op)
    assert numbers(given) == [[0, 1, 2, 3], *[[4, 5]] * partial]
    assert type(error) is Fault
    assert notes(error) == [f"{op}: raised upstream, at element 2"]


def test_an_exception_before_the_first_element_leaves_nothing_to_give():
    for op in (batch(2, partial=True), buffer(2, partial=True)):
        given, error = until_fault(stream(failing, ()) | op)
        assert given == []
        assert notes(error) == [f"{op}: raised upstream, at element 0"]


def test_an_exception_and_a_misfit_before_it():
    given, error = until_fault(stream(failing, [1, 2, X2]) | batch(9, partial=True), DataError)
    assert [one.tolist() for one in given] == [[1, 2]]
    assert error.index == 2
    while not isinstance(error, Fault):  # Neither is lost.
        error = error.__context__
    assert notes(error) == ["batch(9, partial=True): raised upstream, at element 3"]


def test_a_source_that_recovers_can_be_continued_where_it_failed():
    """An iterator in C survives an exception; what comes after it is not lost."""
    elements = iter([1, 2, "x", 3, 4])
    converted = map(int, elements)
    given, _ = until_fault(converted | batch(3, partial=True), ValueError)
    assert [one.tolist() for one in given] == [[1, 2]]
    assert list(converted) == [3, 4]


def test_unbatch_passes_exceptions_on_and_gives_every_row_before():
    given, error = until_fault(stream(failing, chunks(2, 1)) | unbatch())
    assert [row["Y"] for row in given] == [0, 1, 2]
    assert type(error) is Fault


def test_errors_of_mappings_and_arrays_are_the_users_own():
    class Broken(dict):
        def __getitem__(self, key):
            raise KeyError("disk on fire")

    for op in (batch(2), buffer(2), unbatch()):
        _, error = until_fault([Broken(x=X2), Broken(x=X2)] | op, KeyError)
        assert error.args == ("disk on fire",)
        assert not isinstance(error, DataError)


def test_more_than_fits_in_memory_is_numpys_own_error():
    huge = np.broadcast_to(np.zeros(1, "u1"), 2**62)
    for op in (batch(2, 0), batch(2)):
        with pytest.raises((ValueError, MemoryError)) as caught:
            list([huge, huge] | op)
        assert not isinstance(caught.value, DataError)


def test_messages_of_many_keys_and_long_values_stay_short():
    with pytest.raises(
        DataError,
        match=exactly("batch(2): element 1: str '" + "a" * 59 + " after dict with the keys ['x']"),
    ):
        list([{"x": 1}, "a" * 1000] | batch(2))
