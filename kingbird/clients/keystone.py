"""Keystone: trusts, the tokens of users, and the regions of a token."""

import logging
import math
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1 import service_token, token_endpoint
from keystoneauth1.plugin import BaseAuthPlugin
from keystoneauth1.session import Session

from kingbird import exception
from kingbird.clients import catalog as service_catalog
from kingbird.clients.auth import check_answers, is_refusal, translate_auth_errors
from kingbird.clients.service_user import ServiceUser
from kingbird.context import RequestContext

LOG = logging.getLogger(__name__)

#: The maximum length of a trust's id in Keystone and in Kingbird's tables.
MAX_TRUST_ID = 64
#: Authentication methods whose tokens cannot create trusts.
UNTRUSTED_METHODS = frozenset({"application_credential", "oauth1", "ec2credential"})


def _in_path(name: str) -> str:
    """Return an id quoted for keystoneclient, which does not quote it in paths.

    :raises keystoneauth1.exceptions.NotFound: the id would change the path.
    """
    if name in ("", ".", ".."):
        raise ksa_exc.NotFound("There is nothing of that name")
    return quote(name, safe="", errors="replace")


def _id_of(trust: Any) -> str:
    """Return a trust's id.

    :raises ValueError: it is no text that can be an id.
    """
    if not isinstance(trust.id, str) or not 0 < len(trust.id) <= MAX_TRUST_ID:
        raise ValueError("A trust's id is no text")
    return trust.id


class _ServiceToken(BaseAuthPlugin):
    """The service user's credentials beside a user's, for calls to other services.

    They get their token over Keystone's session, whose options for TLS differ from a region's.
    """

    def __init__(self, keystone: "Keystone") -> None:
        super().__init__()
        self._keystone = keystone

    def get_token(self, session: Session) -> str | None:
        """Return the token.

        :raises kingbird.exception.KeystoneUnavailable: the service user gets no token.
        """
        with self._keystone.own_credentials() as auth:
            return auth.get_token(self._keystone.session)

    def invalidate(self) -> bool:
        """Discard a token that a region did not accept."""
        return self._keystone.service_auth.invalidate()


class Trust(NamedTuple):
    """A new trust.

    :ivar role: the name of the role that it delegates.
    """

    id: str
    role: str


class Keystone(ServiceUser):
    """Keystone as Kingbird's service user sees it: trusts, and the tokens of others.

    Safe for threads.
    """

    def create_trust(self, context: RequestContext, *, lifetime: int | None = None) -> Trust:
        """Create a trust to the service user with the user's token (one call).

        Only the first role of ``[sync] trust_roles`` that the token carries is delegated, by its
        id because names can be ambiguous.

        :param lifetime: seconds until it expires, 0 for never; ``[sync] trust_lifetime`` if it
            is left out.
        :raises kingbird.exception.TrustRefused: the token cannot create a trust.
        :raises kingbird.exception.Unauthorized: the token is no longer valid.
        :raises kingbird.exception.KeystoneUnavailable: Keystone does not answer.
        """
        if UNTRUSTED_METHODS.intersection(context.token_methods) or context.token_trust_id:
            raise exception.TrustRefused("This kind of token makes no trust")
        by_name = {role["name"]: role["id"] for role in context.token_roles}
        role = next((name for name in self._conf.sync.trust_roles if name in by_name), None)
        if role is None:
            raise exception.TrustRefused("The token carries no role that may be delegated")
        auth = self.user_auth(context.auth_token)
        if lifetime is None:
            lifetime = self._conf.sync.trust_lifetime
        now = datetime.now(UTC).replace(tzinfo=None)
        expires = now + timedelta(seconds=lifetime) if lifetime else None
        trustee = self.service_user_id()
        try:
            with check_answers():
                trust = self._client(auth, context.global_id).trusts.create(
                    trustee_user=trustee,
                    trustor_user=context.user_id,
                    project=context.project_id,
                    role_ids=[by_name[role]],
                    impersonation=True,
                    allow_redelegation=False,
                    expires_at=expires,
                )
                return Trust(_id_of(trust), role)
        except ksa_exc.Unauthorized as error:
            # The token was valid when the request came in.  A job could not use it either.
            raise exception.Unauthorized("The token is no longer valid") from error
        except ksa_exc.ClientException as error:
            if is_refusal(error):
                # Keystone has several statuses for it, such as 404 for a role that the user has
                # from a federated group mapping only.
                raise exception.TrustRefused(
                    f"Keystone makes no trust from this token (HTTP {error.http_status})"
                ) from error
            raise exception.KeystoneUnavailable(
                "Keystone can't be used at the moment", retry_after=5
            ) from error

    def trust_auth(self, trust_id: str, *, global_request_id: str | None = None) -> BaseAuthPlugin:
        """Return the credentials that act as the user who created a trust.

        They renew their token until the trust expires.

        :param global_request_id: the id that requests for tokens carry.
        """
        return self._password(trust_id=trust_id, global_request_id=global_request_id)

    def user_auth(self, token: str | None) -> BaseAuthPlugin:
        """Return a user's own token as credentials, for calls to Keystone within a request."""
        return token_endpoint.Token(self.auth_url, token)

    def token_auth(self, token: str | None) -> BaseAuthPlugin:
        """Return a user's own token as credentials, with Kingbird's service token.

        With the service token, other services accept the user's token for a while after it has
        expired, and do not apply the access rules of an application credential, which name the
        calls of users.
        """
        return service_token.ServiceTokenAuthWrapper(
            user_auth=self.user_auth(token), service_auth=_ServiceToken(self)
        )

    def auth_lasts(self, auth: BaseAuthPlugin, seconds: float) -> bool:
        """Return whether the token of some credentials is good for so long, or a new one is.

        :param auth: credentials that get tokens.
        :raises kingbird.exception.CredentialsLost: Keystone gives no token.
        :raises kingbird.exception.KeystoneUnavailable: Keystone does not answer.
        """
        margin = math.ceil(seconds)
        with translate_auth_errors():
            access = auth.get_access(self.session)  # type: ignore[attr-defined]
            if access.will_expire_soon(margin):
                auth.invalidate()
                access = auth.get_access(self.session)  # type: ignore[attr-defined]
            return not access.will_expire_soon(margin)

    def token_lasts(self, token: str, seconds: float) -> bool:
        """Return whether a user's own token, which nothing renews, is good for so long.

        :raises kingbird.exception.KeystoneUnavailable: Keystone does not answer.
        """
        try:
            with check_answers():
                client = self._client(self.user_auth(token))
                found = client.tokens.get_token_data(token)
                ends = datetime.fromisoformat(found["token"]["expires_at"])
        except ksa_exc.ClientException as error:
            if is_refusal(error):
                return False
            raise exception.KeystoneUnavailable("A token can't be looked up") from error
        if ends.tzinfo is None:
            ends = ends.replace(tzinfo=UTC)
        return ends - datetime.now(UTC) >= timedelta(seconds=seconds)

    def regions(self, auth: BaseAuthPlugin) -> dict[str, str]:
        """Return the image endpoints by region in the catalog of a new token.

        :param auth: credentials that get the token.
        :raises kingbird.exception.CredentialsLost: Keystone gives no token.
        :raises kingbird.exception.KeystoneUnavailable: Keystone does not answer.
        """
        with translate_auth_errors():
            access = auth.get_access(self.session)  # type: ignore[attr-defined]
            catalog = access.service_catalog.catalog
        return service_catalog.read(catalog, self._conf.glance.interface).urls

    def delete_trust(
        self,
        trust_id: str,
        auth: BaseAuthPlugin | None = None,
        *,
        global_request_id: str | None = None,
    ) -> None:
        """Delete a trust.  A missing trust counts as deleted.

        :param auth: the trust's own credentials, if they exist.  If they fail, the service user
            deletes the trust, which needs the role ``admin``.
        :param global_request_id: the id that the call carries.
        :raises kingbird.exception.TrustRefused: Keystone refuses to delete this trust.  It may
            delete others.
        :raises kingbird.exception.KeystoneUnavailable: Keystone does not answer, or gives the
            service user no token.
        """
        try:
            name = _in_path(trust_id)
        except ksa_exc.NotFound:
            return
        if auth is not None:
            try:
                with check_answers():
                    self._client(auth, global_request_id).trusts.delete(name)
                return
            except ksa_exc.ClientException as error:
                # Keystone also answers 404 to the trust's own credentials after the trust has
                # expired.
                LOG.debug("A trust does not delete itself: %s", type(error).__name__)
        # Without a token of its own the service user can delete no trust.
        self.service_user_id()
        try:
            self._client(self.service_auth, global_request_id).trusts.delete(name)
        except ksa_exc.NotFound:
            return
        except ksa_exc.ClientException as error:
            if is_refusal(error) and not isinstance(error, ksa_exc.Unauthorized):
                raise exception.TrustRefused(
                    f"Keystone refuses to delete the trust (HTTP {error.http_status})"
                ) from error
            raise exception.KeystoneUnavailable("A trust could not be deleted") from error

    def is_trust_gone(self, trust_id: str) -> bool:
        """Return whether a trust to the service user does not exist any more, or has expired.

        :raises kingbird.exception.KeystoneUnavailable: Keystone does not answer.
        """
        self.service_user_id()
        try:
            self._client(self.service_auth).trusts.get(_in_path(trust_id))
        except ksa_exc.NotFound:
            return True
        except ksa_exc.ClientException as error:
            if is_refusal(error):
                return False
            raise exception.KeystoneUnavailable("A trust can't be looked up") from error
        return False

    def list_service_trusts(self) -> list[str]:
        """Return the ids of all trusts to the service user.

        :raises kingbird.exception.KeystoneUnavailable: the trusts cannot be listed now.
        """
        trustee = self.service_user_id()
        try:
            with check_answers():
                trusts = self._client(self.service_auth).trusts.list(trustee_user=trustee)
                return [_id_of(trust) for trust in trusts]
        except ksa_exc.ClientException as error:
            raise exception.KeystoneUnavailable("Trusts can't be listed") from error
