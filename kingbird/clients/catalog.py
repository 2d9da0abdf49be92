"""Read the image endpoints of a token's service catalog.

Operators write the catalog.  An entry that cannot be used is left out and logged once; it does not
affect other regions.
"""

import logging
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests

from kingbird.clients.log_once import WarnOnce
from kingbird.region_names import problem_of
from kingbird.text import quote

LOG = logging.getLogger(__name__)
WARNINGS = WarnOnce(LOG)

IMAGE = "image"


class ImageEndpoints(NamedTuple):
    """The image endpoints of a catalog.

    :ivar urls: URLs by region, without ``/v2``.
    :ivar unusable: the problems of regions whose image endpoints cannot be used, by region.
    """

    urls: dict[str, str]
    unusable: dict[str, str]


def well_formed(catalog: Any) -> list[dict[str, Any]]:
    """Return the valid entries of a catalog in Keystone's v3 form.

    Readers of a catalog, such as keystonemiddleware, fail for other entries.

    :param catalog: any value that a token has as its catalog.
    """
    return list(_services(catalog))


def _services(catalog: Any) -> Iterator[dict[str, Any]]:
    for service in catalog if isinstance(catalog, list) else ():
        if not isinstance(service, dict) or not isinstance(service.get("type"), str):
            WARNINGS.warn(f"An entry of the service catalog is no service: {quote(service)}")
            continue
        endpoints = service.get("endpoints")
        if not isinstance(endpoints, list):
            endpoints = []
        yield {
            **service,
            "endpoints": [endpoint for endpoint in endpoints if _is_endpoint(endpoint, service)],
        }


def _is_endpoint(endpoint: Any, service: dict[str, Any]) -> bool:
    """Return True if an entry has the fields of an endpoint with their types."""
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
        WARNINGS.warn(f"An entry of the service catalog is no image endpoint: {quote(endpoint)}")
    return False


def _is_image(service: dict[str, Any]) -> bool:
    kind: str = service["type"]
    return kind.lower() == IMAGE


def read(catalog: Any, interface: str) -> ImageEndpoints:
    """Return the image endpoints of a catalog.

    The first usable endpoint of a region counts.

    :param catalog: a token's catalog in Keystone's v3 form, with endpoint filters applied.
    :param interface: ``public``, ``internal`` or ``admin``.
    """
    urls: dict[str, str] = {}
    unusable: dict[str, str] = {}
    for service in filter(_is_image, _services(catalog)):
        for endpoint in service["endpoints"]:
            if endpoint["interface"] != interface:
                continue
            region: str | None = endpoint.get("region_id") or endpoint.get("region") or None
            url, problem = _parse_url(endpoint["url"])
            problem = problem_of(region) or problem
            if region is None or problem:
                _warn_left_out(endpoint, region, problem)
                if region is not None:
                    unusable.setdefault(region, problem)
            elif urls.setdefault(region, url) != url:
                _warn_left_out(endpoint, region, "an earlier one of the same region is used")
    return ImageEndpoints(
        urls, {region: problem for region, problem in unusable.items() if region not in urls}
    )


def urls_as_written(catalog: Any, interface: str) -> dict[str, str]:
    """Return the URLs of the image endpoints by region, as Glance itself reads them.

    Glance takes the first endpoint of a region, and adds ``/v2`` to its URL.

    :param catalog: a token's catalog in Keystone's v3 form.
    :param interface: ``public``, ``internal`` or ``admin``.
    """
    urls: dict[str, str] = {}
    for service in filter(_is_image, _services(catalog)):
        for endpoint in service["endpoints"]:
            region: str | None = endpoint.get("region_id") or endpoint.get("region") or None
            if endpoint["interface"] == interface and region and not problem_of(region):
                urls.setdefault(region, endpoint["url"] or "")
    return urls


def _warn_left_out(endpoint: dict[str, Any], region: str | None, problem: str) -> None:
    WARNINGS.warn(
        f"The image endpoint {quote(endpoint.get('id'))} of region {quote(region)} is left out "
        f"of the service catalog: {problem}"
    )


@lru_cache(maxsize=4096)
def _parse_url(url: str | None) -> tuple[str, str]:
    """Return an endpoint's URL without ``/v2``, and its problem or an empty text."""
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
        # An invalid name or URL must fail here.  When a connection is made, its error is not
        # handled.
        host.encode("idna")
        requests.Request("GET", f"{base}/v2/images").prepare()
    except (ValueError, requests.RequestException) as error:
        return "", f"its URL can't be used: {quote(str(error))}"
    return base, ""
