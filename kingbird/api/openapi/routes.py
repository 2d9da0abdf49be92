"""Paths and the controllers' methods that answer there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import webob.exc


class RouteOperation(NamedTuple):
    """A method on a path.

    :ivar path: in OpenAPI's form, such as ``/v1.0/{project_id}/os-sync``.
    :ivar method: in lower case.
    :ivar call: a :class:`kingbird.api.request.operation.Operation`.
    """

    path: str
    method: str
    call: Any


@dataclass(frozen=True)
class Route:
    """A path, and what answers there.

    :ivar path: its parts below the version; ``{name}`` stands for any one.
    :ivar controller: the class that answers.
    :ivar handlers: the name of the controller's method for each HTTP method.
    :ivar is_versioned: whether it is below a version at all.
    """

    path: tuple[str, ...]
    controller: type
    handlers: Mapping[str, str]
    is_versioned: bool = True

    def match(self, path: list[str]) -> list[str] | None:
        """Return what a path has in the places of the names, or ``None`` if it is another."""
        if len(path) != len(self.path):
            return None
        found = []
        for wanted, part in zip(self.path, path, strict=True):
            if wanted.startswith("{"):
                found.append(part)
            elif wanted != part:
                return None
        return found

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
        base = ("", version) if self.is_versioned else ("",)
        return "/".join((*base, *self.path)) or "/"

    def operations(self, version: str) -> Iterator[RouteOperation]:
        """Yield what can be called there."""
        path = self.template(version)
        for method, name in self.handlers.items():
            handler = getattr(self.controller, name)
            yield RouteOperation(path, method.lower(), handler.operation)
