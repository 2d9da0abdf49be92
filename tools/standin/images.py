"""Generate images by the hundred thousand, the same ones each time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from kingbird.tests.doubles.glance_rules import shown
from kingbird.tests.doubles.glance_store import Record, precise, seconds

#: The creation time of the first image.  Each following image is a second younger.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
#: The time after which a drifted image was changed.
LATER = timedelta(days=30)

_SYSTEMS = (("debian", "13"), ("ubuntu", "26.04"), ("rocky", "10.1"), ("fedora", "44"))


class Mill:
    """A generator that caches images, so that regions share the same ones."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str, str | None], list[Record]] = {}

    def records(
        self,
        region: str,
        count: int,
        *,
        source: str | None = None,
        missing: float = 0.0,
        drifted: float = 0.0,
        salt: str = "",
        project: str = "standin",
    ) -> Iterator[Record]:
        """Yield a region's images.

        :param source: the region of which these are Kingbird's copies.  Without it they are the
            region's own images, with data.
        :param missing: the share of images that the region lacks.
        :param drifted: the share of images that differ, in a tag, a property or the name.
        :param salt: changes the ids, for other images.
        :param project: the owner of the images.
        """
        made = self._made.setdefault((salt, project, source), [])
        made.extend(
            make(index, salt=salt, project=project, source=source)
            for index in range(len(made), count)
        )
        for index in range(count):
            lot = _lot(region, salt, index)
            if lot < missing:
                continue
            if lot < missing + drifted:
                yield make(index, salt=salt, project=project, source=source, drifted=True)
            else:
                yield made[index]


def image_id(index: int, salt: str = "") -> str:
    """Return the id of the image of an index, which is the same in every region."""
    text = hashlib.md5(f"{salt}:{index}".encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def make(
    index: int, *, salt: str, project: str, source: str | None, drifted: bool = False
) -> Record:
    """Make one image in Glance's form."""
    made_id = image_id(index, salt)
    distro, version = _SYSTEMS[index % len(_SYSTEMS)]
    created = EPOCH + timedelta(seconds=index)
    updated = created + LATER if drifted else created
    image: dict[str, Any] = {
        "os_distro": distro,
        "os_version": version,
        "architecture": "x86_64",
        "hw_disk_bus": "virtio",
        "name": f"{distro}-{version}-{index:06}",
        "disk_format": "qcow2",
        "container_format": "bare",
        "visibility": "private" if index % 4 else "shared",
        "protected": False,
        "min_ram": 512,
        "min_disk": 10,
        "owner": project,
        "os_hidden": False,
        "id": made_id,
        "created_at": seconds(precise(created)),
        "updated_at": seconds(precise(updated)),
        "tags": [distro, "golden"],
        **(_with_data(made_id) if source is None else _copied(made_id, source)),
    }
    if drifted:
        _drift(image, index)
    return Record(shown(image), precise(created), precise(updated))


def _with_data(made_id: str) -> dict[str, Any]:
    return {
        "status": "active",
        "size": 2**29,
        "virtual_size": 10 * 2**30,
        "checksum": hashlib.md5(made_id.encode()).hexdigest(),
        "os_hash_algo": "sha512",
        "os_hash_value": _hash(made_id),
        "stores": "files",
    }


def _copied(made_id: str, source: str) -> dict[str, Any]:
    nothing = ("size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value")
    return {
        **dict.fromkeys(nothing),
        "status": "queued",
        "kingbird_source_region": source,
        "kingbird_source_id": made_id,
        "kingbird_source_hash": f"sha512:{_hash(made_id)}",
    }


def _drift(image: dict[str, Any], index: int) -> None:
    if index % 3 == 0:
        image["tags"] = [*image["tags"], "old"]
    elif index % 3 == 1:
        image["os_version"] += "-old"
    else:
        image["name"] += "-old"


def _hash(made_id: str) -> str:
    return hashlib.sha512(made_id.encode()).hexdigest()


def _lot(region: str, salt: str, index: int) -> float:
    """Return an image's random number in a region, evenly distributed from 0 up to 1."""
    digest = hashlib.md5(f"{region}:{salt}:{index}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
