"""Choose the concurrency backend before anything else is imported."""

from kingbird import concurrency

#: ``KINGBIRD_CONCURRENCY_BACKEND`` selects the backend of the tests too.
BACKEND = concurrency.setup()

from collections.abc import Generator  # noqa: E402  after the backend

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

from kingbird.tests.database import SQLITE  # noqa: E402

# The duration of an example depends on the load of the machine.
settings.register_profile(
    "quick", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
#: Selected by ``--hypothesis-profile=thorough``, as in ``make test-more``.
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=400)
settings.load_profile("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the command line choose the databases of unit tests."""
    parser.addoption(
        "--databases",
        default=SQLITE,
        help="the databases that unit tests run on: SQLite, MariaDB, PostgreSQL, with commas",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape logged characters that cannot be encoded for a report to another process."""
    report = yield
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report
