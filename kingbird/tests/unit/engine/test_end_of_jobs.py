"""A job is ended in the transaction that ends its last item, so it can be deleted from then on."""

import threading
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.db import connection
from kingbird.tests.doubles.glance import refused
from kingbird.tests.unit.db.rows import PROJECT
from kingbird.tests.waiting import PATIENCE, wait_for


@pytest.fixture
def half_ended(scene, monkeypatch):
    """Collect the jobs that a commit left in progress though all of their items have ended."""
    found, plain = [], connection.writer
    open_items = sa.exists().where(db.Item.job_pk == db.Job.pk, db.Item.status == "IN_PROGRESS")
    query = sa.select(db.Job.id).where(
        db.Job.status == "IN_PROGRESS",
        db.Job.planned_at.is_not(None),
        db.Job.plan_rest.is_(None),
        ~open_items,
    )

    @contextmanager
    def writer():
        with plain() as session:
            yield session
        with db.get_engine().connect() as bind:
            found.extend(bind.scalars(query))

    monkeypatch.setattr(connection, "writer", writer)
    return found


def have_ended(items):
    return items and all(item.status != "IN_PROGRESS" for item in items)


def worked_through(scene):
    return scene.job(scene.image(), scene.image())


def in_sync(scene):
    image = scene.image()
    for region in ("R2", "R3"):
        body = {"id": image, "name": "one", "disk_format": "raw", "container_format": "bare"}
        scene.glances[region].images_for(PROJECT).create(body)
    return scene.job(image)


def refused_in_one_region(scene):
    scene.glances["R2"].fail("create", refused(403), times=None)
    return worked_through(scene)


def refused_before_its_plan(scene):
    job_id = worked_through(scene)
    scene.keystone.trusts.clear()
    return job_id


def cancelled(scene):
    job_id = worked_through(scene)
    assert db.job_actions.cancel(scene.get(job_id))
    return job_id


@pytest.mark.parametrize(
    "make", [worked_through, in_sync, refused_in_one_region, refused_before_its_plan, cancelled]
)
def test_a_client_that_deletes_a_job_once_all_items_have_ended_is_never_refused(
    scene, monkeypatch, half_ended, make
):
    reached, go_on = threading.Event(), threading.Event()

    def hang(*args, **kwargs):
        reached.set()
        assert go_on.wait(PATIENCE)
        raise exception.KeystoneUnavailable("No answer.")

    job_id = make(scene)
    monkeypatch.setattr(scene.keystone, "delete_trust", hang)
    scene.engine()
    try:
        wait_for(lambda: have_ended(scene.items(job_id)))
        assert db.jobs.delete(PROJECT, job_id)
        assert reached.wait(PATIENCE), "the trust is deleted after that"
    finally:
        go_on.set()
    assert not half_ended
