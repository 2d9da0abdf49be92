"""Warnings about data of other services are logged once, and not without end."""

import logging

import pytest

from kingbird.clients import log_once
from kingbird.clients.log_once import WarnOnce

LOG = logging.getLogger("kingbird.tests.log_once")
LAST = "More warnings of this kind are not logged"


@pytest.fixture
def warned(caplog):
    caplog.set_level(logging.DEBUG)

    def messages():
        assert {one.levelno for one in caplog.records} <= {logging.WARNING}
        return [one.getMessage() for one in caplog.records]

    return messages


def test_a_warning_comes_once_until_all_are_forgotten(warned):
    once = WarnOnce(LOG)
    for message in ("a", "b %s", "a", "b %s"):
        once.warn(message)
    assert warned() == ["a", "b %s"]
    once.clear()
    once.warn("a")
    assert warned() == ["a", "b %s", "a"]


def test_warnings_that_always_differ_come_to_an_end(warned, monkeypatch):
    monkeypatch.setattr(log_once, "MAX_WARNINGS", 3)
    once = WarnOnce(LOG)
    for number in range(9):
        once.warn(f"{number}")
    assert warned() == ["0", "1", "2", LAST]
    once.warn("0")
    assert len(warned()) == 4
    once.clear()
    once.warn("0")
    assert warned()[4:] == ["0"]
