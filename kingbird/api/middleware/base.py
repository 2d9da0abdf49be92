"""WSGI layers around Pecan: errors as JSON, one spelling of paths, and the door to tokens.

``kingbird.api.app`` says in which order they stand and why.
"""

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

import webob
from keystoneauth1 import exceptions as ksa_exc
from oslo_middleware import request_id

from kingbird import exception
from kingbird.context import RequestContext

LOG = logging.getLogger(__name__)

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]

#: What is said about answers that come without words of Kingbird's own.
DEFAULT_MESSAGES = {
    400: "The request can't be read",
    401: "The request needs a valid token in X-Auth-Token",
    404: "There is nothing at this path",
    405: "This path doesn't take this method; it takes {allow}",
    503: "Keystone can't be used at the moment",
}
#: Headers of an answer that stay when its body is replaced.
PRESERVED_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
RETRY_AFTER = 5

TOKEN_HEADERS = ("HTTP_X_AUTH_TOKEN", "HTTP_X_SERVICE_TOKEN")


def render(error: exception.KingbirdError) -> webob.Response:
    """Return an error as the API shows it."""
    body = {"error": {"code": error.code, "title": error.title, "message": error.message}}
    response = webob.Response(
        status=error.code,
        content_type="application/json",
        body=json.dumps(body).encode(),
    )
    if error.code in (429, 503):
        response.headers["Retry-After"] = str(error.retry_after or RETRY_AFTER)
    return response


class RequestId(request_id.RequestId):
    """Gives each request an id of its own, and takes the global one that it may come with.

    A global id that is not ``req-`` and a UUID is left aside.
    """

    #: The answer has the id under the name that other services use too, and under this one.
    compat_headers = ["openstack-request-id"]


class ErrorMiddleware:
    """Makes every answer of 400 and above, and every exception, the same JSON."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer a request; no exception leaves."""
        request = webob.Request(environ)
        # Until the token is known, lines in the log at least carry this request's id, and not
        # that of the one before it in this thread.
        RequestContext(
            request_id=environ.get(request_id.ENV_REQUEST_ID),
            global_request_id=environ.get(request_id.GLOBAL_REQ_ID),
        )
        response = self._respond(request)
        return response(environ, start_response)

    def _respond(self, request: webob.Request) -> webob.Response:
        try:
            response = request.get_response(self._application)
        except exception.KingbirdError as error:
            if error.code < 500:
                return render(error)
            LOG.error("Request failed: %s", error.message, exc_info=error.code == 500)
            return render(
                error if error.code != 500 or error.expose_message else _internal_error()
            )
        except ksa_exc.ClientException as error:
            # keystonemiddleware knows of some of these only.
            LOG.error("Request failed: Keystone unavailable: %s", type(error).__name__)
            return render(exception.KeystoneUnavailable(DEFAULT_MESSAGES[503]))
        except Exception:
            LOG.exception("Request failed: unexpected error")
            return render(_internal_error())
        if response.status_int < 400:
            return response
        return self._as_json(response)

    @staticmethod
    def _as_json(response: webob.Response) -> webob.Response:
        sentence = DEFAULT_MESSAGES.get(response.status_int, "The request can't be answered")
        error = exception.KingbirdError(
            sentence.format(allow=response.headers.get("Allow") or "no method")
        )
        error.code = response.status_int
        rendered = render(error)
        for name in PRESERVED_HEADERS:
            if name in response.headers:
                rendered.headers[name] = response.headers[name]
        return rendered


def _internal_error() -> exception.KingbirdError:
    return exception.KingbirdError(
        "Kingbird failed; its log tells why, under the id in X-Openstack-Request-Id"
    )


def normalize_path(path: str) -> str:
    """Return a path in its one spelling: no doubled slash, none at the end.

    An endpoint that was registered with a slash at its end makes clients double it.
    """
    return "/" + "/".join(part for part in path.split("/") if part)


class PathNormalizer:
    """Gives every path one spelling, see :func:`normalize_path`."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Pass a request on.

        :raises kingbird.exception.BadRequest: the path is no UTF-8, or holds a NUL.
        """
        path = environ.get("PATH_INFO", "")
        try:
            # WSGI hands bytes over as if they were Latin-1.
            text = path.encode("latin-1").decode("utf-8")
        except UnicodeError:
            raise exception.BadRequest("The path is not in UTF-8") from None
        if "\0" in text:
            raise exception.BadRequest("The path holds a NUL")
        environ["PATH_INFO"] = normalize_path(path)
        return self._application(environ, start_response)


class AuthPublicRoutes:
    """Lets a few paths pass by the middleware that asks for a token.

    :param public: the paths.
    :param application: what answers them.
    :param authenticated: the same behind the middleware.
    """

    def __init__(
        self, public: Iterable[str], application: Application, authenticated: Application
    ) -> None:
        self._public = frozenset(public)
        self._application = application
        self._authenticated = authenticated

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Pass a request on."""
        if environ["PATH_INFO"] in self._public:
            return self._application(environ, start_response)
        if not all(environ.get(name, "").isprintable() for name in TOKEN_HEADERS):
            # Keystone answers 400 to such a token, which keystonemiddleware takes for an outage.
            environ.pop(TOKEN_HEADERS[0], None)
        return self._authenticated(environ, start_response)
