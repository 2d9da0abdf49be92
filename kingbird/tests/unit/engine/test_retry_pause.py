"""The items of a retry in a region that is away wait for the region."""

import pytest

from kingbird.db import api as db
from kingbird.tests.unit.db.rows import sync_set
from kingbird.tests.unit.engine.plan_pauses import (
    again,
    job,
    leave,
    let_plans_wait,
    make,
    paused,
    reasons,
    set_away,
)


@pytest.fixture(autouse=True)
def patient(scene, monkeypatch):
    let_plans_wait(scene, monkeypatch)


@pytest.mark.parametrize("resource", ["named", "wildcard"])
def test_a_retry_of_a_region_that_is_away_still_waits(scene, resource):
    image = make(scene)
    leave(scene, "R2")
    about = image if resource == "named" else "*"
    job_id = job(scene, sync_set((about,), targets=("R2", "R3")))
    engine = scene.engine()
    paused(scene, job_id, "R2")
    db.job_actions.cancel(scene.get(job_id))
    engine.cancel(job_id)
    assert scene.tidied(job_id) == "CANCELLED"
    again(scene, job_id)
    paused(scene, job_id, "R2")
    scene.glances["R2"].heal()
    assert scene.ended(job_id) == "SUCCESS"
    assert reasons(scene, job_id) == {(image, "R2"): "created", (image, "R3"): "created"}


def test_a_retry_that_has_waited_for_too_long_fails(scene):
    image = make(scene)
    leave(scene, "R2")
    job_id = job(scene, sync_set((image,), targets=("R2",)))
    scene.engine()
    for _ in range(2):
        paused(scene, job_id, "R2")
        set_away(1801)
        assert scene.tidied(job_id) == "FAILURE"
        assert reasons(scene, job_id) == {(image, "R2"): "region_unavailable"}
        again(scene, job_id)


def test_a_retry_of_several_regions_holds_none_up(scene):
    image = make(scene)
    leave(scene, "R2", "R3")
    job_id = job(scene, sync_set((image,), targets=("R2", "R3")))
    scene.engine()
    paused(scene, job_id, "R2", "R3")
    set_away(1801)
    assert scene.tidied(job_id) == "FAILURE"
    scene.glances["R3"].heal()
    again(scene, job_id)
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id) == {
        (image, "R2"): "region_unavailable",
        (image, "R3"): "created",
    }
