"""The image endpoints of a token's service catalog.

The catalog is text of other people.  An entry that can't be used costs its own region and no
other one: it is left out, and logged once.
"""

import logging
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests

from kingbird.clients.log_once import Once, shown
from kingbird.states import ALL

LOG = logging.getLogger(__name__)
WARNINGS = Once(LOG)

IMAGE = "image"
#: Characters of a region's name, in Keystone and in Kingbird's tables.
MAX_REGION = 255

_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")


class ImageEndpoints(NamedTuple):
    """The image endpoints of a catalog.

    :ivar urls: the URL by region, without ``/v2``.
    :ivar unusable: regions that have an image endpoint of which none can be used, and why.
    """

    urls: dict[str, str]
    unusable: dict[str, str]


def well_formed(catalog: Any) -> list[dict[str, Any]]:
    """Return the entries of a catalog that have Keystone's form, in Keystone's v3 form.

    Readers of a catalog, keystonemiddleware among them, fail for the rest.

    :param catalog: whatever stands in a token's place for a catalog.
    """
    return list(_services(catalog))


def _services(catalog: Any) -> Iterator[dict[str, Any]]:
    for service in catalog if isinstance(catalog, list) else ():
        if not isinstance(service, dict) or not isinstance(service.get("type"), str):
            WARNINGS.warn(f"An entry of the service catalog is no service: {shown(service)}")
            continue
        endpoints = service.get("endpoints")
        if not isinstance(endpoints, list):
            endpoints = []
        yield {**service, "endpoints": [one for one in endpoints if _is_endpoint(one, service)]}


def _is_endpoint(endpoint: Any, service: dict[str, Any]) -> bool:
    """Whether an entry has the fields of an endpoint, in the types that they have."""
    if (
        isinstance(endpoint, dict)
        and isinstance(endpoint.get("interface"), str)
        and "url" in endpoint
        and all(
            endpoint.get(name) is None or isinstance(endpoint[name], str)
            for name in ("url", "region", "region_id")
        )
    ):
        return True
    if _is_image(service):
        WARNINGS.warn(f"An entry of the service catalog is no image endpoint: {shown(endpoint)}")
    return False


def _is_image(service: dict[str, Any]) -> bool:
    kind: str = service["type"]
    return kind.lower() == IMAGE


def read(catalog: Any, interface: str) -> ImageEndpoints:
    """Read the image endpoints of a catalog.

    Of several endpoints of a region the first that can be used counts.

    :param catalog: a token's catalog in Keystone's v3 form, endpoint filters applied.
    :param interface: ``public``, ``internal`` or ``admin``.
    """
    urls: dict[str, str] = {}
    unusable: dict[str, str] = {}
    for service in filter(_is_image, _services(catalog)):
        for endpoint in service["endpoints"]:
            if endpoint["interface"] != interface:
                continue
            region: str | None = endpoint.get("region_id") or endpoint.get("region") or None
            url, problem = _base(endpoint["url"])
            problem = _problem_of(region) or problem
            if region is None or problem:
                _tell(endpoint, region, problem)
                if region is not None:
                    unusable.setdefault(region, problem)
            elif urls.setdefault(region, url) != url:
                _tell(endpoint, region, "an earlier one of the same region is used")
    return ImageEndpoints(
        urls, {region: why for region, why in unusable.items() if region not in urls}
    )


def _tell(endpoint: dict[str, Any], region: str | None, problem: str) -> None:
    WARNINGS.warn(
        f"The image endpoint {shown(endpoint.get('id'))} of region {shown(region)} is left out "
        f"of the service catalog: {problem}"
    )


def _problem_of(region: str | None) -> str:
    """Return why a region can't be used, or nothing."""
    if not region:
        return "it has no region"
    if region == ALL:
        return "no region can be named *, which stands for all regions"
    if len(region) > MAX_REGION:
        return f"the region's name is longer than {MAX_REGION} characters"
    if _CONTROL.search(region):
        return "the region's name holds control characters"
    if region != region.rstrip():
        # To MariaDB it is the region without them, another one or not.
        return "the region's name ends in blanks"
    return ""


@lru_cache(maxsize=4096)
def _base(url: str | None) -> tuple[str, str]:
    """Return an endpoint's URL without ``/v2``, and why it can't be used, or nothing."""
    if not url:
        return "", "it has no URL"
    if not url.isprintable() or " " in url:
        return "", "its URL holds blanks or control characters"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        if parts.scheme not in ("http", "https"):
            return "", "its URL is no http(s) URL"
        if not host:
            return "", "its URL names no host"
        if "?" in url or "#" in url:
            return "", "its URL has a query or a fragment"
        path = parts.path.rstrip("/").removesuffix("/v2").rstrip("/")
        base = parts._replace(path=path).geturl()
        # Where a connection is made, such an error is nobody's.
        host.encode("idna")
        requests.Request("GET", f"{base}/v2/images").prepare()
    except (ValueError, requests.RequestException) as error:
        return "", f"its URL can't be used: {shown(str(error))}"
    return base, ""
