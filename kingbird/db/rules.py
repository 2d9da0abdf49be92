"""Create, list, show, change and delete rules for the API.

Calls name the project, so that they can't reach another project's rows.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Unpack

import sqlalchemy as sa
from oslo_db import exception as db_exc
from sqlalchemy import orm

from kingbird import exception
from kingbird.db import connection, marks, pagination
from kingbird.db.clock import now_ms, utc_now
from kingbird.db.models import Job, Rule
from kingbird.db.rule_runs import change, is_open, new_job, time_after
from kingbird.states import JobState, RuleState, Trigger

#: Fields that a user changes, beside ``sync_set``.
FIELDS = ("name", "description", "enabled", "interval", "events")


def _visible(project_id: str | None, with_all_projects: bool) -> sa.Select[Rule]:
    query = sa.select(Rule)
    if project_id is not None:
        query = query.where(Rule.project_id == project_id)
    return query if with_all_projects else query.where(Rule.all_projects == sa.false())


@connection.retry_on_disconnect
def create(*, rule_id: str, request_id: str | None, **columns: Any) -> tuple[Rule, str | None]:
    """Store a new rule, and the job of its first full run if it is enabled.

    :param rule_id: a new UUID.
    :param request_id: the request that made the rule.
    :param columns: the other columns of the rule that a user decides on.
    :returns: the rule and the job's id.
    :raises kingbird.exception.Conflict: the project has a rule of that name.
    """
    try:
        with connection.writer() as session:
            rule = Rule(id=rule_id, **columns)
            job = new_job(rule, Trigger.CREATED, request_id=request_id) if rule.enabled else None
            if job is not None:
                rule.full_job_id = job.id
                rule.next_run = time_after(rule.interval)
                session.add(job)
            session.add(rule)
            session.flush()
            session.refresh(rule)
            return rule, rule.full_job_id
    except db_exc.DBDuplicateEntry:
        # The answer to the first run's commit may have been lost.
        stored = get(columns["project_id"], rule_id, with_all_projects=True)
        if stored is None:
            raise _name_taken(columns["name"]) from None
        return stored, stored.full_job_id


def _name_taken(name: str) -> exception.Conflict:
    return exception.Conflict(f"The project has a rule of the name {name!r} already")


def count(project_id: str) -> int:
    """Count a project's rules."""
    query = sa.select(sa.func.count()).select_from(Rule).where(Rule.project_id == project_id)
    return connection.scalar(query)


def get(project_id: str, rule_id: str, *, with_all_projects: bool = False) -> Rule | None:
    """Return a project's rule, or ``None``.

    :param with_all_projects: include rules about every project's images.
    """
    query = _visible(project_id, with_all_projects).where(Rule.id == rule_id)
    return connection.scalar(query)


@connection.retry_on_disconnect
def list_for_project(
    project_id: str | None,
    *,
    with_all_projects: bool = False,
    enabled: bool | None = None,
    status: Collection[str] | None = None,
    after: Rule | None = None,
    **wanted: Unpack[pagination.Wanted],
) -> Sequence[Rule]:
    """Return a page of a project's rules, by default newest first.

    :param project_id: the rules' project; ``None`` for the rules of all projects.
    :param enabled: only those that are enabled, or disabled.
    :param status: only those in one of these states.
    :param after: the rule that the page comes after, instead of its id.
    :param wanted: the page; sort keys are those of ``kingbird.db.pagination.RULE_KEYS``.
    :raises kingbird.exception.BadRequest: the list has no such marker, or sort key.
    """
    filters: list[sa.ColumnElement[bool]] = [] if enabled is None else [Rule.enabled.is_(enabled)]
    if status is not None:
        in_state = sa.and_(Rule.enabled == sa.true(), Rule.state.in_(sorted(status)))
        disabled = Rule.enabled == sa.false()
        filters.append(sa.or_(in_state, disabled) if RuleState.DISABLED in status else in_state)
    query = _visible(project_id, with_all_projects)
    with connection.reader() as session:
        return pagination.page(
            session, query, Rule, *filters, keys=pagination.RULE_KEYS, after=after, **wanted
        )


def last_jobs(rule_ids: Collection[str]) -> dict[str, str]:
    """Return the id of the newest job of each rule that has one."""
    newest = sa.select(sa.func.max(Job.pk)).where(Job.rule_id.in_(rule_ids)).group_by(Job.rule_id)
    query = sa.select(Job.rule_id, Job.id).where(Job.pk.in_(newest))
    return {rule_id: job_id for rule_id, job_id in connection.rows(query) if rule_id}


@connection.retry_on_disconnect
def update(
    rule: Rule,
    *,
    user_id: str,
    is_admin: bool,
    trust_id: str,
    request_id: str | None,
    sync_set: Mapping[str, Any],
    **fields: Any,
) -> tuple[Rule, str | None]:
    """Change a rule, and begin a full run if it is enabled now and was not before.

    A rule that failed, or that had no credentials, is due at once.

    :param rule: the row as it was read.
    :param trust_id: the new trust.
    :param fields: the fields of :data:`FIELDS`.
    :returns: the rule, and the id of the job that was made.
    :raises kingbird.exception.Conflict: another request has changed or deleted the rule since it
        was read, or the project has another rule of that name.
    """
    enabled = fields["enabled"]
    begins = enabled and not rule.enabled
    values: dict[str, Any] = {
        **fields,
        "user_id": user_id,
        "is_admin": is_admin,
        "trust_id": trust_id,
        "sync_set": dict(sync_set),
        "all_projects": sync_set["all_projects"],
        "revision": Rule.revision + 1,
        "updated_at": utc_now(),
    }
    interval = fields["interval"]
    if not enabled or not interval:
        values["next_run"] = None
    elif rule.state != RuleState.OK and rule.enabled:
        values["next_run"] = now_ms()
    elif begins or interval != rule.interval:
        values["next_run"] = time_after(interval)
    try:
        with connection.writer() as session:
            if not change(session, rule, **values):
                return _changed_already(session, rule, trust_id)
            session.expire_all()
            changed = session.get_one(Rule, rule.pk, populate_existing=True)
            job = None
            if begins and not session.scalar(sa.select(is_open(changed.full_job_id))):
                job = new_job(changed, Trigger.CREATED, request_id=request_id)
                changed.full_job_id = job.id
                session.add(job)
            session.flush()
            session.refresh(changed)
            return changed, job and job.id
    except db_exc.DBDuplicateEntry:
        raise _name_taken(fields["name"]) from None


def _changed_already(session: orm.Session, rule: Rule, trust_id: str) -> tuple[Rule, str | None]:
    """Return the rule if the first run of this call has changed it."""
    found = session.scalars(
        sa.select(Rule).where(Rule.id == rule.id, Rule.trust_id == trust_id)
    ).one_or_none()
    if found is None:
        raise exception.Conflict(f"The rule {rule.id} was changed or deleted meanwhile")
    return found, None if found.full_job_id == rule.full_job_id else found.full_job_id


@connection.retry_on_disconnect
def delete(rule: Rule) -> list[str]:
    """Delete a rule with its marks, and cancel its jobs in progress.

    :returns: the ids of the jobs that are cancelled.
    """
    # The database deletes the last ones with the rule.
    marks.delete_of_rule(rule.pk)
    with connection.writer() as session:
        connection.write(session, sa.delete(Rule).where(Rule.id == rule.id))
        running = sa.and_(Job.rule_id == rule.id, Job.status == JobState.IN_PROGRESS)
        ids = list(session.scalars(sa.select(Job.id).where(running)))
        if ids:
            connection.write(
                session,
                sa.update(Job)
                .where(running)
                .values(cancelled=True, updated_at=utc_now(), revision=Job.revision + 1),
            )
        return ids
