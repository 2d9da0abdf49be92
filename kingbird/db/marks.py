"""Keep the marks of rules: images that a rule has to look at.

A mark waits until an event run takes it.  It is due again if its image changes meanwhile, or if
the run could not look at the image.
"""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.batching import batched
from kingbird.db import connection
from kingbird.db.clock import now_ms
from kingbird.db.inserts import INSERTS
from kingbird.db.models import Item, Job, Mark, Rule
from kingbird.states import ALL, ItemState, JobState, Reason, Trigger

#: Reasons of items that end by themselves when a region is well again.
PASSING = frozenset(
    {
        Reason.REGION_UNAVAILABLE,
        Reason.LISTING_INCOMPLETE,
        Reason.CREDENTIALS_REJECTED,
        Reason.INTERNAL_ERROR,
    }
)
#: Reasons of items whose images are looked at again.
_COME_BACK = PASSING | {Reason.CREDENTIALS_LOST, Reason.TRUST_GONE}
#: Milliseconds until a run looks again at what it could not look at; each later time is twice as
#: long.
FIRST_RETURN = 30_000
#: Milliseconds until then at most.
LAST_RETURN = 3_600_000
#: The largest exponent of two; more would overflow for nothing.
_DOUBLINGS = 10


def hears_events() -> sa.ColumnElement[bool]:
    """Return the condition of rules that run by events."""
    return sa.and_(Rule.enabled == sa.true(), Rule.events == sa.true())


def rules_to_match() -> Sequence[Rule]:
    """Return the rules that run by events."""
    return connection.scalars(sa.select(Rule).where(hears_events()).order_by(Rule.pk))


def fingerprint() -> tuple[int, ...]:
    """Return figures that change when one of the rules of :func:`rules_to_match` does."""
    query = sa.select(
        sa.func.count(),
        sa.func.coalesce(sa.func.sum(Rule.revision), 0),
        sa.func.coalesce(sa.func.sum(Rule.pk), 0),
    ).where(hears_events())
    (row,) = connection.rows(query)
    return tuple(map(int, row))


@connection.retry_on_disconnect
def add(pairs: Collection[tuple[int, str]], *, settle: float) -> int:
    """Mark images for rules.

    A new mark is due at once.  One that waits stays as it is.  One that a job has taken becomes
    due again, because the image has changed since.

    :param pairs: primary keys of rules, and image ids.
    :param settle: seconds until a mark that a job has taken is due again.
    :returns: the number of marks that are new or due again.
    """
    written = 0
    with connection.writer() as session:
        for batch in batched(sorted(set(pairs)), connection.BATCH):
            inserted = _insert(session, batch)
            written += inserted
            if inserted == len(batch):
                # None of them was there, so no job has taken one.
                continue
            written += connection.write(
                session,
                sa.update(Mark)
                .where(Mark.job_pk.is_not(None), Mark.due.is_(None), _is_one_of(batch))
                .values(due=now_ms() + int(settle * 1000)),
            )
    return written


def _insert(session: orm.Session, pairs: Sequence[tuple[int, str]]) -> int:
    """Insert the marks that are not there, of rules that are."""
    wanted = {rule_pk for rule_pk, _ in pairs}
    rules = set(session.scalars(sa.select(Rule.pk).where(Rule.pk.in_(wanted)).with_for_update()))
    rows = [
        {"rule_pk": rule_pk, "image_id": image_id, "due": now_ms(), "since": now_ms()}
        for rule_pk, image_id in pairs
        if rule_pk in rules
    ]
    if not rows:
        return 0
    dialect = session.get_bind().dialect.name
    insert = INSERTS[dialect](Mark).values([{**row, "attempts": 0} for row in rows])
    if dialect == "mysql":
        insert = insert.prefix_with("IGNORE")
    else:
        insert = insert.on_conflict_do_nothing(index_elements=["rule_pk", "image_id"])
    result: Any = session.execute(insert)
    return int(result.rowcount)


def _is_one_of(pairs: Collection[tuple[int, str]]) -> sa.ColumnElement[bool]:
    """Match marks by rule and image."""
    images: dict[int, list[str]] = {}
    for rule_pk, image_id in pairs:
        images.setdefault(rule_pk, []).append(image_id)
    return sa.or_(
        *(
            sa.and_(Mark.rule_pk == rule_pk, Mark.image_id.in_(ids))
            for rule_pk, ids in images.items()
        )
    )


@connection.retry_on_disconnect
def clear(image_id: str, rule_pks: Collection[int]) -> int:
    """Delete the marks of an image that was deleted, but for those that a job has taken.

    :returns: the number of deleted marks.
    """
    deleted = 0
    with connection.writer() as session:
        for batch in batched(sorted(rule_pks), connection.BATCH):
            deleted += connection.write(
                session,
                sa.delete(Mark).where(
                    Mark.rule_pk.in_(batch), Mark.image_id == image_id, Mark.job_pk.is_(None)
                ),
            )
    return deleted


def waiting(rule_pks: Collection[int]) -> dict[int, tuple[int, int]]:
    """Return the number of marks of each rule that has some, and the age of the oldest.

    :returns: by primary key of the rule; ages are milliseconds.
    """
    query = (
        sa.select(Mark.rule_pk, sa.func.count(), now_ms() - sa.func.min(Mark.since))
        .where(Mark.rule_pk.in_(rule_pks))
        .group_by(Mark.rule_pk)
    )
    return {
        rule_pk: (int(number), max(int(age), 0)) for rule_pk, number, age in connection.rows(query)
    }


def totals(session: orm.Session) -> tuple[int, float]:
    """Return the number of marks of rules that run by events, and the oldest one's age in seconds.

    Marks of a rule that is disabled wait for nothing: enabling it begins a full run.
    """
    query = (
        sa.select(sa.func.count(), now_ms() - sa.func.min(Mark.since))
        .select_from(Mark)
        .join(Rule, Rule.pk == Mark.rule_pk)
        .where(hears_events())
    )
    number, age = session.execute(query).one()
    return int(number), max(int(age or 0), 0) / 1000


def is_any_due() -> sa.Exists:
    """Match if a run has to begin for some mark."""
    return sa.exists().where(Mark.job_pk.is_(None), Mark.due <= now_ms())


def due_of_rule(number: int) -> sa.ScalarSelect[Any]:
    """Return the time at which that many waiting marks of a row's rule are due, as a subquery.

    It is null if there are fewer.
    """
    query = sa.select(Mark.due).where(Mark.rule_pk == Rule.pk, Mark.due.is_not(None))
    return _in_order(query).correlate(Rule).limit(1).offset(number - 1).scalar_subquery()


def _in_order(query: Any) -> Any:
    """Select marks of a rule that wait, in the order of an index, so that few rows are read."""
    ordered = query.where(Mark.job_pk.is_(None)).order_by(Mark.due)
    for dialect in ("mysql", "mariadb"):
        # It chooses by figures that are not up to date where marks come fast.
        ordered = ordered.with_hint(Mark, "FORCE INDEX (marks_rule_due_idx)", dialect)
    return ordered


def take(session: orm.Session, rule: Rule, job: Job, limit: int) -> list[str]:
    """Let a job take due marks of a rule, those heard of first, within a transaction.

    :returns: the ids of their images.
    """
    query = sa.select(Mark.pk, Mark.image_id).where(Mark.rule_pk == rule.pk, Mark.due <= now_ms())
    rows = session.execute(_in_order(query).limit(limit).with_for_update()).all()
    connection.update_rows(session, Mark, [row.pk for row in rows], job_pk=job.pk, due=None)
    return [row.image_id for row in rows]


def give_back(
    session: orm.Session, job: Job, state: JobState, to_follow: str | None = None
) -> None:
    """Drop the marks of an event run that has ended, within the transaction that ends it.

    Marks stay of images that changed since the run took them, and of those that the run could not
    look at.

    :param to_follow: the reason of items whose rows do not tell it yet, if there are any.
    """
    if job.trigger != Trigger.EVENT:
        return
    again = set()
    if state == JobState.FAILURE:
        failed = sa.select(Item.resource).where(
            Item.job_pk == job.pk,
            Item.status == ItemState.FAILURE,
            Item.reason.in_(_COME_BACK),
        )
        again = set(session.scalars(failed))
        if to_follow in _COME_BACK:
            # Which images they are about is not known, and a look at the others costs little.
            again.add(ALL)
    mine = Mark.job_pk == job.pk
    delayed: dict[int, int] = {}
    if again:
        condition = sa.true() if ALL in again else Mark.image_id.in_(sorted(again))
        returning = sa.select(Mark.pk, Mark.attempts).where(mine, Mark.due.is_(None), condition)
        delayed = {one.pk: one.attempts for one in session.execute(returning)}
    # Most runs give nothing back, and make no statement for it.
    interval = _interval(session, job) if delayed else 0
    for attempts in sorted(set(delayed.values())):
        _set(
            session,
            Mark.pk.in_([pk for pk, tries in delayed.items() if tries == attempts]),
            due=now_ms() + time_to_return(attempts, interval),
            attempts=attempts + 1,
            job_pk=None,
        )
    _set(session, sa.and_(mine, Mark.due.is_not(None)), job_pk=None, attempts=0)
    connection.write(session, sa.delete(Mark).where(mine))


def _set(session: orm.Session, condition: sa.ColumnElement[bool], **values: Any) -> None:
    connection.write(session, sa.update(Mark).where(condition).values(**values))


def _interval(session: orm.Session, job: Job) -> int:
    """Return the seconds between the full runs of a job's rule, or 0."""
    return session.scalar(sa.select(Rule.interval).where(Rule.id == job.rule_id)) or 0


def time_to_return(attempts: int, interval: int) -> int:
    """Return the milliseconds until a rule looks again at what it could not look at.

    :param attempts: how often it has come back already.
    :param interval: the seconds between two full runs of the rule; 0 if it has none.
    """
    longest = min(interval * 1000 or LAST_RETURN, LAST_RETURN)
    return int(min(FIRST_RETURN * 2 ** min(attempts, _DOUBLINGS), longest))


@connection.retry_on_disconnect
def replace_many(limit: int) -> int:
    """Let a full run replace the marks of each rule that has too many.

    :param limit: the number of marks that a rule may have.
    :returns: the number of rules that had more.
    """
    crowded = sa.select(Mark.rule_pk).group_by(Mark.rule_pk).having(sa.func.count() > limit)
    rules = connection.scalars(crowded)
    for rule_pk in rules:
        with connection.writer() as session:
            # Events from now on are no part of that run, and make marks of their own.
            last = session.scalar(sa.select(sa.func.max(Mark.pk)).where(Mark.rule_pk == rule_pk))
            connection.write(
                session, sa.update(Rule).where(Rule.pk == rule_pk).values(next_run=now_ms())
            )
        delete_of_rule(rule_pk, up_to=last)
    return len(rules)


def delete_of_rule(rule_pk: int, *, up_to: int | None = None) -> None:
    """Delete a rule's marks that no job has taken, in batches.

    :param up_to: the primary key of the last one.
    """
    while True:
        if not _delete_some(rule_pk, up_to):
            return


@connection.retry_on_disconnect
def _delete_some(rule_pk: int, up_to: int | None) -> int:
    chosen = sa.select(Mark.pk).where(Mark.rule_pk == rule_pk, Mark.job_pk.is_(None))
    if up_to is not None:
        chosen = chosen.where(Mark.pk <= up_to)
    with connection.writer() as session:
        keys = session.scalars(chosen.limit(connection.BATCH)).all()
        connection.delete_rows(session, Mark, keys)
        return len(keys)
