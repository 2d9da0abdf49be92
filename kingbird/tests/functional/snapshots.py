"""Snapshots of all regions' images, as an admin sees them before and after a job."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from kingbird.conf.sync import KEY_MANAGER_PROPERTIES, REGION_BOUND_PROPERTIES
from kingbird.sync import image as fields
from kingbird.tests.functional.people import Image, Person

#: The images of each region, by id.
Snapshot = dict[str, dict[str, Image]]

_NOT_COPIED = frozenset({*REGION_BOUND_PROPERTIES, *KEY_MANAGER_PROPERTIES})
_ALL = {"visibility": "all", "member_status": "all", "sort_key": "id", "limit": 1000}


def walk(who: Person, region: str, *, hidden: bool) -> list[Image]:
    """Return a region's visible or hidden images as the user sees them."""
    found: list[Image] = []
    path: str | None = f"images?{urlencode({**_ALL, 'os_hidden': str(hidden).lower()})}"
    while path:
        page = who.glance(region, "GET", path).json()
        found += page["images"]
        path = page.get("next", "").removeprefix("/v2/")
    return found


def snapshot(who: Person, regions: Iterable[str]) -> Snapshot:
    """Return all images of some regions as the user sees them."""
    return {
        region: {
            image["id"]: image
            for hidden in (False, True)
            for image in walk(who, region, hidden=hidden)
        }
        for region in regions
    }


def owned_by(project_id: str, there: Snapshot) -> Snapshot:
    """Return the images that belong to a project."""
    return {
        region: {name: image for name, image in images.items() if image["owner"] == project_id}
        for region, images in there.items()
    }


def changed(before: Snapshot, after: Snapshot) -> dict[str, set[str]]:
    """Return the images that are new or changed, by region."""
    return {
        region: {
            name
            for name in before[region].keys() | after[region].keys()
            if before[region].get(name) != after[region].get(name)
        }
        for region in before
    }


def check_copy(source: Image, region: str, copy: Image, *, owner: str | None = None) -> None:
    """Compare a record that a sync has made with its source.

    :param region: the region of the source.
    :param owner: the expected owner, if it is not the owner of the source.
    """
    assert copied_fields(copy) == copied_fields(source)
    assert not _NOT_COPIED & copy.keys()
    assert copy["owner"] == (owner or source["owner"])
    assert (copy["status"], copy["size"], copy["checksum"]) == ("queued", None, None)
    assert copy[fields.SOURCE_REGION] == source.get(fields.SOURCE_REGION, region)
    assert copy[fields.SOURCE_ID] == source["id"]
    if source["os_hash_value"]:
        hashed = f"{source['os_hash_algo']}:{source['os_hash_value']}"
        assert copy[fields.SOURCE_HASH] == hashed


def copied_fields(image: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of an image that a sync copies."""
    own = fields.SET_BY_GLANCE | fields.PROVENANCE | _NOT_COPIED
    return {
        name: sorted(value) if isinstance(value, list) else value
        for name, value in image.items()
        if name not in own
    }
