"""The layers around Pecan."""

from typing import Any

import pytest
import webob
import webob.exc
from keystoneauth1 import exceptions as ksa_exc

from kingbird import exception
from kingbird.api.middleware import errors, paths


def respond(result: Any, **environ: Any) -> webob.Response:
    """Have ``Errors`` answer for an application that raises or returns something."""

    def application(environ: Any, start_response: Any) -> Any:
        if isinstance(result, webob.Response):
            return result(environ, start_response)
        raise result

    request = webob.Request.blank("/")
    request.environ.update(environ)
    return request.get_response(errors.ErrorMiddleware(application))


@pytest.mark.parametrize(
    ("error", "code", "title"),
    [
        (exception.BadRequest("why"), 400, "Bad Request"),
        (exception.Unauthorized("why"), 401, "Unauthorized"),
        (exception.Forbidden("why"), 403, "Forbidden"),
        (exception.NotFound("why"), 404, "Not Found"),
        (exception.NotAcceptable("why"), 406, "Not Acceptable"),
        (exception.Conflict("why"), 409, "Conflict"),
        (exception.RequestTooLarge("why"), 413, "Request Entity Too Large"),
        (exception.Unavailable("why"), 503, "Service Unavailable"),
    ],
)
def test_kingbirds_errors_say_why(error: exception.KingbirdError, code: int, title: str) -> None:
    response = respond(error)
    assert response.status_int == code
    assert response.json == {"error": {"code": code, "title": title, "message": "why"}}


@pytest.mark.parametrize(("given", "shown"), [(None, "5"), (17, "17")])
def test_503_tells_when_to_come_again(given: int | None, shown: str) -> None:
    response = respond(exception.Unavailable("why", retry_after=given))
    assert response.headers["Retry-After"] == shown


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("secret internals"),
        exception.KingbirdError("secret internals"),
        exception.ConfigurationError("secret internals"),
    ],
)
def test_what_nobody_expected_is_logged_and_not_shown(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    response = respond(error)
    assert response.status_int == 500
    assert response.json["error"]["title"] == "Internal Server Error"
    assert "secret internals" not in response.text
    assert "secret internals" in caplog.text


@pytest.mark.parametrize(
    "error", [ksa_exc.EndpointNotFound("where"), ksa_exc.SSLError("how"), ksa_exc.NotFound()]
)
def test_what_keystonemiddleware_lets_through(error: Exception) -> None:
    response = respond(error)
    assert response.status_int == 503
    assert response.json["error"]["message"] == "Keystone can't be used at the moment"
    assert response.headers["Retry-After"] == "5"


def test_others_errors_are_put_into_kingbirds_form() -> None:
    found = webob.exc.HTTPMethodNotAllowed(
        "<b>html</b>", headers={"Allow": "GET, POST", "Set-Cookie": "a=b"}
    )
    response = respond(found)
    assert response.json["error"]["code"] == 405
    assert response.headers["Allow"] == "GET, POST"
    assert response.json["error"]["message"] == (
        "This path doesn't take this method; it takes GET, POST"
    )
    assert "Set-Cookie" not in response.headers
    assert response.content_type == "application/json"
    assert "html" not in response.text


def test_what_is_well_stays_as_it_is() -> None:
    response = respond(webob.Response(body=b"raw", status=203))
    assert (response.status_int, response.body) == (203, b"raw")


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("", "/"),
        ("/", "/"),
        ("//", "/"),
        ("/v1.0/", "/v1.0"),
        ("//v1.0//p/os-sync/", "/v1.0/p/os-sync"),
        ("///v1.0///p///os-sync///", "/v1.0/p/os-sync"),
        ("v1.0", "/v1.0"),
        ("/v1.0/p/os-sync/\xc3\xa9", "/v1.0/p/os-sync/\xc3\xa9"),
        ("/\xf0\x9f\x90\xa6", "/\xf0\x9f\x90\xa6"),
        ("/../", "/.."),
    ],
)
def test_paths_have_one_spelling(path: str, normal: str) -> None:
    seen = []

    def application(environ: Any, start_response: Any) -> Any:
        seen.append(environ["PATH_INFO"])
        return []

    paths.PathNormalizer(application)({"PATH_INFO": path}, None)
    assert seen == [normal]


@pytest.mark.parametrize("path", ["/\xff", "/\xc3", "/\u20ac", "/a\0b", "/\xed\xa0\x80"])
def test_paths_that_are_no_text(path: str) -> None:
    with pytest.raises(exception.BadRequest):
        paths.PathNormalizer(lambda *_: [])({"PATH_INFO": path}, None)
