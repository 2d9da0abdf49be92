"""Decides about one image in one target region.  Pure: no I/O, no state."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from kingbird.states import Reason
from kingbird.sync import compare, patch
from kingbird.sync import image as fields
from kingbird.sync.image import MAX_FORCED_IDS, Image, Record, Rules
from kingbird.sync.item import CREATE, DATA_FIELDS, NONE, UPDATE, Item, WriteSpec
from kingbird.sync.outcome import TOMBSTONED, UNUSABLE, Outcome, dependency_failed, outcome_of
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
) -> Item:
    """Plan the item of an image in a region.

    :param references: the items of the images that this one refers to, by property.
    :param doubt: the outcome of an update, if another source may be the right one.  A record may
        be created all the same.
    """
    references = references or {}
    image_id = source["id"]
    target = state.region
    item = Item(image_id, source_region, target)
    if target == source_region:
        return item.with_outcome(Outcome(Reason.IN_SYNC, "The image comes from there", image_id))
    if fields.is_region_bound(source):
        return item.with_outcome(Outcome(Reason.REGION_BOUND))
    if state.error:
        return item.with_outcome(state.error)

    caller_owns = caller.owns(source)
    factory = _RecordFactory(source, source_region, caller, rules, options, references)
    copy = _forced_copy(factory, state, target, private=not caller_owns)
    if options.force is not Force.ALWAYS:
        same_id = _copy_under_same_id(factory, state, caller_owns=caller_owns)
        if same_id and same_id.outcome.reason not in UNUSABLE | {Reason.NOT_OWNER}:
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
    return dataclasses.replace(item, action=CREATE, work=work, target_resource=work.record["id"])


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
        return WriteSpec(
            record=self.record(image_id, forced=forced, private=private),
            owner=self.owner(private=private),
            data={name: self.source.get(name) for name in DATA_FIELDS},
            # An image that needs no work exists, so there is nothing to wait for.
            references={
                name: other.resource
                for name, other in self.references.items()
                if other.action != NONE
            },
            forced=forced,
            updates=self.options.updates,
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
    if found.image is None or not factory.options.updates:
        return item.with_outcome(found.outcome)
    image_id = found.image["id"]
    work = factory.work(image_id, forced=found.forced, private=found.private)
    operations, left = patch.add_operations(work.record, found.image, found.fields)
    if factory.options.prunes:
        operations += patch.remove_operations(work.record, found.image, factory.rules)
    if not (operations or left):
        return item.with_outcome(found.outcome)
    if not operations:
        message = f"{found.outcome.message}, which can't be changed in an image that has data"
        return item.with_outcome(dataclasses.replace(found.outcome, message=message))
    if doubt:
        return item.with_outcome(dataclasses.replace(doubt, target_resource=image_id))
    failed = _failed_reference(factory.references, item.target_region)
    if failed:
        return item.with_outcome(failed)
    work = dataclasses.replace(work, changes=operations, left=left)
    return dataclasses.replace(item, action=UPDATE, work=work, target_resource=image_id)


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
    if not caller_owns and comparison.reason != Reason.IN_SYNC:
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
