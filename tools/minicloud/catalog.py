"""Regions, services and endpoints in Keystone's catalog."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from minicloud.errors import MinicloudError
from minicloud.rest import Keystone

INTERFACES = ("public", "internal", "admin")

Urls = Mapping[str, str | Mapping[str, str]]
"""Region -> URL for all interfaces, or region -> interface -> URL."""


def register_service(keystone: Keystone, type_: str, name: str, endpoints: Urls) -> None:
    """Create or update a service and its endpoints.  Other endpoints stay unchanged."""
    service = _find_service(keystone, type_)
    if service is None:
        body = {"service": {"type": type_, "name": name}}
        service = keystone.call("POST", "/services", body)["service"]["id"]
    _make_regions(keystone, endpoints)
    present = _endpoints(keystone, service)
    for region, urls in endpoints.items():
        by_interface = dict.fromkeys(INTERFACES, urls) if isinstance(urls, str) else urls
        for interface, url in by_interface.items():
            _put_endpoint(keystone, service, region, interface, str(url), present)


def set_endpoint(keystone: Keystone, type_: str, region: str, interface: str, url: str) -> None:
    """Create or change one endpoint of a registered service.

    :raises MinicloudError: no service has that type.
    """
    service = _find_service(keystone, type_)
    if service is None:
        raise MinicloudError(f"no service of type {type_} is registered")
    _make_regions(keystone, [region])
    present = _endpoints(keystone, service)
    _put_endpoint(keystone, service, region, interface, url, present)


def _find_service(keystone: Keystone, type_: str) -> str | None:
    found = keystone.get("/services?" + urlencode({"type": type_}))["services"]
    return found[0]["id"] if found else None


def _make_regions(keystone: Keystone, names: Mapping[str, object] | list[str]) -> None:
    present = {region["id"] for region in keystone.get("/regions")["regions"]}
    for name in names:
        if name not in present:
            keystone.call("POST", "/regions", {"region": {"id": name}})


def _endpoints(keystone: Keystone, service: str) -> dict[tuple[str, str], dict[str, str]]:
    found = keystone.get("/endpoints?" + urlencode({"service_id": service}))["endpoints"]
    return {(endpoint["region_id"], endpoint["interface"]): endpoint for endpoint in found}


def _put_endpoint(
    keystone: Keystone,
    service: str,
    region: str,
    interface: str,
    url: str,
    present: Mapping[tuple[str, str], dict[str, str]],
) -> None:
    old = present.get((region, interface))
    if old is None:
        new = {"service_id": service, "region_id": region, "interface": interface, "url": url}
        keystone.call("POST", "/endpoints", {"endpoint": new})
    elif old["url"] != url:
        keystone.call("PATCH", f"/endpoints/{old['id']}", {"endpoint": {"url": url}})
