"""Items whose rows have not followed their job's row, in answers and in queries."""

import itertools
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db import connection, unsettled
from kingbird.db.models import Item
from kingbird.states import STATE_OF, Reason
from kingbird.tests.unit.db.rows import planned_job, row

OPEN = ("IN_PROGRESS", None, None)
CANCELLED = ("CANCELLED", "cancelled", "The user")
AWAY = ("FAILURE", "region_unavailable", "Away")


def job(ending=None, reopening=None, runs=2, status="FAILURE"):
    """Return the row of a job.

    :param ending: run, and the reason of the items that had not ended then.
    :param reopening: regions and images that are tried again; ``None`` for all.
    """
    if ending:
        run, (_, reason, message) = ending
        ending = {"run": run, "reason": reason, "message": message, "after": 0}
    if reopening:
        reopening = dict(zip(("regions", "resources"), reopening, strict=True), counted=True)
    return SimpleNamespace(ending=ending, reopening=reopening, runs=runs, status=status)


def item(state=OPEN, **more):
    status, reason, message = state
    about = {"action": "create", "target_resource": "copy", "data": None, "attempts": 1}
    place = {"resource": "i", "target_region": "R2", "data_since": None}
    return SimpleNamespace(status=status, reason=reason, message=message, **about | place | more)


ALL = (None, None)
GONE = {"action": "create", "target_resource": None, "data": None, "attempts": 1}
AGAIN = {"action": "retry", "target_resource": "copy", "data": None, "attempts": 2}


@pytest.mark.parametrize(
    ("shown_job", "shown_item", "state", "fields"),
    [
        # The end of this run is told to those who work on nothing of it any more.
        (job((2, CANCELLED)), item(), CANCELLED, GONE),
        (job((2, CANCELLED)), item(AWAY), AWAY, None),
        # The finding of an earlier run stays known.
        (job((2, AWAY)), item(action="retry"), AWAY, {"target_resource": "copy"}),
        (
            job((2, AWAY)),
            item(data_since=0, data="pending"),
            AWAY,
            {"target_resource": "copy", "data": "none"},
        ),
        (job((2, AWAY)), item(data_since=0, data="importing"), AWAY, {"data": "failed"}),
        (job((2, AWAY)), item(data="active"), AWAY, {"data": "active", "target_resource": None}),
        # The next run takes up what has failed, also by the end of the one before.
        (job(reopening=ALL), item(AWAY, data="failed"), OPEN, AGAIN),
        (job(reopening=ALL), item(CANCELLED, attempts=5), OPEN, {**AGAIN, "attempts": 6}),
        (job(reopening=ALL), item(("SKIPPED", "id_taken", "m")), OPEN, AGAIN),
        (
            job(reopening=ALL),
            item(("SKIPPED", "same_name", "m")),
            ("SKIPPED", "same_name", "m"),
            None,
        ),
        (
            job(reopening=ALL),
            item(("SUCCESS", "created", None)),
            ("SUCCESS", "created", None),
            None,
        ),
        (job((1, AWAY), ALL), item(), OPEN, {**AGAIN, "target_resource": None}),
        (job((1, AWAY)), item(), AWAY, GONE),
        # Not what is in no part that is tried again.
        (job(reopening=(["R2"], None)), item(AWAY), OPEN, AGAIN),
        (job(reopening=(["R3"], None)), item(AWAY), AWAY, None),
        (job(reopening=(None, ["j"])), item(AWAY), AWAY, None),
        (job(reopening=(["R2"], ["i"])), item(AWAY), OPEN, AGAIN),
        (job(reopening=(["R2"], ["j"])), item(AWAY), AWAY, None),
        # The run that took it up has ended too.
        (job((2, CANCELLED), ALL), item(AWAY), CANCELLED, AGAIN),
        (job((2, CANCELLED), (["R3"], None)), item(AWAY), AWAY, None),
    ],
)
def test_an_item_is_shown_as_it_will_be(shown_job, shown_item, state, fields):
    shown = unsettled.show(shown_job, shown_item)
    assert shown[:3] == state
    assert shown.is_changed == (fields is not None)
    assert not unsettled.is_settled(shown_job)
    for name in ("action", "target_resource", "data", "attempts"):
        expected = (fields or {}).get(name, getattr(shown_item, name))
        assert getattr(shown, name) == expected, name


def test_a_job_whose_rows_have_followed():
    assert unsettled.is_settled(job())
    assert unsettled.left_of(job()) is None
    assert unsettled.left_of(job((1, AWAY))) is None, "it is the end of an earlier run"
    assert unsettled.left_of(job((2, AWAY))) == AWAY[1:]


@pytest.mark.parametrize(
    ("shown_job", "state"),
    [
        (job((2, CANCELLED)), CANCELLED),
        (job(status="IN_PROGRESS"), OPEN),
        (job((1, AWAY), ALL, status="IN_PROGRESS"), OPEN),
    ],
)
def test_an_item_without_a_row_is_shown_too(shown_job, state):
    shown = unsettled.show_unplanned(shown_job, "i", "R2")
    assert shown[:3] == state
    assert (shown.target_resource, shown.data) == (None, None)
    assert shown.attempts == (2 if shown_job.reopening else 1)


#: The states of items, and the rows of jobs, that are tried with each other.
REASONS = ("created", "quota", "id_taken", "same_name", "cancelled")
STATES = [("IN_PROGRESS", None), *((str(STATE_OF[Reason(one)]), one) for one in REASONS)]
ENDINGS = [None, *itertools.product((1, 2), (CANCELLED, AWAY, ("SKIPPED", "id_taken", "m")))]
PARTS = [None, ALL, (["R2"], None), (None, ["id_taken R3", "None R2"]), (["R2"], ["quota R2"])]


def test_queries_find_what_answers_show(database):
    rows = [
        row(f"{reason} {region}", region, status=status, reason=reason)
        for status, reason in STATES
        for region in ("R2", "R3")
    ]
    pk = sa.select(db.Job.pk).where(db.Job.id == planned_job(*rows))
    with db.get_engine().connect() as bind:
        job_pk = bind.scalar(pk)
    for ending, part in itertools.product(ENDINGS, PARTS):
        one = job(ending, part)
        columns = unsettled.columns(one)
        is_changed = sa.false() if columns.is_changed is None else columns.is_changed
        query = sa.select(Item, columns.status, columns.reason, is_changed)
        with connection.reader() as session:
            found = session.execute(query.where(Item.job_pk == job_pk)).all()
            assert len(found) == len(rows)
            for item_, status, reason, changed in found:
                shown = unsettled.show(one, item_)
                assert (status, reason, bool(changed)) == (
                    shown.status,
                    shown.reason,
                    shown.is_changed,
                ), (ending, part, item_.resource)
