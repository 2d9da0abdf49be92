"""Decides about one image in one target region.  Pure: what it needs is handed in."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count

from kingbird.states import Reason
from kingbird.sync import compare, patch
from kingbird.sync import image as fields
from kingbird.sync.image import Image, Record, Rules
from kingbird.sync.item import CREATE, DATA_FIELDS, NONE, UPDATE, Item, WriteSpec
from kingbird.sync.outcome import TOMBSTONED, UNUSABLE, Outcome, dependency_failed, outcome_of
from kingbird.sync.request import Force, Requester, SyncOptions


@dataclass(frozen=True)
class TargetState:
    """What is known about a target region.

    :ivar images: those of the ids asked for that are there.
    :ivar burnt: ids that turned out to be unusable before, with the reason.
    :ivar error: why nothing is known about the region.
    """

    region: str
    images: Mapping[str, Image] = field(default_factory=dict)
    burnt: Mapping[str, str] = field(default_factory=dict)
    error: Outcome | None = None


def decide(
    source: Image,
    source_region: str,
    situation: TargetState,
    caller: Requester,
    rules: Rules,
    wish: SyncOptions,
    *,
    references: Mapping[str, Item] | None = None,
) -> Item:
    """Decide what happens to an image in a region (design, sections 7 and 8).

    :param references: the items of the images that this one refers to, by property.
    """
    references = references or {}
    image_id = source["id"]
    target = situation.region
    item = Item(image_id, source_region, target)
    if target == source_region:
        return item.with_outcome(Outcome(Reason.IN_SYNC, "The image comes from there", image_id))
    if fields.is_region_bound(source):
        return item.with_outcome(Outcome(Reason.REGION_BOUND))
    if situation.error:
        return item.with_outcome(situation.error)

    mine = caller.owns(source)
    options = _RecordFactory(source, source_region, caller, rules, wish, references)
    copy = _forced_copy(options, situation, target, private=not mine)
    if wish.force is not Force.ALWAYS:
        own = _copy_under_same_id(options, situation, caller_owns=mine)
        if own and own.outcome.reason not in UNUSABLE | {Reason.NOT_OWNER}:
            return _end_or_update(item, own, options)
        if copy.found:
            return _end_or_update(item, copy.found, options)
        work = _create_under_same_id(item, options, own, copy, caller_owns=mine)
        if isinstance(work, Outcome):
            return item.with_outcome(work)
    elif copy.found:
        return _end_or_update(item, copy.found, options)
    else:
        work = options.forced_work(target, copy.n, private=not mine)

    failed = _failed_reference(references, target)
    if failed:
        return item.with_outcome(failed)
    return dataclasses.replace(item, action=CREATE, work=work, target_resource=work.record["id"])


def _create_under_same_id(
    item: Item,
    options: "_RecordFactory",
    same_id: "_Existing | None",
    copy: "_ForcedCopy",
    *,
    caller_owns: bool,
) -> WriteSpec | Outcome:
    """Say what to write where the image's own id is to be used, and no copy is there."""
    needed = options.wish.force is Force.WHERE_NEEDED
    if same_id is not None and not (needed and same_id.outcome.reason in UNUSABLE):
        return same_id.outcome
    if not caller_owns:
        return Outcome(Reason.NOT_OWNER)
    if same_id is not None and same_id.outcome.reason not in TOMBSTONED:
        return options.forced_work(item.target_region, copy.n, private=False)
    work = options.work(item.resource)
    if needed:
        # A burnt id is asked for again; it may have been purged.
        forced = options.forced_work(item.target_region, 1, private=False)
        work = dataclasses.replace(work, fallback=forced.record)
    return work


def _failed_reference(references: Mapping[str, Item], target: str) -> Outcome | None:
    for name, other in references.items():
        if other.outcome and other.target_resource is None:
            return dependency_failed(name, other.resource, target, other.outcome.reason)
    return None


@dataclass(frozen=True)
class _RecordFactory:
    """Makes the records that could be an image's copy."""

    source: Image
    source_region: str
    caller: Requester
    rules: Rules
    wish: SyncOptions
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
            owner=self.owner(private=private) if self.caller.is_admin else None,
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
            # What needs no work is there; nobody has to wait for it.
            references={
                name: other.resource
                for name, other in self.references.items()
                if other.action != NONE
            },
            forced=forced,
        )

    def forced_work(self, target: str, n: int, *, private: bool) -> WriteSpec:
        image_id = fields.forced_id(self.source["id"], target, n)
        return self.work(image_id, forced=n, private=private)


@dataclass(frozen=True)
class _Existing:
    """What has an id in the target.

    :ivar image: the image, where there is one that can be seen.
    :ivar forced: how many-th id of a forced copy it has.
    """

    outcome: Outcome
    image: Image | None = None
    fields: tuple[str, ...] = ()
    forced: int = 0
    private: bool = False


def _end_or_update(item: Item, found: _Existing, options: _RecordFactory) -> Item:
    """End an item with what was found; or plan an update, where it drifted."""
    if found.image is None or not options.wish.updates:
        return item.with_outcome(found.outcome)
    image_id = found.image["id"]
    work = options.work(image_id, forced=found.forced, private=found.private)
    operations, left = patch.add_operations(work.record, found.image, found.fields)
    if options.wish.prunes:
        operations += patch.remove_operations(work.record, found.image, options.rules)
    if not (operations or left):
        return item.with_outcome(found.outcome)
    if not operations:
        message = f"{found.outcome.message}, which can't be changed in an image that has data"
        return item.with_outcome(dataclasses.replace(found.outcome, message=message))
    failed = _failed_reference(options.references, item.target_region)
    if failed:
        return item.with_outcome(failed)
    work = dataclasses.replace(work, changes=operations, left=left)
    return dataclasses.replace(item, action=UPDATE, work=work, target_resource=image_id)


def _copy_under_same_id(
    options: _RecordFactory, situation: TargetState, *, caller_owns: bool
) -> _Existing | None:
    """Look at what has the image's own id in the target."""
    image_id = options.source["id"]
    image = situation.images.get(image_id)
    if image is None:
        reason = situation.burnt.get(image_id)
        return _Existing(Outcome(reason)) if reason else None
    # A copy of somebody else's image has to be theirs as well to be the same image.
    owner = options.owner(private=False) if caller_owns else options.source.get("owner")
    record = options.record(image_id)
    verdict = compare.compare(record, owner, options.source, image)
    if caller_owns and compare.is_incomplete_copy(record, owner, image, verdict):
        # To make it again completes it.
        return None
    if not caller_owns and verdict.reason != Reason.IN_SYNC:
        return _Existing(Outcome(Reason.NOT_OWNER))
    outcome = outcome_of(verdict, image_id, options.source_region)
    return _Existing(outcome, image, verdict.fields)


@dataclass(frozen=True)
class _ForcedCopy:
    """The forced copy that is there, or the number of the id to ask for one under.

    Burnt ids are asked for again, but what has an id after them is the copy.
    """

    n: int
    found: _Existing | None = None


def _forced_copy(
    options: _RecordFactory, situation: TargetState, target: str, *, private: bool
) -> _ForcedCopy:
    """Find an image's forced copy among the ids that it can have."""
    free = None
    for n in count(1):
        image_id = fields.forced_id(options.source["id"], target, n)
        image = situation.images.get(image_id)
        if image is None:
            free = free or n
            if image_id in situation.burnt:
                continue
            return _ForcedCopy(free)
        if image.get(fields.SOURCE_ID, options.source["id"]) != options.source["id"]:
            continue
        record = options.record(image_id, forced=n, private=private)
        owner = options.owner(private=private)
        verdict = compare.compare(record, owner, options.source, image)
        if compare.is_incomplete_copy(record, owner, image, verdict):
            return _ForcedCopy(n)
        if verdict.reason not in UNUSABLE:
            outcome = outcome_of(verdict, image_id, options.source_region)
            return _ForcedCopy(n, _Existing(outcome, image, verdict.fields, n, private))
    raise AssertionError("count() does not end")
