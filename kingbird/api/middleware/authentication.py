"""keystonemiddleware, kept from failing for a catalog and from keeping cookies."""

from typing import Any

from keystoneauth1.session import Session
from keystonemiddleware import auth_token

from kingbird.clients.catalog import well_formed
from kingbird.clients.session import plain_transport


class Authentication(auth_token.AuthProtocol):
    """Validates tokens.  No entry of a token's catalog makes it fail."""

    def fetch_token(self, token: str, **kwargs: Any) -> dict[str, Any]:
        """Return what Keystone tells about a token; its catalog has Keystone's form.

        keystonemiddleware makes a header of the catalog, and holds access rules against it.
        """
        data: dict[str, Any] = super().fetch_token(token, **kwargs)
        told = data.get("token")
        if not isinstance(told, dict) or "catalog" not in told:
            return data
        return {**data, "token": {**told, "catalog": well_formed(told["catalog"])}}

    def _create_session(self, **kwargs: Any) -> Session:
        session: Session = super()._create_session(session=plain_transport(), **kwargs)
        return session
