"""Images, as engines plan and write them."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.clients.long_values import is_shortened
from kingbird.db import api as db
from kingbird.engine.resource_types import base
from kingbird.engine.states import StateTally, to_state
from kingbird.states import DataState, ItemState, Reason, ResourceType
from kingbird.sync.apply import Applier
from kingbird.sync.finding import finding_after
from kingbird.sync.item import UPDATE, Item, WriteSpec
from kingbird.sync.long_records import LongRecords
from kingbird.sync.members import Members, with_members
from kingbird.sync.orphans import OrphanKeeper
from kingbird.sync.outcome import Outcome, dependency_failed
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.members import members_of
from kingbird.sync.plan.planner import Planner
from kingbird.sync.request import Requester, SyncSet

#: The fields of a work that each row has.
_WORK = [one.name for one in dataclasses.fields(WriteSpec) if one.name != "shortened"]


def resolve_references(item: db.Item, others: Mapping[str, db.Item]) -> WriteSpec | Outcome:
    """Return the record to write, with the ids that the images it refers to have in the target.

    :param others: items by image, of this part of the plan and of others.
    :returns: an outcome if one of those images is not in the target.
    """
    work = WriteSpec(**(item.work or {}))
    for name, other_id in work.references.items():
        other = others.get(other_id)
        if other is None:
            continue
        has_ended = other.waits_for_data or other.status not in (
            ItemState.IN_PROGRESS,
            ItemState.PLANNED,
        )
        if other.target_resource is None or not has_ended:
            failed = dependency_failed(
                name, other_id, item.target_region, other.reason, other.message
            )
            return failed.with_note(work.note) if work.note else failed
        work = work.with_reference(name, other.target_resource)
    return work


def _image_state(item: db.Item, outcome: Outcome) -> dict[str, Any] | None:
    """Return the columns of the image's state after a write, if the outcome tells it."""
    finding = finding_after(
        item.resource,
        item.source_region,
        item.target_region,
        item.action,
        WriteSpec(**(item.work or {})),
        outcome,
        item.differences or {},
    )
    return to_state(finding) if finding else None


def _orphan(item: db.Item, outcome: Outcome) -> dict[str, Any] | None:
    """Return what is to be kept of a hidden orphan, or forgotten of one that is none any more."""
    if outcome.orphan is None:
        return None
    return {
        "image_id": outcome.orphan["id"],
        "region": item.target_region,
        "home": item.source_region,
        "updated_at": outcome.orphan.get("updated_at"),
    }


class ImageWriter:
    """Writes records of images in one region.  Safe for threads."""

    def __init__(self, applier: Applier, orphans: OrphanKeeper, long: LongRecords) -> None:
        self._applier = applier
        self._orphans = orphans
        self._long = long

    def work_of(self, item: db.Item, others: Mapping[str, db.Item]) -> WriteSpec | Outcome:
        """Return the record to write; see :func:`resolve_references`."""
        return resolve_references(item, others)

    def first_read(self, work: WriteSpec) -> Callable[[ImageClient, str], Members] | None:
        """Return what lists the source's members, if the copy is to have them."""
        return members_of if work.reads_members else None

    def with_read(
        self, item: db.Item, work: WriteSpec, found: Members | exception.KingbirdError
    ) -> WriteSpec:
        """Return the work with the members of its source, or with a sentence about the error."""
        return with_members(work, item.source_region, found)

    def write(self, item: db.Item, work: WriteSpec) -> Outcome:
        """Write one record.

        :raises kingbird.exception.LeaseLost: another engine may have the task.
        """
        try:
            outcome = self._write(item, work)
        except exception.KingbirdError:
            raise
        except Exception:
            self._orphans.has_trouble = True
            raise
        self._orphans.note(outcome)
        return outcome

    def _write(self, item: db.Item, work: WriteSpec) -> Outcome:
        if work.orphan is not None:
            return self._orphans.act(work)
        if work.undo is not None:
            return self._applier.undo(work)
        if work.shortened:
            return self._long.write(
                item.resource, item.source_region, work, lambda full: self._write(item, full)
            )
        if item.action == UPDATE:
            return self._applier.update(item.source_region, work)
        return self._applier.create(item.resource, item.source_region, work)


def _to_json(work: WriteSpec) -> dict[str, Any]:
    """Return the fields of a work, and note whether it has values that a list has shortened.

    An engine of an earlier release fails for one that is shortened, and does not write it so.
    """
    # The row is stored as it is, so nothing is copied of it.
    row = {name: getattr(work, name) for name in _WORK}
    if any(map(is_shortened, (*work.record.values(), *work.before.values()))):
        row["shortened"] = True
    return row


class Images:
    """The resource type of images."""

    name = ResourceType.IMAGE
    item = Item

    def planner(self, context: PlanContext, slow_region_timeout: float | None = None) -> Planner:
        """Return a planner of one part of a job."""
        return Planner(context, slow_region_timeout=slow_region_timeout)

    def tally(self, sets: Sequence[SyncSet], caller: Requester, *, is_first: bool) -> StateTally:
        """Return what counts the findings of one part of a plan."""
        return StateTally(sets, caller, is_first=is_first, bulk=db.region_states.bulk_of)

    def to_row(self, item: Item) -> dict[str, Any]:
        """Return the columns of a planned item."""
        row = base.common_columns(item)
        row.update(
            work=_to_json(item.work) if item.work else None,
            differences=dict(item.seen.differences) or None if item.seen else None,
            data=item.data,
            bytes=item.bytes,
        )
        if item.imports:
            row.update(
                reason=Reason.IN_SYNC,
                work=dataclasses.asdict(item.imports),
                # The record is in order; the task for data notes the time.
                data_since=0,
            )
        return base.with_outcome(row, item)

    def writer(self, context: base.WriteContext) -> ImageWriter:
        """Return the writer of a job's records in one region."""
        images, may_write, retry = context.images, context.may_write, context.retry
        find_region = context.regions.get
        return ImageWriter(
            Applier(images, is_admin=context.job.is_admin, may_write=may_write, retry=retry),
            OrphanKeeper(images, find_region, may_write, retry),
            LongRecords(images, find_region, retry),
        )

    def to_outcome(self, item: db.Item, outcome: Outcome) -> dict[str, Any]:
        """Return the columns of an item whose record was written, or could not be."""
        row = base.outcome_columns(item, outcome)
        row[db.outcomes.IMAGE_STATE] = _image_state(item, outcome)
        row[db.outcomes.ORPHAN] = _orphan(item, outcome)
        imports = (item.work or {}).get("imports")
        if imports is not None:
            if outcome.status == ItemState.SUCCESS:
                # The record is in order, and its data are to be imported.
                work = {**imports, "note": row["message"]}
                row.update(status=ItemState.IN_PROGRESS, message=None, work=work, data_since=0)
            else:
                row["data"] = DataState.NONE
        return row
