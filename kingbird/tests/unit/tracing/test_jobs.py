"""Runs of a job, each of which is traced or not by itself."""

import pytest

from kingbird.db import api as db
from kingbird.engine import planner
from kingbird.tests.doubles.glance import refused
from kingbird.tests.unit.engine.conftest import scene  # noqa: F401  a fixture
from kingbird.tests.waiting import wait_for
from kingbird.tracing import jobs, spans

IDS = {"base_id": "b", "parent_id": "p", "request_id": "first"}


class Announced(list):
    """Notes what other engines are told of the trace beside a job's id."""

    def append(self, job_id):
        super().append(spans.current())


@pytest.fixture
def job_id(scene, monkeypatch):  # noqa: F811
    """Store a job of two tasks, which fail."""
    create = db.jobs.create
    # A small job is not announced to other engines.
    monkeypatch.setattr(planner, "SMALL_JOB", 1)
    monkeypatch.setattr(db.jobs, "create", lambda **job: create(**job | {"request_id": "first"}))
    for region in ("R2", "R3"):
        scene.glances[region].fail("create", refused(403), times=None)
    return scene.job(scene.image())


def test_a_run_is_traced_by_the_request_that_began_it(traced, scene, job_id):  # noqa: F811
    def retry(request_id):
        trust_id = scene.keystone.trusts.make("again")
        job = scene.get(job_id)
        about = {"user_id": "u" * 32, "is_admin": False, "trust_id": trust_id}
        assert db.job_actions.retry(job, request_id=request_id, **about)
        assert scene.ended(job_id) == "FAILURE"

    def begun():
        return [
            (one["base_id"], one["info"]["function"]["name"])
            for one in traced
            if one["name"] == "engine-start"
        ]

    scene.announced = Announced()
    jobs.remember(job_id, IDS)
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    retry("second")
    jobs.remember(job_id, {**IDS, "base_id": "c", "request_id": "third"})
    retry("third")
    wait_for(lambda: len(scene.announced) == 3)
    assert begun() == [
        (base_id, name) for base_id in "bc" for name in ("planning", "task", "task")
    ]
    first, second, third = scene.announced
    assert (first["base_id"], first["request_id"]) == ("b", "first")
    assert second is None
    assert (third["base_id"], third["request_id"]) == ("c", "third")
