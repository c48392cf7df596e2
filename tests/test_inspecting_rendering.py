"""Tables, and quantities in them."""

import pytest

from pescador.inspecting.rendering import Table, quantity


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "s", "0 s"),
        (0, "", "0"),
        (1, "", "1.00"),
        (999.4, "", "999"),
        (999.6, "", "1.00 k"),
        (12_345, "B", "12.3 kB"),
        (1.5e6, "", "1.50 M"),
        (4e9, "B", "4.00 GB"),
        (4e12, "B", "4.00 TB"),
        (0.00123, "s", "1.23 ms"),
        (12e-6, "s", "12.0 µs"),
        (3e-9, "s", "3 ns"),
    ],
)
def test_quantities_have_three_digits_and_a_prefix(value, unit, text):
    assert quantity(value, unit) == text


def test_lines_stand_around_a_table():
    table = Table(("a", "b"), [("x", "10")], frozenset("b"), ("before <",), ("after",))
    assert [*table.lines()] == ["before <", "a   b", "x  10", "after"]
    assert table.html().startswith("<div>before &lt;</div><table>")
    assert table.html().endswith("</table><div>after</div>")
