"""Errors of Keystone: within calls to regions they are not the region's."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeGuard

from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1.identity import BaseIdentityPlugin
from keystoneauth1.plugin import BaseAuthPlugin, ConnectionParams
from keystoneauth1.session import Session

from kingbird import exception

LOG = logging.getLogger(__name__)

#: The statuses below 500 by which a server, or a proxy before it, asks to come back later.
_LATER = frozenset({408, 429})


def is_refusal(error: ksa_exc.ClientException) -> TypeGuard[ksa_exc.HttpError]:
    """Return whether Keystone has said no.  An outage is everything else: 5xx, 429, no answer."""
    if not isinstance(error, ksa_exc.HttpError):
        return False
    return 400 <= error.http_status < 500 and error.http_status not in _LATER


@contextmanager
def check_answers() -> Iterator[None]:
    """Translate the errors of keystoneauth and keystoneclient about an answer of another form.

    Both read an answer of 2xx without checking it, even the page of a proxy.

    :raises keystoneauth1.exceptions.ClientException: the answer is not one of Keystone's.
    """
    try:
        yield
    except (AttributeError, LookupError, NotImplementedError, TypeError, ValueError) as error:
        # The text of the error may quote the answer, which may hold a token.
        LOG.error("Unable to read Keystone's answer: %s", type(error).__name__)
        raise ksa_exc.ClientException("Keystone's answer has an unknown form") from None


@contextmanager
def translate_auth_errors() -> Iterator[None]:
    """Translate keystoneauth's errors while it gets a token.

    :raises kingbird.exception.CredentialsLost: Keystone gives no token.
    :raises kingbird.exception.KeystoneUnavailable: Keystone does not answer.
    """
    try:
        with check_answers():
            yield
    except ksa_exc.ClientException as error:
        if is_refusal(error):
            raise exception.CredentialsLost(
                "Keystone gives no token for this job: its trust has expired or was deleted, "
                "or its user was disabled or lost the role"
            ) from error
        raise exception.KeystoneUnavailable("Keystone does not answer") from error


class RegionAuth(BaseAuthPlugin):
    """Credentials for calls to a region.  They may renew their token within a call.

    keystoneauth raises the same errors for the region and for Keystone, so this class translates
    Keystone's.

    :param auth: the credentials.
    """

    def __init__(self, auth: BaseAuthPlugin) -> None:
        super().__init__()
        self._auth = auth

    def get_headers(self, session: Session) -> dict[str, str] | None:
        """Return the headers with the token; see :func:`translate_auth_errors`."""
        with translate_auth_errors():
            return self._auth.get_headers(session)

    def get_connection_params(self, session: Session) -> ConnectionParams:
        """Return the credentials' parameters of a connection."""
        return self._auth.get_connection_params(session)

    def invalidate(self) -> bool:
        """Discard a token that the region did not accept.

        :returns: True if another token may be had.  A call beside this one may have discarded the
            token already; then there is a new one to try, or Keystone gives none.
        """
        return self._auth.invalidate() or isinstance(self._auth, BaseIdentityPlugin)
