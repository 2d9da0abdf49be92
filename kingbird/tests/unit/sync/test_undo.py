"""See that a write is undone where nothing else has changed the image since, and nowhere else."""

import dataclasses
from datetime import UTC, datetime

import pytest

from kingbird import exception
from kingbird.clients.long_values import shorten
from kingbird.sync import image as fields
from kingbird.sync import undo as undoing
from kingbird.sync.outcome import BEING_IMPORTED, Outcome
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


# The changes that are stored, and an undo of them.


def add(**values):
    return [{"op": "add", "path": f"/{name}", "value": value} for name, value in values.items()]


def test_what_is_stored_of_a_write():
    assert undoing.of_create({"id": "i", "updated_at": "then"}, "p") == {
        "owner": "p",
        "updated_at": "then",
    }
    image = {"id": "i", "name": "old", "p": None, "q": "same", "status": "active"}
    changes = [*add(name="new", p="v", r="s"), {"op": "remove", "path": "/q"}]
    before = undoing.before(image, changes, None)
    assert before == {"name": "old", "q": "same"}
    assert undoing.before(image, changes, "deactivated") == {**before, "status": "active"}
    wrote = {"name": "new", "p": "v", "r": "s", "q": None}
    assert undoing.of_update(before, changes, None, "p") == {
        "owner": "p",
        "before": before,
        "wrote": wrote,
    }
    written = undoing.of_update(before, changes, "deactivated", "p")
    assert written["wrote"] == {**wrote, "status": "deactivated"}


def test_some_long_values_are_kept_whole():
    """Those that are written are in the source too, and are only compared."""
    values = {name: name * 30_000 for name in "abc"}
    written = undoing.of_update({**values, "z": "short"}, add(**values), None, "p")
    kept = {**values, "c": shorten(values["c"])}
    assert written["before"] == {**kept, "z": "short"}
    assert list(written["before"]) == sorted(written["before"])
    assert written["wrote"] == {name: shorten(value) for name, value in values.items()}
    whole = undoing.of_update({"a": "a" * undoing.MAX_KEPT}, (), None, "p")
    assert whole["before"] == {"a": "a" * undoing.MAX_KEPT}


def test_operations_that_an_image_has_already():
    changes = [*add(name="n", min_ram=0, p="v"), {"op": "remove", "path": "/q"}]
    assert undoing.done(changes, {"name": "n", "p": "w"}) == [changes[0], changes[1], changes[3]]
    assert undoing.done(changes, {"name": "n", "p": "v", "q": "x"}) == changes[:3]
    # Of several operations about a field the last one counts.
    twice = add(p="v") + add(p="w")
    assert undoing.done(twice, {"p": "w"}) == twice[1:]


def there(scene, **fields_of):
    """Make an image in R2, and return its id."""
    return scene.images("R2").create({"name": "new", "visibility": "private", **fields_of})["id"]


def given_back(scene, image_id, before, wrote, **more):
    written = {"owner": DEMO, "before": before, "wrote": wrote, **more}
    undoer = undoing.Undoer(
        scene.images("R2"), is_admin=False, may_write=lambda: None, retry=scene.retry
    )
    return undoer.undo(image_id, written, JOB)


LONG = "x" * 5000


@pytest.mark.parametrize(
    ("now", "before", "wrote", "reason", "message"),
    [
        ({}, {"name": "old"}, {"name": "new"}, "undone", "Given back: name"),
        ({"p": "v"}, {}, {"p": "v"}, "undone", "Given back: p"),
        ({"p": "v", "a": "b"}, {}, {"p": "v", "a": "b"}, "undone", "Given back: a, p"),
        ({}, {"name": "new"}, {"name": "newer"}, "undone", None),
        (
            {"p": "mine", "a": "mine"},
            {"name": "old"},
            {"name": "new", "p": "v", "a": "b"},
            "touched",
            "Changed by others since, and left: a, p; Given back: name",
        ),
        # It was too long to be stored whole.
        (
            {"p": "v"},
            {"p": shorten(LONG), "name": "old"},
            {"p": "v", "name": "new"},
            "touched",
            "Too long to be given back, and left: p; Given back: name",
        ),
        (
            {"p": "v", "a": "mine"},
            {"p": shorten(LONG)},
            {"p": "v", "a": "b"},
            "touched",
            "Changed by others since, and left: a; Too long to be given back, and left: p",
        ),
        # It has the long value still, or again.
        ({"p": LONG}, {"p": shorten(LONG)}, {"p": "v"}, "undone", None),
        ({"p": LONG}, {}, {"p": shorten(LONG)}, "undone", "Given back: p"),
    ],
)
def test_what_an_undo_tells(scene, now, before, wrote, reason, message):
    image_id = there(scene, **now)
    outcome = given_back(scene, image_id, before, wrote)
    assert outcome == Outcome(reason, message, image_id)
    image = scene.glances["R2"].peek(image_id)
    back = message.partition("Given back: ")[2].split(", ") if message else []
    for name in filter(None, back):
        assert image.get(name) == before.get(name)


def test_formats_of_an_image_with_data_are_left(scene):
    image_id = there(scene, disk_format="raw", container_format="bare")
    before, wrote = {"disk_format": "qcow2"}, {"disk_format": "raw", "name": "new"}
    scene.glances["R2"].upload(image_id, b"x")
    outcome = given_back(scene, image_id, before, wrote)
    assert outcome.message == ("Changed by others since, and left: disk_format; Given back: name")
    assert scene.glances["R2"].peek(image_id)["name"] is None


@pytest.mark.parametrize("is_created", [True, False])
def test_what_is_not_undone_at_all(scene, is_created):
    reason = "kept" if is_created else "touched"
    image_id = there(scene)
    written = {
        "owner": DEMO,
        **({"updated_at": "t"} if is_created else {"before": {}, "wrote": {}}),
    }
    undoer = undoing.Undoer(scene.images("R2"), False, lambda: None, scene.retry)
    gone = undoer.undo("ffffffff-ffff-4fff-bfff-ffffffffffff", written, JOB)
    assert gone == Outcome(reason, "It is there no more, or belongs to another project")
    other = undoer.undo(image_id, {**written, "owner": OTHER}, JOB)
    assert other == Outcome(reason, "It belongs to another project by now", image_id)
    scene.glances["R2"].set_status(image_id, "importing")
    assert undoer.undo(image_id, written, JOB) == Outcome(reason, BEING_IMPORTED, image_id)
    deleted = undoer.undo(image_id, {"owner": DEMO, "deleted": {}}, JOB)
    assert (deleted.reason, deleted.target_resource) == ("kept", None)
    assert not scene.glances["R2"].count()["update"]


@pytest.mark.parametrize(
    ("marks", "status", "moment", "message"),
    [
        ({}, "queued", "right", "It does not say where it comes from"),
        ({fields.SOURCE_ID: "itself"}, "active", "right", "It has got data since"),
        ({fields.SOURCE_ID: "itself"}, "queued", None, "It was changed since"),
        ({fields.SOURCE_ID: "itself"}, "queued", "2000-01-01T00:00:00Z", "It was changed since"),
        ({fields.SOURCE_ID: "itself"}, "queued", "right", None),
    ],
)
def test_why_a_created_record_is_kept(scene, marks, status, moment, message):
    image_id = there(scene)
    image = {**scene.glances["R2"].peek(image_id)}
    if marks:
        image = scene.images("R2").update(image_id, add(**{fields.SOURCE_ID: image_id}))
    if status != "queued":
        scene.glances["R2"].set_status(image_id, status)
    moment = image["updated_at"] if moment == "right" else moment
    undoer = undoing.Undoer(scene.images("R2"), False, lambda: None, scene.retry)
    outcome = undoer.undo(image_id, {"owner": DEMO, "updated_at": moment}, JOB)
    expected = ("kept", message) if message else ("undone", "Hidden")
    assert outcome == Outcome(*expected, image_id)


@pytest.mark.parametrize(("status", "given"), [(409, 400), (403, 403), (404, 404), (413, 413)])
def test_a_refused_undo_says_nothing_about_the_id(scene, status, given):
    image_id = there(scene)
    scene.glances["R2"].fail("update", refused(status, "No."))
    with pytest.raises(exception.ImageRequestRejected) as caught:
        given_back(scene, image_id, {"name": "old"}, {"name": "new"})
    assert (caught.value.status, caught.value.message) == (given, "No.")
