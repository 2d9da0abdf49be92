"""Note in rules how their runs ended, and delete the jobs of old runs."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import connection, marks, settling
from kingbird.db.clock import now_ms, utc_now
from kingbird.db.models import Item, Job, Rule
from kingbird.states import ENDED_JOB_STATES, ItemState, JobState, Reason, RuleState, Trigger

#: Reasons of items that a run had nothing to do for.
IDLE = (Reason.IN_SYNC, Reason.NO_DATA)
#: Reasons of a job that got no token.
_WITHOUT_TOKEN = (Reason.CREDENTIALS_LOST, Reason.TRUST_GONE)


class RuleChange(NamedTuple):
    """Describe a rule whose state a run has changed.

    :ivar before: the state until then.
    """

    rule_id: str
    name: str
    project_id: str
    user_id: str
    before: str
    state: str
    reason: str | None
    message: str | None


def note_end(
    session: orm.Session,
    job: Job,
    state: JobState,
    failed: Collection[str],
    left: tuple[str, str] | None = None,
    *,
    rows_follow: bool = False,
) -> RuleChange | None:
    """Note the outcome of a run in its rule, within the transaction that ends its job.

    A full run tells the state of its rule.  An event run tells that something is wrong, and that
    what an event run found wrong is no more.  A full run that could not look at all images is due
    again before its interval.

    :param job: the job, of a rule or not.
    :param failed: the reasons of items that failed.
    :param left: reason and message of items that nobody has worked on.
    :param rows_follow: whether the rows of these items are changed after this transaction.
    :returns: the change if the rule's state is another one now.
    """
    if job.rule_id is None:
        return None
    marks.give_back(session, job, state, left[0] if left and rows_follow else None)
    now = utc_now()
    values: dict[str, Any] = {"last_run_at": now}
    which = [Rule.id == job.rule_id]
    if job.trigger == Trigger.EVENT:
        if state == JobState.SUCCESS:
            which.append(Rule.failures == 0)
    else:
        which.append(Rule.full_job_id == job.id)
    if state == JobState.SUCCESS:
        values |= {
            "state": RuleState.OK,
            "reason": None,
            "message": None,
            "failures": 0,
            "last_success_at": now,
        }
    elif state == JobState.FAILURE:
        values |= _failure(session, job, left)
    # The lock lets each change be told once, though two runs of the rule may end at a time.
    query = sa.select(
        Rule.id,
        Rule.name,
        Rule.project_id,
        Rule.user_id,
        Rule.state,
        Rule.failures,
        Rule.interval,
        Rule.next_run,
    )
    rule = session.execute(query.where(*which).with_for_update()).one_or_none()
    if rule is None:
        return None
    if state == JobState.FAILURE and job.trigger != Trigger.EVENT:
        values["failures"] = rule.failures + 1
        if not marks.PASSING.isdisjoint(failed):
            values["next_run"] = _time_of_return(rule)
    connection.write(session, sa.update(Rule).where(Rule.id == rule.id).values(**values))
    after = values.get("state", rule.state)
    if after == rule.state:
        return None
    return RuleChange(
        rule.id,
        rule.name,
        rule.project_id,
        rule.user_id,
        rule.state,
        after,
        values["reason"],
        values["message"],
    )


def _time_of_return(rule: Any) -> sa.ColumnElement[int]:
    """Return when the next full run is due after one that could not look at all images.

    :param rule: the columns of its row before that run.
    """
    soon = now_ms() + marks.time_to_return(rule.failures, rule.interval)
    if rule.next_run is None:
        return soon
    return sa.case((soon < rule.next_run, soon), else_=rule.next_run)


def _failure(session: orm.Session, job: Job, left: tuple[str, str] | None) -> dict[str, Any]:
    """Return the state of a rule whose job failed, with the reason of its first item."""
    found = session.execute(
        sa.select(Item.reason, Item.message)
        .where(Item.job_pk == job.pk, Item.status == ItemState.FAILURE)
        .order_by(Item.pk)
        .limit(1)
    ).one_or_none()
    reason, message = found or left or (Reason.INTERNAL_ERROR, None)
    without_token = reason in _WITHOUT_TOKEN
    return {
        "state": RuleState.NO_CREDENTIALS if without_token else RuleState.FAILING,
        "reason": reason,
        "message": message,
    }


def purge_jobs(keep: int) -> int:
    """Delete ended jobs of rules: those that found nothing to do, and the oldest ones.

    :param keep: the number of ended jobs to keep of each rule.
    :returns: the number of deleted jobs.
    """
    old, number = _purge_jobs(keep)
    settling.settle_all(old)
    return number


@connection.retry_on_disconnect
def _purge_jobs(keep: int) -> tuple[Sequence[int], int]:
    ended = sa.and_(Job.rule_id.is_not(None), Job.status.in_(ENDED_JOB_STATES))
    has_items = sa.exists().where(Item.job_pk == Job.pk, Item.reason.not_in(IDLE))
    idle = (
        sa.select(Job.pk)
        .where(ended, Job.status == JobState.SUCCESS)
        .where(Job.trigger.in_((Trigger.INTERVAL, Trigger.EVENT)))
        .where(Job.trust_id.is_(None), ~has_items)
        .limit(connection.BATCH)
    )
    crowded = (
        sa.select(Job.rule_id).where(ended).group_by(Job.rule_id).having(sa.func.count() > keep)
    )
    with connection.writer() as session:
        old = set(session.scalars(idle))
        for rule_id in session.scalars(crowded.limit(connection.BATCH)).all():
            last_kept = session.scalar(
                sa.select(Job.pk)
                .where(ended, Job.rule_id == rule_id)
                .order_by(Job.pk.desc())
                .offset(keep)
                .limit(1)
            )
            old.update(
                session.scalars(
                    sa.select(Job.pk)
                    .where(ended, Job.rule_id == rule_id, Job.pk <= last_kept)
                    .where(Job.trust_id.is_(None))
                    .limit(connection.BATCH)
                )
            )
        if not old:
            return (), 0
        some = sorted(old)[: connection.BATCH]
        return some, settling.delete(session, some, ended)
