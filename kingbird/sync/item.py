"""An item of a plan, and the work that it takes."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from kingbird.states import Reason
from kingbird.sync.image import Record
from kingbird.sync.outcome import Outcome, join_fields, message_for

CREATE = "create"
UPDATE = "update"
NONE = "none"

#: The fields that :func:`kingbird.sync.compare.compare_data` reads.
DATA_FIELDS = ("status", "os_hash_algo", "os_hash_value", "checksum", "size")


@dataclass(frozen=True)
class WriteSpec:
    """The work of an item, stored with it as JSON until it is done.

    :ivar record: the body of the POST; for an update the record to reach.
    :ivar owner: the project that the record will belong to.
    :ivar data: the source's fields that identify its data.
    :ivar references: source images that the job writes too, by the property that refers to them.
    :ivar forced: how many-th id of a forced copy the record has; 0 for the image's own id.
    :ivar fallback: the record of the first forced copy, if the image's own id may be unusable.
    :ivar changes: the operations of the PATCH of an update.
    :ivar left: fields that differ, but can't be changed.
    :ivar members: pairs of project and status that a shared image is to be shared with.
    :ivar note: a sentence for the outcome's message.
    :ivar updates: whether an image that differs, and was not there when it was planned to create
        one, is to be updated.
    """

    record: Record
    owner: str | None
    data: dict[str, Any]
    references: dict[str, str] = field(default_factory=dict)
    forced: int = 0
    fallback: Record | None = None
    changes: list[dict[str, Any]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    members: list[list[str]] = field(default_factory=list)
    note: str | None = None
    updates: bool = False

    def with_reference(self, name: str, image_id: str) -> "WriteSpec":
        """Return the work with the id that a referenced image has got."""
        fallback = self.fallback and {**self.fallback, name: image_id}
        changes = [
            {**one, "value": image_id} if one["path"] == f"/{name}" and "value" in one else one
            for one in self.changes
        ]
        record = {**self.record, name: image_id}
        return dataclasses.replace(self, record=record, fallback=fallback, changes=changes)


@dataclass(frozen=True)
class Item:
    """A planned item: one image in one target region.

    :ivar action: ``create``, ``update``, or ``none`` when there is nothing to write.
    :ivar outcome: its outcome, or ``None`` while there is work.
    :ivar rank: items of a lower rank are worked on first, as others refer to them.
    :ivar doubles_name: whether another image in the target has the same name, owner and data.
    """

    resource: str
    source_region: str
    target_region: str
    action: str = NONE
    target_resource: str | None = None
    outcome: Outcome | None = None
    work: WriteSpec | None = None
    rank: int = 0
    doubles_name: bool = False

    def with_outcome(self, outcome: Outcome) -> "Item":
        """Return the item with an outcome, to which a sentence is added if it has none."""
        if outcome.message is None:
            message = message_for(
                outcome.reason, source=self.source_region, target=self.target_region
            )
            outcome = dataclasses.replace(outcome, message=message)
        return dataclasses.replace(
            self,
            outcome=outcome,
            target_resource=outcome.target_resource or self.target_resource,
        )

    def with_note(self, note: str) -> "Item":
        """Return the item with a sentence for its message, whatever its outcome will be."""
        if self.outcome is not None:
            return dataclasses.replace(self, outcome=self.outcome.with_note(note))
        if self.work is None:
            return self
        note = "; ".join(filter(None, (self.work.note, note)))
        return dataclasses.replace(self, work=dataclasses.replace(self.work, note=note))

    def as_dry_run(self) -> "Item":
        """Return the item with the outcome of a dry run."""
        if self.outcome is not None:
            outcome = dataclasses.replace(self.outcome, is_dry=True)
            return dataclasses.replace(self, outcome=outcome)
        reason, message = "missing", f"Would be created from {self.source_region}"
        if self.work and self.work.forced:
            message += " under an id of its own"
        if self.doubles_name:
            reason = Reason.SAME_NAME
        if self.work and self.action == UPDATE:
            names = sorted({change["path"][1:] for change in self.work.changes})
            reason = "drift"
            message = f"Would follow {self.source_region} in: {join_fields(names)}"
            if self.work.left:
                message += f"; can't be changed: {join_fields(self.work.left)}"
        outcome = Outcome(reason, message, self.target_resource, is_dry=True)
        if self.work and self.work.note:
            outcome = outcome.with_note(self.work.note)
        return dataclasses.replace(self, work=None, outcome=outcome)
