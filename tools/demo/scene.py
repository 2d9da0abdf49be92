"""The six images that only RegionOne has, each with a special property.

Their data are a few kilobytes, because Kingbird copies only records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.glance import Glance, Image

_RAW = {"disk_format": "raw", "container_format": "bare"}


@dataclass(frozen=True)
class Item:
    """An image to create.

    :ivar what: the special property.
    :ivar refers: names of images, by the property that holds the id.
    :ivar shared_with: a project's name.
    """

    name: str
    what: str
    fields: Mapping[str, Any]
    data: bytes = b""
    refers: Mapping[str, str] = field(default_factory=dict)
    shared_with: str = ""


def _amazon(kind: str) -> dict[str, str]:
    """Return the formats of Amazon's images, which Glance requires to be equal."""
    return {"disk_format": kind, "container_format": kind}


#: An image follows those that it refers to.
SCENE = (
    Item(
        "web-server",
        "has data, four properties and three tags",
        {
            **_RAW,
            "visibility": "private",
            "min_disk": 2,
            "min_ram": 512,
            "tags": ["nginx", "production", "tls 1.3"],
            "os_distro": "debian",
            "os_version": "12",
            "hw_disk_bus": "virtio",
            "description": "Für Webserver in allen Regionen",
        },
        data=b"what the web server boots from\n" * 2000,
    ),
    Item(
        "old-release",
        "is hidden, and no data were uploaded to it",
        {**_RAW, "os_hidden": True, "visibility": "community", "os_version": "9"},
    ),
    Item(
        "golden-base",
        "is shared with the project other, and protected",
        {
            "disk_format": "qcow2",
            "container_format": "bare",
            "visibility": "shared",
            "protected": True,
        },
        shared_with="other",
    ),
    Item(
        "legacy-kernel",
        "the kernel of legacy-machine",
        {**_amazon("aki"), "visibility": "private"},
        data=b"a kernel\n" * 500,
    ),
    Item(
        "legacy-ramdisk",
        "the ramdisk of legacy-machine",
        {**_amazon("ari"), "visibility": "private"},
        data=b"a ramdisk\n" * 500,
    ),
    Item(
        "legacy-machine",
        "an AMI: it names its kernel and its ramdisk by id",
        {**_amazon("ami"), "visibility": "private", "architecture": "x86_64"},
        data=b"a root file system\n" * 500,
        refers={"kernel_id": "legacy-kernel", "ramdisk_id": "legacy-ramdisk"},
    ),
)


def put(glance: Glance, owner: str, projects: Mapping[str, str]) -> dict[str, str]:
    """Create missing images, and finish images of an interrupted run.

    :param owner: the id of the project that owns them.
    :param projects: ids by name.
    :returns: ids by name, in the order of the scene.
    """
    there: dict[str, Image] = {image["name"]: image for image in glance.images(owner).values()}
    ids: dict[str, str] = {}
    for item in SCENE:
        image = there.get(item.name) or glance.create(
            {
                "name": item.name,
                **item.fields,
                **{name: ids[other] for name, other in item.refers.items()},
            }
        )
        ids[item.name] = image["id"]
        if item.data and image["status"] == "queued":
            glance.upload(image["id"], item.data)
        if item.shared_with:
            glance.share(image["id"], projects[item.shared_with])
    return ids
