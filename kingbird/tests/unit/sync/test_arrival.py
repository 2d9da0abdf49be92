"""The table of states by which Glance tells of an import."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kingbird.states import UNLISTED_IMAGES
from kingbird.sync import arrival
from kingbird.sync.arrival import FAILED_STORES, LOCK, Arrival, Verdict
from kingbird.sync.item import ImportSpec

#: Answers of the real Glance 33, each with what it means.
RECORDED = json.loads((Path(__file__).parent / "recorded_imports.json").read_text())
STATUSES = (
    *("queued", "saving", "uploading", "importing", "active", "deactivated"),
    *sorted(UNLISTED_IMAGES),
)
SHA, OTHER = "a" * 128, "b" * 128


def image(status, lock="", stores="", **more):
    properties = {name: value for name, value in ((LOCK, lock),) if value}
    return {"status": status, FAILED_STORES: stores, **properties, **more}


@pytest.mark.parametrize("answer", RECORDED, ids=lambda one: one["scene"])
def test_what_the_real_glance_has_answered(answer):
    found = arrival.classify(answer["image"], asked=answer["asked"], task=answer.get("task"))
    assert found == answer["means"]


@pytest.mark.parametrize(
    ("shown", "asked", "expected"),
    [
        (None, True, Arrival.GONE),
        (image("deleted", "t"), True, Arrival.GONE),
        (image("queued"), False, Arrival.IDLE),
        (image("queued", "t"), False, Arrival.WAITING),
        (image("queued", "t"), True, Arrival.WAITING),
        (image("importing", "t"), True, Arrival.RUNNING),
        (image("importing"), False, Arrival.RUNNING),
        (image("active", "t"), True, Arrival.ARRIVED),
        (image("active"), True, Arrival.ARRIVED),
        (image("deactivated"), True, Arrival.ARRIVED),
        (image("queued"), True, Arrival.EARLY_FAILURE),
        (image("queued", "t", "files"), True, Arrival.LATE_FAILURE),
        (image("queued", "t", "files"), False, Arrival.LATE_FAILURE),
        (image("saving"), False, Arrival.UPLOADING),
        (image("uploading"), True, Arrival.UPLOADING),
    ],
)
def test_the_table(shown, asked, expected):
    assert arrival.classify(shown, asked=asked) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("pending", Arrival.WAITING),
        ("processing", Arrival.WAITING),
        ("failure", Arrival.LATE_FAILURE),
        ("success", Arrival.LATE_FAILURE),
        (None, Arrival.LATE_FAILURE),
    ],
)
def test_stores_that_an_import_before_named(status, expected):
    """A second import waits in Glance's pool, and the image still names what the first left."""
    shown = image("queued", "second", "files")
    assert arrival.classify(shown, asked=True, task={"status": status}) is expected


images = st.none() | st.builds(
    image, st.sampled_from(STATUSES), st.sampled_from(["", "task"]), st.sampled_from(["", "files"])
)
tasks = st.none() | st.fixed_dictionaries(
    {"status": st.sampled_from(["pending", "processing", "success", "failure"])}
)


@given(images, st.booleans(), tasks)
def test_what_is_always_so(shown, asked, task):
    found = arrival.classify(shown, asked=asked, task=task)
    status = shown and shown["status"]
    assert (found is Arrival.ARRIVED) == (status in ("active", "deactivated"))
    if found in (Arrival.IDLE, Arrival.EARLY_FAILURE):
        assert status == "queued"
        assert LOCK not in shown, "Glance would answer 409"
        assert (found is Arrival.EARLY_FAILURE) == asked
    if found is Arrival.LATE_FAILURE:
        assert shown[LOCK]
        assert shown[FAILED_STORES]
    if shown is not None:
        assert arrival.is_being_imported(shown) == (
            status == "importing"
            or (status == "queued" and LOCK in shown and not shown[FAILED_STORES])
        )


def spec(**more):
    data = {"status": "active", "os_hash_algo": "sha512", "os_hash_value": SHA, "size": 4}
    formats = {"disk_format": "raw", "container_format": "bare"}
    fields = {"data": {**data, "checksum": "c"}, "formats": formats, "owner": "p", **more}
    return ImportSpec(**fields)


def copy(**more):
    formats = {"disk_format": "raw", "container_format": "bare"}
    data = {"os_hash_algo": "sha512", "os_hash_value": SHA, "checksum": "c", "size": 4}
    return {"status": "active", **formats, **data, **more}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Verdict.SAME),
        ({"os_hash_value": OTHER}, Verdict.DIFFERENT),
        ({"os_hash_algo": "md5", "os_hash_value": "x"}, Verdict.SAME),
        ({"os_hash_algo": "md5", "os_hash_value": "x", "checksum": "d"}, Verdict.DIFFERENT),
        ({"os_hash_algo": "md5", "os_hash_value": "x", "size": 5}, Verdict.DIFFERENT),
        ({"os_hash_algo": "md5", "os_hash_value": "x", "checksum": None}, Verdict.UNKNOWN),
        ({"disk_format": "qcow2", "os_hash_value": OTHER}, Verdict.CONVERTED),
        ({"container_format": "compressed", "os_hash_value": OTHER}, Verdict.CONVERTED),
    ],
)
def test_data_are_compared_with_those_of_the_source(changes, expected):
    assert arrival.verify(spec(), copy(**changes)) is expected


MARKS = {"kingbird_source_region": "R1", "kingbird_source_id": "i"}


@pytest.mark.parametrize(
    ("shown", "marks", "made_here", "expected"),
    [
        ({"owner": "p", **MARKS}, MARKS, False, True),
        ({"owner": "p"}, MARKS, False, False),
        ({"owner": "p", **MARKS, "kingbird_source_id": "j"}, MARKS, False, False),
        ({"owner": "q", **MARKS}, MARKS, False, False),
        ({"owner": "q", **MARKS}, MARKS, True, False),
        ({"owner": "p"}, MARKS, True, True),
        ({"owner": "p"}, {}, False, False),
    ],
)
def test_only_kingbirds_own_copies_get_data(shown, marks, made_here, expected):
    found = arrival.may_be_imported_into(spec(marks=marks), shown, made_here=made_here)
    assert found is expected
