"""Look images up by name and id in all regions."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import connection
from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions

from kingbird.region_names import problem_of
from kingbird.states import ALL

#: The property with which Kingbird marks a copy under another id.
FORCED = "kingbird_forced"
#: The number of ids in one call, which limits the URL's length.
IDS_PER_CALL = 100

_ID = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}", re.I)
#: Errors of a region's Glance, of the connection to it, and of a URL that cannot be parsed.
_UNREACHABLE = (ksa_exceptions.ClientException, sdk_exceptions.SDKException, ValueError)


@dataclass(frozen=True)
class ImageSummary:
    """The fields of an image that the commands use.

    :ivar references: ids of its kernel and its ramdisk.
    :ivar is_forced: True if Kingbird made it as a copy of another image.
    """

    id: str
    name: str
    owner: str
    status: str
    references: tuple[str, ...] = ()
    is_forced: bool = False


def is_id(text: str) -> bool:
    """Return True if a word is an image's id and not a name."""
    return bool(_ID.fullmatch(text))


class ImageCatalog:
    """The images of all regions, as the user sees them.

    :param manager: the client manager of python-openstackclient.
    :param warn: called with a message if a region cannot be reached.
    """

    def __init__(self, manager: Any, warn: Any) -> None:
        self._manager = manager
        self._warn = warn
        self._connections: dict[str, connection.Connection] = {}

    def regions(self) -> list[str]:
        """Return the regions that have an image endpoint in the token's catalog.

        Keystone allows names that Kingbird leaves out, and endpoints without a region.
        """
        catalog = self._manager.auth_ref.service_catalog
        interface = catalog.normalize_interface(self._manager.interface or "public")
        # get_endpoints() fails for all regions if the URL of one cannot be parsed.
        names = {
            endpoint["region_name"]
            for service in catalog.normalize_catalog()
            if service["type"] == "image"
            for endpoint in service["endpoints"]
            if endpoint["interface"] == interface and endpoint["url"]
        }
        return sorted(name for name in names if not problem_of(name))

    def ids(self, words: Sequence[str], sources: Sequence[str]) -> list[str]:
        """Return the ids of images given by name or id.

        A name means no forced copy, because that has the name of its image.

        :param sources: the regions where names are looked up; ``*`` for all.
        :raises osc_lib.exceptions.CommandError: no image or several ones have a name.
        """
        names = dict.fromkeys(word for word in words if not is_id(word))
        # Regions beside the wildcard only set the order of sources.
        regions = self.regions() if ALL in sources else sources
        found = {name: self._find_by_name(name, regions) for name in names}
        return list(dict.fromkeys(found.get(word, word) for word in words))

    def _find_by_name(self, name: str, regions: Sequence[str]) -> str:
        found: dict[str, ImageSummary] = {}
        regions_by_id: dict[str, list[str]] = {}
        problem: Exception | None = None
        for region in regions:
            try:
                # The operator is needed, because Glance would read a prefix such as "in:" as one.
                for image in self._list(region, name=f"eq:{name}"):
                    regions_by_id.setdefault(image.id, []).append(region)
                    found[image.id] = image
            except _UNREACHABLE as error:
                self._warn(f"Region {region} can't be asked for {name}: {error}")
                problem = error
        ids = [image_id for image_id, image in found.items() if not image.is_forced]
        if len(ids) == 1:
            return ids[0]
        if not found:
            raise exceptions.CommandError(
                f"No image is named {name} in {', '.join(regions)}"
            ) from problem
        lines = [
            f"  {image_id} in {', '.join(regions_by_id[image_id])}, of project "
            f"{found[image_id].owner}{', a forced copy' * found[image_id].is_forced}"
            for image_id in sorted(found)
        ]
        number = f"{len(ids)} images are" if ids else "Only forced copies are"
        raise exceptions.CommandError(
            "\n".join([f"{number} named {name}; use the id of one of them:", *lines])
        )

    def describe(self, where: Mapping[str, Iterable[str]]) -> dict[str, ImageSummary]:
        """Return the known fields of images by id.  Regions that cannot be reached are skipped.

        :param where: the ids by region.
        """
        found: dict[str, ImageSummary] = {}
        for region, wanted in where.items():
            ids = iter(sorted(wanted))
            try:
                while batch := list(islice(ids, IDS_PER_CALL)):
                    for image in self._list(region, id=f"in:{','.join(batch)}"):
                        found[image.id] = image
            except _UNREACHABLE as error:
                self._warn(f"Region {region} can't be asked for the names of images: {error}")
        return found

    def _list(self, region: str, **query: str) -> Iterator[ImageSummary]:
        """Yield all images that the user sees, including hidden images and pending shares."""
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
                references = [
                    getattr(image, key, None) or properties.get(key)
                    for key in ("kernel_id", "ramdisk_id")
                ]
                yield ImageSummary(
                    image.id,
                    image.name or "",
                    image.owner_id or "",
                    image.status,
                    tuple(str(one) for one in references if one),
                    properties.get(FORCED) == "true",
                )

    def _connection(self, region: str) -> connection.Connection:
        if region not in self._connections:
            self._connections[region] = connection.Connection(
                session=self._manager.session,
                region_name=region,
                image_interface=self._manager.interface or "public",
            )
        return self._connections[region]
