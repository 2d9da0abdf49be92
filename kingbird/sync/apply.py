"""Creates or updates one planned record in its region.

Creating is idempotent: after a lost answer, a record without its tags or another run there is the
same one record.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.states import Reason
from kingbird.sync import compare, patch, sharing
from kingbird.sync import image as fields
from kingbird.sync.compare import Comparison
from kingbird.sync.image import MAX_FORCED_IDS, Image, Record
from kingbird.sync.item import WriteSpec
from kingbird.sync.outcome import (
    UNUSABLE,
    Outcome,
    drift_message,
    message_for,
    outcome_of,
    region_failure,
)
from kingbird.sync.retry import Retry

#: The status of a call that would exceed a quota.
OVER_QUOTA = 413
#: Reasons by the status of a POST or PATCH that Glance refuses.
REFUSALS = {
    401: Reason.CREDENTIALS_REJECTED,
    403: Reason.FORBIDDEN,
    OVER_QUOTA: Reason.QUOTA,
}
#: The status of a call that is refused before it has any effect.
TOO_MANY_REQUESTS = 429
#: Errors of calls to a region.
_FAILED = (exception.RegionUnavailable, exception.CredentialsLost, exception.ImageRequestRejected)
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


@dataclasses.dataclass
class _CreateState:
    """The knowledge about a POST between its tries.

    :ivar maybe_created: whether it may have created its record, which could not be read since.
    """

    maybe_created: bool = False


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
        """Update a copy as its source demands: one PATCH.

        :returns: the outcome: ``drift`` when a field is left that can't be changed.
        :raises kingbird.exception.LeaseLost: see ``may_write``.
        """
        return self._noted(self._update(source_region, work), source_region, work)

    def _update(self, source_region: str, work: WriteSpec) -> Outcome:
        image_id: str = work.record["id"]
        try:
            outcome = self._retry(self._patch, source_region, work)
        except _FAILED as error:
            outcome = self._failed(error, image_id, gone=404)
            present = image_id if outcome.reason in _STILL_PRESENT else None
            return dataclasses.replace(outcome, target_resource=present)
        return self._share(work, outcome) if outcome.reason == Reason.UPDATED else outcome

    def _patch(self, source_region: str, work: WriteSpec) -> Outcome:
        """PATCH an image; if Glance refuses, do so anew if the image or its quota is the cause."""
        if work.changes:
            self._may_write()
            try:
                self._images.update(work.record["id"], work.changes)
            except exception.ImageRequestRejected as error:
                if error.status not in (403, 409, OVER_QUOTA):
                    raise
                return self._patch_anew(source_region, work, error)
        return _updated(source_region, work, work.left)

    def _patch_anew(
        self, source_region: str, work: WriteSpec, refusal: exception.ImageRequestRejected
    ) -> Outcome:
        """PATCH an image as it is by now, with less provenance if that exceeds a quota."""
        image_id: str = work.record["id"]
        image = self._images.get(image_id)
        if image is None:
            raise exception.ImageRequestRejected(refusal.message, 404) from refusal
        comparison = _compare(work, image)
        if comparison.reason in UNUSABLE:
            return outcome_of(comparison, image_id, source_region)
        operations, left = patch.rebase(work.record, image, comparison.fields, work.changes)
        for step in fields.shed(image):
            changes = [*patch.remove(image.keys() - step.keys()), *operations]
            if not changes:
                break
            # If the image is as it was planned, the refusal stands.
            if changes != work.changes:
                self._may_write()
                try:
                    self._images.update(image_id, changes)
                    break
                except exception.ImageRequestRejected as error:
                    refusal = error
            if refusal.status != OVER_QUOTA:
                raise refusal
        else:
            raise refusal
        return _updated(source_region, work, left)

    def _share(self, work: WriteSpec, outcome: Outcome) -> Outcome:
        """Share a record with the source's members, and add what failed to the message."""
        if not work.members:
            return outcome
        notes = sharing.share(
            self._images,
            work.record["id"],
            work.members,
            is_admin=self._is_admin,
            may_write=self._may_write,
            retry=self._retry,
        )
        return outcome.with_note("; ".join(notes)) if notes else outcome

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
            existing = self._post_within_quota(work.record)
            if existing is not None:
                return self._reconcile(existing, source_region, work)
        except _FAILED as error:
            # 409: the id is taken, but by nothing that can be seen.
            return self._failed(error, image_id, gone=409)
        return Outcome(Reason.CREATED, target_resource=image_id)

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

    def _post_within_quota(self, record: Record) -> Image | None:
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
                existing = self._retry(self._post, step, _CreateState())
            except exception.ImageRequestRejected as error:
                if error.status != OVER_QUOTA or step is steps[-1]:
                    raise
                refused = fields.count_properties(step)
            else:
                break
        if existing is None:
            # The next records of the region need not ask.
            self._too_many = min(self._too_many, refused)
        return existing

    def _post(self, record: Record, state: _CreateState) -> Image | None:
        """POST a record; if it is unknown whether that worked, read it.

        :param state: carries the doubt from one try to the next.
        :returns: ``None`` if the record was created, or the image that has its id.
        """
        image_id: str = record["id"]
        if state.maybe_created:
            existing = self._get_existing(image_id, state)
            if existing is not None:
                return existing
        self._may_write()
        try:
            self._images.create(record)
        except exception.RegionUnavailable as error:
            if error.status == TOO_MANY_REQUESTS:
                # Nothing was created, and the region asks for a pause.
                raise
            existing = self._get_existing(image_id, state, error.retry_after)
            if existing is None:
                raise
            return existing
        except exception.ImageRequestRejected as error:
            if error.status != 409:
                raise
            existing = self._get_existing(image_id, state)
            if existing is None:
                raise
            return existing
        return None

    def _get_existing(
        self, image_id: str, state: _CreateState, retry_after: int | None = None
    ) -> Image | None:
        """Read a record that a POST may have created.

        :param retry_after: the seconds for which the region asked after the POST; they count if
            reading fails too.
        """
        state.maybe_created = True
        try:
            existing = self._images.get(image_id)
        except exception.RegionUnavailable as error:
            if retry_after is not None:
                error.retry_after = max(retry_after, error.retry_after or 0)
            raise
        state.maybe_created = False
        return existing

    def _reconcile(self, existing: Image, source_region: str, work: WriteSpec) -> Outcome:
        """Return the outcome for an existing image; complete it if an earlier try made it."""
        image_id: str = existing["id"]
        comparison = _compare(work, existing)
        if compare.is_incomplete_copy(work.record, work.owner, existing, comparison):
            self._retry(self._add_tags, work)
            return Outcome(Reason.CREATED, target_resource=image_id)
        is_new = compare.is_new_copy(work.record, work.owner, existing)
        if comparison.reason == Reason.IN_SYNC and is_new:
            return Outcome(Reason.CREATED, target_resource=image_id)
        if comparison.reason == Reason.DRIFT and work.updates:
            names = comparison.fields
            operations, left = patch.add_operations(work.record, existing, names)
            members = work.members if "visibility" in names else []
            follow = dataclasses.replace(work, changes=operations, left=left, members=members)
            return self._update(source_region, follow)
        return outcome_of(comparison, image_id, source_region)

    def _add_tags(self, work: WriteSpec) -> None:
        operations, _ = patch.add_operations(work.record, {}, ("tags",))
        self._may_write()
        try:
            self._images.update(work.record["id"], operations)
        except exception.ImageRequestRejected as error:
            # 409 after a PATCH says nothing about the id.
            raise exception.ImageRequestRejected(
                error.message, 400 if error.status == 409 else error.status
            ) from error


def _compare(work: WriteSpec, image: Image) -> Comparison:
    """Compare an image with the record to reach."""
    source = {**work.data, "id": image["id"]}
    return compare.compare(work.record, work.owner, source, image)


def _updated(source_region: str, work: WriteSpec, left: Sequence[str]) -> Outcome:
    """Return the outcome of an update.

    :param left: the fields that can't be changed.
    """
    image_id: str = work.record["id"]
    contacted = bool(work.changes)
    if not left:
        return Outcome(Reason.UPDATED, target_resource=image_id, region_contacted=contacted)
    message = drift_message(tuple(left), source=source_region)
    return Outcome(
        Reason.DRIFT,
        f"{message}, which can't be changed in an image that has data; the rest follows",
        image_id,
        region_contacted=contacted,
    )


def _with_next_forced_id(resource: str, region: str, work: WriteSpec) -> WriteSpec:
    """Return the work with the next id that a forced copy can have."""
    n = work.forced + 1
    record = {**(work.fallback or work.record), "id": fields.forced_id(resource, region, n)}
    return dataclasses.replace(work, record=record, forced=n, fallback=None)
