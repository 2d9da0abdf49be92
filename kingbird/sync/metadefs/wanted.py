"""A namespace that a set selects in a target region, and the decision about it.  Pure: no I/O."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kingbird import exception
from kingbird.states import Reason
from kingbird.sync.metadefs import compare
from kingbird.sync.metadefs import item as items
from kingbird.sync.metadefs.compare import Step
from kingbird.sync.metadefs.item import NamespaceItem, NamespaceSpec
from kingbird.sync.metadefs.namespace import NAME, Namespace, record_for
from kingbird.sync.outcome import Outcome, region_failure
from kingbird.sync.planned import CREATE, UPDATE
from kingbird.sync.request import SyncSet

#: A namespace that was read; ``None`` if it is gone.
Answer = Namespace | exception.KingbirdError | None
#: The answers by region and name.
Read = Mapping[tuple[str, str], Answer]


@dataclass(frozen=True)
class Wanted:
    """A namespace that a set selects in one target region.

    :ivar resource: its key.
    :ivar is_there: whether the target lists it.
    :ivar is_doubted: a source that could not be asked.
    :ivar is_repeated: whether several sets ask for it.
    """

    sync_set: SyncSet
    resource: str
    name: str
    owner: str | None
    source: str
    target_region: str
    is_there: bool
    is_doubted: str | None
    is_repeated: bool = False

    @property
    def places(self) -> list[tuple[str, str]]:
        """Return the region and name of what is read: the source, and the copy if there is one."""
        copy = [(self.target_region, self.name)] if self.is_there else []
        return [(self.source, self.name), *copy]

    def answers(self, read: Read) -> tuple[Answer, Answer]:
        """Return what was read of the source and of the copy."""
        source, *copy = (read[place] for place in self.places)
        return source, copy[0] if copy else None

    def decide(self, read: Read) -> NamespaceItem:
        """Return the item, as what was read tells."""
        item = NamespaceItem(self.resource, self.source, self.target_region, name=self.name)
        source, copy = self.answers(read)
        for error in (source, copy):
            if isinstance(error, exception.KingbirdError):
                return item.with_outcome(region_failure(error))
        if not isinstance(source, dict) or source[NAME] != self.name:
            return item.with_outcome(items.gone(self.source))
        record = record_for(source)
        updates = self.sync_set.updates
        if not isinstance(copy, dict):
            work = NamespaceSpec(record, updates=updates)
            return dataclasses.replace(item, action=CREATE, work=work)
        item = dataclasses.replace(item, target_resource=self.resource)
        if compare.has_other_owner(source, copy):
            return dataclasses.replace(item, target_resource=None).with_outcome(
                items.owner_conflict(self.target_region)
            )
        found = compare.compare(record, copy)
        if not found:
            return item.with_outcome(Outcome(Reason.IN_SYNC))
        if self.is_doubted:
            return item.with_outcome(_doubtful(self))
        return _with_work(item, record, found, updates=updates)


def _with_work(
    item: NamespaceItem,
    record: Namespace,
    found: Sequence[compare.Difference],
    *,
    updates: bool,
) -> NamespaceItem:
    """Return the item of a namespace that is there and not in order."""
    creates = compare.labels(found, Step.CREATE)
    changes = compare.labels(found, Step.CHANGE)
    left = compare.labels(found, Step.LEAVE)
    item = dataclasses.replace(item, differences=compare.differences(found))
    if not updates:
        changes, left = [], [*changes, *left]
    if not (creates or changes):
        message = items.differs(left, item.source_region)
        return item.with_outcome(Outcome(Reason.DRIFT, message, item.resource))
    work = NamespaceSpec(record, True, updates, creates, changes, left)
    return dataclasses.replace(item, action=UPDATE if changes else CREATE, work=work)


def _doubtful(one: Wanted) -> Outcome:
    return Outcome(
        Reason.REGION_UNAVAILABLE,
        f"Nothing was changed from {one.source}, as the namespace may come from "
        f"{one.is_doubted}, which could not be asked",
        one.resource,
        is_doubtful=True,
    )
