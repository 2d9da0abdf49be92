"""Three regions with images of every sort."""

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

from kingbird.tests.functional.people import RAW, Person, unique
from kingbird.tests.functional.snapshots import Snapshot
from kingbird.tests.functional.wildcard_expected import (
    DATA_CONFLICT,
    DRIFT,
    OWNER_CONFLICT,
    REGIONS,
    Expected,
    Planted,
    expect,
)

VISIBILITIES = ("private", "shared", "community", "public")

#: The number of images of each sort: about 300 records in the three regions.
SORTS = {
    "fresh": 60,
    "queued": 16,
    "in_sync": 30,
    "drift": 24,
    "data_conflict": 8,
    "owner_conflict": 12,
    "deleted": 12,
    "trio": 8,
    "bound": 4,
}


class WildcardScene:
    """Creates the images as an admin.

    :param owners: the ids of the owning projects.
    :ivar members: the members of images, by region and image.
    """

    def __init__(self, admin: Person, owners: Sequence[str]) -> None:
        self.prefix = unique("wildcard")
        self.images: list[Planted] = []
        self.members: dict[tuple[str, str], dict[str, str]] = {}
        self._admin = admin
        self._owners = owners
        self._todo: dict[str, list[dict[str, Any]]] = {region: [] for region in REGIONS}
        self._numbers = count()
        for sort, number in SORTS.items():
            for turn in range(number):
                getattr(self, f"_plan_{sort}")(turn)
        with ThreadPoolExecutor(len(REGIONS)) as pool:
            # Writes to a region are serial, because SQLite refuses concurrent ones.
            list(pool.map(self._fill, REGIONS))

    # Plans.

    def _fields(self) -> dict[str, Any]:
        """Return the fields of the next image, which differ from those of its neighbours."""
        n = next(self._numbers)
        fields: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "name": f"{self.prefix} {n}: snow\N{SNOWMAN}",
            "owner": self._owners[n % len(self._owners)],
            "visibility": VISIBILITIES[n // len(self._owners) % 4],
            "os_hidden": n % 3 == 0,
            "protected": n % 5 == 0,
            "min_disk": n % 4,
            "min_ram": n % 7 * 64,
            "tags": [f"tag {k}" for k in range(n % 5)],
            "os_distro": "plan9",
            f"own_{n % 6}": f"a value, {n}:1",
        }
        if n % 2:
            fields["hw_disk_bus"] = ""
        if n % 7 == 0:
            fields["instance_uuid"] = str(uuid.uuid4())
        return fields

    def _put(
        self,
        region: str,
        fields: dict[str, Any],
        data: bytes | None = None,
        deleted: bool = False,
        members: dict[str, str] | None = None,
    ) -> None:
        record = {**(RAW if data is not None else {}), **fields}
        if members:
            self.members[region, fields["id"]] = members
        step = {"record": record, "data": data, "deleted": deleted, "members": members or {}}
        self._todo[region].append(step)

    def _note(self, fields: dict[str, Any], *homes: str, **more: Any) -> None:
        self.images.append(Planted(fields["id"], homes, **more))

    def _plan_fresh(self, turn: int) -> None:
        home, fields = REGIONS[turn % 3], self._fields()
        members = {}
        if fields["visibility"] == "shared":
            others = [owner for owner in self._owners if owner != fields["owner"]]
            statuses = ("accepted", "pending", "rejected")
            members = dict(zip(others[: turn % 4], statuses, strict=False))
        self._put(home, fields, b"fresh", members=members)
        self._note(fields, home)

    def _plan_queued(self, turn: int) -> None:
        """Plan records without data, which are not selected."""
        homes = rotated(turn)[: 1 + turn % 2]
        fields = self._fields()
        for home in homes:
            self._put(home, fields)
        self._note(fields, *homes)

    def _plan_in_sync(self, turn: int) -> None:
        first, second, third = rotated(turn)
        fields = self._fields()
        self._put(first, fields, b"same")
        # Tags have no order.  The other changed fields are not compared.
        copy = {**fields, "tags": fields["tags"][::-1], "instance_uuid": str(uuid.uuid4())}
        copy |= {"kingbird_source_region": first, "kingbird_source_id": fields["id"]}
        self._put(second, {**RAW, **copy}, b"same" if turn % 2 else None)
        if turn % 3 == 0:
            self._note(fields, first, second)
            return
        self._put(third, {**RAW, **copy})
        self._note(fields, first, second, third)

    def _plan_drift(self, turn: int) -> None:
        first, second, _ = rotated(turn)
        fields = self._fields()
        changes: list[dict[str, Any]] = [
            {"tags": ["another"]},
            {"min_ram": 4096},
            {"os_distro": "inferno"},
            {"protected": not fields["protected"]},
            {"os_hidden": not fields["os_hidden"]},
            {"name": f"{fields['name']}, another"},
        ]
        self._put(first, fields, b"same")
        copy = {**RAW, **fields, **changes[turn % len(changes)]}
        self._put(second, copy, b"same" if turn % 4 == 1 else None)
        self._note(fields, first, second, beside=DRIFT)

    def _plan_data_conflict(self, turn: int) -> None:
        first, second, _ = rotated(turn)
        fields = self._fields()
        self._put(first, fields, b"one")
        self._put(second, fields, b"two")
        self._note(fields, first, second, beside=DATA_CONFLICT)

    def _plan_owner_conflict(self, turn: int) -> None:
        first, second, _ = rotated(turn)
        fields = self._fields()
        other = self._owners[(self._owners.index(fields["owner"]) + 1) % len(self._owners)]
        squatter = {**RAW, "id": fields["id"], "owner": other, "name": f"{self.prefix} squatter"}
        squatter["visibility"] = ("private", "community")[turn % 2]
        self._put(first, fields, b"same")
        self._put(second, squatter, b"same" if turn % 3 else None)
        self._note(fields, first, second, beside=OWNER_CONFLICT)

    def _plan_deleted(self, turn: int) -> None:
        first, second, _ = rotated(turn)
        fields = self._fields()
        self._put(first, fields, b"fresh")
        self._put(second, {**fields, "protected": False}, deleted=True)
        self._note(fields, first, tombstones=(second,))

    def _plan_trio(self, turn: int) -> None:
        """Plan an AMI whose kernel and ramdisk may lack data or be in another region already."""
        home, elsewhere, _ = rotated(turn)
        owner = self._owners[turn % len(self._owners)]
        named = {}
        for name, form in (("kernel_id", "aki"), ("ramdisk_id", "ari")):
            fields = {**self._fields(), "owner": owner, "visibility": "private"}
            fields |= {"disk_format": form, "container_format": form}
            homes = [home, elsewhere] if turn % 3 == 0 else [home]
            for region in homes:
                self._put(region, fields, b"boot" if turn % 2 and region == home else None)
            self._note(fields, *homes)
            named[name] = fields["id"]
        ami = {"disk_format": "ami", "container_format": "ami", "owner": owner}
        fields = {**self._fields(), **ami, **named, "visibility": "private"}
        self._put(home, fields, b"root")
        self._note(fields, home)

    def _plan_bound(self, turn: int) -> None:
        """Plan an image that Nova made of a server that boots from a volume."""
        home, fields = REGIONS[turn % 3], self._fields()
        mapping = f'[{{"snapshot_id": "{uuid.uuid4()}", "boot_index": 0}}]'
        self._put(home, {**fields, "block_device_mapping": mapping}, b"")
        self._note(fields, home, is_bound=True)

    # Images.

    def _fill(self, region: str) -> None:
        glance = self._admin.images(region)
        for step in self._todo[region]:
            image = glance.create(step["record"])
            if step["data"] is not None:
                headers = {"Content-Type": "application/octet-stream"}
                path = f"images/{image['id']}/file"
                self._admin.glance(region, "PUT", path, data=step["data"], headers=headers)
            for project, status in step["members"].items():
                glance.add_member(image["id"], project)
                if status != "pending":
                    glance.set_member_status(image["id"], project, status)
            if step["deleted"]:
                self._admin.delete(region, image["id"])

    @property
    def ids(self) -> set[str]:
        """Return the ids of all images of the scene."""
        return {planted.id for planted in self.images}

    def expected(
        self, there: Snapshot, *, owner: str | None = None, seen: Snapshot | None = None
    ) -> Expected:
        """Return the expected result of a sync of the scene.  See :func:`expect`."""
        return expect(self.images, there, owner=owner, seen=seen)


def rotated(turn: int) -> tuple[str, str, str]:
    """Return the regions, a different one first at each turn."""
    begin = turn % len(REGIONS)
    one, two, three = (*REGIONS[begin:], *REGIONS[:begin])
    return one, two, three
