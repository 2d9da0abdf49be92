"""Images by name: which ids a name stands for, and what ids are called."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import connection
from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions

from kingbird.states import ALL

#: Ids in one call; a URL must not be too long.
IDS_PER_CALL = 100

_ID = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}", re.I)
#: What a region's Glance, or the way to it, can go wrong with.
_UNREACHABLE = (ksa_exceptions.ClientException, sdk_exceptions.SDKException)


@dataclass(frozen=True)
class ImageSummary:
    """What a Glance tells of an image.

    :ivar references: ids of the kernel and the ramdisk that it names.
    """

    id: str
    name: str
    owner: str
    status: str
    references: tuple[str, ...] = ()


def is_id(text: str) -> bool:
    """Whether a word is an image's id, and not its name."""
    return bool(_ID.fullmatch(text))


class ImageCatalog:
    """The images of all regions, as the user sees them.

    :param manager: the client manager of python-openstackclient.
    :param warn: told when a region can't be asked.
    """

    def __init__(self, manager: Any, warn: Any) -> None:
        self._manager = manager
        self._warn = warn
        self._connections: dict[str, connection.Connection] = {}

    def regions(self) -> list[str]:
        """Return the regions that have an image endpoint in the token's catalog."""
        catalog = self._manager.auth_ref.service_catalog
        endpoints = catalog.get_endpoints(
            service_type="image", interface=self._manager.interface or "public"
        )
        # Keystone takes an endpoint without a region, and Kingbird leaves it out.
        return sorted(
            {each["region"] for found in endpoints.values() for each in found if each["region"]}
        )

    def ids(self, words: Sequence[str], sources: Sequence[str]) -> list[str]:
        """Return the ids that names stand for; ids stand for themselves.

        :param sources: the regions where a name is looked up; ``*`` for all.
        :raises osc_lib.exceptions.CommandError: a name stands for no image or for several.
        """
        names = dict.fromkeys(word for word in words if not is_id(word))
        # Regions beside a star only rank before the others.
        regions = self.regions() if ALL in sources else sources
        found = {name: self._named(name, regions) for name in names}
        return list(dict.fromkeys(found.get(word, word) for word in words))

    def _named(self, name: str, regions: Sequence[str]) -> str:
        homes: dict[str, list[str]] = {}
        owners: dict[str, str] = {}
        problem: Exception | None = None
        for region in regions:
            try:
                # With its operator, as Glance takes the beginning of "in:x" for one.
                for image in self._list(region, name=f"eq:{name}"):
                    homes.setdefault(image.id, []).append(region)
                    owners[image.id] = image.owner
            except _UNREACHABLE as error:
                self._warn(f"Region {region} can't be asked for {name}: {error}")
                problem = error
        if len(homes) == 1:
            return next(iter(homes))
        where = ", ".join(regions)
        if not homes:
            raise exceptions.CommandError(f"No image is named {name} in {where}") from problem
        listed = "\n".join(
            f"  {image_id} in {', '.join(there)}, of project {owners[image_id]}"
            for image_id, there in sorted(homes.items())
        )
        raise exceptions.CommandError(
            f"{len(homes)} images are named {name}; name the one that you mean by its id:\n"
            f"{listed}"
        )

    def describe(self, where: Mapping[str, Iterable[str]]) -> dict[str, ImageSummary]:
        """Return what is known of images, by id; of regions that can't be asked nothing.

        :param where: the ids, by the region that has them.
        """
        found: dict[str, ImageSummary] = {}
        for region, wanted in where.items():
            ids = iter(sorted(wanted))
            try:
                while some := list(islice(ids, IDS_PER_CALL)):
                    for image in self._list(region, id=f"in:{','.join(some)}"):
                        found[image.id] = image
            except _UNREACHABLE as error:
                self._warn(f"Region {region} can't be asked for the names of images: {error}")
        return found

    def _list(self, region: str, **query: str) -> Iterator[ImageSummary]:
        """Yield all that the user sees: shares not accepted and hidden images too."""
        proxy = self._connection(region).image
        for hidden in (False, True):
            images = proxy.images(
                visibility="all",
                member_status="all",
                is_hidden=hidden,
                limit=1000,
                **query,
            )
            for image in images:
                properties = image.properties or {}
                named = [
                    getattr(image, key, None) or properties.get(key)
                    for key in ("kernel_id", "ramdisk_id")
                ]
                yield ImageSummary(
                    image.id,
                    image.name or "",
                    image.owner_id or "",
                    image.status,
                    tuple(str(one) for one in named if one),
                )

    def _connection(self, region: str) -> connection.Connection:
        if region not in self._connections:
            self._connections[region] = connection.Connection(
                session=self._manager.session,
                region_name=region,
                image_interface=self._manager.interface or "public",
            )
        return self._connections[region]
