"""The metadata definitions of a region: namespaces, each with all that it has."""

from typing import Any
from urllib.parse import urlencode

from kingbird import exception
from kingbird.clients import refusals
from kingbird.clients.call_limits import deadline
from kingbird.clients.glance_http import GlanceClient
from kingbird.clients.image_lists import LIST_TIMEOUT, PAGE_SIZE, SHRINK, path_below

_ROOT = "/v2/metadefs/namespaces"

Namespace = dict[str, Any]


class MetadefClient(GlanceClient):
    """The namespaces of one region as one user sees them.  Safe for threads.

    Every call raises the errors of :class:`kingbird.clients.glance_http.GlanceClient`.
    """

    def list_namespaces(self, timeout: float | None = None) -> list[Namespace]:
        """Return the namespaces with their own fields, by one call a page.

        :param timeout: seconds that all pages may take.
        """
        found: dict[str, Namespace] = {}
        marker: str | None = None
        limit = PAGE_SIZE
        with deadline(LIST_TIMEOUT if timeout is None else timeout):
            while True:
                try:
                    page, has_next = self._page(marker, limit)
                except exception.AnswerTooLarge:
                    limit //= SHRINK
                    if not limit:
                        raise
                    continue
                new = {one["namespace"]: one for one in page if one["namespace"] not in found}
                found |= new
                if not has_next:
                    return [*found.values()]
                if not new:
                    raise self._unavailable("lists the same namespaces again and again")
                marker = page[-1]["namespace"]

    def _page(self, marker: str | None, limit: int) -> tuple[list[Namespace], bool]:
        query: dict[str, Any] = {"sort_key": "namespace", "sort_dir": "asc", "limit": limit}
        if marker is not None:
            query["marker"] = marker
        try:
            answer = self._call("GET", f"{_ROOT}?{urlencode(query, errors='replace')}")
        except exception.AnswerTooLarge:
            raise
        except exception.ImageRequestRejected as error:
            if error.status == 401:
                raise
            words = refusals.answer_of(error.status, error.message)
            raise exception.ImageRequestRejected(
                f"The image service of region {self.region} refuses to list metadata "
                f"definitions ({words}): look at get_metadef_namespaces in its policy",
                error.status,
            ) from error
        namespaces = answer.get("namespaces")
        if not isinstance(namespaces, list) or not all(map(_is_named, namespaces)):
            raise self._unavailable("answered without a list of namespaces")
        return namespaces, bool(namespaces) and self._next_query(answer) is not None

    def get(self, name: str) -> Namespace | None:
        """Return a namespace with all its parts, or ``None`` if the caller cannot see it."""
        try:
            found = self._call("GET", _path(name))
        except exception.ImageRequestRejected as error:
            if error.status == 404:
                return None
            raise
        if not _is_named(found):
            raise self._unavailable("answered without a namespace")
        return found

    def create(self, record: Namespace) -> Namespace:
        """Create a namespace with all its parts, with one POST."""
        return self._send("POST", _ROOT, record)

    def update(self, name: str, fields: Namespace) -> None:
        """Give a namespace its own fields, with one PUT.

        :param fields: all of them: what they leave out is emptied, and a namespace without an
            ``owner`` is given to the caller's project.
        """
        self._send("PUT", _path(name), fields)

    def add_property(self, name: str, body: dict[str, Any]) -> None:
        """Add a property to a namespace, with one POST."""
        self._send("POST", _path(name, "properties"), body)

    def update_property(self, name: str, body: dict[str, Any]) -> None:
        """Replace a property, with one PUT."""
        self._send("PUT", _path(name, "properties", body["name"]), body)

    def add_object(self, name: str, body: dict[str, Any]) -> None:
        """Add an object to a namespace, with one POST."""
        self._send("POST", _path(name, "objects"), body)

    def update_object(self, name: str, body: dict[str, Any]) -> None:
        """Replace an object, with one PUT."""
        self._send("PUT", _path(name, "objects", body["name"]), body)

    def add_tag(self, name: str, tag: str) -> None:
        """Add a tag to a namespace, with one POST."""
        self._call("POST", _path(name, "tags", tag))

    def add_association(self, name: str, body: dict[str, Any]) -> None:
        """Associate a namespace with a resource type, with one POST."""
        self._send("POST", _path(name, "resource_types"), body)


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("namespace"), str)


def _path(*names: str) -> str:
    """Return the path of a namespace or a part of it.

    :raises kingbird.exception.ImageRequestRejected: 404, because a name would change the path.
    """
    if any("/" in name for name in names):
        raise exception.ImageRequestRejected("There is nothing of that name", 404)
    return path_below(_ROOT, *names)
