"""A SQLite database that another process keeps to itself."""

import sqlite3
import time

from kingbird.api import app
from kingbird.db import api as db
from kingbird.tests.api.world import World
from kingbird.tests.unit.api.conftest import JOBS, Call, request_body
from kingbird.tests.waiting import PATIENCE


def test_a_caller_hears_in_time_that_the_database_is_locked(world: World, call: Call) -> None:
    # A shorter patience, as tests have little themselves.
    db.configure(world.conf, seconds=1)
    path = world.conf.database.connection.removeprefix("sqlite:///")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        begun = time.monotonic()
        response = call(JOBS, "POST", body=request_body())
        assert response.status_int == 503
        assert response.headers["Retry-After"] == "5"
        assert 2 <= time.monotonic() - begun < PATIENCE
        assert call(JOBS).json["job_set"] == [], "readers wait for nobody"
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert call(JOBS, "POST", body=request_body()).status_int == 200
    assert 2 * app.DATABASE_SECONDS < 10
