"""HTTP sessions: one for each region, with connections that all jobs and users share.

A session must not remember anything of a call, so it accepts no cookies.  It sends the token along
with every request, so it follows no redirect to another host or port.
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
from kingbird.text import quote
from kingbird.tracing import spans


class _Adapter(TCPKeepAliveAdapter):
    """keystoneauth's adapter without redirects to another host or port.

    keystoneauth follows redirects with all headers, including the token.
    """

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send a request.  The body of the response is read later."""
        response = super().send(request, *args, **kwargs)
        location = response.headers.get("Location")
        if 300 <= response.status_code < 400 and location is not None:
            target = _foreign_target(request.url or "", location)
            if target is not None:
                response.close()
                raise self._redirect_error(request, target, response.status_code)
        return response

    def _redirect_error(
        self, request: requests.PreparedRequest, host: str, status: int
    ) -> Exception:
        """Return the error for a redirect to another host or port."""
        return ksa_exc.ConnectFailure(
            f"Keystone redirects to another host or port, to which no token is sent: {host}"
        )


def _foreign_target(url: str, location: str) -> str | None:
    """Return the host of a redirect that must not get the token, or ``None``.

    A redirect from http to https of the same host may get it.
    """
    try:
        # requests fails for a location that is not ASCII.
        target = urljoin(url, location.encode("ascii").decode())
        if not requests.Session().should_strip_auth(url, target):
            return None
        return quote(urlsplit(target).netloc.rpartition("@")[2])
    except ValueError:
        return quote(location)


class _InstrumentedAdapter(_Adapter):
    """An adapter that emits an event for each request and keeps a connection for each worker.

    requests keeps 10 connections and discards others.  Requests that keystoneauth makes by itself
    are counted too.

    :param region: the region of the Glance, or ``None`` for Keystone.
    """

    def __init__(self, connections: int, region: str | None) -> None:
        super().__init__(pool_connections=2, pool_maxsize=connections)
        self._region = region

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send a request.  The body of the response is read later."""
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

    def _is_keystone_call(self, request: requests.PreparedRequest) -> bool:
        # Credentials renew their token over the region's session.
        return self._region is None or request.path_url.endswith("/auth/tokens")

    def _redirect_error(
        self, request: requests.PreparedRequest, host: str, status: int
    ) -> Exception:
        if self._is_keystone_call(request):
            return super()._redirect_error(request, host, status)
        return exception.ImageRequestRejected(
            f"The service redirects to another host or port, to which no token is sent: {host}",
            status,
        )

    def _emit(self, request: requests.PreparedRequest, code: str, seconds: float) -> None:
        method = request.method or ""
        if self._region is None or self._is_keystone_call(request):
            events.emit(events.KeystoneCall(method, code, seconds))
        else:
            events.emit(events.GlanceCall(self._region, method, code, seconds))


def plain_transport(adapter: _Adapter | None = None) -> requests.Session:
    """Return a transport without cookies for a session of keystoneauth.

    :param adapter: sends the requests.
    """
    transport = requests.Session()
    adapter = adapter or _Adapter()
    for scheme in ("http://", "https://"):
        transport.mount(scheme, adapter)
    transport.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # A service must not use proxies and .netrc of its environment.
    transport.trust_env = False
    return transport


def _transport(connections: int, region: str | None = None) -> requests.Session:
    return plain_transport(_InstrumentedAdapter(connections, region))


def keystone_session(conf: cfg.ConfigOpts, *, connections: int) -> Session:
    """Return a session for Keystone with keystonemiddleware's options for TLS."""
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
    """Return a session for one region's Glance with keystoneauth's options in ``[glance]``.

    :param connections: the number of connections that are kept open.
    """
    session: Session = loading.load_session_from_conf_options(
        conf, "glance", session=_transport(connections, region)
    )
    return session


class RegionSessions:
    """The sessions of all regions, one for each.

    :param timeout: seconds that a call may take, unless the configured timeout is shorter.
    """

    def __init__(self, conf: cfg.ConfigOpts, *, timeout: float | None = None) -> None:
        self._conf = conf
        self._timeout = timeout
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def get(self, region: str) -> Session:
        """Return the region's session, which the first call creates."""
        with self._lock:
            if region not in self._sessions:
                session = glance_session(
                    self._conf, region, connections=self._conf.sync.region_concurrency
                )
                if self._timeout is not None:
                    session.timeout = min(session.timeout or self._timeout, self._timeout)
                self._sessions[region] = session
            return self._sessions[region]
