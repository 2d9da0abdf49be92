"""States of jobs and items, and reasons, as they are stored and answered."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

#: States of an image that no list shows, though a GET may.  It gets no data, and its id is taken.
UNLISTED_IMAGES = frozenset({"killed", "pending_delete", "deleted"})

#: The wildcard: all regions or all images, in requests and in items about a whole region.
ALL = "*"


class ResourceType(StrEnum):
    """The type of a job's resources."""

    IMAGE = "image"
    #: A namespace of Glance's metadata definitions.
    METADEF = "metadef"


class JobState(StrEnum):
    """The state of a job."""

    #: The row exists, but no engine may claim it, because its trust is not created yet.
    ACCEPTING = "ACCEPTING"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CANCELLED = "CANCELLED"
    #: Nobody sees the job any more, and its rows are deleted one batch after the other.
    DELETED = "DELETED"


#: The states of jobs that the API does not show.
HIDDEN_JOB_STATES = (JobState.ACCEPTING, JobState.DELETED)
#: The states that the API shows.
PUBLIC_JOB_STATES = tuple(state for state in JobState if state not in HIDDEN_JOB_STATES)


class Trigger(StrEnum):
    """The cause of a rule's job."""

    #: The rule was created, or enabled again.
    CREATED = "created"
    INTERVAL = "interval"
    #: Glance told of images.
    EVENT = "event"
    #: A user asked for the run.
    REQUEST = "request"


class Origin(StrEnum):
    """The origin of a job: a user, a rule or an event."""

    USER = "user"
    RULE = "rule"
    #: A rule, because Glance told of images.
    EVENT = "event"


class Phase(StrEnum):
    """How far a job is."""

    PLANNING = "planning"
    WRITING = "writing"
    #: Records are written, and Glance fetches data.
    DATA = "data"
    ENDED = "ended"


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


class DataState(StrEnum):
    """The state of the data of an item's copy, of a set that asks for data."""

    #: The copy has no data, and gets none.
    NONE = "none"
    #: The data are to be imported; of a dry run, would be.
    PENDING = "pending"
    #: Glance was asked to import them.
    IMPORTING = "importing"
    #: The copy has its data.
    ACTIVE = "active"
    #: An import was begun, and the data did not arrive, or are others.
    FAILED = "failed"


#: The states of data that are still to arrive.
OPEN_DATA = (DataState.PENDING, DataState.IMPORTING)


class MemberMode(StrEnum):
    """Which members of copies are compared."""

    #: None: a copy gets the members of its source when it is created.
    CREATE = "create"
    #: Those that the source has.
    ADD = "add"
    #: Those that the source has, and those that only the copy has.
    EXACT = "exact"


class TaskKind(StrEnum):
    """The work of a task."""

    #: Records are written.
    RECORDS = "records"
    #: The imports of the data are begun and looked after.
    DATA = "data"


#: The states that each state of a job can change to.  A retry begins with a job that has ended.
JOB_TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    JobState.ACCEPTING: frozenset({JobState.IN_PROGRESS}),
    JobState.IN_PROGRESS: frozenset({JobState.SUCCESS, JobState.FAILURE, JobState.CANCELLED}),
    JobState.SUCCESS: frozenset({JobState.IN_PROGRESS, JobState.DELETED}),
    JobState.FAILURE: frozenset({JobState.IN_PROGRESS, JobState.DELETED}),
    JobState.CANCELLED: frozenset({JobState.IN_PROGRESS, JobState.DELETED}),
    JobState.DELETED: frozenset(),
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


class CopyState(StrEnum):
    """Why an image in a region is not in order."""

    #: The copy's fields agree, but it is not active, as its source is.
    NO_DATA = "no_data"
    #: There is no copy.
    MISSING = "missing"
    #: Fields of the copy differ from the source's.
    DRIFT = "drift"
    #: The id is that of another image.
    CONFLICT = "conflict"
    #: A copy whose home has no such image any more.
    ORPHAN = "orphan"
    #: The region could not be asked for the image.
    AWAY = "away"
    #: Glance fetches the copy's data.
    IMPORTING = "importing"


class Reason(StrEnum):
    """The stable word for the cause of an item's state."""

    CREATED = "created"
    UPDATED = "updated"
    IMPORTED = "imported"
    IN_SYNC = "in_sync"
    NO_DATA = "no_data"
    DRIFT = "drift"
    OWNER_CONFLICT = "owner_conflict"
    DATA_CONFLICT = "data_conflict"
    ORPHANED = "orphaned"
    HIDDEN = "hidden"
    DELETED = "deleted"
    REVIVED = "revived"
    ORPHAN_GUARD = "orphan_guard"
    HOME_UNKNOWN = "home_unknown"
    UNDONE = "undone"
    KEPT = "kept"
    TOUCHED = "touched"
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
    SOURCE_NOT_ACTIVE = "source_not_active"
    IMPORT_NOT_ENABLED = "import_not_enabled"
    IMPORT_FAILED = "import_failed"
    IMPORT_STUCK = "import_stuck"
    DATA_DIFFERS = "data_differs"
    CREDENTIALS_LOST = "credentials_lost"
    TRUST_GONE = "trust_gone"
    INTERNAL_ERROR = "internal_error"
    TOO_MANY_ITEMS = "too_many_items"
    CANCELLED = "cancelled"
    PLAN_OUTDATED = "plan_outdated"


#: The state that goes with each reason.
STATE_OF = dict.fromkeys(Reason, ItemState.FAILURE) | {
    Reason.CREATED: ItemState.SUCCESS,
    Reason.UPDATED: ItemState.SUCCESS,
    Reason.IMPORTED: ItemState.SUCCESS,
    Reason.IN_SYNC: ItemState.SUCCESS,
    # The record, which was asked for, is there.
    Reason.NO_DATA: ItemState.SUCCESS,
    Reason.DELETED_IN_TARGET: ItemState.SKIPPED,
    Reason.ID_TAKEN: ItemState.SKIPPED,
    Reason.REGION_BOUND: ItemState.SKIPPED,
    Reason.ORPHANED: ItemState.SKIPPED,
    Reason.HIDDEN: ItemState.SUCCESS,
    Reason.DELETED: ItemState.SUCCESS,
    Reason.REVIVED: ItemState.SUCCESS,
    Reason.HOME_UNKNOWN: ItemState.SKIPPED,
    Reason.UNDONE: ItemState.SUCCESS,
    Reason.KEPT: ItemState.SKIPPED,
    Reason.TOUCHED: ItemState.SKIPPED,
    Reason.SAME_NAME: ItemState.SKIPPED,
    Reason.CANCELLED: ItemState.CANCELLED,
}
