"""A call ends at its deadline, and an answer has a largest size.

The server of these tests sends whole answers, but so slowly that a call without a deadline would
wait for all of it.
"""

import gzip
import os
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import webob.exc
from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1 import loading, token_endpoint
from keystoneauth1.identity import v3

from kingbird import exception
from kingbird.api.middleware.authentication import Authentication
from kingbird.clients.call_limits import deadline, time_left
from kingbird.clients.image_lists import PAGE_BYTES, size_of
from kingbird.clients.regions import ImageClientFactory
from kingbird.clients.session import keystone_session
from kingbird.concurrency import ENVIRONMENT
from kingbird.conf.keystone import GROUP

ID = "aaaaaaaa-0000-4000-8000-000000000001"
PAGE = b'{"images": []}'
#: Seconds of a call, of a pause between two bytes, and of a whole slow answer.
DEADLINE = 0.4
PAUSE = 0.05
WHOLE = 10
MIB = 1 << 20


class Handler(BaseHTTPRequestHandler):
    """Answers as the test says."""

    protocol_version = "HTTP/1.1"
    answer: str = "quick"
    body: bytes = PAGE
    over: threading.Event

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        getattr(self, self.answer)()

    do_POST = do_GET

    def _headers(self, *, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _trickle(self, text):
        for _ in range(int(WHOLE / PAUSE)):
            if self.over.wait(PAUSE):
                break
            self.wfile.write(text)

    def quick(self):
        self._headers(Content_Length=str(len(self.body)))
        self.wfile.write(self.body)

    def head(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self._trickle(b"a")
        self.wfile.write(b"\r\nContent-Length: %d\r\n\r\n%s" % (len(PAGE), PAGE))

    def content(self):
        self._headers(Content_Length=str(int(WHOLE / PAUSE) + len(PAGE)))
        self._trickle(b" ")
        self.wfile.write(PAGE)

    def chunks(self):
        self._headers(Transfer_Encoding="chunked")
        self._trickle(b"1\r\n \r\n")
        self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE))

    def chunk_head(self):
        self._headers(Transfer_Encoding="chunked")
        self.wfile.write(b"%x;" % len(PAGE))
        self._trickle(b"a")
        self.wfile.write(b"\r\n%s\r\n0\r\n\r\n" % PAGE)

    def redirects(self):
        self.over.wait(PAUSE)
        location = f"http://{self.headers['Host']}{self.path}"
        self._headers(status=302, Location=location, Content_Length="0")

    def error(self):
        self._headers(status=503, Content_Length=str(int(WHOLE / PAUSE)))
        self._trickle(b"a")

    def unbounded(self):
        self._headers(Transfer_Encoding="chunked")
        for _ in range(16):
            self.wfile.write(b"%x\r\n%s\r\n" % (MIB, b" " * MIB))
        self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE))

    def compressed(self):
        body = gzip.compress(b" " * (16 * MIB) + PAGE)
        assert len(body) < MIB
        self._headers(Content_Encoding="gzip", Content_Length=str(len(body)))
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Ignore clients that close their connection."""


@pytest.fixture
def server():
    """Give a server on loopback."""

    class Own(Handler):
        over = threading.Event()

    made = Server(("127.0.0.1", 0), Own)
    made.handler = Own
    made.url = f"http://127.0.0.1:{made.server_port}"
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    yield made
    Own.over.set()
    made.shutdown()
    thread.join()
    made.server_close()


def open_images(conf, url, auth=None, timeout=DEADLINE):
    auth = auth or token_endpoint.Token(url, "secret-token")
    return ImageClientFactory(conf, timeout=timeout).clients_for({"R1": url}, auth)["R1"]


SLOW = ["head", "content", "chunks", "chunk_head", "redirects", "error"]


@pytest.mark.parametrize("answer", SLOW)
def test_a_call_to_glance_ends_at_its_deadline(conf, server, answer):
    server.handler.answer = answer
    images = open_images(conf, server.url)
    with pytest.raises(exception.RegionUnavailable, match="does not answer"):
        images.fetch_page("limit=1")
    # The next call has its own time, and its own connection.
    server.handler.answer = "quick"
    assert images.fetch_page("limit=1") == PAGE


@pytest.mark.parametrize("answer", SLOW)
def test_a_call_to_keystone_ends_at_its_deadline(conf, server, answer):
    server.handler.answer = answer
    session = keystone_session(conf, connections=1, timeout=DEADLINE)
    with pytest.raises(ksa_exc.ConnectionError):
        session.get(f"{server.url}/v3", authenticated=False)


@pytest.mark.parametrize("answer", SLOW)
def test_a_token_that_is_renewed_within_a_call_shares_its_time(conf, server, answer):
    server.handler.answer = answer
    auth = v3.Password(f"{server.url}/v3", username="u", password="p")
    with pytest.raises(exception.KeystoneUnavailable):
        open_images(conf, server.url, auth).fetch_page("limit=1")


def test_a_session_that_sends_a_request_id_has_the_same_limits(conf, server):
    server.handler.answer = "content"
    session = keystone_session(conf, connections=1, timeout=DEADLINE)
    with pytest.raises(ksa_exc.ConnectionError):
        session.with_headers({"X-Some": "id"}).get(f"{server.url}/v3", authenticated=False)


@pytest.mark.parametrize("answer", ["head", "content"])
def test_keystonemiddleware_ends_at_a_deadline(conf, server, answer):
    server.handler.answer = answer
    loading.register_auth_conf_options(conf, GROUP)
    conf.register_opts(loading.get_auth_plugin_conf_options("password"), group=GROUP)
    for name, value in {
        "auth_type": "password",
        "auth_url": server.url,
        "username": "u",
        "password": "p",
        "http_connect_timeout": DEADLINE / 2,
        "www_authenticate_uri": server.url,
    }.items():
        conf.set_override(name, value, group=GROUP)
    middleware = Authentication(lambda *args: [], {"oslo_config_config": conf})
    middleware._token_cache.initialize({})
    with pytest.raises(webob.exc.HTTPServiceUnavailable):
        middleware.fetch_token("token")


def test_a_deadline_within_another_is_no_longer():
    with deadline(5), deadline(100):
        assert time_left() <= 5
        assert time_left(1) == 1
        with deadline(0), pytest.raises(TimeoutError):
            time_left()
        assert time_left() > 1
    assert time_left() is None


def test_each_thread_has_its_own_deadline():
    found = []
    with deadline(5):
        thread = threading.Thread(target=lambda: found.append(time_left()))
        thread.start()
        thread.join()
    assert found == [None]


# The size.


@pytest.mark.parametrize("answer", ["unbounded", "compressed"])
def test_an_answer_of_glance_that_is_too_large(conf, server, answer):
    conf.set_override("max_response_size", MIB, group="glance")
    server.handler.answer = answer
    images = open_images(conf, server.url, timeout=60)
    with pytest.raises(exception.AnswerTooLarge) as caught:
        images.fetch_page("limit=1")
    assert f"region R1 answers with more than {MIB} bytes" in caught.value.message
    assert "max_response_size" in caught.value.message
    server.handler.answer = "quick"
    assert images.fetch_page("limit=1") == PAGE


@pytest.mark.parametrize("answer", ["unbounded", "compressed"])
def test_an_answer_of_keystone_that_is_too_large(conf, server, answer, caplog):
    conf.set_override("max_response_size", MIB, group="glance")
    server.handler.answer = answer
    session = keystone_session(conf, connections=1)
    middleware = Authentication(lambda *args: [], {"oslo_config_config": conf})._session
    for each in (session, middleware):
        caplog.clear()
        with pytest.raises(ksa_exc.ConnectionError, match="Keystone answers with more than"):
            each.get(f"{server.url}/v3", authenticated=False)
        assert "max_response_size" in caplog.text


def test_an_answer_of_just_that_size_is_read(conf, server):
    conf.set_override("max_response_size", MIB, group="glance")
    server.handler.body = PAGE.ljust(MIB)
    images = open_images(conf, server.url, timeout=60)
    assert images.fetch_page("limit=1") == server.handler.body
    server.handler.body += b" "
    with pytest.raises(exception.AnswerTooLarge, match="max_response_size"):
        images.fetch_page("limit=1")


def test_a_page_of_several_images_is_smaller_than_an_answer(conf, server):
    server.handler.body = PAGE.ljust(PAGE_BYTES)
    images = open_images(conf, server.url, timeout=60)
    assert size_of(images.fetch_page("limit=1000", limit=1000)) == PAGE_BYTES
    server.handler.body += b" "
    for limit in (1000, 10):
        with pytest.raises(exception.AnswerTooLarge, match=f"more than {PAGE_BYTES} bytes"):
            images.fetch_page(f"limit={limit}", limit=limit)
    assert size_of(images.fetch_page("limit=1", limit=1)) == PAGE_BYTES + 1


# TLS.


@pytest.fixture
def tls_server(server, tmp_path):
    """Give the server behind TLS, and the file of its certificate."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.url = server.url.replace("http", "https")
    server.certificate = str(certificate)
    return server


@pytest.mark.skipif(
    os.environ.get(ENVIRONMENT) == "eventlet",
    reason="pytest imports ssl before eventlet can patch it",
)
@pytest.mark.parametrize("answer", ["head", "content"])
def test_a_call_over_tls_ends_at_its_deadline(conf, tls_server, answer):
    conf.set_override("cafile", tls_server.certificate, group="glance")
    images = open_images(conf, tls_server.url, timeout=1)
    assert images.fetch_page("limit=1") == PAGE
    tls_server.handler.answer = answer
    with pytest.raises(exception.RegionUnavailable, match="does not answer"):
        images.fetch_page("limit=1")
