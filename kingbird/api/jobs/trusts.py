"""Create and delete the trusts that jobs and rules run with."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from oslo_config import cfg

from kingbird import exception
from kingbird.clients.keystone import Keystone, Trust
from kingbird.context import RequestContext
from kingbird.sync.request import imports_data

LOG = logging.getLogger(__name__)


class TrustManager:
    """The manager of trusts that the caller's own token creates.  Safe for threads."""

    def __init__(self, keystone: Keystone) -> None:
        self._keystone = keystone

    def create(
        self, context: RequestContext, job_id: str, *, lifetime: int | None = None
    ) -> Trust | None:
        """Create the trust of a job.

        :param lifetime: seconds until it expires; by default ``[sync] trust_lifetime``.
        :returns: the trust, or ``None`` if the job has to run with the token itself.
        :raises kingbird.exception.Unauthorized: the caller's token is no longer valid.
        :raises kingbird.exception.KeystoneUnavailable: Keystone does not answer.
        """
        try:
            return self._keystone.create_trust(context, lifetime=lifetime)
        except exception.TrustRefused as error:
            LOG.info("No trust for job %s, using its user's token: %s", job_id, error.message)
            return None

    def delete(self, context: RequestContext, trust_id: str, owner: str) -> None:
        """Delete a trust that no job and no rule names.  Never raises.

        :param owner: the job or the rule, for the log.
        """
        try:
            # The trustor may delete the trust.  Kingbird's own user would need the role admin.
            self._keystone.delete_trust(
                trust_id,
                self._keystone.user_auth(context.auth_token),
                global_request_id=context.global_id,
            )
        except Exception as error:
            # The reaper deletes trusts that nothing names.
            LOG.warning(
                "Unable to delete the trust of %s, the reaper will retry: %s",
                owner,
                exception.explain(error),
            )


def lifetime_of(conf: cfg.ConfigOpts, sets: Iterable[Mapping[str, Any]]) -> int:
    """Return the seconds until the trust of a job expires.

    Data may wait for long until they are imported, with a token of the trust.
    """
    usual: int = conf.sync.trust_lifetime
    if any(imports_data(each) for each in sets):
        return max(usual, conf.sync.data_trust_lifetime)
    return usual
