"""Jobs as the published client reads them."""

import tracemalloc
from datetime import datetime
from typing import Any

import pytest

from kingbird.api.views import sync_jobs as view
from kingbird.api.views.unplanned import UnplannedItems
from kingbird.db import api as db
from kingbird.tests.unit.db.rows import sync_set

JOB = "dddddddd-0000-4000-8000-000000000001"
CREATED = datetime(2026, 11, 22, 23, 0, 0)


def job(*sets: dict[str, Any], **columns: Any) -> db.Job:
    return db.Job(id=JOB, status="IN_PROGRESS", created_at=CREATED, request=list(sets), **columns)


def test_times_are_as_long_as_each_other() -> None:
    assert view.format_time(CREATED) == "2026-11-22T23:00:00.000000"
    assert view.format_time(CREATED.replace(microsecond=123)) == "2026-11-22T23:00:00.000123"


def test_no_time_is_a_word() -> None:
    assert view.format_time(None) == "None"


def expected(*sets: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (item["resource"], item["source_region"], item["target_region"])
        for item in UnplannedItems(job(*sets))
    ]


def test_an_image_is_expected_once_in_each_region() -> None:
    assert expected(
        sync_set(["a", "b"], ["R1"], ["R2"]), sync_set(["b"], ["R3"], ["R2", "R4"])
    ) == [("a", "R1", "R2"), ("b", "R1", "R2"), ("b", "R3", "R4")]


def test_what_is_expected_takes_no_memory_for_each_item() -> None:
    images, regions = [f"{n:036}" for n in range(100)], [f"R{n}" for n in range(100)]
    entries = UnplannedItems(job(sync_set(images, ["R"], regions)))
    tracemalloc.start()
    try:
        assert sum(1 for _ in entries) == 10_000
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


def test_no_region_is_expected_to_be_its_own_source() -> None:
    assert expected(sync_set(["a"], ["R1", "R2"], ["R1", "R2"])) == [
        ("a", "R2", "R1"),
        ("a", "R1", "R2"),
    ]


def test_a_wildcard_is_one_entry_a_region() -> None:
    assert expected(sync_set(["*"], ["R1", "R2"], ["R1", "R2", "R3"])) == [
        ("*", "R2", "R1"),
        ("*", "R1", "R2"),
        ("*", "*", "R3"),
    ]


def test_items_keep_their_ids_when_they_are_planned() -> None:
    (before,) = UnplannedItems(job(sync_set(["a"], ["R1"], ["R2"])))
    item = db.Item(
        id=db.item_id(JOB, "a", "R2"),
        resource="a",
        resource_type="image",
        source_region="R1",
        target_region="R2",
        target_resource="a",
        status="SUCCESS",
        action="create",
        reason="created",
        created_at=CREATED,
    )
    (after,) = view.render_items(job(sync_set(["a"], ["R1"], ["R2"])), [item])
    assert after["id"] == before["id"]
    assert set(after) == set(before)
    (elsewhere,) = UnplannedItems(job(sync_set(["a"], ["R1"], ["R3"])))
    assert elsewhere["id"] != before["id"]


@pytest.mark.parametrize(
    ("pending", "status", "wanted"),
    [
        ({}, "IN_PROGRESS", ("IN_PROGRESS", None, "None")),
        (
            {"ending": {"run": 1, "reason": "forbidden", "message": "No."}},
            "IN_PROGRESS",
            ("FAILURE", "forbidden", view.format_time(CREATED)),
        ),
        (
            {"reopening": {"regions": None, "resources": None}, "runs": 2},
            "FAILURE",
            ("IN_PROGRESS", None, view.format_time(CREATED)),
        ),
    ],
)
def test_items_are_shown_as_they_will_be(
    pending: dict[str, Any], status: str, wanted: tuple[str, ...]
) -> None:
    item = db.Item(
        id="i",
        resource="a",
        resource_type="image",
        target_region="R2",
        status=status,
        action="create",
        reason=None,
        attempts=1,
        created_at=CREATED,
    )
    made = job(sync_set(["a"], ["R1"], ["R2"]), **{"runs": 1, "updated_at": CREATED, **pending})
    (shown,) = view.render_items(made, [item])
    assert (shown["sync_status"], shown["reason"], shown["updated_at"]) == wanted


def test_a_job_tells_of_its_options() -> None:
    quiet, loud = sync_set(["a"], ["R1"], ["R2"]), sync_set(["b"], ["R1"], ["R2"])
    loud["dry_run"] = True
    made = view.render_detail(
        job(quiet, loud, all_projects=True, cancelled=True, runs=3),
        db.jobs.Numbers(
            {"PLANNED": 1},
            {"created": 1},
            {"R2": {"statuses": {"PLANNED": 1}, "outcomes": {"created": 1}}},
            {"R2": {"active": (1, 5)}, "R3": {"active": (2, 7), "failed": (1, 0)}},
            {"R3", "R2"},
        ),
    )
    assert made == {
        "id": JOB,
        "sync_status": "IN_PROGRESS",
        "created_at": view.format_time(CREATED),
        "updated_at": "None",
        "all_projects": True,
        "dry_run": True,
        "of": None,
        "cancelled": True,
        "runs": 3,
        "rule": None,
        "trigger": None,
        "waits_for": ["R2", "R3"],
        "statuses": {"PLANNED": 1},
        "outcomes": {"created": 1},
        "data": {"active": {"items": 3, "bytes": 12}, "failed": {"items": 1, "bytes": 0}},
        "regions": {
            "R2": {
                "statuses": {"PLANNED": 1},
                "outcomes": {"created": 1},
                "data": {"active": {"items": 1, "bytes": 5}},
            }
        },
    }
    nothing = db.jobs.Numbers({}, {}, {}, {})
    assert view.render_detail(job(quiet, all_projects=False), nothing)["dry_run"] is False


def test_an_unplanned_job_that_is_retried_in_part_has_its_other_items_ended() -> None:
    ending = {"run": 1, "reason": "quota", "message": "Full", "after": 0}
    part = {"regions": ["R3"], "resources": None, "after": 0, "counted": True}
    sets = sync_set(["a", "b"], ["R1"], ["R2", "R3"])
    retried = job(sets, runs=2, ending=ending, reopening=part)
    found = {
        (one["resource"], one["target_region"]): (one["sync_status"], one["reason"])
        for one in UnplannedItems(retried)
    }
    ended, again = ("FAILURE", "quota"), ("IN_PROGRESS", None)
    assert found == {
        ("a", "R2"): ended,
        ("a", "R3"): again,
        ("b", "R2"): ended,
        ("b", "R3"): again,
    }
    only = UnplannedItems(retried, reason=["quota"])
    assert {one["target_region"] for one in only} == {"R2"}
