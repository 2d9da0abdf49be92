"""Tokens within other calls: what goes wrong with them is Keystone's, not the region's."""

from collections.abc import Iterator
from contextlib import contextmanager

from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1.plugin import BaseAuthPlugin, ConnectionParams
from keystoneauth1.session import Session

from kingbird import exception


@contextmanager
def translate_auth_errors() -> Iterator[None]:
    """Turn what keystoneauth raises when it asks for a token into errors of Keystone's.

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
    """Credentials for calls to a region.  They renew their token within a call.

    To who makes the call, keystoneauth's errors look the same whoever did not answer.

    :param auth: the credentials themselves.
    """

    def __init__(self, auth: BaseAuthPlugin) -> None:
        super().__init__()
        self._auth = auth

    def get_headers(self, session: Session) -> dict[str, str] | None:
        """Return the headers with the token; see :func:`translate_auth_errors`."""
        with translate_auth_errors():
            return self._auth.get_headers(session)

    def get_connection_params(self, session: Session) -> ConnectionParams:
        """Return what the credentials need of a connection."""
        return self._auth.get_connection_params(session)

    def invalidate(self) -> bool:
        """Drop the token, which the region did not take."""
        return self._auth.invalidate()
