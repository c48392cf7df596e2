"""`explain` and `graph`: what they tell of each step, in text, in a notebook and by rich."""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given

from pescador import SEED, Same, Streamer, explain, graph, ops, stream
from pescador.inspecting import Explanation
from pescador.ops import batch, chain, cycle, filter, map, mux, shuffle, tap  # noqa: A004
from strategies import streams

HERE = Path(__file__).resolve().relative_to(Path.cwd())


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class move(Same):  # noqa: N801
    """What runs its upstream elsewhere, as far as is told of it."""

    where: str = "2 processes"

    def __call__(self, upstream):
        return iter(upstream)

    @property
    def runs_in(self):
        return self.where


def numbers(n, seed=None):
    yield from range(n)


def plus(a, b):
    return a + b


def line_of(function):
    return f"{HERE}:{function.__code__.co_firstlineno}"


class Numbers:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))

    def __call__(self, item):
        return item

    def bound(self, item):
        return item


def steps(described):
    return [row.step for row in explain(described).rows]


class TestSteps:
    def test_a_stream(self):
        rows = explain(range(10) | batch(4) | map(len) | cycle()).rows
        assert [row.step for row in rows] == [
            "stream(range(0, 10))",
            "batch(4)",
            "map(len)",
            "cycle()",
        ]
        assert [row.length for row in rows] == [10, 2, 2, math.inf]

    def test_a_pool_with_names(self):
        pool = {"a": range(3), "b": stream(numbers, 3) | map(str)}
        assert steps(pool | mux(2)) == [
            "pool of 2 streams",
            "├─ 'a': stream(range(0, 3))",
            "└─ 'b': stream(numbers, 3)",
            "   map(str)",
            "mux(2)",
        ]

    def test_a_pool_in_a_pool(self):
        inner = [range(3)] | chain()
        assert steps([inner, inner | map(str)] | mux(2)) == [
            "pool of 2 streams",
            "├─ 0: pool of 1 stream",
            "│  └─ 0: stream(range(0, 3))",
            "│  chain()",
            "└─ 1: pool of 1 stream",
            "   └─ 0: stream(range(0, 3))",
            "   chain()",
            "   map(str)",
            "mux(2)",
        ]

    def test_alike_streams_are_told_once(self):
        pool = [stream(numbers, n) | map(str) for n in range(30_000)] + [stream(range(3))]
        assert steps(pool | mux(2))[:4] == [
            "pool of 30001 streams",
            "├─ 0 and 29999 like it: stream(numbers, 0)",
            "│  map(str)",
            "└─ 30000: stream(range(0, 3))",
        ]

    @pytest.mark.parametrize(
        "other",
        [
            stream(range(3)),
            stream(plus, 3) | map(str),
            stream(numbers, 3) | map(abs),
            stream(numbers, 3) | tap(str),
            stream(numbers, 3) | map(str) | map(str),
            [stream(numbers, 3)] | chain() | map(str),
        ],
        ids=repr,
    )
    def test_streams_that_are_not_alike(self, other):
        told = steps([stream(numbers, 3) | map(str), other] | mux(2))
        assert told[1] == "├─ 0: stream(numbers, 3)"

    def test_a_pool_that_is_made_while_it_runs(self):
        assert steps("ab" | map(ord) | map(range) | chain()) == [
            "stream('ab')",
            "map(ord)",
            "map(range)",
            "chain()",
        ]

    def test_a_list_of_data_is_no_pool(self):
        assert steps([1, 2, 3] | map(str)) == ["stream((1, 2, 3))", "map(str)"]

    def test_long_expressions_are_shortened(self):
        (row,) = steps("a" * 90)
        assert row == f"stream('{'a' * 52}...)"
        assert len(row) == 64

    def test_a_facade_is_explained(self):
        assert explain(Streamer(range(3))) == explain(range(3))

    def test_nothing_is_run(self):
        def source():
            raise AssertionError

        graph(stream(source) | map(str))
        assert explain([stream(source)] | mux(1) | batch(2)).rows


class TestSeeds:
    def test_what_draws_nothing_has_none(self):
        rows = explain([range(3)] | chain() | map(str)).rows
        assert {row.seeded for row in rows} == {None}

    @pytest.mark.parametrize(
        "step",
        [shuffle(3), ops.cache(3), ops.mux(2), ops.shuffled(), ops.round_robin("permuted_cycle")],
        ids=repr,
    )
    def test_what_draws_at_random(self, step):
        described = [range(3)] | step
        assert explain(described).rows[-1].seeded is False
        assert explain(described.seed(0)).rows[-1].seeded is True

    def test_a_source_that_waits_for_a_seed(self):
        described = stream(numbers, 3, seed=SEED)
        assert explain(described).rows[0].seeded is False
        assert explain(described.seed(0)).rows[0].seeded is None

    @pytest.mark.parametrize("last", [(), (cycle(2, reseed=True),)], ids=["pool", "rounds"])
    def test_what_is_seeded_when_it_begins(self, last):
        def drawing(described):
            return [row.seeded for row in explain(described).rows if row.seeded is not None]

        pool = [stream(numbers, 3, seed=SEED) | shuffle(2), [range(3)] | mux(1)]
        described = stream(pool).then(chain(), *last)
        assert drawing(described) == [False, False, False]
        assert drawing(described.seed(0)) == [True, True, True]

    def test_a_round_robin_in_order_draws_nothing(self):
        assert explain([range(3)] | ops.round_robin()).rows[-1].seeded is None


class TestPlaces:
    def test_where_the_functions_of_the_user_are(self):
        described = stream(numbers, 3) | map(functools.partial(plus, 1)) | filter(bool) | enumerate
        rows = explain(described).rows
        assert [row.functions for row in rows] == [(line_of(numbers),), (line_of(plus),), (), ()]

    def test_a_class_and_its_methods(self):
        described = stream(Numbers, 3) | map(Numbers(3)) | map(Numbers(3).bound) | map(str)
        rows = explain(described).rows
        line = Path(__file__).read_text().splitlines().index("class Numbers:") + 1
        assert [row.functions for row in rows] == [
            (f"{HERE}:{line}",),
            (line_of(Numbers.__call__),),
            (line_of(Numbers.bound),),
            (),
        ]

    def test_a_function_that_is_wrapped(self):
        @functools.wraps(plus)
        def wrapped(*args):
            return plus(*args)

        assert explain("ab" | map(wrapped)).rows[-1].functions == (line_of(plus),)

    def test_a_file_that_is_not_below_the_working_directory(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        (place,) = explain("ab" | map(plus)).rows[-1].functions
        assert place == f"{Path(__file__).resolve()}:{plus.__code__.co_firstlineno}"

    def test_a_class_without_a_file(self):
        made = type("Made", (), {"__call__": int.__add__, "__module__": "nowhere"})
        assert explain(stream(made)).rows[0].functions == ()

    def test_weights_that_are_a_function(self):
        described = [range(3), "ab"] | mux(2, weights=plus)
        assert explain(described).rows[-1].functions == (line_of(plus),)


class TestBoundaries:
    def test_where_a_step_runs(self):
        described = range(3) | map(str) | move("a thread") | map(str) | move() | map(str)
        assert [row.runs for row in explain(described).rows] == [
            "2 processes > a thread",
            "2 processes > a thread",
            "2 processes",
            "2 processes",
            "",
            "",
        ]

    def test_the_streams_of_a_pool_run_where_it_does(self):
        described = [range(3) | move("a thread") | map(str)] | chain() | move()
        rows = explain(described).rows
        assert [row.runs for row in rows] == [
            "2 processes",
            "2 processes > a thread",
            "2 processes",
            "2 processes",
            "2 processes",
            "",
        ]


class Cells(HTMLParser):
    """The text of a table's cells."""

    def __init__(self, html):
        super().__init__()
        self.rows = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        self.rows[-1][-1] += data


DESCRIBED = {"<a>": range(1000), "b": "xy"} | mux(2, random_state=0) | move() | map(plus)


class TestShown:
    def test_as_text(self):
        text = str(explain(DESCRIBED))
        assert repr(explain(DESCRIBED)) == text
        assert text.splitlines() == [
            "step                               length  seed   runs in      functions",
            "pool of 2 streams                       2         2 processes",
            "├─ '<a>': stream(range(0, 1000))    1,000         2 processes",
            "└─ 'b': stream('xy')                    2         2 processes",
            "mux(2, random_state=0)            endless  given  2 processes",
            "move()                            unknown",
            f"map(plus)                         unknown                      {line_of(plus)}",
        ]

    def test_columns_without_an_entry_are_left_out(self):
        assert str(explain("ab" | shuffle(2))).splitlines() == [
            "step          length  seed",
            "stream('ab')       2",
            "shuffle(2)         2  none",
        ]

    @pytest.mark.parametrize("shown", [DESCRIBED, explain(DESCRIBED)], ids=["stream", "explain"])
    def test_in_a_notebook(self, shown):
        rows = Cells(shown._repr_html_()).rows
        assert rows[0] == ["step", "length", "seed", "runs in", "functions"]
        assert [row[0] for row in rows[1:]] == steps(DESCRIBED)

    def test_by_rich(self):
        console = pytest.importorskip("rich.console").Console(width=120)
        with console.capture() as captured:
            console.print(explain(DESCRIBED))
        printed = [line.rstrip() for line in captured.get().splitlines()]
        for line, row in zip(printed[1:], explain(DESCRIBED).rows, strict=True):
            assert line.startswith(row.step)
            assert line.endswith("".join(row.functions))

    def test_it_is_a_value(self):
        assert explain(DESCRIBED) == explain(DESCRIBED)
        assert isinstance(explain(DESCRIBED), Explanation)

    def test_the_repr_of_a_stream_stays_the_expression(self):
        assert repr("ab" | shuffle(2)) == "stream('ab') | shuffle(2)"


@given(streams())
def test_whatever_is_explained_has_its_steps_in_order(case):
    described, _ = case
    rows = explain(described).rows
    tail = rows[len(rows) - len(described.ops) :]
    assert [row.length for row in tail] == [
        described.__class__(
            described.source, described.args, described.kwargs, described.ops[: n + 1]
        ).length
        for n in range(len(described.ops))
    ]
    assert [row.seeded for row in tail] == [op.seeded for op in described.ops]
    nodes = re.findall(r"^ *s\d+\[", graph(described), re.MULTILINE)
    assert len(nodes) == len(rows)


class TestGraph:
    def test_boundaries_are_subgraphs(self):
        assert graph("ab" | map(str) | move() | map(len)).splitlines() == [
            "flowchart TD",
            '    subgraph p2["2 processes"]',
            "        s0[\"stream('ab')\"]",
            '        s1["map(str)"]',
            "        s0 --> s1",
            "    end",
            '    s3["move()"]',
            "    s1 --> s3",
            '    s4["map(len)"]',
            "    s3 --> s4",
        ]

    def test_streams_of_a_pool_lead_to_it(self):
        pool = [stream(numbers, 1), stream(numbers, 2), "ab"]
        assert graph(pool | chain()).splitlines() == [
            "flowchart TD",
            '    s0["pool of 3 streams"]',
            '    s1["stream(numbers, 1)"]',
            '    s1 -->|"0 and 1 like it"| s0',
            "    s2[\"stream('ab')\"]",
            '    s2 -->|"2"| s0',
            '    s3["chain()"]',
            "    s0 --> s3",
        ]

    def test_what_mermaid_has_a_use_for_is_written_as_an_entity(self):
        text = graph({'"#': "ab"} | mux(1) | map(lambda item: item))
        assert "|\"'#34;#35;'\"|" in text
        assert "map(#60;lambda#62; at " in text
