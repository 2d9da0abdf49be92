"""Images with values that no plan has in memory: they are read again when they are written."""

import json

import pytest

from kingbird.clients import long_values
from kingbird.clients.long_values import LONGEST
from kingbird.db import api as db
from kingbird.sync import long_records
from kingbird.tests.doubles.glance import refused, unavailable
from kingbird.tests.unit.db.rows import PROJECT, sync_set
from kingbird.tests.unit.engine.jobs import counts
from kingbird.tests.unit.engine.test_undo import job, seen, sync, undo

EVERYTHING = sync_set(["*"], ["R1"], ["R2"])
LONG = {f"p{n}": f"{n}" * 60_000 for n in range(5)}


def make(scene, region="R1", **fields):
    body = {"name": "long", "disk_format": "raw", "container_format": "bare", **fields}
    image = scene.glances[region].images_for(PROJECT).create({"visibility": "private", **body})
    scene.glances[region].upload(image["id"], b"data")
    return image["id"]


def patch(scene, image_id, region="R1", **values):
    changes = [{"op": "add", "path": f"/{name}", "value": values[name]} for name in values]
    scene.glances[region].images_for(PROJECT).update(image_id, changes)


def values(scene, image_id, region="R2"):
    image = scene.glances[region].peek(image_id)
    return {name: image.get(name) for name in LONG}


def works(monkeypatch):
    """Return the works of all items that are stored, as JSON."""
    stored = []
    hold = db.plans.PlanWriter.hold

    def note(self, rows, *args):
        stored.extend(json.dumps(row["work"]) for row in rows)
        return hold(self, rows, *args)

    monkeypatch.setattr(db.plans.PlanWriter, "hold", note)
    return stored


@pytest.mark.parametrize("way", ["wildcard", "by id", "forced"])
def test_a_record_gets_its_whole_values(scene, monkeypatch, way):
    image_id = make(scene, **LONG)
    stored = works(monkeypatch)
    scene.engine()
    named = {**EVERYTHING, "resources": [image_id], "force": way == "forced"}
    done = job(scene, [EVERYTHING if way == "wildcard" else named])
    assert counts(scene, done)[1] == {"created": 1}
    (item,) = scene.items(done)
    assert values(scene, item.target_resource) == LONG
    assert (item.target_resource == image_id) == (way != "forced")
    (work,) = stored
    assert len(work) < 5 * (LONGEST + 200) + 2000
    assert scene.glances["R1"].count()["get"] == 1
    # The next run finds it in order, and asks for nothing more.
    assert counts(scene, sync(scene))[1] == {"no_data": 1}
    assert scene.glances["R1"].count()["get"] == 1


def test_a_record_of_short_values_is_not_read_again(scene):
    make(scene, p="x" * LONGEST)
    scene.engine()
    assert counts(scene, sync(scene))[1] == {"created": 1}
    assert "get" not in scene.glances["R1"].count()


def test_the_end_of_a_value_differs(scene):
    image_id = make(scene, **LONG)
    scene.engine()
    sync(scene)
    patch(scene, image_id, p3="3" * 59_999 + "4")
    assert counts(scene, job(scene, [EVERYTHING], state="FAILURE"))[1] == {"drift": 1}
    assert counts(scene, sync(scene, on_drift="update"))[1] == {"updated": 1}
    assert values(scene, image_id) == {**LONG, "p3": "3" * 59_999 + "4"}


def test_a_source_that_changed_since_the_plan(scene, monkeypatch):
    image_id = make(scene, **LONG)
    hold = db.plans.PlanWriter.hold

    def change(self, rows, *args):
        if any(row["work"] for row in rows):
            patch(scene, image_id, p1="other")
        return hold(self, rows, *args)

    monkeypatch.setattr(db.plans.PlanWriter, "hold", change)
    scene.engine()
    (item,) = scene.items(job(scene, [EVERYTHING], state="FAILURE"))
    assert item.reason == "plan_outdated"
    assert "p1" in item.message
    assert "create" not in scene.glances["R2"].count()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (unavailable(503), "region_unavailable"),
        (refused(404), "source_gone"),
        (refused(403), "forbidden"),
    ],
)
def test_a_source_that_cannot_be_read(scene, error, reason):
    image_id = make(scene, **LONG)
    scene.glances["R1"].fail("get", error, times=None)
    scene.engine()
    job_id = scene.job(image_id, targets=["R2", "R3"])
    assert scene.tidied(job_id) == "FAILURE"
    assert counts(scene, job_id)[1] == {reason: 2}
    assert "create" not in scene.glances["R2"].count()


def test_one_large_record_of_a_region_at_a_time(scene, monkeypatch):
    """Each is several times in memory while it is written."""
    for _ in range(4):
        make(scene, **LONG)
    taken, given = [], []
    take, give_back = long_records.ROOM.take, long_records.ROOM.give_back

    def note(user, size, left):
        taken.append((user, size))
        return take(user, size, left)

    monkeypatch.setattr(long_records.ROOM, "take", note)
    monkeypatch.setattr(
        long_records.ROOM, "give_back", lambda *args: (given.append(args), give_back(*args))
    )
    scene.engine()
    assert counts(scene, sync(scene))[1] == {"created": 4}
    assert taken == given == [("R2", 300_000)] * 4


def test_an_update_is_undone_with_whole_values(scene):
    old = {"p0": "a" * 30_000, "p1": "b" * 30_000}
    image_id = make(scene, **LONG)
    make(scene, "R2", id=image_id, **old)
    before = seen(scene.glances["R2"])
    scene.engine()
    first = sync(scene, on_drift="update")
    assert values(scene, image_id) == LONG
    (item,) = scene.items(first)
    assert len(json.dumps(item.undo)) < 100_000
    assert counts(scene, undo(scene, first))[1] == {"undone": 1}
    after = seen(scene.glances["R2"])
    assert {name: after[image_id].get(name) for name in LONG} == {
        name: before[image_id].get(name) for name in LONG
    }


def test_values_that_are_too_much_to_be_kept_are_not_given_back(scene):
    image_id = make(scene, **LONG)
    make(scene, "R2", id=image_id, p0="a" * 50_000, p1="b" * 50_000)
    scene.engine()
    first = sync(scene, on_drift="update")
    (item,) = scene.items(first)
    assert len(json.dumps(item.undo)) < 100_000
    second = undo(scene, first)
    (item,) = scene.items(second)
    assert item.reason == "touched"
    assert "Too long to be given back, and left: p1" in item.message
    assert values(scene, image_id)["p0"] == "a" * 50_000
    assert values(scene, image_id)["p1"] == LONG["p1"]


def test_a_long_value_that_others_changed_since_is_left(scene):
    image_id = make(scene, **LONG)
    make(scene, "R2", id=image_id, p0="a" * 2000)
    scene.engine()
    first = sync(scene, on_drift="update")
    patch(scene, image_id, "R2", p0="c" * 2000)
    second = undo(scene, first)
    (item,) = scene.items(second)
    assert item.reason == "touched"
    assert "Changed by others since, and left: p0" in item.message
    assert values(scene, image_id)["p0"] == "c" * 2000


def test_what_an_earlier_release_has_planned_is_written_as_it_is(scene, monkeypatch):
    """Its long values are whole."""
    image_id = make(scene, **LONG)
    monkeypatch.setattr(long_values, "shorten_in", lambda image: None)
    stored = works(monkeypatch)
    scene.engine()
    assert counts(scene, sync(scene))[1] == {"created": 1}
    assert len(stored[0]) > 300_000
    assert values(scene, image_id) == LONG
    assert "get" not in scene.glances["R1"].count()
