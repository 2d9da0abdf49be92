"""Runs the YAML files beside it: one test for each request that they describe.

gabbi's own integration with pytest looks for its tests by their names, and stumbles over those
of other modules that have a colon in theirs.  Runners of unittest, such as stestr, find the tests
by ``load_tests``.
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
    """Make the tests for a runner of unittest, by its protocol."""
    return _suites(loader)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make the tests, those of one file next to each other, in the order of the file."""
    made = [
        pytest.param(suite, request, id=type(request).__name__)
        for suite in cast(Iterable[Any], _suites(unittest.TestLoader()))
        for request in suite
    ]
    metafunc.parametrize(("opened", "request_"), made, indirect=["opened"], scope="module")


@pytest.fixture(scope="module")
def opened(request: pytest.FixtureRequest) -> Iterator[None]:
    """Open what a file names under ``fixtures``, for all its tests."""
    suite = request.param
    try:
        suite.start(reporter.PyTestResult())
        yield
    finally:
        suite.stop()


def test_request(opened: None, request_: Any) -> None:
    """Make one request, after those before it in its file if they were not run yet."""
    request_(reporter.PyTestResult())
