"""See that an undo gives members back: those that a job added go, and those it removed return."""

import dataclasses

import pytest

from kingbird.states import MemberMode
from kingbird.tests.doubles.glance import AFTER, refused, unavailable
from kingbird.tests.unit.sync.plan.test_members import (  # noqa: F401
    admin,
    forget,
    plan,
    scene,
    shared,
)
from kingbird.tests.unit.sync.scene import ADMIN, OTHER

JOB = "dddddddd-0000-4000-8000-000000000003"
BEFORE = {"both": "accepted", "copy": "accepted"}


def shares(scene, image_id):  # noqa: F811
    return scene.glances["R2"].shares(image_id)


def undo(scene, item, outcome, *, is_admin=False):  # noqa: F811
    work = dataclasses.replace(item.work, undo={**outcome.undo, "job": JOB})
    caller = scene.caller(ADMIN, is_admin=True) if is_admin else None
    return scene.apply(dataclasses.replace(item, work=work), caller=caller)


def synced(scene, image_id, members=MemberMode.EXACT):  # noqa: F811
    (item,) = plan(scene, image_id, members)
    outcome = scene.apply(item)
    forget(scene)
    return item, outcome


def test_members_alone_are_given_back(scene):  # noqa: F811
    image_id = shared(scene)
    assert shares(scene, image_id) == BEFORE
    before = scene.glances["R2"].peek(image_id)
    item, outcome = synced(scene, image_id)
    assert outcome.undo["members"] == {"added": ["home"], "removed": [["copy", "accepted"]]}
    done = undo(scene, item, outcome, is_admin=True)
    assert (done.reason, done.message) == ("undone", "Members added: copy; Members removed: home")
    assert shares(scene, image_id) == BEFORE
    assert scene.glances["R2"].peek(image_id) == before, "no PATCH is made"
    # Once more there is nothing to do, as after a crash.
    forget(scene)
    assert undo(scene, item, outcome, is_admin=True).reason == "undone"
    assert scene.glances["R2"].count() == {"get": 1, "members": 1}


def test_a_member_answers_for_itself(scene):  # noqa: F811
    image_id = shared(scene)
    done = undo(scene, *synced(scene, image_id))
    assert done.reason == "undone"
    assert done.message.endswith("Members have to set their status themselves: copy (accepted)")
    assert shares(scene, image_id) == {**BEFORE, "copy": "pending"}


def test_what_others_did_since_is_left(scene):  # noqa: F811
    image_id = shared(scene)
    item, outcome = synced(scene, image_id)
    images = scene.images("R2")
    images.remove_member(image_id, "home")
    images.add_member(image_id, "copy")
    images.add_member(image_id, "new")
    forget(scene)
    assert undo(scene, item, outcome).reason == "undone"
    assert shares(scene, image_id) == {"both": "accepted", "copy": "pending", "new": "pending"}
    assert {"share", "unshare"}.isdisjoint(scene.glances["R2"].count())


def test_fields_are_given_back_too(scene):  # noqa: F811
    image_id = shared(scene, name="old")
    change = [{"op": "replace", "path": "/name", "value": "new"}]
    scene.images("R1").update(image_id, change)
    item, outcome = synced(scene, image_id, MemberMode.ADD)
    assert shares(scene, image_id).keys() == {*BEFORE, "home"}
    done = undo(scene, item, outcome)
    assert done.message == "Given back: name; Members removed: home"
    assert scene.glances["R2"].peek(image_id)["name"] == "old"
    assert shares(scene, image_id) == BEFORE


def test_an_image_that_is_shared_no_more_has_no_members_to_give_back(scene):  # noqa: F811
    image_id = shared(scene)
    item, outcome = synced(scene, image_id)
    change = [{"op": "replace", "path": "/visibility", "value": "private"}]
    scene.images("R2").update(image_id, change)
    assert undo(scene, item, outcome).reason == "undone"
    assert "members" not in scene.glances["R2"].count()


@pytest.mark.parametrize("call", ["share", "unshare"])
def test_a_refusal_is_an_outcome(scene, call):  # noqa: F811
    image_id = shared(scene)
    item, outcome = synced(scene, image_id)
    scene.glances["R2"].fail(call, refused(403, "No."))
    done = undo(scene, item, outcome)
    assert (done.reason, done.message) == ("forbidden", "No.")
    assert undo(scene, item, outcome).reason == "undone"
    assert shares(scene, image_id).keys() == BEFORE.keys()


def test_lost_answers_give_back_once(scene):  # noqa: F811
    image_id = shared(scene)
    item, outcome = synced(scene, image_id)
    for call in ("share", "unshare"):
        scene.glances["R2"].fail(call, unavailable(), when=AFTER)
    assert undo(scene, item, outcome, is_admin=True).reason == "undone"
    assert shares(scene, image_id) == BEFORE


def test_a_status_that_nobody_tells_is_pending(scene):  # noqa: F811
    image_id = shared(scene)
    (item,) = plan(scene, image_id, MemberMode.EXACT)
    scene.glances["R2"].fail("members", refused(403, "No."))
    outcome = scene.apply(item)
    assert outcome.reason == "updated"
    assert outcome.undo["members"]["removed"] == [["copy", "pending"]]


def test_part_of_the_members_is_noted_before_an_error(scene):  # noqa: F811
    image_id = shared(scene, home=("both", "home", OTHER))
    (item,) = plan(scene, image_id, MemberMode.ADD)
    scene.glances["R2"].fail(
        "share", lambda detail: refused(403, "No.") if detail[1] == OTHER else None
    )
    outcome = scene.apply(item)
    assert outcome.reason == "forbidden"
    assert outcome.undo["members"] == {"added": ["home"], "removed": []}
