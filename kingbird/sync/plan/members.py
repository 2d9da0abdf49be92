"""The members of a shared image: read from the source, added to the copy."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from kingbird import exception
from kingbird.sync.item import CREATE, Item
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.sharing import PENDING

SHARED = "shared"
#: Members of an image that are copied.  Glance's own quota is 128 by default.
MAX_MEMBERS = 1000


class _Found(NamedTuple):
    """The members of an image, and a sentence about those that are left out."""

    members: list[list[str]]
    note: str | None


def _becomes_shared(item: Item) -> bool:
    """Return whether an item makes an image shared that was not."""
    work = item.work
    if work is None or work.record.get("visibility", SHARED) != SHARED:
        return False
    return item.action == CREATE or any(one["path"] == "/visibility" for one in work.changes)


def with_members(items: Sequence[Item], context: PlanContext) -> list[Item]:
    """Add members to the work of items: one list call for each shared source image.

    :param items: planned items, whose source regions have an endpoint.
    """
    sources = {
        (item.source_region, item.resource): item for item in items if _becomes_shared(item)
    }
    calls = {
        (region, resource): context.calls.begin(
            region, context.regions[region].list_members, resource
        )
        for region, resource in sources
    }
    found: dict[tuple[str, str], _Found] = {}
    for key, call in calls.items():
        try:
            members = sorted(
                [str(one["member_id"]), str(one.get("status") or PENDING)]
                for one in context.calls.wait(key[0], call)
                if one.get("member_id")
            )
            left = len(members) - MAX_MEMBERS
            note = f"{left} of its members are not copied" if left > 0 else None
            found[key] = _Found(members[:MAX_MEMBERS], note)
        except (exception.RegionUnavailable, exception.ImageRequestRejected) as error:
            found[key] = _Found(
                [], f"Its members could not be listed in {key[0]}: {error.message}"
            )
    return [_with_found(item, found.get((item.source_region, item.resource))) for item in items]


def _with_found(item: Item, found: _Found | None) -> Item:
    if found is None or item.work is None or not _becomes_shared(item):
        return item
    work = dataclasses.replace(item.work, members=found.members)
    item = dataclasses.replace(item, work=work)
    return item.with_note(found.note) if found.note else item
