"""Run the YAML files beside this module, with one test for each request.

gabbi's own integration with pytest finds its tests by name and fails on names of other modules
that contain a colon.  A unittest runner, such as stestr, finds the tests by ``load_tests``.
"""

import os
import unittest
from collections.abc import Iterable, Iterator
from typing import Any, cast

import pytest
from gabbi import driver, reporter

from kingbird.tests.api import fixtures

DIRECTORY = os.path.join(os.path.dirname(__file__), "gabbits")


def _suites(loader: unittest.TestLoader) -> unittest.TestSuite:
    made: unittest.TestSuite = driver.build_tests(
        DIRECTORY,
        loader,
        intercept=lambda: fixtures.application,
        fixture_module=fixtures,
        test_loader_name="api",
    )
    return made


def load_tests(
    loader: unittest.TestLoader, tests: unittest.TestSuite, pattern: str | None
) -> unittest.TestSuite:
    """Create the tests for a unittest runner."""
    return _suites(loader)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Create the tests, grouped by file and in the order of the file."""
    made = [
        pytest.param(suite, request, id=type(request).__name__)
        for suite in cast(Iterable[Any], _suites(unittest.TestLoader()))
        for request in suite
    ]
    metafunc.parametrize(("opened", "request_"), made, indirect=["opened"], scope="module")


@pytest.fixture(scope="module")
def opened(request: pytest.FixtureRequest) -> Iterator[None]:
    """Open the fixtures of a file for all its tests."""
    suite = request.param
    try:
        suite.start(reporter.PyTestResult())
        yield
    finally:
        suite.stop()


def test_request(opened: None, request_: Any) -> None:
    """Send one request, after the earlier requests of its file that did not run yet."""
    request_(reporter.PyTestResult())
