"""Jobs that have orphans hidden, and deleted after the grace: what the database keeps of them."""

import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.states import ALL
from kingbird.sync import image as fields
from kingbird.tests.doubles.glance import AFTER, unavailable
from kingbird.tests.unit.db.rows import sync_set
from kingbird.tests.unit.engine.jobs import counts
from kingbird.tests.unit.engine.test_undo import job, make, sync, undo

MONTH = 30 * 86400
SET = sync_set([ALL], ["R1"], ["R2"])


def age(seconds):
    """Let all orphans have been hidden for longer."""
    with db.get_engine().begin() as connection:
        connection.execute(
            sa.text("UPDATE hidden_orphans SET hidden_at = hidden_at - :ms"),
            {"ms": seconds * 1000},
        )


def lose(scene, *numbers):
    """Make images in R1, sync them to R2, and delete them at home."""
    make(scene, "R1", 999)
    ids = [make(scene, "R1", number) for number in numbers]
    for image_id in (*ids, make(scene, "R1", 998)):
        scene.glances["R1"].upload(image_id, b"x")
    sync(scene)
    for image_id in ids:
        scene.glances["R1"].delete(image_id)
    return ids


def test_hidden_then_deleted_after_the_grace(scene):
    scene.engine()
    (image_id,) = lose(scene, 1)
    glance = scene.glances["R2"]
    hidden = sync(scene, on_orphan="delete")
    assert counts(scene, hidden)[1] == {"hidden": 1, "no_data": 1}
    assert glance.peek(image_id)[fields.ORPHANED_AT]
    row = db.orphans.find("R2", [image_id])[image_id]
    assert row.updated_at == glance.peek(image_id)["updated_at"]
    assert db.orphans.find("R3", [image_id]) == {}
    waiting = sync(scene, on_orphan="delete")
    assert counts(scene, waiting)[1] == {"orphaned": 1, "no_data": 1}
    age(MONTH)
    kept = glance.peek(image_id)
    deleted = sync(scene, on_orphan="delete")
    assert counts(scene, deleted)[1] == {"deleted": 1, "no_data": 1}
    (item,) = [one for one in scene.items(deleted) if one.resource == image_id]
    assert (item.action, item.target_resource) == ("delete", None)
    assert item.undo["deleted"] == kept
    assert glance.peek(image_id) is None
    assert db.orphans.find("R2", [image_id]) == {}
    assert counts(scene, undo(scene, deleted))[1] == {"kept": 1}


def test_states_tell_of_it_until_it_is_deleted(scene):
    scene.engine()
    (image_id,) = lose(scene, 1)

    def state():
        with db.get_engine().connect() as connection:
            query = sa.text("SELECT state, reason FROM image_states WHERE image_id = :id")
            return connection.execute(query, {"id": image_id}).fetchall()

    sync(scene, on_orphan="delete")
    assert [tuple(one) for one in state()] == [("orphan", "hidden")]
    sync(scene, on_orphan="delete")
    assert [tuple(one) for one in state()] == [("orphan", "orphaned")]
    age(MONTH)
    sync(scene, on_orphan="delete")
    assert state() == []


def test_it_is_shown_again_and_forgotten(scene):
    scene.engine()
    (image_id,) = lose(scene, 1)
    sync(scene, on_orphan="hide")
    scene.glances["R1"].purge()
    make(scene, "R1", 1)
    scene.glances["R1"].upload(image_id, b"x")
    assert counts(scene, sync(scene))[1] == {"revived": 1, "no_data": 1}
    copy = scene.glances["R2"].peek(image_id)
    assert not copy["os_hidden"]
    assert fields.ORPHANED_AT not in copy
    assert db.orphans.find("R2", [image_id]) == {}


def test_one_that_was_hidden_without_a_row_is_hidden_again(scene):
    """The engine was killed between the call and the database."""
    scene.engine()
    (image_id,) = lose(scene, 1)
    scene.glances["R2"].fail("update", unavailable(), times=None, when=AFTER)
    request = [{**SET, "on_orphan": "delete"}]
    failed = job(scene, request, state="FAILURE")
    assert counts(scene, failed)[1] == {"region_unavailable": 1, "no_data": 1}
    scene.glances["R2"].heal()
    assert scene.glances["R2"].peek(image_id)["os_hidden"]
    assert db.orphans.find("R2", [image_id]) == {}
    assert counts(scene, sync(scene, on_orphan="delete"))[1] == {"hidden": 1, "no_data": 1}
    assert db.orphans.find("R2", [image_id])


def test_a_dry_run_shows_each_and_is_carried_out(scene):
    scene.engine()
    ids = lose(scene, 1, 2)
    shown = job(scene, [{**SET, "on_orphan": "hide", "dry_run": True}])
    orphans = [one for one in scene.items(shown) if one.resource in ids]
    assert [(one.action, one.status, one.reason) for one in orphans] == [
        ("update", "PLANNED", "orphaned")
    ] * 2
    assert not any(scene.glances["R2"].peek(one)["os_hidden"] for one in ids)
    # One comes back in between.
    scene.glances["R1"].purge()
    make(scene, "R1", 2)
    scene.glances["R1"].upload(ids[1], b"x")
    applied = job(scene, scene.get(shown).request, of=shown, state="FAILURE")
    reasons = {one.resource: one.reason for one in scene.items(applied)}
    assert (reasons[ids[0]], reasons[ids[1]]) == ("hidden", "plan_outdated")
    assert not scene.glances["R2"].peek(ids[1])["os_hidden"]


def test_a_mass_loss_is_stopped_unless_its_limit_says_so(scene):
    scene.engine()
    ids = lose(scene, *range(1, 12))
    guarded = job(scene, [{**SET, "on_orphan": "hide"}], state="FAILURE")
    assert counts(scene, guarded)[1] == {"orphan_guard": 11, "no_data": 1}
    assert not any(scene.glances["R2"].peek(one)["os_hidden"] for one in ids)
    limited = [{**SET, "on_orphan": "hide", "orphan_limit": 11}]
    assert counts(scene, job(scene, limited))[1] == {"hidden": 11, "no_data": 1}
