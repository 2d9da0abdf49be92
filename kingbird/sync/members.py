"""Compares the members of a copy with those of its source.  Pure: no I/O, no state.

A member's status is the member's own answer, so it is not compared.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kingbird import exception
from kingbird.states import MemberMode
from kingbird.sync import image as fields
from kingbird.sync.image import Image
from kingbird.sync.item import WriteSpec

#: The visibility of images that have members, which is Glance's default.
SHARED = "shared"
#: The status of a new member.
PENDING = "pending"
#: The name under which members are told among the fields that differ.
FIELD = "members"
#: Members of an image that are copied.  Glance's own quota is 128 by default.
MAX_MEMBERS = 1000

#: The status of each member of an image, by project.
Members = Mapping[str, str]
#: Those of some images, by region and image, or the error of the call that lists them.
MemberLists = Mapping[tuple[str, str], Members | exception.KingbirdError]


@dataclass(frozen=True)
class MemberChanges:
    """The members in which a copy differs from its source.

    :ivar added: pairs of project and status that only the source has.
    :ivar removed: projects that only the copy has, sorted.
    :ivar left_out: the number of members that are too many to be copied.
    :ivar error: the error for which they are not known, and the region that it came from.
    """

    added: list[list[str]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    left_out: int = 0
    error: tuple[str, exception.KingbirdError] | None = None

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    @property
    def note(self) -> str | None:
        """A sentence about the members that are not copied or not known."""
        return unlisted_note(*self.error) if self.error else left_out_note(self.left_out)

    def values(self) -> dict[str, dict[str, list[str] | None]]:
        """Return the members that only one side has, as the fields of source and copy."""
        only = {"source": [project for project, _ in self.added], "target": self.removed}
        return {side: {FIELD: projects or None} for side, projects in only.items()}


def left_out_note(number: int) -> str | None:
    """Return a sentence about members that are too many to be copied, if there are any."""
    return f"{number} of its members are not copied" if number > 0 else None


def unlisted_note(region: str, error: exception.KingbirdError) -> str:
    """Return a sentence about members that could not be listed."""
    return f"Its members could not be listed in {region}: {error.message}"


def is_shared(image: Image) -> bool:
    """Return whether an image has members, as Glance shows it, or a record will have them."""
    return bool(image.get("visibility", SHARED) == SHARED)


def as_pairs(members: Members) -> list[list[str]]:
    """Return pairs of project and status, sorted."""
    return [list(pair) for pair in sorted(members.items())]


def changes(mode: MemberMode, source: Members, copy: Members, *, is_ours: bool) -> MemberChanges:
    """Compare the members of a copy with those of its source.

    :param is_ours: whether the copy has provenance; no member of another image is removed.
    """
    if mode is MemberMode.CREATE:
        return MemberChanges()
    added = [[project, status] for project, status in as_pairs(source) if project not in copy]
    extra = sorted(copy.keys() - source.keys())
    removes = mode is MemberMode.EXACT and is_ours
    return MemberChanges(
        added[:MAX_MEMBERS],
        extra[:MAX_MEMBERS] if removes else [],
        max(0, len(added) - MAX_MEMBERS),
    )


def compare(
    mode: MemberMode,
    lists: MemberLists,
    source: tuple[str, str],
    copy: tuple[str, str],
    *,
    is_ours: bool,
) -> MemberChanges:
    """Compare the members of a copy with those of its source, as far as both are known.

    :param source: region and id; likewise ``copy``.
    """
    found: list[Members] = []
    for pair in (source, copy):
        listed = lists.get(pair)
        if listed is None:
            # They were not asked for.
            return MemberChanges()
        if isinstance(listed, exception.KingbirdError):
            return MemberChanges(error=(pair[0], listed))
        found.append(listed)
    return changes(mode, *found, is_ours=is_ours)


def with_members(
    work: WriteSpec, region: str, found: Members | exception.KingbirdError
) -> WriteSpec:
    """Return the work that makes a record shared, with the members of its source.

    :param region: the source's region.
    :param found: the source's members, or the error of the call that lists them.
    """
    if isinstance(found, exception.KingbirdError):
        return work.with_note(unlisted_note(region, found))
    work = dataclasses.replace(work, members=as_pairs(found)[:MAX_MEMBERS])
    return work.with_note(left_out_note(len(found) - MAX_MEMBERS))


def from_answer(listed: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the status of each member, by project, of those that Glance lists."""
    return {
        str(one["member_id"]): str(one.get("status") or PENDING)
        for one in listed
        if one.get("member_id")
    }


def may_be_compared(source: Image, copy: Image) -> bool:
    """Return whether an image and its copy both have members."""
    return is_shared(source) and is_shared(copy) and copy.get("owner") == source.get("owner")


def is_ours(copy: Image, region: str) -> bool:
    """Return whether a copy, which has the source's owner, has provenance.

    :param region: the region of the copy.
    """
    return fields.home_of(copy, region) is not None
