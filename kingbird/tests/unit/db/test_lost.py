"""A connection that was lost is a line in the log, and no traceback."""

import logging

import pytest
import sqlalchemy as sa
from sqlalchemy import pool

from kingbird.db import lost


class OperationalError(Exception):
    """As drivers call theirs."""


class Connection:
    """A driver's connection that is gone when it is given back."""

    def __init__(self, error):
        self.error = error

    def rollback(self):
        raise self.error

    def close(self):
        pass


def give_back(error, caplog):
    """Return what is logged when a connection can't be reset."""
    given = pool.QueuePool(lambda: Connection(error))
    given._dialect = sa.create_engine("sqlite://").dialect
    connection = given.connect()
    with caplog.at_level(logging.ERROR):
        connection.close()
    return caplog.text


@pytest.fixture(autouse=True)
def shortened():
    lost.say_shortly()


def test_a_lost_connection_is_one_line(caplog):
    text = give_back(OperationalError(2013, "Lost connection to 192.0.2.1"), caplog)
    assert "Exception during reset or similar: OperationalError" in text
    assert "Traceback" not in text
    assert "192.0.2.1" not in text


def test_another_fault_keeps_its_traceback(caplog):
    assert "Traceback" in give_back(ZeroDivisionError(), caplog)
