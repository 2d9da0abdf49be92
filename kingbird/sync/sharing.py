"""Gives a copy the members of its source, and takes members from it.

Glance lets only the member and an admin set a member's status.  A status that can't be set is
named in the item's message.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.sync.members import PENDING, Members, from_answer
from kingbird.sync.outcome import FAILED
from kingbird.sync.retry import Retry
from kingbird.text import join_some

#: Errors that the outcome of a written image mentions, the end of its job included.
_FAILED = (*FAILED, exception.Cancelled)


@dataclass
class Shares:
    """The changes of the members of an image.

    :ivar added: projects that the image was shared with; likewise ``removed``.
    :ivar before: the members before some were removed, as far as they are known.
    :ivar refused: sentences about those that it could not be shared with.
    :ivar kept: sentences about those that could not be removed.
    :ivar left: the members that have to set their status themselves.
    :ivar error: the first error of a member that could not be added or removed.
    """

    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    before: Members = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    error: exception.KingbirdError | None = None

    @property
    def changed(self) -> str | None:
        """A sentence about the members that were added and removed."""
        named = (("Members added", self.added), ("Members removed", self.removed))
        return "; ".join(f"{word}: {join_some(some)}" for word, some in named if some) or None

    @property
    def trouble(self) -> str | None:
        """A sentence about what failed, and about what is left to the members."""
        named = (
            ("Not shared with", self.refused),
            ("Still shared with", self.kept),
            ("Members have to set their status themselves", self.left),
        )
        return "; ".join(f"{word}: {join_some(some)}" for word, some in named if some) or None


@dataclass(frozen=True)
class Sharer:
    """Changes the members of images in one region.  Safe for threads.

    :ivar may_write: called before each write; see :class:`kingbird.sync.apply.Applier`.
    """

    images: ImageClient
    is_admin: bool
    may_write: Callable[[], None]
    retry: Retry

    def share(
        self, image_id: str, members: Sequence[Sequence[str]], removed: Sequence[str] = ()
    ) -> Shares:
        """Share an image: one POST or DELETE for each member, and its status if it may be set.

        :param members: pairs of project and status.
        :param removed: projects to share it with no more, which go first, as a quota counts them.
        """
        shares = Shares()
        if removed:
            shares.before = self._list(image_id)
        if self._remove_all(image_id, removed, shares):
            self._add_all(image_id, members, shares)
        elif members:
            shares.refused.append(f"{len(members)} others")
        return shares

    def _list(self, image_id: str) -> Members:
        """Return the members of an image, or none if the region does not tell.

        Only an undo asks for the status that a removed member had.
        """
        try:
            return from_answer(self.images.list_members(image_id))
        except _FAILED:
            return {}

    def _remove_all(self, image_id: str, projects: Sequence[str], shares: Shares) -> bool:
        """Remove members.

        :returns: whether to go on with the image.
        """
        for n, project in enumerate(projects, start=1):
            try:
                self.retry(self._remove, image_id, project)
            except _FAILED as error:
                shares.error = shares.error or error
                shares.kept.append(f"{project} ({error.message})")
                if isinstance(error, exception.RegionUnavailable):
                    # Each of the others would be retried for as long.
                    shares.kept += _others(len(projects) - n)
                    return False
                continue
            shares.removed.append(project)
        return True

    def _add_all(self, image_id: str, members: Sequence[Sequence[str]], shares: Shares) -> None:
        for n, (project, status) in enumerate(members, start=1):
            try:
                self.retry(self._add, image_id, project)
            except _FAILED as error:
                shares.error = shares.error or error
                shares.refused.append(f"{project} ({error.message})")
                if isinstance(error, exception.RegionUnavailable):
                    shares.refused += _others(len(members) - n)
                    break
                continue
            shares.added.append(project)
            if status == PENDING:
                continue
            try:
                if not self.is_admin:
                    raise exception.ImageRequestRejected("Only the member may", 403)
                self.retry(self._answer, image_id, project, status)
            except _FAILED:
                shares.left.append(f"{project} ({status})")

    def _add(self, image_id: str, project: str) -> None:
        self.may_write()
        try:
            self.images.add_member(image_id, project)
        except exception.ImageRequestRejected as error:
            # 409: an earlier attempt has added it.
            if error.status != 409:
                raise

    def _answer(self, image_id: str, project: str, status: str) -> None:
        self.may_write()
        self.images.set_member_status(image_id, project, status)

    def _remove(self, image_id: str, project: str) -> None:
        self.may_write()
        try:
            self.images.remove_member(image_id, project)
        except exception.ImageRequestRejected as error:
            # 404: an earlier attempt has removed it.
            if error.status != 404:
                raise


def _others(number: int) -> list[str]:
    return [f"{number} others"] if number else []
