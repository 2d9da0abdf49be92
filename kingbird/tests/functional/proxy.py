"""A reverse proxy on loopback that records what passes, and breaks it where a test says.

It stands between Kingbird and a Glance or Keystone: the catalog's ``internal`` endpoints,
or Kingbird's ``auth_url``, point to it.
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

#: Seconds after which a call that is held goes on, so that a test that fails ends.
HELD = 120
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "upgrade"})


@dataclass
class Call:
    """A request that came, and what it was answered."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    #: ``None`` as long as there is no answer, and if the connection was closed without one.
    status: int | None = None
    at: float = field(default_factory=time.monotonic)
    #: Path and query to forward; empty for what came.
    url: str = ""
    #: The headers of the answer.
    answered: dict[str, str] = field(default_factory=dict)
    #: Who sent it, as :attr:`Proxy.identify` says.
    client: Any = None

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def writes(self) -> bool:
        """Whether it may have changed something."""
        return self.method not in ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Answer:
    """What comes back: from behind, or made up."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Cut(Exception):
    """The connection is to be closed without an answer."""


#: What a fault does with a call: it may forward it, changed or not, and answer or cut.
Fault = Callable[[Call, Callable[[Call], Answer]], Answer]
Matcher = Callable[[Call], bool]


def error(status: int, **headers: str) -> Fault:
    """Answer with a status; the call is not forwarded."""

    def fault(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return Answer(status, named, f"HTTP {status} by the test's proxy".encode())

    return fault


def refuse(call: Call, forward: Callable[[Call], Answer]) -> Answer:
    """Close the connection; the call is not forwarded."""
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
    """Return a call for a list with shorter pages, as from a Glance that caps them."""
    return dataclasses.replace(call, url=re.sub(r"\blimit=\d+", f"limit={most}", call.url))


def hold(gate: threading.Event) -> Fault:
    """Keep the call waiting until the gate is open, then forward it."""

    def fault(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        gate.wait(HELD)
        return forward(call)

    return fault


class Proxy:
    """A proxy in front of one service; starts and stops as a context manager.

    :param upstream: the service's URL, without a path.
    :ivar identify: asked for each new connection who is at its other end, by that end's port.
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
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def calls(self) -> list[Call]:
        """What came so far."""
        with self._lock:
            return list(self._calls)

    def forget(self) -> None:
        """Drop what came so far, as a run that lasts for hours has to."""
        with self._lock:
            self._calls.clear()

    @contextlib.contextmanager
    def recording(self) -> Iterator[list[Call]]:
        """Yield a list that holds, at the end, what came meanwhile."""
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
        """Apply a fault to calls that match: the next so many, or all that come meanwhile."""
        entry = [matches, fault, times]
        with self._lock:
            self._faults.append(entry)  # type: ignore[arg-type]
        try:
            yield
        finally:
            with self._lock:
                self._faults = [each for each in self._faults if each is not entry]

    def take(self, call: Call) -> Fault | None:
        """Note a call.  Return the fault that is to be applied to it."""
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
        """Say nothing of clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    """One client's connection, with a connection to the service that lives as long."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Head and body of an answer leave in one packet.
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
            # A reset rather than an orderly end, as from a service that died.
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
        if self.command != "HEAD":
            self.wfile.write(answer.body)
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
                # The service closes connections that were idle for long: once more.
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
        # Here, as an answer may be lost on its way back.
        WATCH.called(call, answer)
        return answer

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = _handle

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what came is recorded."""
