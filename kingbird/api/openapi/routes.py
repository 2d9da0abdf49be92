"""Routes: paths and their handlers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import webob.exc


@dataclass(frozen=True)
class Route:
    """A path and its handlers.

    :ivar path: what follows the version, such as ``{project_id}/os-sync``; ``{name}`` matches any
        segment.
    :ivar handlers: names of the controller's methods by HTTP method.
    :ivar is_versioned: True if the path is below a version.
    """

    path: str
    controller: type
    handlers: Mapping[str, str]
    is_versioned: bool = True

    def match(self, path: list[str], version: str) -> list[str] | None:
        """Return a path's values for the names, or ``None`` if the path does not match."""
        pattern = self.template(version).strip("/").split("/")
        segments = [segment for segment in path if segment] or [""]
        if len(segments) != len(pattern):
            return None
        values = []
        for expected, segment in zip(pattern, segments, strict=True):
            if expected.startswith("{"):
                values.append(segment)
            elif expected != segment:
                return None
        return values

    def handler(self, method: str) -> str:
        """Return the name of the controller's method for an HTTP method.

        :raises webob.exc.HTTPMethodNotAllowed: the path does not take that method.
        """
        if method not in self.handlers:
            raise webob.exc.HTTPMethodNotAllowed(
                headers={"Allow": ", ".join(sorted(self.handlers))}
            )
        return self.handlers[method]

    def template(self, version: str) -> str:
        """Return the whole path in OpenAPI's form."""
        below = f"/{version}" if self.is_versioned else ""
        return f"{below}/{self.path}".rstrip("/") or "/"

    def operations(self) -> dict[str, Any]:
        """Return the :class:`kingbird.api.request.operation.Operation` of each HTTP method."""
        return {
            method: getattr(self.controller, name).operation
            for method, name in self.handlers.items()
        }
