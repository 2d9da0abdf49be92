"""Stand-ins for what the API calls besides the regions: Keystone's trusts, and the engines."""

from collections.abc import Mapping
from typing import Any

from kingbird import exception
from kingbird.clients.keystone import UNTRUSTED_METHODS, Trust
from kingbird.tests.doubles.glance import FakeGlance, FakeImages


class Journal(list[str]):
    """What was called, in order, by one word each."""


class FakeKeystone:
    """Makes trusts out of nothing."""

    auth_url = "http://keystone.test/v3"

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.trusts: set[str] = set()
        #: What is passed on: the first of these that a token carries.
        self.trust_roles = ["admin", "member"]
        #: What the calls of that name raise.
        self.errors: dict[str, Exception] = {}

    def user_auth(self, token: str) -> str:
        return token

    def create_trust(self, context: Any) -> Trust:
        self.journal.append("create_trust")
        if "create_trust" in self.errors:
            raise self.errors["create_trust"]
        if UNTRUSTED_METHODS.intersection(context.token_methods):
            raise exception.TrustRefused("This kind of token makes no trust")
        role = next((role for role in self.trust_roles if role in context.roles), None)
        if role is None:
            raise exception.TrustRefused("The token carries no role that may be delegated")
        trust_id = f"trust{len(self.trusts)}"
        self.trusts.add(trust_id)
        return Trust(trust_id, role)

    def delete_trust(
        self, trust_id: str, auth: Any = None, *, global_request_id: str | None = None
    ) -> None:
        self.journal.append("delete_trust")
        if "delete_trust" in self.errors:
            raise self.errors["delete_trust"]
        self.trusts.discard(trust_id)


class FakeRegions:
    """Opens regions that are kept in memory.

    :param projects: which project a token is for.
    """

    def __init__(self, glances: Mapping[str, FakeGlance], projects: Mapping[str, str]) -> None:
        self._glances = glances
        self._projects = projects
        #: The request ids that were passed on.
        self.request_ids: list[str | None] = []

    def clients_for(
        self, endpoints: Mapping[str, str], auth: Any, *, global_request_id: str | None = None
    ) -> dict[str, FakeImages]:
        self.request_ids.append(global_request_id)
        return {
            region: self._glances[region].images_for(self._projects[auth]) for region in endpoints
        }


class FakeEngines:
    """Notes who was woken."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.ready: list[str] = []
        #: Jobs that came with a token, and the endpoints that came along.
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
