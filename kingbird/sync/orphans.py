"""Hides orphans, deletes those that have been hidden for long enough, and shows what came back.

An orphan is a copy whose home has deleted the image.  The home is asked once more right before
each write: the plan may be old by then.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.states import ItemState, Reason
from kingbird.sync import arrival, members, undo
from kingbird.sync import image as fields
from kingbird.sync.image import Image
from kingbird.sync.item import WriteSpec
from kingbird.sync.outcome import (
    BEING_IMPORTED,
    FAILED,
    NO_ENDPOINT,
    REFUSALS,
    Outcome,
    region_failure,
)
from kingbird.sync.patch import Operation
from kingbird.sync.retry import Retry

#: The treatment of an orphan, stored with its item: ``act``, ``home``, and to delete it
#: ``updated_at``, the time of its last change as Glance answered the hiding PATCH.
OrphanSpec = Mapping[str, Any]
HIDES, DELETES, REVIVES = "hide", "delete", "revive"

#: The maximum of characters of the JSON of a deleted image that is kept with its item whole.
MAX_KEPT = 64 * 1024
#: Reasons of writes after which nothing more is hidden or deleted in a region.
TROUBLE = frozenset(
    {Reason.REGION_UNAVAILABLE, Reason.CREDENTIALS_REJECTED, Reason.INTERNAL_ERROR}
)
_STOPPED = (
    "Another call of this run has failed, so that nothing more is hidden or deleted in the region"
)
TOUCHED = "It was changed after it was hidden as an orphan, and is left alone"


def hide(now: datetime) -> list[Operation]:
    """Return the operations that hide an orphan.

    :param now: the time of the mark, in UTC.
    """
    mark = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        {"op": "add", "path": "/os_hidden", "value": True},
        {"op": "add", "path": f"/{fields.ORPHANED_AT}", "value": mark},
    ]


def show(original: Image) -> list[Operation]:
    """Return the operations that end the hiding of a copy.

    :param original: the image at home, which may be hidden itself.
    """
    return [
        {"op": "add", "path": "/os_hidden", "value": bool(original.get("os_hidden"))},
        {"op": "remove", "path": f"/{fields.ORPHANED_AT}"},
    ]


def reason_to_keep(image: Image) -> str | None:
    """Return why a hidden orphan is not deleted, or ``None`` if nothing speaks against it.

    Its members are not looked at.
    """
    if image.get("protected"):
        return "It is protected"
    has_own_hash = fields.data_hash(image) in {image.get(fields.SOURCE_HASH)} - {None}
    if image.get("status") == fields.QUEUED or (fields.has_data(image) and has_own_hash):
        return None
    if fields.has_data(image):
        return (
            "It has other data than its original had, or nothing tells whether they are the same"
        )
    return f"It is {image.get('status')}"


def has_members(images: ImageClient, image: Image) -> bool:
    """Return whether an image is shared with a project, with one call if it may be."""
    return members.is_shared(image) and bool(images.list_members(image["id"]))


@dataclass
class OrphanKeeper:
    """Hides, deletes and shows copies in one region.  Safe for threads.

    :ivar home_of: returns the images of a region, or ``None`` for one without an endpoint.
    :ivar may_write: called before each write; see :class:`kingbird.sync.apply.Applier`.
    :ivar now: returns the present time in UTC.
    :ivar has_trouble: whether a call of the run has failed; nothing is hidden or deleted then.
    """

    images: ImageClient
    home_of: Callable[[str], ImageClient | None]
    may_write: Callable[[], None]
    retry: Retry
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    has_trouble: bool = False

    def note(self, outcome: Outcome) -> None:
        """Note the outcome of another write in the region."""
        if outcome.reason in TROUBLE:
            self.has_trouble = True

    def act(self, work: WriteSpec) -> Outcome:
        """Hide, delete or show a copy.

        :returns: ``hidden``, ``deleted`` or ``revived``; ``touched`` and ``kept`` for an image
            that is left alone.  ``orphan`` of the outcome has what the database is to keep of a
            hidden one: ``id``, and ``updated_at`` of one that was hidden.
        :raises kingbird.exception.LeaseLost: see ``may_write``.
        """
        spec, image_id = work.orphan or {}, work.record["id"]
        if self.has_trouble and spec["act"] != REVIVES:
            return Outcome(Reason.ORPHAN_GUARD, _STOPPED, image_id, region_contacted=False)
        outcome: Outcome
        try:
            outcome = self.retry(self._act, image_id, work.owner, spec)
        except FAILED as error:
            outcome = self._failed(error, image_id)
        if outcome.status == ItemState.FAILURE:
            self.has_trouble = True
        return outcome

    def _failed(self, error: exception.KingbirdError, image_id: str) -> Outcome:
        if isinstance(error, exception.RegionUnavailable):
            contacted = error.region in (None, self.images.region)
            failure = region_failure(error)
            return Outcome(failure.reason, failure.message, image_id, region_contacted=contacted)
        if not isinstance(error, exception.ImageRequestRejected):
            # Keystone refused, and the region was not called.
            return Outcome(Reason.FORBIDDEN, error.message, image_id, region_contacted=False)
        reasons = {**REFUSALS, 404: Reason.KEPT, 409: Reason.KEPT}
        return Outcome(reasons.get(error.status, Reason.INVALID), error.message, image_id)

    def _act(self, image_id: str, owner: str | None, spec: OrphanSpec) -> Outcome:
        home: str = spec["home"]
        at_home = self.home_of(home)
        if at_home is None:
            return Outcome(Reason.HOME_UNKNOWN, NO_ENDPOINT.format(home), image_id)
        image = self.images.get(image_id)
        if image is None:
            if spec["act"] == DELETES:
                return Outcome(Reason.DELETED, "It is there no more", orphan={"id": image_id})
            return Outcome(Reason.KEPT, "It is there no more, or belongs to another project")
        region = self.images.region
        is_copy = fields.home_of(image, region) == home and not fields.copy_number(image, region)
        if image.get("owner") != owner or not is_copy:
            message = f"It does not say any more that it is this project's copy from {home}"
            return Outcome(Reason.KEPT, message, image_id)
        if arrival.is_being_imported(image):
            return Outcome(Reason.KEPT, BEING_IMPORTED, image_id)
        if spec["act"] == REVIVES:
            return self._show(image, owner, at_home)
        if spec["act"] == DELETES and (kept := self._kept(image, spec)):
            return kept
        # A deletion costs the id, and nothing may have changed since the plan.
        if at_home.get(image_id) is not None:
            return Outcome(Reason.KEPT, f"{home} has the image again", image_id)
        if spec["act"] == DELETES:
            return self._delete(image, owner)
        return self._hide(image, owner)

    def _kept(self, image: Image, spec: OrphanSpec) -> Outcome | None:
        """Return the outcome of an orphan that may not be deleted."""
        image_id = image["id"]
        is_hidden = image.get("os_hidden") and fields.ORPHANED_AT in image
        if not is_hidden or image.get("updated_at") != spec["updated_at"]:
            return Outcome(Reason.TOUCHED, TOUCHED, image_id)
        why = reason_to_keep(image)
        if why is None and has_members(self.images, image):
            why = "It is shared with other projects"
        return Outcome(Reason.KEPT, f"{why}, and is left alone", image_id) if why else None

    def _hide(self, image: Image, owner: str | None) -> Outcome:
        changes, image_id = hide(self.now()), image["id"]
        answer = self._change(image_id, changes)
        written = undo.of_update(undo.before(image, changes, None), changes, None, owner)
        orphan = {"id": image_id, "updated_at": answer.get("updated_at")}
        return Outcome(Reason.HIDDEN, None, image_id, undo=written, orphan=orphan)

    def _delete(self, image: Image, owner: str | None) -> Outcome:
        self.may_write()
        self.images.delete(image["id"])
        orphan = {"id": image["id"]}
        written = {"owner": owner, "deleted": _kept_of(image)}
        return Outcome(Reason.DELETED, undo=written, orphan=orphan)

    def _show(self, image: Image, owner: str | None, at_home: ImageClient) -> Outcome:
        image_id = image["id"]
        original = at_home.get(image_id)
        if original is None or original.get("owner") != owner:
            return Outcome(Reason.KEPT, f"{at_home.region} has the image no more", image_id)
        orphan = {"id": image_id}
        if fields.ORPHANED_AT not in image:
            return Outcome(Reason.REVIVED, None, image_id, orphan=orphan)
        changes = show(original)
        self._change(image_id, changes)
        written = undo.of_update(undo.before(image, changes, None), changes, None, owner)
        return Outcome(Reason.REVIVED, None, image_id, undo=written, orphan=orphan)

    def _change(self, image_id: str, changes: Sequence[Operation]) -> Image:
        self.may_write()
        return self.images.update(image_id, list(changes))


def _kept_of(image: Image) -> dict[str, Any]:
    """Return what is kept of a deleted image: all of it, unless that is very much."""
    if len(json.dumps(image)) <= MAX_KEPT:
        return dict(image)
    names = {*fields.COPIED, *fields.PROVENANCE, *fields.SET_BY_GLANCE} - {"locations"}
    return {name: image[name] for name in sorted(names) if name in image}
