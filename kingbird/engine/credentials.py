"""A job's credentials, and the regions that they open."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from keystoneauth1.plugin import BaseAuthPlugin

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.clients.keystone import Keystone
from kingbird.clients.regions import ImageClientFactory
from kingbird.db import api as db

LOG = logging.getLogger(__name__)

#: Seconds for which no trust is deleted after Keystone did not answer.
KEYSTONE_PAUSE = 10.0


def _global_id(job: db.Job) -> str | None:
    """Return the id that Keystone and Glance get with the calls for a job.

    It is the one that the request came with, else Kingbird's own of that request.
    """
    return job.global_request_id or job.request_id


@dataclass(frozen=True)
class UserToken:
    """A user's own token, as it came by message; it is kept in memory alone."""

    token: str
    endpoints: Mapping[str, str]
    request_id: str | None = None

    def __repr__(self) -> str:
        return "UserToken(***)"


class JobCredentials:
    """Gives each job its credentials: one token an engine, however many tasks it works on."""

    def __init__(self, keystone: Keystone, regions: ImageClientFactory) -> None:
        self._keystone = keystone
        self._regions = regions
        self._tokens: dict[str, UserToken] = {}
        #: Each with the trust or token that it is made of: a job that is tried again has others.
        self._auths: dict[str, tuple[str, BaseAuthPlugin]] = {}
        self._keystone_back = 0.0
        self._lock = threading.Lock()

    def add_token(self, job_id: str, token: UserToken) -> None:
        """Take the token of a job's user, which no database knows."""
        with self._lock:
            self._tokens[job_id] = token

    @property
    def token_jobs(self) -> dict[str, str | None]:
        """The jobs whose user's token this engine holds, and the request that each came by."""
        with self._lock:
            return {job_id: token.request_id for job_id, token in self._tokens.items()}

    def has_token_for(self, job: db.Job) -> bool:
        """Whether this engine has the token of the user who asked for a job's present run."""
        held = self.token_jobs
        return job.id in held and held[job.id] == job.request_id

    def open_regions(self, job: db.Job) -> dict[str, ImageClient]:
        """Return the images of every region of the cloud, as the job's user sees them.

        :raises kingbird.exception.CredentialsLost: Keystone gives no token any more.
        :raises kingbird.exception.KeystoneUnavailable: Keystone does not answer.
        """
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
                    auth = self._keystone.token_auth(secret)
                else:
                    auth = self._keystone.trust_auth(secret, global_request_id=_global_id(job))
                self._auths[job.id] = secret, auth
        endpoints = token.endpoints if token else self._keystone.regions(auth)
        return self._regions.clients_for(endpoints, auth, global_request_id=_global_id(job))

    def revoke_trust(self, job: db.Job) -> None:
        """Delete the trust of a job's run that has ended, by the row as it was in that run.

        One that can't be deleted now is left to the reaper.
        """
        with self._lock:
            known, auth = self._auths.get(job.id, (None, None))
        if job.trust_id is None or time.monotonic() < self._keystone_back:
            return
        try:
            self._keystone.delete_trust(
                job.trust_id,
                auth if known == job.trust_id else None,
                global_request_id=_global_id(job),
            )
        except exception.KeystoneUnavailable:
            # Not for each job another timeout.
            self._keystone_back = time.monotonic() + KEYSTONE_PAUSE
            LOG.warning("Unable to delete the trust of job %s, the reaper will retry", job.id)
            return
        db.outcomes.clear_trust(job)

    def forget(self, job: db.Job) -> None:
        """Drop what is kept in memory for a job's run; what the next one brought stays.

        Nobody else has a user's token: not before the database knows that the run has ended.
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
        """Drop what is kept for jobs that other engines ended."""
        with self._lock:
            tokens, auths = dict(self._tokens), dict(self._auths)
        known = {*tokens, *auths}
        ended = known - db.maintenance.still_open(known)
        with self._lock:
            # A job may have been tried again since then, and brought a token of its own.
            for job_id in ended:
                if self._tokens.get(job_id) is tokens.get(job_id):
                    self._tokens.pop(job_id, None)
                if self._auths.get(job_id) is auths.get(job_id):
                    self._auths.pop(job_id, None)
