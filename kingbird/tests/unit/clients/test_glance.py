"""Glance's answers, as errors that say what is wrong."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from glanceclient import exc as glance_exc
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
    return open_images(conf, server)


def open_images(conf, server):
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


PAUSE = 0.02


def test_the_pages_of_a_list_by_ids_end_in_time_together(server, images):
    """Each page comes in time and shows something new, and there is always another one."""
    ids = [f"{n:08}{A[8:]}" for n in range(100)]
    quick = server.handler.do_GET

    def slowly(handler):
        time.sleep(PAUSE)
        quick(handler)

    server.handler.do_GET = slowly
    server.handler.answers += [
        as_json({"images": [{"id": image_id}], "next": f"?marker={image_id}"}) for image_id in ids
    ]
    with pytest.raises(exception.RegionUnavailable, match="does not answer"):
        images.list_by_ids(ids, timeout=10 * PAUSE)
    assert len(server.handler.seen) < 20


@pytest.mark.parametrize(
    "page",
    [
        {"images": [{"id": A}], "next": "/v2/images?marker=a"},
        {"images": [], "next": "/v2/images?marker=a"},
        {"images": [{"id": "cccccccc-0000-4000-8000-000000000001"}], "next": "?marker=a"},
    ],
    ids=["the same again", "nothing", "what was not asked for"],
)
def test_a_list_by_ids_that_shows_nothing_new_is_an_outage(server, images, page):
    server.handler.answers += [as_json(page)] * 10
    with pytest.raises(exception.RegionUnavailable, match="again and again") as caught:
        images.list_by_ids([A, B])
    assert caught.value.region == "R1"
    assert len(server.handler.seen) <= 2


def test_a_page_of_a_list_by_ids_that_is_too_large_is_asked_for_in_parts(conf, server, images):
    conf.set_override("max_response_size", 1 << 20, group="glance")
    large = as_json({"images": [{"id": A, "name": "n" * (1 << 20)}, {"id": B}]})
    server.handler.answers += [
        large,
        as_json({"images": [{"id": A}], "next": "/v2/images?id=in%3A&marker=a&limit=100"}),
        large,
        as_json({"images": [{"id": B}]}),
    ]
    images = open_images(conf, server)
    assert [image["id"] for image in images.list_by_ids([A, B])] == [A, B]
    queries = [parse_qs(urlsplit(path).query) for _, path, _, _ in server.handler.seen]
    assert [(one["limit"], one.get("marker")) for one in queries] == [
        (["1000"], None),
        (["100"], None),
        (["100"], ["a"]),
        (["10"], ["a"]),
    ]
    server.handler.answers += [large] * 4
    with pytest.raises(exception.AnswerTooLarge, match="region R1 answers with more than"):
        images.list_by_ids([A, B])
    assert not server.handler.answers


def test_what_was_not_asked_for_is_left_out(server, images):
    server.handler.answers += [as_json({"images": [{"id": A}, {"id": B}]})]
    assert images.list_by_ids([B]) == [{"id": B}]


def test_what_is_not_there_is_none(server, images):
    server.handler.answers += [(404, {}, "No image found")]
    assert images.get("a") is None


#: Bodies of errors, and the words that are left of them.
WORDS = [
    (FORBIDDEN, "You are not authorized to complete <this> action."),
    ("Just a sentence.\n", "Just a sentence."),
    ('{"error": {"message": "No token.", "code": 401, "title": "Unauthorized"}}', "No token."),
    ('{"message": "Not allowed.<br /><br />\\n", "code": "403 Forbidden"}', "Not allowed."),
    ('{"itemNotFound": {"message": "Nothing.", "code": 404}}', "Nothing."),
    ('{"errors": [{"status": 400, "detail": "Bad query."}]}', "Bad query."),
    ('{"faultcode": "Client", "faultstring": "Bad query.", "debuginfo": null}', "Bad query."),
    ('"A sentence."', "A sentence."),
    ('{"versions": [{"id": "v2.16", "status": "CURRENT", "links": []}]}', ""),
    ('{"message": 5}', ""),
    ("[" * 100_000, "[" * 997 + "..."),
    ("", ""),
]


@pytest.mark.parametrize(("body", "words"), WORDS, ids=[body[:20] for body, _ in WORDS])
@pytest.mark.parametrize("status", [400, 503])
def test_an_error_is_told_in_words(server, images, status, body, words):
    server.handler.answers += [(status, {}, body)]
    with pytest.raises(exception.KingbirdError) as caught:
        images.create({"id": "a"})
    told = caught.value.message
    if status == 400:
        assert told == (words or "HTTP 400")
    else:
        answer = f"HTTP 503: {words}" if words else "HTTP 503"
        assert told == f"The image service of region R1 can't be used at the moment ({answer})"


#: Answers to a list that are none, and a part of the sentence about each.
NO_LISTS = [
    (400, "Bad query.", "refuses to list images (HTTP 400: Bad query.): its release may be too"),
    (
        401,
        '{"error": {"message": "Who?"}}',
        "does not accept the token (HTTP 401: Who?). If other",
    ),
    (403, "", "does not let the user list images (HTTP 403): look at get_images in its policy"),
    (404, "<h1>Not Found</h1>", "there is no image API v2 (HTTP 404): correct the endpoint's URL"),
    (405, "", "there is no image API v2 (HTTP 405): correct the endpoint's URL"),
    (300, '{"versions": [{"id": "v2.16"}]}', "there is no image API v2 (HTTP 300): correct"),
    (200, '{"versions": [{"id": "v3.14"}]}', "no image API v2 (HTTP 300: a list of API versions)"),
    (200, '{"version": {"id": "v3.14"}}', "no image API v2 (HTTP 300: a list of API versions)"),
    (304, "", "there is no image API v2 (HTTP 304): correct the endpoint's URL"),
    (413, "Too much.", "refuses to list images (HTTP 413: Too much.)"),
]


@pytest.mark.parametrize(("status", "body", "words"), NO_LISTS)
@pytest.mark.parametrize("by_ids", [True, False])
def test_a_list_that_is_refused_says_what_to_look_at(server, images, by_ids, status, body, words):
    server.handler.answers += [(status, {}, body)]
    with pytest.raises(exception.ImageRequestRejected) as caught:
        images.list_by_ids([A]) if by_ids else images.parse_page(images.fetch_page("limit=1"))
    assert caught.value.status == (300 if status == 200 else status)
    assert words in caught.value.message
    assert "region R1" in caught.value.message
    assert "{" not in caught.value.message


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


@pytest.mark.parametrize(
    ("error", "words", "status", "patience"),
    [
        (ksa_exc.ClientException("secret"), "can't be used: ClientException", None, None),
        (ksa_exc.SSLError("secret"), "can't be used: SSLError", None, None),
        (requests.RequestException("secret"), "can't be used: RequestException", None, None),
        (glance_exc.CommunicationError("secret"), "does not answer", None, None),
        (glance_exc.InvalidEndpoint("secret"), "does not answer", None, None),
        (
            exception.RegionUnavailable("Busy.", 503, 7),
            "can't be used at the moment (HTTP 503: Busy.)",
            503,
            7,
        ),
        (exception.RegionUnavailable("As it is"), None, None, None),
    ],
)
def test_errors_of_a_call_are_those_of_its_region(
    images, monkeypatch, error, words, status, patience
):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(images._http, "request", fail)
    with pytest.raises(exception.RegionUnavailable) as caught:
        images.create({"id": "a"})
    found = caught.value
    expected = f"The image service of region R1 {words}" if words else "As it is"
    assert (found.message, found.region) == (expected, "R1")
    assert (found.status, found.retry_after) == (status, patience)


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


def test_imports(images, server):
    server.handler.answers += [
        as_json({"import-methods": {"type": "array", "value": ["web-download", 3]}}),
        (202, {}, ""),
        as_json({"tasks": [{"id": "t", "status": "failure"}]}),
    ]
    assert images.import_methods() == ["web-download"]
    assert images.import_data(A, region="R2", source_id=B, interface="internal") is None
    assert images.list_import_tasks(A) == [{"id": "t", "status": "failure"}]
    calls = [(method, path) for method, path, _, _ in server.handler.seen]
    assert calls == [
        ("GET", "/v2/info/import"),
        ("POST", f"/v2/images/{A}/import"),
        ("GET", f"/v2/images/{A}/tasks"),
    ]
    assert json.loads(server.handler.seen[1][3]) == {
        "method": {
            "name": "glance-download",
            "glance_region": "R2",
            "glance_image_id": B,
            "glance_service_interface": "internal",
        }
    }
    assert server.handler.seen[1][2]["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("import_methods", {}),
        ("import_methods", {"import-methods": []}),
        ("import_methods", {"import-methods": {"value": "glance-download"}}),
        ("list_import_tasks", {}),
        ("list_import_tasks", {"tasks": ["t"]}),
    ],
)
def test_odd_answers_about_imports(images, server, call, answer):
    server.handler.answers.append(as_json(answer))
    arguments = [A] if call == "list_import_tasks" else []
    with pytest.raises(exception.RegionUnavailable):
        getattr(images, call)(*arguments)
