"""The stored state of namespaces equals what a fresh comparison finds."""

import random
from datetime import datetime
from unittest.mock import ANY

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.db.rows import PROJECT, accepted_job, sync_set
from kingbird.tests.unit.sync.metadefs.scene import FULL

NAME = "OS::Test"
#: The state that goes with the reason of a dry run's item.
STATES = {
    "missing": "missing",
    "drift": "drift",
    "owner_conflict": "conflict",
    "region_unavailable": "away",
}


@pytest.fixture
def scene(scene):
    scene.as_admin = True
    return scene


def metadefs(scene, region):
    return scene.glances[region].images_for(PROJECT, is_admin=True).metadefs


def make(scene, region, name=NAME, **fields):
    metadefs(scene, region).create({**FULL, "namespace": name, **fields})


def run(scene, *named, sources=("R1",), targets=("R2", "R3"), status="SUCCESS", **options):
    trust_id = scene.keystone.trusts.make()
    request = [
        sync_set(
            named or ["*"],
            sources,
            targets,
            resource_type="metadef",
            all_projects=True,
            **options,
        )
    ]
    job_id = accepted_job(trust_id=trust_id, request=request)
    scene.engines[0].wake() if scene.engines else scene.engine()
    assert scene.tidied(job_id) == status
    return job_id


def stored():
    with db.get_engine().connect() as bind:
        rows = bind.execute(sa.select(db.MetadefState.__table__)).mappings()
        return {(row["name"], row["region"]): row for row in rows}


def words():
    return {pair: row["state"] for pair, row in stored().items()}


def compared(scene, **options):
    """Return the states that a dry run of everything finds, by its items."""
    job_id = run(scene, dry_run=True, on_drift="update", **options)
    return {
        (one.resource_name, one.target_region): STATES[one.reason]
        for one in scene.items(job_id)
        if one.resource != "*"
    }


def test_a_dry_run_tells_what_is_missing_and_what_differs(scene):
    make(scene, "R1")
    make(scene, "R2", description="other")
    job_id = run(scene, dry_run=True)
    assert words() == {(NAME, "R2"): "drift", (NAME, "R3"): "missing"}
    row = stored()[NAME, "R2"]
    assert row["differences"] == {"description": {"source": "A test", "target": "other"}}
    assert (row["source_region"], row["job_id"]) == ("R1", job_id)
    assert row["project_id"] == FULL.get("owner", PROJECT)
    assert row["message"] == "Differs from the namespace in R1 in: description"


def test_outcomes_are_kept(scene):
    make(scene, "R1")
    make(scene, "R2", description="other")
    scene.glances["R3"].fail("POST namespace", unavailable(), None)
    run(scene, status="FAILURE")
    assert words() == {(NAME, "R2"): "drift", (NAME, "R3"): "missing"}
    assert stored()[NAME, "R3"]["reason"] == "region_unavailable"
    scene.glances["R3"].heal()
    run(scene, on_drift="update")
    assert words() == {}


def test_a_state_that_is_the_same_keeps_its_age(scene):
    make(scene, "R1")
    run(scene, dry_run=True)
    old = sa.text("'2026-01-01 00:00:00.000000'")
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.MetadefState.__table__).values(since=old, compared_at=old))
    make(scene, "R2", description="other")
    run(scene, dry_run=True)
    rows = stored()
    beginning = datetime(2026, 1, 1)
    assert rows[NAME, "R3"]["since"] == beginning < rows[NAME, "R3"]["compared_at"]
    assert rows[NAME, "R2"]["state"] == "drift"
    assert rows[NAME, "R2"]["since"] > beginning


def test_a_namespace_that_is_gone_has_no_state(scene):
    make(scene, "R1")
    make(scene, "R1", "other")
    run(scene, dry_run=True)
    del scene.glances["R1"].metadefs.namespaces["other"]
    run(scene, "other", dry_run=True, status="FAILURE")
    assert {name for name, _ in words()} == {NAME}
    del scene.glances["R1"].metadefs.namespaces[NAME]
    run(scene, dry_run=True)
    assert words() == {}


def test_what_is_gone_from_one_source_stays_as_another_has_found_it(scene):
    make(scene, "R3")
    run(scene, sources=("R3",), targets=("R2",), dry_run=True)
    run(scene, NAME, targets=("R2",), dry_run=True, status="FAILURE")
    run(scene, targets=("R2",), dry_run=True)
    assert words() == {(NAME, "R2"): "missing"}


def test_somebody_elses_namespace_is_a_conflict(scene):
    make(scene, "R1", owner="one")
    make(scene, "R2", owner="two")
    run(scene, targets=("R2",), status="FAILURE")
    assert words() == {(NAME, "R2"): "conflict"}
    assert stored()[NAME, "R2"]["project_id"] == "one"


def test_a_region_that_is_away_keeps_its_states(scene):
    make(scene, "R1")
    run(scene, dry_run=True)
    scene.glances["R3"].fail("GET namespaces", unavailable(), None)
    run(scene, dry_run=True, status="FAILURE")
    run(scene, NAME, dry_run=True, status="FAILURE")
    assert words() == {(NAME, "R2"): "missing", (NAME, "R3"): "missing"}
    figures = db.metadef_pages.figures(None)
    assert figures["R3"].away_since is not None
    assert figures["R2"].away_since is None
    scene.glances["R3"].heal()
    run(scene)
    assert db.metadef_pages.figures(None)["R3"].away_since is None


def test_figures_count_namespaces_and_images_keep_theirs(scene):
    for name in (NAME, "other"):
        make(scene, "R1", name)
    make(scene, "R2")
    everywhere = ("R1", "R2", "R3")
    before = db.metadef_pages.version(None)
    run(scene, sources=everywhere, targets=everywhere, dry_run=True)
    assert db.metadef_pages.version(None) != before
    figures = db.metadef_pages.figures(None)
    assert [figures[name].images for name in everywhere] == [2, 2, 2]
    assert [figures[name].counts for name in everywhere] == [
        None,
        {"missing": 1},
        {"missing": 2},
    ]
    assert db.state_figures.figures(None) == {}


def test_a_target_whose_source_is_away_keeps_its_figures(scene):
    make(scene, "R1")
    run(scene, dry_run=True)
    before = db.metadef_pages.figures(None)
    scene.glances["R1"].fail("GET namespaces", unavailable(), None)
    run(scene, dry_run=True, status="FAILURE")
    assert db.metadef_pages.figures(None) == before
    assert words() == {(NAME, "R2"): "missing", (NAME, "R3"): "missing"}


@pytest.mark.parametrize("seed", range(4))
def test_after_any_history_the_state_is_that_of_a_comparison(scene, seed):
    choose = random.Random(seed)
    make(scene, "R1")
    for _ in range(6):
        region, name = choose.choice(["R1", "R2", "R3"]), choose.choice([NAME, "a", "b"])
        there = scene.glances[region].metadefs.namespaces
        if name in there and choose.random() < 0.5:
            del there[name]
        elif name in there:
            metadefs(scene, region).update(name, {"namespace": name, "description": str(seed)})
        else:
            make(scene, region, name, description=choose.choice(["x", "y"]))
        named = [name] if name in scene.glances["R1"].metadefs.namespaces else []
        job = choose.choice([{}, {"on_drift": "update"}, {"dry_run": True}, {"named": True}])
        run(scene, *(named if job.pop("named", False) else ()), status=ANY, **job)
    before = words()
    run(scene, status=ANY)
    after = words()
    assert after == compared(scene) == words(), before
