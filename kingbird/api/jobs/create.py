"""Makes a job of a valid request, so that it is accepted whole or leaves nothing behind.

The order is that of the design's section 9: the row first, which no engine claims yet; then
the trust; then one UPDATE that makes the job claimable; last the message.  So there is never a
trust that no row names, but for a crash between two of these calls, which the engines' reaper
looks for.
"""

import logging
import uuid
from collections.abc import Collection, Mapping
from typing import Protocol, cast

from oslo_config import cfg

from kingbird import exception
from kingbird.api.jobs import quotas, resolve
from kingbird.api.jobs.trusts import TrustManager
from kingbird.api.schemas.sync_jobs import StoredSyncSet
from kingbird.clients import catalog as service_catalog
from kingbird.clients.keystone import Keystone, Trust
from kingbird.clients.regions import ImageClientFactory
from kingbird.context import RequestContext
from kingbird.db import api as db

LOG = logging.getLogger(__name__)


class EngineRPC(Protocol):
    """What is needed of :class:`kingbird.rpc.client.EngineClient`."""

    def job_ready(self, context: RequestContext, job_id: str) -> None:
        """Tell one engine of a new job.  Never raises."""

    def job_cancelled(self, job_id: str) -> None:
        """Tell all engines that a job is to end.  Never raises."""

    def job_with_token(
        self, context: RequestContext, job_id: str, endpoints: dict[str, str]
    ) -> None:
        """Hand a job to one engine with the user's token, or raise."""


class IsAdmin(Protocol):
    """Tells whether Glance will take the caller for an admin."""

    def __call__(self, roles: Collection[str] | None = None, /) -> bool:
        """Answer for some of the caller's roles, or for all of them."""


class JobCreator:
    """Accepts jobs.  Safe for threads."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        *,
        keystone: Keystone,
        regions: ImageClientFactory,
        engines: EngineRPC,
    ) -> None:
        self._conf = conf
        self._keystone = keystone
        self._trusts = TrustManager(keystone)
        self._regions = regions
        self._engines = engines

    def create_job(
        self, context: RequestContext, sets: Mapping[str, StoredSyncSet], *, is_admin: IsAdmin
    ) -> db.Job:
        """Check what the sets name, store them as one job, and wake an engine.

        :param sets: the sets by their fields.
        :param is_admin: tells whether Glance will take the caller for an admin.
        :raises kingbird.exception.BadRequest: a region is unknown, or its own only source, or
            there is no region to sync to, or too much is named.
        :raises kingbird.exception.NotFound: an image is not in its source regions.
        :raises kingbird.exception.TooManyRequests: the project has too many jobs in progress.
        :raises kingbird.exception.Unavailable: Keystone, the database or a region is away.
        """
        # keystonemiddleware lets no token of nobody pass, and the policy none of no project.
        project_id = cast(str, context.project_id)
        endpoints, unusable = service_catalog.read(
            context.service_catalog, self._conf.glance.interface
        )
        resolve.check_regions(sets, endpoints, unusable)
        sets = resolve.resolve_regions(sets, endpoints)
        named = resolve.sets_with_ids(sets)
        quotas.check_item_quota(self._conf, named)
        quotas.check_job_quota(self._conf, project_id)
        sources = {source for each in named.values() for source in each["sources"]}
        opened = self._regions.clients_for(
            {region: endpoints[region] for region in sources},
            self._keystone.user_auth(context.auth_token),
            global_request_id=context.global_id,
        )
        resolve.check_images(named, opened)

        job = db.jobs.create(
            job_id=str(uuid.uuid4()),
            project_id=project_id,
            user_id=cast(str, context.user_id),
            request=[dict(each) for each in sets.values()],
            is_admin=is_admin(),
            request_id=context.request_id,
            global_request_id=context.global_request_id,
            all_projects=any(each["all_projects"] for each in sets.values()),
        )
        try:
            # Others may have come at the same time; now each of them counts.
            quotas.check_job_quota(self._conf, project_id, requested=0)
            trust = self._trusts.create(context, job.id)
        except BaseException:
            self._roll_back(job)
            raise
        if trust is None:
            self._send_with_token(context, job, endpoints)
        else:
            self._activate(context, job, trust, is_admin)
            self._engines.job_ready(context, job.id)
        LOG.info("Job %s accepted: %d set(s)", job.id, len(sets))
        return job

    def _send_with_token(
        self, context: RequestContext, job: db.Job, endpoints: dict[str, str]
    ) -> None:
        """Give a job to the one engine that will get the user's token."""
        try:
            self._mark_accepted(job, None)
            self._engines.job_with_token(context, job.id, endpoints)
        except BaseException:
            if self._roll_back(job) is not False:
                raise

    def _activate(
        self, context: RequestContext, job: db.Job, trust: Trust, is_admin: IsAdmin
    ) -> None:
        try:
            self._mark_accepted(job, trust.id, is_admin=is_admin([trust.role]))
        except BaseException:
            taken_back = self._roll_back(job)
            if taken_back is False:
                return
            if taken_back:
                self._trusts.delete(context, trust, job.id)
            raise

    @staticmethod
    def _mark_accepted(job: db.Job, trust_id: str | None, *, is_admin: bool | None = None) -> None:
        if not db.jobs.accept(job.id, trust_id=trust_id, is_admin=is_admin):
            raise exception.Unavailable("The job could not be stored", retry_after=5)

    @staticmethod
    def _roll_back(job: db.Job) -> bool | None:
        """Take back a job that could not be accepted.

        :returns: whether it is gone, and not already worked on: a commit or a message may arrive
            though its sender hears otherwise.  ``None`` when the database doesn't tell.
        """
        try:
            gone = db.jobs.discard(job.id)
        except Exception as error:
            # Engines delete what was not accepted for long, and a trust that no job names.
            LOG.warning("Unable to roll back job %s: %s", job.id, error)
            return None
        if not gone:
            LOG.warning("Job %s is already running, not rolled back", job.id)
        return gone
