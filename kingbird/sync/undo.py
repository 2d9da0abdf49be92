"""Undoes what a job wrote: hides what it created, and gives back what it changed.

Nothing is deleted, as Glance gives an id only once.  What was touched since is left as it is.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.clients.long_values import is_shortened, shortened
from kingbird.states import Reason
from kingbird.sync import arrival, compare, patch
from kingbird.sync import image as fields
from kingbird.sync.compare import STATUS
from kingbird.sync.image import Image
from kingbird.sync.members import PENDING, from_answer, is_shared
from kingbird.sync.outcome import BEING_IMPORTED, Outcome, join_fields
from kingbird.sync.patch import Operation
from kingbird.sync.retry import Retry
from kingbird.sync.sharing import Sharer, Shares

#: Characters of the long values of an image that are kept, so that they can be given back.
MAX_KEPT = 1 << 16

#: The write of a job to one image, stored with its item: the owner, and either the time of a
#: record that it created (``updated_at``), the fields that it changed (``before``, ``wrote``) and
#: the members that it ``added`` and ``removed`` (``members``), or the image that it deleted
#: (``deleted``).
Written = Mapping[str, Any]


def of_create(record: Image, owner: str | None) -> dict[str, Any]:
    """Return what a job wrote with a record that it created.

    :param record: the record as Glance answered.
    """
    return {"owner": owner, "updated_at": record.get("updated_at")}


def before(image: Image, changes: Iterable[Operation], status: str | None) -> dict[str, Any]:
    """Return the fields of an image that an update changes, as they are before it."""
    names = [patch.name_of(one) for one in changes] + ([STATUS] if status else [])
    return {name: image[name] for name in names if image.get(name) is not None}


def done(changes: Iterable[Operation], image: Image) -> list[Operation]:
    """Return those operations of an update whose fields an image has as they make them."""
    names = {patch.name_of(one): one for one in changes}
    wrote = {name: one.get("value") for name, one in names.items()}
    return [one for name, one in names.items() if compare.agree(name, image, wrote)]


def of_update(
    was: Mapping[str, Any], changes: Iterable[Operation], status: str | None, owner: str | None
) -> dict[str, Any]:
    """Return what a job wrote with an update.

    :param was: the fields before it, as :func:`before` returns them.
    :param status: the status that it gave the image, if it did.
    """
    wrote = {patch.name_of(one): shortened(one.get("value")) for one in changes}
    if status:
        wrote[STATUS] = status
    return {"owner": owner, "before": _kept(was), "wrote": wrote}


def _kept(was: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with their long values, as far as these are not too much together."""
    kept: dict[str, Any] = {}
    left = MAX_KEPT
    for name, value in sorted(was.items()):
        short = shortened(value)
        if short is not value:
            left -= len(value)
        kept[name] = value if left >= 0 else short
    return kept


def _agrees(name: str, image: Image, kept: Mapping[str, Any]) -> bool:
    """Return whether an image has a field as it was kept, whole or shortened."""
    short = {name: shortened(image.get(name))}
    return compare.agree(name, image, kept) or compare.agree(name, short, kept)


def with_members(written: Written | None, owner: str | None, shares: Shares) -> dict[str, Any]:
    """Return what a job wrote with an update, with what it did to the members.

    :param written: the fields, or ``None`` if none was changed.
    """
    removed = [[project, shares.before.get(project, PENDING)] for project in shares.removed]
    found = written or of_update({}, (), None, owner)
    return {**found, "members": {"added": list(shares.added), "removed": removed}}


@dataclasses.dataclass(frozen=True)
class Undoer:
    """Undoes items in one region.  Safe for threads.

    :ivar may_write: called before each write; see :class:`kingbird.sync.apply.Applier`.
    """

    images: ImageClient
    is_admin: bool
    may_write: Callable[[], None]
    retry: Retry

    def undo(self, image_id: str, written: Written, job_id: str) -> Outcome:
        """Undo what a job wrote of an image.

        :param job_id: the job that wrote it.
        :returns: ``undone``; ``kept`` for a created record and ``touched`` for an update that
            something else has changed since.
        :raises kingbird.exception.KingbirdError: the region refuses, or does not answer.
        """
        outcome: Outcome = self.retry(self._undo, image_id, written, job_id)
        return outcome

    def _undo(self, image_id: str, written: Written, job_id: str) -> Outcome:
        is_created = "wrote" not in written
        reason = Reason.KEPT if is_created else Reason.TOUCHED
        if "deleted" in written:
            return Outcome(
                Reason.KEPT, "It was deleted as an orphan, and Glance gives no id twice"
            )
        image = self.images.get(image_id)
        if image is None:
            return Outcome(reason, "It is there no more, or belongs to another project")
        if image.get("owner") != written["owner"]:
            return Outcome(reason, "It belongs to another project by now", image_id)
        if arrival.is_being_imported(image):
            return Outcome(reason, BEING_IMPORTED, image_id)
        if is_created:
            return self._hide(image, written, job_id)
        # Only a shared image has members, and it may be shared no more with its old fields.
        shares = self._give_members_back(image, written)
        outcome = self._give_back(image, written)
        for note in (shares.changed, shares.trouble):
            outcome = outcome.with_note(note) if note else outcome
        return outcome

    def _hide(self, image: Image, written: Written, job_id: str) -> Outcome:
        """Hide a record that a job created, if nobody has touched it since."""
        image_id = image["id"]
        if image.get(fields.UNDONE) == job_id and image.get("os_hidden"):
            return Outcome(Reason.UNDONE, "Hidden", image_id)
        if fields.copy_number(image, self.images.region) is None:
            return Outcome(Reason.KEPT, "It does not say where it comes from", image_id)
        if image.get("status") != fields.QUEUED:
            return Outcome(Reason.KEPT, "It has got data since", image_id)
        moment = written.get("updated_at")
        if not moment or image.get("updated_at") != moment:
            return Outcome(Reason.KEPT, "It was changed since", image_id)
        hide = [{"op": "add", "path": "/os_hidden", "value": True}]
        mark = [{"op": "add", "path": f"/{fields.UNDONE}", "value": job_id}]
        self._change(image_id, [*hide, *mark])
        return Outcome(Reason.UNDONE, "Hidden", image_id)

    def _give_back(self, image: Image, written: Written) -> Outcome:
        """Give an image the old values of those fields that still have what a job wrote."""
        was, wrote, image_id = written["before"], written["wrote"], image["id"]
        differs = [name for name in wrote if not _agrees(name, image, was)]
        lost = [name for name in differs if is_shortened(was.get(name))]
        differs = [name for name in differs if name not in lost]
        touched = [name for name in differs if not _agrees(name, image, wrote)]
        touched += [
            name
            for name in differs
            if name in fields.FORMATS
            and name not in touched
            and image.get("status") != fields.QUEUED
        ]
        back = [name for name in differs if name not in touched]
        operations = [_operation(name, was) for name in back if name != STATUS]
        status = was.get(STATUS) if STATUS in back else None
        if status == fields.DEACTIVATED:
            self._set_status(image_id, status)
        if operations:
            self._change(image_id, operations)
        if status == fields.ACTIVE:
            self._set_status(image_id, status)
        message = f"Given back: {join_fields(sorted(back))}" if back else None
        if not (touched or lost):
            return Outcome(Reason.UNDONE, message, image_id)
        outcome = Outcome(Reason.TOUCHED, target_resource=image_id)
        if touched:
            names = join_fields(sorted(touched))
            outcome = outcome.with_note(f"Changed by others since, and left: {names}")
        if lost:
            names = join_fields(sorted(lost))
            outcome = outcome.with_note(f"Too long to be given back, and left: {names}")
        return outcome.with_note(message or "")

    def _give_members_back(self, image: Image, written: Written) -> Shares:
        """Remove members that a job added, and add those that it removed.

        Of a status that a member has given since nothing is known, so that it stays.

        :raises kingbird.exception.KingbirdError: a member could not be added or removed.
        """
        changed = written.get("members")
        if not (changed and is_shared(image)):
            return Shares()
        now = from_answer(self.images.list_members(image["id"]))
        shares = Sharer(self.images, self.is_admin, self.may_write, self.retry).share(
            image["id"],
            [pair for pair in changed["removed"] if pair[0] not in now],
            [project for project in changed["added"] if project in now],
        )
        if shares.error is not None:
            raise shares.error
        return shares

    def _change(self, image_id: str, operations: Sequence[Operation]) -> None:
        self.may_write()
        try:
            self.images.update(image_id, list(operations))
        except exception.ImageRequestRejected as error:
            raise _not_gone(error) from error

    def _set_status(self, image_id: str, status: str) -> None:
        self.may_write()
        self.images.set_active(image_id, status == fields.ACTIVE)


def _operation(name: str, was: Mapping[str, Any]) -> Operation:
    """Return the change that gives a field its old value back."""
    path = patch.json_pointer(name)
    if name in was or name in fields.COPIED:
        value = was.get(name, patch.DEFAULTS.get(name))
        return {"op": "add", "path": path, "value": value}
    return {"op": "remove", "path": path}


def _not_gone(error: exception.ImageRequestRejected) -> exception.ImageRequestRejected:
    """Return an error of a change; 409 says nothing about the image's id."""
    return exception.ImageRequestRejected(
        error.message, 400 if error.status == 409 else error.status
    )
