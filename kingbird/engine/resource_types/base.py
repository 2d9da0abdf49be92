"""The interface of a resource type that engines use."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kingbird.clients.glance import ImageClient
from kingbird.db import api as db
from kingbird.db.model_base import MAX_NAME
from kingbird.states import ItemState
from kingbird.states import ResourceType as Name
from kingbird.sync.finding import FindingLog
from kingbird.sync.outcome import Outcome, message_for
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.planned import PlannedItem
from kingbird.sync.request import Requester, SyncSet
from kingbird.sync.retry import Retry
from kingbird.text import clean


class Planner(Protocol):
    """Plans the items of one part of a job; :class:`kingbird.sync.plan.planner.Planner` is one."""

    in_sync: Counter[str]
    no_data: Counter[str]
    findings: FindingLog
    next_cursor: PlanCursor | None

    def in_sync_so_far(self) -> Counter[str]:
        """Return the number of resources in sync without an item, by target region."""

    def plan(
        self,
        sets: Sequence[SyncSet],
        cursor: PlanCursor | None = None,
        known: Mapping[str, Collection[str]] | None = None,
        retried_regions: Collection[str] | None = None,
    ) -> Iterator[Sequence[PlannedItem]]:
        """Yield the items in batches, and make list calls only."""


class Tally(Protocol):
    """Turns what one part of a plan finds into states and figures that are stored."""

    def findings(
        self,
        log: FindingLog,
        items: Sequence[PlannedItem],
        in_sync: Mapping[str, int],
    ) -> db.findings.Findings:
        """Return what is to be stored of the findings of a batch.

        :param log: has the findings since the batch before.
        :param items: the items of the batch.
        :param in_sync: the number of resources in sync so far, by region.
        """

    def rest(self) -> Iterable[db.findings.Findings]:
        """Return what is left to be stored after the last batch."""

    def figures(
        self,
        in_sync: Mapping[str, int],
        known_regions: Sequence[str],
        waiting: Collection[str] = (),
        unseen: Collection[str] = (),
    ) -> db.findings.Figures | None:
        """Return the figures of the regions, or ``None`` if none was compared completely.

        :param in_sync: the number of resources in sync that have no finding, by region.
        :param known_regions: the regions of the service catalog.
        :param waiting: regions that are away, and whose comparison waits.
        :param unseen: regions of which earlier parts have compared nothing.
        """


@dataclass(frozen=True)
class WriteContext:
    """The means by which a writer writes a job's items in one region.

    :ivar images: that region.
    :ivar may_write: raises :class:`kingbird.exception.LeaseLost` if another engine may write.
    :ivar regions: all regions, as writing may take a look at another one.
    """

    images: ImageClient
    job: db.Job
    may_write: Callable[[], None]
    retry: Retry
    regions: Mapping[str, ImageClient]


class Writer(Protocol):
    """Writes the items of a task in its region.  Safe for threads."""

    def work_of(self, item: db.Item, others: Mapping[str, db.Item]) -> Any:
        """Return the work of an item, or an outcome if there is nothing to write any more.

        :param others: the items of the resources that it refers to.
        """

    def first_read(self, work: Any) -> Callable[[ImageClient, str], Any] | None:
        """Return what reads a resource in its source region before its copy is written.

        :returns: ``None`` if nothing has to.
        """

    def with_read(self, item: db.Item, work: Any, found: Any) -> Any:
        """Return the work of an item with what was read, or the error of the call."""

    def write(self, item: db.Item, work: Any) -> Outcome:
        """Write one item.

        :raises kingbird.exception.LeaseLost: another engine may have the task.
        """


class ResourceType(Protocol):
    """A type of resources."""

    @property
    def name(self) -> Name:
        """The word for the type in requests and answers."""

    @property
    def item(self) -> type[PlannedItem]:
        """The class of its planned items."""

    def planner(self, context: PlanContext, slow_region_timeout: float | None = None) -> Planner:
        """Return a planner of one part of a job."""

    def tally(self, sets: Sequence[SyncSet], caller: Requester, *, is_first: bool) -> Tally:
        """Return what counts the findings of one part of a plan.

        :param sets: the sets that are planned.
        :param is_first: whether it is the first part of the plan.
        """

    def to_row(self, item: Any) -> dict[str, Any]:
        """Return the columns of a planned item."""

    def writer(self, context: WriteContext) -> Writer:
        """Return the writer of a job's items in one region."""

    def to_outcome(self, item: db.Item, outcome: Outcome) -> dict[str, Any]:
        """Return the columns of an item after a write."""


def common_columns(item: PlannedItem) -> dict[str, Any]:
    """Return the columns of a planned item that every type has, as long as there is work."""
    return {
        "resource_type": item.resource_type,
        "resource": item.resource,
        "resource_name": clean(item.name, MAX_NAME) if item.name else None,
        "source_region": item.source_region,
        "target_region": item.target_region,
        "target_resource": item.target_resource,
        "action": item.action,
        "rank": item.rank,
        "status": ItemState.IN_PROGRESS,
        "reason": None,
        "message": None,
        "work": None,
        "digest": item.digest,
        "differences": None,
        "data": None,
        "bytes": None,
        "data_since": None,
    }


def with_outcome(row: dict[str, Any], item: PlannedItem) -> dict[str, Any]:
    """Return the columns of a planned item with its outcome, if it has ended."""
    if item.outcome:
        row.update(
            status=item.outcome.status, reason=item.outcome.reason, message=item.outcome.message
        )
    return row


def outcome_columns(item: db.Item, outcome: Outcome) -> dict[str, Any]:
    """Return the columns of an item after a write."""
    return {
        "pk": item.pk,
        "status": outcome.status,
        "reason": outcome.reason,
        "message": outcome.message
        or message_for(outcome.reason, source=item.source_region, target=item.target_region),
        "target_resource": outcome.target_resource,
        "work": None,
        "undo": outcome.undo and dict(outcome.undo),
        "data": item.data,
        "data_since": None,
    }
