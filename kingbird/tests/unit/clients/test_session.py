"""Sessions remember nothing of a call, and carry no token to another host."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1 import token_endpoint

from kingbird import exception
from kingbird.api.middleware.authentication import Authentication
from kingbird.clients.regions import ImageClientFactory
from kingbird.clients.session import glance_session, keystone_session, plain_transport

ID = "aaaaaaaa-0000-4000-8000-000000000001"


class Handler(BaseHTTPRequestHandler):
    """Sets a cookie, and redirects to where the test says."""

    protocol_version = "HTTP/1.1"
    location: bytes | None = None
    seen: list

    def do_GET(self):
        self.seen.append((self.path, dict(self.headers)))
        redirects = self.location is not None and not self.path.startswith("/moved")
        self.send_response(302 if redirects else 200)
        if redirects:
            self.send_header("Location", self.location.decode("latin-1"))
        self.send_header("Set-Cookie", "session=users-own; Path=/")
        self.send_header("Content-Type", "application/json")
        body = b'{"images": []}'
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    """Give a server on loopback."""

    class Own(Handler):
        seen: list = []

    made = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    made.handler = Own
    made.url = f"http://127.0.0.1:{made.server_port}"
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def middleware_session(conf):
    conf.set_override("www_authenticate_uri", "http://keystone.test", group="keystone_authtoken")
    return Authentication(lambda *args: [], {"oslo_config_config": conf})._session


SESSIONS = {
    "glance": lambda conf: glance_session(conf, "R1", connections=1),
    "keystone": lambda conf: keystone_session(conf, connections=1),
    "keystonemiddleware": middleware_session,
}


def names_sent(server):
    return [name.lower() for _, headers in server.handler.seen for name in headers]


@pytest.mark.parametrize("kind", SESSIONS)
def test_no_cookie_is_kept_or_sent(conf, server, kind):
    session = SESSIONS[kind](conf)
    for _ in range(2):
        session.get(f"{server.url}/v3", authenticated=False)
    assert len(server.handler.seen) == 2
    assert "cookie" not in names_sent(server)
    assert len(session.session.cookies) == 0


def test_one_users_call_carries_nothing_of_anothers(conf, server):
    regions = ImageClientFactory(conf)
    for token in ("mine", "theirs"):
        auth = token_endpoint.Token(server.url, token)
        regions.clients_for({"R1": server.url}, auth)["R1"].list_by_ids([ID])
    assert [headers["X-Auth-Token"] for _, headers in server.handler.seen] == ["mine", "theirs"]
    assert "cookie" not in names_sent(server)


@pytest.mark.parametrize("kind", SESSIONS)
def test_the_environment_adds_no_password(conf, server, tmp_path, monkeypatch, kind):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    SESSIONS[kind](conf).get(server.url, authenticated=False)
    assert names_sent(server)
    assert "authorization" not in names_sent(server)


@pytest.fixture
def images(conf, server):
    """Give the images of that server, for a user with a token."""
    auth = token_endpoint.Token(server.url, "secret-token")
    return ImageClientFactory(conf).clients_for({"R1": server.url}, auth)["R1"]


def test_a_redirect_on_the_same_host_is_followed(server, images):
    server.handler.location = f"{server.url}/moved/v2/images".encode()
    assert images.list_by_ids([ID]) == []
    assert [path for path, _ in server.handler.seen][1:] == ["/moved/v2/images"]


@pytest.mark.parametrize(
    "location",
    [
        b"http://localhost:%d/moved",
        b"//localhost:%d/moved",
        b"http://somebody:secret@localhost:%d/moved",
        b"ftp://127.0.0.1:%d/",
        b"http://[/%d",
        b"http://127.0.0.1:port/%d",
        b"http://\xff:%d/moved",
    ],
)
def test_a_token_goes_to_no_other_host(server, images, location):
    server.handler.location = location % server.server_port
    with pytest.raises(exception.ImageRequestRejected) as caught:
        images.list_by_ids([ID])
    assert caught.value.status == 302
    assert "image endpoint of region R1" in caught.value.message
    assert "redirects to another host" in caught.value.message
    assert "secret" not in caught.value.message
    assert len(server.handler.seen) == 1


@pytest.mark.parametrize("kind", ["keystone", "keystonemiddleware"])
def test_keystones_redirect_to_another_host_is_no_answer(conf, server, kind):
    server.handler.location = b"http://localhost:%d/moved" % server.server_port
    with pytest.raises(ksa_exc.ConnectFailure, match="redirects to another host"):
        SESSIONS[kind](conf).get(server.url, authenticated=False)
    assert len(server.handler.seen) == 1


class Recorder(requests.adapters.BaseAdapter):
    """Notes the requests that it gets, with their settings."""

    def __init__(self):
        super().__init__()
        self.seen: list = []

    def send(self, request, *args, **settings):
        parts = request.method, request.url, request.headers, request.body
        self.seen.append((parts, args, settings))
        answer = requests.Response()
        answer.status_code, answer._content, answer.request = 200, b"", request
        return answer


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"headers": {"X-Auth-Token": "secret", "accept": "text/plain", "Connection": None}},
        {"params": {"limit": 2, "tag": ["a", "b"]}},
        {"data": b"{}", "headers": {"Content-Type": "application/json"}},
        {"json": {"name": "one"}},
        {"auth": ("me", "secret")},
        {"verify": False, "cert": ("cert", "key"), "timeout": 3, "stream": True},
        {"verify": "/ca.pem", "proxies": {"http": "http://proxy.test"}},
    ],
)
def test_a_request_is_what_requests_makes_of_it(options, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/of/the/environment.pem")
    mine, theirs = Recorder(), Recorder()
    reference = requests.Session()
    reference.mount("http://", theirs)
    reference.trust_env = False
    for transport in (plain_transport(mine), reference):
        transport.request("POST", "http://glance.test/v2/images?a=b", **options)
    assert mine.seen == theirs.seen
