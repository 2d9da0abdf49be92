"""Begin the runs of rules.

A rule's full runs do not overlap.  Each statement that begins one names the full run before it, so
that of two engines, or of an engine and a user, one succeeds.  An event run is about the images of
some marks; the number of event runs before it serves the same purpose.
"""

import functools
import random
import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from oslo_context import context as oslo_context
from sqlalchemy import orm

from kingbird import request_summary
from kingbird.batching import batched
from kingbird.db import connection, marks, turns
from kingbird.db.clock import now_ms, utc_now
from kingbird.db.models import Job, Rule, Task
from kingbird.states import ALL, JobState, RuleState, TaskKind, Trigger

#: Rules that one round of an engine runs at most.
DUE_AT_ONCE = 20
#: Images of an event run at most, and event runs of a rule that are in progress at most: marks
#: gather while they run, so that runs grow with the load.
IMAGES_AT_ONCE = 100
EVENT_RUNS_AT_ONCE = 2
#: Seconds until a rule's next event run for each image of a run of several, and the most.  A few
#: images wait for less than two seconds.  In a storm runs grow until they are so far apart.
PAUSE_FOR_EACH, LONGEST_PAUSE = 0.4, 5.0
#: Runs of one image count as one run of so many images if they began within so many seconds: on a
#: quick machine each image of a storm would have a run of its own.
IN_A_ROW, WITHIN = 3, 0.6
#: Rules with marks that one round looks at, because some of them pause.
LOOKED_AT = 5 * DUE_AT_ONCE
#: The share of an interval by which a run may be later, so that rules that were made together do
#: not run together for ever.
JITTER = 0.1


def time_after(interval: int) -> sa.ColumnElement[int] | None:
    """Return the time of the run after the next interval."""
    if not interval:
        return None
    # Load is spread by this, and nothing is kept secret.
    return now_ms() + int(interval * 1000 * (1 + random.uniform(0, JITTER)))  # noqa: S311  # nosec


def new_job(
    rule: Rule,
    trigger: str,
    *,
    job_id: str | None = None,
    sync_set: Mapping[str, Any] | None = None,
    request_id: str | None = None,
    global_request_id: str | None = None,
) -> Job:
    """Return a new job of a rule."""
    request = [dict(sync_set or rule.sync_set)]
    return Job(
        id=job_id or str(uuid.uuid4()),
        project_id=rule.project_id,
        user_id=rule.user_id,
        request=request,
        asked=request_summary.summarize(request),
        is_admin=rule.is_admin,
        all_projects=rule.all_projects,
        trust_id=rule.trust_id,
        credentials="trust",
        status=JobState.IN_PROGRESS,
        request_id=request_id or oslo_context.generate_request_id(),
        global_request_id=global_request_id,
        rule_id=rule.id,
        trigger=trigger,
    )


def is_open(job_id: Any) -> sa.Exists:
    """Match if a job is in progress."""
    return sa.exists().where(Job.id == job_id, Job.status == JobState.IN_PROGRESS)


def change(
    session: orm.Session, rule: Rule, *where: sa.ColumnElement[bool], **values: Any
) -> bool:
    """Change a rule's row if no user has changed it since it was read."""
    unchanged = (Rule.pk == rule.pk, Rule.id == rule.id, Rule.revision == rule.revision)
    changed = sa.update(Rule).where(*unchanged, *where).values(**values)
    return bool(connection.write(session, changed))


def due() -> Sequence[Rule]:
    """Return rules whose full run is due, longest due first.

    A rule is not due while its full run before is in progress.
    """
    return connection.scalars(_due())


@functools.cache
def _due() -> sa.Select[Any]:
    """Return the query of :func:`due`, which engines ask each second."""
    return (
        sa.select(Rule)
        .where(Rule.enabled == sa.true(), Rule.next_run <= now_ms(), ~is_open(Rule.full_job_id))
        .order_by(Rule.next_run)
        .limit(DUE_AT_ONCE)
    )


def is_due_again(job: Job) -> bool:
    """Return whether a job is a rule's full run, and the next one is due and waits for its end."""
    query = sa.select(Rule.pk).where(
        Rule.id == job.rule_id,
        Rule.full_job_id == job.id,
        Rule.enabled == sa.true(),
        Rule.next_run <= now_ms(),
    )
    return connection.scalar(query) is not None


@connection.retry_on_disconnect
def begin_due_run(rule: Rule) -> str | None:
    """Begin a full run that is due, and set the time of the next one.

    :param rule: the row as :func:`due` returned it.
    :returns: the job's id, or ``None`` if another engine or a user was faster.
    """
    job = new_job(rule, Trigger.INTERVAL)
    with connection.writer() as session:
        began = _begin(session, rule, job, next_run=time_after(rule.interval))
    return job.id if began else None


@connection.retry_on_disconnect
def begin_requested_run(
    rule: Rule,
    *,
    job_id: str,
    request_id: str | None,
    global_request_id: str | None,
    sync_set: Mapping[str, Any] | None = None,
    is_full: bool = True,
) -> Job | None:
    """Begin a run at a user's request, unless a full run is in progress.

    :param job_id: a new UUID.
    :param sync_set: the rule's set with what differs in this run, if anything does.
    :param is_full: whether it is a full run, and no dry run or one about some images.  The outcome
        of such a run does not change the state of the rule.
    :returns: the job, or ``None`` if a full run is in progress.
    """
    job = new_job(
        rule,
        Trigger.REQUEST,
        job_id=job_id,
        sync_set=sync_set,
        request_id=request_id,
        global_request_id=global_request_id,
    )
    with connection.writer() as session:
        stored = session.scalars(sa.select(Job).where(Job.id == job_id)).one_or_none()
        if stored is not None:
            # The answer to the first run's commit was lost.
            return stored
        if is_full:
            return job if _begin(session, rule, job) else None
        if session.scalar(sa.select(is_open(rule.full_job_id))):
            return None
        _add(session, job)
        return job


class Marked(NamedTuple):
    """Rules that have to look at images.

    :ivar ready: those that may begin a run, longest due first.
    :ivar pausing: whether others wait until more images have come.
    """

    ready: Sequence[Rule]
    pausing: bool


def marked() -> Marked:
    """Return the rules that have to look at images.

    A rule without credentials waits for its next full run, if it has an interval.
    """
    found = [(rule, _pauses(*rest)) for rule, *rest in connection.rows(_marked(IMAGES_AT_ONCE))]
    ready = [rule for rule, pauses in found if not pauses]
    return Marked(ready[:DUE_AT_ONCE], pausing=len(ready) < len(found))


@functools.cache
def _marked(images: int) -> Any:
    """Return the query of :func:`marked`, which engines ask each second and after each event."""
    # The first mark of each rule, and not all marks: a rule may have as many as [rules] max_marks.
    first = marks.due_of_rule(1)
    # Runs that only wait for data hold no other run up.
    writes_records = sa.or_(
        Job.planned_at.is_(None),
        Job.plan_rest.is_not(None),
        sa.exists().where(
            Task.job_pk == Job.pk, Task.kind == TaskKind.RECORDS, Task.done == sa.false()
        ),
    )
    running = (
        sa.select(sa.func.count())
        .select_from(Job)
        .where(
            Job.rule_id == Rule.id,
            Job.status == JobState.IN_PROGRESS,
            Job.trigger == Trigger.EVENT,
            writes_records,
        )
        .scalar_subquery()
    )
    begun = sa.select(Job).where(Job.rule_id == Rule.id, Job.trigger == Trigger.EVENT)
    newest = begun.with_only_columns(sa.func.max(Job.pk)).correlate(Rule).scalar_subquery()
    first_in_row = (
        begun.with_only_columns(Job.created_at)
        .order_by(Job.pk.desc())
        .offset(IN_A_ROW - 1)
        .limit(1)
        .correlate(Rule)
        .scalar_subquery()
    )
    before = orm.aliased(Job)
    return (
        sa.select(
            Rule,
            marks.due_of_rule(images) <= now_ms(),
            before.request,
            before.created_at,
            first_in_row,
            utc_now(),
        )
        .outerjoin(before, sa.and_(before.rule_id == Rule.id, before.pk == newest))
        # Mostly no mark is due, and no rule is looked at.
        .where(marks.is_any_due(), marks.hears_events())
        .where(sa.or_(Rule.state != RuleState.NO_CREDENTIALS, Rule.interval == 0))
        .where(first <= now_ms(), running < EVENT_RUNS_AT_ONCE)
        .order_by(first, Rule.pk)
        .limit(LOOKED_AT)
    )


def _pauses(
    is_full: bool | None,
    request: list[dict[str, Any]] | None,
    begun: datetime | None,
    first_begun: datetime | None,
    now: datetime,
) -> bool:
    """Return whether a rule waits until more images have come.

    :param is_full: whether it has to look at as many images as a run may have.
    :param request: the sets of its event run before, if there was one.
    :param begun: when that run began.
    :param first_begun: when the first of the last :data:`IN_A_ROW` runs began, that one included.
    """
    if not request or begun is None or is_full:
        return False
    before = len(request[0]["resources"])
    if first_begun is not None and (begun - first_begun).total_seconds() <= WITHIN:
        before = max(before, IN_A_ROW)
    pause = 0 if before == 1 else min(PAUSE_FOR_EACH * before, LONGEST_PAUSE)
    # A clock that was set back pauses no rule.
    return 0 <= (now - begun).total_seconds() < pause


@connection.retry_on_disconnect
def begin_event_run(rule: Rule) -> Job | None:
    """Begin a run about the images of due marks.

    :param rule: the row as :func:`marked` returned it.
    :returns: the job, or ``None`` if another engine or a user was faster.
    """
    job = new_job(rule, Trigger.EVENT)
    with connection.writer() as session:
        if not change(
            session, rule, Rule.event_runs == rule.event_runs, event_runs=Rule.event_runs + 1
        ):
            return None
        session.add(job)
        session.flush()
        ids = marks.take(session, rule, job, IMAGES_AT_ONCE)
        if not ids:
            session.delete(job)
            return None
        job.request = [about_images(rule.sync_set, ids)]
        job.turn = turns.start(session, job.project_id) + turns.cost_of_plan(job.request)
        job.asked = request_summary.summarize(job.request)
        session.flush()
        return job


def about_images(sync_set: Mapping[str, Any], ids: Sequence[str]) -> dict[str, Any]:
    """Return a rule's set for some images, as ``kingbird.sync.request.SyncSet`` reads it.

    Images that are gone, or that the rule does not select, have no item.
    """
    return {
        **sync_set,
        "resources": list(ids),
        "rule_resources": sync_set["resources"],
        "lenient": True,
    }


@connection.retry_on_disconnect
def full_run_due(region: str) -> int:
    """Let a full run of each rule that gets images from a region, and runs by events, be due now.

    Glance does not keep the messages of a time in which its broker was away.

    :returns: the number of rules.
    """
    read = [
        (rule.pk, rule.revision)
        for rule in marks.rules_to_match()
        if {region, ALL}.intersection(rule.sync_set["sources"])
    ]
    number = 0
    for batch in batched(read, connection.BATCH):
        with connection.writer() as session:
            unchanged = sa.tuple_(Rule.pk, Rule.revision).in_(batch)
            changed = sa.update(Rule).where(unchanged).values(next_run=now_ms())
            number += connection.write(session, changed)
    return number


def _begin(session: orm.Session, rule: Rule, job: Job, **values: Any) -> bool:
    """Store the job of a full run unless another one is in progress or has begun since.

    :param values: further columns of the rule to set.
    """
    unchanged = (
        Rule.full_job_id.is_not_distinct_from(rule.full_job_id),
        ~is_open(rule.full_job_id),
    )
    began = change(session, rule, *unchanged, full_job_id=job.id, **values)
    if began:
        _add(session, job)
    return began


def _add(session: orm.Session, job: Job) -> None:
    """Store a job, which waits for its turn."""
    job.turn = turns.start(session, job.project_id) + turns.cost_of_plan(job.request)
    session.add(job)
    session.flush()


@connection.retry_on_disconnect
def trusts_in_use(trust_ids: Collection[str]) -> set[str]:
    """Return those of some trusts that a rule or a job in progress refers to."""
    wanted = sorted(trust_ids)
    with connection.reader() as session:
        return {
            trust_id
            for query in (
                sa.select(Rule.trust_id).where(Rule.trust_id.in_(wanted)),
                sa.select(Job.trust_id).where(
                    Job.trust_id.in_(wanted), Job.status == JobState.IN_PROGRESS
                ),
            )
            for trust_id in session.scalars(query)
            if trust_id
        }
