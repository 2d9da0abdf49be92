"""Comparing: owners first, data next, fields last."""

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
