"""Shares an image with the projects that its source is shared with.

A member's status is the member's own business: Glance lets nobody but the member and an admin
set it.  A status that can't be set is named in the item's message.
"""

from collections.abc import Callable, Iterable, Sequence

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.sync.retry import Retry

#: The status that a member has to begin with.
PENDING = "pending"


#: What does not keep an image that was made from being told of, the end of its job included.
_FAILED = (
    exception.RegionUnavailable,
    exception.ImageRequestRejected,
    exception.CredentialsLost,
    exception.Cancelled,
)


def share(
    images: ImageClient,
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
        except exception.ImageRequestRejected as error:
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
                raise exception.ImageRequestRejected("Only the member may", 403)
            retry(put, project, status)
        except _FAILED:
            left.append(f"{project} ({status})")
    notes = []
    if refused:
        notes.append(f"Not shared with: {', '.join(refused)}")
    if left:
        notes.append(f"Members have to set their status themselves: {', '.join(left)}")
    return notes
