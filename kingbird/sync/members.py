"""The projects that a shared image is shared with: read from the source, given to the copy.

A member's status is the member's own business: Glance lets nobody but the member and an admin
set it.  So what can't be set is said to whoever asked for the sync.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

from kingbird import exception
from kingbird.clients.glance import Images
from kingbird.sync.cloud import Cloud
from kingbird.sync.item import CREATE, Item
from kingbird.sync.retries import Retry

SHARED = "shared"
#: The status that a member has to begin with.
PENDING = "pending"
#: What does not keep an image that was made from being told of, the end of its job included.
_FAILED = (
    exception.RegionUnavailable,
    exception.ImageRefused,
    exception.CredentialsLost,
    exception.Cancelled,
)


def _wants(item: Item) -> bool:
    """Whether an item makes an image shared that was not."""
    work = item.work
    if work is None or work.record.get("visibility", SHARED) != SHARED:
        return False
    return item.action == CREATE or any(one["path"] == "/visibility" for one in work.changes)


def with_members(items: Sequence[Item], cloud: Cloud) -> list[Item]:
    """Add to what is to be written whom it is shared with: one list call a shared source image.

    :param items: planned items, whose sources' regions can be asked.
    """
    sources = {(item.source_region, item.resource): item for item in items if _wants(item)}
    calls = {
        (region, resource): cloud.submit(
            region, cloud.retry, cloud.regions[region].list_members, resource
        )
        for region, resource in sources
    }
    found: dict[tuple[str, str], dict[str, object]] = {}
    for key, call in calls.items():
        try:
            found[key] = {
                "members": sorted(
                    [str(one["member_id"]), str(one.get("status") or PENDING)]
                    for one in call.result()
                    if one.get("member_id")
                )
            }
        except (exception.RegionUnavailable, exception.ImageRefused) as error:
            found[key] = {"note": f"Its members could not be listed in {key[0]}: {error.message}"}
    return [_with(item, found.get((item.source_region, item.resource))) for item in items]


def _with(item: Item, found: Mapping[str, object] | None) -> Item:
    if found is None or item.work is None or not _wants(item):
        return item
    return dataclasses.replace(item, work=dataclasses.replace(item.work, **found))  # type: ignore[arg-type]


def share(
    images: Images,
    image_id: str,
    members: Iterable[Sequence[str]],
    *,
    is_admin: bool,
    may_write: Callable[[], None],
    retry: Retry,
) -> list[str]:
    """Share an image: one POST a member, and its status where the caller may set it.

    :param members: pairs of project and status.
    :returns: sentences about what could not be done.
    """

    def post(project: str) -> None:
        may_write()
        try:
            images.add_member(image_id, project)
        except exception.ImageRefused as error:
            # 409: an earlier attempt came that far.
            if error.status != 409:
                raise

    def put(project: str, status: str) -> None:
        may_write()
        images.set_member_status(image_id, project, status)

    refused: list[str] = []
    left: list[str] = []
    for project, status in members:
        try:
            retry(post, project)
        except _FAILED as error:
            refused.append(f"{project} ({error.message})")
            continue
        if status == PENDING:
            continue
        try:
            if not is_admin:
                raise exception.ImageRefused("Only the member may", 403)
            retry(put, project, status)
        except _FAILED:
            left.append(f"{project} ({status})")
    notes = []
    if refused:
        notes.append(f"Not shared with: {', '.join(refused)}")
    if left:
        notes.append(f"Members have to set their status themselves: {', '.join(left)}")
    return notes
