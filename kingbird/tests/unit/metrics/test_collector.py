"""Collect metrics from the database, and survive its failure."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.db.clock import now_ms
from kingbird.db.models import Task
from kingbird.db.region_states import Figures
from kingbird.metrics.collector import DatabaseCollector
from kingbird.tests.unit.db import states
from kingbird.tests.unit.db.rows import (
    LEASE,
    accepted_job,
    planned_job,
    row,
    stored_rule,
    utcnow,
)


def collected(collector):
    return {
        (sample.name.removeprefix("kingbird_"), *sample.labels.values()): sample.value
        for family in collector.collect()
        for sample in family.samples
    }


@pytest.fixture
def collector(database):
    database.set_override("cache_time", 0, group="metrics")
    return DatabaseCollector(database)


def test_an_empty_database(collector):
    found = collected(collector)
    assert found["database_up",] == 1
    assert found["engines_alive",] == found["jobs_in_progress",] == 0
    assert found["queue_size", "job"] == found["queue_oldest_seconds", "task"] == 0
    assert found["marks_waiting",] == found["marks_oldest_seconds",] == 0
    assert found["rules", "OK"] == found["rules", "NO_CREDENTIALS"] == 0


def test_what_waits(collector):
    planned_job(row(region="R2"), row(region="R3"))
    accepted_job()
    accepted_job()
    db.engines.heartbeat("e1", host="h", pid=1, version="1", rpc_version="1.0")
    found = collected(collector)
    assert found["jobs_in_progress",] == 3
    assert found["queue_size", "job"] == 2
    assert found["queue_size", "task"] == 2
    assert 0 <= found["queue_oldest_seconds", "job"] < 60
    assert found["engines_alive",] == 1
    # Claimed work does not wait.
    assert db.leases.claim_task("e1", LEASE) is not None
    assert db.leases.claim_job("e1", LEASE) is not None
    found = collected(collector)
    assert (found["queue_size", "job"], found["queue_size", "task"]) == (1, 1)


def test_how_long_the_oldest_has_waited(collector):
    planned_job(row(region="R2"), row(region="R3"))
    ages = {accepted_job(): 600, accepted_job(): 7200}
    with db.get_engine().begin() as bind:
        for job_id, age in ages.items():
            moment = utcnow() - timedelta(seconds=age)
            bind.execute(
                sa.update(db.Job)
                .where(db.Job.id == job_id)
                .values(created_at=moment, updated_at=None)
            )
        moment = utcnow() - timedelta(seconds=90)
        bind.execute(sa.update(Task).where(Task.region == "R2").values(created_at=moment))
    found = collected(collector)
    assert 7200 <= found["queue_oldest_seconds", "job"] < 7260
    assert 90 <= found["queue_oldest_seconds", "task"] < 150


def test_what_rules_have_to_look_at(collector):
    rules = [stored_rule(enabled=True) for _ in range(2)]
    db.marks.add([(rule.pk, image) for rule in rules for image in ("i1", "i2")], settle=1)
    with db.get_engine().begin() as bind:
        earlier = db.Mark.since - 700_000
        bind.execute(sa.update(db.Mark).where(db.Mark.image_id == "i1").values(since=earlier))
    found = collected(collector)
    assert found["marks_waiting",] == 4
    assert 700 <= found["marks_oldest_seconds",] < 760


def test_rules_by_state(collector):
    states = {
        stored_rule(enabled=True).id: "OK",
        stored_rule(enabled=True).id: "NO_CREDENTIALS",
        stored_rule(enabled=True).id: "NO_CREDENTIALS",
        # The earlier state of a disabled rule is not counted.
        stored_rule().id: "FAILING",
    }
    with db.get_engine().begin() as bind:
        for rule_id, state in states.items():
            bind.execute(sa.update(db.Rule).where(db.Rule.id == rule_id).values(state=state))
    found = collected(collector)
    assert {name[1]: number for name, number in found.items() if name[0] == "rules"} == {
        "OK": 1,
        "FAILING": 0,
        "NO_CREDENTIALS": 2,
        "DISABLED": 1,
    }


def test_data_that_are_to_arrive(collector):
    waits = {"data": "pending", "bytes": 1, "data_since": 0}
    planned_job(
        row("a", **waits),
        row("b", **waits),
        row("c", **{**waits, "data": "importing"}),
        row("d", "R3", **waits),
        # Their records are not in order yet, have ended, or were planned by a dry run.
        row("e", data="pending"),
        row("f", status="SUCCESS", reason="created", data="active", data_since=0),
        row("g", status="PLANNED", reason="created", data="pending"),
    )
    ago = 90_000
    with db.get_engine().begin() as bind:
        now = bind.scalar(sa.select(now_ms()))
        old = sa.update(db.Item).where(db.Item.resource == "a")
        bind.execute(sa.update(db.Item).where(db.Item.data_since == 0).values(data_since=now))
        bind.execute(old.values(data_since=now - ago))
    found = collected(collector)
    numbers = {name[1:]: number for name, number in found.items() if name[0] == "imports"}
    assert numbers == {
        ("R2", "pending"): 2,
        ("R2", "importing"): 1,
        ("R3", "pending"): 1,
        ("R3", "importing"): 0,
    }
    assert 90 <= found["imports_oldest_seconds", "R2", "pending"] < 150
    assert found["imports_oldest_seconds", "R2", "importing"] < 60


def test_images_that_are_not_in_order(collector):
    rows = [states.state("a"), states.state("b", state="drift"), states.state("c", region="R3")]
    claim = states.find(*rows, figures=Figures(False, {"R2": 5}, away={"R3": ("away", "Away")}))
    states.age()
    states.find(states.state("d"), states.state("e", project_id="other"))
    found = collected(collector)
    assert (found["images", "R2", "missing"], found["images", "R2", "drift"]) == (3, 1)
    assert (found["images", "R2", "no_data"], found["images", "R3", "missing"]) == (0, 1)
    assert found["images_oldest_seconds", "R2", "drift"] > 86400
    assert found["images_oldest_seconds", "R2", "no_data"] == 0
    assert 0 <= found["region_compared_seconds", "R2"] < 60
    assert ("region_compared_seconds", "R3") not in found
    assert found["region_away_seconds", "R2"] == 0
    earlier = utcnow() - timedelta(hours=2)
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.RegionState).values(away_since=earlier, compared_at=earlier))
        keys = {"project_id": "*", "region": "R2", "bulk_missing": 7, "bulk_no_data": 2}
        bind.execute(sa.insert(db.RegionState).values(images=9, compared_at=earlier, **keys))
        # Those of a project are among those of all.
        of_project = db.RegionState.project_id == claim.job.project_id
        bind.execute(sa.update(db.RegionState).where(of_project).values(bulk_missing=1))
    found = collected(collector)
    assert 7200 <= found["region_compared_seconds", "R2"] < 7260
    assert 7200 <= found["region_away_seconds", "R3"] < 7260
    assert (found["images", "R2", "missing"], found["images", "R2", "no_data"]) == (10, 2)
    assert found["images", "R3", "missing"] == 2


def test_without_the_database(collector, monkeypatch):
    def away(silence):
        raise exception.Unavailable("away")

    monkeypatch.setattr(db.stats, "collect", away)
    found = collected(collector)
    assert found["database_up",] == 0
    assert not any(name[0] == "engines_alive" for name in found)


def test_what_was_read_is_answered_again(database, monkeypatch):
    looks = []
    look = db.stats.collect
    monkeypatch.setattr(db.stats, "collect", lambda silence: looks.append(1) or look(silence))
    collector = DatabaseCollector(database)
    for _ in range(3):
        collected(collector)
    assert len(looks) == 1
