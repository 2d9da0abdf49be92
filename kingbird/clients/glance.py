"""One region's images, over python-glanceclient's HTTP client.

Its schema layer is left aside: it validates on every attribute (1.4 ms a record), knows only
fields that its schema names, and the raw body is what a record is copied from.
"""

import contextlib
import html
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import orjson
import requests
import urllib3
from glanceclient import exc as glance_exc
from glanceclient.common import http as glance_http
from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1.plugin import BaseAuthPlugin
from keystoneauth1.session import Session

from kingbird import exception, version
from kingbird.clients.tokens import RegionAuth

Image = dict[str, Any]

#: Glance's own bound for a page, whatever is asked for.
PAGE = 1000
#: Ids that one ``id=in:`` asks for; the URL stays below 4 KiB.
IDS_PER_CALL = 100

PATCH_TYPE = "application/openstack-images-v2.1-json-patch"
#: Answers after which the same call may succeed.
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})


#: Seconds beyond which a Retry-After header is capped, as urllib3 does.
RETRY_AFTER_MAX = 6 * 3600


def parse_retry_after(value: str) -> int | None:
    """Return the seconds of a Retry-After header, or None if it cannot be understood."""
    try:
        return min(math.ceil(urllib3.util.Retry().parse_retry_after(value)), RETRY_AFTER_MAX)
    except (urllib3.exceptions.InvalidHeader, ValueError, TypeError, OverflowError, IndexError):
        # Python refuses to convert thousands of digits.
        return None


class _HTTP(glance_http.SessionClient):
    """glanceclient's, but answers in bytes, and its errors keep status and ``Retry-After``."""

    def _handle_response(self, resp: requests.Response) -> tuple[requests.Response, bytes]:
        if resp.status_code in TRANSIENT:
            asked = parse_retry_after(resp.headers.get("Retry-After", ""))
            raise exception.RegionUnavailable(sentence(resp), resp.status_code, asked)
        if resp.status_code >= 300:
            raise exception.ImageRefused(sentence(resp), resp.status_code)
        # Bytes, as pages that are fetched ahead stay bytes until they are used.
        return resp, resp.content


def _loads(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        # It is stricter: half a surrogate pair, which a name can hold, is no Unicode.
        return json.loads(body)


#: How a page begins whose tail can be read without its images.
_LIST_FIRST = b'{"images": ['


def walk_query(
    *, hidden: bool = False, marker: str | None = None, filters: Iterable[tuple[str, str]] = ()
) -> str:
    """Return the query of a walk through a region, in the order of ids.

    :param hidden: walk through hidden images, which Glance lists apart.
    :param marker: the image after which to begin.
    :param filters: further parameters; a ``visibility`` takes the place of ``all``.
    """
    query: list[tuple[str, Any]] = [*filters]
    if not any(name == "visibility" for name, _ in query):
        query.append(("visibility", "all"))
    query += [("member_status", "all"), ("sort_key", "id"), ("sort_dir", "asc"), ("limit", PAGE)]
    if hidden:
        query.append(("os_hidden", "true"))
    if marker is not None:
        query.append(("marker", marker))
    return urlencode(query)


def _query_of(link: Any) -> str | None:
    # Only the query: a name from an answer never becomes a host or a path.
    return urlsplit(link).query if isinstance(link, str) and link else None


def _marker_of(link: Any) -> str | None:
    markers = parse_qs(_query_of(link) or "").get("marker")
    return markers[-1] if markers else None


def sentence(response: requests.Response) -> str:
    """Return Glance's own words in an error, without the HTML around them."""
    # Not response.text, which guesses the encoding, slowly and aloud.
    text = response.content.decode("utf-8", "replace")
    text = re.sub(r"(?is)<head.*?</head>|<title.*?</title>|<h1.*?</h1>", " ", text)
    text = html.unescape(re.sub(r"<[^>]*>", " ", text))
    return " ".join(text.split())[:1000] or f"HTTP {response.status_code}"


class Images:
    """The images of one region as one user sees them.  Safe for threads.

    Every call raises :class:`kingbird.exception.RegionUnavailable` when Glance does not
    answer or can't at the moment, :class:`kingbird.exception.CredentialsLost` when the
    credentials are no more, :class:`kingbird.exception.KeystoneUnavailable` when a new token is
    needed and Keystone does not answer, and :class:`kingbird.exception.ImageRefused` when
    Glance says no.

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
        self._http = _HTTP(
            session,
            auth=RegionAuth(auth),
            endpoint_override=url,
            global_request_id=global_request_id,
            user_agent=f"kingbird/{version.version_string()}",
        )

    def _fetch(self, method: str, url: str, **kwargs: Any) -> bytes:
        """Make a call and return the answer's body."""
        if "timeout" in kwargs and self._http.session.timeout:
            kwargs["timeout"] = min(kwargs["timeout"], self._http.session.timeout)
        try:
            body: bytes = self._http.request(url, method, **kwargs)[1]
        except exception.RegionUnavailable as error:
            error.region = self.region
            raise
        except (glance_exc.CommunicationError, glance_exc.InvalidEndpoint) as error:
            raise self._unavailable("does not answer") from error
        except (ksa_exc.ClientException, requests.RequestException) as error:
            raise self._unavailable(f"can't be used: {type(error).__name__}") from error
        return body

    def _unavailable(self, what: str) -> exception.RegionUnavailable:
        error = exception.RegionUnavailable(f"The image service of region {self.region} {what}")
        error.region = self.region
        return error

    def _parse(self, body: bytes) -> dict[str, Any]:
        try:
            answer = _loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            # A proxy's maintenance page, say.
            raise self._unavailable("answered something else than JSON")
        return answer

    def _call(self, method: str, url: str, **kwargs: Any) -> dict[str, Any]:
        return self._parse(self._fetch(method, url, **kwargs))

    def _images_of(self, page: Mapping[str, Any]) -> list[Image]:
        images = page.get("images")
        if not isinstance(images, list) or not all(
            isinstance(image, dict) and "id" in image for image in images
        ):
            raise self._unavailable("answered without a list of images")
        return images

    def _list(self, query: Mapping[str, Any], **kwargs: Any) -> list[Image]:
        found: list[Image] = []
        following: str | None = urlencode(query)
        while following is not None:
            page = self._call("GET", f"/v2/images?{following}", **kwargs)
            found += self._images_of(page)
            following = _query_of(page.get("next"))
        return found

    def fetch_page(self, query: str) -> bytes:
        """Fetch one page of a list, for :meth:`read_page` to read when it is needed.

        :param query: a query string, such as :func:`walk_query` makes.
        """
        return self._fetch("GET", f"/v2/images?{query}")

    def read_page(self, body: bytes) -> list[Image]:
        """Return the images of a page that was fetched."""
        return self._images_of(self._parse(body))

    def next_marker(self, body: bytes) -> str | None:
        """Return the marker of the page that follows, or ``None`` after the last one.

        Of Glance's link only the marker counts: it forgets all but one of several tags.
        Images aren't parsed for that where the list comes first, as Glance writes it.
        """
        if body.startswith(_LIST_FIRST):
            # No string of what follows the list holds a bracket: it is links.
            end = body.rfind(b"]") + 1
            with contextlib.suppress(ValueError):
                return _marker_of(json.loads(b'{"images": []' + body[end:]).get("next"))
        return _marker_of(self._parse(body).get("next"))

    def list_by_ids(
        self, ids: Iterable[str], *, hidden: bool = False, timeout: float | None = None
    ) -> list[Image]:
        """Return those of at most 100 ids that are there, in one call.

        Community images of others and shares that are pending or rejected are among them.

        :param hidden: look for hidden images, which Glance lists only when asked to.
        :param timeout: seconds that the call may take, if the configuration allows more.
        """
        query = {
            "id": f"in:{','.join(ids)}",
            "visibility": "all",
            "member_status": "all",
            "limit": PAGE,
        }
        if hidden:
            query["os_hidden"] = "true"
        return self._list(query, **({} if timeout is None else {"timeout": timeout}))

    def list_forced(self) -> list[Image]:
        """Return the visible images that say of themselves that a forced sync made them."""
        return self._list({"kingbird_forced": "true", "visibility": "all", "limit": PAGE})

    def list_members(self, image_id: str) -> list[dict[str, Any]]:
        """Return the members of a shared image, each with ``member_id`` and ``status``."""
        members = self._call("GET", f"/v2/images/{image_id}/members").get("members")
        if not isinstance(members, list):
            raise self._unavailable("answered without a list of members")
        return members

    def add_member(self, image_id: str, project_id: str) -> None:
        """Share an image with a project, which has to accept it.  One POST."""
        self._send("POST", f"/v2/images/{image_id}/members", {"member": project_id})

    def set_member_status(self, image_id: str, project_id: str, status: str) -> None:
        """Accept or reject a share in a project's stead.  One PUT."""
        url = f"/v2/images/{image_id}/members/{quote(project_id, safe='')}"
        self._send("PUT", url, {"status": status})

    def _send(self, method: str, url: str, body: Image) -> Image:
        return self._call(
            method, url, data=json.dumps(body), headers={"Content-Type": "application/json"}
        )

    def get(self, image_id: str) -> Image | None:
        """Return an image, or ``None`` when there is none that the caller can see."""
        try:
            return self._call("GET", f"/v2/images/{image_id}")
        except exception.ImageRefused as error:
            if error.status == 404:
                return None
            raise

    def create(self, record: Image) -> Image:
        """Create a record: one POST with all its fields."""
        return self._send("POST", "/v2/images", record)

    def update(self, image_id: str, operations: list[dict[str, Any]]) -> Image:
        """Change a record: one PATCH with all its operations."""
        return self._call(
            "PATCH",
            f"/v2/images/{image_id}",
            data=json.dumps(operations),
            headers={"Content-Type": PATCH_TYPE},
        )
