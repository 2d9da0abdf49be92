"""Members of copies that are there: compared by option, added, removed, and told."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from kingbird import exception
from kingbird.states import CopyState, MemberMode
from kingbird.sync.listing.calls import RegionCalls
from kingbird.sync.plan import members as plan_members
from kingbird.sync.plan.members import MemberLookup
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import refused, unavailable
from kingbird.tests.unit.sync.scene import ADMIN, ALL3, DEMO, OTHER, Scene, submit
from kingbird.tests.waiting import bounded

CREATE, ADD, EXACT = MemberMode.CREATE, MemberMode.ADD, MemberMode.EXACT
WAYS = ("by id", "wildcard")


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def admin(scene):
    return scene.caller(ADMIN, is_admin=True)


def shared(scene, *, home=("both", "home"), copy=("both", "copy"), ours=True, **fields):
    """Make a shared image with a copy that was synced, or that somebody uploaded."""
    image = scene.create(visibility="shared", **fields)
    scene.glances["R1"].upload(image["id"], b"data")
    if ours:
        scene.sync(image["id"])
    else:
        scene.create("R2", visibility="shared", id=image["id"], **fields)
    scene.glances["R2"].upload(image["id"], b"data")
    for region, projects in (("R1", home), ("R2", copy)):
        for project in projects:
            scene.glances[region].share(image["id"], project)
    forget(scene)
    return image["id"]


def forget(scene):
    for glance in scene.glances.values():
        glance.calls.clear()


def plan(scene, image_id, members, *, way="by id", updates=True, caller=None, **options):
    ids = (image_id,) if way == "by id" else ("*",)
    wanted = SyncSet(ids, ("R1",), ("R2",), updates=updates, members=members, **options)
    return scene.plan_sets(wanted, caller=caller)


def calls_of(scene, *names):
    return {
        region: [name for name, _ in glance.calls if name in names]
        for region, glance in scene.glances.items()
    }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("members", "ours", "after", "message"),
    [
        (ADD, True, {"both", "copy", "home"}, "Members added: home"),
        (EXACT, True, {"both", "home"}, "Members added: home; Members removed: copy"),
        # Of an image that somebody else made no member is removed.
        (EXACT, False, {"both", "copy", "home"}, "Members added: home"),
    ],
)
def test_members_follow_the_source(scene, way, members, ours, after, message):
    image_id = shared(scene, ours=ours)
    before = scene.glances["R2"].peek(image_id)
    (item,) = plan(scene, image_id, members, way=way)
    assert not calls_of(scene, "share", "unshare")["R2"]
    outcome = scene.apply(item)
    assert (item.action, outcome.reason) == ("update", "updated")
    assert (outcome.message or "").startswith(message)
    assert scene.glances["R2"].shares(image_id).keys() == after
    assert scene.glances["R2"].peek(image_id) == before, "no PATCH is made"
    forget(scene)
    assert [one.outcome.reason for one in plan(scene, image_id, members, way=way)] == (
        ["in_sync"] if way == "by id" else []
    )
    assert calls_of(scene, "members", "share", "unshare", "update") == {
        "R1": ["members"],
        "R2": ["members"],
        "R3": [],
    }


@pytest.mark.parametrize("way", WAYS)
def test_members_are_not_asked_for_without_the_option(scene, way):
    image_id = shared(scene)
    assert [one.outcome.reason for one in plan(scene, image_id, CREATE, way=way)] == (
        ["in_sync"] if way == "by id" else []
    )
    assert not calls_of(scene, "members")["R1"]


@pytest.mark.parametrize("way", WAYS)
def test_only_shared_images_are_asked_for_members(scene, way):
    image_id = scene.create(visibility="private")["id"]
    scene.glances["R1"].upload(image_id, b"data")
    scene.sync(image_id)
    plan(scene, image_id, EXACT, way=way)
    assert not calls_of(scene, "members")["R1"]


@pytest.mark.parametrize("way", WAYS)
def test_members_are_listed_once_an_image_and_region(scene, way):
    image_id = shared(scene)
    scene.sync(image_id, targets=("R3",))
    scene.glances["R3"].upload(image_id, b"data")
    forget(scene)
    ids = (image_id,) if way == "by id" else ("*",)
    items = scene.plan_sets(SyncSet(ids, ("R1",), ("R2", "R3"), updates=True, members=EXACT))
    actions = {item.target_region: item.action for item in items}
    assert actions == {"R2": "update"} | ({"R3": "none"} if way == "by id" else {})
    assert calls_of(scene, "members") == {name: ["members"] for name in ("R1", "R2", "R3")}


@pytest.mark.parametrize("way", WAYS)
def test_a_difference_is_drift_that_is_reported(scene, way):
    image_id = shared(scene)
    (item,) = plan(scene, image_id, EXACT, way=way, updates=False)
    assert (item.outcome.reason, item.outcome.message) == (
        "drift",
        "Differs from the image in R1 in: members",
    )
    assert item.seen.differences == {"members": {"source": "home", "target": "copy"}}
    found = scene.planner.findings.take()[0]
    assert [(one.state, dict(one.differences)) for one in found] == [
        (CopyState.DRIFT, item.seen.differences)
    ]
    (item,) = plan(scene, image_id, ADD, way=way, updates=False)
    assert item.seen.differences == {"members": {"source": "home", "target": None}}


def test_the_values_that_are_told_are_bounded(scene):
    image_id = shared(scene, home=[f"{n:032}" for n in range(50)])
    (item,) = plan(scene, image_id, ADD, updates=False)
    assert len(item.seen.differences["members"]["source"]) <= 255


def test_other_fields_that_differ_are_told_too(scene):
    image_id = shared(scene)
    scene.images("R2").update(image_id, [{"op": "add", "path": "/name", "value": "old"}])
    (item,) = plan(scene, image_id, ADD, updates=False)
    assert item.outcome.message == "Differs from the image in R1 in: name, members"
    (item,) = plan(scene, image_id, ADD)
    outcome = scene.apply(item)
    assert (outcome.reason, outcome.message.split(";")[0]) == ("updated", "Members added: home")
    assert outcome.undo["wrote"] == {"name": "one"}
    assert scene.glances["R2"].peek(image_id)["name"] == "one"


def test_a_dry_run_shows_members(scene):
    image_id = shared(scene)
    (item,) = plan(scene, image_id, EXACT, dry_run=True)
    assert (item.outcome.status, item.outcome.reason, item.work) == ("PLANNED", "drift", None)
    assert item.outcome.message == (
        "Would follow R1 in: members; members that would be added: home; "
        "members that would be removed: copy"
    )
    (real,) = plan(scene, image_id, EXACT)
    assert real.fingerprint() == item.digest
    scene.glances["R1"].share(image_id, "another")
    (real,) = plan(scene, image_id, EXACT)
    assert real.fingerprint() != item.digest, "it is another plan"


def test_an_admin_copies_the_answer_of_a_new_member_and_no_other(scene, admin):
    image_id = shared(scene, home=(), copy=(), owner=DEMO)
    scene.glances["R1"].share(image_id, "new", "rejected")
    scene.glances["R1"].share(image_id, "old", "accepted")
    scene.glances["R2"].share(image_id, "old", "rejected")
    (item,) = plan(scene, image_id, ADD, caller=admin)
    assert scene.apply(item, admin).message == "Members added: new"
    assert scene.glances["R2"].shares(image_id) == {"new": "rejected", "old": "rejected"}


def test_a_members_answer_is_no_drift(scene):
    image_id = shared(scene, home=(), copy=())
    scene.glances["R1"].share(image_id, "one", "accepted")
    scene.glances["R2"].share(image_id, "one", "rejected")
    (item,) = plan(scene, image_id, EXACT)
    assert item.outcome.reason == "in_sync"


def test_another_projects_image_is_not_compared(scene):
    image_id = scene.create(visibility="shared", owner=OTHER)["id"]
    scene.create("R2", visibility="shared", id=image_id, owner=OTHER)
    for region in ("R1", "R2"):
        scene.glances[region].share(image_id, DEMO)
    (item,) = plan(scene, image_id, EXACT)
    assert item.outcome.reason == "in_sync"
    assert not calls_of(scene, "members")["R1"]


@pytest.mark.parametrize(
    ("call", "error", "reason", "message"),
    [
        ("share", refused(413, "Too many."), "quota", "Not shared with: home (Too many.)"),
        ("share", refused(403, "No."), "forbidden", "Not shared with: home (No.)"),
        ("unshare", refused(403, "No."), "forbidden", "Still shared with: copy (No.)"),
        ("share", refused(404, "Gone."), "id_taken", "Not shared with: home (Gone.)"),
        ("share", unavailable(), "region_unavailable", "Not shared with: home ("),
    ],
)
def test_what_glance_refuses_ends_in_a_failure_that_says_what_was_done(
    scene, call, error, reason, message
):
    image_id = shared(scene)
    scene.retry = Scene(retry_timeout=0).retry
    (item,) = plan(scene, image_id, EXACT)
    scene.glances["R2"].fail(call, error, times=None)
    outcome = scene.apply(item)
    assert outcome.reason == reason
    assert message in outcome.message
    done = "Members removed: copy" if call == "share" else "Members added: home"
    assert done in outcome.message
    assert (outcome.target_resource is None) == (reason == "id_taken")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("region", ["R1", "R2"])
@pytest.mark.parametrize("updates", [True, False])
def test_members_that_can_not_be_listed_are_a_failure(scene, way, region, updates):
    image_id = shared(scene)
    scene.glances[region].fail("members", refused(403, "Not yours."), times=None)
    (item,) = plan(scene, image_id, ADD, way=way, updates=updates)
    assert (item.outcome.reason, item.outcome.message) == (
        "forbidden",
        f"Its members could not be listed in {region}: Not yours.",
    )
    assert scene.planner.findings.is_empty or not scene.planner.findings.take()[0]


def test_the_rest_follows_where_members_can_not_be_listed(scene):
    image_id = shared(scene)
    scene.images("R2").update(image_id, [{"op": "add", "path": "/name", "value": "old"}])
    scene.glances["R1"].fail("members", refused(403, "Not yours."), times=None)
    (item,) = plan(scene, image_id, EXACT)
    outcome = scene.apply(item)
    assert (outcome.reason, outcome.message) == (
        "updated",
        "Its members could not be listed in R1: Not yours.",
    )
    assert scene.glances["R2"].peek(image_id)["name"] == "one"


def test_a_copy_that_becomes_shared_gets_all_members(scene):
    image_id = shared(scene, copy=())
    scene.images("R2").update(image_id, [{"op": "add", "path": "/visibility", "value": "private"}])
    forget(scene)
    (item,) = plan(scene, image_id, EXACT)
    assert not calls_of(scene, "members")["R2"], "it has none"
    assert scene.apply(item).reason == "updated"
    assert scene.glances["R2"].shares(image_id).keys() == {"both", "home"}


def test_a_forced_copy_has_the_same_members(scene):
    image_id = scene.create(visibility="shared")["id"]
    (made,) = scene.sync(image_id, force=True)
    scene.glances["R1"].share(image_id, "new")
    (item,) = plan(scene, image_id, EXACT, force=True)
    assert item.target_resource == made.target_resource
    assert scene.apply(item).reason == "updated"
    assert scene.glances["R2"].shares(made.target_resource).keys() == {"new"}


def test_a_wildcard_finds_a_forced_copy_too(scene):
    image_id = scene.create(visibility="shared")["id"]
    scene.glances["R1"].upload(image_id, b"data")
    (made,) = scene.sync(image_id, force=True)
    scene.glances["R1"].share(image_id, "new")
    forget(scene)
    (item,) = plan(scene, image_id, EXACT, way="wildcard")
    assert (item.action, item.target_resource) == ("update", made.target_resource)
    assert calls_of(scene, "members") == {"R1": ["members"], "R2": ["members"], "R3": []}


@pytest.mark.parametrize("way", WAYS)
def test_the_first_of_several_sets_counts(scene, way):
    image_id = shared(scene)
    ids = (image_id,) if way == "by id" else ("*",)
    sets = {
        mode: SyncSet(ids, ("R1",), ("R2",), updates=True, members=mode)
        for mode in (CREATE, EXACT)
    }
    items = scene.plan_sets(sets[CREATE], sets[EXACT])
    assert [item.action for item in items] == (["none"] if way == "by id" else [])
    (item,) = scene.plan_sets(sets[EXACT], sets[CREATE])
    assert item.work.removed_members == ["copy"]
    assert "Several sets of the request" in item.work.note


def test_an_image_that_is_being_imported_gets_members_and_no_other_change(scene):
    image_id = shared(scene)
    scene.glances["R2"].set_status(image_id, "importing")
    (item,) = plan(scene, image_id, ADD)
    assert scene.apply(item).reason == "updated"
    assert "home" in scene.glances["R2"].shares(image_id)


def test_members_in_a_region_that_lags_are_not_waited_for(scene):
    """Those of the other regions are found meanwhile."""
    image_id = scene.create(visibility="shared")["id"]
    for region in ("R2", "R3"):
        scene.create(region, visibility="shared", id=image_id)
    for region in ALL3:
        scene.glances[region].share(image_id, region)
    gate = threading.Event()
    scene.glances["R2"].fail("members", lambda _: scene.lag_clock.hang("R2", gate), times=None)
    with ThreadPoolExecutor(3) as pool:
        submit = scene.lag_clock.count(lambda region, call, *args: pool.submit(call, *args))
        calls = RegionCalls(submit, scene.retry, clock=scene.lag_clock).for_part(ALL3, 0.1)
        lookup = MemberLookup(
            SimpleNamespace(calls=calls, regions={name: scene.images(name) for name in ALL3})
        )
        with bounded("members are found", gate.set):
            lookup.find((region, image_id) for region in ("R2", "R1", "R3"))
        gate.set()
    assert calls.lagging == {"R2"}
    assert isinstance(lookup.found.pop(("R2", image_id)), exception.RegionUnavailable)
    assert {region: list(found) for (region, _), found in lookup.found.items()} == {
        "R1": ["R1"],
        "R3": ["R3"],
    }


def test_members_are_kept_for_later_up_to_a_number(scene, monkeypatch):
    ids = [shared(scene) for _ in range(4)]
    pairs = [("R1", image_id) for image_id in ids]
    calls = RegionCalls(submit, scene.retry, clock=scene.lag_clock)
    images = {name: scene.images(name) for name in ALL3}
    lookup = MemberLookup(SimpleNamespace(calls=calls, regions=images))
    monkeypatch.setattr(plan_members, "KEPT", 2)
    lookup.find(pairs[:1])
    lookup.find(pairs[1:2])
    lookup.find(pairs[2:3])
    assert list(lookup.found) == pairs[:3]
    forget(scene)
    # Those that are asked for again stay, and need no call.
    lookup.find([pairs[1], pairs[3], ("elsewhere", ids[0])])
    assert list(lookup.found) == [pairs[1], pairs[3]]
    assert calls_of(scene, "members") == {"R1": ["members"], "R2": [], "R3": []}
