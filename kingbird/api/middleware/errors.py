"""Render every response of 400 and above, and every exception, as the same JSON."""

import json
import logging
from collections.abc import Iterable
from typing import Any

import webob
from keystoneauth1 import exceptions as ksa_exc
from oslo_middleware import request_id

from kingbird import exception
from kingbird.api.middleware import Environ, Middleware
from kingbird.context import RequestContext

LOG = logging.getLogger(__name__)


#: Messages of error responses that other layers made.
DEFAULT_MESSAGES = {
    400: "The request can't be read",
    401: "The request needs a valid token in X-Auth-Token",
    404: "There is nothing at this path",
    405: "This path doesn't take this method; it takes {allow}",
    503: "Keystone can't be used at the moment",
}
#: Headers that are kept when the body of a response is replaced.
PRESERVED_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
RETRY_AFTER = 5


def render(error: exception.KingbirdError) -> webob.Response:
    """Return an error as a response."""
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
    """The middleware that gives each request an id and accepts a global one.

    A global id must be ``req-`` and a UUID; others are ignored.
    """

    #: The response has the id under this name too.
    compat_headers = ["openstack-request-id"]


class ErrorMiddleware(Middleware):
    """The middleware that renders errors and exceptions as JSON."""

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer a request.  No exception leaves this layer."""
        request = webob.Request(environ)
        # Until the token is validated, log lines must have this request's id and not the id of the
        # previous request in this thread.
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
            # keystonemiddleware handles only some of these errors.
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
        message = DEFAULT_MESSAGES.get(response.status_int, "The request can't be answered")
        error = exception.KingbirdError(
            message.format(allow=response.headers.get("Allow") or "no method")
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
