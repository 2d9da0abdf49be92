"""Comparing: owners first, data next, fields last."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kingbird.states import Reason
from kingbird.sync import compare
from kingbird.sync import image as fields
from kingbird.tests.unit.sync.scene import RULES

WORDS = st.text(alphabet="abc", min_size=1, max_size=3)
IMAGES = st.fixed_dictionaries(
    {
        "name": st.none() | WORDS,
        "disk_format": st.sampled_from([None, "raw", "qcow2"]),
        "container_format": st.sampled_from([None, "bare"]),
        "min_disk": st.integers(0, 2),
        "min_ram": st.integers(0, 2),
        "visibility": st.sampled_from(["private", "shared", "public", "community"]),
        "protected": st.booleans(),
        "os_hidden": st.booleans(),
        "tags": st.lists(WORDS, unique=True, max_size=3),
        "owner": st.sampled_from(["p1", "p2"]),
        "status": st.sampled_from(["queued", "active", "deactivated"]),
        "size": st.none() | st.integers(0, 2),
        "checksum": st.none() | WORDS,
        "os_hash_algo": st.sampled_from([None, "sha256", "sha512"]),
        "os_hash_value": st.none() | WORDS,
        "prop": WORDS,
    }
).map(lambda image: {"id": "one", **image})


def record_of(image):
    return fields.record_for(image, "R1", RULES, image_id=image["id"])


@given(IMAGES)
def test_a_copy_of_an_image_is_in_sync_with_it(image):
    assert compare.compare(record_of(image), image["owner"], image, image).reason == Reason.IN_SYNC


@given(IMAGES, IMAGES)
def test_another_owner_is_another_image_whatever_else(source, image):
    owner = "p1" if image["owner"] == "p2" else "p2"
    verdict = compare.compare(record_of(source), owner, source, image)
    assert verdict == compare.Comparison(compare.OWNER_CONFLICT)


@given(IMAGES, IMAGES)
def test_drift_names_exactly_the_fields_that_differ(source, image):
    """A naive comparison, field by field, finds the same."""
    naive = {
        name
        for name in (*fields.COPIED, "prop")
        if (sorted(source[name]) if name == "tags" else source[name])
        != (sorted(image[name]) if name == "tags" else image[name])
    }
    assert set(compare.differing_fields(record_of(source), image)) == naive


@given(IMAGES, IMAGES)
def test_data_are_compared_alike_in_both_directions(one, other):
    assert compare.compare_data(one, other) == compare.compare_data(other, one)


@given(IMAGES, IMAGES)
def test_data_differ_only_where_both_have_some(one, other):
    if compare.compare_data(one, other) != compare.UNKNOWN:
        assert fields.has_data(one)
        assert fields.has_data(other)


def active(**more):
    return {"status": "active", "size": 4, "checksum": "c", **more}


def test_hashes_count_only_when_both_used_the_same():
    a = active(os_hash_algo="sha256", os_hash_value="x")
    b = active(os_hash_algo="sha512", os_hash_value="y")
    assert compare.compare_data(a, b) == compare.SAME
    assert compare.compare_data(a, {**b, "os_hash_algo": "sha256"}) == compare.DIFFERENT
    assert compare.compare_data(a, {**b, "checksum": "d"}) == compare.DIFFERENT
    assert compare.compare_data(a, {**b, "checksum": None}) == compare.UNKNOWN


def test_properties_that_only_the_target_has_are_no_drift():
    image = {"id": "one", "name": "n", "owner": "p", "tags": []}
    assert compare.differing_fields(record_of(image), {**image, "extra": "e"}) == ()


def test_provenance_counts_only_under_the_right_owner():
    made = record_of({"id": "one", "name": "n"})
    image = {**made, "owner": "p", "status": "queued"}
    assert compare.is_new_copy(made, "p", image)
    assert not compare.is_new_copy(made, "p", {**image, "owner": "squatter"})
    assert not compare.is_new_copy(made, "p", {**image, "status": "active"})
    assert not compare.is_new_copy(made, "p", {**image, fields.SOURCE_ID: "another"})
    bare = {"id": "one"}
    assert not compare.is_new_copy(bare, "p", {**bare, "owner": "p", "status": "queued"})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        ("", ""),
        ([], ""),
        (["b", "a", 1], "b, a, 1"),
        ("a\x00b", "a\\x00b"),
        ("x" * 255, "x" * 255),
    ],
)
def test_a_value_as_a_text(value, text):
    assert compare.text_of(value) == text
    assert len(compare.text_of("x" * 256)) == len(compare.text_of(["x" * 256])) == 255


def test_the_values_of_some_fields():
    """Fields that are absent have Glance's defaults."""
    record = {"name": "n", "tags": ["b", "a"], "protected": True, "min_disk": 3}
    names = ["name", "tags", "protected", "min_disk", "min_ram", "os_hidden", "p"]
    assert compare.differences(record, {"p": "v", "min_disk": None}, names) == {
        "name": {"source": "n", "target": None},
        "tags": {"source": "a, b", "target": ""},
        "protected": {"source": "true", "target": "false"},
        "min_disk": {"source": "3", "target": "0"},
        "min_ram": {"source": "0", "target": "0"},
        "os_hidden": {"source": "false", "target": "false"},
        "p": {"source": None, "target": "v"},
    }
    many = [f"p{n}" for n in range(99)]
    assert list(compare.differences({}, {}, many)) == many[:20]
    (name,) = compare.differences({}, {}, ["x" * 300])
    assert len(name) == 255


@pytest.mark.parametrize(
    ("source", "image", "result"),
    [
        ({"status": "queued"}, {}, "unknown"),
        ({}, {"status": "queued"}, "unknown"),
        ({"os_hash_value": "y"}, {}, "different"),
        ({}, {}, "same"),
        # Without a hash, checksum and size have to be the same.
        ({"os_hash_value": None}, {}, "same"),
        ({"os_hash_value": None, "checksum": "d"}, {}, "different"),
        ({"os_hash_value": None, "size": 5}, {}, "different"),
        ({"os_hash_value": None, "checksum": None}, {}, "unknown"),
        ({"os_hash_algo": None}, {"os_hash_algo": None, "checksum": None}, "unknown"),
        ({"os_hash_algo": None}, {"os_hash_algo": None, "os_hash_value": "y"}, "same"),
    ],
)
def test_data(source, image, result):
    both = active(os_hash_algo="sha512", os_hash_value="x")
    for one, other in ((source, image), (image, source)):
        assert compare.compare_data({**both, **one}, {**both, **other}) == result


def keyed(**more):
    return compare.data_keys(active(**more))


def test_data_have_keys_by_which_they_are_found():
    assert keyed() == {"c 4"}
    assert keyed(os_hash_algo="sha512", os_hash_value="x") == {"c 4", "sha512:x"}
    assert keyed(os_hash_algo="sha512", os_hash_value="x", checksum=None) == {"sha512:x"}
    assert keyed(checksum=None) == keyed(status="queued") == frozenset()
    assert keyed(status="deactivated") == {"c 4"}


@pytest.mark.parametrize("source", ["queued", "active", "deactivated"])
@pytest.mark.parametrize("image", ["queued", "saving", "active", "deactivated"])
@pytest.mark.parametrize("is_copy", [False, True])
@pytest.mark.parametrize("meets", [None, "i", "f", "other"])
def test_a_status_to_reach(source, image, is_copy, meets):
    """A copy puts no original into a quarantine, and ends none."""
    found = compare.status_to_reach(
        {"id": "i", "status": source, **({fields.SOURCE_ID: "i"} if is_copy else {})},
        {"id": "f", "status": image, **({fields.SOURCE_ID: meets} if meets else {})},
    )
    spreads = not is_copy or (source == "deactivated" and meets in ("i", "f"))
    differs = {source, image} == {"active", "deactivated"}
    assert found == (source if differs and spreads else None)


def hashed(value, **more):
    return active(os_hash_algo="sha512", os_hash_value=value, checksum=None, **more)


RECORD = {fields.SOURCE_ID: "i", fields.SOURCE_HASH: "sha512:first"}


@pytest.mark.parametrize(
    ("image", "is_made"),
    [
        # Its Glance has converted what the source has, or what the first image had.
        (hashed("c", **{fields.SOURCE_ID: "i", fields.SOURCE_HASH: "sha512:here"}), True),
        (hashed("c", **{fields.SOURCE_ID: "i", fields.SOURCE_HASH: "sha512:first"}), True),
        (hashed("c", **{fields.SOURCE_ID: "i", fields.SOURCE_HASH: "sha512:old"}), False),
        (hashed("c", **{fields.SOURCE_ID: "j", fields.SOURCE_HASH: "sha512:here"}), False),
        (hashed("c", **{fields.SOURCE_ID: "i"}), False),
        (hashed("c"), False),
        # The source's Glance has converted them, and this one has not.
        (hashed("first"), True),
        (hashed("here"), False),
        (
            hashed(
                "c",
                **{**RECORD, fields.SOURCE_HASH: "sha512:here", "status": "queued"},
            ),
            False,
        ),
    ],
)
def test_data_that_a_glance_has_converted(image, is_made):
    assert compare.is_made_from(RECORD, hashed("here"), image) == is_made


def test_data_without_a_hash_are_made_from_none():
    bare = active(**{fields.SOURCE_ID: "i"})
    assert not compare.is_made_from({fields.SOURCE_ID: "i"}, active(), bare)


def copy_of_one(**more):
    return {"owner": "p", "status": "active", **record_of({"id": "one", "name": "n"}), **more}


@pytest.mark.parametrize(
    ("image", "comparison"),
    [
        (copy_of_one(), compare.Comparison("in_sync")),
        (copy_of_one(name="m"), compare.Comparison("drift", ("name",))),
        (copy_of_one(status="queued"), compare.Comparison("no_data")),
        (copy_of_one(status="queued", name="m"), compare.Comparison("drift", ("name",))),
        (
            copy_of_one(status="deactivated", name="m"),
            compare.Comparison("drift", ("name", "status")),
        ),
        (copy_of_one(owner="q"), compare.Comparison("owner_conflict")),
        (copy_of_one(owner="q", status="killed"), compare.Comparison("owner_conflict")),
        (copy_of_one(checksum="d", size=4), compare.Comparison("data_conflict")),
        (copy_of_one(disk_format="raw"), compare.Comparison("drift", ("disk_format",))),
    ],
)
def test_a_comparison(image, comparison):
    source = {"id": "one", "owner": "p", "name": "n", **active()}
    record = record_of({"id": "one", "name": "n"})
    assert compare.compare(record, "p", source, image) == comparison


def test_an_image_that_no_list_shows_has_the_id():
    found = compare.compare(
        record_of({"id": "one"}), "p", {"id": "one"}, copy_of_one(status="killed")
    )
    assert (found.reason, found.fields) == ("id_taken", ())
    assert found.note.startswith("The image that has this id is killed: ")


def test_converted_data_are_in_sync_with_a_note():
    source = {"id": "one", "owner": "p", "name": "n", "disk_format": "qcow2", **hashed("x")}
    record = record_of(source)
    image = {**record, "owner": "p", **hashed("y"), "disk_format": "raw"}
    found = compare.compare(record, "p", source, image)
    assert found == compare.Comparison("in_sync", note=compare.CONVERTED)
    named = compare.compare(record, "p", source, {**image, "name": "m"})
    assert named == compare.Comparison("drift", ("name",))


@pytest.mark.parametrize(
    ("changes", "is_incomplete"),
    [
        ({}, True),
        ({"tags": ["x"]}, False),
        ({"tags": []}, True),
        ({"updated_at": "2"}, False),
        ({"name": "m"}, False),
        ({"status": "active"}, False),
        ({"owner": "q"}, False),
        ({fields.SOURCE_REGION: "R9"}, False),
    ],
)
def test_a_copy_without_its_tags_yet(changes, is_incomplete):
    record = record_of({"id": "one", "name": "n", "tags": ["a"]})
    made = {**record, "owner": "p", "status": "queued", "created_at": "1", "updated_at": "1"}
    image = {name: value for name, value in made.items() if name != "tags"} | changes
    comparison = compare.compare(record, "p", {"id": "one", "status": "active"}, image)
    found = compare.is_incomplete_copy(record, "p", image, comparison)
    assert found == is_incomplete
