"""Namespaces of metadata definitions, as engines plan and write them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from kingbird.db import api as db
from kingbird.engine.metadef_states import MetadefTally, to_state
from kingbird.engine.resource_types import base
from kingbird.states import ResourceType
from kingbird.sync.metadefs.apply import NamespaceApplier
from kingbird.sync.metadefs.finding import finding_after
from kingbird.sync.metadefs.item import NamespaceItem, NamespaceSpec
from kingbird.sync.metadefs.plan import MetadefPlanner
from kingbird.sync.outcome import Outcome
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.request import Requester, SyncSet


class NamespaceWriter:
    """Writes namespaces in one region.  Safe for threads."""

    def __init__(self, applier: NamespaceApplier) -> None:
        self._applier = applier

    def work_of(self, item: db.Item, others: Mapping[str, db.Item]) -> NamespaceSpec:
        """Return the namespace to write; none refers to another one."""
        return NamespaceSpec(**(item.work or {}))

    def first_read(self, work: NamespaceSpec) -> None:
        """Return ``None``: the work has all that is written."""

    def with_read(self, item: db.Item, work: NamespaceSpec, found: Any) -> NamespaceSpec:
        """Return the work as it is."""
        return work

    def write(self, item: db.Item, work: NamespaceSpec) -> Outcome:
        """Write one namespace.

        :raises kingbird.exception.LeaseLost: another engine may have the task.
        """
        return self._applier.apply(item.source_region, work)


class Metadefs:
    """The resource type of namespaces of metadata definitions."""

    name = ResourceType.METADEF
    item = NamespaceItem

    def planner(
        self, context: PlanContext, slow_region_timeout: float | None = None
    ) -> MetadefPlanner:
        """Return a planner of one part of a job; it waits for a region that is slow."""
        return MetadefPlanner(context)

    def tally(self, sets: Sequence[SyncSet], caller: Requester, *, is_first: bool) -> MetadefTally:
        """Return what counts the findings of a plan."""
        return MetadefTally(sets)

    def to_row(self, item: NamespaceItem) -> dict[str, Any]:
        """Return the columns of a planned item."""
        row = base.common_columns(item)
        row.update(
            work=dataclasses.asdict(item.work) if item.work else None,
            differences={name: dict(one) for name, one in item.differences.items()} or None,
        )
        return base.with_outcome(row, item)

    def writer(self, context: base.WriteContext) -> NamespaceWriter:
        """Return the writer of a job's namespaces in one region."""
        metadefs, may_write = context.images.metadefs, context.may_write
        return NamespaceWriter(
            NamespaceApplier(metadefs, may_write=may_write, retry=context.retry)
        )

    def to_outcome(self, item: db.Item, outcome: Outcome) -> dict[str, Any]:
        """Return the columns of an item whose namespace was written, or could not be."""
        row = base.outcome_columns(item, outcome)
        work = NamespaceSpec(**item.work) if item.work else None
        finding = finding_after(
            item.resource,
            item.source_region,
            item.target_region,
            work,
            outcome,
            item.differences or {},
        )
        row[db.outcomes.METADEF_STATE] = to_state(finding) if finding else None
        return row
