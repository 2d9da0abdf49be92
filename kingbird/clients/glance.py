"""The images of a region, over python-glanceclient's HTTP client.

glanceclient's schema layer is not used.  It validates on every access to an attribute (1.4 ms a
record) and knows only the fields of its schema, and records are copied from the raw body.
"""

import contextlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from types import NoneType
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

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
from kingbird.text import CONTROL

Image = dict[str, Any]

#: Glance's own maximum of images in a page.
PAGE_SIZE = 1000
#: The divisor of the number of images in a page that was too large.
SHRINK = 10
#: The maximum length of an id in Glance.
ID_LENGTH = 36
#: The number of ids in one ``id=in:`` query; the URL stays below 4 KiB.
IDS_PER_CALL = 100
#: The number of characters of the names in one query, escaped for the URL.
NAMES_LENGTH = 3500
#: Seconds for the pages of such a query.
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


def list_query(
    *,
    hidden: bool = False,
    marker: str | None = None,
    filters: Iterable[tuple[str, str]] = (),
    limit: int = PAGE_SIZE,
) -> str:
    """Return the query that lists a region's images in the order of their ids.

    :param hidden: list hidden images, which Glance lists separately.
    :param marker: the id of the image before the page.
    :param limit: the largest number of images in the page.
    :param filters: further parameters.  A ``visibility`` replaces ``all``.
    """
    query: list[tuple[str, Any]] = [*filters]
    if not any(name == "visibility" for name, _ in query):
        query.append(("visibility", "all"))
    query += [
        ("member_status", "all"),
        ("sort_key", "id"),
        ("sort_dir", "asc"),
        ("limit", limit),
    ]
    if hidden:
        query.append(("os_hidden", "true"))
    if marker is not None:
        query.append(("marker", marker))
    return urlencode(query)


def name_filters(names: Iterable[str]) -> list[str]:
    """Return values of the filter ``name`` that together match the images of some names.

    A list of names is quoted.  A name that can't be quoted has a filter of its own, and one that a
    database might refuse has none.
    """
    filters: list[str] = []
    quoted: list[str] = []
    length = 0
    for name in names:
        if CONTROL.search(name):
            continue
        if '"' in name or name.endswith("\\"):
            filters.append(f"eq:{name}")
            continue
        length += len(quote(f'"{name}",'))
        if quoted and (length > NAMES_LENGTH or len(quoted) == IDS_PER_CALL):
            filters.append(f"in:{','.join(quoted)}")
            quoted, length = [], len(quote(f'"{name}",'))
        quoted.append(f'"{name}"')
    return [*filters, f"in:{','.join(quoted)}"] if quoted else filters


def _query_of(link: Any) -> str | None:
    """Return only the query of a link, so that a response cannot redirect calls to another host.

    :raises ValueError: the link is malformed.
    """
    if not isinstance(link, str) or not link:
        return None
    link.encode()
    return urlsplit(link).query


def _marker_of(query: str | None) -> str | None:
    markers = parse_qs(query or "").get("marker")
    return markers[-1] if markers else None


#: The form of Glance's ids.
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I)


def _is_id(text: Any) -> bool:
    return isinstance(text, str) and _UUID.fullmatch(text) is not None


def with_ids(images: Iterable[Image]) -> list[Image]:
    """Return the images whose id is a UUID, as Glance's ids are.

    Images with other ids cannot be requested, created elsewhere or stored.
    """
    return [image for image in images if _is_id(image["id"])]


def _path(*names: str) -> str:
    """Return the path of an image or a part of it.

    :raises kingbird.exception.ImageRequestRejected: 404, because a name would change the path.
    """
    if any(name in ("", ".", "..") for name in names):
        raise exception.ImageRequestRejected("There is nothing of that name", 404)
    return "/".join(("/v2/images", *(quote(one, safe="", errors="replace") for one in names)))


_TEXT = (str, NoneType)
_NUMBER = (int, NoneType)
_TAG = frozenset({str})


def _is_image(image: Any) -> bool:
    """Return True if a part of a response has the fields that Kingbird relies on.

    Fields that are hashed or sorted are checked.  Other fields are only copied and compared.
    There is no loop, because this is called for each image of a region.
    """
    if type(image) is not dict:
        return False
    get = image.get
    image_id, tags = get("id"), get("tags")
    return bool(
        type(image_id) is str
        and 0 < len(image_id) <= ID_LENGTH
        and type(get("status")) in _TEXT
        and type(get("owner")) in _TEXT
        and type(get("created_at")) in _TEXT
        and type(get("updated_at")) in _TEXT
        and type(get("checksum")) in _TEXT
        and type(get("os_hash_algo")) in _TEXT
        and type(get("os_hash_value")) in _TEXT
        and type(get("size")) in _NUMBER
        and (not tags or (type(tags) is list and _TAG.issuperset(map(type, tags))))
    )


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
        if not isinstance(images, list) or not all(map(_is_image, images)):
            raise self._unavailable("answered without a list of images")
        return images

    def _next_query(self, page: Mapping[str, Any]) -> str | None:
        """Return the query of the next page, or ``None`` after the last one."""
        try:
            return _query_of(page.get("next"))
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

        :param query: a query string, see :func:`list_query`.
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
                return _marker_of(_query_of(links.get("next")))
        return _marker_of(self._next_query(self._parse(body)))

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
        asked = {image_id.lower(): image_id for image_id in ids if _is_id(image_id)}
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
        members = self._call("GET", _path(image_id, "members")).get("members")
        if not isinstance(members, list) or not all(isinstance(one, dict) for one in members):
            raise self._unavailable("answered without a list of members")
        return members

    def add_member(self, image_id: str, project_id: str) -> None:
        """Share an image with a project, which has to accept it (one POST)."""
        self._send("POST", _path(image_id, "members"), {"member": project_id})

    def set_member_status(self, image_id: str, project_id: str, status: str) -> None:
        """Accept or reject a share on behalf of a project (one PUT)."""
        url = _path(image_id, "members", project_id)
        self._send("PUT", url, {"status": status})

    def _send(self, method: str, url: str, body: Image) -> Image:
        return self._call(
            method, url, data=json.dumps(body), headers={"Content-Type": "application/json"}
        )

    def get(self, image_id: str) -> Image | None:
        """Return an image, or ``None`` if the caller cannot see it."""
        try:
            image = self._call("GET", _path(image_id))
        except exception.ImageRequestRejected as error:
            if error.status == 404:
                return None
            raise
        if not _is_image(image):
            raise self._unavailable("answered without an image")
        return image

    def create(self, record: Image) -> Image:
        """Create a record with one POST."""
        return self._send("POST", "/v2/images", record)

    def update(self, image_id: str, operations: list[dict[str, Any]]) -> Image:
        """Change a record with one PATCH."""
        return self._call(
            "PATCH",
            _path(image_id),
            data=json.dumps(operations),
            headers={"Content-Type": PATCH_TYPE},
        )
