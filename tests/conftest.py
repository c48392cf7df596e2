"""How the tests are run: what is quick, how often chance is tried, and that no process survives."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from collections.abc import Iterator
from multiprocessing import forkserver, resource_tracker

import psutil
import pytest
from hypothesis import HealthCheck, settings

from programs import Programs, children, kill

try:
    import tqdm
except ImportError:
    pass
else:
    tqdm.tqdm.monitor_interval = 0  # Its thread would still live when processes are forked.

# No profile asserts a time: under load, everything is too slow.
settings.register_profile(
    "dev", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("quick", settings.get_profile("dev"), max_examples=5, database=None)
settings.register_profile("deep", settings.get_profile("dev"), max_examples=1000, print_blob=True)
settings.register_profile(
    "ci",
    settings.get_profile("dev"),
    max_examples=50,
    derandomize=True,
    database=None,
    print_blob=True,
)

RARE = {"stress", "frameworks"}  # Left out by default, and so by -m "not slow".

BEFORE = pytest.StashKey[set[psutil.Process]]()
PASSED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pescador")
    group.addoption(
        "--tries",
        type=int,
        default=10,
        metavar="N",
        help="how often tests try what goes wrong only sometimes, or only a little (10)",
    )
    group.addoption(
        "--start-method",
        choices=multiprocessing.get_all_start_methods(),
        help="how processes start, where a test does not say how",
    )
    group.addoption(
        "--without",
        action="append",
        default=[],
        metavar="NAME",
        help="run as where the module os has no NAME, such as memfd_create",
    )


def pytest_configure(config: pytest.Config) -> None:
    for name in config.getoption("--without"):
        delattr(os, name)
    if method := config.getoption("--start-method"):
        multiprocessing.set_start_method(method)
    if not config.getoption("--hypothesis-profile"):
        usual = "ci" if os.environ.get("CI") == "true" else "dev"
        usual = "quick" if config.getoption("-m") == "quick" else usual
        settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", usual))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if "programs" in getattr(item, "fixturenames", ()):
            item.add_marker("processes")
        elif isinstance(item, pytest.Function) and not marks & {
            "slow",
            "processes",
            "recorded",
            *RARE,
        }:
            item.add_marker("quick")
        if marks & RARE:
            item.add_marker("slow")


@pytest.fixture
def programs() -> Iterator[Programs]:
    """Starts programs that end with the test, however it ends."""
    programs = Programs()
    yield programs
    programs.end()


@pytest.fixture
def tries(request: pytest.FixtureRequest) -> int:
    """How often to try what goes wrong only sometimes, or only a little."""
    return request.config.getoption("--tries")


class Unmarked:
    """Which test runs that has no mark for starting processes."""

    test: str | None = None

    def refuse(self, event: str, _: object) -> None:
        """Have such a test fail where it forks."""
        if event == "os.fork" and self.test is not None:
            raise AssertionError(
                f"{self.test} starts a process, and would do so in `pytest -m quick`: "
                "mark it with @pytest.mark.processes"
            )


unmarked = Unmarked()
sys.addaudithook(unmarked.refuse)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    item.stash[PASSED] = False
    if item.get_closest_marker("processes") is not None:
        # The helpers of multiprocessing stay, once they are there.
        resource_tracker.ensure_running()
        forkserver.ensure_running()
        item.stash[BEFORE] = children()
    elif isinstance(item, pytest.Function):
        unmarked.test = item.nodeid
    try:
        yield
    finally:
        unmarked.test = None
    item.stash[PASSED] = True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """End what a test has started; one that passed has failed if there is anything."""
    yield
    if BEFORE in item.stash and children() - item.stash[BEFORE]:
        gc.collect()  # A run in a cycle of references is closed as that is collected.
        left = children() - item.stash[BEFORE]
        kill(left)
        assert not (left and item.stash[PASSED]), f"the test left {left}; close its runs"
