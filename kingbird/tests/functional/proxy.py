"""A reverse proxy on loopback that records calls and injects faults.

It stands between Kingbird and a Glance or Keystone: the catalog's ``internal`` endpoints, or
Kingbird's ``auth_url``, point to it.
"""

import contextlib
import dataclasses
import http.client
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from kingbird.tests.functional.leaks.watch import WATCH
from kingbird.tests.waiting import PATIENCE

#: Seconds after which a held call goes on, so that a failing test ends.
HELD = 120
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "upgrade"})


@dataclass
class Call:
    """A request and its response."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    #: ``None`` while there is no response, and if the connection was closed without one.
    status: int | None = None
    at: float = field(default_factory=time.monotonic)
    #: Path and query to forward; empty to forward the request unchanged.
    url: str = ""
    #: The headers of the response.
    answered: dict[str, str] = field(default_factory=dict)
    #: The sender, from :attr:`Proxy.identify`.
    client: Any = None

    @property
    def json(self) -> Any:
        """Return the parsed body."""
        return json.loads(self.body)

    @property
    def writes(self) -> bool:
        """Return True if the call may have changed something."""
        return self.method not in ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Answer:
    """A response, either forwarded or made by a fault.

    :ivar gap: called after each byte of the body, until it returns False; then the rest follows.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    gap: Callable[[], bool] | None = None


class Cut(Exception):
    """Raised by a fault to close the connection without a response."""


#: A fault of a call.  It may forward the call, changed or not, and return a response or raise
#: :class:`Cut`.
Fault = Callable[[Call, Callable[[Call], Answer]], Answer]
Matcher = Callable[[Call], bool]


def error(status: int, **headers: str) -> Fault:
    """Answer with a status without forwarding the call."""

    def fault(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return Answer(status, named, f"HTTP {status} by the test's proxy".encode())

    return fault


def refuse(call: Call, forward: Callable[[Call], Answer]) -> Answer:
    """Close the connection without forwarding the call."""
    raise Cut


def lose_answer(call: Call, forward: Callable[[Call], Answer]) -> Answer:
    """Forward the call and close the connection instead of answering."""
    forward(call)
    raise Cut


def half_make(call: Call, forward: Callable[[Call], Answer]) -> Answer:
    """Create the record without its tags, and answer 500."""
    body = json.dumps({**call.json, "tags": []}).encode()
    made = forward(Call(call.method, call.path, call.query, call.headers, body))
    assert made.status == 201, made
    return Answer(500, [], b"half-made by the test's proxy")


def capped(call: Call, most: int) -> Call:
    """Return a call for a list with shorter pages, as from a Glance with a lower limit."""
    return dataclasses.replace(call, url=re.sub(r"\blimit=\d+", f"limit={most}", call.url))


def hold(gate: threading.Event, seconds: float = HELD) -> Fault:
    """Hold the call until the gate is open, then forward it.

    :param seconds: the longest time for which a call is held.
    """

    def fault(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        gate.wait(seconds)
        return forward(call)

    return fault


class Proxy:
    """A proxy in front of one service.  As a context manager it starts and stops.

    :param upstream: the service's URL, without a path.
    :ivar identify: a function that returns the client of a new connection by its port.
    """

    def __init__(self, upstream: str) -> None:
        self.identify: Callable[[int], Any] = lambda port: None
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._faults: list[tuple[Matcher, Fault, int | None]] = []
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    @property
    def url(self) -> str:
        """Return the URL at which the proxy listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)

    @property
    def calls(self) -> list[Call]:
        """Return the calls so far."""
        with self._lock:
            return list(self._calls)

    def forget(self) -> None:
        """Drop the calls so far.  A run of hours would fill the memory otherwise."""
        with self._lock:
            self._calls.clear()

    @contextlib.contextmanager
    def recording(self) -> Iterator[list[Call]]:
        """Yield a list that holds the calls of the block when it has ended."""
        before = len(self.calls)
        recorded: list[Call] = []
        try:
            yield recorded
        finally:
            recorded += self.calls[before:]

    @contextlib.contextmanager
    def broken(
        self, fault: Fault, matches: Matcher = lambda _: True, times: int | None = None
    ) -> Iterator[None]:
        """Apply a fault to matching calls: the next few, or all calls of the block."""
        entry = [matches, fault, times]
        with self._lock:
            self._faults.append(entry)  # type: ignore[arg-type]
        try:
            yield
        finally:
            with self._lock:
                self._faults = [each for each in self._faults if each is not entry]

    def take(self, call: Call) -> Fault | None:
        """Record a call and return the fault to apply to it."""
        with self._lock:
            self._calls.append(call)
            for entry in self._faults:
                matches, fault, left = entry
                if left == 0 or not matches(call):
                    continue
                if left is not None:
                    entry[2] = left - 1  # type: ignore[index]
                return fault
        return None

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection to the service."""
        connection = http.client.HTTPConnection(*self._upstream, timeout=60)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that closed their connection."""


class _Handler(BaseHTTPRequestHandler):
    """The connection of one client, with its own connection to the service."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Head and body of a response leave in one packet.
    wbufsize = -1
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._upstream: http.client.HTTPConnection | None = None
        self._client = self.server.proxy.identify(self.client_address[1])

    def finish(self) -> None:
        if self._upstream is not None:
            self._upstream.close()
        with contextlib.suppress(OSError):
            super().finish()

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = Call(self.command, parts.path, query, dict(self.headers), body, url=self.path)
        call.client = self._client
        fault = self.server.proxy.take(call)
        try:
            answer = fault(call, self._forward) if fault else self._forward(call)
        except (Cut, OSError, http.client.HTTPException):
            self.close_connection = True
            # Reset the connection, as a service that died would.
            self.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            self.connection.close()
            return
        call.status = answer.status
        call.answered = dict(answer.headers)
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        body = b"" if self.command == "HEAD" else answer.body
        while body and answer.gap:
            self.wfile.write(body[:1])
            self.wfile.flush()
            body = body[1:]
            if not answer.gap():
                break
        self.wfile.write(body)
        self.wfile.flush()

    def _forward(self, call: Call) -> Answer:
        headers = {
            name: value
            for name, value in call.headers.items()
            if name.lower() not in {*_HOP_BY_HOP, "content-length", "host"}
        }
        for last in (False, True):
            fresh = self._upstream is None
            connection = self._upstream = self._upstream or self.server.proxy.connect()
            try:
                connection.request(call.method, call.url or self.path, call.body or None, headers)
                response = connection.getresponse()
                break
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                # The service closes idle connections, so retry once on a new one.
                connection.close()
                self._upstream = None
                if fresh or last:
                    raise
        kept = [
            (name, value)
            for name, value in response.getheaders()
            if name.lower() not in {*_HOP_BY_HOP, "content-length"}
        ]
        answer = Answer(response.status, kept, response.read())
        # Report the call here, because the response may be lost later.
        WATCH.called(call, answer)
        return answer

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = _handle

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing, because calls are recorded."""
