"""WSGI layers around Pecan.  :mod:`kingbird.api.app` lists their order and gives the reasons."""

from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]
