"""States of jobs and items, and reasons, as they are stored and answered."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

#: States of an image that no list shows, though a GET may.  It gets no data, and its id is taken.
UNLISTED_IMAGES = frozenset({"killed", "pending_delete", "deleted"})

#: The wildcard: all regions or all images, in requests and in items about a whole region.
ALL = "*"


class JobState(StrEnum):
    """The state of a job."""

    #: The row exists, but no engine may claim it, because its trust is not created yet.
    ACCEPTING = "ACCEPTING"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CANCELLED = "CANCELLED"


#: The states that the API shows.
PUBLIC_JOB_STATES = tuple(state for state in JobState if state is not JobState.ACCEPTING)


class Trigger(StrEnum):
    """The cause of a rule's job."""

    #: The rule was created, or enabled again.
    CREATED = "created"
    INTERVAL = "interval"
    #: Glance told of images.
    EVENT = "event"
    #: A user asked for the run.
    REQUEST = "request"


class RuleState(StrEnum):
    """The state of a rule."""

    OK = "OK"
    #: Images of the last full run failed.
    FAILING = "FAILING"
    #: Keystone gave no token for the last full run.
    NO_CREDENTIALS = "NO_CREDENTIALS"
    DISABLED = "DISABLED"


class ItemState(StrEnum):
    """The state of an item."""

    IN_PROGRESS = "IN_PROGRESS"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"
    #: A dry run would have written the image.
    PLANNED = "PLANNED"


#: The states that each state of a job can change to.  A retry begins with a job that has ended.
JOB_TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    JobState.ACCEPTING: frozenset({JobState.IN_PROGRESS}),
    JobState.IN_PROGRESS: frozenset({JobState.SUCCESS, JobState.FAILURE, JobState.CANCELLED}),
    JobState.SUCCESS: frozenset({JobState.IN_PROGRESS}),
    JobState.FAILURE: frozenset({JobState.IN_PROGRESS}),
    JobState.CANCELLED: frozenset({JobState.IN_PROGRESS}),
}
#: The states that each state of an item can change to.
ITEM_TRANSITIONS: Mapping[ItemState, frozenset[ItemState]] = {
    ItemState.IN_PROGRESS: frozenset(ItemState) - {ItemState.IN_PROGRESS},
    ItemState.SUCCESS: frozenset(),
    ItemState.FAILURE: frozenset({ItemState.IN_PROGRESS}),
    ItemState.SKIPPED: frozenset({ItemState.IN_PROGRESS}),
    ItemState.CANCELLED: frozenset({ItemState.IN_PROGRESS}),
    ItemState.PLANNED: frozenset(),
}
#: The states of a job that has ended.
ENDED_JOB_STATES = JOB_TRANSITIONS[JobState.IN_PROGRESS]

State = TypeVar("State", JobState, ItemState)


def predecessors(transitions: Mapping[State, frozenset[State]], state: State) -> list[State]:
    """Return the states that can change to ``state``."""
    return [before for before, after in transitions.items() if state in after]


class Reason(StrEnum):
    """The stable word for the cause of an item's state."""

    CREATED = "created"
    UPDATED = "updated"
    IN_SYNC = "in_sync"
    DRIFT = "drift"
    OWNER_CONFLICT = "owner_conflict"
    DATA_CONFLICT = "data_conflict"
    DELETED_IN_TARGET = "deleted_in_target"
    ID_TAKEN = "id_taken"
    REGION_BOUND = "region_bound"
    NOT_OWNER = "not_owner"
    SAME_NAME = "same_name"
    DEPENDENCY_FAILED = "dependency_failed"
    FORBIDDEN = "forbidden"
    CREDENTIALS_REJECTED = "credentials_rejected"
    ENDPOINT_INVALID = "endpoint_invalid"
    LISTING_REFUSED = "listing_refused"
    QUOTA = "quota"
    INVALID = "invalid"
    REGION_UNAVAILABLE = "region_unavailable"
    LISTING_INCOMPLETE = "listing_incomplete"
    SOURCE_GONE = "source_gone"
    CREDENTIALS_LOST = "credentials_lost"
    TRUST_GONE = "trust_gone"
    INTERNAL_ERROR = "internal_error"
    TOO_MANY_ITEMS = "too_many_items"
    CANCELLED = "cancelled"


#: The state that goes with each reason.
STATE_OF = dict.fromkeys(Reason, ItemState.FAILURE) | {
    Reason.CREATED: ItemState.SUCCESS,
    Reason.UPDATED: ItemState.SUCCESS,
    Reason.IN_SYNC: ItemState.SUCCESS,
    Reason.DELETED_IN_TARGET: ItemState.SKIPPED,
    Reason.ID_TAKEN: ItemState.SKIPPED,
    Reason.REGION_BOUND: ItemState.SKIPPED,
    Reason.SAME_NAME: ItemState.SKIPPED,
    Reason.CANCELLED: ItemState.CANCELLED,
}
