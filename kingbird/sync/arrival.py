"""Tells from what Glance shows what has become of an import.  Pure: no I/O, no state.

Glance says nowhere why an import has failed.  An image's status and two of its properties tell
whether it has: the lock, which holds the id of Glance's task, and the names of the stores that the
data did not get to.
"""

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from typing import Any

from kingbird.states import UNLISTED_IMAGES
from kingbird.sync import compare
from kingbird.sync import image as fields
from kingbird.sync.image import Image
from kingbird.sync.item import ImportSpec

#: The property that locks an image for an import.  Its value is the id of Glance's task.
LOCK = "os_glance_import_task"
#: The property with the stores that the data of an import did not get to.
FAILED_STORES = "os_glance_failed_import"
#: The status of an image whose data Glance imports.
IMPORTING = "importing"
#: States of an image into which somebody uploads data.
_UPLOADING = frozenset({"saving", "uploading"})
#: States of Glance's tasks that have not ended.
_ALIVE = frozenset({"pending", "processing"})


class Arrival(StrEnum):
    """The state of the data of a copy, as Glance shows it."""

    #: No import was asked for, or none is known.
    IDLE = "idle"
    #: The import waits in Glance.
    WAITING = "waiting"
    RUNNING = "running"
    #: Somebody uploads data.
    UPLOADING = "uploading"
    #: The copy has data.
    ARRIVED = "arrived"
    #: The import ended before it got any data: another one may be asked for at once.
    EARLY_FAILURE = "early_failure"
    #: The import ended while it got the data.  Glance keeps the lock for an hour.
    LATE_FAILURE = "late_failure"
    #: The caller can't see the copy any more.
    GONE = "gone"


class Verdict(Enum):
    """The result of comparing the data of a copy with its source's."""

    SAME = auto()
    #: The target's Glance made other formats of them.
    CONVERTED = auto()
    DIFFERENT = auto()
    UNKNOWN = auto()


def classify(
    image: Image | None, *, asked: bool, task: Mapping[str, Any] | None = None
) -> Arrival:
    """Tell what has become of the data of a copy.

    :param image: the copy as a list shows it; ``None`` if it is in no list.
    :param asked: whether an import was asked for, and Glance has taken it.
    :param task: Glance's task that the lock names, if it was asked for.  While such a task is
        alive, the stores that are named are those of an import before it.
    """
    status = image.get("status") if image else None
    if image is None or status in UNLISTED_IMAGES:
        return Arrival.GONE
    if status in fields.WITH_DATA:
        return Arrival.ARRIVED
    if status == IMPORTING:
        return Arrival.RUNNING
    if status in _UPLOADING:
        return Arrival.UPLOADING
    if not image.get(LOCK):
        return Arrival.EARLY_FAILURE if asked else Arrival.IDLE
    is_late = image.get(FAILED_STORES) and not is_alive(task)
    return Arrival.LATE_FAILURE if is_late else Arrival.WAITING


def is_alive(task: Mapping[str, Any] | None) -> bool:
    """Return whether a task of Glance is known, and has not ended."""
    return task is not None and task.get("status") in _ALIVE


def is_being_imported(image: Image) -> bool:
    """Return whether Glance imports the data of an image, or is about to.

    A PATCH or a tag that comes meanwhile may be answered as a success and lost.
    """
    return classify(image, asked=False) in (Arrival.RUNNING, Arrival.WAITING)


def verify(spec: ImportSpec, image: Image) -> Verdict:
    """Compare the data of a copy with those of its source.

    :param image: the copy, which has data.
    """
    if any(image.get(name) != value for name, value in spec.formats.items()):
        return Verdict.CONVERTED
    # The data of an active image never change: they are those that were planned.
    found = compare.compare_data(spec.data, image)
    return {
        compare.SAME: Verdict.SAME,
        compare.DIFFERENT: Verdict.DIFFERENT,
    }.get(found, Verdict.UNKNOWN)


def may_be_imported_into(spec: ImportSpec, image: Image, *, made_here: bool) -> bool:
    """Return whether a record without data is one of Kingbird's, under the right owner.

    :param made_here: whether the job itself has created it.
    """
    if image.get("owner") != spec.owner:
        return False
    has_marks = bool(spec.marks) and all(
        image.get(name) == value for name, value in spec.marks.items()
    )
    return made_here or has_marks
