"""Paths and the controllers' methods that answer there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple


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
    :ivar name: the name of its method that Pecan exposes, which has one more method for each
        HTTP method.
    :ivar is_versioned: whether it is below a version at all.
    """

    path: tuple[str, ...]
    controller: type
    name: str
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

    def template(self, version: str) -> str:
        """Return the whole path in OpenAPI's form."""
        base = ("", version) if self.is_versioned else ("",)
        return "/".join((*base, *self.path)) or "/"

    def operations(self, version: str) -> Iterator[RouteOperation]:
        """Yield what can be called there."""
        exposed: Any = getattr(self.controller, self.name)
        path = self.template(version)
        for method, handler in exposed._pecan["generic_handlers"].items():
            if method != "DEFAULT":
                yield RouteOperation(path, method.lower(), handler.operation)
