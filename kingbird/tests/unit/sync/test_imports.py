"""The decisions about an import, as tables."""

import dataclasses
from datetime import UTC, datetime

import pytest

from kingbird import exception
from kingbird.states import STATE_OF, DataState, ItemState, Reason
from kingbird.sync import imports
from kingbird.sync.arrival import LOCK, Arrival, classify
from kingbird.sync.imports import Ended, Patience, Progress
from kingbird.tests.doubles.glance import refused, unavailable
from kingbird.tests.unit.sync.test_arrival import MARKS, OTHER, copy, image, spec

NOW = 1_800_000_000_000
PATIENCE = Patience(timeout=100, slowest=2, retry_delay=10, lock_time=3600)
SOURCE = {"id": "i", "status": "active"}
#: The size of the data is 4 bytes: 2 s at the slowest rate.
DEADLINE = 102_000


def one(data=DataState.IMPORTING, since=NOW - 5000, reason="created", **more):
    fields = {"tries": 1, "spec": spec(marks=MARKS), **more}
    return Progress("i", "R1", "R2", reason, data=data, since=since, **fields)


def pending(**more):
    return one(DataState.PENDING, **{"tries": 0, **more})


def follow(known, shown, now=NOW, patience=PATIENCE):
    return imports.follow(known, shown, classify(shown, asked=known.is_importing), now, patience)


@pytest.mark.parametrize(
    ("known", "changes", "reason", "state", "seconds"),
    [
        (one(), {}, "created", "active", 5.0),
        (one(reason="updated"), {}, "updated", "active", 5.0),
        (one(reason="in_sync"), {}, "imported", "active", 5.0),
        (pending(reason="in_sync"), {}, "in_sync", "active", None),
        (one(), {"os_hash_value": OTHER}, "data_differs", "failed", 5.0),
        (one(), {"disk_format": "qcow2", "os_hash_value": OTHER}, "created", "active", 5.0),
    ],
)
def test_data_that_have_arrived(known, changes, reason, state, seconds):
    ended = follow(known, copy(owner="p", **changes))
    assert (ended.outcome.reason, ended.data, ended.seconds) == (reason, state, seconds)
    assert ended.outcome.target_resource == "i"


def test_a_region_that_converts_data():
    patience = dataclasses.replace(PATIENCE, converting=frozenset({"R2"}))
    ended = follow(one(), copy(os_hash_value=OTHER), patience=patience)
    assert (ended.outcome.reason, ended.data) == ("created", "active")
    assert ended.outcome.message == imports.CONVERTED


def test_data_that_cant_be_compared_are_said_to_be_so():
    ended = follow(one(), copy(os_hash_algo="md5", checksum=None))
    assert (ended.outcome.status, ended.outcome.message) == ("SUCCESS", imports.NOT_COMPARED)


def test_notes_stay():
    known = one(spec=spec(note="Several sets"))
    assert follow(known, copy()).outcome.message == "Several sets"


@pytest.mark.parametrize("shown", [image("importing", "t"), image("queued", "t"), image("saving")])
def test_an_import_that_somebody_else_began_is_taken_over(shown):
    found = follow(pending(due=NOW - 1), shown)
    assert (found.data, found.since, found.due) == ("importing", NOW, None)
    assert found.task == shown.get(LOCK)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (image("importing", "t"), "imports the data"),
        (image("queued", "t"), "waits in the Glance"),
        (image("saving"), "Somebody uploads"),
    ],
)
def test_a_deadline_by_the_size(shown, words):
    early = one(since=NOW - DEADLINE)
    assert follow(early, shown) == dataclasses.replace(early, task=shown.get(LOCK))
    ended = follow(one(since=NOW - DEADLINE - 1), shown)
    assert (ended.outcome.reason, ended.data) == ("import_stuck", "failed")
    assert words in ended.outcome.message
    assert ("(task t)" in ended.outcome.message) == bool(shown.get(LOCK))
    assert ended.task == shown.get(LOCK), "it is kept though no look before has seen it"


def test_a_copy_that_is_gone():
    for known in (one(), pending()):
        ended = follow(known, None)
        assert ended.outcome.reason == "import_failed"
        assert ended.data == ("failed" if known.is_importing else "none")


def test_a_record_that_is_not_ours_is_left_alone():
    ended = follow(pending(reason="in_sync"), image("queued", owner="p"))
    assert (ended.outcome.reason, ended.data) == ("in_sync", "none")
    assert ended.outcome.message == imports.NOT_OURS
    known = pending()
    assert follow(known, image("queued", owner="p")) is known, "the job has created it"


@pytest.mark.parametrize(
    ("tries", "pause"), [(0, None), (1, 10_000), (2, 40_000), (3, 160_000), (4, "end")]
)
def test_early_failures_are_tried_again(tries, pause):
    task = {"id": "last", "status": "failure"}
    found = imports.after_failure(
        one(tries=tries), Arrival.EARLY_FAILURE, NOW, PATIENCE, source=SOURCE, task=task
    )
    if pause == "end":
        assert found.outcome.reason == "import_failed"
        assert "(task last)" in found.outcome.message
        assert all(word in found.outcome.message for word in ("filter", "catalog", "network"))
    else:
        assert found.data == "pending"
        assert found.due == (pause and NOW + pause)
        assert (found.tries, found.task) == (tries, "last")
        assert bool(found.trouble) == bool(tries)
        assert imports.after_request(found).trouble is None


#: The words of the real Glance, but for the project's id.
OVER_LIMIT = (
    "The request returned a 413 Request Entity Too Large. This generally means that rate limiting "
    "or a quota threshold was breached.\n\nThe response body:\nProject p is over a limit for "
    "[Resource image_count_uploading is over limit of 0 due to current usage 1 and delta 0]"
)


def test_a_limit_that_a_task_tells():
    task = {"id": "t", "status": "failure", "message": OVER_LIMIT}
    found = imports.after_failure(
        one(), Arrival.EARLY_FAILURE, NOW, PATIENCE, source=SOURCE, task=task
    )
    assert (found.outcome.reason, found.data) == ("quota", "failed")
    assert found.outcome.message == OVER_LIMIT.splitlines()[-1]


def test_a_task_that_has_not_told_its_end_yet():
    """Glance frees the image first, and ends the task then."""
    task = {"id": "t", "status": "processing", "message": ""}
    for age, expected in ((9_999, True), (10_000, False)):
        known = one(since=NOW - age)
        found = imports.after_failure(
            known, Arrival.EARLY_FAILURE, NOW, PATIENCE, source=SOURCE, task=task
        )
        assert (found == dataclasses.replace(known, task="t")) is expected


@pytest.mark.parametrize("arrival", [Arrival.EARLY_FAILURE, Arrival.LATE_FAILURE])
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (None, "source_gone"),
        ({"status": "deactivated"}, "source_not_active"),
        ({"status": "queued"}, "source_not_active"),
        (unavailable(), None),
        (refused(403), None),
    ],
)
def test_the_source_is_looked_at_first(arrival, source, reason):
    found = imports.after_failure(one(), arrival, NOW, PATIENCE, source=source, task={"id": "t"})
    if reason is None:
        assert isinstance(found, Progress)
    else:
        assert (found.outcome.reason, found.data) == (reason, "failed")


def test_a_late_failure_is_tried_once_more_when_the_lock_is_old():
    updated = datetime.fromtimestamp(NOW / 1000 - 60, UTC)
    task = {"id": "t1", "status": "failure", "updated_at": updated.isoformat()}
    found = imports.after_failure(
        one(), Arrival.LATE_FAILURE, NOW, PATIENCE, source=SOURCE, task=task
    )
    assert found.due == NOW + 59 * 60_000
    assert (found.data, found.spec.failed_task) == ("pending", "t1")
    locked = image("queued", "t1", "files")
    late = classify(locked, asked=False)
    assert not imports.may_be_asked(found, locked, late, found.due - 1)
    assert imports.may_be_asked(found, locked, late, found.due)
    again = imports.after_request(found)
    # Glance has kept the lock for longer: no failure of the second import.
    again = dataclasses.replace(again, data=DataState.IMPORTING)
    kept = imports.after_failure(
        again, Arrival.LATE_FAILURE, NOW, PATIENCE, source=SOURCE, task=task
    )
    assert kept.due == NOW + 5 * 60_000
    last = imports.after_failure(
        again, Arrival.LATE_FAILURE, NOW, PATIENCE, source=SOURCE, task={"id": "t2"}
    )
    assert (last.outcome.reason, last.data) == ("import_failed", "failed")
    assert "(task t2)" in last.outcome.message
    many = dataclasses.replace(again, tries=imports.MAX_TRIES)
    end = imports.after_failure(
        many, Arrival.LATE_FAILURE, NOW, PATIENCE, source=SOURCE, task=task
    )
    assert isinstance(end, Ended), "a lock that is never freed ends too"
    assert "import_lock_time" in end.outcome.message


@pytest.mark.parametrize(
    ("shown", "known", "now", "expected"),
    [
        (image("queued"), pending(), NOW, True),
        (image("queued"), pending(due=NOW + 1), NOW, False),
        (image("queued"), pending(due=NOW), NOW, True),
        (image("queued"), one(), NOW, False),
        (image("queued", "t"), pending(), NOW, False),
        (image("queued", "t", "files"), pending(), NOW, False),
        (image("queued", "t", "files"), pending(spec=spec(failed_task="t")), NOW, True),
        (image("importing", "t"), pending(), NOW, False),
    ],
)
def test_when_an_import_may_be_asked_for(shown, known, now, expected):
    found = imports.may_be_asked(known, shown, classify(shown, asked=False), now)
    assert found is expected


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "import_not_enabled"),
        (401, "credentials_rejected"),
        (403, "forbidden"),
        (404, "import_failed"),
        (409, None),
        (413, "quota"),
        (418, "import_failed"),
    ],
)
def test_answers_to_a_request(status, reason):
    found = imports.after_refusal(pending(), refused(status, "Glance's words"))
    if reason is None:
        assert found == imports.after_request(pending())
        assert found.tries == 1
    else:
        assert (found.outcome.reason, found.data) == (reason, "none")
        assert STATE_OF[Reason(reason)] == ItemState.FAILURE
        assert ("Glance's words" in found.outcome.message) == (status != 404)


@pytest.mark.parametrize("known", [one(), pending()])
def test_a_region_that_can_not_be_asked(known):
    error = exception.RegionUnavailable("It is away")
    assert imports.unreachable(known, NOW, PATIENCE, error) is known
    late = dataclasses.replace(known, since=NOW - DEADLINE - 1)
    ended = imports.unreachable(late, NOW, PATIENCE, error)
    assert (ended.outcome.reason, ended.outcome.message) == ("region_unavailable", "It is away")


def test_a_cancelled_job_says_that_glance_goes_on():
    ended = imports.cancelled(one())
    assert (ended.outcome.status, ended.data) == ("CANCELLED", "failed")
    assert "goes on" in ended.outcome.message


@pytest.mark.parametrize("updated", [None, "soon", "2026-11-27T05:00:00Z", "2026-11-27T05:00:00"])
def test_times_of_tasks_in_any_form(updated):
    task = {"id": "t", "updated_at": updated}
    found = imports.after_failure(
        one(), Arrival.LATE_FAILURE, NOW, PATIENCE, source=SOURCE, task=task
    )
    assert found.due >= NOW
