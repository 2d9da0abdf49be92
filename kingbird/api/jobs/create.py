"""Create a job from a valid request: a failure leaves nothing behind.

The steps are: insert the row, which no engine claims yet; create the trust; make the job claimable
with one UPDATE; send the message.  A trust without a row can only remain if the process dies
between two steps.  The engines' reaper deletes such trusts.
"""

import logging
import uuid
from collections.abc import Collection, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Protocol, cast

from oslo_config import cfg

from kingbird import exception
from kingbird.api.jobs import quotas, releases, resolve
from kingbird.api.jobs.trusts import TrustManager, lifetime_of
from kingbird.api.schemas.sync_jobs import StoredSyncSet
from kingbird.clients import catalog as service_catalog
from kingbird.clients.keystone import Keystone, Trust
from kingbird.clients.regions import ImageClientFactory
from kingbird.context import RequestContext
from kingbird.db import api as db
from kingbird.states import JobState, ResourceType

LOG = logging.getLogger(__name__)


class EngineRPC(Protocol):
    """The part of :class:`kingbird.rpc.client.EngineClient` that the API uses."""

    def job_ready(self, context: RequestContext, job_id: str) -> None:
        """Tell one engine about a new job.  Never raises."""

    def job_cancelled(self, job_id: str) -> None:
        """Tell all engines that a job was cancelled.  Never raises."""

    def job_with_token(
        self, context: RequestContext, job_id: str, endpoints: dict[str, str]
    ) -> None:
        """Send a job and the user's token to one engine.  Raises if that fails."""


class IsAdmin(Protocol):
    """A function that returns True if Glance accepts the caller as an admin."""

    def __call__(self, roles: Collection[str] | None = None, /) -> bool:
        """Decide by some of the caller's roles, or by all of them."""


@dataclass(eq=False, repr=False)
class JobCreator:
    """The creator of jobs.  Safe for threads."""

    conf: cfg.ConfigOpts
    _: KW_ONLY
    keystone: Keystone
    regions: ImageClientFactory
    engines: EngineRPC

    def __post_init__(self) -> None:
        self._trusts = TrustManager(self.keystone)

    def create_job(
        self, context: RequestContext, sets: Mapping[str, StoredSyncSet], *, is_admin: IsAdmin
    ) -> db.Job:
        """Validate the sets, store them as one job, and wake an engine.

        :param sets: the sets by their fields.
        :param is_admin: returns True if Glance accepts the caller as an admin.
        :raises kingbird.exception.BadRequest: a region is unknown or its own only source, no
            region is left to sync to, an image is named for a dry run and a real sync, or the
            request is too large.
        :raises kingbird.exception.NotFound: an image is not in its source regions.
        :raises kingbird.exception.TooManyRequests: the project has too many jobs in progress.
        :raises kingbird.exception.Unauthorized: the caller's token is no longer valid.
        :raises kingbird.exception.Unavailable: Keystone, the database or a region is unavailable.
        """
        # keystonemiddleware rejects a token without a user, and the policy one without a project.
        project_id = cast(str, context.project_id)
        endpoints, unusable = service_catalog.read(
            context.service_catalog, self.conf.glance.interface
        )
        resolve.check_regions(sets, endpoints, unusable)
        releases.check_types(self.conf, sets)
        asked, sets = sets, resolve.resolve_regions(sets, endpoints)
        sets_by_id = resolve.sets_with_ids(sets)
        resolve.check_dry_runs(sets_by_id)
        quotas.check_item_quota(self.conf, sets_by_id)
        quotas.check_job_quota(self.conf, project_id)
        sources = {source for each in sets_by_id.values() for source in each["sources"]}
        clients = self.regions.clients_for(
            {region: endpoints[region] for region in sources},
            self.keystone.token_auth(context.auth_token),
            global_request_id=context.global_id,
        )
        resolve.check_resources(sets_by_id, clients)
        return self._start(
            context,
            [dict(each) for each in sets.values()],
            is_admin=is_admin,
            asked=[dict(each) for each in asked.values()],
        )

    def apply(self, context: RequestContext, dry_run: db.Job, *, is_admin: IsAdmin) -> db.Job:
        """Store a job that carries out the plan of a dry run, and wake an engine.

        The engine plans anew, and writes what it finds as the dry run did.

        :param is_admin: returns True if Glance accepts the caller as an admin.
        :raises kingbird.exception.Conflict: the job is in progress, or no dry run.
        :raises kingbird.exception.TooManyRequests: the project has too many jobs in progress.
        :raises kingbird.exception.Unauthorized: the caller's token is no longer valid.
        :raises kingbird.exception.Unavailable: Keystone or the database is unavailable.
        """
        if dry_run.status == JobState.IN_PROGRESS:
            raise exception.Conflict(f"The job {dry_run.id} is in progress")
        if not dry_run.is_dry:
            raise exception.Conflict(f"The job {dry_run.id} is no dry run, so there is no plan")
        quotas.check_job_quota(self.conf, cast(str, context.project_id))
        # The sets stay dry runs: ``Job.applies`` tells why.
        sets = [each for each in dry_run.request if each["dry_run"]]
        return self._start(context, sets, is_admin=is_admin, of=dry_run.id)

    def undo(self, context: RequestContext, job: db.Job, *, is_admin: IsAdmin) -> db.Job:
        """Store a job that undoes what another one wrote, and wake an engine.

        :param is_admin: returns True if Glance accepts the caller as an admin.
        :raises kingbird.exception.Conflict: the job is in progress, has written nothing that
            could be undone, or has been undone.
        :raises kingbird.exception.TooManyRequests: the project has too many jobs in progress.
        :raises kingbird.exception.Unauthorized: the caller's token is no longer valid.
        :raises kingbird.exception.Unavailable: Keystone or the database is unavailable.
        """
        if job.status == JobState.IN_PROGRESS:
            raise exception.Conflict(f"The job {job.id} is in progress")
        if job.is_dry:
            raise exception.Conflict(f"The job {job.id} is a dry run, which has written nothing")
        if job.undoes:
            raise exception.Conflict(
                f"The job {job.id} undoes the job {job.of_id}; sync again to redo it"
            )
        if job.resource_type != ResourceType.IMAGE:
            raise exception.Conflict(
                f"The job {job.id} is about metadata definitions: what it wrote can't be hidden, "
                "and nothing is deleted"
            )
        if db.undos.is_undone(job):
            raise exception.Conflict(f"The job {job.id} has been undone already")
        quotas.check_job_quota(self.conf, cast(str, context.project_id))
        sets = [{**each, "dry_run": False, "data": "none"} for each in job.request]
        return self._start(context, sets, is_admin=is_admin, of=job.id)

    def _start(
        self,
        context: RequestContext,
        sets: list[dict[str, Any]],
        *,
        is_admin: IsAdmin,
        asked: list[dict[str, Any]] | None = None,
        of: str | None = None,
    ) -> db.Job:
        """Store a job, make its trust, and wake an engine.

        :param sets: the sets in their stored form.
        """
        project_id = cast(str, context.project_id)
        job = db.jobs.create(
            job_id=str(uuid.uuid4()),
            project_id=project_id,
            user_id=cast(str, context.user_id),
            request=sets,
            is_admin=is_admin(),
            request_id=context.request_id,
            global_request_id=context.global_request_id,
            all_projects=any(each["all_projects"] for each in sets),
            asked=asked,
            of=of,
        )
        try:
            # Concurrent requests may have passed the first check.  Now every one of their rows
            # counts.
            quotas.check_job_quota(self.conf, project_id, requested=0)
            lifetime = lifetime_of(self.conf, sets)
            trust = self._trusts.create(context, job.id, lifetime=lifetime)
        except BaseException:
            self._roll_back(job)
            raise
        if trust is None:
            self._send_with_token(context, job)
        else:
            self._activate(context, job, trust, is_admin)
            self.engines.job_ready(context, job.id)
        LOG.info("Job %s accepted: %d set(s)", job.id, len(sets))
        return job

    def _send_with_token(self, context: RequestContext, job: db.Job) -> None:
        """Send a job to the one engine that gets the user's token."""
        catalog, interface = context.service_catalog, self.conf.glance.interface
        try:
            endpoints = service_catalog.read(catalog, interface).urls
            self._mark_accepted(job, None)
            self.engines.job_with_token(context, job.id, endpoints)
        except BaseException:
            if self._roll_back(job) is not False:
                raise

    def _activate(
        self, context: RequestContext, job: db.Job, trust: Trust, is_admin: IsAdmin
    ) -> None:
        try:
            self._mark_accepted(job, trust.id, is_admin=is_admin([trust.role]))
        except BaseException:
            rolled_back = self._roll_back(job)
            if rolled_back is False:
                return
            if rolled_back:
                self._trusts.delete(context, trust.id, f"job {job.id}")
            raise

    @staticmethod
    def _mark_accepted(job: db.Job, trust_id: str | None, *, is_admin: bool | None = None) -> None:
        if not db.jobs.accept(job.id, trust_id=trust_id, is_admin=is_admin):
            raise exception.Unavailable("The job could not be stored", retry_after=5)

    @staticmethod
    def _roll_back(job: db.Job) -> bool | None:
        """Delete the row of a job that could not be accepted.

        :returns: True if the row was deleted, False if an engine has already started the job, None
            if the database is unavailable.  A commit or a message may succeed although the caller
            got an error.
        """
        try:
            deleted = db.jobs.discard(job.id)
        except Exception as error:
            # The reaper deletes jobs that stay unaccepted and trusts that no job names.
            LOG.warning("Unable to roll back job %s: %s", job.id, exception.explain(error))
            return None
        if not deleted:
            LOG.warning("Job %s is already running, not rolled back", job.id)
        return deleted
