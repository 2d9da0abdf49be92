"""Decides after a walk which orphans are hidden or deleted: all of a home's in a region, or none.

A home that was reinstalled, or that an endpoint does not lead to any more, looks as if it had
deleted everything.  So nothing is done before the walk has ended and has seen how many there are.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kingbird import exception
from kingbird.batching import batched
from kingbird.hidden_orphan import HiddenOrphan
from kingbird.states import Reason
from kingbird.sync import arrival, orphans
from kingbird.sync import image as fields
from kingbird.sync.image import Image
from kingbird.sync.item import Item
from kingbird.sync.listing.merge import MergedPage
from kingbird.sync.listing.regions import RegionListings
from kingbird.sync.members import is_shared
from kingbird.sync.outcome import BEING_IMPORTED, Outcome, region_failure
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.orphans import orphaned, with_act
from kingbird.sync.plan.same_name import ItemOfSet
from kingbird.sync.plan.spool import BATCH, Deferred, DeferredSpool
from kingbird.sync.request import WildcardScope

#: Orphans of a home in a region that a run hides or deletes at most: so many, or such a share of
#: the home's records there.
FEW, SHARE = 10, 10

#: A home and a region with copies of its images.
Pair = tuple[str, str]


class _Answer(NamedTuple):
    """The answer of a region about an orphan.

    :ivar hidden: since when it is hidden, if Kingbird has hidden it.
    :ivar members: the outcome of one that is to be deleted and has members, or may have.
    """

    hidden: HiddenOrphan | None
    members: Outcome | None


class OrphanGuard:
    """The orphans that a walk has found, and what tells whether so many can be true.

    :param spool: keeps the orphans until the walk has ended.
    """

    def __init__(
        self, context: PlanContext, scopes: Sequence[WildcardScope], spool: DeferredSpool
    ) -> None:
        self._context = context
        self._scopes = scopes
        self._acting = [one for one in scopes if one.sync_set.acts_on_orphans]
        self._spool = spool
        #: Images of each region, and those that claim to be copies of images of the same region.
        self._images: Counter[str] = Counter()
        self._strays: Counter[str] = Counter()
        #: The records of a home in a region, and those that would be hidden or deleted.
        self._records: Counter[Pair] = Counter()
        self._acts: Counter[Pair] = Counter()

    def look(self, page: MergedPage) -> None:
        """Count the images of a page."""
        if not self._acting:
            return
        for region, images in page.images.items():
            self._images[region] += len(images)
            for image in images.values():
                if fields.SOURCE_REGION in image:
                    self._count(region, image)

    def _count(self, region: str, image: Image) -> None:
        if image[fields.SOURCE_REGION] == region:
            self._strays[region] += fields.copy_number(image, region) == 0
            return
        home = fields.home_of(image, region)
        owner = image.get("owner")
        if home and any(one.selection.owner in (None, owner) for one in self._acting):
            self._records[home, region] += 1

    def takes(
        self, index: int, source: Image, source_region: str, target: str, copy: Image
    ) -> bool:
        """Take the copy of an orphan in a target, if its set has orphans hidden or deleted.

        :param index: which of the sets it is of.
        :returns: whether :meth:`items` has its item.
        """
        scope = self._scopes[index]
        home = fields.home_of(copy, target)
        if (
            not scope.sync_set.acts_on_orphans
            or home is None
            or home != fields.home_of(source, source_region)
            or fields.copy_number(copy, target) != 0
            or copy.get("owner") != source.get("owner")
            or scope.selection.owner not in (None, copy.get("owner"))
        ):
            return False
        self._spool.put(Deferred(index, home, source, target, copy))
        return True

    def items(self, listings: RegionListings) -> Iterator[list[ItemOfSet]]:
        """Yield the items of the orphans.

        :param listings: the lists, which have ended.
        """
        gaps = {*listings.problems, *listings.lagging}
        # Regions and database are asked once, as a second answer might be another one.
        answers: list[_Answer] = []
        for batch in batched(self._spool, BATCH):
            asked = self._ask(batch)
            answers += asked
            for one, answer in zip(batch, asked, strict=True):
                acts = self._item(one, answer).outcome is None
                self._acts[one.source_region, one.target] += acts
        for some in batched(zip(self._spool, answers, strict=True), BATCH):
            yield [
                (
                    self._scopes[one.index].sync_set,
                    self._guarded(one, self._item(one, answer), gaps),
                )
                for one, answer in some
            ]

    def _guarded(self, one: Deferred, item: Item, gaps: set[str]) -> Item:
        """Return an item without work if one of the guards objects."""
        home, region = one.source_region, one.target
        if item.outcome is not None:
            return item
        limit = self._limit(one)
        number, records = self._acts[home, region], self._records[home, region]
        if gap := next((name for name in (home, region) if name in gaps), None):
            return _ended(one, Reason.ORPHANED, f"{gap} could not be listed completely")
        if not self._images[home]:
            why = f"{home} lists no image at all, as if it had been set up anew"
        elif self._strays[home]:
            why = (
                f"{self._strays[home]} image(s) of {home} say that they are copies of images of "
                f"{home}, as if its endpoint led to another region. If they are its own, remove "
                f"their properties {fields.SOURCE_REGION} and {fields.SOURCE_ID}"
            )
        elif number > limit:
            why = (
                f"{home} seems to have deleted {number} of its {records} images in {region}; a "
                f"run hides or deletes {limit} at most, unless orphan_limit says more"
            )
        else:
            return item
        return _ended(one, Reason.ORPHAN_GUARD, why)

    def _limit(self, one: Deferred) -> int:
        share = self._records[one.source_region, one.target] // SHARE
        return max(FEW, share, self._scopes[one.index].sync_set.orphan_limit)

    def _ask(self, batch: Sequence[Deferred]) -> list["_Answer"]:
        """Return what is known of each of some orphans."""
        ids: dict[str, set[str]] = {}
        for one in batch:
            ids.setdefault(one.target, set()).add(one.source["id"])
        hidden = {region: self._context.hidden(region, some) for region, some in ids.items()}
        members = self._members(batch, hidden)
        return [
            _Answer(
                hidden[one.target].get(one.source["id"]),
                members.get((one.target, one.source["id"])),
            )
            for one in batch
        ]

    def _item(self, one: Deferred, answer: "_Answer") -> Item:
        """Return the item of an orphan as it is if no guard objects."""
        copy, home = _copy(one), one.source_region
        known, members = answer
        if arrival.is_being_imported(copy):
            return _ended(one, Reason.ORPHANED, BEING_IMPORTED)
        if known is None or _is_older(known, copy):
            spec = {"act": orphans.HIDES, "home": home}
        elif known.updated_at != copy.get("updated_at") or not _is_hidden(copy, one.target):
            return _ended(one, Reason.TOUCHED, orphans.TOUCHED)
        elif not self._is_due(one, known):
            return _ended(one, Reason.ORPHANED, f"It is hidden since {copy[fields.ORPHANED_AT]}")
        elif why := orphans.reason_to_keep(copy):
            return _ended(one, Reason.KEPT, f"{why}, and is left alone")
        elif members is not None:
            return _ended(one, members.reason, members.message)
        else:
            spec = {"act": orphans.DELETES, "home": home, "updated_at": known.updated_at}
        return with_act(_ended(one, Reason.ORPHANED, None, ended=False), copy, spec)

    def _is_due(self, one: Deferred, known: HiddenOrphan) -> bool:
        deletes = self._scopes[one.index].sync_set.on_orphan == orphans.DELETES
        return deletes and known.seconds >= self._context.orphan_grace

    def _members(
        self, batch: Sequence[Deferred], hidden: Mapping[str, Mapping[str, HiddenOrphan]]
    ) -> dict[Pair, Outcome]:
        """Return the outcomes of those orphans to delete that have members, or may have."""
        calls = {}
        for one in batch:
            image_id, copy = one.source["id"], _copy(one)
            known = hidden[one.target].get(image_id)
            if known and self._is_due(one, known) and is_shared(copy):
                calls[one.target, image_id] = self._context.calls.begin(
                    one.target, self._context.regions[one.target].list_members, image_id
                )
        found = {}
        for (region, image_id), call in calls.items():
            try:
                if self._context.calls.wait(region, call):
                    found[region, image_id] = Outcome(
                        Reason.KEPT, "It is shared with other projects, and is left alone"
                    )
            except (exception.RegionUnavailable, exception.ImageRequestRejected) as error:
                found[region, image_id] = region_failure(error)
        return found


def _copy(one: Deferred) -> Image:
    return one.copy or {}


def _is_older(known: HiddenOrphan, copy: Image) -> bool:
    """Return whether an image with this id was hidden before this one was made."""
    return (copy.get("created_at") or "") > known.updated_at


def _is_hidden(copy: Image, region: str) -> bool:
    return bool(copy.get("os_hidden")) and fields.is_marked(copy, region)


def _ended(one: Deferred, reason: str, why: str | None, *, ended: bool = True) -> Item:
    """Return the item of an orphan, which stays as it is.

    :param why: a sentence about the reason, to which the usual one is added for ``orphaned``.
    """
    item = orphaned(_copy(one), one.target, one.target, one.copy, Outcome(reason, why))
    if not ended:
        return dataclasses.replace(item, outcome=None)
    return item.with_note(why) if why and reason == Reason.ORPHANED else item
