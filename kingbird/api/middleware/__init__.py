"""WSGI middleware around Pecan.  :mod:`kingbird.api.app` explains the order of the layers."""

from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


class Middleware:
    """Base of middleware around one application."""

    def __init__(self, application: Application) -> None:
        self._application = application
