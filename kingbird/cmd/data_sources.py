"""Look at what lets each region's Glance fetch data from the others, as far as an API shows it."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from oslo_config import cfg

from kingbird import exception
from kingbird.clients import catalog
from kingbird.clients.glance import GLANCE_DOWNLOAD
from kingbird.clients.keystone import Keystone
from kingbird.clients.regions import ImageClientFactory

#: Seconds that a call may take.
TIMEOUT = 10.0
#: The ports that Glance's import filter allows by default.
ALLOWED_PORTS = (80, 443)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class RegionLook:
    """A region as Kingbird knows it.

    :ivar is_enabled: whether its Glance fetches data; ``None`` if it did not tell.
    :ivar url: where the Glances of other regions fetch its data; ``None`` if nowhere.
    :ivar problems: sentences about what is wrong.
    :ivar hints: sentences about what no API shows.
    """

    region: str
    is_enabled: bool | None
    url: str | None
    problems: tuple[str, ...] = field(default=())
    hints: tuple[str, ...] = field(default=())


def look(
    conf: cfg.ConfigOpts,
    keystone: Keystone | None = None,
    regions: ImageClientFactory | None = None,
) -> list[RegionLook]:
    """Look at all regions as the service user, with one call to each.

    :raises kingbird.exception.KeystoneUnavailable: the service user gets no token.
    :raises kingbird.exception.ConfigurationError: the configuration names no service user.
    """
    keystone = keystone or Keystone(conf, timeout=TIMEOUT)
    regions = regions or ImageClientFactory(conf, timeout=TIMEOUT)
    services = keystone.service_catalog()
    usable = catalog.read(services, conf.glance.interface).urls
    sources = catalog.urls_as_written(services, conf.glance.import_interface)
    clients: dict[str, Any] = {}
    if usable:
        clients.update(regions.clients_for(usable, keystone.service_auth))
    found = []
    for region in sorted({*usable, *sources}):
        enabled, problems = _as_target(clients.get(region))
        url = sources.get(region) or None
        problems += _source_problems(url, conf.glance.import_interface)
        found.append(RegionLook(region, enabled, url, tuple(problems), tuple(_hints(url))))
    return found


def _as_target(images: Any) -> tuple[bool | None, list[str]]:
    if images is None:
        return None, ["it has no image endpoint that Kingbird can use"]
    try:
        methods = images.import_methods()
    except (exception.RegionUnavailable, exception.ImageRequestRejected) as error:
        return None, [f"its methods of import can't be read: {error.message}"]
    if GLANCE_DOWNLOAD in methods:
        return True, []
    return False, [f"its enabled_import_methods does not name {GLANCE_DOWNLOAD}"]


def _source_problems(url: str | None, interface: str) -> list[str]:
    if url is None:
        return [f"it has no {interface} image endpoint, which [glance] import_interface asks for"]
    if url.rstrip("/").endswith("/v2"):
        return [f"its image endpoint {url} ends in /v2, to which Glance adds another one"]
    return []


def _hints(url: str | None) -> Iterator[str]:
    """Yield what the import filters of the other regions have to allow."""
    try:
        parts = urlsplit(url or "")
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return
    if not parts.hostname:
        return
    if port not in ALLOWED_PORTS:
        yield (
            f"[import_filtering_opts] allowed_ports of the other regions' Glances has to name "
            f"{port}, which their default refuses"
        )
    if _is_loopback(parts.hostname):
        yield (
            f"[import_filtering_opts] allowed_hosts of the other regions' Glances has to name "
            f"{parts.hostname}, as it is an address of the host itself"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
