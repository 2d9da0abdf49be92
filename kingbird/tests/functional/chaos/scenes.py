"""The images of a job: new images in a source region that two other regions lack."""

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kingbird.clients.image_lists import Image
from kingbird.tests.functional.chaos.copies import Findings, compare_region, listing
from kingbird.tests.functional.chaos.world import REAL, STANDIN, World
from kingbird.tests.functional.kingbird_api import sync

#: Images that others of a scene refer to, and the number of references.
KERNEL = {"container_format": "aki", "disk_format": "aki"}
RAMDISK = {"container_format": "ari", "disk_format": "ari"}
AMIS = 5


@dataclass(frozen=True)
class Scene:
    """Images, half of which get forced copies.

    :ivar since: the job ignores images of these regions that were made before.
    """

    source: str
    targets: tuple[str, str]
    ids: tuple[str, ...]
    since: str | None = None

    @property
    def plain(self) -> tuple[str, ...]:
        """Return the images whose copies keep their ids."""
        return self.ids[: len(self.ids) // 2]

    @property
    def forced(self) -> tuple[str, ...]:
        """Return the images whose copies get other ids."""
        return self.ids[len(self.ids) // 2 :]

    @property
    def copies(self) -> int:
        """Return the number of records that a job has to make."""
        return len(self.ids) * len(self.targets)

    def sets(self, most: int | None = None) -> list[dict[str, Any]]:
        """Return the sets of the request.

        :param most: only this number of the plain images.
        """
        regions: dict[str, Any] = {"source": self.source, "target": list(self.targets)}
        if most is not None:
            return [sync(*self.plain[:most], **regions)]
        return [sync(*self.plain, **regions), sync(*self.forced, force=True, **regions)]

    def findings(self, world: World) -> Findings:
        """Describe the wrong content of the Glances."""
        images = listing(world.images(self.source), self.since)
        sources = [image for image in images if image["id"] in self.ids]
        findings = Findings()
        if len(sources) != len(self.ids):
            findings.lost.append(f"{self.source} has {len(sources)} of {len(self.ids)} images")
        for region in self.targets:
            found = listing(world.images(region), self.since)
            findings.add(compare_region(region, found, sources, self.source, set(self.forced)))
        return findings


def of_standins(world: World, count: int, latency: float) -> Scene:
    """Fill the stand-ins with new images that have data.

    :param latency: the delay of their responses in milliseconds.
    """
    world.standin.latency(None, latency)
    source, *targets = STANDIN
    for region in STANDIN:
        world.standin.clear(region)
    world.standin.seed(source, count, salt=uuid.uuid4().hex, project=world.demo.project_id)
    there = world.images(source)
    ids = tuple(image["id"] for image in listing(there))
    for index in hidden(count):
        there.update(ids[index], [{"op": "replace", "path": "/os_hidden", "value": True}])
    return Scene(source, (targets[0], targets[1]), ids)


def hidden(count: int) -> tuple[int, int]:
    """Return the indexes of the hidden images: the last plain one and the last forced one.

    Glance lists hidden images apart, so each search for existing images takes two calls.
    """
    return count // 2 - 1, count - 1


def of_glances(world: World, count: int) -> Scene:
    """Make images in a real Glance, some of which refer to others."""
    source, *targets = REAL
    # Glance uses the clock of this machine and filters by whole seconds.
    time.sleep(1 - time.time() % 1)
    since = datetime.now(UTC)
    there = world.images(source)
    kernel = there.create({"name": "kernel", "tags": ["chaos"], **KERNEL})["id"]
    ramdisk = there.create({"name": "ramdisk", "tags": ["chaos"], **RAMDISK})["id"]
    ids = [kernel, ramdisk]
    for index in range(len(ids), count):
        record = _record(index)
        if index < AMIS + 2:
            record |= {
                "container_format": "ami",
                "disk_format": "ami",
                "kernel_id": kernel,
                "ramdisk_id": ramdisk,
            }
        if index in hidden(count):
            record["os_hidden"] = True
        ids.append(there.create(record)["id"])
    shown = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Scene(source, (targets[0], targets[1]), tuple(ids), shown)


def _record(index: int) -> Image:
    return {
        "name": f"chaos-{index:03}",
        "disk_format": "qcow2",
        "container_format": "bare",
        "tags": ["chaos", f"number-{index}"],
        "visibility": ("private", "shared", "community")[index % 3],
        "protected": index % 5 == 0,
        "min_disk": index % 7,
        "min_ram": 64 * (index % 3),
        "os_distro": "debian",
        "os_version": str(index),
    }
