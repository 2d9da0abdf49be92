"""Jobs as the API sees them."""

import uuid
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.tests.unit.db.lost import lost_answer
from kingbird.tests.unit.db.reads import counting
from kingbird.tests.unit.db.rows import (
    LEASE,
    PROJECT,
    accepted_job,
    outcome,
    planned_job,
    renew,
    row,
)


def end(job_id, project=PROJECT):
    db.job_ends.end_job(db.jobs.get(project, job_id))


def create(job_id, **options):
    return db.jobs.create(
        job_id=job_id,
        project_id=PROJECT,
        user_id="u",
        request=[],
        is_admin=False,
        request_id=None,
        **options,
    )


def change(model, row_id, **columns):
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(model).where(model.id == row_id).values(**columns))


def flat(lists):
    return [each for one in lists for each in one]


def pages(read, limit, **options):
    """Return the ids of a list that is read by the page, each page by its own."""
    found, marker = [], None
    while page := read(limit=limit, marker=marker, **options):
        found.append([each.id for each in page])
        marker = page[-1].id
    return found


def jobs_by_page(limit, **options):
    return pages(lambda **more: db.jobs.list_for_project(PROJECT, **more), limit, **options)


def test_a_job_that_is_being_accepted_is_not_shown_and_not_claimed(database):
    job_id = str(uuid.uuid4())
    create(job_id)
    assert db.jobs.get(PROJECT, job_id) is None
    assert db.jobs.list_for_project(PROJECT) == []
    assert db.leases.claim_job("e", 10) is None
    assert db.jobs.accept(job_id, trust_id="t")
    assert db.jobs.get(PROJECT, job_id).status == "IN_PROGRESS"


def test_accepting_tells_what_the_credentials_give(database):
    job_id = str(uuid.uuid4())
    create(job_id)
    assert db.jobs.accept(job_id, trust_id="t", is_admin=True)
    assert db.jobs.get(PROJECT, job_id).is_admin


def test_a_discarded_job_leaves_nothing(database):
    job_id = str(uuid.uuid4())
    create(job_id)
    assert db.jobs.discard(job_id)
    assert not db.jobs.accept(job_id, trust_id="t")


def test_a_job_that_was_begun_is_not_discarded(database):
    job_id = accepted_job()
    db.leases.claim_job("e", 10)
    assert not db.jobs.discard(job_id)
    assert db.jobs.get(PROJECT, job_id)


def test_a_commit_whose_answer_was_lost_is_run_again(database):
    """Run each transaction once, and give its caller the result."""
    job_id = str(uuid.uuid4())
    with lost_answer():
        job = create(job_id)
    assert (job.id, job.status) == (job_id, "ACCEPTING")
    with lost_answer():
        assert db.jobs.accept(job_id, trust_id="t")
    assert db.jobs.get(PROJECT, job_id).trust_id == "t"
    with lost_answer():
        assert db.jobs.discard(job_id)
    assert db.jobs.count_active(PROJECT) == 0


def test_jobs_that_count_for_a_projects_limit(database):
    ended, accepting = accepted_job(), str(uuid.uuid4())
    accepted_job()
    accepted_job(project="q" * 32)
    create(accepting, all_projects=True)
    end(ended)
    assert db.jobs.count_active(PROJECT) == 2


def test_newest_first_and_active_only_on_request(database):
    ids = [accepted_job() for _ in range(3)]
    end(ids[1])
    assert [job.id for job in db.jobs.list_for_project(PROJECT)] == ids[::-1]
    active = db.jobs.list_for_project(PROJECT, active=True)
    assert [job.id for job in active] == [ids[2], ids[0]]


def test_projects_see_their_own_jobs_only(database):
    mine, theirs = accepted_job(), accepted_job(project="q" * 32)
    assert db.jobs.get(PROJECT, theirs) is None
    assert [job.id for job in db.jobs.list_for_project(PROJECT)] == [mine]
    end(theirs, "q" * 32)
    assert not db.jobs.delete(PROJECT, theirs)
    assert db.jobs.get("q" * 32, theirs)


def test_only_an_ended_job_is_deleted_and_with_all_its_rows(database):
    job_id = planned_job(row("i1"), row("i2"))
    job = db.jobs.get(PROJECT, job_id)
    assert not db.jobs.delete(PROJECT, job_id)
    assert len(db.jobs.list_items(job)) == 2
    end(job_id)
    assert db.jobs.delete(PROJECT, job_id)
    assert not db.jobs.delete(PROJECT, job_id)
    assert db.jobs.list_items(job) == []


def test_all_of_unicode_and_long_requests_come_back(database):
    names = ["☃" * 30000, "😀"]
    job_id = accepted_job(resources=names)
    assert db.jobs.get(PROJECT, job_id).request[0]["resources"] == names


def test_jobs_about_all_projects_are_found_on_request_only(database):
    job_id = str(uuid.uuid4())
    create(job_id, all_projects=True)
    db.jobs.accept(job_id, trust_id="t")
    assert db.jobs.get(PROJECT, job_id) is None
    assert db.jobs.get("q" * 32, job_id, with_all_projects=True) is None
    job = db.jobs.get(PROJECT, job_id, with_all_projects=True)
    assert job.all_projects
    assert db.jobs.list_for_project(PROJECT) == []
    assert len(db.jobs.list_for_project(PROJECT, with_all_projects=True)) == 1
    db.job_ends.end_job(job)
    assert not db.jobs.delete(PROJECT, job_id)
    assert not db.jobs.delete("q" * 32, job_id, with_all_projects=True)
    assert db.jobs.delete(PROJECT, job_id, with_all_projects=True)


def test_jobs_by_the_page(database):
    ids = [accepted_job() for _ in range(5)]
    newest = ids[::-1]
    assert jobs_by_page(2) == [newest[:2], newest[2:4], newest[4:]]
    assert jobs_by_page(5) == [newest]
    assert jobs_by_page(3, sort_dir="asc") == [ids[:3], ids[3:]]
    assert flat(jobs_by_page(2, sort_key="id", sort_dir="asc")) == sorted(ids)


def test_jobs_by_when_they_were_changed(database):
    """One that was never changed has its place by when it was made."""
    first, second, third = [accepted_job() for _ in range(3)]
    end(first)
    assert flat(jobs_by_page(1, sort_key="updated_at")) == [first, third, second]
    assert flat(jobs_by_page(1, sort_key="updated_at", sort_dir="asc")) == [
        second,
        third,
        first,
    ]


def test_jobs_by_their_state(database):
    first, second, third = [accepted_job() for _ in range(3)]
    end(second)
    listed = flat(jobs_by_page(1, sort_key="sync_status", sort_dir="asc"))
    assert listed == [second, first, third]
    assert jobs_by_page(9, status=["FAILURE", "CANCELLED"]) == [[second]]
    assert jobs_by_page(9, status=["FAILURE"], active=True) == []
    assert jobs_by_page(9, active=True) == [[third, first]]


def test_a_job_that_has_ended_meanwhile_is_a_marker(database):
    first, second = accepted_job(), accepted_job()
    end(second)
    listed = db.jobs.list_for_project(PROJECT, active=True, marker=second)
    assert [job.id for job in listed] == [first]


@pytest.mark.parametrize("kind", ["unknown", "theirs", "accepting", "all projects"])
def test_other_jobs_are_no_markers(database, kind):
    accepted_job()
    job_id = accepted_job(project="q" * 32) if kind == "theirs" else str(uuid.uuid4())
    if kind in ("accepting", "all projects"):
        create(job_id, all_projects=kind == "all projects")
    if kind == "all projects":
        db.jobs.accept(job_id, trust_id="t")
    with pytest.raises(exception.BadRequest, match=job_id):
        db.jobs.list_for_project(PROJECT, marker=job_id)


def test_an_unknown_order(database):
    with pytest.raises(exception.BadRequest, match="sort_key is unknown: pk"):
        db.jobs.list_for_project(PROJECT, sort_key="pk")


def a_job_of_items():
    states = ["SUCCESS", "IN_PROGRESS", "FAILURE", "SUCCESS", "FAILURE", "SKIPPED"]
    reasons = ["created", None, "quota", "updated", "drift", None]
    job_id = planned_job(
        *(
            row(f"i{n}", status=status, reason=reason)
            for n, (status, reason) in enumerate(zip(states, reasons, strict=True))
        )
    )
    return db.jobs.get(PROJECT, job_id)


def items_by_page(job, limit, **options):
    listed = pages(lambda **more: db.jobs.list_items(job, **more), limit, **options)
    names = {item.id: item.resource for item in db.jobs.list_items(job)}
    return [[names[item_id] for item_id in page] for page in listed]


def test_items_by_the_page_in_the_order_of_the_plan(database):
    job = a_job_of_items()
    assert items_by_page(job, 4) == [["i0", "i1", "i2", "i3"], ["i4", "i5"]]
    assert items_by_page(job, 4, sort_dir="desc") == [["i5", "i4", "i3", "i2"], ["i1", "i0"]]
    assert items_by_page(job, 2, status=["FAILURE"]) == [["i2", "i4"]]
    assert items_by_page(job, 2, sort_key="reason") == [["i1", "i5"], ["i0", "i4"], ["i2", "i3"]]
    assert items_by_page(job, 4, sort_key="reason", sort_dir="desc") == [
        ["i3", "i2", "i4", "i0"],
        ["i5", "i1"],
    ]


@pytest.mark.parametrize("key", sorted(db.pagination.ITEM_KEYS))
@pytest.mark.parametrize("direction", db.pagination.DIRECTIONS)
def test_every_order_of_items_lists_each_once(database, key, direction):
    job = a_job_of_items()
    listed = items_by_page(job, 1, sort_key=key, sort_dir=direction)
    assert sorted(flat(listed)) == ["i0", "i1", "i2", "i3", "i4", "i5"]


def test_an_item_of_another_job_is_no_marker(database):
    one, two = a_job_of_items(), a_job_of_items()
    item = db.jobs.list_items(two)[0]
    with pytest.raises(exception.BadRequest, match=item.id):
        db.jobs.list_items(one, marker=item.id)


def test_items_of_a_part_that_is_not_stored_whole_dont_count(database):
    job = a_job_of_items()
    late = db.item_id(job.id, "i5", "R2")
    change(db.Item, late, part=1)
    assert [item.resource for item in db.jobs.list_items(job)] == ["i0", "i1", "i2", "i3", "i4"]
    with pytest.raises(exception.BadRequest, match=late):
        db.jobs.list_items(job, marker=late)
    change(db.Job, job.id, plan_parts=2)
    job = db.jobs.get(PROJECT, job.id)
    assert len(db.jobs.list_items(job)) == 6


def selected(job, **options):
    return [item.resource for item in db.jobs.list_items(job, **options)]


def test_items_are_selected(database):
    job = a_job_of_items()
    assert selected(job, resource="i2") == ["i2"]
    assert selected(job, resource="i9") == selected(job, resource="*") == []
    assert len(selected(job, target_region="R2")) == 6
    assert selected(job, target_region="R3") == []
    assert selected(job, reason=["quota", "drift"]) == ["i2", "i4"]
    assert selected(job, reason=["quota"], status=["SUCCESS"]) == []
    assert selected(job, resource="i2", reason=["quota"], target_region="R2", limit=1) == ["i2"]


@pytest.mark.parametrize("is_old", [False, True])
def test_items_that_have_changed_since_a_time(database, is_old):
    """Also those of an earlier release, which has written no time of its own."""
    job = a_job_of_items()
    last = max(item.updated_at or item.created_at for item in db.jobs.list_items(job))
    assert len(selected(job, changed_since=last)) == 6
    claim = db.leases.claim_task("e1", LEASE)
    db.outcomes.record(claim, outcome(claim))
    if is_old:
        with db.get_engine().begin() as bind:
            bind.execute(sa.update(db.Item).values(written_at=sa.null()))
    item = next(each for each in db.jobs.list_items(job) if each.resource == "i1")
    assert item.updated_at > last
    assert selected(job, changed_since=item.updated_at) == ["i1"]
    assert selected(job, changed_since=item.updated_at + timedelta(microseconds=1)) == []


def test_progress_of_a_large_job_reads_what_has_changed_and_no_more(database):
    job_id = planned_job(*(row(f"i{number}") for number in range(3000)))
    job = db.jobs.get(PROJECT, job_id)
    claim = db.leases.claim_task("e1", LEASE)
    db.outcomes.record(claim, outcome(claim))
    (changed,) = db.jobs.list_items(job, status=["SUCCESS"])
    if db.get_engine().dialect.name == "postgresql":
        # As autovacuum does it in time.
        with db.get_engine().begin() as bind:
            bind.execute(sa.text("ANALYZE items"))
    with counting() as statements:
        items = db.jobs.list_items(job, changed_since=changed.updated_at, limit=1001)
        db.jobs.outcome_counts(job)
        db.job_versions.get(PROJECT, job_id)
    assert [item.id for item in items] == [changed.id]
    assert sum(each.rows for each in statements) < 100


def test_each_change_of_a_job_or_its_items_is_another_version(database):
    job_id = accepted_job(resources=("i1", "i2"))

    def version():
        job = db.jobs.get(PROJECT, job_id)
        (listed,) = db.job_details.list_details(PROJECT, with_all_projects=False)
        assert listed.version[1] == job.revision
        assert db.job_versions.list_versions(PROJECT, with_all_projects=False) == [listed.version]
        assert db.job_versions.get(PROJECT, job_id) == listed.version
        return listed.version

    seen = [version()]

    def has_changed():
        seen.append(version())
        return len(set(seen)) == len(seen)

    claim = db.leases.claim_job("e1", LEASE)
    with db.plans.PlanWriter(claim) as plan:
        plan.add([row("i1"), row("i2"), row("i1", "R3")])
        assert has_changed()
        plan.finish({})
    assert has_changed()
    task = db.leases.claim_task("e1", LEASE)
    assert version() == seen[-1], "a claim shows nowhere"
    renew(task, LEASE)
    assert version() == seen[-1]
    db.outcomes.record(task, outcome(task))
    assert has_changed()
    db.outcomes.end_task(task)
    assert has_changed()
    db.job_actions.cancel_part(db.jobs.get(PROJECT, job_id), db.job_actions.Part(["R3"]))
    assert has_changed()
    db.job_actions.cancel(db.jobs.get(PROJECT, job_id))
    assert has_changed()
    db.job_ends.end_job(db.jobs.get(PROJECT, job_id), "cancelled")
    assert has_changed()
    about = {"user_id": "u", "is_admin": False, "trust_id": "t", "request_id": "r"}
    assert db.job_actions.retry(db.jobs.get(PROJECT, job_id), **about)
    assert has_changed()


def test_counts_of_items_and_of_what_has_none(database):
    job = a_job_of_items()
    statuses = {"SUCCESS": 2, "IN_PROGRESS": 1, "FAILURE": 2, "SKIPPED": 1}
    outcomes = {"created": 1, "quota": 1, "updated": 1, "drift": 1}
    regions = {"R2": {"statuses": statuses, "outcomes": outcomes}}
    assert db.jobs.outcome_counts(job) == (statuses, outcomes, regions)
    change(db.Job, job.id, in_sync={"R2": 7, "R3": 3})
    job = db.jobs.get(PROJECT, job.id)
    assert db.jobs.outcome_counts(job) == (
        {**statuses, "SUCCESS": 12},
        {**outcomes, "in_sync": 10},
        {
            "R2": {
                "statuses": {**statuses, "SUCCESS": 9},
                "outcomes": {**outcomes, "in_sync": 7},
            },
            "R3": {"statuses": {"SUCCESS": 3}, "outcomes": {"in_sync": 3}},
        },
    )


def test_a_job_that_is_not_planned_has_nothing_to_count(database):
    job = db.jobs.get(PROJECT, accepted_job())
    assert db.jobs.outcome_counts(job) == ({}, {}, {})
    assert db.jobs.list_items(job, limit=5) == []
