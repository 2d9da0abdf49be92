"""Decides about one image in one target region.  Pure: no I/O, no state."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from kingbird.states import Reason
from kingbird.sync import arrival, compare, members, patch, undo
from kingbird.sync import image as fields
from kingbird.sync.image import MAX_FORCED_IDS, Image, Record, Rules
from kingbird.sync.item import (
    COPY_STATUS,
    CREATE,
    NONE,
    SOURCE_FIELDS,
    UPDATE,
    Item,
    Seen,
    WriteSpec,
)
from kingbird.sync.members import MemberChanges, MemberLists
from kingbird.sync.outcome import (
    TOMBSTONED,
    UNUSABLE,
    Outcome,
    being_imported,
    dependency_failed,
    drift_message,
    left_message,
    outcome_of,
    region_failure,
)
from kingbird.sync.plan import data
from kingbird.sync.request import Force, Requester, SyncOptions


@dataclass(frozen=True)
class TargetState:
    """The state of a target region.

    :ivar images: the images that exist there, by id.
    :ivar unusable: ids that are known to be unusable, with the reason.
    :ivar error: the reason why nothing is known about the region.
    """

    region: str
    images: Mapping[str, Image] = field(default_factory=dict)
    unusable: Mapping[str, str] = field(default_factory=dict)
    error: Outcome | None = None


def decide(
    source: Image,
    source_region: str,
    state: TargetState,
    caller: Requester,
    rules: Rules,
    options: SyncOptions,
    *,
    references: Mapping[str, Item] | None = None,
    doubt: Outcome | None = None,
    member_lists: MemberLists = MappingProxyType({}),
) -> Item:
    """Plan the item of an image in a region.

    :param references: the items of the images that this one refers to, by property.
    :param doubt: the outcome of an update, if another source may be the right one.  A record may
        be created all the same.
    :param member_lists: the members of the image and its copies, if they are compared.
    """
    references = references or {}
    image_id = source["id"]
    target = state.region
    seen = Seen.of(source) if caller.owns(source) else None
    item = Item(image_id, source_region, target, name=source.get("name"), seen=seen)
    if target == source_region:
        home = Outcome(Reason.IN_SYNC, "The image comes from there", image_id)
        item = item.with_outcome(home)
        return data.at_home(item, source) if options.imports else item
    if fields.is_region_bound(source):
        return item.with_outcome(Outcome(Reason.REGION_BOUND))
    if state.error:
        return item.with_outcome(state.error)

    caller_owns = caller.owns(source)
    factory = _RecordFactory(
        source, source_region, caller, rules, options, references, member_lists
    )
    copy = _forced_copy(factory, state, target, private=not caller_owns)
    same_id = _copy_under_same_id(factory, state, caller_owns=caller_owns)
    is_usable = same_id and same_id.outcome.reason not in UNUSABLE | {Reason.NOT_OWNER}
    if options.force is Force.ALWAYS and is_usable:
        # The image has a copy, whatever becomes of another one.
        item = dataclasses.replace(item, seen=None)
    if options.force is not Force.ALWAYS:
        if same_id and is_usable:
            return _end_or_update(item, same_id, factory, doubt)
        if copy.found:
            return _end_or_update(item, copy.found, factory, doubt)
        work = _create_under_same_id(item, factory, same_id, copy, caller_owns=caller_owns)
        if isinstance(work, Outcome):
            return item.with_outcome(work)
    elif copy.found:
        return _end_or_update(item, copy.found, factory, doubt)
    else:
        work = factory.forced_work(target, copy.n, private=not caller_owns)

    failed = _failed_reference(references, target)
    if failed:
        return item.with_outcome(failed)
    work = _with_status(work, item)
    item = dataclasses.replace(item, action=CREATE, work=work, target_resource=work.record["id"])
    return data.with_work(item, source, None, work.owner) if options.imports else item


def _with_status(work: WriteSpec, item: Item) -> WriteSpec:
    """Return work whose outcome tells the state of the image, if the item does."""
    if item.seen is None:
        return work
    return dataclasses.replace(work, data={**work.data, COPY_STATUS: item.seen.copy_status})


def _create_under_same_id(
    item: Item,
    factory: "_RecordFactory",
    same_id: "_Existing | None",
    copy: "_ForcedCopy",
    *,
    caller_owns: bool,
) -> WriteSpec | Outcome:
    """Return the record to create if there is no copy and the image's own id is wanted."""
    needed = factory.options.force is Force.WHERE_NEEDED
    if same_id is not None and not (needed and same_id.outcome.reason in UNUSABLE):
        return same_id.outcome
    if not caller_owns:
        return Outcome(Reason.NOT_OWNER)
    if same_id is not None and same_id.outcome.reason not in TOMBSTONED:
        return factory.forced_work(item.target_region, copy.n, private=False)
    work = factory.work(item.resource)
    if needed:
        # A unusable id is asked for again; it may have been purged.
        forced = factory.forced_work(item.target_region, 1, private=False)
        work = dataclasses.replace(work, fallback=forced.record)
    return work


def _failed_reference(references: Mapping[str, Item], target: str) -> Outcome | None:
    for name, other in references.items():
        if other.outcome and other.target_resource is None:
            return dependency_failed(
                name, other.resource, target, other.outcome.reason, other.outcome.message
            )
    return None


@dataclass(frozen=True)
class _RecordFactory:
    """Makes the records of an image's possible copies."""

    source: Image
    source_region: str
    caller: Requester
    rules: Rules
    options: SyncOptions
    references: Mapping[str, Item]
    member_lists: MemberLists

    def members(self, target: str, image: Image) -> MemberChanges:
        """Compare the members of a copy with those of the image."""
        if not (
            self.options.compares_members
            and members.may_be_compared(self.source, image)
            and self.caller.owns(self.source)
        ):
            return MemberChanges()
        return members.compare(
            self.options.members,
            self.member_lists,
            (self.source_region, self.source["id"]),
            (target, image["id"]),
            is_ours=members.is_ours(image, target),
        )

    def owner(self, *, private: bool) -> str | None:
        if private or not self.caller.is_admin:
            return self.caller.project_id
        owner: str | None = self.source.get("owner")
        return owner

    def record(self, image_id: str, *, forced: int = 0, private: bool = False) -> Record:
        record = fields.record_for(
            self.source,
            self.source_region,
            self.rules,
            image_id=image_id,
            owner=self.owner(private=private) if self.caller.is_admin else ...,
            private=private,
            forced=bool(forced),
        )
        for name, other in self.references.items():
            if other.target_resource:
                record[name] = other.target_resource
        return record

    def work(self, image_id: str, *, forced: int = 0, private: bool = False) -> WriteSpec:
        record = self.record(image_id, forced=forced, private=private)
        return WriteSpec(
            record=record,
            owner=self.owner(private=private),
            data={name: self.source.get(name) for name in SOURCE_FIELDS},
            # An image that needs no work, or an update, exists: there is nothing to wait for.
            references={
                name: other.resource
                for name, other in self.references.items()
                if other.action not in (NONE, UPDATE)
            },
            forced=forced,
            updates=self.options.updates,
            reads_members=members.is_shared(record),
        )

    def forced_work(self, target: str, n: int, *, private: bool) -> WriteSpec:
        image_id = fields.forced_id(self.source["id"], target, n)
        return self.work(image_id, forced=n, private=private)


@dataclass(frozen=True)
class _Existing:
    """An id that is taken in the target.

    :ivar image: the image that has it, if the caller can see one.
    :ivar forced: how many-th id of a forced copy it has.
    """

    outcome: Outcome
    image: Image | None = None
    fields: tuple[str, ...] = ()
    forced: int = 0
    private: bool = False


def _end_or_update(
    item: Item, found: _Existing, factory: _RecordFactory, doubt: Outcome | None
) -> Item:
    """End an item with the outcome for its copy, or plan an update of the copy."""
    shares = factory.members(item.target_region, found.image) if found.image else MemberChanges()
    item = _with_copy(item, found, factory, shares)
    image = found.image
    is_undone = image is not None and fields.UNDONE in image
    if image is None or not (factory.options.updates or is_undone):
        return _ended(item, found, factory, shares)
    if not factory.options.updates:
        shares = MemberChanges()
    image_id = image["id"]
    work = factory.work(image_id, forced=found.forced, private=found.private)
    operations, left = patch.add_operations(work.record, image, found.fields)
    if factory.options.prunes:
        removals, kept = patch.remove_operations(work.record, image, factory.rules)
        operations, left = operations + removals, left + kept
    if is_undone and operations:
        # A record that was undone is made anew, whatever the set does about drift.
        operations += patch.remove([fields.UNDONE])
    status = factory.source.get("status") if compare.STATUS in found.fields else None
    if not (operations or left or status or shares):
        return _ended(item, found, factory, shares)
    if arrival.is_being_imported(image) and (operations or left or status):
        names = (*map(patch.name_of, operations), *left)
        return item.with_outcome(being_imported(names, image_id, source=factory.source_region))
    if not (operations or status or shares):
        message = left_message(left, source=factory.source_region)
        return item.with_outcome(Outcome(Reason.DRIFT, message, image_id))
    if doubt:
        return item.with_outcome(dataclasses.replace(doubt, target_resource=image_id))
    failed = _failed_reference(factory.references, item.target_region)
    if failed:
        return item.with_outcome(failed)
    becomes_shared = any(patch.name_of(one) == "visibility" for one in operations)
    work = dataclasses.replace(
        work,
        changes=operations,
        left=left,
        status=status,
        members=shares.added,
        removed_members=shares.removed,
        reads_members=work.reads_members and becomes_shared,
        before=undo.before(image, operations, status),
    )
    work = _with_status(work, item)
    item = dataclasses.replace(item, action=UPDATE, work=work, target_resource=image_id)
    if shares.note:
        item = item.with_note(shares.note)
    if not factory.options.imports:
        return item
    return data.with_work(item, factory.source, image, work.owner)


def _ended(item: Item, found: _Existing, factory: _RecordFactory, shares: MemberChanges) -> Item:
    """End an item with the outcome for its copy, or plan the import of the copy's data.

    :param shares: the members in which the copy differs, which are not changed.
    """
    agrees = found.outcome.reason in compare.AGREEING
    if found.image and agrees and shares.error:
        failure = region_failure(shares.error[1])
        failure = dataclasses.replace(
            failure, message=shares.note, target_resource=found.image["id"]
        )
        # The copy may be in order or not.
        return dataclasses.replace(item, seen=None).with_outcome(failure)
    if found.image and shares and (agrees or found.outcome.reason == Reason.DRIFT):
        names = (*found.fields, members.FIELD)
        message = drift_message(names, source=factory.source_region)
        return item.with_outcome(Outcome(Reason.DRIFT, message, found.image["id"]))
    item = item.with_outcome(found.outcome)
    if shares.error:
        item = item.with_note(shares.note or "")
    if found.image is None or not factory.options.imports:
        return item
    owner = factory.owner(private=found.private)
    record = factory.record(found.image["id"], forced=found.forced, private=found.private)
    return data.with_ended(item, factory.source, found.image, record, owner)


def _with_copy(
    item: Item, found: _Existing, factory: _RecordFactory, shares: MemberChanges
) -> Item:
    """Return an item with what is seen of the copy."""
    if item.seen is None or found.image is None:
        return item
    record = factory.record(found.image["id"], forced=found.forced, private=found.private)
    names = found.fields
    if factory.options.prunes:
        names += compare.extra_fields(record, found.image, factory.rules)
    differences = compare.differences(
        {**record, compare.STATUS: item.seen.source_status}, found.image, names
    )
    if shares:
        only = shares.values()
        differences |= compare.differences(only["source"], only["target"], (members.FIELD,))
    seen = dataclasses.replace(
        item.seen, copy_status=found.image.get("status"), differences=differences
    )
    return dataclasses.replace(item, seen=seen)


def _copy_under_same_id(
    factory: _RecordFactory, state: TargetState, *, caller_owns: bool
) -> _Existing | None:
    """Return what has the image's own id in the target, or ``None`` if it can be created."""
    image_id = factory.source["id"]
    image = state.images.get(image_id)
    if image is None:
        reason = state.unusable.get(image_id)
        return _Existing(Outcome(reason)) if reason else None
    # A copy of another project's image has to belong to that project too.
    owner = factory.owner(private=False) if caller_owns else factory.source.get("owner")
    record = factory.record(image_id)
    comparison = compare.compare(record, owner, factory.source, image)
    if caller_owns and compare.is_incomplete_copy(record, owner, image, comparison):
        # Creating it again completes it.
        return None
    if not caller_owns and comparison.reason not in compare.AGREEING:
        return _Existing(Outcome(Reason.NOT_OWNER))
    outcome = outcome_of(comparison, image_id, factory.source_region)
    return _Existing(outcome, image, comparison.fields)


@dataclass(frozen=True)
class _ForcedCopy:
    """The forced copy of an image, or the number of the id for a new one."""

    n: int
    found: _Existing | None = None


def _forced_copy(
    factory: _RecordFactory, state: TargetState, target: str, *, private: bool
) -> _ForcedCopy:
    """Find an image's forced copy among the ids that it can have, whatever ids are free.

    A new copy tries the first id that no image has, also if it has a tombstone.
    """
    if state.images.keys() <= {factory.source["id"]}:
        # Nearly all images have no forced copy, and twenty ids take longer than all the rest.
        return _ForcedCopy(1)
    owner = factory.owner(private=private)
    free = None
    for n in range(1, MAX_FORCED_IDS + 1):
        image_id = fields.forced_id(factory.source["id"], target, n)
        image = state.images.get(image_id)
        if image is None:
            free = free or n
            continue
        if image.get(fields.SOURCE_ID, factory.source["id"]) != factory.source["id"]:
            continue
        record = factory.record(image_id, forced=n, private=private)
        comparison = compare.compare(record, owner, factory.source, image)
        if compare.is_incomplete_copy(record, owner, image, comparison):
            return _ForcedCopy(n)
        if comparison.reason not in UNUSABLE:
            outcome = outcome_of(comparison, image_id, factory.source_region)
            return _ForcedCopy(n, _Existing(outcome, image, comparison.fields, n, private))
    return _ForcedCopy(free or MAX_FORCED_IDS)
