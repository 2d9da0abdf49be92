"""The runner of Tempest: its configuration, and how it judges a run."""

import configparser
import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tempest_run import __main__ as program
from tempest_run import environment, settings, stage, totals

from kingbird.tests.waiting import PATIENCE

OUTPUT = """\
{{0}} kingbird_tempest_plugin.tests.x [0.1s] ... ok

======
Totals
======
Ran: 44 tests in 37.3087 sec.
 - Passed: {passed}
 - Skipped: {skipped}
 - Expected Fail: 0
 - Unexpected Success: 0
 - Failed: {failed}
Sum of execute time for each test: 60.7923 sec.
"""


@pytest.mark.parametrize(
    ("passed", "skipped", "failed", "may_skip", "expected"),
    [
        (44, 0, 0, False, []),
        (43, 1, 0, True, []),
        (43, 1, 0, False, ["Skipped: 1"]),
        (43, 0, 1, True, ["Failed: 1"]),
        (0, 44, 0, True, ["no test has passed"]),
        (42, 1, 1, False, ["Failed: 1", "Skipped: 1"]),
    ],
)
def test_complaints(
    passed: int, skipped: int, failed: int, may_skip: bool, expected: list[str]
) -> None:
    output = OUTPUT.format(passed=passed, skipped=skipped, failed=failed)
    assert totals.complaints(output, may_skip) == expected


def test_output_without_totals() -> None:
    assert totals.complaints("The specified regex doesn't match", may_skip=True) == [
        "no test has passed"
    ]


def test_tempest_conf(tmp_path: Path) -> None:
    admin = {
        "auth_url": "http://127.0.0.1:5000/v3",
        "username": "admin",
        "password": "50% of it",
        "project_name": "admin",
    }
    text = settings.tempest_conf(tmp_path, admin, ["RegionTwo", "RegionOne"], "synchronization")
    parser = configparser.RawConfigParser(default_section="no section stands for all")
    parser.read_string(text)
    assert parser["auth"]["admin_password"] == "50% of it"
    assert parser.getboolean("auth", "use_dynamic_credentials")
    assert parser["identity"]["uri_v3"] == admin["auth_url"]
    assert parser["identity"]["region"] == "RegionTwo"
    available = parser["service_available"]
    there = {name for name in available if available.getboolean(name)}
    assert there == {"glance", "kingbird"}


@pytest.fixture
def handlers() -> Iterator[None]:
    """Put back what the program does at signals."""
    numbers = (*program.INTERRUPTS, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_all_of_it_has_an_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """But the time that a first installation takes."""
    ended = []

    @contextlib.contextmanager
    def start() -> Iterator[None]:
        try:
            time.sleep(PATIENCE)
            yield
        finally:
            ended.append("what was started")

    monkeypatch.setattr(program, "WHOLE", 0.2)
    monkeypatch.setattr(environment, "install", lambda: time.sleep(0.5))
    monkeypatch.setattr(stage, "stage", start)
    assert program.main() == 1
    assert "has not ended within" in capsys.readouterr().err
    assert ended == ["what was started"]
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
