"""Creates or updates one planned record in its region.

Creating is idempotent: after a lost answer, a record without its tags or another run there is the
same one record.
"""

import dataclasses
import math
from collections.abc import Callable

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.states import Reason
from kingbird.sync import arrival, compare, patch, sharing, undo, updating
from kingbird.sync import image as fields
from kingbird.sync.image import MAX_FORCED_IDS, Image, Record
from kingbird.sync.item import WriteSpec
from kingbird.sync.outcome import (
    BEING_IMPORTED,
    FAILED,
    OVER_QUOTA,
    REFUSALS,
    UNUSABLE,
    Outcome,
    message_for,
    outcome_of,
    region_failure,
)
from kingbird.sync.retry import TOO_MANY_REQUESTS, Retry, WriteState
from kingbird.sync.updating import compare_with_work, found

#: Reasons of failed updates that leave the image as it is.
_STILL_PRESENT = frozenset(
    {
        Reason.CREDENTIALS_REJECTED,
        Reason.FORBIDDEN,
        Reason.QUOTA,
        Reason.INVALID,
        Reason.REGION_UNAVAILABLE,
    }
)


class Applier:
    """Creates and updates records in one region.  Safe for threads.

    :param is_admin: whether Glance takes the caller for an admin, who sees every image.
    :param may_write: called before each write; raises
        :class:`kingbird.exception.LeaseLost` when another engine may have the task, and
        :class:`kingbird.exception.Cancelled` when its job is to end.
    """

    def __init__(
        self,
        images: ImageClient,
        *,
        is_admin: bool,
        may_write: Callable[[], None],
        retry: Retry,
    ) -> None:
        self._images = images
        self._is_admin = is_admin
        self._unusable_reason = Reason.DELETED_IN_TARGET if is_admin else Reason.ID_TAKEN
        self._may_write = may_write
        self._retry = retry
        #: The smallest number of properties that the region's quota has refused.
        self._too_many: float = math.inf

    def create(self, resource: str, source_region: str, work: WriteSpec) -> Outcome:
        """Create a record.

        :param resource: the id of the source image.
        :returns: the outcome; its message is a sentence only where Glance gave one.
        :raises kingbird.exception.LeaseLost: see ``may_write``.
        """
        unusable: list[tuple[str, str]] = []
        outcome = self._create(source_region, work)
        while outcome.reason in UNUSABLE and (work.forced or work.fallback):
            unusable += outcome.unusable
            if work.forced >= MAX_FORCED_IDS:
                break
            work = _with_next_forced_id(resource, self._images.region, work)
            outcome = self._create(source_region, work)
        if outcome.reason == "created":
            outcome = self._share(work, outcome)
        outcome = self._noted(outcome, source_region, work)
        return dataclasses.replace(outcome, unusable=(*unusable, *outcome.unusable))

    def update(self, source_region: str, work: WriteSpec) -> Outcome:
        """Update a copy as its source demands: one PATCH, and one POST for its status.

        :returns: the outcome: ``drift`` when a field is left that can't be changed.
        :raises kingbird.exception.LeaseLost: see ``may_write``.
        """
        return self._noted(self._update(source_region, work), source_region, work)

    def undo(self, work: WriteSpec) -> Outcome:
        """Undo what another job wrote of an image.

        :raises kingbird.exception.LeaseLost: see ``may_write``.
        """
        written, image_id = work.undo or {}, work.record["id"]
        undoer = undo.Undoer(self._images, self._is_admin, self._may_write, self._retry)
        try:
            return undoer.undo(image_id, written, written["job"])
        except FAILED as error:
            outcome = self._failed(error, image_id, gone=404)
            return dataclasses.replace(outcome, target_resource=image_id, unusable=())

    def _update(self, source_region: str, work: WriteSpec) -> Outcome:
        image_id: str = work.record["id"]
        updater = updating.Updater(self._images, self._may_write, self._retry)
        try:
            outcome = updater.update(source_region, work)
        except FAILED as error:
            outcome = self._failed(error, image_id, gone=404)
            present = image_id if outcome.reason in _STILL_PRESENT else None
            return dataclasses.replace(outcome, target_resource=present)
        # Of an image that was being imported it is not known whether it is shared by now.
        is_done = outcome.reason == Reason.UPDATED or (
            outcome.reason == Reason.DRIFT and work.left and work.changes_members
        )
        return self._share(work, outcome) if is_done else outcome

    def _share(self, work: WriteSpec, outcome: Outcome) -> Outcome:
        """Share a record with the source's members, and add what failed to the message.

        Members that were compared are what the item is about, so it fails with them.
        """
        if not (work.members or work.removed_members):
            return outcome
        sharer = sharing.Sharer(self._images, self._is_admin, self._may_write, self._retry)
        shares = sharer.share(work.record["id"], work.members, work.removed_members)
        if outcome.reason != Reason.CREATED and work.changes_members:
            contacted = outcome.region_contacted or not isinstance(
                shares.error, exception.CredentialsLost
            )
            outcome = dataclasses.replace(outcome, region_contacted=contacted)
            if shares.error is not None:
                outcome = self._unshared(outcome, shares, shares.error, work)
            if shares.changed:
                outcome = outcome.with_note(shares.changed)
        if outcome.reason != Reason.CREATED and (shares.added or shares.removed):
            written = undo.with_members(outcome.undo, work.owner, shares)
            outcome = dataclasses.replace(outcome, undo=written)
        return outcome.with_note(shares.trouble) if shares.trouble else outcome

    def _unshared(
        self,
        outcome: Outcome,
        shares: sharing.Shares,
        error: exception.KingbirdError,
        work: WriteSpec,
    ) -> Outcome:
        """Return the outcome of an update whose members could not all be changed.

        :raises kingbird.exception.Cancelled: the job ended before anything was written.
        """
        if isinstance(error, exception.Cancelled):
            if not (work.changes or work.status or shares.changed):
                raise error
            return outcome
        failed = self._failed(error, work.record["id"], gone=404)
        return dataclasses.replace(
            outcome,
            reason=failed.reason,
            target_resource=work.record["id"] if failed.reason in _STILL_PRESENT else None,
            unusable=failed.unusable,
        )

    def _noted(self, outcome: Outcome, source_region: str, work: WriteSpec) -> Outcome:
        """Add the note of an item to its outcome, after the sentence about the reason."""
        if not work.note:
            return outcome
        target = self._images.region
        message = outcome.message or message_for(
            outcome.reason, source=source_region, target=target
        )
        return dataclasses.replace(outcome, message=message).with_note(work.note)

    def _create(self, source_region: str, work: WriteSpec) -> Outcome:
        image_id: str = work.record["id"]
        try:
            image, is_new = self._post_within_quota(work.record)
            if not is_new:
                return self._reconcile(image, source_region, work)
        except FAILED as error:
            # 409: the id is taken, but by nothing that can be seen.
            return self._failed(error, image_id, gone=409)
        return _created(image, work)

    def _failed(self, error: exception.KingbirdError, image_id: str, *, gone: int) -> Outcome:
        """Return the outcome for an error.

        :param gone: the status that means that the caller can see no image with the id.
        """
        if isinstance(error, exception.RegionUnavailable):
            return region_failure(error)
        if not isinstance(error, exception.ImageRequestRejected):
            # Keystone refused, and the region was not called.
            return Outcome(Reason.FORBIDDEN, error.message, region_contacted=False)
        if error.status == gone:
            return Outcome(self._unusable_reason, unusable=((image_id, self._unusable_reason),))
        return Outcome(REFUSALS.get(error.status, Reason.INVALID), error.message)

    def _post_within_quota(self, record: Record) -> tuple[Image, bool]:
        """POST a record, with less provenance if that exceeds the region's quota of properties.

        :returns: see :meth:`_post`.
        """
        steps = fields.shed(record)
        steps = [one for one in steps if fields.count_properties(one) < self._too_many] or [
            steps[-1]
        ]
        refused = math.inf
        for step in steps:
            try:
                image, is_new = self._retry(self._post, step, WriteState())
            except exception.ImageRequestRejected as error:
                if error.status != OVER_QUOTA or step is steps[-1]:
                    raise
                refused = fields.count_properties(step)
            else:
                break
        if is_new:
            # The next records of the region need not ask.
            self._too_many = min(self._too_many, refused)
        return image, is_new

    def _post(self, record: Record, state: WriteState) -> tuple[Image, bool]:
        """POST a record; if it is unknown whether that worked, read it.

        :param state: carries the doubt from one try to the next.
        :returns: the record, and True if this POST created it; or else the image that has its id.
        """
        image_id: str = record["id"]
        if state.maybe_written:
            existing = self._get_existing(image_id, state)
            if existing is not None:
                return existing, False
        self._may_write()
        try:
            return self._images.create(record), True
        except exception.RegionUnavailable as error:
            if error.status == TOO_MANY_REQUESTS:
                # Nothing was created, and the region asks for a pause.
                raise
            existing = self._get_existing(image_id, state, error.retry_after)
            if existing is None:
                raise
            return existing, False
        except exception.ImageRequestRejected as error:
            if error.status != 409:
                raise
            existing = self._get_existing(image_id, state)
            if existing is None:
                raise
            return existing, False

    def _get_existing(
        self, image_id: str, state: WriteState, retry_after: int | None = None
    ) -> Image | None:
        """Read a record that a POST may have created.

        :param retry_after: the seconds for which the region asked after the POST; they count if
            reading fails too.
        """
        state.maybe_written = True
        try:
            existing = self._images.get(image_id)
        except exception.RegionUnavailable as error:
            if retry_after is not None:
                error.retry_after = max(retry_after, error.retry_after or 0)
            raise
        state.maybe_written = False
        return existing

    def _reconcile(self, existing: Image, source_region: str, work: WriteSpec) -> Outcome:
        """Return the outcome for an existing image; complete it if an earlier try made it."""
        image_id: str = existing["id"]
        comparison = compare_with_work(work, existing)
        if compare.is_incomplete_copy(
            work.record, work.owner, existing, comparison
        ) and not arrival.is_being_imported(existing):
            return _created(self._retry(self._add_tags, work), work)
        is_new = compare.is_new_copy(work.record, work.owner, existing)
        if comparison.reason in compare.AGREEING and is_new:
            return _created(existing, work)
        if comparison.reason == Reason.DRIFT and arrival.is_being_imported(existing):
            outcome = outcome_of(comparison, image_id, source_region)
            return outcome.with_note(BEING_IMPORTED)
        if comparison.reason == Reason.DRIFT and work.updates:
            names = comparison.fields
            operations, left = patch.add_operations(work.record, existing, names)
            becomes_shared = work.reads_members and "visibility" in names
            status = work.data.get("status") if compare.STATUS in names else None
            follow = dataclasses.replace(
                work,
                changes=operations,
                left=left,
                members=work.members if becomes_shared else [],
                status=status,
                before=undo.before(existing, operations, status),
            )
            outcome = self._update(source_region, follow)
            status = outcome.copy_status or existing.get("status")
            return dataclasses.replace(outcome, copy_status=status)
        return found(outcome_of(comparison, image_id, source_region), work, existing, comparison)

    def _add_tags(self, work: WriteSpec) -> Image:
        operations, _ = patch.add_operations(work.record, {}, ("tags",))
        self._may_write()
        try:
            return self._images.update(work.record["id"], operations)
        except exception.ImageRequestRejected as error:
            # 409 after a PATCH says nothing about the id.
            raise exception.ImageRequestRejected(
                error.message, 400 if error.status == 409 else error.status
            ) from error


def _created(image: Image, work: WriteSpec) -> Outcome:
    """Return the outcome of a record that was created.

    :param image: the record as Glance answered.
    """
    written = undo.of_create(image, work.owner)
    return Outcome(Reason.CREATED, target_resource=work.record["id"], undo=written)


def _with_next_forced_id(resource: str, region: str, work: WriteSpec) -> WriteSpec:
    """Return the work with the next id that a forced copy can have."""
    n = work.forced + 1
    record = {**(work.fallback or work.record), "id": fields.forced_id(resource, region, n)}
    return dataclasses.replace(work, record=record, forced=n, fallback=None)
