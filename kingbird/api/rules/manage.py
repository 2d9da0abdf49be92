"""Create, change, delete and run rules: a failure leaves nothing behind.

The trust comes first, and one transaction stores its id with the rule.  A trust without a rule can
only remain if the process dies between the two steps.  The engines' reaper deletes such trusts.
"""

import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, cast

from oslo_config import cfg

from kingbird import exception
from kingbird.api.jobs import quotas, releases, resolve
from kingbird.api.jobs.create import EngineRPC, IsAdmin
from kingbird.api.jobs.trusts import TrustManager
from kingbird.api.schemas.sync_rules import StoredRule
from kingbird.clients import catalog as service_catalog
from kingbird.clients.keystone import Keystone, Trust
from kingbird.context import RequestContext
from kingbird.db import api as db
from kingbird.states import ALL, ResourceType

LOG = logging.getLogger(__name__)


class RuleManager:
    """The manager of rules.  Safe for threads."""

    def __init__(self, conf: cfg.ConfigOpts, *, keystone: Keystone, engines: EngineRPC) -> None:
        self._conf = conf
        self._keystone = keystone
        self._trusts = TrustManager(keystone)
        self._engines = engines

    def create(self, context: RequestContext, stored: StoredRule, *, is_admin: IsAdmin) -> db.Rule:
        """Store a rule with a trust of its own, and begin its first full run if it is enabled.

        :param is_admin: returns True if Glance accepts the caller as an admin.
        :raises kingbird.exception.BadRequest: a region is unknown or its own only source.
        :raises kingbird.exception.Conflict: the project has a rule of that name.
        :raises kingbird.exception.Forbidden: the caller's token makes no trust.
        :raises kingbird.exception.TooManyRequests: the project has too many rules.
        :raises kingbird.exception.Unavailable: Keystone or the database is unavailable.
        """
        project_id = cast(str, context.project_id)
        self._check_regions(context, stored)
        quotas.check_rule_quota(self._conf, project_id)
        rule_id = str(uuid.uuid4())
        trust = self._create_trust(context)
        try:
            rule, job_id = db.rules.create(
                rule_id=rule_id,
                request_id=context.request_id,
                project_id=project_id,
                user_id=cast(str, context.user_id),
                is_admin=is_admin([trust.role]),
                trust_id=trust.id,
                all_projects=stored["sync_set"]["all_projects"],
                **stored,
            )
        except BaseException:
            self._delete_if_unused(context, trust.id, rule_id)
            raise
        self._wake(context, job_id)
        LOG.info("Rule %s created", rule.id)
        return rule

    def update(
        self, context: RequestContext, rule: db.Rule, stored: StoredRule, *, is_admin: IsAdmin
    ) -> db.Rule:
        """Change a rule, which then has the rights of the caller.

        :param rule: the row as it was read.
        :param stored: all of its columns that a user decides on.
        :raises kingbird.exception.BadRequest: a region is unknown or its own only source.
        :raises kingbird.exception.Conflict: the project has another rule of that name, or the
            rule was changed or deleted meanwhile.
        :raises kingbird.exception.Forbidden: the caller's token makes no trust.
        :raises kingbird.exception.Unavailable: Keystone or the database is unavailable.
        """
        self._check_regions(context, stored)
        trust = self._create_trust(context)
        try:
            changed, job_id = db.rules.update(
                rule,
                user_id=cast(str, context.user_id),
                is_admin=is_admin([trust.role]),
                trust_id=trust.id,
                request_id=context.request_id,
                **stored,
            )
        except BaseException:
            self._delete_if_unused(context, trust.id, rule.id)
            raise
        # A run in progress goes on with the old trust, and deletes it at its end.
        self._delete_if_unused(context, rule.trust_id, rule.id)
        self._wake(context, job_id)
        LOG.info("Rule %s changed", rule.id)
        return changed

    def delete(self, context: RequestContext, rule: db.Rule) -> None:
        """Delete a rule, cancel its jobs in progress, and delete its trust.

        :raises kingbird.exception.Unavailable: the database is unavailable.
        """
        for job_id in db.rules.delete(rule):
            self._engines.job_cancelled(job_id)
        self._delete_if_unused(context, rule.trust_id, rule.id)
        LOG.info("Rule %s deleted", rule.id)

    def run(
        self,
        context: RequestContext,
        rule: db.Rule,
        *,
        dry_run: bool,
        orphan_limit: int = 0,
        resources: Sequence[str] = (),
    ) -> db.Job:
        """Begin a run of a rule, with the rule's own trust.

        :param orphan_limit: the orphans that may be hidden or deleted in this run, if it is more
            than usual.
        :param resources: the images that the run is about; by default all.
        :raises kingbird.exception.BadRequest: the rule is about other images.
        :raises kingbird.exception.Conflict: a full run is in progress, or the rule was changed
            meanwhile.
        :raises kingbird.exception.Unavailable: the database is unavailable.
        """
        job = db.rule_runs.begin_requested_run(
            rule,
            job_id=str(uuid.uuid4()),
            request_id=context.request_id,
            global_request_id=context.global_request_id,
            sync_set=_set_to_run(
                rule, dry_run=dry_run, orphan_limit=orphan_limit, resources=resources
            ),
            is_full=not (dry_run or resources),
        )
        if job is None:
            raise exception.Conflict(
                f"A full run of the rule {rule.id} is in progress, or the rule was changed a "
                "moment ago"
            )
        self._wake(context, job.id)
        return job

    def _check_regions(self, context: RequestContext, stored: StoredRule) -> None:
        endpoints, unusable = service_catalog.read(
            context.service_catalog, self._conf.glance.interface
        )
        sets = {"rule": stored["sync_set"]}
        resolve.check_regions(sets, endpoints, unusable)
        releases.check_types(self._conf, sets)
        # The regions of the day of each run count, but a rule has to make sense today.
        resolve.resolve_regions(sets, endpoints)

    def _create_trust(self, context: RequestContext) -> Trust:
        try:
            return self._keystone.create_trust(context, lifetime=self._conf.rules.trust_lifetime)
        except exception.TrustRefused as error:
            raise exception.Forbidden(
                "A rule needs a token that can make a trust, such as one of a user's password: "
                f"{error.message}"
            ) from error

    def _delete_if_unused(self, context: RequestContext, trust_id: str, rule_id: str) -> None:
        """Delete a trust that no rule and no job in progress names.  Never raises."""
        try:
            if db.rule_runs.trusts_in_use([trust_id]):
                return
        except Exception as error:
            # The reaper deletes the trust if nothing names it.
            why = exception.explain(error)
            LOG.warning("Unable to look for users of a trust of rule %s: %s", rule_id, why)
            return
        self._trusts.delete(context, trust_id, f"rule {rule_id}")

    def _wake(self, context: RequestContext, job_id: str | None) -> None:
        if job_id is not None:
            self._engines.job_ready(context, job_id)


def _set_to_run(
    rule: db.Rule, *, dry_run: bool, orphan_limit: int, resources: Sequence[str]
) -> Mapping[str, Any] | None:
    """Return a rule's set with what differs in a run, or ``None`` if nothing does."""
    if not (dry_run or orphan_limit or resources):
        return None
    sync_set = {**rule.sync_set, "dry_run": dry_run, "orphan_limit": orphan_limit}
    if rule.sync_set["resource_type"] != ResourceType.IMAGE and (resources or orphan_limit):
        name = "resources" if resources else "orphan_limit"
        raise exception.BadRequest(
            f"{name} can be given only for a rule about images; this one is about metadata "
            "definitions"
        )
    if not resources:
        return sync_set
    named = rule.sync_set["resources"]
    if named != [ALL]:
        for one in resources:
            if one not in named:
                raise exception.BadRequest(f"resources: the rule is not about the image {one}")
    return db.rule_runs.about_images(sync_set, list(dict.fromkeys(resources)))
