"""The images of a region, over python-glanceclient's HTTP client.

glanceclient's schema layer is not used.  It validates on every access to an attribute (1.4 ms a
record) and knows only the fields of its schema, and records are copied from the raw body.
"""

import contextlib
import json
from collections.abc import Container, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from keystoneauth1.plugin import BaseAuthPlugin
from keystoneauth1.session import Session

from kingbird import exception, lenient_json
from kingbird.clients import long_values, refusals
from kingbird.clients.answer_room import SMALL, SMALL_PAGE, large_answers
from kingbird.clients.call_limits import deadline, largest_answer
from kingbird.clients.glance_http import IMAGE_LIST, GlanceClient, open_http
from kingbird.clients.glance_metadefs import MetadefClient
from kingbird.clients.image_lists import (
    LIST_TIMEOUT,
    PAGE_BYTES,
    PAGE_SIZE,
    SHRINK,
    Image,
    ShortenedPage,
    is_id,
    is_image,
    marker_of,
    path_of,
    query_of,
    with_ids,
)

#: The method of import by which a Glance fetches data from the Glance of another region.
GLANCE_DOWNLOAD = "glance-download"
PATCH_TYPE = "application/openstack-images-v2.1-json-patch"
#: The beginning of a page whose links can be read without its images.
_LIST_FIRST = b'{"images": ['


class ImageClient(GlanceClient):
    """The images of one region as one user sees them.  Safe for threads.

    Every call raises the errors of :class:`kingbird.clients.glance_http.GlanceClient`.

    :param url: the endpoint, without ``/v2``.
    """

    def __init__(
        self,
        region: str,
        url: str,
        session: Session,
        auth: BaseAuthPlugin,
        *,
        global_request_id: str | None = None,
    ) -> None:
        super().__init__(region, open_http(url, session, auth, global_request_id))

    @property
    def metadefs(self) -> MetadefClient:
        """The metadata definitions of the same region, as the same user sees them."""
        return MetadefClient(self.region, self._http)

    def _images_of(self, page: Mapping[str, Any]) -> list[Image]:
        images = page.get("images")
        if images is None and ("versions" in page or "version" in page):
            # A service that answers every path with its versions is no Glance that is away.
            words = "a list of API versions"
            words = refusals.explain(self.region, refusals.VERSIONS, words, is_list=True)
            raise exception.ImageRequestRejected(words, refusals.VERSIONS)
        if not isinstance(images, list) or not all(map(is_image, images)):
            raise self._unavailable("answered without a list of images")
        return images

    def no_progress(self) -> exception.RegionUnavailable:
        """Return the error for a list that does not come to an end."""
        return self._unavailable(
            "lists the same images again and again, as behind a redirect or a proxy that drops "
            "the query"
        )

    def fetch_page(self, query: str, *, limit: int = PAGE_SIZE) -> bytes:
        """Fetch one page of a list, which :meth:`parse_page` parses later.

        :param query: a query string, see :func:`kingbird.clients.image_lists.list_query`.
        :param limit: the largest number of images in the page, as the query says.
        :raises kingbird.exception.AnswerTooLarge: ask for a smaller page.
        """
        small = SMALL_PAGE if limit >= PAGE_SIZE else SMALL
        with large_answers(small), largest_answer(PAGE_BYTES if limit > 1 else None):
            body = self._fetch("GET", f"{IMAGE_LIST}{query}")
            return self._shortened(body) if len(body) > small else body

    def _shortened(self, body: bytes) -> bytes:
        """Return a large page without the most of its long values."""
        if not long_values.may_be_in(body):
            return body
        try:
            page = self._parse(body)
            images = self._images_of(page)
        except exception.KingbirdError:
            # The error comes again when the page is parsed.
            return body
        for image in images:
            long_values.shorten_in(image)
        rest = lenient_json.dumps({name: page[name] for name in page if name != "images"})
        parts = (b'{"images": ', lenient_json.dumps(images), b", " if len(rest) > 2 else b"")
        return ShortenedPage(b"".join((*parts, rest[1:])), len(body))

    def parse_page(self, body: bytes) -> list[Image]:
        """Return the images of a fetched page, long values shortened; see :func:`with_ids`."""
        images = self._images_of(self._parse(body))
        if not isinstance(body, ShortenedPage) and long_values.may_be_in(body):
            for image in images:
                long_values.shorten_in(image)
        return images

    def next_marker(self, body: bytes) -> str | None:
        """Return the marker of the next page, or ``None`` after the last one.

        Only the marker of Glance's link is used, because the link omits all but one of several
        tags. If the list comes first in the body, as Glance writes it, the images are not parsed.
        """
        if body.startswith(_LIST_FIRST):
            # The links after the list contain no brackets.
            end = body.rfind(b"]") + 1
            with contextlib.suppress(ValueError, RecursionError):
                links = json.loads(b'{"images": []' + body[end:])
                return marker_of(query_of(links.get("next")))
        return marker_of(self._next_query(self._parse(body)))

    def list_by_ids(
        self, ids: Iterable[str], *, hidden: bool = False, timeout: float | None = None
    ) -> list[Image]:
        """Return those of at most 100 ids that exist, with one call.

        Community images of others and shares that are pending or rejected are included.  A Glance
        with short pages gets a call for each.  Long values are shortened.

        :param ids: ids; a text that is not a UUID is skipped.
        :param hidden: list hidden images, which Glance lists separately.
        :param timeout: seconds that all calls may take.
        """
        asked = {image_id.lower(): image_id for image_id in ids if is_id(image_id)}
        if not asked:
            return []
        limit = PAGE_SIZE
        filters = {
            "id": f"in:{','.join(asked.values())}",
            "visibility": "all",
            "member_status": "all",
            "limit": limit,
        }
        if hidden:
            filters["os_hidden"] = "true"
        found: dict[str, Image] = {}
        query: str | None = urlencode(filters)
        with deadline(LIST_TIMEOUT if timeout is None else timeout):
            while query is not None:
                try:
                    new, query = self._read_by_ids(query, limit, asked, found)
                except exception.AnswerTooLarge:
                    limit //= SHRINK
                    if not limit:
                        raise
                    query = urlencode({**dict(parse_qsl(query)), "limit": limit})
                    continue
                if query is not None and not new:
                    raise self.no_progress()
                found |= new
        return [*found.values()]

    def _read_by_ids(
        self, query: str, limit: int, asked: Container[str], found: Container[str]
    ) -> tuple[dict[str, Image], str | None]:
        """Return the images of a page that are new, and the query of the next one."""
        with large_answers(), largest_answer(PAGE_BYTES if limit > 1 else None):
            page = self._call("GET", f"{IMAGE_LIST}{query}")
            new = {
                image["id"]: image
                for image in self._images_of(page)
                if image["id"].lower() in asked and image["id"] not in found
            }
            for image in new.values():
                long_values.shorten_in(image)
            return new, self._next_query(page)

    def list_forced_page(self, owner: str | None, hidden: bool) -> list[Image] | None:
        """Return the forced copies, or ``None`` if there are more than one page holds.

        :param owner: a project to which they have to belong; ``None`` for any.
        """
        query = {"kingbird_forced": "true", "visibility": "all", "limit": PAGE_SIZE}
        if owner is not None:
            query["owner"] = owner
        if hidden:
            query["os_hidden"] = "true"
        page = self.fetch_page(urlencode(query))
        images = with_ids(self.parse_page(page))
        return images if self.next_marker(page) is None else None

    def list_members(self, image_id: str) -> list[dict[str, Any]]:
        """Return the members of a shared image, with ``member_id`` and ``status``."""
        members = self._call("GET", path_of(image_id, "members")).get("members")
        if not isinstance(members, list) or not all(isinstance(one, dict) for one in members):
            raise self._unavailable("answered without a list of members")
        return members

    def add_member(self, image_id: str, project_id: str) -> None:
        """Share an image with a project, which has to accept it (one POST)."""
        self._send("POST", path_of(image_id, "members"), {"member": project_id})

    def set_member_status(self, image_id: str, project_id: str, status: str) -> None:
        """Accept or reject a share on behalf of a project (one PUT)."""
        url = path_of(image_id, "members", project_id)
        self._send("PUT", url, {"status": status})

    def remove_member(self, image_id: str, project_id: str) -> None:
        """Share an image with a project no more (one DELETE)."""
        self._fetch("DELETE", path_of(image_id, "members", project_id))

    def get(self, image_id: str) -> Image | None:
        """Return an image, or ``None`` if the caller cannot see it."""
        try:
            with large_answers():
                image = self._call("GET", path_of(image_id))
        except exception.ImageRequestRejected as error:
            if error.status == 404:
                return None
            raise
        if not is_image(image):
            raise self._unavailable("answered without an image")
        return image

    def import_methods(self) -> list[str]:
        """Return the methods of import that the region's Glance has enabled."""
        methods = self._call("GET", "/v2/info/import").get("import-methods")
        values = methods.get("value") if isinstance(methods, dict) else None
        if not isinstance(values, list):
            raise self._unavailable("answered without methods of import")
        return [one for one in values if isinstance(one, str)]

    def import_data(self, image_id: str, *, region: str, source_id: str, interface: str) -> None:
        """Ask Glance to fetch the data of a record from another region, with one POST.

        Glance has taken the request when this returns.  What becomes of it, the image tells later.

        :param region: the region that has the data.
        :param source_id: the image there.
        :param interface: the interface by which this Glance reaches the other one.
        """
        method = {
            "name": GLANCE_DOWNLOAD,
            "glance_region": region,
            "glance_image_id": source_id,
            "glance_service_interface": interface,
        }
        self._fetch(
            "POST",
            path_of(image_id, "import"),
            data=json.dumps({"method": method}),
            headers={"Content-Type": "application/json"},
        )

    def list_import_tasks(self, image_id: str) -> list[dict[str, Any]]:
        """Return Glance's tasks about an image, with ``id``, ``status`` and ``updated_at``."""
        tasks = self._call("GET", path_of(image_id, "tasks")).get("tasks")
        if not isinstance(tasks, list) or not all(isinstance(one, dict) for one in tasks):
            raise self._unavailable("answered without a list of tasks")
        return tasks

    def set_active(self, image_id: str, active: bool) -> None:
        """End the quarantine of an image, or begin it, with one POST.

        Glance does nothing if the image has the status already.
        """
        action = "reactivate" if active else "deactivate"
        self._fetch("POST", path_of(image_id, "actions", action))

    def create(self, record: Image) -> Image:
        """Create a record with one POST."""
        return self._send("POST", "/v2/images", record)

    def delete(self, image_id: str) -> None:
        """Delete an image with one DELETE.  Its id stays taken."""
        self._fetch("DELETE", path_of(image_id))

    def update(self, image_id: str, operations: list[dict[str, Any]]) -> Image:
        """Change a record with one PATCH."""
        return self._call(
            "PATCH",
            path_of(image_id),
            data=json.dumps(operations),
            headers={"Content-Type": PATCH_TYPE},
        )
