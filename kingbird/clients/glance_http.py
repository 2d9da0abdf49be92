"""HTTP calls to the Glance of one region, with its errors as Kingbird's own."""

import json
import math
from collections.abc import Mapping
from typing import Any

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
from kingbird.clients.image_lists import query_of

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


#: The beginning of the URL of a list of images.
IMAGE_LIST = "/v2/images?"


def open_http(
    url: str, session: Session, auth: BaseAuthPlugin, global_request_id: str | None
) -> glance_http.SessionClient:
    """Return the HTTP client of a region's endpoint for one user.

    :param url: the endpoint, without ``/v2``.
    """
    return _BytesClient(
        session,
        auth=RegionAuth(auth),
        endpoint_override=url,
        global_request_id=global_request_id,
        user_agent=f"kingbird/{version.version_string()}",
    )


class GlanceClient:
    """The calls to one region as one user.  Safe for threads.

    Every call raises :class:`kingbird.exception.RegionUnavailable` if Glance does not answer or is
    unavailable, :class:`kingbird.exception.CredentialsLost` if the credentials are invalid,
    :class:`kingbird.exception.KeystoneUnavailable` if a new token is needed and Keystone does not
    answer, and :class:`kingbird.exception.ImageRequestRejected` if Glance rejects the request.
    """

    def __init__(self, region: str, http: glance_http.SessionClient) -> None:
        self.region = region
        self._http = http

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
            is_list = url.startswith(IMAGE_LIST)
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

    def _next_query(self, page: Mapping[str, Any]) -> str | None:
        """Return the query of the next page, or ``None`` after the last one."""
        try:
            return query_of(page.get("next"))
        except ValueError as error:
            raise self._unavailable("answered with a next page that is no link") from error

    def _send(self, method: str, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Call Glance with a body in JSON, and return the body of the response."""
        return self._call(
            method, url, data=json.dumps(body), headers={"Content-Type": "application/json"}
        )
