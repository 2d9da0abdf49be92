"""Read the catalog in the user's token."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings

SERVICE_TYPE = "synchronization"
IMAGE_TYPE = "image"


def service_url(request: Any) -> str:
    """Return Kingbird's URL in the chosen region, else in any, else an empty text.

    One Kingbird serves all regions, so its endpoint may be registered in one of them only.
    """
    urls = dict(_endpoints(request, SERVICE_TYPE))
    chosen = getattr(request.user, "services_region", None)
    return urls.get(chosen or "") or next(iter(urls.values()), "")


def image_regions(request: Any) -> list[str]:
    """Return the names of the regions that have an image service, sorted."""
    return sorted({region for region, _url in _endpoints(request, IMAGE_TYPE)})


def _endpoints(request: Any, service_type: str) -> Iterator[tuple[str, str]]:
    wanted = _interface(getattr(settings, "OPENSTACK_ENDPOINT_TYPE", "publicURL"))
    for service in request.user.service_catalog or ():
        if service.get("type") != service_type:
            continue
        for endpoint in service.get("endpoints", ()):
            region = endpoint.get("region_id") or endpoint.get("region")
            if region and _interface(endpoint.get("interface", "")) == wanted:
                yield region, endpoint["url"].rstrip("/")


def _interface(name: str) -> str:
    return name.removesuffix("URL")
