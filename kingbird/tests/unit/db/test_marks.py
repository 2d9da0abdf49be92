"""Test the marks of rules: they wait, are taken by event runs, and come back."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db import item_rows
from kingbird.db import marks as module
from kingbird.db.clock import utc_now
from kingbird.tests.unit.db.rows import (
    LEASE,
    SLACK,
    accepted_job,
    row,
    rule_row,
    store_plan,
    stored_rule,
)

FAILED = {"status": "FAILURE", "reason": "region_unavailable", "message": "It is away."}
DONE = {"status": "SUCCESS", "reason": "created"}


@pytest.fixture
def rule(database, monkeypatch):
    monkeypatch.setattr(db.rule_runs, "PAUSE_FOR_EACH", 0)
    made = stored_rule()
    return change(made, enabled=True)


def change(rule, **values):
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Rule).where(db.Rule.pk == rule.pk).values(**values))
    return rule_row(rule)


def stored():
    """Return the marks: for each image whether it waits, its job and its attempts."""
    with db.get_engine().connect() as bind:
        rows = bind.execute(sa.select(db.Mark.__table__).order_by("image_id")).all()
    return {
        one.image_id: (one.due is not None, one.job_pk is not None, one.attempts) for one in rows
    }


def delay(image_id):
    """Return the milliseconds until a mark is due."""
    with db.get_engine().connect() as bind:
        query = sa.select(db.Mark.due - module.now_ms()).where(db.Mark.image_id == image_id)
        return bind.scalar(query)


def mark(rule, *ids, settle=5):
    return db.marks.add([(rule.pk, one) for one in ids], settle=settle)


def begin(rule):
    """Begin an event run, and return its job."""
    (found,) = db.rule_runs.marked().ready
    assert found.pk == rule.pk
    return db.rule_runs.begin_event_run(found)


def begun(job, seconds_ago):
    """Let a run have begun at another time."""
    with db.get_engine().begin() as bind:
        now = bind.scalar(sa.select(utc_now()))
        at = now - timedelta(seconds=seconds_ago)
        bind.execute(sa.update(db.Job).where(db.Job.id == job.id).values(created_at=at))


def end(job, **outcomes):
    """Let an engine plan a job whose items have all ended."""
    claim = db.leases.claim_job("e1", LEASE)
    assert claim.job.id == job.id
    store_plan(claim, [row(name, **outcome) for name, outcome in outcomes.items()])


WAITS, TAKEN, AGAIN = (True, False, 0), (False, True, 0), (True, True, 0)


def test_an_image_is_marked_once(rule):
    assert mark(rule, "a", "b") == 2
    assert mark(rule, "a") == 0
    assert stored() == {"a": WAITS, "b": WAITS}
    assert delay("a") <= 0


def test_no_mark_of_a_rule_that_is_gone(rule):
    assert db.marks.add([(rule.pk + 7, "a"), (rule.pk, "b")], settle=5) == 1
    assert stored() == {"b": WAITS}


def test_a_run_takes_what_is_due(rule):
    mark(rule, "a", "b")
    job = begin(rule)
    assert stored() == {"a": TAKEN, "b": TAKEN}
    assert (job.rule_id, job.trigger, job.trust_id) == (rule.id, "event", rule.trust_id)
    (entry,) = job.request
    assert sorted(entry["resources"]) == ["a", "b"]
    assert (entry["rule_resources"], entry["lenient"]) == (["*"], True)
    assert entry["targets"] == rule.sync_set["targets"]
    assert db.rule_runs.marked().ready == []


def test_an_image_that_changes_meanwhile_is_looked_at_again(rule):
    mark(rule, "a", "b")
    job = begin(rule)
    assert mark(rule, "a", settle=60) == 1
    assert mark(rule, "a", settle=600) == 0
    assert stored() == {"a": AGAIN, "b": TAKEN}
    assert 60_000 - SLACK < delay("a") <= 60_000
    assert db.rule_runs.marked().ready == []
    end(job, a=DONE, b=DONE)
    assert stored() == {"a": WAITS}


def test_an_image_whose_region_was_away_comes_back_later_each_time(rule):
    for attempts, seconds in ((1, 30), (2, 60), (3, 120)):
        mark(rule, "a", "b")
        with db.get_engine().begin() as bind:
            bind.execute(sa.update(db.Mark).values(due=1))
        end(begin(rule), a=FAILED, b=DONE)
        assert stored() == {"a": (True, False, attempts)}
        assert seconds * 1000 - SLACK < delay("a") <= seconds * 1000
    mark(rule, "a")
    assert delay("a") > 120_000 - SLACK


@pytest.mark.parametrize(("interval", "longest"), [(0, 3600), (60, 60), (86400, 3600)])
def test_a_mark_comes_back_within_the_interval(rule, interval, longest):
    change(rule, interval=interval)
    mark(rule, "a")
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Mark).values(attempts=200))
    end(begin(rule), a=FAILED)
    assert longest * 1000 - SLACK < delay("a") <= longest * 1000


@pytest.mark.parametrize(
    "reason", ["listing_incomplete", "credentials_rejected", "trust_gone", "internal_error"]
)
def test_an_image_that_could_not_be_looked_at_comes_back(rule, reason):
    mark(rule, "a", "b")
    end(begin(rule), a={**FAILED, "reason": reason}, b=DONE)
    assert stored() == {"a": (True, False, 1)}


@pytest.mark.parametrize("reason", ["quota", "drift", "owner_conflict", "forbidden"])
def test_what_glance_refuses_does_not_come_back(rule, reason):
    mark(rule, "a")
    end(begin(rule), a={**FAILED, "reason": reason})
    assert stored() == {}
    found = rule_row(rule)
    assert (found.state, found.reason, found.failures) == ("FAILING", reason, 0)


def test_a_region_that_was_away_as_a_whole_brings_all_marks_back(rule):
    mark(rule, "a", "b")
    end(begin(rule), **{"*": FAILED})
    assert stored() == {"a": (True, False, 1), "b": (True, False, 1)}


@pytest.mark.parametrize("limit", [0, 1000])
@pytest.mark.parametrize("planned", [False, True])
@pytest.mark.parametrize(("reason", "comes_back"), [("internal_error", True), ("quota", False)])
def test_a_run_that_is_given_up_brings_its_marks_back(
    rule, monkeypatch, limit, planned, reason, comes_back
):
    """Give up a run whose items' rows follow at once, or after the end of the job."""
    monkeypatch.setattr(item_rows, "LIMIT", limit)
    mark(rule, "a", "b")
    job = begin(rule)
    if planned:
        store_plan(db.leases.claim_job("e1", LEASE), [row("a"), row("b")])
    ending = db.job_ends.end_job(db.jobs.get(job.project_id, job.id), reason)
    assert ending.state == "FAILURE"
    assert stored() == (dict.fromkeys("ab", (True, False, 1)) if comes_back else {})


def test_what_an_event_run_found_wrong_ends_with_the_next(rule):
    mark(rule, "a")
    end(begin(rule), a=FAILED)
    assert rule_row(rule).state == "FAILING"
    mark(rule, "b")
    end(begin(rule), b=DONE)
    assert rule_row(rule).state == "OK"


def test_what_a_full_run_found_wrong_stays(rule):
    change(rule, state="FAILING", failures=1)
    mark(rule, "a")
    end(begin(rule), a=DONE)
    assert rule_row(rule).state == "FAILING"


@pytest.mark.parametrize(("interval", "runs"), [(0, 1), (60, 0)])
def test_without_credentials_marks_wait_for_the_full_run(rule, interval, runs):
    change(rule, state="NO_CREDENTIALS", interval=interval)
    mark(rule, "a")
    assert len(db.rule_runs.marked().ready) == runs


def test_no_credentials_are_told_and_the_marks_stay(rule):
    mark(rule, "a")
    end(begin(rule), **{"*": {**FAILED, "reason": "credentials_lost"}})
    assert rule_row(rule).state == "NO_CREDENTIALS"
    assert stored() == {"a": (True, False, 1)}


def test_runs_grow_while_two_are_in_progress(rule):
    for name in ("a", "b"):
        mark(rule, name)
        assert begin(rule) is not None
    mark(rule, *"cdefg")
    assert db.rule_runs.marked().ready == []
    assert stored()["c"] == WAITS


def test_runs_that_wait_for_data_hold_no_other_up(rule):
    """Data may take hours, and records wait for nothing else."""
    for number in range(4):
        mark(rule, f"i{number}")
        job = begin(rule)
        claim = db.leases.claim_job("e1", LEASE)
        assert claim.job.id == job.id
        waiting = {"data": "pending", "data_since": 0, "reason": "in_sync"}
        store_plan(claim, [row(f"i{number}", **waiting)])
        db.outcomes.end_task(db.leases.claim_task("e1", LEASE))
        data = db.leases.claim_task("e1", LEASE)
        assert data.task.kind == "data"
        db.leases.release(data, delay=60)
    assert len(stored()) == 4


def test_a_run_has_a_bounded_number_of_images(rule, monkeypatch):
    monkeypatch.setattr(db.rule_runs, "IMAGES_AT_ONCE", 3)
    mark(rule, *"abcde")
    assert len(begin(rule).request[0]["resources"]) == 3
    assert len(begin(rule).request[0]["resources"]) == 2


@pytest.mark.parametrize("over", [False, True])
def test_a_rule_pauses_for_as_long_as_its_run_before_was_large(rule, monkeypatch, over):
    monkeypatch.setattr(db.rule_runs, "PAUSE_FOR_EACH", 1_000)
    monkeypatch.setattr(db.rule_runs, "LONGEST_PAUSE", 1_000_000)
    mark(rule, *"abc")
    job = begin(rule)
    mark(rule, "d")
    assert db.rule_runs.marked() == ([], True)
    # Three images make three pauses.
    begun(job, seconds_ago=3_000 if over else 2_900)
    assert len(db.rule_runs.marked().ready) == over


def test_a_rule_does_not_pause_after_one_image(rule, monkeypatch):
    """Somebody who uploads images one by one waits for none of them."""
    monkeypatch.setattr(db.rule_runs, "PAUSE_FOR_EACH", 1_000)
    mark(rule, "a")
    begin(rule)
    mark(rule, "b")
    assert len(db.rule_runs.marked().ready) == 1


@pytest.mark.parametrize("seconds", [0, 90])
def test_a_rule_pauses_after_runs_of_one_image_in_quick_succession(rule, monkeypatch, seconds):
    monkeypatch.setattr(db.rule_runs, "WITHIN", 60)
    for number, image in enumerate("abc"):
        mark(rule, image)
        job = begin(rule)
        # None of them is so young that the next image would wait for that alone.
        begun(job, seconds_ago=100 - seconds * number / 2)
        end(job, **{image: DONE})
    monkeypatch.setattr(db.rule_runs, "PAUSE_FOR_EACH", 1_000)
    monkeypatch.setattr(db.rule_runs, "LONGEST_PAUSE", 1_000_000)
    mark(rule, "d")
    assert len(db.rule_runs.marked().ready) == (seconds > db.rule_runs.WITHIN)


def test_the_pause_is_bounded(rule, monkeypatch):
    monkeypatch.setattr(db.rule_runs, "PAUSE_FOR_EACH", 1_000)
    monkeypatch.setattr(db.rule_runs, "LONGEST_PAUSE", 1_500)
    mark(rule, *"abc")
    job = begin(rule)
    mark(rule, "d")
    begun(job, seconds_ago=1_400)
    assert db.rule_runs.marked().ready == []
    begun(job, seconds_ago=1_500)
    assert len(db.rule_runs.marked().ready) == 1


def test_a_rule_with_enough_images_for_a_run_does_not_pause(rule, monkeypatch):
    monkeypatch.setattr(db.rule_runs, "PAUSE_FOR_EACH", 1_000)
    monkeypatch.setattr(db.rule_runs, "LONGEST_PAUSE", 1_000)
    monkeypatch.setattr(db.rule_runs, "IMAGES_AT_ONCE", 3)
    mark(rule, *"xy")
    begin(rule)
    mark(rule, *"bc")
    assert db.rule_runs.marked().ready == []
    mark(rule, "d")
    assert len(db.rule_runs.marked().ready) == 1


def test_the_pause_of_a_rule_delays_no_other_one(rule, monkeypatch):
    monkeypatch.setattr(db.rule_runs, "PAUSE_FOR_EACH", 1_000)
    monkeypatch.setattr(db.rule_runs, "LONGEST_PAUSE", 1_000)
    monkeypatch.setattr(db.rule_runs, "DUE_AT_ONCE", 1)
    mark(rule, *"xy")
    begin(rule)
    mark(rule, "b")
    other = change(stored_rule(), enabled=True)
    mark(other, "c")
    assert begin(other).request[0]["resources"] == ["c"]


def test_a_clock_that_was_set_back_pauses_no_rule(rule, monkeypatch):
    monkeypatch.setattr(db.rule_runs, "PAUSE_FOR_EACH", 1_000)
    monkeypatch.setattr(db.rule_runs, "LONGEST_PAUSE", 1_000)
    mark(rule, *"xy")
    begun(begin(rule), seconds_ago=-9_000)
    mark(rule, "b")
    assert len(db.rule_runs.marked().ready) == 1


def test_of_two_engines_one_begins_a_run(rule):
    mark(rule, "a")
    (found,) = db.rule_runs.marked().ready
    jobs = []
    threads = [
        threading.Thread(target=lambda: jobs.append(db.rule_runs.begin_event_run(found)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([job for job in jobs if job]) == 1
    assert stored() == {"a": TAKEN}


def test_a_rule_that_was_changed_meanwhile_begins_no_run(rule):
    mark(rule, "a")
    (found,) = db.rule_runs.marked().ready
    change(rule, revision=found.revision + 1)
    assert db.rule_runs.begin_event_run(found) is None
    assert stored() == {"a": WAITS}


@pytest.mark.parametrize("column", ["enabled", "events"])
def test_a_rule_that_does_not_listen_begins_no_run(rule, column):
    mark(rule, "a")
    change(rule, **{column: False})
    assert db.rule_runs.marked().ready == []
    assert db.marks.rules_to_match() == []


def test_the_fingerprint_tells_of_each_change(rule):
    seen = [db.marks.fingerprint()]
    for step in (
        lambda: change(rule, revision=2),
        lambda: change(stored_rule(), enabled=True),
        lambda: change(rule, events=False),
        lambda: db.rules.delete(rule),
    ):
        step()
        seen.append(db.marks.fingerprint())
    # A rule that does not listen may go without notice.
    assert len(set(seen)) == 4
    assert seen[3] == seen[4]


def test_a_deleted_image_has_no_mark_but_a_taken_one(rule):
    other = change(stored_rule(), enabled=True)
    mark(rule, "a")
    begin(rule)
    mark(other, "a", "b")
    assert db.marks.clear("a", [rule.pk, other.pk]) == 1
    assert stored() == {"a": TAKEN, "b": WAITS}


def test_marks_go_with_their_rule(rule, monkeypatch):
    monkeypatch.setattr(module.connection, "BATCH", 2)
    mark(rule, *"abcde")
    job = begin(rule)
    mark(rule, "f")
    assert db.rules.delete(rule) == [job.id]
    assert stored() == {}


def test_the_marks_of_a_run_that_was_cancelled_go(rule):
    mark(rule, "a")
    job = begin(rule)
    end(job, a={"status": "CANCELLED", "reason": "cancelled"})
    assert stored() == {}


def test_the_number_and_age_of_marks_are_told(rule):
    assert db.marks.waiting([rule.pk]) == {}
    assert db.stats.collect(60).marks == db.stats.Backlog(0, 0)
    mark(rule, "a", "b")
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Mark).values(since=db.Mark.since - 60_000))
    ((number, age),) = db.marks.waiting([rule.pk]).values()
    assert number == 2
    assert 60_000 <= age < 60_000 + SLACK
    of_all = db.stats.collect(60).marks
    assert of_all.size == 2
    assert 60_000 <= of_all.oldest * 1000 < 60_000 + SLACK


def test_a_full_run_replaces_marks_that_are_too_many(rule):
    other = change(stored_rule(), enabled=True)
    mark(other, "a", "b")
    mark(rule, *"abcd")
    assert db.marks.replace_many(3) == 1
    assert set(db.marks.waiting([rule.pk, other.pk])) == {other.pk}
    assert [one.pk for one in db.rule_runs.due()] == [rule.pk]


@pytest.mark.parametrize(("region", "number"), [("R1", 1), ("R9", 0)])
def test_a_broker_that_is_back_makes_a_full_run_due(rule, region, number):
    assert db.rule_runs.full_run_due(region) == number
    assert len(db.rule_runs.due()) == number


def test_runs_that_found_nothing_to_do_are_not_kept(rule):
    mark(rule, "a")
    job = begin(rule)
    end(job, a={"status": "SUCCESS", "reason": "in_sync"})
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Job).values(trust_id=None))
    assert db.rule_ends.purge_jobs(20) == 1


def test_other_jobs_have_no_marks(database):
    accepted_job()
    claim = db.leases.claim_job("e1", LEASE)
    store_plan(claim, [row("a", **FAILED)])
    assert stored() == {}
