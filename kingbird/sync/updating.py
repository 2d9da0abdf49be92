"""Updates an image: gives it its status, and PATCHes it.

After a lost answer the image says whether the update has arrived.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.states import Reason
from kingbird.sync import arrival, compare, patch, undo
from kingbird.sync import image as fields
from kingbird.sync.compare import Comparison
from kingbird.sync.image import Image
from kingbird.sync.item import WriteSpec
from kingbird.sync.outcome import (
    FAILED,
    OVER_QUOTA,
    UNUSABLE,
    Outcome,
    being_imported,
    left_message,
    outcome_of,
)
from kingbird.sync.retry import TOO_MANY_REQUESTS, Retry, WriteState


@dataclasses.dataclass(frozen=True)
class Updater:
    """Updates images in one region.  Safe for threads.

    :ivar may_write: called before each write; see :class:`kingbird.sync.apply.Applier`.
    """

    images: ImageClient
    may_write: Callable[[], None]
    retry: Retry

    def update(self, source_region: str, work: WriteSpec) -> Outcome:
        """Update a copy as its source demands: one PATCH, and one POST for its status.

        :returns: the outcome: ``drift`` when a field is left that can't be changed.
        :raises kingbird.exception.KingbirdError: the region refuses, or does not answer.
        """
        state = WriteState()
        try:
            return self.retry(self._patch, source_region, work, state)
        except FAILED:
            if not (state.maybe_written and self._has_arrived(work)):
                raise
        outcome = _updated(source_region, work, work.left, work.before, work.changes)
        return dataclasses.replace(outcome, copy_status=work.status)

    def _patch(self, source_region: str, work: WriteSpec, state: WriteState) -> Outcome:
        """Give an image its status, and PATCH it.

        If Glance refuses, PATCH it anew if the image or its quota is the cause.  A quarantine
        begins before anything else is changed, and ends after it.

        :param state: carries the doubt about a PATCH from one try to the next.
        """
        if work.status == fields.DEACTIVATED:
            self._set_status(work)
        outcome = self._patch_fields(source_region, work, state)
        if work.status == fields.ACTIVE and outcome.reason not in UNUSABLE:
            self._set_status(work)
        return dataclasses.replace(outcome, copy_status=work.status) if work.status else outcome

    def _set_status(self, work: WriteSpec) -> None:
        self.may_write()
        self.images.set_active(work.record["id"], work.status == fields.ACTIVE)

    def _patch_fields(self, source_region: str, work: WriteSpec, state: WriteState) -> Outcome:
        if work.changes:
            self.may_write()
            try:
                image = self.images.update(work.record["id"], work.changes)
            except exception.RegionUnavailable as error:
                state.maybe_written |= error.status != TOO_MANY_REQUESTS
                raise
            except exception.ImageRequestRejected as error:
                if error.status not in (403, 409, OVER_QUOTA):
                    raise
                return self._patch_anew(source_region, work, error, state)
            if arrival.is_being_imported(image):
                # An import has begun since the plan, and Glance may have lost the change.
                return _is_being_imported(source_region, work)
        return _updated(source_region, work, work.left, work.before, work.changes)

    def _patch_anew(
        self,
        source_region: str,
        work: WriteSpec,
        refusal: exception.ImageRequestRejected,
        state: WriteState,
    ) -> Outcome:
        """PATCH an image as it is by now, with less provenance if that exceeds a quota."""
        image_id: str = work.record["id"]
        image = self.images.get(image_id)
        if image is None:
            raise exception.ImageRequestRejected(refusal.message, 404) from refusal
        comparison = compare_with_work(work, image)
        if comparison.reason in UNUSABLE:
            outcome = outcome_of(comparison, image_id, source_region)
            return found(outcome, work, image, comparison)
        if arrival.is_being_imported(image):
            return _is_being_imported(source_region, work)
        operations, left = patch.rebase(work.record, image, comparison.fields, work.changes)
        for step in fields.shed(image):
            changes = [*patch.remove(image.keys() - step.keys()), *operations]
            if not changes:
                break
            # If the image is as it was planned, the refusal stands.
            if changes != work.changes:
                self.may_write()
                try:
                    self.images.update(image_id, changes)
                    break
                except exception.ImageRequestRejected as error:
                    refusal = error
            if refusal.status != OVER_QUOTA:
                raise refusal
        else:
            raise refusal
        # An earlier try, whose answer was lost, may have done a part, and the status was set.
        done = undo.done(work.changes, image) if state.maybe_written else []
        names = [compare.STATUS, *map(patch.name_of, done)]
        was = {**image, **{name: work.before.get(name) for name in names}}
        before = undo.before(was, [*done, *changes], work.status)
        return _updated(source_region, work, left, before, [*done, *changes])

    def _has_arrived(self, work: WriteSpec) -> bool:
        """Return whether an update whose answer was lost has done its work.

        Without a look at the end, what it wrote could not be undone.
        """
        try:
            image = self.images.get(work.record["id"])
        except FAILED:
            return False
        if image is None or arrival.is_being_imported(image):
            return False
        has_status = work.status in (None, image.get("status"))
        return has_status and undo.done(work.changes, image) == work.changes


def compare_with_work(work: WriteSpec, image: Image) -> Comparison:
    """Compare an image with the record to reach."""
    source = {**work.data, "id": image["id"]}
    return compare.compare(work.record, work.owner, source, image)


def found(outcome: Outcome, work: WriteSpec, image: Image, comparison: Comparison) -> Outcome:
    """Return an outcome with what is seen of the image that a write came upon."""
    return dataclasses.replace(
        outcome,
        copy_status=image.get("status"),
        differences=compare.differences(
            {**work.record, compare.STATUS: work.data.get("status")}, image, comparison.fields
        ),
    )


def _updated(
    source_region: str,
    work: WriteSpec,
    left: Sequence[str],
    before: Mapping[str, Any],
    changes: Sequence[patch.Operation],
) -> Outcome:
    """Return the outcome of an update.

    :param left: the fields that can't be changed.
    :param before: the changed fields as they were.
    :param changes: the operations of the PATCH.
    """
    contacted = bool(work.changes or work.status)
    written = undo.of_update(before, changes, work.status, work.owner) if contacted else None
    image_id: str = work.record["id"]
    if not left:
        return Outcome(
            Reason.UPDATED, target_resource=image_id, region_contacted=contacted, undo=written
        )
    message = left_message(left, source=source_region)
    return Outcome(
        Reason.DRIFT,
        f"{message}; the rest follows",
        image_id,
        region_contacted=contacted,
        undo=written,
    )


def _is_being_imported(source_region: str, work: WriteSpec) -> Outcome:
    """Return the outcome of an update of an image that Glance imports by now."""
    names = (*map(patch.name_of, work.changes), *work.left)
    return being_imported(names, work.record["id"], source=source_region)
