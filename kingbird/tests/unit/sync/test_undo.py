"""See that a write is undone where nothing else has changed the image since, and nowhere else."""

import dataclasses
from datetime import UTC, datetime

import pytest

from kingbird.sync import image as fields
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import AFTER, BEFORE, HALF_MADE, refused, unavailable
from kingbird.tests.unit.sync.scene import DEMO, OTHER, Scene

JOB = "dddddddd-0000-4000-8000-000000000003"


@pytest.fixture
def scene():
    return Scene()


def sync(scene, image, *, updates=False, prunes=False):
    """Sync an image to R2, and return its item with the outcome."""
    one = SyncSet((image["id"],), ("R1",), ("R2",), updates=updates, prunes=prunes)
    (item,) = scene.plan_sets(one)
    return item, item.outcome or scene.apply(item)


def undo(scene, written, **options):
    item, outcome = written
    work = dataclasses.replace(item.work, undo={**outcome.undo, "job": JOB})
    done = scene.apply(dataclasses.replace(item, work=work), **options)
    is_there = item.work.record["id"] in scene.glances["R2"].ids
    if is_there and done.reason in ("undone", "touched", "kept"):
        assert done.target_resource == item.work.record["id"], "the item names what it is about"
    return done


def patched(scene, region, image, **values):
    changes = [
        {"op": "remove", "path": f"/{name}"}
        if value is ...
        else {"op": "add", "path": f"/{name}", "value": value}
        for name, value in values.items()
    ]
    return scene.images(region).update(image["id"], changes)


def copy(scene, image):
    return scene.glances["R2"].peek(image["id"])


@pytest.mark.parametrize(
    "fault",
    [None, (unavailable(None), AFTER), (unavailable(500), HALF_MADE)],
    ids=["plain", "answer lost", "half made"],
)
def test_a_created_record_is_hidden_and_shown_again_by_a_sync(scene, fault):
    image = scene.create(tags=["a"])
    if fault:
        scene.glances["R2"].fail("create", fault[0], when=fault[1])
    written = sync(scene, image)
    for _ in range(2):
        assert undo(scene, written).reason == "undone"
        hidden = copy(scene, image)
        assert (hidden["os_hidden"], hidden[fields.UNDONE]) == (True, JOB)
    tags = fault is not None and fault[1] is HALF_MADE
    assert scene.glances["R2"].count()["update"] == 1 + tags
    # Redo needs no POST, whatever the set does about drift.
    posts = scene.glances["R2"].count()["create"]
    assert sync(scene, image)[1].reason == "updated"
    assert not copy(scene, image)["os_hidden"]
    assert fields.UNDONE not in copy(scene, image)
    assert scene.glances["R2"].count()["create"] == posts
    assert sync(scene, image)[1].reason == "in_sync"


def test_a_wildcard_redoes_it_too(scene):
    image = scene.create_in(2020, "R1", b"x")
    undo(scene, sync(scene, image))
    (item,) = scene.plan_sets(SyncSet(("*",), ("R1",), ("R2",)))
    assert scene.apply(item).reason == "updated"
    assert not copy(scene, image)["os_hidden"]


def test_the_redo_can_be_undone(scene):
    image = scene.create()
    undo(scene, sync(scene, image))
    before = copy(scene, image)
    assert undo(scene, sync(scene, image)).reason == "undone"
    assert {**copy(scene, image), "updated_at": 0} == {**before, "updated_at": 0}


@pytest.mark.parametrize("touch", ["patched", "uploaded", "no provenance", "given away", "gone"])
def test_a_created_record_that_was_touched_is_kept(scene, touch):
    image = scene.create()
    written = sync(scene, image)
    glance = scene.glances["R2"]
    glance._now = lambda: datetime(2030, 1, 1, tzinfo=UTC)
    if touch == "patched":
        patched(scene, "R2", image, mine="x")
    elif touch == "uploaded":
        glance.upload(image["id"], b"x")
    elif touch == "no provenance":
        patched(scene, "R2", image, **{fields.SOURCE_ID: ...})
    elif touch == "given away":
        glance._change(image["id"], owner=OTHER, visibility="public")
    else:
        glance.delete(image["id"])
    before = copy(scene, image)
    outcome = undo(scene, written)
    assert (outcome.reason, outcome.status) == ("kept", "SKIPPED")
    assert outcome.message
    assert copy(scene, image) == before
    assert not glance.count()["update"] - (touch in ("patched", "no provenance"))


def drifted(scene):
    image = scene.create(name="new", min_disk=3, tags=["a"], os_distro="debian", protected=True)
    record = fields.record_for(image, "R1", fields.Rules(), image_id=image["id"])
    old = {"name": "old", "min_disk": 1, "tags": ["b"], "protected": False, "extra": "here"}
    scene.images("R2").create({**record, **old})
    patched(scene, "R2", image, os_distro=...)
    return image, copy(scene, image)


def test_an_update_is_taken_back(scene):
    image, before = drifted(scene)
    written = sync(scene, image, updates=True, prunes=True)
    assert written[1].reason == "updated"
    assert copy(scene, image)["name"] == "new"
    for _ in range(2):
        assert undo(scene, written).reason == "undone"
        assert {**copy(scene, image), "updated_at": 0} == {**before, "updated_at": 0}
    # The first undo changed all; the second one found nothing to do.
    assert scene.glances["R2"].count()["update"] == 3


@pytest.mark.parametrize("removes", [False, True], ids=["sets", "removes"])
@pytest.mark.parametrize("lost", [1, None], ids=["first answer", "every answer"])
def test_an_update_whose_answers_were_lost_is_taken_back(scene, removes, lost):
    """A removal that has happened is refused when it is tried again."""
    image, before = drifted(scene)
    scene.retry = Scene(retry_timeout=2.0).retry
    scene.glances["R2"].fail("update", unavailable(None), lost, when=AFTER)
    written = sync(scene, image, updates=True, prunes=removes)
    scene.glances["R2"].heal()
    assert written[1].reason == "updated"
    assert ("extra" in copy(scene, image)) is not removes
    assert undo(scene, written).reason == "undone"
    assert {**copy(scene, image), "updated_at": 0} == {**before, "updated_at": 0}


@pytest.mark.parametrize("trouble", ["not done", "no look", "changed since", "gone", "importing"])
def test_an_update_that_may_not_be_whole_is_no_success(scene, trouble):
    image, _ = drifted(scene)
    glance = scene.glances["R2"]
    scene.retry = Scene(retry_timeout=0.0).retry

    def meddle(_):
        """Do what happens between the PATCH and the look."""
        if trouble == "changed since":
            glance._change(image["id"], name="mine")
        if trouble == "gone":
            glance._change(image["id"], owner=OTHER, visibility="private")
        if trouble == "importing":
            glance._change(image["id"], status="importing")
        return unavailable() if trouble == "no look" else None

    (item,) = scene.plan_sets(SyncSet((image["id"],), ("R1",), ("R2",), updates=True))
    glance.fail("update", unavailable(None), when=BEFORE if trouble == "not done" else AFTER)
    glance.fail("get", meddle)
    outcome = scene.apply(item)
    assert (outcome.status, outcome.reason) == ("FAILURE", "region_unavailable")
    assert outcome.undo is None


def test_a_region_that_asks_for_patience_is_not_looked_into(scene):
    image, _ = drifted(scene)
    scene.retry = Scene(retry_timeout=0.0).retry
    (item,) = scene.plan_sets(SyncSet((image["id"],), ("R1",), ("R2",), updates=True))
    scene.glances["R2"].fail("update", unavailable(429, 7))
    gets = scene.glances["R2"].count()["get"]
    assert scene.apply(item).reason == "region_unavailable"
    assert scene.glances["R2"].count()["get"] == gets


def test_fields_that_others_changed_since_are_left(scene):
    image, before = drifted(scene)
    written = sync(scene, image, updates=True, prunes=True)
    patched(scene, "R2", image, name="mine", extra="other")
    outcome = undo(scene, written)
    assert (outcome.reason, outcome.status) == ("touched", "SKIPPED")
    assert "extra, name" in outcome.message
    after = copy(scene, image)
    assert {**after, "updated_at": 0} == {
        **before,
        "name": "mine",
        "extra": "other",
        "updated_at": 0,
    }


@pytest.mark.parametrize("to", ["deactivated", "active"])
def test_a_quarantine_is_taken_back_as_well(scene, to):
    image = scene.create_in(2020, "R1", b"x")
    sync(scene, image)
    scene.glances["R2"].upload(image["id"], b"x")
    for active in (False, True) if to == "active" else (False,):
        scene.images("R1").set_active(image["id"], active)
        written = sync(scene, image, updates=True)
    assert copy(scene, image)["status"] == to
    assert undo(scene, written).reason == "undone"
    assert copy(scene, image)["status"] != to


def test_a_quarantine_whose_fields_were_planned_anew_is_taken_back(scene):
    image = scene.create_in(2020, "R1", b"x")
    sync(scene, image)
    scene.glances["R2"].upload(image["id"], b"x")
    patched(scene, "R2", image, extra="here", other="too")
    scene.images("R1").set_active(image["id"], False)
    one = SyncSet((image["id"],), ("R1",), ("R2",), updates=True, prunes=True)
    (item,) = scene.plan_sets(one)
    # Glance refuses to remove it once more.
    patched(scene, "R2", image, extra=...)
    outcome = scene.apply(item)
    assert (outcome.reason, copy(scene, image)["status"]) == ("updated", "deactivated")
    assert undo(scene, (item, outcome)).reason == "undone"
    assert copy(scene, image)["status"] == "active"
    assert (copy(scene, image)["other"], "extra" in copy(scene, image)) == ("too", False)


def test_another_projects_image_is_not_touched(scene):
    image, _ = drifted(scene)
    written = sync(scene, image, updates=True)
    scene.glances["R2"]._change(image["id"], owner=OTHER, visibility="public")
    before = copy(scene, image)
    assert undo(scene, written).reason == "touched"
    admin = scene.caller("a" * 32, is_admin=True)
    assert undo(scene, written, caller=admin).reason == "touched"
    assert copy(scene, image) == before
    assert before["owner"] != DEMO


def test_a_refusal_and_an_outage_are_outcomes(scene):
    image = scene.create()
    written = sync(scene, image)
    scene.glances["R2"].fail("update", refused(403))
    assert undo(scene, written).reason == "forbidden"
    scene.glances["R2"].fail("get", unavailable(), times=None)
    assert undo(scene, written).reason == "region_unavailable"
    scene.glances["R2"].heal()
    assert undo(scene, written).reason == "undone"
