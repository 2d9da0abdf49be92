"""keystonemiddleware, which accepts any catalog here, keeps no cookies and ends in time."""

from collections.abc import Iterable
from typing import Any

import webob
from keystoneauth1.session import Session
from keystonemiddleware import auth_token

from kingbird import exception
from kingbird.api.middleware import Application, Environ, Middleware
from kingbird.clients.auth import check_answers
from kingbird.clients.call_limits import deadline
from kingbird.clients.catalog import well_formed
from kingbird.clients.session import middleware_transport


class Authentication(auth_token.AuthProtocol):
    """The middleware that validates tokens.  A malformed catalog does not make it fail."""

    def __init__(self, application: Application, conf: dict[str, Any]) -> None:
        super().__init__(_EndedTokens(application), conf)

    def fetch_token(self, token: str, **kwargs: Any) -> dict[str, Any]:
        """Return Keystone's answer about a token with a well-formed catalog.

        keystonemiddleware puts the catalog into a header and compares it with access rules.
        """
        timeout = self._conf.get("http_connect_timeout")
        # One call may get the service user's token, and another one validates the caller's.
        with deadline(timeout and 2 * timeout):
            data: dict[str, Any] = super().fetch_token(token, **kwargs)
        token_body = data.get("token")
        if not isinstance(token_body, dict) or "catalog" not in token_body:
            return data
        return {**data, "token": {**token_body, "catalog": well_formed(token_body["catalog"])}}

    def process_request(self, request: Any) -> Any:
        """Validate the token of a request.

        :raises keystoneauth1.exceptions.ClientException: Keystone's answer has an unknown form.
        """
        with check_answers():
            return super().process_request(request)

    def _create_session(self, **kwargs: Any) -> Session:
        transport = middleware_transport(self._conf.oslo_conf_obj)
        return super()._create_session(session=transport, **kwargs)


class _EndedTokens(Middleware):
    """The layer that answers 401 if a token ends while its request is handled.

    keystonemiddleware adds ``WWW-Authenticate`` to a response, and not to an exception.
    """

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        try:
            return self._application(environ, start_response)
        except exception.Unauthorized as error:
            return webob.Response(status=error.code)(environ, start_response)
