"""Rules are stored, changed and deleted, and their full runs do not overlap."""

import threading

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.tests.unit.db.lost import lost_answer
from kingbird.tests.unit.db.rows import (
    LEASE,
    PROJECT,
    SLACK,
    make_due,
    row,
    rule_row,
    store_plan,
    stored_rule,
    sync_set,
)

FIRST, SECOND, THIRD = (f"dddddddd-0000-4000-8000-00000000000{n}" for n in range(3))


def begin(rule, job_id=FIRST, **more):
    return db.rule_runs.begin_requested_run(
        rule, job_id=job_id, request_id="req-1", global_request_id=None, **more
    )


def changed(rule, **fields):
    return db.rules.update(
        rule,
        **{
            "user_id": "v" * 32,
            "is_admin": True,
            "trust_id": "new-trust",
            "request_id": "req-2",
            "sync_set": rule.sync_set,
            **{name: getattr(rule, name) for name in db.rules.FIELDS},
            **fields,
        },
    )


def end(job_id, *outcomes):
    """Let an engine end a job with some items, and return how it ended."""
    claim = db.leases.claim_job("e1", LEASE)
    assert claim.job.id == job_id
    return store_plan(claim, [row(f"i{n}", **outcome) for n, outcome in enumerate(outcomes)])


def now():
    """Return the database's time in milliseconds."""
    with db.get_engine().connect() as bind:
        return bind.scalar(sa.select(db.rule_runs.now_ms()))


def failed(reason):
    return {"status": "FAILURE", "reason": reason, "message": f"It is {reason}."}


def test_an_enabled_rule_begins_with_a_run(database):
    rule = stored_rule(enabled=True)
    claim = db.leases.claim_job("e1", LEASE)
    assert (claim.job.rule_id, claim.job.trigger) == (rule.id, "created")
    assert (claim.job.id, claim.job.trust_id) == (rule.full_job_id, rule.trust_id)
    assert claim.job.request == [rule.sync_set]
    assert claim.job.request_id.startswith("req-")
    assert db.rules.last_jobs([rule.id]) == {rule.id: claim.job.id}


@pytest.mark.parametrize(("interval", "is_due"), [(3600, True), (0, False)])
def test_the_next_run_is_an_interval_away(database, interval, is_due):
    rule = stored_rule(enabled=True, interval=interval)
    assert (rule.next_run is not None) == is_due
    if is_due:
        assert 3_590_000 < rule.next_run - now() < 3_600_000 * (1 + db.rule_runs.JITTER)


def test_a_name_is_taken_once_in_a_project(database):
    stored_rule(name="golden")
    with pytest.raises(exception.Conflict, match="golden"):
        stored_rule(name="golden")
    stored_rule(name="golden", project="q" * 32)
    other = stored_rule(name="other")
    with pytest.raises(exception.Conflict, match="golden"):
        changed(other, name="golden")
    assert rule_row(other).trust_id == "rule-trust"
    assert (db.rules.count(PROJECT), db.rules.count("q" * 32)) == (2, 1)


def test_a_rule_is_stored_once_though_the_answer_to_the_commit_is_lost(database):
    with lost_answer():
        rule = stored_rule(enabled=True)
    assert rule.full_job_id == db.leases.claim_job("e1", LEASE).job.id
    assert db.leases.claim_job("e1", LEASE) is None


def test_of_engines_that_find_a_rule_due_one_begins_its_run(database):
    stored_rule(due=True)
    (rule,) = db.rule_runs.due()
    begun = []
    start = threading.Barrier(4)

    def engine():
        start.wait()
        begun.append(db.rule_runs.begin_due_run(rule))

    threads = [threading.Thread(target=engine) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (job_id,) = filter(None, begun)
    assert rule_row(rule).full_job_id == job_id
    assert rule_row(rule).next_run > 1
    assert db.rule_runs.due() == []


def test_full_runs_do_not_overlap(database):
    rule = stored_rule(due=True)
    job = begin(rule)
    assert job.trigger == "request"
    assert begin(rule, SECOND) is None, "by the row as it was before"
    assert begin(rule_row(rule), SECOND) is None
    assert begin(rule_row(rule), SECOND, sync_set=rule.sync_set, is_full=False) is None
    assert db.rule_runs.due() == [], "it is due again when that run has ended"
    end(job.id)
    (due,) = db.rule_runs.due()
    assert db.rule_runs.begin_due_run(due)


def test_a_full_run_with_a_limit_of_its_own_is_the_full_run(database):
    rule = stored_rule(due=True)
    job = begin(rule, sync_set={**rule.sync_set, "orphan_limit": 40})
    assert job.request[0]["orphan_limit"] == 40
    assert rule_row(rule).full_job_id == job.id
    assert "orphan_limit" not in rule_row(rule).sync_set
    assert begin(rule_row(rule), SECOND) is None
    end(job.id, failed("orphan_guard"))
    assert (rule_row(rule).state, rule_row(rule).reason) == ("FAILING", "orphan_guard")


@pytest.mark.parametrize("partial", [False, True])
def test_a_requested_run_begins_once_though_the_answer_to_the_commit_is_lost(database, partial):
    rule = stored_rule()
    with lost_answer():
        job = begin(rule, sync_set=rule.sync_set if partial else None, is_full=not partial)
    assert job.id == FIRST
    assert db.leases.claim_job("e1", LEASE).job.id == job.id


def test_a_dry_run_says_nothing_about_the_rule(database):
    rule = stored_rule(due=True)
    job = begin(rule, sync_set={**rule.sync_set, "dry_run": True}, is_full=False)
    assert job.request[0]["dry_run"]
    assert not rule_row(rule).sync_set["dry_run"]
    end(job.id, failed("quota"))
    assert (rule_row(rule).state, rule_row(rule).last_run_at) == ("OK", None)


@pytest.mark.parametrize(
    ("outcomes", "state", "reason"),
    [
        ([], "OK", None),
        ([{"status": "SUCCESS", "reason": "created"}], "OK", None),
        ([{"status": "SKIPPED", "reason": "region_bound"}, failed("quota")], "FAILING", "quota"),
        ([failed("credentials_lost")], "NO_CREDENTIALS", "credentials_lost"),
        ([failed("trust_gone")], "NO_CREDENTIALS", "trust_gone"),
    ],
)
def test_the_state_of_a_rule_is_the_outcome_of_its_last_full_run(
    database, outcomes, state, reason
):
    rule = stored_rule()
    end(begin(rule).id, *outcomes)
    found = rule_row(rule)
    assert (found.state, found.reason) == (state, reason)
    assert found.message == (reason and f"It is {reason}.")
    assert found.last_run_at is not None
    assert (found.last_success_at is not None) == (state == "OK")
    assert found.failures == (state != "OK")
    end(begin(found, SECOND).id)
    assert (rule_row(rule).state, rule_row(rule).failures) == ("OK", 0)


@pytest.mark.parametrize(
    ("interval", "reason", "seconds"),
    [
        (0, "region_unavailable", (30, 60, 120)),
        (0, "credentials_rejected", (30, 60, 120)),
        (86400, "listing_incomplete", (30, 60, 120)),
        (60, "internal_error", (30, 60, 60)),
    ],
)
def test_a_full_run_that_could_not_look_at_all_is_due_again(database, interval, reason, seconds):
    rule = stored_rule(enabled=True, interval=interval)
    end(rule.full_job_id, failed("quota"), failed(reason))
    for number, delay in enumerate(seconds, 1):
        found = rule_row(rule)
        assert found.failures == number
        assert delay * 1000 - SLACK < found.next_run - now() <= delay * 1000
        assert db.rule_runs.due() == []
        make_due(rule)
        end(db.rule_runs.begin_due_run(rule_row(rule)), failed(reason))


@pytest.mark.parametrize("outcomes", [[], [failed("quota")], [failed("credentials_lost")]])
def test_any_other_full_run_waits_for_its_interval(database, outcomes):
    rule = stored_rule(enabled=True, interval=0)
    end(rule.full_job_id, *outcomes)
    assert rule_row(rule).next_run is None


def test_a_full_run_that_is_due_before_that_stays_due(database):
    rule = stored_rule(due=True, enabled=True)
    end(rule.full_job_id, failed("region_unavailable"))
    assert [one.pk for one in db.rule_runs.due()] == [rule.pk]


def test_a_run_that_ends_returns_how_its_rule_has_changed(database):
    rule = stored_rule(name="golden")
    told = []
    for number, reason in enumerate([None, "quota", "forbidden", "trust_gone", None, None]):
        job = begin(rule_row(rule), f"dddddddd-0000-4000-8000-00000000001{number}")
        told.append(end(job.id, *([failed(reason)] if reason else [])).rule)
    owned = (rule.id, "golden", PROJECT, rule.user_id)
    assert told == [
        None,
        (*owned, "OK", "FAILING", "quota", "It is quota."),
        None,
        (*owned, "FAILING", "NO_CREDENTIALS", "trust_gone", "It is trust_gone."),
        (*owned, "NO_CREDENTIALS", "OK", None, None),
        None,
    ]


def test_a_run_of_a_deleted_rule_changes_none(database):
    rule = stored_rule()
    job = begin(rule)
    db.rules.delete(rule_row(rule))
    assert end(job.id, failed("quota")).rule is None


def test_a_cancelled_run_leaves_the_state(database):
    rule = stored_rule()
    end(begin(rule).id, failed("quota"))
    ending = end(
        begin(rule_row(rule), SECOND).id,
        {"status": "CANCELLED", "reason": "cancelled", "message": None},
    )
    assert ending.rule is None
    assert (rule_row(rule).state, rule_row(rule).reason) == ("FAILING", "quota")


def test_a_change_brings_a_new_trust_and_its_user(database):
    rule = stored_rule(due=True)
    found, job_id = changed(rule, description="new", interval=60)
    assert job_id is None
    assert (found.trust_id, found.user_id, found.is_admin) == ("new-trust", "v" * 32, True)
    assert (found.description, found.interval) == ("new", 60)
    assert found.next_run > 1
    assert found.updated_at is not None
    with pytest.raises(exception.Conflict, match="meanwhile"):
        db.rules.update(
            rule,
            user_id="w" * 32,
            is_admin=False,
            trust_id="third",
            request_id=None,
            sync_set=rule.sync_set,
            **{name: getattr(rule, name) for name in db.rules.FIELDS},
        )
    assert rule_row(rule).trust_id == "new-trust"
    assert not db.rule_runs.begin_due_run(rule), "the row as it was before the change"


def test_a_change_happens_once_though_the_answer_to_the_commit_is_lost(database):
    rule = stored_rule()
    with lost_answer():
        found, job_id = changed(rule, enabled=True)
    assert (found.revision, found.full_job_id) == (rule.revision + 1, job_id)
    assert db.leases.claim_job("e1", LEASE).job.id == job_id


def test_enabling_begins_a_run_and_disabling_ends_them(database):
    rule = stored_rule()
    found, job_id = changed(rule, enabled=True)
    assert (found.enabled, found.full_job_id) == (True, job_id)
    assert db.jobs.get(PROJECT, job_id).trigger == "created"
    found, none = changed(found, enabled=False)
    assert (none, found.next_run) == (None, None)
    again, none = changed(found, enabled=True)
    assert none is None, "the run of before is in progress"
    assert again.full_job_id == job_id


def test_a_rule_that_fails_is_due_at_once_when_it_is_changed(database):
    rule = stored_rule(due=True)
    (rule,) = db.rule_runs.due()
    end(db.rule_runs.begin_due_run(rule), failed("trust_gone"))
    assert db.rule_runs.due() == []
    changed(rule_row(rule))
    assert [each.id for each in db.rule_runs.due()] == [rule.id]


def test_deleting_a_rule_cancels_its_jobs_in_progress(database):
    rule, other = stored_rule(), stored_rule()
    ended, running, theirs = (begin(*args) for args in ((rule,), (rule, SECOND), (other, THIRD)))
    assert running is None
    end(ended.id)
    running = begin(rule_row(rule), SECOND)
    assert db.rules.delete(rule_row(rule)) == [running.id]
    assert rule_row(rule) is None
    assert db.jobs.get(PROJECT, running.id).cancelled
    assert not db.jobs.get(PROJECT, theirs.id).cancelled
    assert [job.id for job in db.jobs.list_for_project(PROJECT, rule_id=rule.id)] == [
        running.id,
        ended.id,
    ]
    assert db.rules.delete(rule) == [running.id], "a commit whose answer was lost"


def test_rules_about_every_project_are_for_those_who_may_see_them(database):
    rule = stored_rule(sync=sync_set(["*"], ["R1"], ["*"], all_projects=True))
    assert db.rules.get(PROJECT, rule.id) is None
    assert db.rules.list_for_project(PROJECT) == []
    assert [one.id for one in db.rules.list_for_project(PROJECT, with_all_projects=True)] == [
        rule.id
    ]


def test_the_rules_of_all_projects(database):
    own = stored_rule()
    theirs = stored_rule(project="other")
    about_all = stored_rule(name="all", sync=sync_set(["*"], ["R1"], ["*"], all_projects=True))
    ids = {one.id for one in db.rules.list_for_project(None, with_all_projects=True)}
    assert ids == {own.id, theirs.id, about_all.id}
    assert {one.id for one in db.rules.list_for_project(None)} == {own.id, theirs.id}


def test_a_rules_jobs_do_not_count_for_the_projects_quota(database):
    stored_rule(enabled=True)
    assert db.jobs.count_active(PROJECT) == 0


def test_trusts_of_rules_are_in_use(database):
    rule = stored_rule(trust_id="standing")
    job = begin(stored_rule(trust_id="gone"))
    db.rules.delete(rule_row(db.rules.get(PROJECT, job.rule_id)))
    trusts = ["standing", "gone", "nobody's"]
    assert db.maintenance.trusts_in_use(trusts) == {"standing", "gone"}
    assert db.rule_runs.trusts_in_use(trusts) == {"standing", "gone"}
    end(job.id)
    assert db.rule_runs.trusts_in_use(trusts) == {rule.trust_id}


def test_old_and_idle_jobs_of_rules_are_purged(database):
    rule, other = stored_rule(), stored_rule()
    kept = []
    for number in range(5):
        make_due(rule)
        (due,) = db.rule_runs.due()
        job_id = db.rule_runs.begin_due_run(due)
        # The second and the fourth find nothing to do.
        end(job_id, *([] if number % 2 else [{"status": "SUCCESS", "reason": "created"}]))
        kept += [] if number % 2 else [job_id]
    requested = begin(other)
    end(requested.id)
    running = begin(rule_row(other), SECOND)

    def purge(keep):
        count = db.rule_ends.purge_jobs(keep)
        return count, [job.id for job in db.jobs.list_for_project(PROJECT)]

    assert purge(9) == (0, purge(9)[1]), "their trusts are looked at first"
    for job in db.maintenance.ended_jobs_with_trust():
        db.job_ends.clear_trust(job)
    others = [running.id, requested.id]
    assert purge(9) == (2, [*others, *reversed(kept)])
    assert purge(2) == (1, [*others, *reversed(kept[1:])])
    assert purge(2) == (0, [*others, *reversed(kept[1:])])
