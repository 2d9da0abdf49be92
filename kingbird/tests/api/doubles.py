"""Doubles of the services behind the API other than Glance: Keystone's trusts and the engines."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kingbird import exception
from kingbird.clients.keystone import UNTRUSTED_METHODS, Trust
from kingbird.tests.doubles.glance import FakeGlance, FakeImages
from kingbird.tests.doubles.trusts import Trusts


class Journal(list[str]):
    """The calls that were made, in order.  Each call is one word."""


@dataclass(frozen=True)
class WithServiceToken:
    """A user's token beside Kingbird's service token, without which regions are not asked."""

    token: str


class FakeKeystone:
    """A Keystone that makes trusts and keeps their ids."""

    auth_url = "http://keystone.test/v3"

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.trusts = Trusts()
        #: A trust delegates the first of these roles that its token carries.
        self.trust_roles = ["admin", "member"]
        #: Exceptions that calls raise, by the name of the call.
        self.errors: dict[str, Exception] = {}

    def user_auth(self, token: str) -> str:
        return token

    def token_auth(self, token: str) -> WithServiceToken:
        return WithServiceToken(token)

    def create_trust(self, context: Any, *, lifetime: int | None = None) -> Trust:
        self.journal.append("create_trust")
        if "create_trust" in self.errors:
            raise self.errors["create_trust"]
        if UNTRUSTED_METHODS.intersection(context.token_methods):
            raise exception.TrustRefused("This kind of token makes no trust")
        role = next((role for role in self.trust_roles if role in context.roles), None)
        if role is None:
            raise exception.TrustRefused("The token carries no role that may be delegated")
        return Trust(self.trusts.make("trust0"), role)

    def delete_trust(
        self, trust_id: str, auth: Any = None, *, global_request_id: str | None = None
    ) -> None:
        self.journal.append("delete_trust")
        if "delete_trust" in self.errors:
            raise self.errors["delete_trust"]
        self.trusts.discard(trust_id)


class FakeRegions:
    """Opens regions that are kept in memory.

    :param projects: the project of each token.
    """

    def __init__(self, glances: Mapping[str, FakeGlance], projects: Mapping[str, str]) -> None:
        self._glances = glances
        self._projects = projects
        #: The request ids that calls passed on.
        self.request_ids: list[str | None] = []

    def clients_for(
        self,
        endpoints: Mapping[str, str],
        auth: WithServiceToken,
        *,
        global_request_id: str | None = None,
    ) -> dict[str, FakeImages]:
        self.request_ids.append(global_request_id)
        project = self._projects[auth.token]
        return {region: self._glances[region].images_for(project) for region in endpoints}


class FakeEngines:
    """Engines that record wake-up messages."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.ready: list[str] = []
        #: Tokens and endpoints by job, for jobs whose message carried a token.
        self.with_token: dict[str, tuple[str, dict[str, str]]] = {}
        self.broken = False
        self.cancelled: list[str] = []

    def job_ready(self, context: Any, job_id: str) -> None:
        self.journal.append("job_ready")
        self.ready.append(job_id)

    def job_cancelled(self, job_id: str) -> None:
        self.journal.append("job_cancelled")
        self.cancelled.append(job_id)

    def job_with_token(self, context: Any, job_id: str, endpoints: dict[str, str]) -> None:
        self.journal.append("job_with_token")
        if self.broken:
            raise exception.Unavailable("No engine will get it", retry_after=10)
        self.with_token[job_id] = (context.auth_token, endpoints)
