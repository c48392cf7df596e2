"""What is given more than once: cycle and cache."""

from itertools import count, islice

import numpy as np
import pytest

from pescador import stream
from pescador.ops import cache, cycle, take
from pescador.ops import map as apply
from sources import Fault, Recorded, failing, seed_numpy, until_fault

# cycle.


@pytest.mark.parametrize("times", [0, 1, 2, 5, np.int64(3)])
@pytest.mark.parametrize("n", [0, 1, 4])
def test_cycle_runs_its_upstream_so_many_times(n, times):
    repeated = range(n) | cycle(times)
    assert list(repeated) == list(range(n)) * times == list(repeated)


def test_cycle_goes_on_for_ever():
    assert "".join("abc" | cycle() | take(10)) == "abcabcabca"
    assert "".join(islice(cycle()("abc"), 10)) == "abcabcabca"


@pytest.mark.parametrize("times", [None, 3])
@pytest.mark.parametrize(("k", "begun"), [(0, 0), (1, 1), (3, 1), (4, 2), (9, 3)])
def test_cycle_starts_its_source_anew_when_the_next_is_asked_for(times, k, begun):
    source = Recorded("abc")
    run = iter(source | cycle(times))
    assert "".join(islice(run, k)) == ("abc" * 3)[:k]
    assert source.begun == begun
    assert source.read == k
    run.close()
    assert source.active == 0


def test_cycle_closes_each_round_before_the_next():
    source = Recorded("ab")
    list(source | cycle(3))
    assert [kind for _, kind in source.events] == ["begin", "end"] * 3


def test_cycle_keeps_no_element():
    made = count()
    assert list(stream(lambda: (next(made) for _ in range(3))) | cycle() | take(9)) == list(
        range(9)
    )


@pytest.mark.parametrize("times", [None, 10**9])
def test_a_round_that_gives_nothing_ends_the_run(times):
    source = Recorded(())
    assert list(source | cycle(times)) == []
    assert source.begun == 1
    lasting = iter([[1, 2], [3], []])
    assert list(stream(lambda: next(lasting)) | cycle(times)) == [1, 2, 3]
    assert list(iter("abc") | cycle(times)) == ["a", "b", "c"]


def test_cycle_of_a_started_source_can_be_continued():
    source = iter(range(5))
    assert list(source | cycle() | take(3)) == [0, 1, 2]
    assert list(source) == [3, 4]


def test_an_exception_in_a_later_round_is_the_users_own():
    rounds = count()

    def tiring():
        yield from "ab"
        if next(rounds) == 1:
            raise Fault

    given, error = until_fault(stream(tiring) | cycle())
    assert "".join(given) == "abab"
    assert not hasattr(error, "__notes__")


# cache.


def model(items, size, prob, seed):
    """The cache of pescador 3, over a list, with numpy's draws."""
    draws = np.random.RandomState(seed)
    slots, rest = list(items[:size]), list(items[size:])
    yield from slots
    while len(slots) == size:
        slot = draws.randint(0, size)
        if draws.rand() <= prob:
            if not rest:
                return
            slots[slot] = rest.pop(0)
        yield slots[slot]


# A cache of one draws it first; what is drawn as large as the probability is a new element.
FIRST_UNIFORM = np.random.RandomState(4).random_sample()


@pytest.mark.parametrize("size", [1, 2, 7, 20, np.int64(3)])
@pytest.mark.parametrize("prob", [0.1, 0.5, FIRST_UNIFORM, 1, np.float32(0.25)])
@pytest.mark.parametrize("n", [0, 1, 7, 20, 50])
def test_cache_is_that_of_pescador_3(n, prob, size):
    cached = range(n) | cache(size, prob, random_state=4)
    expected = list(model(range(n), size, prob, 4))
    assert list(cached) == expected == list(cached)


@pytest.mark.parametrize(("n", "given"), [(0, []), (2, [0, 1]), (3, [0, 1, 2])])
def test_what_does_not_fill_the_cache_passes_through(n, given):
    assert list(range(n) | cache(4)) == given


def test_with_probability_1_everything_passes_once():
    assert list(range(50) | cache(5, prob=1)) == list(range(50))


def test_a_new_element_is_read_as_often_as_its_probability_says():
    source = Recorded(count())
    list(source | cache(10, prob=0.2, random_state=1) | take(10_010))
    assert abs(source.read - 10 - 2000) < 3 * 40  # Of a binomial of 10,000, sigma is 40.


@pytest.mark.parametrize("k", [0, 1, 5, 6])
def test_cache_reads_at_most_an_element_for_an_element(k):
    source = Recorded(count())
    run = iter(source | cache(5, prob=1))
    assert source.begun == 0
    list(islice(run, k))
    assert source.read == k
    run.close()
    assert source.active == 0


def test_a_cached_element_is_the_same_object():
    elements = [object() for _ in range(20)]
    given = list(elements | cache(3, prob=0.2, random_state=0))
    assert all(any(item is element for element in elements) for item in given)


def test_cache_follows_numpys_seed_where_it_has_none():
    cached = range(100) | cache(5, prob=0.3)
    seed_numpy(1)
    first, second = list(cached), list(cached)
    seed_numpy(1)
    assert [list(cached), list(cached)] == [first, second]
    assert first != second


def test_the_generator_of_the_caller_is_not_consumed():
    state = np.random.RandomState(8)
    cached = range(100) | cache(5, random_state=state)
    state_before = state.get_state()[1].tolist()
    assert list(cached) == list(cached) == list(model(range(100), 5, 0.5, 8))
    assert state.get_state()[1].tolist() == state_before


def test_cache_passes_exceptions_on_after_what_was_given():
    given, error = until_fault(stream(failing, range(8)) | cache(2, prob=0.5, random_state=3))
    expected = list(model(range(8), 2, 0.5, 3))
    assert given == expected
    assert type(error) is Fault


def test_a_started_source_can_be_continued_after_the_cache():
    source = iter(range(100))
    given = list(source | cache(3, prob=0.5, random_state=0) | take(20))
    assert list(source) == list(range(max(given) + 1, 100))


def test_repeating_steps_stand_on_others():
    squared = range(3) | apply(lambda n: n * n) | cycle(2) | cache(2, prob=1)
    assert list(squared) == [0, 1, 4, 0, 1, 4]
