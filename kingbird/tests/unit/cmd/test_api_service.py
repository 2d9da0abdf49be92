"""The small server of kingbird-api and kingbird-standalone."""

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator

import pytest

from kingbird.api import app
from kingbird.cmd.api_service import ApiService
from kingbird.tests.api.world import PROJECT, World
from kingbird.tests.unit.api.conftest import request_body
from kingbird.tests.waiting import PATIENCE

JOBS = f"/v1.0/{PROJECT}/os-sync"
#: Seconds for which the server waits for more of a request, and for a whole request, where that
#: matters.  Elsewhere it waits longer than a busy machine takes.
MORE = 1
WHOLE = 3
LONG = int(2 * PATIENCE)


@pytest.fixture(params=[(MORE, LONG)])
def port(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Serve with a single thread, and give the port."""
    more, whole = request.param
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        chosen = free.getsockname()[1]
    with World(port=chosen, threads=1, client_timeout=more, arrival_timeout=whole) as world:
        monkeypatch.setattr(app, "create", lambda conf: world.application)
        service = ApiService(world.conf)
        service.start()
        yield chosen
        service.stop()
        service.wait()


def head(method: str = "POST", length: int = 0) -> bytes:
    return (
        f"{method} {JOBS} HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: member\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def read(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    connection.settimeout(PATIENCE)
    found = b""
    while chunk := connection.recv(65536):
        found += chunk
    return found


@pytest.mark.parametrize(
    "sent",
    [head(length=100) + b'{"resource_set":', head()[:40], b""],
    ids=["half a body", "half a head", "nothing"],
)
def test_who_sends_half_a_request_holds_no_thread(port: int, sent: bytes) -> None:
    """The connection is closed; who said half a head is told why before."""
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(sent)
        with socket.create_connection(("127.0.0.1", port)) as other:
            other.sendall(head("GET").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            assert b" 200 " in read(other).partition(b"\r\n")[0]
        if sent:
            answer = read(slow)
            assert answer == b"" or b" 408 " in answer.partition(b"\r\n")[0]


@pytest.mark.parametrize("port", [(LONG, LONG)], indirect=True)
def test_a_whole_request_may_come_in_parts(port: int) -> None:
    body = json.dumps(request_body()).encode()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            head(length=len(body)).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        for number in range(0, len(body), 50):
            connection.sendall(body[number : number + 50])
            time.sleep(0.1)
        assert b" 200 " in read(connection).partition(b"\r\n")[0]


@pytest.mark.parametrize("port", [(LONG, WHOLE)], indirect=True)
@pytest.mark.parametrize("begun", [head(length=1000), b"GET / HTTP/1.1\r\nX-A: "])
def test_who_sends_a_byte_now_and_then_holds_no_thread(port: int, begun: bytes) -> None:
    """Never silent for long, and never done."""
    with socket.create_connection(("127.0.0.1", port)) as slow:
        since = time.monotonic()
        slow.sendall(begun)
        answer = b""
        slow.settimeout(MORE / 4)
        while time.monotonic() < since + PATIENCE:
            try:
                slow.sendall(b"a")
                answer = slow.recv(1000)
            except TimeoutError:
                continue
            except OSError:
                pass
            break
        assert WHOLE - 0.5 < time.monotonic() - since < PATIENCE
        assert answer == b"" or answer.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 400 "))
        with socket.create_connection(("127.0.0.1", port)) as other:
            other.sendall(head("GET").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            assert b" 200 " in read(other).partition(b"\r\n")[0]


@pytest.mark.parametrize("port", [(LONG, WHOLE)], indirect=True)
def test_a_connection_may_last(port: int) -> None:
    """The time is of a request, not of the connection that brings several."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        for _ in range(6):
            connection.request("GET", JOBS, headers={"X-Auth-Token": "member"})
            answer = connection.getresponse()
            answer.read()
            assert (answer.status, answer.will_close) == (200, False)
            time.sleep(WHOLE / 5)
