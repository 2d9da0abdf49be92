"""Members of a shared image: added once, answered for where Glance lets the caller."""

import pytest

from kingbird import exception
from kingbird.sync import sharing
from kingbird.tests.doubles.glance import AFTER, refused, unavailable
from kingbird.tests.unit.sync.scene import ADMIN, DEMO, Scene

ONE, TWO = "1" * 32, "2" * 32


@pytest.fixture
def scene():
    made = Scene(retry_timeout=60)
    made.shared = made.create("R2", visibility="shared")["id"]
    made.glances["R2"].calls.clear()
    return made


def share(scene, *members, is_admin=True):
    return sharing.share(
        scene.images("R2", ADMIN if is_admin else DEMO, is_admin),
        scene.shared,
        members,
        is_admin=is_admin,
        may_write=lambda: None,
        retry=scene.retry,
    )


def calls(scene):
    return scene.glances["R2"].calls


def shares(scene):
    return scene.glances["R2"].shares(scene.shared)


def test_an_admin_adds_members_and_answers_for_them(scene):
    assert share(scene, (ONE, "accepted"), (TWO, "rejected")) == []
    assert shares(scene) == {ONE: "accepted", TWO: "rejected"}
    assert [name for name, _ in calls(scene)] == ["share", "accept"] * 2


def test_a_new_member_is_pending_without_another_call(scene):
    assert share(scene, (ONE, "pending")) == []
    assert [name for name, _ in calls(scene)] == ["share"]


def test_a_member_that_is_there_is_answered_for(scene):
    scene.glances["R2"].share(scene.shared, ONE, "pending")
    assert share(scene, (ONE, "accepted")) == []
    assert shares(scene) == {ONE: "accepted"}


def test_a_lost_answer_is_no_second_member(scene):
    scene.glances["R2"].fail("share", unavailable(), when=AFTER)
    assert share(scene, (ONE, "accepted")) == []
    assert shares(scene) == {ONE: "accepted"}


def test_a_member_answers_for_nobody_else(scene):
    notes = share(scene, (ONE, "accepted"), (TWO, "rejected"), (ADMIN, "pending"), is_admin=False)
    assert notes == [
        f"Members have to set their status themselves: {ONE} (accepted), {TWO} (rejected)"
    ]
    assert [name for name, _ in calls(scene)] == ["share"] * 3, "no call is made in vain"


def test_what_failed_is_said_and_the_others_are_shared_with(scene):
    scene.glances["R2"].fail(
        "share", lambda detail: refused(413, "Too many.") if detail[1] == ONE else None
    )
    scene.glances["R2"].fail("accept", refused(403))
    notes = share(scene, (ONE, "accepted"), (TWO, "accepted"))
    assert notes == [
        f"Not shared with: {ONE} (Too many.)",
        f"Members have to set their status themselves: {TWO} (accepted)",
    ]
    assert shares(scene) == {TWO: "pending"}
    assert scene.glances["R2"].count() == {"share": 2, "accept": 1}


@pytest.mark.parametrize(
    "error",
    [
        exception.RegionUnavailable("away"),
        exception.ImageRequestRejected("No.", 403),
        exception.CredentialsLost("gone"),
        exception.Cancelled("cancelled"),
    ],
)
def test_the_image_was_made_whatever_ends_the_sharing(scene, error):
    scene.retry = Scene(retry_timeout=0).retry
    scene.glances["R2"].fail("share", error, times=None)
    assert share(scene, (ONE, "accepted")) == [f"Not shared with: {ONE} ({error.message})"]


def test_a_lost_lease_ends_it(scene):
    scene.glances["R2"].fail("share", exception.LeaseLost("gone"))
    with pytest.raises(exception.LeaseLost):
        share(scene, (ONE, "accepted"))
