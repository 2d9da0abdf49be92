"""Text of strangers goes into columns, and what a database refuses costs no other row."""

from typing import Any

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.db.model_base import MAX_MESSAGE
from kingbird.db.models import MAX_WORK, Tombstone
from kingbird.tests.unit.db.rows import LEASE, PROJECT, accepted_job, row, store_plan, sync_set
from kingbird.text import clean

TEXTS = {
    "control characters": "a\x1b[2K\x07\x9b2J\x7f\n\tb",
    "NUL": "a\0b",
    "lone surrogates": "a\ud83dx\udc26",
    "four bytes": "🐦" * 300,
    "longer than TEXT in bytes": "宽" * 65_535,
    "longer than TEXT": "x" * 200_000,
}
#: Values that at least one of the databases refuses.
REFUSED: dict[str, dict[str, Any]] = {
    "lone surrogate": {"target_resource": "\ud800"},
    "NUL": {"target_resource": "a\0b"},
    "too long": {"target_resource": "x" * 37},
    "long region": {"source_region": "宽" * 256},
}
WORDS = "database refuses"


def items_of(job_id: str) -> list[db.Item]:
    job = db.jobs.get(PROJECT, job_id)
    assert job is not None
    return list(db.jobs.list_items(job))


def claimed() -> tuple[str, db.Claim]:
    job_id = accepted_job(resources=("a", "b", "c"))
    claim = db.leases.claim_job("e1", LEASE)
    assert claim is not None
    return job_id, claim


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_message_is_cleaned_however_it_is_written(database: Any, text: str) -> None:
    job_id, claim = claimed()
    ended = row("a", status="FAILURE", reason="quota", message=text)
    store_plan(claim, [ended, row("b"), row("c")])
    task = db.leases.claim_task("e1", LEASE)
    assert task is not None
    first, _ = db.items.open_items(task, 2)
    db.outcomes.record(
        task, [{"pk": first.pk, "status": "FAILURE", "reason": "quota", "message": text}]
    )
    db.outcomes.end_task(task, reason="forbidden", message=text)
    cleaned = clean(text, MAX_MESSAGE)
    assert len(cleaned) <= MAX_MESSAGE
    assert [(item.reason, item.message) for item in items_of(job_id)] == [
        ("quota", cleaned),
        ("quota", cleaned),
        ("forbidden", cleaned),
    ]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_json_holds_any_text(database: Any, text: str) -> None:
    """Only halves of characters are replaced."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    given = {"record": {"id": "a", text: text}, "references": {}}
    entry = sync_set(["a"], filters={"properties": {text: text}})
    job_id = accepted_job(request=[entry])
    claim = db.leases.claim_job("e1", LEASE)
    assert claim is not None
    assert claim.job.request[0]["filters"] == {"properties": {whole: whole}}
    store_plan(claim, [row("a", work=given)])
    (item,) = items_of(job_id)
    with db.get_engine().connect() as bind:
        work = bind.scalar(sa.select(db.Item.work).where(db.Item.pk == item.pk))
    assert work == {"record": {"id": "a", whole: whole}, "references": {}}


def is_failure_in_words(item: db.Item) -> bool:
    return (
        (item.status, item.reason, item.action) == ("FAILURE", "internal_error", "none")
        and WORDS in (item.message or "")
        and item.updated_at is not None
    )


@pytest.mark.parametrize("bad", REFUSED.values(), ids=REFUSED)
def test_a_refused_item_of_a_plan_costs_no_other(
    database: Any, bad: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    job_id, claim = claimed()
    store_plan(claim, [row("a"), row("b", **bad), row("c", status="SUCCESS", reason="in_sync")])
    first, second, third = items_of(job_id)
    assert [item.resource for item in (first, second, third)] == ["a", "b", "c"]
    assert (first.status, third.reason) == ("IN_PROGRESS", "in_sync")
    is_stored = {name: getattr(second, name) for name in bad} == bad
    assert is_stored != is_failure_in_words(second)
    if not is_stored:
        assert "storing each by itself" in caplog.text
    task = db.leases.claim_task("e1", LEASE)
    assert task is not None
    assert len(db.items.open_items(task, 10)) == 1 + is_stored


@pytest.mark.parametrize("bad", REFUSED.values(), ids=REFUSED)
def test_a_refused_item_of_a_retry_costs_no_other(database: Any, bad: dict[str, Any]) -> None:
    job_id, claim = claimed()
    store_plan(claim, [row(name, status="FAILURE", reason="quota") for name in "abc"])
    job = db.jobs.get(PROJECT, job_id)
    assert job is not None
    user: dict[str, Any] = {"user_id": "u", "is_admin": False, "trust_id": "t", "request_id": "r"}
    assert db.job_actions.retry(job, **user) == 3
    again = db.leases.claim_job("e1", LEASE)
    assert again is not None
    assert store_plan(again, [row("a"), row("b", **bad), row("c")], part=1).open_tasks == 1
    first, second, third = items_of(job_id)
    assert (first.status, third.status) == ("IN_PROGRESS", "IN_PROGRESS")
    is_stored = {name: getattr(second, name) for name in bad} == bad
    assert is_stored != is_failure_in_words(second)


@pytest.mark.parametrize("bad", [REFUSED[name] for name in ("lone surrogate", "NUL", "too long")])
@pytest.mark.parametrize("is_last", [False, True])
def test_a_refused_outcome_costs_no_other(
    database: Any, bad: dict[str, Any], is_last: bool
) -> None:
    job_id, claim = claimed()
    store_plan(claim, [row(name) for name in "abc"])
    task = db.leases.claim_task("e1", LEASE)
    assert task is not None
    outcomes = [
        {
            "pk": item.pk,
            "status": "SUCCESS",
            "reason": "created",
            "message": None,
            "target_resource": bad["target_resource"] if item.resource == "b" else item.resource,
        }
        for item in db.items.open_items(task, 10)
    ]
    if is_last:
        ending = db.outcomes.end_task(task, outcomes)
        assert ending.open_tasks == 0
        assert ending.state is not None
    else:
        db.outcomes.record(task, outcomes)
    first, second, third = items_of(job_id)
    assert [(one.status, one.target_resource) for one in (first, third)] == [
        ("SUCCESS", "a"),
        ("SUCCESS", "c"),
    ]
    if second.target_resource != bad["target_resource"]:
        assert (second.status, second.reason) == ("FAILURE", "internal_error")
        assert WORDS in (second.message or "")


def test_work_that_is_too_large_to_send_is_a_failure_of_its_own(database: Any) -> None:
    job_id, claim = claimed()
    work = {"record": {"id": "b", "p": "x" * MAX_WORK}, "references": {}}
    store_plan(claim, [row("a"), row("b", work=work)])
    first, second = items_of(job_id)
    assert first.status == "IN_PROGRESS"
    assert is_failure_in_words(second)


def test_a_request_that_is_refused_is_no_fault(database: Any) -> None:
    with pytest.raises(exception.BadRequest, match="can't store"):
        accepted_job(project="p\ud800")


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 37])
def test_a_tombstone_that_is_refused_is_forgotten(database: Any, text: str) -> None:
    db.tombstones.add(PROJECT, "R2", [(text, "id_taken")], 60)
    with db.get_engine().connect() as bind:
        stored = bind.scalars(sa.select(Tombstone.image_id)).all()
    assert stored in ([], [text])
