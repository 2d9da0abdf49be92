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


def share(scene, *members, is_admin=True, removed=()):
    images = scene.images("R2", ADMIN if is_admin else DEMO, is_admin)
    sharer = sharing.Sharer(images, is_admin, lambda: None, scene.retry)
    return sharer.share(scene.shared, members, removed)


def calls(scene):
    return scene.glances["R2"].calls


def shares(scene):
    return scene.glances["R2"].shares(scene.shared)


def test_an_admin_adds_members_and_answers_for_them(scene):
    made = share(scene, (ONE, "accepted"), (TWO, "rejected"))
    assert (made.trouble, made.error) == (None, None)
    assert made.changed == f"Members added: {ONE}, {TWO}"
    assert shares(scene) == {ONE: "accepted", TWO: "rejected"}
    assert [name for name, _ in calls(scene)] == ["share", "accept"] * 2


def test_a_new_member_is_pending_without_another_call(scene):
    assert share(scene, (ONE, "pending")).trouble is None
    assert [name for name, _ in calls(scene)] == ["share"]


def test_a_member_that_is_there_is_answered_for(scene):
    scene.glances["R2"].share(scene.shared, ONE, "pending")
    assert share(scene, (ONE, "accepted")).trouble is None
    assert shares(scene) == {ONE: "accepted"}


def test_a_lost_answer_is_no_second_member(scene):
    scene.glances["R2"].fail("share", unavailable(), when=AFTER)
    assert share(scene, (ONE, "accepted")).trouble is None
    assert shares(scene) == {ONE: "accepted"}


def test_a_member_answers_for_nobody_else(scene):
    made = share(scene, (ONE, "accepted"), (TWO, "rejected"), (ADMIN, "pending"), is_admin=False)
    assert made.trouble == (
        f"Members have to set their status themselves: {ONE} (accepted), {TWO} (rejected)"
    )
    assert made.error is None
    assert [name for name, _ in calls(scene)] == ["share"] * 3, "no call is made in vain"


def test_what_failed_is_said_and_the_others_are_shared_with(scene):
    scene.glances["R2"].fail(
        "share", lambda detail: refused(413, "Too many.") if detail[1] == ONE else None
    )
    scene.glances["R2"].fail("accept", refused(403))
    made = share(scene, (ONE, "accepted"), (TWO, "accepted"))
    assert made.trouble == (
        f"Not shared with: {ONE} (Too many.); "
        f"Members have to set their status themselves: {TWO} (accepted)"
    )
    assert (made.changed, made.error.status) == (f"Members added: {TWO}", 413)
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
    made = share(scene, (ONE, "accepted"))
    assert made.trouble == f"Not shared with: {ONE} ({error.message})"
    assert type(made.error) is type(error)


def test_members_are_removed_before_others_are_added(scene):
    scene.glances["R2"].share(scene.shared, ONE)
    made = share(scene, (TWO, "pending"), removed=[ONE])
    # The list tells the status that the member had, for whoever undoes it.
    assert [name for name, _ in calls(scene)] == ["members", "unshare", "share"]
    assert made.before == {ONE: "accepted"}
    assert shares(scene) == {TWO: "pending"}
    assert made.changed == f"Members added: {TWO}; Members removed: {ONE}"


def test_a_member_that_is_gone_is_removed(scene):
    scene.glances["R2"].share(scene.shared, ONE)
    scene.glances["R2"].fail("unshare", unavailable(), when=AFTER)
    made = share(scene, removed=[ONE])
    assert (made.changed, made.trouble) == (f"Members removed: {ONE}", None)
    assert shares(scene) == {}


def test_a_member_that_can_not_be_removed_is_said_and_the_rest_goes_on(scene):
    for project in (ONE, TWO):
        scene.glances["R2"].share(scene.shared, project)
    scene.glances["R2"].fail(
        "unshare", lambda detail: refused(403, "No.") if detail[1] == ONE else None
    )
    made = share(scene, (ADMIN, "pending"), removed=[ONE, TWO])
    assert made.trouble == f"Still shared with: {ONE} (No.)"
    assert (made.removed, made.added, made.error.status) == ([TWO], [ADMIN], 403)


def test_a_region_that_is_away_is_asked_once_for_all_members(scene):
    scene.retry = Scene(retry_timeout=0).retry
    for project in (ONE, TWO):
        scene.glances["R2"].share(scene.shared, project)
    scene.glances["R2"].fail("unshare", unavailable(), times=None)
    made = share(scene, (ADMIN, "pending"), removed=[ONE, TWO])
    assert made.trouble.startswith("Not shared with: 1 others; Still shared with: ")
    assert made.trouble.endswith(", 1 others")
    assert scene.glances["R2"].count() == {"members": 1, "unshare": 1}


@pytest.mark.parametrize("call", ["share", "unshare"])
def test_a_lost_lease_ends_it(scene, call):
    scene.glances["R2"].share(scene.shared, TWO)
    scene.glances["R2"].fail(call, exception.LeaseLost("gone"))
    with pytest.raises(exception.LeaseLost):
        share(scene, (ONE, "accepted"), removed=[TWO])
