"""The locks of a process that is stopped in a transaction do not outlive its lease."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_db import exception as db_exc
from sqlalchemy import event

from kingbird.db import api as db
from kingbird.db.models import Tombstone
from kingbird.tests.api.world import World
from kingbird.tests.functional import services

LEASE = 6
#: Settings that limit the wait for a lock, in seconds.
WAIT = {
    "postgresql": f"SET SESSION lock_timeout = {LEASE}000",
    "mysql": f"SET SESSION innodb_lock_wait_timeout = {LEASE}",
}


@pytest.fixture(params=["MariaDB", "PostgreSQL"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    services.require(request.param)
    with World() as world, services.database(request.param) as url:
        world.conf.set_override("connection", url, group="database")
        world.conf.set_override("lease", LEASE, group="engine")
        db.configure(world.conf)
        db.migration.sync()
        yield url
        db.dispose()


def _wait_so_long(connection: Any, record: Any) -> None:
    name = "mysql" if "pymysql" in type(connection).__module__ else "postgresql"
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(WAIT[name])
    connection.commit()


def test_its_locks_end(url: str) -> None:
    row = {"region": "R1", "image_id": "i", "project_id": "p", "expires": 1, "reason": "id_taken"}
    write = sa.update(Tombstone).values(expires=2)
    other = sa.create_engine(url)
    event.listen(other, "connect", _wait_so_long)
    try:
        with db.get_engine().begin() as connection:
            connection.execute(sa.insert(Tombstone).values(**row))
        stopped = db.get_engine().connect()
        stopped.execute(write)
        begun = time.monotonic()
        with other.begin() as connection:
            connection.execute(write)
        waited = time.monotonic() - begun
        assert waited < LEASE
        assert waited > 0.5, "there was no lock to wait for"
        # The stopped process learns that its transaction has ended.
        with pytest.raises(db_exc.DBConnectionError):
            stopped.execute(write)
        stopped.invalidate()
    finally:
        other.dispose()
