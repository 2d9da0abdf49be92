"""Namespaces in three regions in memory, and a run of a set over them."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from kingbird.sync.listing.calls import RegionCalls, nowhere
from kingbird.sync.metadefs.apply import NamespaceApplier
from kingbird.sync.metadefs.item import NamespaceItem, NamespaceSpec
from kingbird.sync.metadefs.plan import MetadefPlanner
from kingbird.sync.outcome import Outcome
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.request import Requester, SyncSet
from kingbird.tests.unit.sync import scene as images
from kingbird.tests.unit.sync.scene import ADMIN, ALL3, RULES, submit

#: A namespace with a part of each kind.
FULL: dict[str, Any] = {
    "namespace": "OS::Test",
    "display_name": "Test",
    "description": "A test",
    "visibility": "public",
    "protected": True,
    "owner": "admin",
    "resource_type_associations": [{"name": "OS::Glance::Image", "prefix": "hw_"}],
    "objects": [
        {"name": "CPU", "properties": {"cores": {"title": "Cores", "type": "integer"}}},
    ],
    "tags": [{"name": "fast"}],
    "properties": {"cpu:mode": {"title": "Mode", "type": "string", "enum": ["a", "b"]}},
}


class MetadefScene:
    """A cloud of three regions with namespaces."""

    def __init__(self) -> None:
        cloud = images.Scene()
        self.glances, self.retry = cloud.glances, cloud.retry

    def make(self, region: str, **fields: Any) -> str:
        """Make a namespace by a POST, and return its name."""
        glance = self.glances[region]
        record = {**FULL, **fields}
        glance.images_for(ADMIN, is_admin=True).metadefs.create(
            {name: value for name, value in record.items() if value is not None}
        )
        glance.calls.clear()
        return str(record["namespace"])

    def at(self, region: str, name: str = "OS::Test") -> dict[str, Any]:
        """Return a namespace as a region stores it."""
        return self.glances[region].metadefs.namespaces[name]

    def plan(
        self, *sets: SyncSet, known: Any = None, is_away: Callable[[str], bool] = nowhere
    ) -> tuple[MetadefPlanner, list[NamespaceItem]]:
        """Plan some sets as an admin.

        :param is_away: returns whether a region that gave no answer is waited for.
        """
        planner = MetadefPlanner(
            PlanContext(
                {name: one.images_for(ADMIN, is_admin=True) for name, one in self.glances.items()},
                Requester(ADMIN, True),
                RULES,
                tombstones=lambda region, ids: {},
                planned=lambda region, ids: {},
                calls=RegionCalls(submit, self.retry, is_away=is_away),
                orphan_grace=0,
            )
        )
        return planner, [item for batch in planner.plan(sets, known=known) for item in batch]

    def apply(self, item: NamespaceItem) -> Outcome:
        """Write an item as its task does, or return the outcome that it has."""
        if item.work is None:
            assert item.outcome is not None
            return item.outcome
        # Work is stored as JSON.
        work = NamespaceSpec(**json.loads(json.dumps(dataclasses.asdict(item.work))))
        return self.applier(item.target_region).apply(item.source_region, work)

    def applier(
        self, region: str, may_write: Callable[[], None] = lambda: None
    ) -> NamespaceApplier:
        """Return the applier of a region."""
        metadefs = self.glances[region].images_for(ADMIN, is_admin=True).metadefs
        return NamespaceApplier(metadefs, may_write=may_write, retry=self.retry)

    def run(self, *sets: SyncSet) -> dict[tuple[str, str], Outcome]:
        """Plan some sets and write their items: outcomes by name and target region."""
        _, found = self.plan(*sets)
        return {
            (item.name or item.resource, item.target_region): self.apply(item) for item in found
        }


def a_set(*names: str, **options: Any) -> SyncSet:
    """Return a set as the API stores it."""
    stored = {
        "resource_type": "metadef",
        "resources": list(names or ["*"]),
        "sources": ["R1"],
        "targets": ["R2"],
        "preferred": ["R1"],
        "force": False,
        "all_projects": True,
        "dry_run": False,
        "on_drift": "report",
        "prune": False,
        "filters": {},
        **options,
    }
    return SyncSet.from_request(stored)


ANY_TO_ANY = {"sources": list(ALL3), "targets": list(ALL3), "preferred": []}
