"""Plans of sets that ask for data, and the guard of what is being imported."""

import pytest

from kingbird.sync import image as fields
from kingbird.sync.plan import data
from kingbird.sync.request import SyncSet
from kingbird.tests.unit.sync.scene import ALL3, DEMO, OTHER, RULES, Scene


@pytest.fixture
def scene():
    return Scene()


def plan(scene, *ids, **options):
    one = SyncSet(
        ids or ("*",), ("R1",), ("R2",), **{"imports": True, "preferred": ("R1",), **options}
    )
    return scene.plan_sets(one)


def source(scene, content=b"data", **fields_of):
    image = scene.create(**fields_of)
    return scene.glances["R1"].upload(image["id"], content)


def copied(scene, image, **changes):
    record = fields.record_for(image, "R1", RULES, image_id=image["id"])
    return scene.images("R2").create({**record, **changes})


BY_ID = pytest.mark.parametrize("by_id", [True, False])


def one_item(scene, image, by_id, **options):
    items = plan(scene, *([image["id"]] if by_id else ()), **options)
    return items[0] if items else None


@BY_ID
def test_a_record_to_create_gets_its_data(scene, by_id):
    image = source(scene)
    item = one_item(scene, image, by_id)
    assert (item.action, item.data, item.bytes) == ("create", "pending", 4)
    assert item.work.imports["data"]["os_hash_value"] == image["os_hash_value"]
    assert item.work.imports["formats"] == {"disk_format": "raw", "container_format": "bare"}
    assert scene.apply(item).reason == "created"


@BY_ID
def test_a_copy_in_order_without_data_is_completed(scene, by_id):
    image = source(scene)
    copied(scene, image)
    item = one_item(scene, image, by_id)
    assert (item.action, item.outcome, item.data) == ("import", None, "pending")
    assert item.imports.marks == {
        "kingbird_source_region": "R1",
        "kingbird_source_id": image["id"],
    }
    without = one_item(scene, image, by_id, imports=False)
    assert without is None or (without.outcome.reason, without.data) == ("no_data", None)


@BY_ID
def test_a_copy_with_data_needs_nothing(scene, by_id):
    image = source(scene)
    copied(scene, image)
    scene.glances["R2"].upload(image["id"], b"data")
    item = one_item(scene, image, by_id)
    assert item is None or (item.outcome.reason, item.data, item.bytes) == ("in_sync", "active", 4)
    assert by_id or scene.planner.in_sync == {"R2": 1}


@BY_ID
def test_a_record_without_provenance_is_left_alone(scene, by_id):
    image = source(scene)
    copied(scene, image, kingbird_source_id="another")
    item = one_item(scene, image, by_id)
    if by_id:
        assert (item.outcome.reason, item.data) == ("no_data", "none")
        assert data.LEFT_ALONE in item.outcome.message
    else:
        assert item is None


@BY_ID
@pytest.mark.parametrize("status", ["importing", "saving", "uploading"])
def test_data_that_are_coming_are_waited_for(scene, by_id, status):
    image = source(scene)
    copied(scene, image, kingbird_source_id="another")
    scene.glances["R2"].set_status(image["id"], status)
    item = one_item(scene, image, by_id)
    assert (item.action, item.data) == ("import", "pending")


def test_a_source_without_data(scene):
    image = scene.create()
    (item,) = plan(scene, image["id"])
    assert (item.action, item.data, item.work.imports) == ("create", "none", None)
    assert item.work.note == data.SOURCE_WITHOUT_DATA
    copied(scene, image)
    (item,) = plan(scene, image["id"])
    assert (item.outcome.reason, item.data) == ("in_sync", "none")
    assert item.outcome.message == data.SOURCE_WITHOUT_DATA


def test_a_source_that_is_deactivated(scene):
    image = source(scene)
    scene.glances["R1"].deactivate(image["id"])
    (item,) = plan(scene, image["id"])
    assert (item.action, item.data) == ("create", "none")
    assert item.work.note == data.SOURCE_DEACTIVATED
    copied(scene, image)
    (item,) = plan(scene, image["id"])
    assert (item.outcome.reason, item.data) == ("in_sync", "none")
    assert item.outcome.message == data.SOURCE_DEACTIVATED


def test_drift_is_reported_first(scene):
    image = source(scene)
    copied(scene, image, name="mine")
    (item,) = plan(scene, image["id"])
    assert (item.outcome.reason, item.data) == ("drift", "none")


def test_an_update_gets_its_data_too(scene):
    image = source(scene)
    copied(scene, image, name="mine")
    (item,) = plan(scene, image["id"], updates=True)
    assert (item.action, item.data) == ("update", "pending")
    scene.glances["R2"].upload(image["id"], b"data")
    (item,) = plan(scene, image["id"], updates=True)
    assert (item.action, item.data, item.work.imports) == ("update", "active", None)


def test_an_image_in_its_own_region(scene):
    image = source(scene)
    one = SyncSet((image["id"],), ALL3, ("R1",), imports=True)
    (item,) = scene.plan_sets(one)
    assert (item.outcome.reason, item.data) == ("in_sync", "active")


def test_another_projects_copy_gets_no_data(scene):
    image = source(scene, project=OTHER, visibility="community")
    record = fields.record_for(image, "R1", RULES, image_id=image["id"])
    scene.images("R2", OTHER).create(record)
    (item,) = plan(scene, image["id"])
    assert item.data == "none"
    assert item.action == "none"


def test_an_ami_comes_after_its_parts(scene):
    kernel = source(scene, name="kernel", disk_format="aki", container_format="aki")
    ami = source(
        scene, disk_format="ami", container_format="ami", kernel_id=kernel["id"], name="ami"
    )
    for image in (kernel, ami):
        copied(scene, image)
    for items in (plan(scene, ami["id"], kernel["id"]), plan(scene)):
        ranks = {item.resource: item.rank for item in items}
        assert ranks[kernel["id"]] < ranks[ami["id"]]
        assert {item.action for item in items} == {"import"}


def test_a_dry_run_says_what_would_be_imported(scene):
    image, there = source(scene), source(scene, b"more data")
    copied(scene, there)
    found = {item.resource: item for item in plan(scene, image["id"], there["id"], dry_run=True)}
    create, complete = found[image["id"]], found[there["id"]]
    assert (create.outcome.reason, create.data, create.bytes) == ("missing", "pending", 4)
    assert "4 bytes of data would be imported from R1" in create.outcome.message
    assert (complete.outcome.reason, complete.data, complete.bytes) == ("no_data", "pending", 9)
    assert complete.outcome.status == "PLANNED"
    assert complete.imports is None
    assert complete.action == "import"
    assert "9 bytes" in complete.outcome.message


def test_notes_of_several_sets_stay(scene):
    image = source(scene)
    copied(scene, image)
    one = SyncSet((image["id"],), ("R1",), ("R2",), imports=True)
    (item,) = scene.plan_sets(one, SyncSet((image["id"],), ("R1",), ("R2",)))
    assert "Several sets" in item.imports.note


def test_items_that_fail_get_no_data(scene):
    image = source(scene)
    scene.unusable = {"R2": {image["id"]: "id_taken"}}
    (item,) = plan(scene, image["id"])
    assert (item.outcome.reason, item.data) == ("id_taken", "none")
    other = source(scene, name="twin")
    scene.glances["R2"].upload(scene.create("R2", name="twin")["id"], b"data")
    (item,) = plan(scene, other["id"], skips_same_name=True)
    assert (item.outcome.reason, item.data, item.work) == ("same_name", "none", None)


class TestGuard:
    """See that an image under import is never changed, whether or not the set asks for data."""

    @BY_ID
    @pytest.mark.parametrize("imports", [True, False])
    @pytest.mark.parametrize("lock", [True, False])
    def test_at_planning(self, scene, by_id, imports, lock):
        image = source(scene, **{"a/b": "1"})
        copied(scene, image, name="mine", tags=["x"], **{"a/b": "2"})
        start(scene, image, lock)
        item = one_item(scene, image, by_id, updates=True, imports=imports)
        assert (item.action, item.outcome.reason) == ("none", "drift")
        assert "being imported" in item.outcome.message
        assert " a/b, name, tags;" in item.outcome.message
        assert item.data == ("none" if imports else None)

    @pytest.mark.parametrize("lock", [True, False])
    def test_at_writing(self, scene, lock):
        image = source(scene, **{"a/b": "1"})
        copied(scene, image, name="mine", **{"a/b": "2"})
        (item,) = plan(scene, image["id"], updates=True, imports=False)
        assert item.action == "update"
        start(scene, image, lock)
        outcome = scene.apply(item)
        assert (outcome.reason, outcome.status) == ("drift", "FAILURE")
        assert "being imported" in outcome.message
        assert " a/b, name;" in outcome.message

    @pytest.mark.parametrize("lock", [True, False])
    def test_an_image_that_comes_between(self, scene, lock):
        """It is there when it is to be created, and differs."""
        image = source(scene)
        (item,) = plan(scene, image["id"], updates=True, imports=False)
        copied(scene, image, name="mine")
        start(scene, image, lock)
        outcome = scene.apply(item)
        assert (outcome.reason, scene.glances["R2"].count()["update"]) == ("drift", 0)
        assert "being imported" in outcome.message

    def test_an_import_that_failed_forbids_nothing(self, scene):
        image = source(scene)
        copied(scene, image, name="mine")
        start(scene, image, lock=True)
        scene.glances["R2"].fail_import(image["id"], late=True)
        (item,) = plan(scene, image["id"], updates=True, imports=False)
        assert scene.apply(item).reason == "updated"

    def test_an_image_with_data_costs_no_look(self, scene):
        image = source(scene)
        copied(scene, image, name="mine")
        scene.glances["R2"].upload(image["id"], b"data")
        (item,) = plan(scene, image["id"], updates=True)
        before = scene.glances["R2"].count()["get"]
        assert scene.apply(item).reason == "updated"
        assert scene.glances["R2"].count()["get"] == before


def start(scene, image, lock):
    """Let somebody import the data of a copy: it waits in Glance, or runs."""
    scene.images("R2", DEMO).import_data(
        image["id"], region="R1", source_id=image["id"], interface="public"
    )
    if not lock:
        scene.glances["R2"].begin_import(image["id"])
