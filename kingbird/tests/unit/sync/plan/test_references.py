"""References: whether an AMI's kernel or ramdisk is in the target, and is the same image.

Sets with ids and sets with ``*`` come to the same answers.
"""

import uuid

import pytest

from kingbird.sync import image as fields
from kingbird.sync.item import UPDATE
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.sync.scene import ADMIN, DEMO, OTHER, RULES, Scene

THIRD = "3" * 32
#: The AMI is made, with a reference to this id.
SAME = "same"
FORCED = "forced"


class World:
    """An AMI of demo in R1, which names an image, and a plan that brings it to R2."""

    def __init__(self, by_ids, name):
        self.scene = Scene(retry_timeout=0)
        self.by_ids = by_ids
        self.name = name
        self.other = str(uuid.uuid4())
        self.ami = self.make("R1", id=str(uuid.uuid4()), owner=DEMO, **{name: self.other})

    def make(self, region="R1", data=b"boot", **image):
        """Make an image, by default the one that the AMI names."""
        image = {"id": self.other, "owner": DEMO, "visibility": "private", **image}
        made = self.scene.create(region, **image)
        return self.scene.glances[region].upload(made["id"], data) if data else made

    def copy(self, source, region="R2", data=None, image_id=None, forced=0, **changes):
        """Put a copy of an image into a region, as Kingbird would, or nearly."""
        record = fields.record_for(
            source,
            "R1",
            RULES,
            image_id=image_id or source["id"],
            owner=source["owner"],
            forced=bool(forced),
        )
        return self.make(region, data, **{**record, **changes})

    def plan(self, sources=("R1",), caller=None, **options):
        resources = (self.ami["id"],) if self.by_ids else ("*",)
        one = SyncSet(resources, sources, ("R2",), preferred=sources, **options)
        return {
            item.resource: item
            for item in self.scene.plan_sets(one, caller=caller)
            if item.outcome or item.work
        }

    def ami_item(self, **options):
        return self.plan(**options)[self.ami["id"]]

    def named(self, **options):
        """Return the id that the AMI to be made names, or why there is none to be made."""
        item = self.ami_item(**options)
        if item.outcome:
            assert item.outcome.reason == "dependency_failed", item
            assert self.name in item.outcome.message
            assert item.work is None
            return item.outcome.message.rpartition(": ")[2]
        return item.work.record[self.name]


@pytest.fixture(params=["by ids", "wildcard"])
def by_ids(request):
    return request.param == "by ids"


@pytest.fixture(params=fields.REFERENCES)
def world(request, by_ids):
    return World(by_ids, request.param)


def public(world, **more):
    return world.make(owner=OTHER, visibility="public", **more)


#: Data that were not made from those of the source.
OTHER_DATA = {"data": b"other", fields.SOURCE_HASH: "sha512:0"}

OWN = {
    "in sync": ({}, SAME),
    "drift": ({"tags": ["mine"]}, SAME),
    "hidden, and not at the source": ({"os_hidden": True}, SAME),
    "with the same data": ({"data": b"boot"}, SAME),
    "with data that its Glance converted": ({"data": b"other"}, SAME),
    "with other data": (OTHER_DATA, "data_conflict"),
    "another owner's": ({"owner": OTHER, "visibility": "community"}, "owner_conflict"),
    "another owner's public one": ({"owner": OTHER, "visibility": "public"}, "owner_conflict"),
}


@pytest.mark.parametrize("case", OWN)
def test_the_projects_own_image_is_there(world, case):
    changes, expected = OWN[case]
    world.copy(world.make(), **changes)
    assert world.named() == (world.other if expected == SAME else expected)


def test_an_image_without_data_is_selected_by_nothing(world):
    world.copy(world.make(data=None), owner=OTHER, visibility="community")
    assert world.named() == "owner_conflict"
    assert world.plan()[world.other].outcome.reason == "owner_conflict"


FOREIGN = {
    "in sync": ({}, SAME),
    "drift": ({"tags": ["newer"]}, SAME),
    "hidden": ({"os_hidden": True}, SAME),
    "with data that its Glance converted": ({"data": b"other"}, SAME),
    "with such data, and drift": ({"data": b"other", "tags": ["newer"]}, SAME),
    "with other data": (OTHER_DATA, "not_owner"),
    "somebody else's": ({"owner": THIRD}, "not_owner"),
    "somebody else's community image": ({"owner": THIRD, "visibility": "community"}, "not_owner"),
    "the caller's own, which is another": ({"owner": DEMO, "visibility": "private"}, "not_owner"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_another_projects_public_image_is_there(world, case):
    changes, expected = FOREIGN[case]
    world.copy(public(world), **changes)
    assert world.named() == (world.other if expected == SAME else expected)


def test_nobodys_job_fails_for_drift_in_another_projects_image(world):
    world.copy(public(world), tags=["newer"])
    items = world.plan()
    outcomes = [item.outcome for item in items.values() if item.outcome]
    assert all(one.status == "SUCCESS" for one in outcomes)
    # Only what has an item in any case tells of it.
    assert [one.reason for one in outcomes] == (["in_sync"] if world.by_ids else [])
    assert all("another project" in one.message for one in outcomes)


GONE = {
    "the project's own": ({}, SAME),
    "a hidden one": ({"os_hidden": True}, SAME),
    "a public one": ({"owner": OTHER, "visibility": "public"}, SAME),
    # Anybody can take a free id.
    "a community image": ({"owner": OTHER, "visibility": "community"}, "source_gone"),
    "a community image that says it is a copy": (
        {
            "owner": OTHER,
            "visibility": "community",
            fields.SOURCE_REGION: "R1",
            fields.SOURCE_ID: "itself",
        },
        "source_gone",
    ),
    "nothing": (None, "source_gone"),
}


@pytest.mark.parametrize("case", GONE)
def test_the_image_is_gone_at_the_source_and_in_the_target_is(world, case):
    changes, expected = GONE[case]
    if changes is not None:
        marks = {fields.SOURCE_ID: world.other} if fields.SOURCE_ID in changes else {}
        world.make("R2", **{**changes, **marks})
    assert world.named() == (world.other if expected == SAME else expected)


def test_what_a_third_region_has_proves_nothing(world):
    for region in ("R2", "R3"):
        world.make(region, owner=OTHER, visibility="community")
    assert world.named(sources=("R1", "R3")) == "source_gone"


def test_what_a_third_region_has_is_brought_if_it_is_the_projects(by_ids):
    world = World(by_ids, "kernel_id")
    world.make("R3")
    items = world.plan(sources=("R1", "R3"))
    assert items[world.other].source_region == "R3"
    assert items[world.ami["id"]].work.record["kernel_id"] == world.other


@pytest.mark.parametrize("owner", [DEMO, ADMIN])
def test_an_image_of_the_amis_owner_or_its_own_is_good_for_an_admin(world, owner):
    admin = {"caller": world.scene.caller(ADMIN, is_admin=True)}
    if not world.by_ids:
        admin["all_projects"] = True
    world.make("R2", owner=owner)
    assert world.named(**admin) == world.other


def test_an_admin_does_not_give_an_ami_somebody_elses_kernel(world):
    admin = {"caller": world.scene.caller(ADMIN, is_admin=True)}
    if not world.by_ids:
        admin["all_projects"] = True
    world.make("R2", owner=OTHER)
    assert world.named(**admin) == "source_gone"


def test_it_is_not_there_and_is_brought_along(world):
    world.make()
    items = world.plan()
    assert items[world.other].action == "create"
    assert items[world.ami["id"]].work.references == {world.name: world.other}
    assert items[world.ami["id"]].rank > items[world.other].rank


def test_a_hidden_one_is_brought_along(world):
    world.make(os_hidden=True)
    assert world.plan()[world.other].work.record["os_hidden"] is True


def test_it_is_another_projects_and_not_there(world):
    public(world)
    assert world.named() == "not_owner"


def test_it_is_not_there_and_its_id_is_unusable(world):
    world.make()
    world.scene.unusable["R2"] = {world.other: "id_taken"}
    assert world.named() == "id_taken"


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("owner", [DEMO, OTHER])
def test_a_forced_copy_is_there_and_the_reference_follows(world, owner, gone):
    source = world.make(owner=owner, visibility="public" if owner == OTHER else "private")
    moved = fields.forced_id(world.other, "R2", 1)
    world.copy(source, image_id=moved, forced=1, owner=DEMO, visibility="private")
    if gone:
        world.scene.glances["R1"].delete(world.other)
    assert world.named() == moved


@pytest.mark.parametrize("gone", [False, True])
def test_a_forced_copy_that_somebody_else_made_is_none(world, gone):
    source = world.make()
    moved = fields.forced_id(world.other, "R2", 1)
    world.copy(source, image_id=moved, forced=1, owner=OTHER, visibility="community")
    if gone:
        world.scene.glances["R1"].delete(world.other)
        assert world.named() == "source_gone"
    else:
        assert world.named() == world.other
        assert world.plan()[world.other].action == "create"


def test_force_goes_past_somebody_elses_image(world):
    world.copy(world.make(), owner=OTHER, visibility="community")
    assert world.ami_item(force=True).work.record[world.name] == fields.forced_id(
        world.other, "R2", 1
    )


# Regions that are away.


def fail_for(world, region):
    """Let a region answer everything but questions for the image that the AMI names."""
    world.scene.glances[region].fail(
        "list",
        lambda asked: unavailable() if isinstance(asked, tuple) and world.other in asked else None,
        times=None,
    )


@pytest.mark.parametrize("region", ["R1", "R2"])
def test_a_region_that_is_away_is_no_answer(world, region):
    world.copy(world.make(data=None))
    fail_for(world, region)
    if world.by_ids and region == "R2":
        # The target was asked for the AMI too.
        assert world.ami_item().outcome.reason == "region_unavailable"
    else:
        assert world.named() == "region_unavailable"
    assert {item.action for item in world.plan().values()} == {"none"}


# Updates.


def drifted(world):
    """Let the AMI be in the target with other tags and no reference."""
    record = fields.record_for(world.ami, "R1", RULES, image_id=world.ami["id"], owner=DEMO)
    record.pop(world.name)
    world.scene.create("R2", **{**record, "tags": ["old"]})


@pytest.mark.parametrize("case", [*OWN, "gone", "missing"])
def test_an_update_asks_the_same(world, case):
    drifted(world)
    changes, expected = OWN.get(case, ({}, "source_gone" if case == "gone" else SAME))
    if case in OWN:
        world.copy(world.make(), **changes)
    elif case == "missing":
        world.make()
    assert world.named(updates=True) == (world.other if expected == SAME else expected)
    if expected == SAME:
        item = world.ami_item(updates=True)
        assert item.action == UPDATE
        assert {"op": "add", "path": f"/{world.name}", "value": world.other} in item.work.changes


def test_a_report_of_drift_writes_nothing_whatever_the_reference_is(world):
    drifted(world)
    world.copy(world.make(), owner=OTHER, visibility="community")
    assert world.ami_item().outcome.reason == "drift"


# Several sources and sets.


def test_the_image_that_is_meant_is_the_one_of_the_amis_own_region(by_ids):
    """The project has an image of that id elsewhere; the AMI never meant it."""
    world = World(by_ids, "kernel_id")
    world.make("R1", owner=OTHER, visibility="public")
    world.make("R3")
    assert world.named(sources=("R1", "R3")) in {"not_owner", "owner_conflict"}


def test_a_set_that_names_another_image_of_that_id_does_not_answer(by_ids):
    world = World(by_ids, "kernel_id")
    world.make("R1", owner=OTHER, visibility="public")
    world.make("R3")
    resources = (world.ami["id"],) if by_ids else ("*",)
    items = world.scene.plan_sets(
        SyncSet((world.other,), ("R3",), ("R2",)), SyncSet(resources, ("R1",), ("R2",))
    )
    found = {item.resource: item for item in items}
    assert found[world.other].action == "create"
    assert found[world.ami["id"]].outcome.reason == "dependency_failed"


def test_an_image_that_is_named_too_tells_what_it_is(by_ids):
    """Its own item says that it can't be synced; as a reference it is good all the same."""
    world = World(by_ids, "kernel_id")
    world.copy(public(world), tags=["newer"])
    resources = (world.ami["id"],) if by_ids else ("*",)
    items = world.scene.plan_sets(
        SyncSet((world.other,), ("R1",), ("R2",)), SyncSet(resources, ("R1",), ("R2",))
    )
    found = {item.resource: item for item in items}
    assert found[world.other].outcome.reason == "not_owner"
    assert found[world.ami["id"]].work.record["kernel_id"] == world.other
    # The task does not look at an item that has no work.
    assert found[world.ami["id"]].work.references == {}
