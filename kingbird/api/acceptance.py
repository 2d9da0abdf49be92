"""Makes a job of a valid request, so that it is accepted whole or leaves nothing behind.

The order is that of the design's section 9: the row first, which no engine claims yet; then
the trust; then one UPDATE that makes the job claimable; last the message.  So there is never a
trust that no row names, but for a crash between two of these calls, which the engines' reaper
looks for.
"""

import logging
import uuid
from collections.abc import Mapping
from typing import Protocol, cast

from oslo_config import cfg

from kingbird import exception
from kingbird.api import lookups
from kingbird.api.schemas.sync_jobs import SyncSet
from kingbird.clients.keystone import Keystone, image_endpoints
from kingbird.clients.regions import Regions
from kingbird.context import RequestContext
from kingbird.db import api as db

LOG = logging.getLogger(__name__)


class Engines(Protocol):
    """What is needed of :class:`kingbird.rpc.client.EngineClient`."""

    def job_ready(self, context: RequestContext, job_id: str) -> None:
        """Tell one engine of a new job.  Never raises."""

    def job_with_token(
        self, context: RequestContext, job_id: str, endpoints: dict[str, str]
    ) -> None:
        """Hand a job to one engine with the user's token, or raise."""


class Acceptance:
    """Accepts jobs.  Safe for threads."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        *,
        keystone: Keystone,
        regions: Regions,
        engines: Engines,
    ) -> None:
        self._conf = conf
        self._keystone = keystone
        self._regions = regions
        self._engines = engines

    def accept(
        self, context: RequestContext, sets: Mapping[str, SyncSet], *, is_admin: bool
    ) -> db.Job:
        """Check what the sets name, store them as one job, and wake an engine.

        :param sets: the sets by their fields.
        :param is_admin: whether Glance will take the caller for an admin.
        :raises kingbird.exception.BadRequest: a region is unknown, or its own only source, or
            there is no region to sync to.
        :raises kingbird.exception.NotFound: an image is not in its source regions.
        :raises kingbird.exception.Unavailable: Keystone, the database or a region is away.
        """
        endpoints = image_endpoints(context.service_catalog, self._conf.glance.interface)
        lookups.check_regions(sets, endpoints)
        sets = lookups.resolve_regions(sets, endpoints)
        named = lookups.with_ids(sets)
        sources = {source for each in named.values() for source in each["sources"]}
        opened = self._regions.open(
            {region: endpoints[region] for region in sources},
            self._keystone.user_auth(context.auth_token),
            global_request_id=context.global_id,
        )
        lookups.check_images(named, opened)

        # keystonemiddleware lets no token of nobody pass, and the policy none of no project.
        job = db.jobs.create(
            job_id=str(uuid.uuid4()),
            project_id=cast(str, context.project_id),
            user_id=cast(str, context.user_id),
            request=[dict(each) for each in sets.values()],
            is_admin=is_admin,
            request_id=context.request_id,
            all_projects=any(each["all_projects"] for each in sets.values()),
        )
        try:
            trust_id = self._keystone.create_trust(context)
        except exception.TrustRefused as error:
            LOG.info("Job %s runs with its user's token: %s", job.id, error.message)
            self._hand_over(context, job, endpoints)
        except BaseException:
            self._discard(job)
            raise
        else:
            self._make_claimable(context, job, trust_id)
            self._engines.job_ready(context, job.id)
        LOG.info("Job %s accepted: %d set(s)", job.id, len(sets))
        return job

    def _hand_over(self, context: RequestContext, job: db.Job, endpoints: dict[str, str]) -> None:
        """Give a job to the one engine that will get the user's token."""
        try:
            self._accepted(job, None)
            self._engines.job_with_token(context, job.id, endpoints)
        except BaseException:
            self._discard(job)
            raise

    def _make_claimable(self, context: RequestContext, job: db.Job, trust_id: str) -> None:
        try:
            self._accepted(job, trust_id)
        except BaseException:
            self._discard(job)
            try:
                # Who made a trust may delete it; Kingbird's own user needs a role for that.
                self._keystone.delete_trust(trust_id, self._keystone.user_auth(context.auth_token))
            except Exception as error:
                # Engines look for trusts that no job names.
                LOG.warning("The trust of job %s is left behind: %s", job.id, error)
            raise

    def _accepted(self, job: db.Job, trust_id: str | None) -> None:
        if db.jobs.accept(job.id, trust_id=trust_id):
            return
        # A commit whose answer was lost is run again, and finds nothing left to change.
        stored = db.jobs.get(job.project_id, job.id, with_all_projects=True)
        if stored is None or stored.trust_id != trust_id:
            raise exception.Unavailable("The job could not be stored", retry_after=5)

    @staticmethod
    def _discard(job: db.Job) -> None:
        try:
            db.jobs.discard(job.id)
        except Exception as error:
            # Engines delete what was not accepted for long.
            LOG.warning("Job %s could not be taken back: %s", job.id, error)
