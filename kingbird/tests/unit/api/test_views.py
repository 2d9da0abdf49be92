"""Jobs as the published client reads them."""

from datetime import datetime
from typing import Any

from kingbird.api.views import sync_jobs as view
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
        for item in view.render_unplanned(job(*sets))
    ]


def test_an_image_is_expected_once_in_each_region() -> None:
    assert expected(
        sync_set(["a", "b"], ["R1"], ["R2"]), sync_set(["b"], ["R3"], ["R2", "R4"])
    ) == [("a", "R1", "R2"), ("b", "R1", "R2"), ("b", "R3", "R4")]


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
    (before,) = view.render_unplanned(job(sync_set(["a"], ["R1"], ["R2"])))
    item = db.Item(
        id=db.jobs.item_id(JOB, "a", "R2"),
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
    after = view.render_item(item)
    assert after["id"] == before["id"]
    assert set(after) == set(before)
    (elsewhere,) = view.render_unplanned(job(sync_set(["a"], ["R1"], ["R3"])))
    assert elsewhere["id"] != before["id"]


def test_a_job_tells_of_its_options() -> None:
    quiet, loud = sync_set(["a"], ["R1"], ["R2"]), sync_set(["b"], ["R1"], ["R2"])
    loud["dry_run"] = True
    made = view.render_detail(
        job(quiet, loud, all_projects=True, cancelled=True, runs=3),
        {"PLANNED": 1},
        {"created": 1},
        {"R2": {"statuses": {"PLANNED": 1}, "outcomes": {"created": 1}}},
    )
    assert made == {
        "id": JOB,
        "sync_status": "IN_PROGRESS",
        "created_at": view.format_time(CREATED),
        "updated_at": "None",
        "all_projects": True,
        "dry_run": True,
        "cancelled": True,
        "runs": 3,
        "rule": None,
        "trigger": None,
        "statuses": {"PLANNED": 1},
        "outcomes": {"created": 1},
        "regions": {"R2": {"statuses": {"PLANNED": 1}, "outcomes": {"created": 1}}},
    }
    assert view.render_detail(job(quiet, all_projects=False), {}, {}, {})["dry_run"] is False
