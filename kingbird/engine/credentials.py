"""Get credentials for jobs, and Glance clients for the regions that they open."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from keystoneauth1.plugin import BaseAuthPlugin

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.clients.keystone import Keystone
from kingbird.clients.regions import ImageClientFactory
from kingbird.db import api as db
from kingbird.states import Reason

LOG = logging.getLogger(__name__)

TRUST_GONE = (
    "The trust of the rule is gone: it has expired or was deleted, or its user was deleted. "
    "A change of the rule makes a new trust"
)
#: Seconds without another deletion of a trust after Keystone has not answered.
KEYSTONE_PAUSE = 10.0


def _global_id(job: db.Job) -> str | None:
    """Return the request id to send to Keystone and Glance with the calls for a job."""
    return job.global_request_id or job.request_id


@dataclass(frozen=True)
class UserToken:
    """Hold a user's own token, which came in a message.  It is kept in memory only."""

    token: str
    endpoints: Mapping[str, str]
    request_id: str | None = None

    def __repr__(self) -> str:
        return "UserToken(***)"


@dataclass(eq=False, repr=False)
class JobCredentials:
    """Keep the credentials of jobs.  All tasks of a job in an engine share one token.

    :ivar rules_as_service: returns whether rules about every project's images run with the
        rights of the service user.
    """

    keystone: Keystone
    regions: ImageClientFactory
    rules_as_service: Callable[[], bool] = lambda: False
    _tokens: dict[str, UserToken] = field(default_factory=dict, init=False)
    #: Each with the trust or token that it was made from; a retry brings another one.
    _auths: dict[str, tuple[str, BaseAuthPlugin]] = field(default_factory=dict, init=False)
    #: By trust: the jobs of a rule share a token.
    _rule_auths: dict[str, BaseAuthPlugin] = field(default_factory=dict, init=False)
    _keystone_back: float = field(default=0.0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def add_token(self, job_id: str, token: UserToken) -> None:
        """Keep the token of a job's user, which is not stored in the database."""
        with self._lock:
            self._tokens[job_id] = token

    @property
    def token_jobs(self) -> dict[str, str | None]:
        """The request that brought each token that this engine holds, by job id."""
        with self._lock:
            return {job_id: token.request_id for job_id, token in self._tokens.items()}

    def has_token_for(self, job: db.Job) -> bool:
        """Return whether this engine has the user's token for the present run of a job."""
        requests = self.token_jobs
        return job.id in requests and requests[job.id] == job.request_id

    def open_regions(self, job: db.Job) -> dict[str, ImageClient]:
        """Return a Glance client for each region, with the credentials of the job's user.

        :raises kingbird.exception.CredentialsLost: Keystone refuses to issue a token.
        :raises kingbird.exception.KeystoneUnavailable: Keystone does not answer.
        """
        if job.rule_id is not None and job.trust_id is not None:
            return self._open_for_rule(job, job.trust_id)
        with self._lock:
            token = self._tokens.get(job.id) if job.credentials == "token" else None
            if token is not None and token.request_id != job.request_id:
                token = None
            secret = token.token if token is not None else job.trust_id
            if secret is None:
                raise exception.CredentialsLost("This engine has no token for the job")
            known, auth = self._auths.get(job.id, (None, None))
            if auth is None or known != secret:
                if token is not None:
                    auth = self.keystone.token_auth(secret)
                else:
                    auth = self.keystone.trust_auth(secret, global_request_id=_global_id(job))
                self._auths[job.id] = secret, auth
        endpoints = token.endpoints if token else self.keystone.regions(auth)
        return self.regions.clients_for(endpoints, auth, global_request_id=_global_id(job))

    def _open_for_rule(self, job: db.Job, trust_id: str) -> dict[str, ImageClient]:
        with self._lock:
            auth = self._rule_auths.get(trust_id)
            if self._runs_as_service(job):
                auth = self.keystone.service_auth
            elif auth is None:
                auth = self.keystone.trust_auth(trust_id, global_request_id=_global_id(job))
                self._rule_auths[trust_id] = auth
        endpoints = self.keystone.regions(auth)
        return self.regions.clients_for(endpoints, auth, global_request_id=_global_id(job))

    def _runs_as_service(self, job: db.Job) -> bool:
        return job.all_projects and self.rules_as_service()

    def lasts(self, job: db.Job, seconds: float) -> bool:
        """Return whether the token of a job's calls is good for some seconds more.

        The token of a trust is renewed if it is not.

        :raises kingbird.exception.CredentialsLost: Keystone gives no token.
        :raises kingbird.exception.KeystoneUnavailable: Keystone does not answer.
        """
        with self._lock:
            token = self._tokens.get(job.id) if job.credentials == "token" else None
            if self._runs_as_service(job) and job.rule_id is not None:
                auth: BaseAuthPlugin | None = self.keystone.service_auth
            elif job.rule_id is not None and job.trust_id is not None:
                auth = self._rule_auths.get(job.trust_id)
            else:
                auth = self._auths.get(job.id, (None, None))[1]
        if token is not None:
            return self.keystone.token_lasts(token.token, seconds)
        return auth is not None and self.keystone.auth_lasts(auth, seconds)

    def explain_loss(self, job: db.Job, error: exception.CredentialsLost) -> tuple[Reason, str]:
        """Return the reason and the sentence for a job that Keystone gives no token for.

        Keystone may give one to the next run of a rule, unless the rule's trust is gone.
        """
        if job.rule_id is None or job.trust_id is None:
            return Reason.FORBIDDEN, error.message
        with self._lock:
            self._rule_auths.pop(job.trust_id, None)
        if self._runs_as_service(job):
            return Reason.CREDENTIALS_LOST, error.message
        try:
            if self.keystone.is_trust_gone(job.trust_id):
                return Reason.TRUST_GONE, TRUST_GONE
        except exception.KeystoneUnavailable:
            LOG.warning("Unable to look for the trust of rule %s", job.rule_id)
        return Reason.CREDENTIALS_LOST, error.message

    def revoke_trust(self, job: db.Job) -> None:
        """Delete the trust of a run that has ended, or leave it to the reaper.

        The trust of a rule stays as long as the rule or another run of it has it.

        :param job: the row as it was read during that run.
        """
        with self._lock:
            known, auth = self._auths.get(job.id, (None, None))
        if job.trust_id is None or time.monotonic() < self._keystone_back:
            return
        if job.rule_id is not None and db.rule_runs.trusts_in_use([job.trust_id]):
            db.job_ends.clear_trust(job)
            return
        try:
            self.keystone.delete_trust(
                job.trust_id,
                auth if known == job.trust_id else None,
                global_request_id=_global_id(job),
            )
        except exception.TrustRefused as error:
            LOG.warning(
                "The trust of job %s stays, the reaper will retry: %s", job.id, error.message
            )
            return
        except exception.KeystoneUnavailable:
            # Other jobs do not wait for the same timeout.
            self._keystone_back = time.monotonic() + KEYSTONE_PAUSE
            LOG.warning("Unable to delete the trust of job %s, the reaper will retry", job.id)
            return
        db.job_ends.clear_trust(job)

    def forget(self, job: db.Job) -> None:
        """Forget the credentials of a run; those of the next run stay.

        Call this after the run has ended in the database: no other engine has the user's token.
        """
        with self._lock:
            token = self._tokens.get(job.id)
            secrets = {job.trust_id}
            if token is not None and token.request_id == job.request_id:
                secrets.add(token.token)
                del self._tokens[job.id]
            if job.id in self._auths and self._auths[job.id][0] in secrets:
                del self._auths[job.id]

    def prune(self) -> None:
        """Forget the credentials of jobs that other engines have ended."""
        with self._lock:
            tokens, auths = dict(self._tokens), dict(self._auths)
            rule_trusts = set(self._rule_auths)
        unused = rule_trusts - db.rule_runs.trusts_in_use(rule_trusts)
        known = {*tokens, *auths}
        ended = known - db.maintenance.still_open(known)
        with self._lock:
            for trust_id in unused:
                self._rule_auths.pop(trust_id, None)
            # A retry since then may have brought another token.
            for job_id in ended:
                if self._tokens.get(job_id) is tokens.get(job_id):
                    self._tokens.pop(job_id, None)
                if self._auths.get(job_id) is auths.get(job_id):
                    self._auths.pop(job_id, None)
