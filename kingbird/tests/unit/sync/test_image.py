"""The table of fields: what goes into a record."""

import uuid

import pytest

from kingbird import exception
from kingbird.sync import compare
from kingbird.sync import image as fields
from kingbird.sync.image import Rules
from kingbird.tests.unit.sync.scene import DEMO, RULES, Scene


def source(**more):
    scene = Scene()
    created = scene.create(name="one", tags=["b", "a"], min_disk=3, **more)
    return scene.glances["R1"].upload(created["id"], b"data")


def record(image, rules=RULES, **options):
    return fields.record_for(image, "R1", rules, image_id=image["id"], **options)


def test_copied_fields_arrive():
    image = source(min_ram=5, protected=True, os_hidden=True, visibility="community", p="v")
    made = record(image)
    assert made["id"] == image["id"]
    for name in fields.COPIED:
        assert made[name] == (sorted(image[name]) if name == "tags" else image[name])
    assert made["p"] == "v"


def test_nothing_that_glance_sets_is_sent():
    made = record(source())
    assert not (made.keys() & fields.SET_BY_GLANCE) - {"id"}


#: Names that are free for properties, though Glance or its clients use them for something else.
FREE = (
    *("architecture", "hidden", "image_id", "is_public", "kernel_id", "links", "member"),
    *("members", "metadata", "os_glance", "properties", "ramdisk_id", "tag", "type"),
    "validation_data",
)
#: A member may name the own project as owner, and Kingbird chooses ids.
NOT_FREE = (*sorted(fields.SET_BY_GLANCE - {"id", "owner"}), "os_glance_x")


def made_with(name, value):
    """Return an image that a user has made with a field, or ``None`` if Glance refuses it."""
    try:
        return Scene().images("R1").create({name: value})
    except exception.ImageRequestRejected:
        return None


@pytest.mark.parametrize("name", FREE)
def test_a_name_that_users_may_set_is_copied(name):
    value = str(uuid.uuid4())
    image = made_with(name, value)
    assert image[name] == value
    assert record(image)[name] == value


@pytest.mark.parametrize("name", NOT_FREE)
def test_a_name_that_only_glance_sets_is_dropped(name):
    image = made_with(name, "value")
    assert image is None or image[name] != "value"
    assert name not in record({**source(), name: "value"})


def test_a_property_that_has_the_name_of_a_list_is_compared_and_pruned():
    image = source(members="a")
    changed = {**image, "members": "b"}
    assert compare.differing_fields(record(image), changed) == ("members",)
    assert compare.extra_fields(record(source()), changed, RULES) == ("members",)


def test_what_is_bound_to_a_region_is_dropped():
    image = source(instance_uuid=str(uuid.uuid4()), block_device_mapping="[]")
    assert not {"instance_uuid", "block_device_mapping"} & record(image).keys()


def test_reserved_names_and_nulls_are_left_out():
    image = {**source(), "os_glance_importing_to_stores": "a", "kernel_id": None, "name": None}
    assert not {"os_glance_importing_to_stores", "kernel_id", "name"} & record(image).keys()


def test_owner_only_where_the_caller_may_set_one():
    assert "owner" not in record(source())
    assert record(source(), owner=DEMO)["owner"] == DEMO
    assert record(source(), owner=None)["owner"] is None


def test_provenance():
    image = source()
    made = record(image)
    assert made[fields.SOURCE_REGION] == "R1"
    assert made[fields.SOURCE_ID] == image["id"]
    assert made[fields.SOURCE_HASH] == f"sha512:{image['os_hash_value']}"
    assert fields.FORCED not in made


def marked(image, source_id, *, region="R0", forced=False):
    marks = {fields.SOURCE_REGION: region, fields.SOURCE_HASH: "sha512:first"}
    marks |= {fields.SOURCE_ID: source_id, fields.FORCED: "true" if forced else None}
    return {**image, **marks}


@pytest.mark.parametrize("forced", [False, True])
def test_a_copy_of_a_copy_keeps_the_first_provenance(forced):
    image = source()
    made = record(marked(image, image["id"], forced=forced))
    assert (made[fields.SOURCE_REGION], made[fields.SOURCE_ID]) == ("R0", image["id"])
    assert made[fields.SOURCE_HASH] == "sha512:first"
    assert fields.FORCED not in made


#: Images in R1 whose properties name another image, or a time when they were elsewhere.
MISLED = {
    "snapshot": lambda image: marked(image, str(uuid.uuid4())),
    "snapshot of a forced copy": lambda image: marked(image, str(uuid.uuid4()), forced=True),
    "forced copy": lambda image: marked(
        {**image, "id": fields.forced_id("x", "R1", 3)}, "x", forced=True
    ),
    "forced copy elsewhere": lambda image: marked(
        {**image, "id": fields.forced_id("x", "R2", 1)}, "x", forced=True
    ),
    "back at home": lambda image: marked(image, image["id"], region="R1"),
    "no region": lambda image: marked(image, image["id"], region=None),
    "no id": lambda image: marked(image, None),
}


@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.parametrize("kind", MISLED)
def test_a_copy_of_anything_else_gets_provenance_of_its_own(kind, forced):
    """Name the image itself as the source, with its own hash."""
    image = MISLED[kind](source())
    made = record(image, forced=forced)
    assert (made[fields.SOURCE_REGION], made[fields.SOURCE_ID]) == ("R1", image["id"])
    assert made[fields.SOURCE_HASH] == f"sha512:{image['os_hash_value']}"
    assert made.get(fields.FORCED) == ("true" if forced else None)


@pytest.mark.parametrize(
    ("image_id", "source_id", "forced", "number"),
    [
        ("x", "x", None, 0),
        ("x", "x", "true", 0),
        ("x", "y", None, None),
        ("x", None, None, None),
        ("x", None, "true", None),
        ("x", "y", "true", None),
        (fields.forced_id("x", "R1", 1), "x", "true", 1),
        (fields.forced_id("x", "R1", 20), "x", "true", 20),
        (fields.forced_id("x", "R1", 21), "x", "true", None),
        (fields.forced_id("x", "R1", 1), "x", None, None),
        (fields.forced_id("x", "R1", 1), "y", "true", None),
        (fields.forced_id("x", "R2", 1), "x", "true", None),
    ],
)
def test_provenance_is_believed_by_the_id(image_id, source_id, forced, number):
    image = {"id": image_id, fields.SOURCE_ID: source_id, fields.FORCED: forced}
    assert fields.copy_number(image, "R1") == number


@pytest.mark.parametrize(
    ("own", "marks"),
    [
        (125, {fields.SOURCE_REGION, fields.SOURCE_ID, fields.SOURCE_HASH}),
        (126, {fields.SOURCE_REGION, fields.SOURCE_ID}),
        (127, set()),
    ],
)
def test_provenance_that_breaks_the_quota_is_left_out_the_hash_first(own, marks):
    image = {**source(), **{f"p{n}": "v" for n in range(own)}}
    made = record(image)
    assert made.keys() & fields.PROVENANCE == marks
    assert len([name for name in made if name.startswith("p") and name[1:].isdigit()]) == own


def test_without_a_quota_provenance_always_fits():
    image = {**source(), **{f"p{n}": "v" for n in range(500)}}
    assert fields.SOURCE_HASH in record(image, Rules(property_quota=-1))


def test_glance_takes_a_record_as_it_is():
    scene = Scene()
    image = source(min_ram=5, protected=True, os_hidden=True, visibility="community", p="v")
    copy = scene.images("R2").create(record(image))
    assert copy["status"] == "queued"


def test_forced_ids_are_the_same_at_every_run_and_differ_by_region_and_number():
    one = fields.forced_id("x", "R2", 1)
    assert one == fields.forced_id("x", "R2", 1)
    assert len({one, fields.forced_id("x", "R3", 1), fields.forced_id("x", "R2", 2)}) == 3
    assert str(uuid.UUID(one)) == one


def test_references_are_written_canonically_and_nonsense_is_none():
    kernel = uuid.uuid4()
    found = fields.references({"kernel_id": kernel.hex.upper(), "ramdisk_id": "nonsense"})
    assert found == {"kernel_id": str(kernel)}
    assert fields.references({"kernel_id": None}) == {}


@pytest.mark.parametrize(
    ("image", "bound"),
    [
        ({"block_device_mapping": '[{"snapshot_id": "s"}]', "size": 0}, True),
        ({"block_device_mapping": '[{"snapshot_id": "s"}]', "size": None}, True),
        ({"block_device_mapping": '[{"snapshot_id": "s"}]', "size": 5}, False),
        ({"block_device_mapping": "[]", "size": 0}, False),
        ({"size": 0}, False),
    ],
)
def test_region_bound(image, bound):
    assert fields.is_region_bound(image) is bound
