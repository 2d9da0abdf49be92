"""An engine over a database of its own, a Keystone in memory and three Glances in memory."""

from collections.abc import Mapping
from typing import cast

import sqlalchemy as sa

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.clients.keystone import Keystone
from kingbird.clients.regions import ImageClientFactory
from kingbird.db import api as db
from kingbird.db import connection
from kingbird.engine.service import Engine
from kingbird.tests.doubles.glance import FakeGlance
from kingbird.tests.doubles.trusts import Trusts
from kingbird.tests.unit.db.rows import PROJECT, accepted_job
from kingbird.tests.waiting import PATIENCE, wait_for

#: The service user's own credentials.
SERVICE = "service"


class FakeKeystone:
    """Trusts as a set of ids; what an engine asks of Keystone is counted."""

    def __init__(self) -> None:
        self.trusts = Trusts()
        #: Trusts that exist and give no token.
        self.disabled: set[str] = set()
        #: Trusts and tokens that are about to expire.
        self.short: set[str] = set()
        #: Trusts that it refuses to delete.
        self.kept: set[str] = set()
        self.calls: list[str] = []
        self.problem: Exception | None = None
        self.failing = {"token", "try", "delete", "list"}

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.problem and name in self.failing:
            raise self.problem

    def trust_auth(self, trust_id: str, *, global_request_id: str | None = None) -> str:
        return trust_id

    def token_auth(self, token: str) -> str:
        return token

    @property
    def service_auth(self) -> str:
        return SERVICE

    def regions(self, auth: str) -> dict[str, str]:
        self._call("token")
        if auth not in {*self.trusts, SERVICE}:
            raise exception.CredentialsLost("There is no such trust")
        return {region: f"http://{region}" for region in ("R1", "R2", "R3")}

    def try_token(self) -> None:
        self._call("try")

    def delete_trust(
        self, trust_id: str, auth: str | None = None, *, global_request_id: str | None = None
    ) -> None:
        self._call("delete")
        if trust_id in self.kept:
            raise exception.TrustRefused("Keystone refuses to delete the trust (HTTP 403)")
        self.trusts.discard(trust_id)

    def auth_lasts(self, auth: str, seconds: float) -> bool:
        self._call("look at token")
        return auth not in self.short

    def token_lasts(self, token: str, seconds: float) -> bool:
        self._call("look at token")
        return token not in self.short

    def is_trust_gone(self, trust_id: str) -> bool:
        self._call("look up")
        return trust_id not in self.trusts and trust_id not in self.disabled

    def list_service_trusts(self) -> list[str]:
        self._call("list")
        return sorted(self.trusts)


class FakeRegions:
    """Opens regions as a member of the project, or as an admin."""

    def __init__(self, glances: Mapping[str, FakeGlance], *, as_admin: bool = False) -> None:
        self.glances = glances
        self._as_admin = as_admin

    def clients_for(
        self, endpoints: Mapping[str, str], auth: str, *, global_request_id: str | None = None
    ) -> dict[str, ImageClient]:
        return {
            region: self.glances[region].images_for(PROJECT, self._as_admin)
            for region in endpoints
        }


class Scene:
    """The beginning of a test of an engine: doubles, options and jobs."""

    def __init__(self, conf) -> None:
        self.conf = conf
        for name, value in (
            ("lease", 60),
            ("poll_interval", 0.1),
            ("graceful_shutdown_timeout", 5),
        ):
            conf.set_override(name, value, group="engine")
        conf.set_override("retry_timeout", 0.2, group="sync")
        # On a busy machine no region lags, unless a test is about that.
        conf.set_override("slow_region_timeout", 2 * PATIENCE, group="sync")
        # Items of a region that is away fail, unless a test is about pauses.
        conf.set_override("region_patience", 0, group="sync")
        self.keystone = FakeKeystone()
        self.glances = {region: FakeGlance(region) for region in ("R1", "R2", "R3")}
        for glance in self.glances.values():
            glance.peers = self.glances
        #: True if the users of jobs are admins.
        self.as_admin = False
        self.announced: list[str] = []
        self.engines: list[Engine] = []

    def engine(self, *, start: bool = True) -> Engine:
        engine = Engine(
            self.conf,
            rpc_version="1.0",
            keystone=cast(Keystone, self.keystone),
            regions=cast(ImageClientFactory, FakeRegions(self.glances, as_admin=self.as_admin)),
            announce=self.announced.append,
        )
        self.engines.append(engine)
        if start:
            engine.start()
        return engine

    def image(self, **fields) -> str:
        body = {"name": "one", "disk_format": "raw", "container_format": "bare", **fields}
        return self.glances["R1"].images_for(PROJECT).create(body)["id"]

    def job(self, *images: str, targets=("R2", "R3"), trust_id: str | None = "trust") -> str:
        if trust_id:
            trust_id = self.keystone.trusts.make(trust_id)
        return accepted_job(trust_id=trust_id, resources=images, targets=targets)

    def items(self, job_id: str) -> list[db.Item]:
        query = sa.select(db.Item).where(db.Item.job_pk == self.get(job_id).pk)
        with connection.reader() as session:
            return list(session.scalars(query.order_by(db.Item.pk)))

    def get(self, job_id: str) -> db.Job:
        job = db.jobs.get(PROJECT, job_id, with_all_projects=True)
        assert job is not None
        return job

    def ended(self, job_id: str) -> str:
        """Wait until a job has ended, and return its state."""
        wait_for(lambda: self.get(job_id).status != "IN_PROGRESS")
        return self.get(job_id).status

    def tidied(self, job_id: str) -> str:
        """Wait until a job has ended and its trust is gone, and return its state.

        Subscribers have been told of the end by then, but not yet when the database tells it.
        """
        status = self.ended(job_id)
        wait_for(lambda: self.get(job_id).trust_id is None)
        return status
