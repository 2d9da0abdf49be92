"""The operations that make an image follow its source."""

import pytest

from kingbird.sync import patch
from kingbird.sync.image import FORCED, SOURCE_HASH, SOURCE_ID, SOURCE_REGION
from kingbird.tests.unit.sync.scene import RULES

QUEUED, ACTIVE = {"status": "queued"}, {"status": "active"}


def add(path, value):
    return {"op": "add", "path": path, "value": value}


def remove(path):
    return {"op": "remove", "path": path}


@pytest.mark.parametrize(
    ("name", "pointer"), [("a", "/a"), ("a/b", "/a~1b"), ("a~b", "/a~0b"), ("~1/~0", "/~01~1~00")]
)
def test_a_pointer_quotes_what_a_path_would_not_take(name, pointer):
    assert patch.json_pointer(name) == pointer


def test_fields_are_set_whether_or_not_they_are_there():
    record = {"name": "n", "p": "v", "tags": ["a"]}
    operations, left = patch.add_operations(record, QUEUED, ["name", "p", "tags"])
    assert operations == [add("/name", "n"), add("/p", "v"), add("/tags", ["a"])]
    assert left == []


@pytest.mark.parametrize(
    ("name", "default"),
    [("tags", []), ("min_disk", 0), ("min_ram", 0), ("protected", False), ("os_hidden", False)],
)
def test_a_field_that_the_source_lacks_gets_glances_default(name, default):
    ((operation,), _) = patch.add_operations({}, QUEUED, [name])
    assert operation == add(f"/{name}", default)
    assert type(operation["value"]) is type(default)


def test_other_fields_that_the_source_lacks_become_null():
    assert patch.add_operations({}, QUEUED, ["name"])[0] == [add("/name", None)]


@pytest.mark.parametrize("status", ["active", "deactivated"])
def test_formats_of_an_image_with_data_are_left(status):
    record = {"disk_format": "raw", "container_format": "bare", "name": "n"}
    operations, left = patch.add_operations(record, {"status": status}, list(record))
    assert operations == [add("/name", "n")]
    assert left == ["disk_format", "container_format"]
    assert len(patch.add_operations(record, QUEUED, list(record))[0]) == 3


def test_only_properties_that_would_be_copied_are_removed():
    image = {
        "id": "i",
        "name": "n",
        "p": "v",
        "both": "v",
        "instance_uuid": "u",
        **dict.fromkeys((SOURCE_REGION, SOURCE_ID, SOURCE_HASH, FORCED), "x"),
    }
    assert patch.remove_operations({"id": "i", "both": "w"}, image, RULES) == ([remove("/p")], [])


def test_a_patch_is_made_anew_for_an_image_that_has_changed():
    record = {"name": "n", "p": "v", "disk_format": "raw"}
    image = {**ACTIVE, "name": "n", "p": "w", "disk_format": "qcow2", "extra": "x", "null": None}
    before = [add("/name", "n"), remove("/extra"), remove("/gone"), remove("/null")]
    operations, left = patch.rebase(record, image, ["p", "disk_format"], before)
    assert operations == [add("/p", "v"), remove("/extra")]
    assert left == ["disk_format"]
