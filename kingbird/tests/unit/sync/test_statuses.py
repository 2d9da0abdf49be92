"""Outcomes for an image in each state that Glance knows, whenever it is found.

An outcome tells what was seen: nothing is ``created`` that was not made, and a report writes
nothing.
"""

import dataclasses

import pytest

from kingbird.states import UNLISTED_IMAGES
from kingbird.sync import image as fields
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.sync.scene import RULES, Scene

STATUSES = (
    *("queued", "saving", "uploading", "importing", "active", "deactivated"),
    *("killed", "pending_delete", "deleted"),
)
#: The record in the target: its fields that differ from those that Kingbird would give it.
RECORDS = {
    "ours": {},
    "ours, changed": {"name": "mine", "visibility": "private"},
    "ours, without tags": {"tags": []},
    "not ours": dict.fromkeys(fields.PROVENANCE),
    "not ours, changed": {"name": "mine", **dict.fromkeys(fields.PROVENANCE)},
}


class World:
    """An image in R1, and a record of its id that comes to R2 at some moment."""

    def __init__(self, status, changes, *, by_id=True, force=False, updates=False):
        self.scene = Scene()
        self.glance = self.scene.glances["R2"]
        image = self.scene.create(tags=["a"], p="v")
        self.image = self.scene.glances["R1"].upload(image["id"], b"data")
        self.id = image["id"]
        resources = (self.id,) if by_id else ("*",)
        self.set = SyncSet(resources, ("R1",), ("R2",), force, updates=updates)
        self.record = {
            name: value
            for name, value in {
                **fields.record_for(self.image, "R1", RULES, image_id=self.id),
                **changes,
            }.items()
            if value is not None
        }
        self.status = status

    def make(self, *_):
        """Make the record, and bring it into its state."""
        if self.id not in self.glance.ids:
            self.glance.heal()
            self.scene.images("R2").create(self.record)
            if self.status in fields.WITH_DATA:
                self.glance.upload(self.id, b"data")
            if self.status != "queued":
                self.glance.set_status(self.id, self.status)
            self.before = self.glance.peek(self.id)
            self.glance.calls.clear()

    def meet(self, moment):
        """Sync, while the record comes: before the plan, or so that a POST finds it."""
        if moment == "planned":
            self.make()
        items = self.scene.plan_sets(self.set)
        if moment == "409":
            self.make()
        if moment == "500":
            self.glance.fail("create", lambda _: self.make() or unavailable(500))
        return [item.outcome or self.scene.apply(item) for item in items]

    @property
    def is_unchanged(self):
        return self.glance.peek(self.id) == self.before


def expected(world, record, moment):
    """Return the reason of an item, and whether the record may change."""
    gone = world.status in UNLISTED_IMAGES
    if gone:
        return "id_taken", False
    if world.status == "importing" and record not in ("ours", "not ours"):
        # Glance would lose a change.
        return "drift", False
    if "changed" in record:
        return ("updated", True) if world.set.updates else ("drift", False)
    if record == "ours, without tags":
        if world.status == "queued":
            return "created", True
        return ("updated", True) if world.set.updates else ("drift", False)
    made = record == "ours" and world.status == "queued" and moment != "planned"
    if made:
        return "created", False
    # The source is active.
    if world.status == fields.DEACTIVATED:
        return ("updated", True) if world.set.updates else ("drift", False)
    return ("in_sync" if world.status == "active" else "no_data"), False


@pytest.mark.parametrize("updates", [False, True], ids=["report", "update"])
@pytest.mark.parametrize("moment", ["planned", "409", "500"])
@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("by_id", [True, False], ids=["by id", "wildcard"])
def test_an_outcome_is_what_was_seen(by_id, status, record, moment, updates):
    world = World(status, RECORDS[record], by_id=by_id, updates=updates)
    reason, changes = expected(world, record, moment)
    for _ in range(2):
        outcomes = world.meet(moment)
        if not outcomes:
            # A wildcard has no item for what is in sync.
            assert not by_id
            planner = world.scene.planner
            counted = {"in_sync": planner.in_sync, "no_data": planner.no_data}[reason]
            assert counted == {"R2": 1} == planner.in_sync + planner.no_data
            break
        (outcome,) = outcomes
        assert outcome.reason == reason
        if outcome.reason == "id_taken":
            assert status in outcome.message
            assert outcome.status == "SKIPPED"
            assert outcome.unusable == ((world.id, "id_taken"),)
        if changes:
            assert sorted(world.glance.peek(world.id)["tags"]) == ["a"]
            assert world.glance.peek(world.id)["status"] != fields.DEACTIVATED
            break
        assert world.is_unchanged
        assert not world.glance.count()["update"]
        if status not in UNLISTED_IMAGES and moment != "planned":
            break


@pytest.mark.parametrize("by_id", [True, False], ids=["by id", "wildcard"])
@pytest.mark.parametrize("status", sorted(UNLISTED_IMAGES))
def test_a_forced_sync_goes_past_what_no_list_shows(status, by_id):
    world = World(status, {}, by_id=by_id, force=True)
    world.make()
    taken = fields.forced_id(world.id, "R2", 1)
    world.scene.images("R2").create({**world.record, "id": taken})
    world.glance.set_status(taken, status)
    before = {one: world.glance.peek(one) for one in world.glance.ids}
    for reason in ("created", "no_data"):
        outcomes = [
            one.outcome or world.scene.apply(one) for one in world.scene.plan_sets(world.set)
        ]
        assert [one.reason for one in outcomes] == (
            [reason] if by_id or reason == "created" else []
        )
    assert world.glance.ids == {world.id, taken, fields.forced_id(world.id, "R2", 2)}
    assert {one: world.glance.peek(one) for one in before} == before


@pytest.mark.parametrize("status", sorted(UNLISTED_IMAGES))
def test_what_no_list_shows_is_no_source(status):
    scene = Scene()
    image = scene.create(visibility="private")
    scene.glances["R1"].set_status(image["id"], status)
    (item,) = scene.plan(image["id"])
    assert item.outcome.reason == "source_gone"
    whole = SyncSet(("*",), ("R1",), ("R2",), filters={"statuses": list(STATUSES)})
    assert scene.plan_sets(whole) == []


@pytest.mark.parametrize("status", STATUSES)
def test_an_update_of_what_changed_its_state_since_the_plan(status):
    world = World("queued", {"name": "mine", "disk_format": "qcow2"}, updates=True)
    world.make()
    (item,) = world.scene.plan_sets(world.set)
    if status in fields.WITH_DATA:
        world.glance.upload(world.id, b"data")
    world.glance.set_status(world.id, status)
    before = world.glance.peek(world.id)
    outcome = world.scene.apply(item)
    if status in UNLISTED_IMAGES:
        assert (outcome.reason, world.glance.peek(world.id)) == ("id_taken", before)
    elif status == "queued":
        assert outcome.reason == "updated"
    elif status == "importing":
        assert (outcome.reason, world.glance.peek(world.id)) == ("drift", before)
    else:
        # Its Glance may have converted the data, so the formats are not compared.
        assert outcome.reason == "updated"
        assert world.glance.peek(world.id)["disk_format"] == "qcow2"
        assert world.glance.peek(world.id)["name"] == world.image["name"]


def test_a_retry_asks_again_for_what_no_list_shows():
    world = World("killed", {})
    world.make()
    retried = dataclasses.replace(world.set, force_mode=world.set.options.force)
    (item,) = world.scene.plan_sets(retried)
    assert world.scene.apply(item).reason == "id_taken"


@pytest.mark.parametrize(
    ("status", "changes", "differences"),
    [
        ("deactivated", {}, {"status": {"source": "active", "target": "deactivated"}}),
        ("active", {"name": "mine"}, {"name": {"source": "one", "target": "mine"}}),
        (
            "deactivated",
            {"p": "w", "tags": ["a", "b"]},
            {
                "p": {"source": "v", "target": "w"},
                "status": {"source": "active", "target": "deactivated"},
                "tags": {"source": "a", "target": "a, b"},
            },
        ),
        ("saving", {}, {}),
        ("active", {}, {}),
        ("killed", {"name": "mine"}, {}),
    ],
)
def test_the_differences_of_what_a_post_finds_are_told(status, changes, differences):
    world = World(status, changes)
    (outcome,) = world.meet("409")
    assert (outcome.copy_status, outcome.differences) == (status, differences)
