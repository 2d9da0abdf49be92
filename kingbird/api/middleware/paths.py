"""Normalize paths, and route public paths around authentication."""

from collections.abc import Iterable
from typing import Any

from kingbird import exception
from kingbird.api.middleware import Application, Environ, Middleware

TOKEN_HEADERS = ("HTTP_X_AUTH_TOKEN", "HTTP_X_SERVICE_TOKEN")


def normalize_path(path: str) -> str:
    """Return a path without doubled or trailing slashes.

    Clients double a slash if the registered endpoint ends in one.
    """
    return "/" + "/".join(part for part in path.split("/") if part)


class PathNormalizer(Middleware):
    """The middleware that normalizes every path, see :func:`normalize_path`."""

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Pass a request on.

        :raises kingbird.exception.BadRequest: the path is not in UTF-8, or contains a NUL.
        """
        path = environ.get("PATH_INFO", "")
        try:
            # WSGI decodes the path's bytes as Latin-1.
            text = path.encode("latin-1").decode("utf-8")
        except UnicodeError:
            raise exception.BadRequest("The path is not in UTF-8") from None
        if "\0" in text:
            raise exception.BadRequest("The path holds a NUL")
        environ["PATH_INFO"] = normalize_path(path)
        return self._application(environ, start_response)


class AuthPublicRoutes:
    """The middleware that passes public paths around authentication."""

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
            # Keystone answers 400 to such a token, which keystonemiddleware mistakes for an
            # outage.
            environ.pop(TOKEN_HEADERS[0], None)
        return self._authenticated(environ, start_response)
