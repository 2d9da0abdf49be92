"""An item of a plan, and the work that it takes."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kingbird.states import DataState, Reason, ResourceType
from kingbird.sync import patch
from kingbird.sync.image import SOURCE_ID, Image, Record
from kingbird.sync.outcome import Outcome, join_fields
from kingbird.sync.planned import CREATE, NONE, UPDATE, PlannedItem
from kingbird.text import join_some

__all__ = ["CREATE", "IMPORT", "NONE", "UPDATE", "ImportSpec", "Item", "Seen", "WriteSpec"]

#: The record is in order, and its data are imported.
IMPORT = "import"
#: An image is deleted that has been hidden as an orphan for long enough.
DELETE = "delete"

#: The fields that a fingerprint leaves out: they are read later, or say nothing of the record.
_NOT_IN_FINGERPRINT = (
    *("members", "removed_members", "reads_members"),
    *("note", "updates", "before", "undo", "shortened"),
)

#: The fields that :func:`kingbird.sync.compare.compare_data` reads.
DATA_FIELDS = ("status", "os_hash_algo", "os_hash_value", "checksum", "size")
#: Those, and the one that tells whether the source is a copy itself.
SOURCE_FIELDS = (*DATA_FIELDS, SOURCE_ID)


#: The name under which the data of a :class:`WriteSpec` have the copy's status.
COPY_STATUS = "copy_status"


@dataclass(frozen=True)
class Seen:
    """An image and its copy, as a comparison saw them.

    :ivar owner: the image's project; ``""`` if it has none.
    :ivar source_status: the image's status in its source region.
    :ivar copy_status: the copy's status, or ``None`` if there is no copy.
    :ivar differences: see :func:`kingbird.sync.compare.differences`.
    """

    owner: str
    name: str
    source_status: str | None
    copy_status: str | None = None
    differences: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, source: Image) -> "Seen":
        """Return what is seen of an image that has no copy."""
        return cls(source.get("owner") or "", source.get("name") or "", source.get("status"))


@dataclass(frozen=True)
class ImportSpec:
    """The data that a copy is to get, stored with its item as JSON until they have arrived.

    :ivar data: the source's fields that identify its data.
    :ivar formats: the source's formats, which tell a copy that its Glance has converted.
    :ivar owner: the project that the copy has to belong to.
    :ivar marks: the provenance that a copy has to have which the job has not made.
    :ivar hidden: whether the copy is among the hidden images of its region.
    :ivar note: a sentence for the outcome's message.
    :ivar failed_task: Glance's task of an import that failed late, which is tried once more.
    :ivar project: the image's project (``""`` if it has none); ``None`` if the arrival of the
        data tells nothing about the state of an image.
    :ivar references: the source images that the image refers to, by property.
    """

    data: dict[str, Any]
    formats: dict[str, Any]
    owner: str | None
    marks: dict[str, str] = field(default_factory=dict)
    hidden: bool = False
    note: str | None = None
    failed_task: str | None = None
    project: str | None = None
    references: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The size of the data in bytes."""
        return self.data.get("size") or 0


@dataclass(frozen=True)
class WriteSpec:
    """The work of an item, stored with it as JSON until it is done.

    :ivar record: the body of the POST; for an update the record to reach.
    :ivar owner: the project that the record will belong to.
    :ivar data: the source's fields that identify its data, and :data:`COPY_STATUS` if the
        outcome tells the state of the image.
    :ivar references: source images that the job writes too, by the property that refers to them.
    :ivar forced: how many-th id of a forced copy the record has; 0 for the image's own id.
    :ivar fallback: the record of the first forced copy, if the image's own id may be unusable.
    :ivar changes: the operations of the PATCH of an update.
    :ivar left: fields that differ, but can't be changed.
    :ivar status: the status that an update gives the image, by a call of its own.
    :ivar members: pairs of project and status that a shared image is to be shared with.
    :ivar removed_members: projects that it is to be shared with no more.
    :ivar reads_members: whether the source's members are read before the record is written, as it
        becomes a shared image.
    :ivar note: a sentence for the outcome's message.
    :ivar updates: whether an image that differs, and was not there when it was planned to create
        one, is to be updated.
    :ivar before: the fields that an update changes, as they were when it was planned.
    :ivar undo: what another job wrote (:data:`kingbird.sync.undo.Written`), and its id as ``job``,
        if that is to be undone.
    :ivar imports: the fields of :class:`ImportSpec`, if the record is to get its data.
    :ivar orphan: what becomes of an orphan (:data:`kingbird.sync.orphans.OrphanSpec`).
    :ivar shortened: whether long values are shortened, so that the source is read again.
    """

    record: Record
    owner: str | None
    data: dict[str, Any]
    references: dict[str, str] = field(default_factory=dict)
    forced: int = 0
    fallback: Record | None = None
    changes: list[dict[str, Any]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    status: str | None = None
    members: list[list[str]] = field(default_factory=list)
    removed_members: list[str] = field(default_factory=list)
    reads_members: bool = False
    note: str | None = None
    updates: bool = False
    imports: dict[str, Any] | None = None
    before: dict[str, Any] = field(default_factory=dict)
    undo: dict[str, Any] | None = None
    orphan: dict[str, Any] | None = None
    shortened: bool = False

    @property
    def changes_members(self) -> bool:
        """Return whether members are added or removed that were compared."""
        return bool(self.members or self.removed_members) and not self.reads_members

    def with_note(self, note: str | None) -> "WriteSpec":
        """Return the work with a sentence for its outcome's message, if there is one."""
        if not note:
            return self
        return dataclasses.replace(self, note="; ".join(filter(None, (self.note, note))))

    def with_reference(self, name: str, image_id: str) -> "WriteSpec":
        """Return the work with the id that a referenced image has got."""
        fallback = self.fallback and {**self.fallback, name: image_id}
        changes = [
            {**one, "value": image_id} if patch.name_of(one) == name and "value" in one else one
            for one in self.changes
        ]
        record = {**self.record, name: image_id}
        return dataclasses.replace(self, record=record, fallback=fallback, changes=changes)


@dataclass(frozen=True)
class Item(PlannedItem):
    """A planned item: one image in one target region.

    The action may also be ``import`` or ``delete``.

    :ivar doubles_name: whether another image in the target has the same name, owner and data.
    :ivar data: the state of the copy's data (:class:`kingbird.states.DataState`), if the set asks
        for data.
    :ivar bytes: the size of the data.
    :ivar imports: the data to import into a record that is in order.
    :ivar seen: what the comparison saw, or ``None`` if the item says nothing about the state of
        an image of the project.
    """

    resource_type: ClassVar[ResourceType] = ResourceType.IMAGE

    work: WriteSpec | None = None
    doubles_name: bool = False
    data: str | None = None
    bytes: int | None = None
    imports: ImportSpec | None = None
    seen: Seen | None = None

    @property
    def is_to_be_written(self) -> bool:
        """Return whether the item has a record to write."""
        return self.work is not None

    def writes(self) -> dict[str, Any]:
        """Return what the item would write, as far as it tells two plans apart."""
        found: dict[str, Any] = {}
        if self.work is not None:
            found = {
                each.name: getattr(self.work, each.name)
                for each in dataclasses.fields(self.work)
                if each.name not in _NOT_IN_FINGERPRINT
            }
            for name in ("record", "fallback"):
                found[name] = found[name] and _with_sorted_tags(found[name])
            found["changes"] = [
                {**one, "value": sorted(one["value"])} if one["path"] == "/tags" else one
                for one in found["changes"]
            ]
            if self.work.changes_members:
                # Their answers are their own, and may change.
                found["members"] = [project for project, _ in self.work.members]
                found["removed_members"] = self.work.removed_members
        if self.imports is not None:
            spec = dataclasses.asdict(self.imports)
            found["imports"] = {name: spec[name] for name in spec if name != "note"}
        return found

    def without_work(self) -> "Item":
        """Return the item without anything to write or to import."""
        return dataclasses.replace(
            self, work=None, imports=None, data=self.data and DataState.NONE
        )

    def as_previewed(self) -> "Item":
        """Return the item as it is carried out after a dry run that found the same.

        An image that is there by the time of the POST was not there in the dry run.
        """
        work = self.work and dataclasses.replace(self.work, updates=False)
        return dataclasses.replace(self, work=work)

    def with_note(self, note: str) -> "Item":
        """Return the item with a sentence for its message, whatever its outcome will be."""
        if self.outcome is not None:
            return dataclasses.replace(self, outcome=self.outcome.with_note(note))
        if self.imports is not None:
            note = "; ".join(filter(None, (self.imports.note, note)))
            return dataclasses.replace(self, imports=dataclasses.replace(self.imports, note=note))
        if self.work is None:
            return self
        return dataclasses.replace(self, work=self.work.with_note(note))

    def as_dry_run(self) -> "Item":
        """Return the item with the outcome of a dry run."""
        if self.outcome is not None:
            return self.ended_dry(self.outcome)
        if self.imports is not None:
            message = f"Has no data; {self._would_be_imported}"
            outcome = Outcome("no_data", message, self.target_resource, is_dry=True)
            if self.imports.note:
                outcome = outcome.with_note(self.imports.note)
            digest = self.fingerprint()
            return dataclasses.replace(self, imports=None, outcome=outcome, digest=digest)
        if self.work is not None and self.work.orphan is not None:
            return self._as_dry_run_of_orphan(self.work)
        reason, message = "missing", f"Would be created from {self.source_region}"
        if self.work and self.work.forced:
            message += " under an id of its own"
        if self.doubles_name:
            reason = Reason.SAME_NAME
        if self.work and self.action == UPDATE:
            names = sorted(
                {*map(patch.name_of, self.work.changes)}
                | ({"status"} if self.work.status else set())
                | ({"members"} if self.work.changes_members else set())
            )
            reason = "drift"
            message = f"Would follow {self.source_region} in: {join_fields(names)}"
            if self.work.left:
                message += f"; can't be changed: {join_fields(self.work.left)}"
            for verb, some in (
                ("added", [project for project, _ in self.work.members]),
                ("removed", self.work.removed_members),
            ):
                if some and self.work.changes_members:
                    message += f"; members that would be {verb}: {join_some(some)}"
        if self.work and self.work.imports is not None:
            message += f"; {self._would_be_imported}"
        outcome = Outcome(reason, message, self.target_resource, is_dry=True)
        if self.work and self.work.note:
            outcome = outcome.with_note(self.work.note)
        return dataclasses.replace(self, work=None, outcome=outcome, digest=self.fingerprint())

    def _as_dry_run_of_orphan(self, work: WriteSpec) -> "Item":
        """Return the item of an orphan with the outcome of a dry run."""
        reason, message = Reason.ORPHANED, f"Would be hidden: {self.source_region} has deleted it"
        if self.action == DELETE:
            message = f"Would be deleted: {self.source_region} has deleted it"
        if any("value" in one and not one["value"] for one in work.changes):
            reason, message = Reason.REVIVED, f"Would be shown: {self.source_region} has it again"
        elif work.changes:
            reason = Reason.REVIVED
            message = f"Would be no orphan any more: {self.source_region} has it again"
        outcome = Outcome(reason, message, self.target_resource, is_dry=True)
        return dataclasses.replace(self, work=None, outcome=outcome, digest=self.fingerprint())

    @property
    def _would_be_imported(self) -> str:
        return f"{self.bytes or 0} bytes of data would be imported from {self.source_region}"


def _with_sorted_tags(record: Record) -> Record:
    """Return a record whose tags are sorted, as Glance keeps no order."""
    return {**record, "tags": sorted(record["tags"])} if record.get("tags") else record
