"""Authentication within calls to regions: its errors are Keystone's and not the region's."""

from collections.abc import Iterator
from contextlib import contextmanager

from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1.plugin import BaseAuthPlugin, ConnectionParams
from keystoneauth1.session import Session

from kingbird import exception


@contextmanager
def translate_auth_errors() -> Iterator[None]:
    """Translate keystoneauth's errors while it gets a token.

    :raises kingbird.exception.CredentialsLost: Keystone gives no token.
    :raises kingbird.exception.KeystoneUnavailable: Keystone does not answer.
    """
    try:
        yield
    except (ksa_exc.Unauthorized, ksa_exc.Forbidden, ksa_exc.NotFound) as error:
        raise exception.CredentialsLost(
            "Keystone gives no token for this job: its trust has expired or was deleted, "
            "or its user was disabled or lost the role"
        ) from error
    except ksa_exc.ClientException as error:
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
        """Discard a token that the region did not accept."""
        return self._auth.invalidate()
