"""`activity`: what is drawn is what the mux did."""

import itertools

import pytest

from pescador import ParameterError, plotting, stream
from pescador.ops import batch, chain, mux, round_robin

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")
pyplot = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture
def axes():
    figure, axes = pyplot.subplots()
    yield axes
    pyplot.close(figure)


def ticks(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def marks(axes):
    """The names of the streams that are marked, in order."""
    (line,) = axes.lines
    assert list(line.get_xdata()) == list(range(len(line.get_ydata())))
    return [ticks(axes)[int(y)] for y in line.get_ydata()]


def bars(axes):
    names = ticks(axes)
    return [
        (names[round(bar.get_y() + 0.4)], bar.get_x() + 0.5, bar.get_x() + bar.get_width() + 0.5)
        for bar in axes.patches
    ]


POOL = {"b": "bbb", "a": "aaaa"}


def test_each_element_is_marked_on_the_line_of_its_stream(axes):
    op = mux(2, lam=2, tag=True, random_state=0)
    expected = [name for name, _ in itertools.islice(POOL | op, 50)]
    plotting.activity(POOL | op, 50, axes)
    assert ticks(axes) == ["a", "b"]
    assert marks(axes) == expected


def test_a_bar_stands_for_as_long_as_a_stream_is_active(axes):
    plotting.activity(POOL | chain(), ax=axes)
    assert bars(axes) == [("b", 0, 3), ("a", 3, 7)]
    assert axes.get_xlim() == (-0.5, 6.5)
    assert axes.get_ylim() == (1.5, -0.5)


def test_elements_are_counted_as_the_pool_gives_them(axes):
    plotting.activity([range(9), range(9)] | round_robin() | batch(3), 4, axes)
    assert marks(axes) == ["0", "1"] * 6


def test_the_current_axes_are_drawn_on(axes):
    assert plotting.activity(POOL | chain()) is axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("element", "stream")


def test_names_of_several_types_stand_in_some_order(axes):
    plotting.activity({"a": "x", 1: "y", None: "z"} | chain(), ax=axes)
    assert ticks(axes) == ["a", "1", "None"]


def test_names_that_would_not_fit_are_left_out(axes):
    plotting.activity(["x"] * 41 | chain(), ax=axes)
    assert len(ticks(axes)) < 41
    assert len(axes.patches) == 41


def test_a_pool_of_nothing(axes):
    plotting.activity([(), ()] | chain(), ax=axes)
    assert axes.get_xlim() == (-0.5, 0.5)
    assert len(bars(axes)) == 2


def test_where_there_is_no_pool_nothing_is_drawn(axes):
    with pytest.raises(ParameterError, match="has no pool of streams"):
        plotting.activity(stream("ab"), ax=axes)
