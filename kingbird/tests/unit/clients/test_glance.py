"""Glance's answers, as errors that say what is wrong."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import pytest
import requests
from keystoneauth1 import access, token_endpoint
from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1.identity import v3

from kingbird import exception
from kingbird.clients.regions import ImageClientFactory

A = "aaaaaaaa-0000-4000-8000-000000000001"
B = "bbbbbbbb-0000-4000-8000-000000000001"

FORBIDDEN = """<html>
 <head><title>403 Forbidden</title></head>
 <body><h1>403 Forbidden</h1>You are not authorized to complete &lt;this&gt; action.<br /><br />
 </body></html>"""


class Answers(BaseHTTPRequestHandler):
    """Answers every request with what the test put into ``answers``."""

    protocol_version = "HTTP/1.1"
    answers: list = []
    seen: list = []

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.seen.append((self.command, self.path, dict(self.headers), body))
        status, headers, text = self.answers.pop(0)
        if status is None:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_PATCH = _answer

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    """Give a server on loopback with a list of answers and of what came."""

    class Handler(Answers):
        answers: list = []
        seen: list = []

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.handler = Handler
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def images(conf, server):
    """Give the images of that server."""
    url = f"http://127.0.0.1:{server.server_port}"
    auth = token_endpoint.Token(url, "secret-token")
    opened = ImageClientFactory(conf, timeout=2).clients_for(
        {"R1": url}, auth, global_request_id="req-1"
    )
    return opened["R1"]


def as_json(what, status=200):
    return status, {"Content-Type": "application/json"}, json.dumps(what)


def test_one_call_asks_for_ids_whatever_their_visibility(server, images):
    server.handler.answers += [as_json({"images": [{"id": A}]})]
    assert images.list_by_ids([A, B]) == [{"id": A}]
    ((method, path, headers, _),) = server.handler.seen
    assert method == "GET"
    assert path == f"/v2/images?id=in%3A{A}%2C{B}&visibility=all&member_status=all&limit=1000"
    assert headers["X-Auth-Token"] == "secret-token"
    assert headers["X-OpenStack-Request-ID"] == "req-1"


@pytest.mark.parametrize(("timeout", "most"), [(0.5, 0.5), (60, 2)])
def test_a_call_takes_no_longer_than_it_may(server, images, timeout, most):
    server.handler.answers += [as_json({"images": []})]
    with mock.patch.object(
        requests.Session, "send", autospec=True, side_effect=requests.Session.send
    ) as send:
        images.list_by_ids([A], timeout=timeout)
    assert send.call_args.kwargs["timeout"] == most


def test_hidden_images_are_asked_for_by_name(server, images):
    server.handler.answers += [as_json({"images": []})]
    images.list_by_ids([A], hidden=True)
    assert server.handler.seen[0][1].endswith("&os_hidden=true")


def test_pages_are_followed_on_the_same_server_whatever_next_says(server, images):
    server.handler.answers += [
        as_json({"images": [{"id": A}], "next": "http://elsewhere/v2/images?marker=a"}),
        as_json({"images": [{"id": B}]}),
    ]
    assert [image["id"] for image in images.list_by_ids([A, B])] == [A, B]
    assert server.handler.seen[1][1] == "/v2/images?marker=a"


def test_what_is_not_there_is_none(server, images):
    server.handler.answers += [(404, {}, "No image found")]
    assert images.get("a") is None


def test_a_no_keeps_glances_sentence_without_its_html(server, images):
    server.handler.answers += [(403, {"Content-Type": "text/html"}, FORBIDDEN)]
    with pytest.raises(exception.ImageRequestRejected) as caught:
        images.create({"id": "a"})
    assert caught.value.status == 403
    assert caught.value.message == "You are not authorized to complete <this> action."


@pytest.mark.parametrize("status", [408, 429, 500, 501, 502, 503, 504, 520])
def test_what_may_pass_is_an_outage(server, images, status):
    server.handler.answers += [(status, {"Retry-After": "7"}, "Wait.")]
    with pytest.raises(exception.RegionUnavailable) as caught:
        images.create({"id": "a"})
    assert (caught.value.status, caught.value.retry_after) == (status, 7)


@pytest.mark.parametrize(
    ("asked", "seconds"), [("²", None), ("Thu, 01 Jan 2026 00:00:00 GMT", 0), ("soon", None)]
)
def test_an_outage_is_one_whatever_patience_it_asks_for(server, images, asked, seconds):
    server.handler.answers += [(503, {"Retry-After": asked}, "Wait.")]
    with pytest.raises(exception.RegionUnavailable) as caught:
        images.create({"id": "a"})
    assert caught.value.retry_after == seconds


def test_a_connection_that_is_cut_is_an_outage(server, images):
    server.handler.answers += [(None, {}, "")]
    with pytest.raises(exception.RegionUnavailable, match="R1"):
        images.create({"id": "a"})


def test_no_server_is_an_outage(conf):
    url = "http://127.0.0.1:1"
    auth = token_endpoint.Token(url, "secret-token")
    images = ImageClientFactory(conf).clients_for({"R1": url}, auth)["R1"]
    with pytest.raises(exception.RegionUnavailable, match="does not answer") as caught:
        images.get("a")
    assert "secret-token" not in str(caught.value)


class Keystone:
    """Gives tokens, one after the other, or fails."""

    def __init__(self, *answers):
        self.answers = [*answers]

    def get_auth_ref(self, session, **kwargs):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return access.AccessInfoV3({"token": {"expires_at": "2099-01-01T00:00:00Z"}}, answer)


def with_tokens(conf, server, *answers):
    """Return images whose credentials get these tokens, or errors, from Keystone."""
    url = f"http://127.0.0.1:{server.server_port}"
    auth = v3.Password(f"{url}/v3", username="u", password="p")
    auth.get_auth_ref = Keystone(*answers).get_auth_ref
    return ImageClientFactory(conf, timeout=2).clients_for({"R1": url}, auth)["R1"]


def test_a_token_that_is_not_taken_is_renewed(conf, server):
    images = with_tokens(conf, server, "first", "second")
    server.handler.answers += [(401, {}, "No."), as_json({"id": "a"})]
    assert images.create({"id": "a"}) == {"id": "a"}
    tokens = [headers["X-Auth-Token"] for _, _, headers, _ in server.handler.seen]
    assert tokens == ["first", "second"]


@pytest.mark.parametrize(
    "answer",
    [ksa_exc.ConnectFailure(), ksa_exc.ConnectTimeout(), ksa_exc.ServiceUnavailable()],
)
@pytest.mark.parametrize("tokens", [[], ["first"]])
def test_a_keystone_that_is_away_is_no_outage_of_the_region(conf, server, tokens, answer):
    images = with_tokens(conf, server, *tokens, answer)
    server.handler.answers += [(401, {}, "No.") for _ in tokens]
    with pytest.raises(exception.KeystoneUnavailable):
        images.create({"id": "a"})
    assert len(server.handler.seen) == len(tokens)


@pytest.mark.parametrize("tokens", [[], ["first"]])
def test_a_keystone_that_gives_no_token_says_that_the_credentials_are_lost(conf, server, tokens):
    images = with_tokens(conf, server, *tokens, ksa_exc.Unauthorized())
    server.handler.answers += [(401, {}, "No.") for _ in tokens]
    with pytest.raises(exception.CredentialsLost):
        images.create({"id": "a"})


def test_an_answer_that_is_no_json_is_an_outage(server, images):
    server.handler.answers += [(200, {"Content-Type": "application/json"}, "{nonsense")]
    with pytest.raises(exception.RegionUnavailable):
        images.list_by_ids([A])
    for nonsense in ({}, {"images": None}, {"images": [{"name": "no id"}]}):
        server.handler.answers += [as_json(nonsense)]
        with pytest.raises(exception.RegionUnavailable):
            images.list_by_ids([A])
    server.handler.answers += [(200, {"Content-Type": "text/html"}, "<p>Maintenance</p>")]
    with pytest.raises(exception.RegionUnavailable):
        images.list_by_ids([A])


def test_a_patch_has_glances_own_type(server, images):
    server.handler.answers += [as_json({"id": "a"})]
    images.update("a", [{"op": "add", "path": "/x", "value": "y"}])
    _, path, headers, body = server.handler.seen[0]
    assert path == "/v2/images/a"
    assert headers["Content-Type"] == "application/openstack-images-v2.1-json-patch"
    assert json.loads(body) == [{"op": "add", "path": "/x", "value": "y"}]


def test_connections_are_reused(server, images):
    server.handler.answers += [as_json({"images": []}) for _ in range(5)]
    ports = set()
    serve = server.process_request

    def count(request, address):
        ports.add(address[1])
        serve(request, address)

    server.process_request = count
    for _ in range(5):
        images.list_by_ids([A])
    assert len(ports) == 1
