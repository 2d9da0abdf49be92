"""How much patience a region asks for."""

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kingbird.clients.glance_http import RETRY_AFTER_MAX, parse_retry_after

#: 2026-01-01 12:00:00.5 UTC
NOW = 1767268800.5


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("007", 7),
        ("0", 0),
        ("9" * 9, RETRY_AFTER_MAX),
        ("9" * 5000, None),
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
        ("Thu, 01 Jan 99999 12:01:40 GMT", None),
    ],
)
def test_seconds_and_dates(value, seconds):
    with mock.patch("time.time", return_value=NOW):
        assert parse_retry_after(value) == seconds


@given(st.text() | st.from_regex(r"(Thu, )?\d+ Jan \d+ \d+:\d+(:\d+)?( [+-]\d+)?", fullmatch=True))
def test_no_header_makes_an_error(value):
    seconds = parse_retry_after(value)
    assert seconds is None or seconds >= 0
