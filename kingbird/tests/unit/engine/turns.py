"""Take the turns of a task for data, one by one."""

import dataclasses
import time
from collections.abc import Mapping
from typing import Any, cast

import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db.clock import now_ms
from kingbird.engine.cancellations import Cancellations
from kingbird.engine.credentials import JobCredentials
from kingbird.engine.importer import DataImporter
from kingbird.engine.leases import HeldLease
from kingbird.engine.pools import RegionPools
from kingbird.sync import image as fields
from kingbird.sync.item import Item, Seen
from kingbird.sync.plan.data import import_spec
from kingbird.tests.unit.db.rows import LEASE, PROJECT, expire, planned_job, row, sync_set
from kingbird.tests.unit.sync.scene import RULES, submit


class Access:
    """Credentials of a project's member."""

    def __init__(self, glances: Mapping[str, Any]) -> None:
        self.glances = glances
        self.good = True
        self.error: Exception | None = None
        self.ended: list[str] = []

    def open_regions(self, job: db.Job) -> dict[str, Any]:
        if self.error:
            raise self.error
        return {name: glance.images_for(PROJECT) for name, glance in self.glances.items()}

    def lasts(self, job: db.Job, seconds: float) -> bool:
        return self.good

    def revoke_trust(self, job: db.Job) -> None:
        self.ended.append(job.id)

    def forget(self, job: db.Job) -> None:
        pass


class Pools:
    """Calls that are made at once."""

    def submit_for(self, job: db.Job) -> Any:
        return submit


class Turns:
    """A job whose records are in order, and the turns about their data."""

    def __init__(self, scene: Any) -> None:
        self.scene = scene
        self.glances = scene.glances
        self.access = Access(scene.glances)
        self.cancellations = Cancellations()
        self.importer = DataImporter(
            scene.conf,
            cast(JobCredentials, self.access),
            cast(RegionPools, Pools()),
            self.cancellations,
        )
        self.job_id = ""

    def image(self, data: bytes = b"data", **more: Any) -> str:
        image_id: str = self.scene.image(visibility="private", **more)
        self.glances["R1"].upload(image_id, data)
        return image_id

    def copies(self, *image_ids: str, reason: str = "created", **more: Any) -> None:
        """Copy records to R2, and store the job about their data."""
        rows = []
        for image_id in image_ids:
            source = self.glances["R1"].peek(image_id)
            record = fields.record_for(source, "R1", RULES, image_id=image_id)
            self.glances["R2"].images_for(PROJECT).create(record)
            item = Item(image_id, "R1", "R2", seen=Seen.of(source))
            spec = dataclasses.asdict(import_spec(item, source, record, PROJECT))
            columns = {"reason": reason, "work": spec, "data_since": 0, "data": "pending"}
            size = source["size"] or 0
            columns.update(bytes=size, rank=int(bool(spec["references"])))
            rows.append(row(image_id, action="create", **{**columns, **more}))
        request = [sync_set(["*"], data="import")]
        self.job_id = planned_job(*rows, request=request)
        db.outcomes.end_task(self.claim("records"))

    def owner(self, image_id: str) -> str:
        return str(self.glances["R1"].peek(image_id)["owner"])

    def claim(self, kind: str = "data", engine: str = "e1") -> db.Claim:
        claim = db.leases.claim_task(engine, LEASE)
        assert claim is not None
        assert claim.region_task.kind == kind
        return claim

    def turn(self) -> float | None:
        """Take a turn at once, and return the pause after it."""
        expire()
        claim = self.claim()
        return self.importer.run(HeldLease(claim, LEASE, time.monotonic()))

    @property
    def only(self) -> db.Item:
        (item,) = self.items.values()
        return item

    @property
    def items(self) -> dict[str, db.Item]:
        return {item.resource: item for item in self.scene.items(self.job_id)}

    @property
    def outcome(self) -> tuple[str, str | None, str | None]:
        return self.only.status, self.only.reason, self.only.data

    def set(self, **columns: Any) -> None:
        """Change the columns of all items, as time does."""
        with db.get_engine().begin() as bind:
            bind.execute(sa.update(db.Item).values(**columns))

    @property
    def now(self) -> int:
        """Milliseconds of the database's clock."""
        with db.get_engine().connect() as bind:
            return int(bind.scalar(sa.select(now_ms())) or 0)

    def asked(self, region: str = "R2") -> list[str]:
        """Return the images whose import was asked for, in order."""
        return [detail for name, detail in self.glances[region].calls if name == "import"]
