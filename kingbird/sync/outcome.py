"""The outcome of an item: its status, a stable reason, and a sentence for a person."""

from collections.abc import Sequence
from dataclasses import dataclass

from kingbird import exception
from kingbird.states import STATE_OF, ItemState, Reason
from kingbird.sync import compare
from kingbird.text import MAX_QUOTED, join_some

#: Fields that a message names.
MAX_FIELDS = 40

NO_ENDPOINT = "Region {} has no image endpoint in the service catalog any more"

#: Reasons why nothing is known about an image in a region; a dry run fails with them too.
LOOKUP_FAILURES = frozenset(
    {
        Reason.REGION_UNAVAILABLE,
        Reason.LISTING_INCOMPLETE,
        Reason.SOURCE_GONE,
        Reason.FORBIDDEN,
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
    """

    reason: str
    message: str | None = None
    target_resource: str | None = None
    unusable: tuple[tuple[str, str], ...] = ()
    is_dry: bool = False
    region_contacted: bool = True

    @property
    def status(self) -> str:
        """SUCCESS, FAILURE, SKIPPED or PLANNED."""
        if self.is_dry and self.reason not in LOOKUP_FAILURES:
            return ItemState.PLANNED
        return STATE_OF[Reason(self.reason)]


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


def region_failure(error: exception.KingbirdError) -> Outcome:
    """Return the outcome for an error of a region's client."""
    if isinstance(error, exception.ImageRequestRejected):
        return Outcome(Reason.FORBIDDEN, error.message)
    return Outcome(Reason.REGION_UNAVAILABLE, error.message)


def no_endpoint(region: str) -> Outcome:
    """Return the outcome in a region that has left the service catalog."""
    return Outcome(Reason.REGION_UNAVAILABLE, NO_ENDPOINT.format(region))


def dependency_failed(name: str, image_id: str, region: str, reason: str | None) -> Outcome:
    """Return the outcome of an image whose kernel or ramdisk is not in the target region.

    :param name: the property that names the other image.
    :param image_id: the other image.
    :param reason: the outcome of the other image.
    """
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
    present = image_id if comparison.reason == Reason.IN_SYNC else None
    return Outcome(comparison.reason, target_resource=present)
