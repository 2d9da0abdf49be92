"""keystonemiddleware, which accepts any catalog here and keeps no cookies."""

from typing import Any

from keystoneauth1.session import Session
from keystonemiddleware import auth_token

from kingbird.clients.catalog import well_formed
from kingbird.clients.session import plain_transport


class Authentication(auth_token.AuthProtocol):
    """The middleware that validates tokens.  A malformed catalog does not make it fail."""

    def fetch_token(self, token: str, **kwargs: Any) -> dict[str, Any]:
        """Return Keystone's answer about a token with a well-formed catalog.

        keystonemiddleware puts the catalog into a header and compares it with access rules.
        """
        data: dict[str, Any] = super().fetch_token(token, **kwargs)
        token_body = data.get("token")
        if not isinstance(token_body, dict) or "catalog" not in token_body:
            return data
        return {**data, "token": {**token_body, "catalog": well_formed(token_body["catalog"])}}

    def _create_session(self, **kwargs: Any) -> Session:
        session: Session = super()._create_session(session=plain_transport(), **kwargs)
        return session
