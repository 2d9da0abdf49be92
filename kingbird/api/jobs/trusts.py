"""Create and delete the trusts that jobs and rules run with."""

import logging

from kingbird import exception
from kingbird.clients.keystone import Keystone, Trust
from kingbird.context import RequestContext

LOG = logging.getLogger(__name__)


class TrustManager:
    """The manager of trusts that the caller's own token creates.  Safe for threads."""

    def __init__(self, keystone: Keystone) -> None:
        self._keystone = keystone

    def create(self, context: RequestContext, job_id: str) -> Trust | None:
        """Create the trust of a job.

        :returns: the trust, or ``None`` if the job has to run with the token itself.
        :raises kingbird.exception.Unauthorized: the caller's token is no longer valid.
        :raises kingbird.exception.KeystoneUnavailable: Keystone does not answer.
        """
        try:
            return self._keystone.create_trust(context)
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
                "Unable to delete the trust of %s, the reaper will retry: %s", owner, error
            )
