"""A connection that is lost at the worst moment."""

from contextlib import contextmanager
from unittest import mock

from oslo_db import exception as db_exc

from kingbird.db import connection


@contextmanager
def lost_answer(after=0):
    """Lose the answer to one commit within the block: it was done, but nobody hears.

    :param after: how many commits there are before it.
    """
    real, lost, done = connection.writer, [], []

    @contextmanager
    def writer():
        with real() as session:
            yield session
        done.append(True)
        if not lost and len(done) > after:
            lost.append(True)
            raise db_exc.DBConnectionError

    with mock.patch.object(connection, "writer", writer):
        yield
    assert lost
