"""Decides about one image in one target region.  Pure: what it needs is handed in."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from kingbird.sync import compare
from kingbird.sync import image as fields
from kingbird.sync.image import Image, Record, Rules
from kingbird.sync.outcome import UNUSABLE, Outcome, drift_sentence, sentence
from kingbird.sync.source import Caller

CREATE = "create"
NONE = "none"


@dataclass(frozen=True)
class Situation:
    """What is known about a target region.

    :ivar images: those of the ids asked for that are there.
    :ivar burnt: ids that turned out to be unusable before, with the reason.
    :ivar problem: why nothing is known about the region.
    """

    region: str
    images: Mapping[str, Image] = field(default_factory=dict)
    burnt: Mapping[str, str] = field(default_factory=dict)
    problem: Outcome | None = None


@dataclass(frozen=True)
class Work:
    """What a task has to write for an item.  Stored with it as JSON until it is done.

    :ivar record: the body of the POST.
    :ivar owner: whom the record will belong to.
    :ivar data: the source's fields that tell what its data are.
    :ivar references: source images by the property that refers to them.
    :ivar forced: how many-th id of a forced copy the record has; 0 for the image's own id.
    """

    record: Record
    owner: str | None
    data: dict[str, Any]
    references: dict[str, str] = field(default_factory=dict)
    forced: int = 0


#: The fields that :func:`kingbird.sync.compare.compare_data` reads.
DATA_FIELDS = ("status", "os_hash_algo", "os_hash_value", "checksum", "size")


@dataclass(frozen=True)
class Item:
    """One image in one target region, as planned.

    :ivar action: ``create``, or ``none`` when there is nothing to write.
    :ivar outcome: how it ended already, or ``None`` while there is work.
    """

    resource: str
    source_region: str
    target_region: str
    action: str = NONE
    target_resource: str | None = None
    outcome: Outcome | None = None
    work: Work | None = None
    rank: int = 0

    def ended(self, outcome: Outcome) -> "Item":
        """Return the item with an outcome, and a sentence where the outcome has none."""
        if outcome.message is None:
            message = sentence(
                outcome.reason, source=self.source_region, target=self.target_region
            )
            outcome = dataclasses.replace(outcome, message=message)
        return dataclasses.replace(
            self,
            outcome=outcome,
            target_resource=outcome.target_resource or self.target_resource,
        )


def decide(
    source: Image,
    source_region: str,
    situation: Situation,
    caller: Caller,
    rules: Rules,
    *,
    force: bool = False,
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
        return item.ended(Outcome("in_sync", "The image comes from there", image_id))
    if fields.is_region_bound(source):
        return item.ended(Outcome("region_bound"))
    if situation.problem:
        return item.ended(situation.problem)

    mine = caller.owns(source)
    options = _Options(source, source_region, caller, rules, references)
    copy = _forced_copy(options, situation, target, private=not mine)
    if not force:
        own = _own_copy(item, options, situation, mine=mine)
        if own and own.reason not in UNUSABLE | {"not_owner"}:
            return item.ended(own)
        if copy.outcome:
            return item.ended(copy.outcome)
        if own:
            return item.ended(own)
        if not mine:
            return item.ended(Outcome("not_owner"))
        work = options.work(image_id)
    else:
        if copy.outcome:
            return item.ended(copy.outcome)
        work = options.work(
            fields.forced_id(image_id, target, copy.n), forced=copy.n, private=not mine
        )

    for name, other in references.items():
        if other.outcome and other.target_resource is None:
            return item.ended(
                Outcome(
                    "dependency_failed",
                    f"{name} names image {other.resource}, which could not be brought to "
                    f"{target}: {other.outcome.reason}",
                )
            )
    return dataclasses.replace(item, action=CREATE, work=work, target_resource=work.record["id"])


@dataclass(frozen=True)
class _Options:
    """Makes the records that could be an image's copy."""

    source: Image
    source_region: str
    caller: Caller
    rules: Rules
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

    def work(self, image_id: str, *, forced: int = 0, private: bool = False) -> Work:
        return Work(
            record=self.record(image_id, forced=forced, private=private),
            owner=self.owner(private=private),
            data={name: self.source.get(name) for name in DATA_FIELDS},
            references={name: other.resource for name, other in self.references.items()},
            forced=forced,
        )


def verdict_outcome(verdict: compare.Verdict, image_id: str, source_region: str) -> Outcome:
    """Turn a comparison into an outcome."""
    if verdict.reason == compare.DRIFT:
        return Outcome(
            compare.DRIFT, drift_sentence(verdict.fields, source=source_region), image_id
        )
    present = image_id if verdict.reason == compare.IN_SYNC else None
    return Outcome(verdict.reason, target_resource=present)


def _own_copy(
    item: Item, options: _Options, situation: Situation, *, mine: bool
) -> Outcome | None:
    """Look at what has the image's own id in the target."""
    image = situation.images.get(item.resource)
    if image is None:
        reason = situation.burnt.get(item.resource)
        return Outcome(reason) if reason else None
    # A copy of somebody else's image has to be theirs as well to be the same image.
    owner = options.owner(private=False) if mine else options.source.get("owner")
    verdict = compare.judge(options.record(item.resource), owner, options.source, image)
    if not mine and verdict.reason != compare.IN_SYNC:
        return Outcome("not_owner")
    return verdict_outcome(verdict, item.resource, item.source_region)


@dataclass(frozen=True)
class _Copy:
    """The forced copy that is there, or the number of the id to ask for one under.

    Burnt ids are asked for again, but what has an id after them is the copy.
    """

    n: int
    outcome: Outcome | None = None


def _forced_copy(options: _Options, situation: Situation, target: str, *, private: bool) -> _Copy:
    """Find an image's forced copy among the ids that it can have."""
    free = None
    for n in count(1):
        image_id = fields.forced_id(options.source["id"], target, n)
        image = situation.images.get(image_id)
        if image is None:
            free = free or n
            if image_id in situation.burnt:
                continue
            return _Copy(free)
        record = options.record(image_id, forced=n, private=private)
        owner = options.owner(private=private)
        if image.get(fields.SOURCE_ID, options.source["id"]) != options.source["id"]:
            continue
        verdict = compare.judge(record, owner, options.source, image)
        if verdict.reason not in UNUSABLE:
            return _Copy(n, verdict_outcome(verdict, image_id, options.source_region))
    raise AssertionError("count() does not end")
