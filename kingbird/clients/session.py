"""HTTP sessions: one for each region, with connections that all jobs and users share.

A session must not remember anything of a call, so it accepts no cookies.  It sends the token along
with every request, so it follows no redirect to another host or port.  Its calls end at a
deadline, and it reads no answer beyond a size.
"""

import logging
import threading
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

import requests
from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1 import loading
from keystoneauth1.session import Session, TCPKeepAliveAdapter
from oslo_config import cfg

from kingbird import events, exception
from kingbird.clients import answer_room, call_limits
from kingbird.text import quote
from kingbird.tracing import spans

LOG = logging.getLogger(__name__)


class _Adapter(TCPKeepAliveAdapter):
    """keystoneauth's adapter without redirects to another host or port, and with limits.

    keystoneauth follows redirects with all headers, including the token.

    :param max_size: bytes of the largest answer.
    """

    def __init__(self, max_size: int, **kwargs: Any) -> None:
        self._max_size = max_size
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pools of connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = call_limits.POOLS

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send a request, and read the response with its body."""
        try:
            kwargs["timeout"] = call_limits.time_left(kwargs.get("timeout"))
        except TimeoutError as error:
            raise requests.Timeout(error, request=request) from error
        response = super().send(request, *args, **kwargs)
        status, location = response.status_code, response.headers.get("Location")
        if 300 <= status < 400 and location is not None:
            target = _foreign_target(request.url or "", location)
            if target is not None:
                response.close()
                raise self._error(
                    request,
                    f"redirects to another host or port, to which no token is sent: {target}",
                    status,
                )
        max_size = call_limits.size_to_read(self._max_size)
        try:
            is_complete = _read_body(response, max_size)
        except TimeoutError as error:
            response.close()
            raise requests.Timeout(error, request=request) from error
        if not is_complete:
            raise self._error(
                request, f"answers with more than {max_size} bytes ([glance] max_response_size)"
            )
        return response

    def _error(
        self, request: requests.PreparedRequest, problem: str, status: int | None = None
    ) -> Exception:
        """Return the error for an answer that is not taken.

        :param status: the status of a refusal, or ``None`` if the answer is too large.
        """
        LOG.warning("Keystone %s", problem)
        return ksa_exc.ConnectFailure(f"Keystone {problem}")


def _read_body(response: requests.Response, max_size: int) -> bool:
    """Read a response as :func:`call_limits.read_body` does; a large one waits for room.

    :raises TimeoutError: there was no room for very long.
    """
    length = response.headers.get("Content-Length", "")
    is_told = length.isdecimal() and "Content-Encoding" not in response.headers
    expected = min(max_size, int(length)) if is_told else max_size

    def note_read(size: int) -> None:
        answer_room.make_room(urlsplit(response.url).netloc, size, expected)

    return call_limits.read_body(response, max_size, note_read)


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

    def __init__(self, max_size: int, connections: int, region: str | None) -> None:
        super().__init__(max_size, pool_connections=2, pool_maxsize=connections)
        self._region = region

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send a request, and read the response with its body."""
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

    def _error(
        self, request: requests.PreparedRequest, problem: str, status: int | None = None
    ) -> Exception:
        if self._is_keystone_call(request):
            return super()._error(request, problem, status)
        if status is None:
            return exception.AnswerTooLarge(
                f"The image service of region {self._region} {problem}"
            )
        return exception.ImageRequestRejected(f"The service {problem}", status)

    def _emit(self, request: requests.PreparedRequest, code: str, seconds: float) -> None:
        method = request.method or ""
        if self._region is None or self._is_keystone_call(request):
            events.emit(events.KeystoneCall(method, code, seconds))
        else:
            events.emit(events.GlanceCall(self._region, method, code, seconds))


class _Transport(requests.Session):
    """A transport of requests without most of what it costs.

    requests merges all parts of a request with those of its session, which takes a tenth of a
    small call.  This session has nothing but headers.
    """

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Return a request with the session's headers, as far as it has no others."""
        headers = {**self.headers, **(request.headers or {})}
        prepared = requests.PreparedRequest()
        prepared.prepare(
            method=request.method,
            url=request.url,
            headers={name: value for name, value in headers.items() if value is not None},
            files=request.files,
            data=request.data,
            json=request.json,
            # requests takes much longer to find that a dictionary is empty.
            params=request.params or "",
            auth=request.auth,
            cookies=self.cookies,
            hooks=request.hooks,
        )
        return prepared

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        """Return the settings of a request, to which its environment adds nothing."""
        return {
            "proxies": proxies,
            "stream": bool(stream),
            "verify": self.verify if verify is None else verify,
            "cert": cert,
        }


def plain_transport(adapter: _Adapter) -> requests.Session:
    """Return a transport without cookies for a session of keystoneauth.

    :param adapter: sends the requests.
    """
    transport = _Transport()
    for scheme in ("http://", "https://"):
        transport.mount(scheme, adapter)
    transport.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # A service must not use proxies and .netrc of its environment.
    transport.trust_env = False
    return transport


def middleware_transport(conf: cfg.ConfigOpts) -> requests.Session:
    """Return the transport of keystonemiddleware's session."""
    return plain_transport(_Adapter(conf.glance.max_response_size))


class CallSession(Session):
    """keystoneauth's session whose calls end at a deadline.

    Redirects and the renewal of a token are parts of a call.

    :ivar call_timeout: seconds that a call may take.
    """

    def __init__(self, *, call_timeout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.call_timeout = call_timeout

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Make a call."""
        with call_limits.deadline(self.call_timeout):
            return super().request(*args, **kwargs)

    def with_headers(self, headers: Mapping[str, str]) -> "CallSession":
        """Return a session that shares the connections and sends further headers."""
        return CallSession(
            call_timeout=self.call_timeout,
            session=self.session,
            verify=self.verify,
            cert=self.cert,
            timeout=self.timeout,
            additional_headers={**self.additional_headers, **headers},
        )


class _Loader(loading.session.Session):
    plugin_class = CallSession


def _limits(
    conf: cfg.ConfigOpts, timeout: float | None, connections: int, region: str | None = None
) -> dict[str, Any]:
    """Return the parameters of a session that limit its calls.

    :param timeout: seconds that a call may take, unless the configured time is shorter.
    """
    options = conf.glance
    adapter = _InstrumentedAdapter(options.max_response_size, connections, region)
    return {
        "session": plain_transport(adapter),
        "call_timeout": min(options.call_timeout, timeout or options.call_timeout),
    }


def keystone_session(
    conf: cfg.ConfigOpts, *, connections: int, timeout: float | None = None
) -> CallSession:
    """Return a session for Keystone with keystonemiddleware's options for TLS.

    :param connections: the number of connections that are kept open.
    :param timeout: seconds that a call may take, unless the configured time is shorter.
    """
    options = conf.keystone_authtoken
    session = _Loader().load_from_options(
        insecure=options.insecure,
        cacert=options.cafile,
        cert=options.certfile,
        key=options.keyfile,
        timeout=options.http_connect_timeout or conf.glance.timeout,
        **_limits(conf, timeout, connections),
    )
    return cast(CallSession, session)


def glance_session(
    conf: cfg.ConfigOpts, region: str, *, connections: int, timeout: float | None = None
) -> CallSession:
    """Return a session for one region's Glance with keystoneauth's options in ``[glance]``.

    :param connections: the number of connections that are kept open.
    :param timeout: seconds that a call may take, unless the configured time is shorter.
    """
    session = _Loader().load_from_conf_options(
        conf, "glance", **_limits(conf, timeout, connections, region)
    )
    return cast(CallSession, session)


class RegionSessions:
    """The sessions of all regions, one for each.

    :param timeout: seconds that a call may take, unless the configured time is shorter.
    """

    def __init__(self, conf: cfg.ConfigOpts, *, timeout: float | None = None) -> None:
        self._conf = conf
        self._timeout = timeout
        self._sessions: dict[str, CallSession] = {}
        self._lock = threading.Lock()

    def get(self, region: str) -> CallSession:
        """Return the region's session, which the first call creates."""
        with self._lock:
            if region not in self._sessions:
                self._sessions[region] = glance_session(
                    self._conf,
                    region,
                    connections=self._conf.sync.region_concurrency,
                    timeout=self._timeout,
                )
            return self._sessions[region]
