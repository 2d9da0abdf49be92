"""HTTP sessions: one for each region, its connections reused by all jobs."""

import threading
import time
from typing import Any

import requests
from keystoneauth1 import loading
from keystoneauth1.session import Session, TCPKeepAliveAdapter
from oslo_config import cfg

from kingbird import events
from kingbird.tracing import spans


class _RoomyAdapter(TCPKeepAliveAdapter):
    """keystoneauth's adapter with as many kept connections as there are workers.

    requests keeps 10 and throws away what goes beyond.  Each request that goes over the wire is
    told of here, those included that keystoneauth makes by itself.

    :param region: whose Glance is called; ``None`` for Keystone.
    """

    def __init__(self, connections: int, region: str | None) -> None:
        super().__init__(pool_connections=2, pool_maxsize=connections)
        self._region = region

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send a request; the answer's body is read later."""
        spans.start_http_span(request, self._region)
        begin = time.perf_counter()
        code = events.NO_ANSWER
        try:
            response = super().send(request, *args, **kwargs)
            code = str(response.status_code)
            return response
        finally:
            self._tell(request, code, time.perf_counter() - begin)
            spans.end_http_span(code)

    def _tell(self, request: requests.PreparedRequest, code: str, seconds: float) -> None:
        method = request.method or ""
        # Credentials renew their token over the session at hand.
        if self._region is None or request.path_url.endswith("/auth/tokens"):
            events.tell(events.KeystoneCall(method, code, seconds))
        else:
            events.tell(events.GlanceCall(self._region, method, code, seconds))


def _transport(connections: int, region: str | None = None) -> requests.Session:
    transport = requests.Session()
    for scheme in ("http://", "https://"):
        transport.mount(scheme, _RoomyAdapter(connections, region))
    # Proxies and .netrc of the environment are no business of a service's.
    transport.trust_env = False
    return transport


def keystone_session(conf: cfg.ConfigOpts, *, connections: int) -> Session:
    """Make a session for Keystone, by keystonemiddleware's options for TLS."""
    options = conf.keystone_authtoken
    return loading.session.Session().load_from_options(
        insecure=options.insecure,
        cacert=options.cafile,
        cert=options.certfile,
        key=options.keyfile,
        timeout=options.http_connect_timeout or conf.glance.timeout,
        session=_transport(connections),
    )


def glance_session(conf: cfg.ConfigOpts, region: str, *, connections: int) -> Session:
    """Make a session for one region's Glance, by keystoneauth's options in ``[glance]``.

    :param connections: how many connections are kept open.
    """
    session: Session = loading.load_session_from_conf_options(
        conf, "glance", session=_transport(connections, region)
    )
    return session


class RegionSessions:
    """Keeps one session for each region.

    :param timeout: seconds that a call may take at most, if the configuration allows more.
    """

    def __init__(self, conf: cfg.ConfigOpts, *, timeout: float | None = None) -> None:
        self._conf = conf
        self._timeout = timeout
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def get(self, region: str) -> Session:
        """Return the region's session, made at the first call."""
        with self._lock:
            if region not in self._sessions:
                session = glance_session(
                    self._conf, region, connections=self._conf.sync.region_concurrency
                )
                if self._timeout is not None:
                    session.timeout = min(session.timeout or self._timeout, self._timeout)
                self._sessions[region] = session
            return self._sessions[region]
