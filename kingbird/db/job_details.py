"""List jobs with the numbers of their items and how far they are, in as few queries as a list has.

One query reads the jobs, and one the tasks of those that are in progress.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Unpack

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird import request_summary
from kingbird.db import connection, counts, jobs, pagination
from kingbird.db.models import Job
from kingbird.states import ENDED_JOB_STATES, Phase

#: Requests of jobs of earlier releases that are read at a time; each may have a megabyte.
REQUESTS_AT_ONCE = 10


@dataclass(frozen=True)
class JobDetail:
    """A job with what its items and tasks tell.

    :ivar numbers: the numbers of its items.
    :ivar open_tasks: how many of its tasks have not ended.
    :ivar data_tasks: how many of these are for data.
    :ivar waits_for: regions that are away and that a task of it, or its plan, waits for.
    :ivar task_revision: a number that grows whenever a task changes items.
    """

    job: Job
    numbers: counts.Counts = field(default_factory=counts.Counts)
    open_tasks: int = 0
    data_tasks: int = 0
    task_revision: int = 0
    waits_for: Collection[str] = ()

    @property
    def phase(self) -> Phase:
        """How far the job is."""
        if self.job.status in ENDED_JOB_STATES:
            return Phase.ENDED
        # The rest of a plan counts as a task too, and has no row.
        if self.data_tasks and self.job.tasks_open <= self.data_tasks:
            return Phase.DATA
        return Phase.WRITING if self.open_tasks else Phase.PLANNING

    @property
    def version(self) -> tuple[str, int, int]:
        """A value that changes with the detail; see :mod:`kingbird.db.job_versions`."""
        return self.job.id, self.job.revision, self.task_revision


@connection.retry_on_disconnect
def list_details(
    project_id: str | None,
    *,
    with_all_projects: bool,
    rule_id: str | None = None,
    status: Collection[str] | None = None,
    after: JobDetail | None = None,
    **wanted: Unpack[pagination.Wanted],
) -> Sequence[JobDetail]:
    """Return a page of jobs, by default newest first.

    :param project_id: the jobs' project; ``None`` for the jobs of all projects.
    :param with_all_projects: include jobs about every project's images.

    The other parameters are those of :func:`kingbird.db.jobs.list_for_project`.

    :raises kingbird.exception.BadRequest: the list has no such marker, or sort key.
    """
    query = jobs.visible(project_id, with_all_projects=with_all_projects)
    query = query.options(
        orm.defer(Job.request, raiseload=True), orm.defer(Job.plan_rest, raiseload=True)
    )
    with connection.reader() as session:
        found = pagination.page(
            session,
            query,
            Job,
            *jobs.narrower(rule_id=rule_id, status=status),
            keys=pagination.JOB_KEYS,
            after=after and after.job,
            **wanted,
        )
        running = [job.pk for job in found if job.status not in ENDED_JOB_STATES]
        tasks = counts.TaskFigures(session, running)
        numbers = counts.of_jobs(session, found, tasks)
        _summarize_old(session, [job for job in found if job.asked is None])
        return [
            JobDetail(
                job,
                numbers.get(job.pk, counts.Counts()),
                tasks.open_tasks[job.pk],
                tasks.data_tasks[job.pk],
                tasks.revisions[job.pk],
                tasks.regions_awaited(job),
            )
            for job in found
        ]


def _summarize_old(session: orm.Session, found: Sequence[Job]) -> None:
    """Summarize the requests of jobs of earlier releases, which have stored no summary."""
    for begin in range(0, len(found), REQUESTS_AT_ONCE):
        some = {job.pk: job for job in found[begin : begin + REQUESTS_AT_ONCE]}
        query = sa.select(Job.pk, Job.request).where(Job.pk.in_(some))
        for pk, request in session.execute(query):
            orm.attributes.set_committed_value(
                some[pk], "asked", request_summary.summarize(request)
            )
