"""The outcome of an item: its status, a stable reason, and a sentence for a person."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kingbird import exception
from kingbird.clients.refusals import WRONG_ADDRESS
from kingbird.states import STATE_OF, ItemState, Reason
from kingbird.sync import compare
from kingbird.sync.image import FORMATS
from kingbird.text import MAX_QUOTED, join_some, quote

#: Fields that a message names.
MAX_FIELDS = 40

SEVERAL_SETS = "Several sets of the request ask for this image and region; the first one counts"
BEING_IMPORTED = "its data are being imported, and Glance would lose a change meanwhile"
NO_ENDPOINT = "Region {} has no image endpoint in the service catalog any more"

#: Reasons why nothing is known about an image in a region; a dry run fails with them too.
LOOKUP_FAILURES = frozenset(
    {
        Reason.REGION_UNAVAILABLE,
        Reason.LISTING_INCOMPLETE,
        Reason.SOURCE_GONE,
        Reason.FORBIDDEN,
        Reason.CREDENTIALS_REJECTED,
        Reason.ENDPOINT_INVALID,
        Reason.LISTING_REFUSED,
        Reason.CREDENTIALS_LOST,
    }
)
#: Reasons why an id can't be used, and a forced copy gets the next id.
UNUSABLE = frozenset(
    {
        Reason.OWNER_CONFLICT,
        Reason.DATA_CONFLICT,
        Reason.DELETED_IN_TARGET,
        Reason.ID_TAKEN,
    }
)
#: Reasons that leave a tombstone.
TOMBSTONED = frozenset({Reason.DELETED_IN_TARGET, Reason.ID_TAKEN})

#: The status of a call that would exceed a quota.
OVER_QUOTA = 413
#: Reasons by the status of a write that Glance refuses.
REFUSALS = {
    401: Reason.CREDENTIALS_REJECTED,
    403: Reason.FORBIDDEN,
    OVER_QUOTA: Reason.QUOTA,
}
#: Errors of calls to a region for one item.
FAILED = (exception.RegionUnavailable, exception.CredentialsLost, exception.ImageRequestRejected)

_SENTENCES = {
    "owner_conflict": "In {target} this id belongs to an image of another project, which is "
    "left alone",
    "data_conflict": "In {target} this id holds other data, which are left alone",
    "deleted_in_target": "An image with this id was deleted in {target}; Glance keeps the id "
    "until its database is purged. A forced sync makes a copy under another id",
    "id_taken": "In {target} this id can't be used: it was deleted there, or belongs to an "
    "image that you can't see. A forced sync makes a copy under another id",
    "region_bound": "The image's data are volume snapshots of {source}, which exist in no "
    "other region",
    "not_owner": "The image belongs to another project. A forced sync makes a private copy "
    "under another id",
    "listing_incomplete": "{target} leaves images out of its list, as its policy says; what it "
    "does not show was not taken for missing",
    "no_data": "The copy in {target} is not active, as the image in {source} is: it can't be "
    "booted from",
    "orphaned": "The image was deleted in {source}, its home. What is left of it elsewhere is "
    "copied nowhere, and stays as it is. A copy without the properties kingbird_source_region and "
    "kingbird_source_id is an image of its own",
    "home_unknown": "{source}, its home, is not in the service catalog any more, so that nothing "
    "tells whether the image was deleted there. It stays as it is",
    "source_gone": "The image can't be found in {source} any more",
}


@dataclass(frozen=True)
class Outcome:
    """The outcome of an item.

    :ivar target_resource: the image's id in the target region, if it exists there.
    :ivar unusable: ids that turned out to be unusable, with the reason.
    :ivar is_dry: whether it is the outcome of a dry run; nothing was written.
    :ivar region_contacted: whether the region was called for an item with work.  If not, the
        outcome says nothing about the region.
    :ivar is_doubtful: whether a copy is not updated because its right source may be unknown.
    :ivar undo: what was written; see :data:`kingbird.sync.undo.Written`.
    :ivar orphan: what became of a hidden orphan; see :class:`kingbird.sync.orphans.OrphanKeeper`.
    :ivar copy_status: the status of the copy, if a write came upon one.
    :ivar differences: the values of its fields that differ; see
        :func:`kingbird.sync.compare.differences`.
    """

    reason: str
    message: str | None = None
    target_resource: str | None = None
    unusable: tuple[tuple[str, str], ...] = ()
    is_dry: bool = False
    region_contacted: bool = True
    is_doubtful: bool = False
    copy_status: str | None = None
    differences: Mapping[str, Mapping[str, str | None]] | None = None
    undo: Mapping[str, Any] | None = None
    orphan: Mapping[str, Any] | None = None

    def with_note(self, note: str) -> "Outcome":
        """Return the outcome with a sentence added to its message."""
        return dataclasses.replace(self, message="; ".join(filter(None, (self.message, note))))

    @property
    def status(self) -> str:
        """SUCCESS, FAILURE, SKIPPED or PLANNED."""
        if self.is_dry and self.reason not in LOOKUP_FAILURES:
            return ItemState.PLANNED
        return STATE_OF[Reason(self.reason)]

    @property
    def is_without_token(self) -> bool:
        """Return True if Keystone gave no token for the item, so its region was not called."""
        return self.reason == Reason.FORBIDDEN and not self.region_contacted


#: How many references from image to image are followed.
REFERENCE_DEPTH = 3
_TOO_DEEP = f"the references from image to image go deeper than {REFERENCE_DEPTH}"
#: The outcome of an image that a longer chain of references leads to.
TOO_DEEP = Outcome(Reason.DEPENDENCY_FAILED, _TOO_DEEP)


def message_for(reason: str, *, source: str, target: str) -> str | None:
    """Return the sentence about a reason, or ``None`` if the reason says it all."""
    text = _SENTENCES.get(reason)
    return text.format(source=source, target=target) if text else None


def join_fields(names: Sequence[str]) -> str:
    """Return the names of fields for a message.  An image may have hundreds of properties."""
    return join_some(names, MAX_FIELDS, width=MAX_QUOTED)


def drift_message(fields: tuple[str, ...], *, source: str) -> str:
    """Return the sentence about fields that differ."""
    return f"Differs from the image in {source} in: {join_fields(fields)}"


def being_imported(fields: Iterable[str], image_id: str, *, source: str) -> Outcome:
    """Return the outcome of an image that differs, and is not changed while it is imported.

    :param fields: the fields that differ, each as often as it likes.
    """
    message = drift_message(tuple(sorted(set(fields))), source=source)
    return Outcome(Reason.DRIFT, message, image_id).with_note(BEING_IMPORTED)


def left_message(fields: Sequence[str], *, source: str) -> str:
    """Return the sentence about fields that differ and can't be changed."""
    formats = [name for name in fields if name in FORMATS]
    # Blanks at an end of a name are the reason for which Glance takes it for another one.
    others = [quote(name) for name in fields if name not in FORMATS]
    parts = []
    if formats:
        parts.append(f"{join_fields(formats)}, which can't be changed in an image that has data")
    if others:
        parts.append(f"{join_fields(others)}, which Glance does not change under this name")
    return f"Differs from the image in {source} in: {'; '.join(parts)}"


def region_failure(error: exception.KingbirdError) -> Outcome:
    """Return the outcome for an error of a region's client."""
    if isinstance(error, exception.ImageRequestRejected) and not isinstance(
        error, exception.AnswerTooLarge
    ):
        return Outcome(_reason_of_refusal(error.status), error.message)
    return Outcome(Reason.REGION_UNAVAILABLE, error.message)


def _reason_of_refusal(status: int) -> Reason:
    """Return the reason for the status of a list that a region refuses."""
    if status in WRONG_ADDRESS:
        return Reason.ENDPOINT_INVALID
    reasons = {401: Reason.CREDENTIALS_REJECTED, 403: Reason.FORBIDDEN}
    return reasons.get(status, Reason.LISTING_REFUSED)


def no_endpoint(region: str) -> Outcome:
    """Return the outcome in a region that has left the service catalog."""
    return Outcome(Reason.REGION_UNAVAILABLE, NO_ENDPOINT.format(region))


def cancelled_in_part() -> Outcome:
    """Return the outcome of an item that its user has cancelled without the rest of its job."""
    message = "This part of the job was cancelled before the item was worked on"
    return Outcome(Reason.CANCELLED, message, region_contacted=False)


def better_source_unknown(region: str, problem: Outcome | None, *, source: str) -> Outcome:
    """Return the outcome of an update whose source may be the wrong one.

    :param region: a source region that may have the right one.
    :param problem: the reason why it could not be asked; ``None`` if it was too slow.
    :param source: the region of the source that was found.
    """
    why = "it answers too slowly"
    if problem:
        why = problem.message or str(message_for(problem.reason, source=source, target=region))
    return Outcome(
        Reason.REGION_UNAVAILABLE,
        f"Not updated from {source}, as the image may come from {region}, which could not be "
        f"asked: {why}",
        is_doubtful=True,
    )


def id_claimed(region: str, *, source: str) -> Outcome:
    """Return the outcome of an image whose id belongs to the owner of an older one.

    :param region: the region with the older image.
    """
    return Outcome(
        Reason.OWNER_CONFLICT,
        f"The image with this id in {region} is older and belongs to another project, so the one "
        f"in {source} is not copied",
    )


def dependency_failed(
    name: str, image_id: str, region: str, reason: str | None, message: str | None
) -> Outcome:
    """Return the outcome of an image whose kernel or ramdisk is not in the target region.

    :param name: the property that names the other image.
    :param image_id: the other image.
    :param reason: the reason of the other image.
    :param message: the message of the other image.
    """
    if message and message.endswith(_TOO_DEEP):
        reason = _TOO_DEEP
    return Outcome(
        Reason.DEPENDENCY_FAILED,
        f"{name} names image {image_id}, which could not be brought to {region}: {reason}",
    )


def outcome_of(comparison: compare.Comparison, image_id: str, source_region: str) -> Outcome:
    """Return the outcome for a comparison."""
    if comparison.reason == Reason.DRIFT:
        return Outcome(
            Reason.DRIFT, drift_message(comparison.fields, source=source_region), image_id
        )
    present = image_id if comparison.reason in compare.AGREEING else None
    unusable = ((image_id, comparison.reason),) if comparison.reason in TOMBSTONED else ()
    return Outcome(comparison.reason, comparison.note, present, unusable)
