"""Creates or updates one planned record in its region.

Creating is idempotent: after a lost answer, a record without its tags or another run there is the
same one record.
"""

import dataclasses
from collections.abc import Callable, Mapping

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.states import Reason
from kingbird.sync import compare, patch, sharing
from kingbird.sync import image as fields
from kingbird.sync.image import MAX_FORCED_IDS, Image
from kingbird.sync.item import WriteSpec
from kingbird.sync.outcome import (
    UNUSABLE,
    Outcome,
    drift_message,
    outcome_of,
    region_failure,
)
from kingbird.sync.retry import Retry

#: Reasons by the status of a POST or PATCH that Glance refuses.
REFUSALS = {401: Reason.CREDENTIALS_REJECTED, 403: Reason.FORBIDDEN, 413: Reason.QUOTA}
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
        return dataclasses.replace(outcome, unusable=(*unusable, *outcome.unusable))

    def update(self, source_region: str, work: WriteSpec) -> Outcome:
        """Update a copy as its source demands: one PATCH.

        :returns: the outcome: ``drift`` when a field is left that can't be changed.
        :raises kingbird.exception.LeaseLost: see ``may_write``.
        """
        image_id: str = work.record["id"]
        try:
            left = self._retry(self._patch, work)
        except _FAILED as error:
            outcome = self._failed(error, image_id, gone=404)
            present = image_id if outcome.reason in _STILL_PRESENT else None
            return dataclasses.replace(outcome, target_resource=present)
        if left:
            message = drift_message(tuple(left), source=source_region)
            return Outcome(
                Reason.DRIFT,
                f"{message}, which can't be changed in an image that has data; the rest follows",
                image_id,
                region_contacted=bool(work.changes),
            )
        return self._share(
            work,
            Outcome(Reason.UPDATED, target_resource=image_id, region_contacted=bool(work.changes)),
        )

    def _patch(self, work: WriteSpec) -> list[str]:
        """PATCH an image; if it has changed since it was planned, read it and try anew.

        :returns: the fields that can't be changed.
        """
        image_id: str = work.record["id"]
        if not work.changes:
            return work.left
        self._may_write()
        try:
            self._images.update(image_id, work.changes)
        except exception.ImageRequestRejected as error:
            if error.status not in (403, 409):
                raise
            image = self._images.get(image_id)
            if image is None:
                raise exception.ImageRequestRejected(error.message, 404) from error
            operations, left = patch.rebase(work.record, image, work.changes)
            if image.get("owner") != work.owner or operations == work.changes:
                # The image has not changed, so the refusal stands.
                raise
            if operations:
                self._may_write()
                self._images.update(image_id, operations)
            return left
        return work.left

    def _share(self, work: WriteSpec, outcome: Outcome) -> Outcome:
        """Share a record with the source's members, and add what failed to the message."""
        notes = [work.note] if work.note else []
        if work.members:
            notes += sharing.share(
                self._images,
                work.record["id"],
                work.members,
                is_admin=self._is_admin,
                may_write=self._may_write,
                retry=self._retry,
            )
        return dataclasses.replace(outcome, message="; ".join(notes)) if notes else outcome

    def _create(self, source_region: str, work: WriteSpec) -> Outcome:
        image_id: str = work.record["id"]
        try:
            existing = self._retry(self._post, work, _CreateState())
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

    def _post(self, work: WriteSpec, state: _CreateState) -> Image | None:
        """POST a record; if it is unknown whether that worked, read it.

        :param state: carries the doubt from one try to the next.
        :returns: ``None`` if the record was created, or the image that has its id.
        """
        image_id: str = work.record["id"]
        if state.maybe_created:
            existing = self._get_existing(image_id, state)
            if existing is not None:
                return existing
        self._may_write()
        try:
            self._images.create(work.record)
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
        source: Mapping[str, object] = {**work.data, "id": existing["id"]}
        comparison = compare.compare(work.record, work.owner, source, existing)
        if not compare.has_provenance(work.record, work.owner, existing):
            return outcome_of(comparison, existing["id"], source_region)
        if comparison.reason == Reason.DRIFT:
            self._retry(self._complete, work, comparison.fields)
        elif comparison.reason in UNUSABLE:
            return outcome_of(comparison, existing["id"], source_region)
        return Outcome(Reason.CREATED, target_resource=existing["id"])

    def _complete(self, work: WriteSpec, names: tuple[str, ...]) -> None:
        operations = [
            {"op": "add", "path": patch.json_pointer(name), "value": work.record[name]}
            for name in names
            if name in work.record
        ]
        self._may_write()
        try:
            self._images.update(work.record["id"], operations)
        except exception.ImageRequestRejected as error:
            # 409 after a PATCH says nothing about the id.
            raise exception.ImageRequestRejected(
                error.message, 400 if error.status == 409 else error.status
            ) from error


def _with_next_forced_id(resource: str, region: str, work: WriteSpec) -> WriteSpec:
    """Return the work with the next id that a forced copy can have."""
    n = work.forced + 1
    record = {**(work.fallback or work.record), "id": fields.forced_id(resource, region, n)}
    return dataclasses.replace(work, record=record, forced=n, fallback=None)
