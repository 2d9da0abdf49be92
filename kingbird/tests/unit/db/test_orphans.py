"""Copies that were hidden as orphans are remembered until they are deleted or shown."""

from kingbird.db import api as db
from kingbird.db import connection
from kingbird.tests.unit.db.rows import PROJECT, planned_job

HIDDEN = {"region": "R2", "image_id": "i1", "home": "R1"}


def store(*changes):
    job = db.jobs.get(PROJECT, planned_job())
    with connection.writer() as session:
        db.orphans.store(session, job, changes)


def test_a_copy_that_is_hidden_again_has_the_time_of_that(database):
    store({**HIDDEN, "updated_at": "2026-01-01T00:00:00Z"})
    store({**HIDDEN, "updated_at": "2026-01-02T00:00:00Z"})
    found = db.orphans.find("R2", ["i1", "i2"])
    assert [one.updated_at for one in found.values()] == ["2026-01-02T00:00:00Z"]
    assert 0 <= found["i1"].seconds < 60
    assert db.orphans.find("R3", ["i1"]) == {}


def test_a_copy_that_is_shown_is_forgotten(database):
    store({**HIDDEN, "updated_at": "2026-01-01T00:00:00Z"})
    store({**HIDDEN, "updated_at": None})
    assert db.orphans.find("R2", ["i1"]) == {}
