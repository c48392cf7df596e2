"""What is seen of elements on their way: tap and progress, with tqdm and without."""

import io
import sys
from itertools import count, islice

import pytest
import tqdm.auto

from pescador import PescadorWarning, stream
from pescador.ops import progress, take, tap, watching
from programs import finished
from sources import Fault, Recorded, exactly, failing, notes, until_fault

each = pytest.mark.parametrize("op", [tap(id), progress(), progress(3, desc="steps")], ids=repr)


@each
def test_all_elements_pass_as_they_are(op):
    elements = [object() for _ in range(5)]
    given = list(elements | op)
    assert all(map(lambda a, b: a is b, given, elements))
    assert list([] | op) == []
    assert list(op(iter("abc"))) == ["a", "b", "c"]


@each
@pytest.mark.parametrize("k", [0, 1, 4])
def test_an_element_is_read_for_an_element(op, k):
    source = Recorded(count())
    run = iter(source | op)
    assert source.begun == 0
    assert list(islice(run, k)) == list(range(k))
    assert source.read == k
    run.close()
    assert source.active == 0


@each
def test_an_exception_of_the_source_is_the_users_own(op):
    given, error = until_fault(stream(failing, "abc") | op)
    assert given == ["a", "b", "c"]
    assert type(error) is Fault
    assert notes(error) == []


@each
def test_a_started_source_can_be_continued(op):
    source = iter(range(5))
    assert list(source | op | take(2)) == [0, 1]
    assert list(source) == [2, 3, 4]


def test_tap_calls_before_it_passes_on():
    seen = []
    run = iter("abc" | tap(seen.append))
    assert seen == []
    for n, letter in enumerate(run, 1):
        assert seen == list("abc")[:n]
        assert seen[-1] == letter


def test_an_exception_of_the_tapped_function_is_the_users_own():
    given, error = until_fault([1, 2, 0] | tap(lambda n: 1 / n), ZeroDivisionError)
    assert given == [1, 2]
    assert notes(error) == []


# progress. The bar is tqdm's own, on a file that the test can read.


@pytest.fixture
def bars(monkeypatch):
    """The bars that are made, which write to memory."""
    made = []

    class Shown(tqdm.auto.tqdm):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs, file=io.StringIO(), mininterval=0, miniters=1)
            made.append(self)

        @property
        def closed(self):
            return self.disable

    monkeypatch.setattr("pescador.ops.watching._tqdm", lambda: Shown)
    return made


@pytest.mark.parametrize("total", [None, 0, 5, 9])
def test_a_bar_counts_the_elements_of_a_total(bars, total):
    assert list(iter("abcde") | progress(total, desc="letters")) == list("abcde")
    (bar,) = bars
    assert (bar.n, bar.total, bar.desc) == (5, total, "letters")
    assert bar.closed


def test_a_bar_without_a_total_has_the_length_of_the_stream_where_it_is_known(bars):
    for described in (range(7) | progress(), stream(lambda: range(7)) | progress()):
        assert list(described) == list(range(7))
    assert list(range(7) | take(4) | progress(total=5)) == list(range(4))
    assert [bar.total for bar in bars] == [7, None, 5]


def test_a_bar_is_closed_when_leaving_early_and_by_an_exception(bars):
    run = iter("abcde" | progress())
    next(run)
    assert not bars[0].closed
    run.close()
    assert bars[0].closed
    until_fault(stream(failing, "ab") | progress())
    assert bars[1].closed


def test_each_run_has_a_bar_of_its_own_which_appears_with_the_first_element(bars):
    watched = "ab" | progress()
    one, other = iter(watched), iter(watched)
    assert bars == []
    assert [next(one), next(other), next(one)] == ["a", "a", "b"]
    assert len(bars) == 2
    one.close()
    assert [bar.closed for bar in bars] == [True, False]
    other.close()


def test_the_bar_is_written_to_standard_error(capfd):
    assert list(range(3) | progress(desc="three")) == [0, 1, 2]
    out, err = capfd.readouterr()
    assert out == ""
    assert "three: 100%" in err
    assert "3/3" in err


MISSING = "progress() shows nothing, as tqdm is not installed: pip install 'pescador[progress]'"


@pytest.fixture
def without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    forget = watching._tqdm.cache_clear  # noqa: SLF001  What it found is remembered.
    forget()
    yield
    forget()


@pytest.mark.usefixtures("without_tqdm")
def test_without_tqdm_elements_pass_and_it_is_said():
    with pytest.warns(PescadorWarning, match=exactly(MISSING)):
        assert list("abc" | progress()) == ["a", "b", "c"]


def test_without_tqdm_it_is_said_once(programs):
    """In a Python that cannot import it."""
    script = """
        import sys, warnings
        sys.modules["tqdm"] = sys.modules["tqdm.auto"] = None
        from pescador.ops import progress
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert list("abc" | progress(total=3)) == ["a", "b", "c"]
            assert list(range(5) | progress() | progress()) == [0, 1, 2, 3, 4]
        for warning in caught:
            print(warning.category.__name__, warning.message)
    """
    assert finished(programs.script(script)) == (f"PescadorWarning {MISSING}\n", "")
