"""An engine beside the API of a world, which works only when a test says so."""

import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from kingbird.db import api as db
from kingbird.engine.service import Engine
from kingbird.tests.api import doubles
from kingbird.tests.api import world as w
from kingbird.tests.doubles.glance import FakeImages
from kingbird.tests.unit.engine import scene

LEASE = 60.0


class Keystone(scene.FakeKeystone):
    """Keystone as an engine sees it, with the regions and the trusts of the API's."""

    def __init__(self, world: w.World) -> None:
        super().__init__()
        self.trusts = world.keystone.trusts

    def regions(self, auth: str) -> dict[str, str]:
        super().regions(auth)
        return {name: f"http://{name.lower()}.test" for name in w.REGIONS}


class Regions(doubles.FakeRegions):
    """Regions that an engine opens with the credentials of a trust."""

    def clients_for(
        self, endpoints: Mapping[str, str], auth: Any, *, global_request_id: str | None = None
    ) -> dict[str, FakeImages]:
        with_token = doubles.WithServiceToken(auth)
        return super().clients_for(endpoints, with_token, global_request_id=global_request_id)


def engine(world: w.World, keystone: Keystone) -> Engine:
    """Return an engine that does nothing by itself."""
    world.conf.set_override("lease", LEASE, group="engine")
    projects: dict[str, str] = defaultdict(lambda: w.PROJECT)
    return Engine(
        world.conf,
        rpc_version="1.0",
        keystone=keystone,  # type: ignore[arg-type]
        regions=Regions(world.glances, projects),  # type: ignore[arg-type]
        announce=lambda job_id: None,
    )


def work(one: Engine) -> None:
    """Let an engine do what there is to do, step by step."""
    while claim := db.leases.claim_task(one.id, LEASE) or db.leases.claim_job(one.id, LEASE):
        claims = [claim]
        while claims:
            with one._leases.hold(claims.pop(0), time.monotonic()) as held:
                # The tasks of a small job are claimed with its plan.
                claims += one._dispatcher._run_held(held).claims
