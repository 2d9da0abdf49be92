"""Finds orphans: copies whose home has no such image any more.

A deletion shows nowhere, and a copy would bring back what its home deleted.  So an orphan is no
source.  A copy counts as one only if its home was asked for the image by its id, by a caller who
would see it.  A copy that was hidden as an orphan is one until its home has the image again.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kingbird import exception
from kingbird.states import Reason
from kingbird.sync import image as fields
from kingbird.sync import orphans, undo
from kingbird.sync.image import Image
from kingbird.sync.item import COPY_STATUS, DELETE, UPDATE, Item, Seen, WriteSpec
from kingbird.sync.outcome import Outcome, message_for
from kingbird.sync.plan.context import PlanContext

_STILL_HIDDEN = (
    "It was hidden as an orphan of {}, which could not be asked whether it has the image again"
)


class Found(NamedTuple):
    """The answers of the homes of some copies.

    :ivar gone: the outcomes of those copies that are orphans, by id.
    :ivar originals: the images that the homes have, by id.
    """

    gone: dict[str, Outcome]
    originals: dict[str, Image]


class OrphanFinder:
    """Asks the homes of copies whether they have the images."""

    def __init__(self, context: PlanContext) -> None:
        self._context = context

    def find(self, copies: Iterable[tuple[str, Image]]) -> Found:
        """Return which of some copies are orphans, and the originals of the others.

        A home that has left the service catalog, or does not answer, says nothing: the copy is no
        orphan, unless it was hidden as one.  Others are asked with two list calls for up to 100
        images.
        """
        homes: dict[str, set[str]] = {}
        found = Found({}, {})
        for region, image in copies:
            home = fields.home_of(image, region)
            if home is None or not self._context.caller.owns(image):
                continue
            if home in self._context.regions:
                homes.setdefault(home, set()).add(image["id"])
            if fields.is_marked(image, region):
                found.gone[image["id"]] = still_hidden(self._context, home)
        for home, answer in (self._context.find(homes) if homes else {}).items():
            if isinstance(answer, exception.KingbirdError):
                continue
            found.originals.update(answer)
            for image_id in homes[home] - answer.keys():
                message = message_for(Reason.ORPHANED, source=home, target=home)
                found.gone[image_id] = Outcome(Reason.ORPHANED, message)
            for image_id in homes[home] & answer.keys():
                found.gone.pop(image_id, None)
        return found


def still_hidden(context: PlanContext, home: str) -> Outcome:
    """Return the outcome of a copy that was hidden, and whose home says nothing.

    It is doubtful, so that nothing is written.
    """
    if home not in context.regions:
        return Outcome(
            Reason.HOME_UNKNOWN, message_for(Reason.HOME_UNKNOWN, source=home, target=home)
        )
    return Outcome(Reason.ORPHANED, _STILL_HIDDEN.format(home), is_doubtful=True)


def orphaned(
    source: Image, region: str, target: str, copy: Image | None, outcome: Outcome
) -> Item:
    """Return the item of an orphan in a target.

    :param source: an orphan.
    :param region: its region.
    :param copy: the orphan in the target, if there is one.
    :param outcome: the outcome of an orphan; that there is none in the target needs no word of it.
    """
    home = fields.home_of(source, region) or region
    item = Item(source["id"], home, target, name=source.get("name"))
    if copy is None:
        return item.with_outcome(Outcome(outcome.reason))
    item = dataclasses.replace(item, seen=seen_of(copy))
    is_usual = outcome.reason == Reason.ORPHANED and not outcome.is_doubtful
    message = None if is_usual else outcome.message
    return item.with_outcome(Outcome(outcome.reason, message, target_resource=copy["id"]))


def seen_of(copy: Image) -> Seen:
    """Return what is seen of an orphan, which has no source."""
    return dataclasses.replace(Seen.of(copy), source_status=None, copy_status=copy.get("status"))


def with_act(item: Item, copy: Image, spec: orphans.OrphanSpec) -> Item:
    """Return the item of an orphan that is to be hidden or deleted.

    :param spec: what becomes of it.
    """
    work = WriteSpec(
        record={"id": copy["id"], "name": copy.get("name")},
        owner=copy.get("owner"),
        data={COPY_STATUS: copy.get("status")},
        orphan=dict(spec),
    )
    action = DELETE if spec["act"] == orphans.DELETES else UPDATE
    return dataclasses.replace(item, action=action, work=work, target_resource=copy["id"])


def revived(copy: Image, region: str, original: Image) -> Item:
    """Return the item of a copy that was hidden as an orphan, and whose home has the image again.

    :param region: the region of the copy.
    :param original: the image at home, with the copy's owner.
    """
    home = fields.home_of(copy, region) or region
    changes = orphans.show(original)
    work = WriteSpec(
        record={"id": copy["id"], "name": copy.get("name")},
        owner=copy.get("owner"),
        data={COPY_STATUS: copy.get("status"), "status": original.get("status")},
        changes=changes,
        before=undo.before(copy, changes, None),
        orphan={"act": orphans.REVIVES, "home": home},
    )
    seen = dataclasses.replace(Seen.of(original), copy_status=copy.get("status"))
    return Item(
        copy["id"],
        home,
        region,
        name=copy.get("name"),
        action=UPDATE,
        target_resource=copy["id"],
        work=work,
        seen=seen,
    )


def revival(
    copies: Mapping[str, Image | None], target: str, originals: Iterable[Image | None]
) -> Item | None:
    """Return the item that revives a copy in a target, or ``None`` if there is nothing to revive.

    :param copies: the copies of an image by region.
    :param originals: what its home has, if it was asked.
    """
    copy = copies.get(target)
    if copy is None or not fields.is_marked(copy, target):
        return None
    known = [copies.get(fields.home_of(copy, target) or ""), *originals]
    for original in known:
        if original is not None and original.get("owner") == copy.get("owner"):
            return revived(copy, target, original)
    return None
