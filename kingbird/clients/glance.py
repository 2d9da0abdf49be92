"""One region's images, over python-glanceclient's HTTP client.

Its schema layer is left aside: it validates on every attribute (1.4 ms a record), knows only
fields that its schema names, and the raw body is what a record is copied from.
"""

import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from glanceclient import exc as glance_exc
from glanceclient.common import http as glance_http
from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1.plugin import BaseAuthPlugin
from keystoneauth1.session import Session

from kingbird import exception, version

Image = dict[str, Any]

#: Glance's own bound for a page, whatever is asked for.
PAGE = 1000
#: Ids that one ``id=in:`` asks for; the URL stays below 4 KiB.
IDS_PER_CALL = 100

PATCH_TYPE = "application/openstack-images-v2.1-json-patch"
#: Answers after which the same call may succeed.
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})


class _HTTP(glance_http.SessionClient):
    """glanceclient's, but raises errors that keep status and ``Retry-After``."""

    def _handle_response(self, resp: requests.Response) -> tuple[requests.Response, Any]:
        if resp.status_code in TRANSIENT:
            raise exception.RegionUnavailable(sentence(resp), resp.status_code, _retry_after(resp))
        if resp.status_code >= 300:
            raise exception.ImageRefused(sentence(resp), resp.status_code)
        return super()._handle_response(resp)


def _retry_after(response: requests.Response) -> int | None:
    value = response.headers.get("Retry-After", "")
    return int(value) if value.isdigit() else None


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
    credentials are no more, and :class:`kingbird.exception.ImageRefused` when Glance says no.

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
            auth=auth,
            endpoint_override=url,
            global_request_id=global_request_id,
            user_agent=f"kingbird/{version.version_string()}",
        )

    def _call(self, method: str, url: str, **kwargs: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(url, method, **kwargs)[1]
        except (glance_exc.CommunicationError, glance_exc.InvalidEndpoint) as error:
            raise exception.RegionUnavailable(
                f"The image service of region {self.region} does not answer"
            ) from error
        except (ksa_exc.Unauthorized, ksa_exc.Forbidden, ksa_exc.NotFound) as error:
            # Glance's own answers don't come this way: this is Keystone, asked for a token.
            raise exception.CredentialsLost(
                "Keystone gives no token for this job any more"
            ) from error
        except (ksa_exc.ClientException, requests.RequestException) as error:
            raise exception.RegionUnavailable(
                f"The image service of region {self.region} can't be used: {type(error).__name__}"
            ) from error
        if not isinstance(answer, dict):
            # A proxy's maintenance page, say.
            raise exception.RegionUnavailable(
                f"The image service of region {self.region} answered something else than JSON"
            )
        return answer

    def _list(self, query: Mapping[str, Any]) -> list[Image]:
        found: list[Image] = []
        url: str | None = f"/v2/images?{urlencode(query)}"
        while url:
            page = self._call("GET", url)
            images = page.get("images")
            if not isinstance(images, list) or not all("id" in image for image in images):
                raise exception.RegionUnavailable(
                    f"The image service of region {self.region} answered without a list of images"
                )
            found += images
            # Only path and query: a name from an answer never becomes a host.
            following = urlsplit(page["next"]) if page.get("next") else None
            url = f"/v2/images?{following.query}" if following else None
        return found

    def list_by_ids(self, ids: Iterable[str], *, hidden: bool = False) -> list[Image]:
        """Return those of at most 100 ids that are there, in one call.

        Community images of others and shares that are pending or rejected are among them.

        :param hidden: look for hidden images, which Glance lists only when asked to.
        """
        query = {
            "id": f"in:{','.join(ids)}",
            "visibility": "all",
            "member_status": "all",
            "limit": PAGE,
        }
        if hidden:
            query["os_hidden"] = "true"
        return self._list(query)

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
        return self._call(
            "POST",
            "/v2/images",
            data=json.dumps(record),
            headers={"Content-Type": "application/json"},
        )

    def update(self, image_id: str, operations: list[dict[str, Any]]) -> Image:
        """Change a record: one PATCH with all its operations."""
        return self._call(
            "PATCH",
            f"/v2/images/{image_id}",
            data=json.dumps(operations),
            headers={"Content-Type": PATCH_TYPE},
        )
