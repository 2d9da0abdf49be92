"""The service user of ``[keystone_authtoken]``: credentials, and calls to Keystone with them."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1 import loading
from keystoneauth1.identity import v3
from keystoneauth1.plugin import BaseAuthPlugin
from keystoneauth1.session import Session
from keystoneclient.v3 import client as keystone_client
from oslo_config import cfg

from kingbird import exception
from kingbird.clients import catalog as service_catalog
from kingbird.clients.auth import check_answers
from kingbird.clients.session import CallSession, keystone_session
from kingbird.conf.keystone import GROUP

LOG = logging.getLogger(__name__)

REQUEST_ID = "X-Openstack-Request-Id"


def _with_request_id(session: Session, global_request_id: str | None) -> Session:
    """Return a session that shares the connections and sends a global request id."""
    if global_request_id is None:
        return session
    return cast(CallSession, session).with_headers({REQUEST_ID: global_request_id})


class _RequestIdPassword(v3.Password):
    """A password plugin whose token requests carry a global request id.

    :param global_request_id: the id, or ``None``.
    """

    def __init__(self, *args: Any, global_request_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._global_request_id = global_request_id

    def get_auth_ref(self, session: Session, **kwargs: Any) -> Any:
        """Get a token."""
        return super().get_auth_ref(_with_request_id(session, self._global_request_id), **kwargs)


class ServiceUser:
    """The service user.  Safe for threads.

    Calls go to the ``auth_url`` of ``[keystone_authtoken]`` without discovery, which would cost a
    call for each job.

    :param timeout: seconds that a call may take, unless the configured time is shorter.
    """

    def __init__(self, conf: cfg.ConfigOpts, *, timeout: float | None = None) -> None:
        self._conf = conf
        self._timeout = timeout
        self._lock = threading.Lock()
        self._session: CallSession | None = None
        self._service_auth: BaseAuthPlugin | None = None

    @property
    def session(self) -> CallSession:
        """Return the session for calls to Keystone by the options of ``[keystone_authtoken]``."""
        with self._lock:
            if self._session is None:
                self._session = keystone_session(self._conf, connections=16, timeout=self._timeout)
            return self._session

    def validate_config(self) -> None:
        """Check that the configuration names the service user.  Makes no call.

        :raises kingbird.exception.ConfigurationError: the configuration is incomplete.
        """
        self._options()

    def _options(self) -> Any:
        # The call registers the options of the group's plugin once.
        try:
            plugin = loading.load_auth_from_conf_options(self._conf, GROUP)
        except (cfg.Error, ksa_exc.AuthPluginException) as error:
            raise exception.ConfigurationError(f"[{GROUP}] can't be used: {error}") from None
        if plugin is None:
            raise exception.ConfigurationError(
                f"[{GROUP}] has no auth_type; with it belong auth_url and the service user's "
                "name and password"
            )
        options = self._conf[GROUP]
        if not any(name in options and options[name] for name in ("username", "user_id")):
            raise exception.ConfigurationError(
                f"[{GROUP}] names no user; trusts are made to a user with a password"
            )
        return options

    @property
    def auth_url(self) -> str:
        """Return the base URL of the identity API with ``/v3``."""
        url: str = self._options().auth_url.rstrip("/")
        return url if url.endswith("/v3") else f"{url}/v3"

    def _password(self, **scope: Any) -> v3.Password:
        options = self._options()
        user = {
            name: options.get(name)
            for name in ("username", "user_id", "user_domain_id", "user_domain_name", "password")
        }
        return _RequestIdPassword(auth_url=self.auth_url, **user, **scope)

    @property
    def service_auth(self) -> BaseAuthPlugin:
        """Return the service user's credentials, which cache a token until it expires."""
        with self._lock:
            if self._service_auth is None:
                self._service_auth = self._new_service_auth()
            return self._service_auth

    def _new_service_auth(self) -> BaseAuthPlugin:
        options = self._options()
        names = ("project_id", "project_name", "project_domain_id", "project_domain_name")
        return self._password(**{name: options.get(name) for name in names})

    @contextmanager
    def own_credentials(self) -> Iterator[BaseAuthPlugin]:
        """Yield the service user's credentials, and translate their errors.

        :raises kingbird.exception.KeystoneUnavailable: the service user gets no token.
        """
        try:
            with check_answers():
                yield self.service_auth
        except ksa_exc.ClientException as error:
            LOG.error("Unable to get a token for the service user: %s", type(error).__name__)
            raise exception.KeystoneUnavailable(
                "Kingbird's own credentials can't be used at the moment", retry_after=5
            ) from error

    def try_token(self) -> None:
        """Get a new token for the service user, to learn whether Keystone gives any.

        :raises kingbird.exception.KeystoneUnavailable: it does not.
        """
        try:
            with check_answers():
                self._new_service_auth().get_access(self.session)  # type: ignore[attr-defined]
        except ksa_exc.ClientException as error:
            raise exception.KeystoneUnavailable(
                f"Keystone gives the service user no token: {type(error).__name__}"
            ) from error

    def service_user_id(self) -> str:
        """Return the id of the user that trusts are created for.

        :raises kingbird.exception.KeystoneUnavailable: the service user gets no token.
        """
        with self.own_credentials() as auth:
            return str(auth.get_user_id(self.session))

    def service_roles(self) -> set[str]:
        """Return the names of the service user's roles.

        :raises kingbird.exception.KeystoneUnavailable: the service user gets no token.
        """
        with self.own_credentials() as auth:
            access = auth.get_access(self.session)  # type: ignore[attr-defined]
            return set(access.role_names)

    def service_catalog(self) -> list[dict[str, Any]]:
        """Return the service catalog that the service user sees.

        :raises kingbird.exception.KeystoneUnavailable: the service user gets no token.
        """
        with self.own_credentials() as auth:
            access = auth.get_access(self.session)  # type: ignore[attr-defined]
            if not access.has_service_catalog():
                return []
            return service_catalog.well_formed(access.service_catalog.catalog)

    def _client(
        self, auth: BaseAuthPlugin, global_request_id: str | None = None
    ) -> keystone_client.Client:
        return keystone_client.Client(
            session=_with_request_id(self.session, global_request_id),
            auth=auth,
            endpoint_override=self.auth_url,
        )
