"""HTTP sessions: one for each region, its connections reused by all jobs and all users.

So a session remembers nothing of a call: it has no cookies.  And as a token goes along wherever a
call is redirected to, it follows no redirect to another host or port.
"""

import threading
import time
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1 import loading
from keystoneauth1.session import Session, TCPKeepAliveAdapter
from oslo_config import cfg

from kingbird import events, exception
from kingbird.clients.log_once import shown
from kingbird.tracing import spans


class _Adapter(TCPKeepAliveAdapter):
    """keystoneauth's adapter, without redirects to another host or port.

    keystoneauth follows them with all headers, the token among them.
    """

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send a request; the answer's body is read later."""
        response = super().send(request, *args, **kwargs)
        location = response.headers.get("Location")
        if 300 <= response.status_code < 400 and location is not None:
            target = _elsewhere(request.url or "", location)
            if target is not None:
                response.close()
                raise self._refusal(request, target, response.status_code)
        return response

    def _refusal(self, request: requests.PreparedRequest, host: str, status: int) -> Exception:
        """Return the error that a redirect to another host or port is."""
        return ksa_exc.ConnectFailure(
            f"Keystone redirects to another host or port, to which no token is sent: {host}"
        )


def _elsewhere(url: str, location: str) -> str | None:
    """Return where a redirect leads to, if a token must not go there along.

    From http to https of one host it may.
    """
    try:
        # requests fails for what is not ASCII.
        target = urljoin(url, location.encode("ascii").decode())
        if not requests.Session().should_strip_auth(url, target):
            return None
        return shown(urlsplit(target).netloc.rpartition("@")[2])
    except ValueError:
        return shown(location)


class _InstrumentedAdapter(_Adapter):
    """The same with as many kept connections as there are workers.

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
            self._emit(request, code, time.perf_counter() - begin)
            spans.end_http_span(code)

    def _is_keystones(self, request: requests.PreparedRequest) -> bool:
        # Credentials renew their token over the session at hand.
        return self._region is None or request.path_url.endswith("/auth/tokens")

    def _refusal(self, request: requests.PreparedRequest, host: str, status: int) -> Exception:
        if self._is_keystones(request):
            return super()._refusal(request, host, status)
        return exception.ImageRequestRejected(
            f"The image service of region {self._region} redirects to another host or port, to "
            f"which no token is sent: {host}",
            status,
        )

    def _emit(self, request: requests.PreparedRequest, code: str, seconds: float) -> None:
        method = request.method or ""
        if self._region is None or self._is_keystones(request):
            events.emit(events.KeystoneCall(method, code, seconds))
        else:
            events.emit(events.GlanceCall(self._region, method, code, seconds))


def plain_transport(adapter: _Adapter | None = None) -> requests.Session:
    """Make a transport that remembers nothing of a call, for a session of keystoneauth's.

    :param adapter: sends the requests.
    """
    transport = requests.Session()
    adapter = adapter or _Adapter()
    for scheme in ("http://", "https://"):
        transport.mount(scheme, adapter)
    transport.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # Proxies and .netrc of the environment are no business of a service's.
    transport.trust_env = False
    return transport


def _transport(connections: int, region: str | None = None) -> requests.Session:
    return plain_transport(_InstrumentedAdapter(connections, region))


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
