"""A run of a rule that waits for a region holds up no other for longer than it has to."""

import pytest

from kingbird.db import api as db
from kingbird.engine import away_regions
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.db.rows import PROJECT, make_due, rule_row, stored_rule, sync_set
from kingbird.tests.waiting import wait_for

RESET = 0.3


@pytest.fixture(autouse=True)
def patient(scene, monkeypatch):
    """Let jobs wait for regions, and look at them often."""
    monkeypatch.setattr(away_regions, "SHORTEST_PAUSE", RESET)
    for name, value in (
        ("region_patience", 1800),
        ("retry_timeout", 0),
        ("breaker_threshold", 1),
        ("breaker_reset_timeout", RESET),
    ):
        scene.conf.set_override(name, value, group="sync")


@pytest.fixture
def rule(scene):
    """Give a rule about every image of R1, which is not due."""
    scene.keystone.trusts.add("rule-trust")
    return stored_rule(enabled=True, interval=0, sync=sync_set(["*"], ["R1"], ["*"]))


def with_data(scene):
    image = scene.image()
    scene.glances["R1"].upload(image, b"data")
    return image


def heard(rule, *ids):
    assert db.marks.add([(rule.pk, image_id) for image_id in ids], settle=0) == len(ids)


def event_jobs():
    return [one for one in db.jobs.list_for_project(PROJECT) if one.trigger == "event"]


def waits(scene, job_id):
    return set(db.jobs.numbers_of(scene.get(job_id)).waits_for) == {"R2"}


@pytest.mark.parametrize("call", ["*", "create"])
def test_an_event_run_does_not_wait(scene, rule, monkeypatch, call):
    """The region is away while the run is planned, or when it is to be written."""
    monkeypatch.setattr(db.marks, "FIRST_RETURN", 10**9)
    scene.engine()
    wait_for(lambda: scene.get(rule_row(rule).full_job_id).status == "SUCCESS")
    scene.glances["R2"].fail(call, unavailable(), times=None)
    for number in range(4):
        image = with_data(scene)
        heard(rule, image)
        wait_for(lambda image=image: image in scene.glances["R3"].ids)
        wait_for(lambda: all(one.status != "IN_PROGRESS" for one in event_jobs()))
        assert len(event_jobs()) == number + 1
    assert {one.status for one in event_jobs()} == {"FAILURE"}


def test_a_full_run_waits_until_the_next_one_is_due(scene, rule):
    image = with_data(scene)
    scene.glances["R2"].fail("*", unavailable(), times=None)
    scene.engine()
    first = rule_row(rule).full_job_id
    wait_for(lambda: waits(scene, first) and image in scene.glances["R3"].ids)
    make_due(rule)
    assert scene.ended(first) == "FAILURE"
    wait_for(lambda: rule_row(rule).full_job_id != first)
    second = rule_row(rule).full_job_id
    wait_for(lambda: waits(scene, second))
    scene.glances["R2"].heal()
    assert scene.ended(second) == "SUCCESS"
    assert image in scene.glances["R2"].ids


def test_the_share_of_a_full_run_waits_as_long(scene, rule):
    with_data(scene)
    scene.glances["R2"].fail("create", unavailable(), times=None)
    scene.glances["R2"].fail("get", unavailable(), times=None)
    scene.engine()
    first = rule_row(rule).full_job_id
    wait_for(lambda: waits(scene, first))
    make_due(rule)
    assert scene.ended(first) == "FAILURE"
    assert {one.message for one in scene.items(first) if one.reason == "region_unavailable"} == {
        "Region R2 is away, and the job waits for it no longer"
    }
