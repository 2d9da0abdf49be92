"""How much patience a region asks for."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kingbird.clients.retry_after import seconds_of

NOW = datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("007", 7),
        ("0", 0),
        ("9" * 5000, 10**9),
        ("Thu, 01 Jan 2026 12:01:40 GMT", 100),
        ("Thursday, 01-Jan-26 12:01:40 GMT", 100),
        ("Thu Jan  1 12:01:40 2026", 100),
        ("Thu, 01 Jan 2026 13:01:40 +0100", 100),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0),
        ("", None),
        ("-7", None),
        ("1.5", None),
        ("soon", None),
        ("²", None),
        ("٣", None),
        ("Thu, 99 Jan 2026 12:01:40 GMT", None),
        ("Thu, 01 Jan 99999 12:01:40 GMT", None),
    ],
)
def test_seconds_and_dates(value, seconds):
    assert seconds_of(value, NOW) == seconds


@given(st.text() | st.from_regex(r"(Thu, )?\d+ Jan \d+ \d+:\d+(:\d+)?( [+-]\d+)?", fullmatch=True))
def test_no_header_makes_an_error(value):
    seconds = seconds_of(value)
    assert seconds is None or seconds >= 0
