"""Shares an image with the members of its source.

Glance lets only the member and an admin set a member's status.  A status that can't be set is
named in the item's message.
"""

from collections.abc import Callable, Sequence

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.sync.retry import Retry
from kingbird.text import join_some

#: The status of a new member.
PENDING = "pending"


#: Errors that the outcome of a created image mentions, the end of its job included.
_FAILED = (
    exception.RegionUnavailable,
    exception.ImageRequestRejected,
    exception.CredentialsLost,
    exception.Cancelled,
)


def share(
    images: ImageClient,
    image_id: str,
    members: Sequence[Sequence[str]],
    *,
    is_admin: bool,
    may_write: Callable[[], None],
    retry: Retry,
) -> list[str]:
    """Share an image: one POST for each member, and its status if the caller may set it.

    :param members: pairs of project and status.
    :returns: sentences about what failed.
    """

    def post(project: str) -> None:
        may_write()
        try:
            images.add_member(image_id, project)
        except exception.ImageRequestRejected as error:
            # 409: an earlier attempt has added it.
            if error.status != 409:
                raise

    def put(project: str, status: str) -> None:
        may_write()
        images.set_member_status(image_id, project, status)

    refused: list[str] = []
    left: list[str] = []
    for n, (project, status) in enumerate(members, start=1):
        try:
            retry(post, project)
        except _FAILED as error:
            refused.append(f"{project} ({error.message})")
            if isinstance(error, exception.RegionUnavailable):
                # Each of the others would be retried for as long.
                refused += [f"{len(members) - n} others"] if n < len(members) else []
                break
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
        notes.append(f"Not shared with: {join_some(refused)}")
    if left:
        notes.append(f"Members have to set their status themselves: {join_some(left)}")
    return notes
