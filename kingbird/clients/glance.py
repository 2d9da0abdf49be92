"""The images of a region, over python-glanceclient's HTTP client.

glanceclient's schema layer is not used.  It validates on every access to an attribute (1.4 ms a
record) and knows only the fields of its schema, and records are copied from the raw body.
"""

import contextlib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import requests
import urllib3
from glanceclient import exc as glance_exc
from glanceclient.common import http as glance_http
from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1.plugin import BaseAuthPlugin
from keystoneauth1.session import Session

from kingbird import exception, lenient_json, version
from kingbird.clients import refusals
from kingbird.clients.auth import RegionAuth
from kingbird.clients.call_limits import deadline
from kingbird.clients.image_lists import (
    PAGE_SIZE,
    SHRINK,
    Image,
    is_id,
    is_image,
    marker_of,
    path_of,
    query_of,
    with_ids,
)

#: Seconds for the pages of one query by ids.
LIST_TIMEOUT = 60.0

PATCH_TYPE = "application/openstack-images-v2.1-json-patch"
#: Status codes after which the same call may succeed, besides 500 and above.
TRANSIENT = frozenset({408, 429})
#: Seconds beyond which a Retry-After header is capped, as urllib3 does.
RETRY_AFTER_MAX = 6 * 3600


def parse_retry_after(value: str) -> int | None:
    """Return the seconds of a Retry-After header, or None if it cannot be understood."""
    try:
        return min(math.ceil(urllib3.util.Retry().parse_retry_after(value)), RETRY_AFTER_MAX)
    except (urllib3.exceptions.InvalidHeader, ValueError, TypeError, OverflowError, IndexError):
        # Python refuses to convert thousands of digits.
        return None


class _BytesClient(glance_http.SessionClient):
    """glanceclient's HTTP client with responses in bytes and with typed errors."""

    def _handle_response(self, resp: requests.Response) -> tuple[requests.Response, bytes]:
        if resp.status_code in TRANSIENT or resp.status_code >= 500:
            delay = parse_retry_after(resp.headers.get("Retry-After", ""))
            raise exception.RegionUnavailable(refusals.words_of(resp), resp.status_code, delay)
        if resp.status_code >= 300:
            raise exception.ImageRequestRejected(refusals.words_of(resp), resp.status_code)
        # Pages that are fetched ahead stay bytes until they are parsed.
        return resp, resp.content


#: The beginning of the URL of a list.
_LIST = "/v2/images?"
#: The beginning of a page whose links can be read without its images.
_LIST_FIRST = b'{"images": ['


class ImageClient:
    """The images of one region as one user sees them.  Safe for threads.

    Every call raises :class:`kingbird.exception.RegionUnavailable` if Glance does not answer or is
    unavailable, :class:`kingbird.exception.CredentialsLost` if the credentials are invalid,
    :class:`kingbird.exception.KeystoneUnavailable` if a new token is needed and Keystone does not
    answer, and :class:`kingbird.exception.ImageRequestRejected` if Glance rejects the request.

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
        self.region = region
        self._http = _BytesClient(
            session,
            auth=RegionAuth(auth),
            endpoint_override=url,
            global_request_id=global_request_id,
            user_agent=f"kingbird/{version.version_string()}",
        )

    def _fetch(self, method: str, url: str, **kwargs: Any) -> bytes:
        """Call Glance and return the body of the response."""
        try:
            body: bytes = self._http.request(url, method, **kwargs)[1]
        except exception.RegionUnavailable as error:
            if error.status is not None:
                answer = refusals.answer_of(error.status, error.message)
                raise self._unavailable(
                    f"can't be used at the moment ({answer})", error.status, error.retry_after
                ) from error
            error.region = self.region
            raise
        except exception.AnswerTooLarge:
            raise
        except exception.ImageRequestRejected as error:
            is_list = url.startswith(_LIST)
            words = refusals.explain(self.region, error.status, error.message, is_list=is_list)
            raise exception.ImageRequestRejected(words, error.status) from error
        except (glance_exc.CommunicationError, glance_exc.InvalidEndpoint) as error:
            raise self._unavailable("does not answer") from error
        except (ksa_exc.ClientException, requests.RequestException) as error:
            raise self._unavailable(f"can't be used: {type(error).__name__}") from error
        return body

    def _unavailable(
        self, problem: str, status: int | None = None, retry_after: int | None = None
    ) -> exception.RegionUnavailable:
        error = exception.RegionUnavailable(
            f"The image service of region {self.region} {problem}", status, retry_after
        )
        error.region = self.region
        return error

    def _parse(self, body: bytes) -> dict[str, Any]:
        try:
            answer = lenient_json.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            # For example, the maintenance page of a proxy.
            raise self._unavailable("answered something else than JSON")
        return answer

    def _call(self, method: str, url: str, **kwargs: Any) -> dict[str, Any]:
        return self._parse(self._fetch(method, url, **kwargs))

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

    def _next_query(self, page: Mapping[str, Any]) -> str | None:
        """Return the query of the next page, or ``None`` after the last one."""
        try:
            return query_of(page.get("next"))
        except ValueError as error:
            raise self._unavailable("answered with a next page that is no link") from error

    def no_progress(self) -> exception.RegionUnavailable:
        """Return the error for a list that does not come to an end."""
        return self._unavailable(
            "lists the same images again and again, as behind a redirect or a proxy that drops "
            "the query"
        )

    def fetch_page(self, query: str) -> bytes:
        """Fetch one page of a list, which :meth:`parse_page` parses later.

        :param query: a query string, see :func:`kingbird.clients.image_lists.list_query`.
        """
        return self._fetch("GET", f"{_LIST}{query}")

    def parse_page(self, body: bytes) -> list[Image]:
        """Return the images of a fetched page; see :func:`with_ids`."""
        return self._images_of(self._parse(body))

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
        with short pages gets a call for each.

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
                    page = self._call("GET", f"/v2/images?{query}")
                except exception.AnswerTooLarge:
                    limit //= SHRINK
                    if not limit:
                        raise
                    query = urlencode({**dict(parse_qsl(query)), "limit": limit})
                    continue
                new = {
                    image["id"]: image
                    for image in self._images_of(page)
                    if image["id"].lower() in asked and image["id"] not in found
                }
                query = self._next_query(page)
                if query is not None and not new:
                    raise self.no_progress()
                found |= new
        return [*found.values()]

    def list_forced_page(self, owner: str | None, hidden: bool) -> list[Image] | None:
        """Return the forced copies, or ``None`` if there are more than one page holds.

        :param owner: a project to which they have to belong; ``None`` for any.
        """
        query = {"kingbird_forced": "true", "visibility": "all", "limit": PAGE_SIZE}
        if owner is not None:
            query["owner"] = owner
        if hidden:
            query["os_hidden"] = "true"
        page = self._call("GET", f"/v2/images?{urlencode(query)}")
        images = with_ids(self._images_of(page))
        return images if self._next_query(page) is None else None

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

    def _send(self, method: str, url: str, body: Image) -> Image:
        return self._call(
            method, url, data=json.dumps(body), headers={"Content-Type": "application/json"}
        )

    def get(self, image_id: str) -> Image | None:
        """Return an image, or ``None`` if the caller cannot see it."""
        try:
            image = self._call("GET", path_of(image_id))
        except exception.ImageRequestRejected as error:
            if error.status == 404:
                return None
            raise
        if not is_image(image):
            raise self._unavailable("answered without an image")
        return image

    def create(self, record: Image) -> Image:
        """Create a record with one POST."""
        return self._send("POST", "/v2/images", record)

    def update(self, image_id: str, operations: list[dict[str, Any]]) -> Image:
        """Change a record with one PATCH."""
        return self._call(
            "PATCH",
            path_of(image_id),
            data=json.dumps(operations),
            headers={"Content-Type": PATCH_TYPE},
        )
