"""A connection that is lost at the worst moment."""

from contextlib import contextmanager
from unittest import mock

from oslo_db import exception as db_exc

from kingbird.db import connection


@contextmanager
def lost_answer():
    """Lose the answer to the first commit within the block: it was done, but nobody hears."""
    real, lost = connection.writer, []

    @contextmanager
    def writer():
        with real() as session:
            yield session
        if not lost:
            lost.append(True)
            raise db_exc.DBConnectionError

    with mock.patch.object(connection, "writer", writer):
        yield
    assert lost
