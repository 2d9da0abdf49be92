"""Decides about imports by what Glance shows of their images.  Pure: no I/O, no state.

Times are milliseconds of the caller's clock.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kingbird import exception
from kingbird.states import DataState, Reason
from kingbird.sync import compare
from kingbird.sync.arrival import (
    LOCK,
    Arrival,
    Verdict,
    is_alive,
    may_be_imported_into,
    verify,
)
from kingbird.sync.image import Image
from kingbird.sync.item import ImportSpec
from kingbird.sync.outcome import REFUSALS, Outcome, dependency_failed

#: Pauses until an import is asked for again that failed early, as multiples of the first one, by
#: the number of requests.
EARLY_PAUSES = (1, 4, 16)
#: The pause until an image is looked at again whose lock Glance keeps for longer than it should,
#: as a share of that time.
LOCKED_SHARE = 1 / 12
#: Requests for the import of one image at most.
MAX_TRIES = 8

#: A project is over a limit: the one cause of a failure that Glance's tasks tell.
_OVER_LIMIT = "is over a limit for"

#: Reasons by the status of a request that Glance refuses.
_REFUSALS = {400: Reason.IMPORT_NOT_ENABLED, **REFUSALS}

NOT_ENABLED = (
    "The Glance of {region} does not fetch data from other regions: its option "
    "enabled_import_methods does not name glance-download"
)
CONVERTED = "Its Glance converted the data at import"
NOT_COMPARED = (
    "Its data arrived, but can't be compared with the source's: the two Glances hash data in "
    "different ways"
)
NOT_OURS = "It has no data, and is no copy that Kingbird made for this project: none were imported"
GOES_ON = "The job was cancelled while the data were imported; Glance goes on with it"


@dataclass(frozen=True)
class Progress:
    """The knowledge about the data of one copy.

    :ivar reason: the outcome of the copy's record.
    :ivar data: ``pending`` or ``importing``.
    :ivar since: since when.
    :ivar due: when the import may be asked for; ``None`` for at once.
    :ivar tries: how often it was asked for.
    :ivar task: Glance's task of the last import that was seen.
    :ivar trouble: a sentence about the last import, if it failed and is to be asked for again.
    """

    image_id: str
    source: str
    target: str
    reason: str
    spec: ImportSpec
    data: str
    since: int
    due: int | None = None
    tries: int = 0
    task: str | None = None
    trouble: str | None = None

    @property
    def is_importing(self) -> bool:
        """True if Glance was asked to import the data."""
        return self.data == DataState.IMPORTING


@dataclass(frozen=True)
class Ended:
    """The end of an item.

    :ivar data: the state in which its data stay.
    :ivar task: Glance's task of the last import that was seen.
    :ivar seconds: the time that the import took, if one was seen.
    """

    outcome: Outcome
    data: str
    task: str | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Patience:
    """How long imports may take, and where they change data.

    :ivar timeout: seconds beside the time that the data take.
    :ivar slowest: bytes a second.
    :ivar retry_delay: seconds until an import is asked for again that failed early.
    :ivar lock_time: seconds for which Glance keeps the lock of an import that failed late.
    :ivar converting: regions whose Glances change data.
    """

    timeout: float
    slowest: int
    retry_delay: float
    lock_time: float
    converting: frozenset[str] = frozenset()

    def deadline(self, one: Progress) -> float:
        """Return the time at which an import counts as stuck."""
        return one.since + 1000 * (self.timeout + one.spec.size / self.slowest)


def follow(
    one: Progress, image: Image | None, arrival: Arrival, now: int, patience: Patience
) -> Progress | Ended:
    """Return what is known of a copy's data after a look that found no failure.

    :param arrival: what :func:`kingbird.sync.arrival.classify` says about the image.
    """
    if image is None or arrival is Arrival.GONE:
        words = f"The copy can't be found in {one.target} any more"
        return _failed(one, Reason.IMPORT_FAILED, words)
    one = _with_task(one, image.get(LOCK))
    if arrival is Arrival.ARRIVED:
        return _arrived(one, image, now, patience)
    if arrival is Arrival.IDLE:
        if may_be_imported_into(one.spec, image, made_here=one.reason == Reason.CREATED):
            return one
        return Ended(_outcome(one, one.reason).with_note(NOT_OURS), DataState.NONE, one.task)
    if not one.is_importing:
        # Somebody else has begun it.
        return dataclasses.replace(
            one, data=DataState.IMPORTING, since=now, due=None, trouble=None
        )
    if now > patience.deadline(one):
        return _stuck(one, arrival)
    return one


def _with_task(one: Progress, task_id: str | None) -> Progress:
    """Return what is known with the task of an import, whatever becomes of it in the same look."""
    return one if task_id in (None, one.task) else dataclasses.replace(one, task=task_id)


def may_be_asked(one: Progress, image: Image, arrival: Arrival, now: int) -> bool:
    """Return whether Glance can be asked for the import of a copy's data now."""
    if one.is_importing or (one.due is not None and one.due > now):
        return False
    locked_by_failure = arrival is Arrival.LATE_FAILURE and image.get(LOCK) == one.spec.failed_task
    return arrival is Arrival.IDLE or locked_by_failure


def after_part(
    one: Progress, name: str, image_id: str, reason: str | None, message: str | None
) -> Ended:
    """Return the end of an image that refers to one whose data did not arrive.

    It could not be booted from.

    :param name: the property that names the other image.
    :param image_id: the other image.
    :param reason: the reason of the other image.
    :param message: the message of the other image.
    """
    failed = dependency_failed(name, image_id, one.target, reason, message)
    return Ended(dataclasses.replace(failed, target_resource=one.image_id), DataState.NONE)


def after_failure(
    one: Progress,
    arrival: Arrival,
    now: int,
    patience: Patience,
    *,
    source: Image | exception.KingbirdError | None,
    task: Mapping[str, Any] | None,
) -> Progress | Ended:
    """Return what is known of a copy's data after its import has failed.

    :param arrival: ``EARLY_FAILURE`` or ``LATE_FAILURE``.
    :param source: the source image by now, or the error of a look at it.
    :param task: Glance's last task about the copy.
    """
    one = _with_task(one, str(task["id"]) if task and task.get("id") else None)
    if is_alive(task) and now < one.since + _ms(patience.retry_delay):
        # Glance frees the image first, and then it tells the cause, if it does.
        return one
    if limit := _limit(task):
        return _failed(one, Reason.QUOTA, limit)
    if source is None:
        return _failed(
            one, Reason.SOURCE_GONE, f"The image can't be found in {one.source} any more"
        )
    if not isinstance(source, exception.KingbirdError) and source.get("status") != "active":
        words = (
            f"The image in {one.source} is {source.get('status')}: Glance gives away the data of "
            "an active image only"
        )
        return _failed(one, Reason.SOURCE_NOT_ACTIVE, words)
    if arrival is Arrival.EARLY_FAILURE:
        return _again_early(one, now, patience)
    return _again_late(one, now, patience, task)


def _again_early(one: Progress, now: int, patience: Patience) -> Progress | Ended:
    if not one.tries:
        # The engine was killed before it could ask, or somebody else's import has failed.
        return _pending(one, now, None)
    trouble = (
        f"The Glance of {one.target} got no data from {one.source}. Its import filter may refuse "
        "the address of the other Glance, the catalog may name another one, or the network "
        "between the two may be down. Glance tells the cause only in its log"
        f"{_named(one.task)}"
    )
    if one.tries > len(EARLY_PAUSES):
        return _failed(one, Reason.IMPORT_FAILED, f"{trouble}. It was asked {one.tries} times")
    due = now + _ms(patience.retry_delay * EARLY_PAUSES[one.tries - 1])
    return _pending(one, now, due, f"{trouble}. It will be asked again")


def _again_late(
    one: Progress,
    now: int,
    patience: Patience,
    task: Mapping[str, Any] | None,
) -> Progress | Ended:
    trouble = (
        f"The data did not get into the store of {one.target}: the connection to {one.source} was "
        f"cut, or a quota or the store is full. Glance tells the cause only in its log"
        f"{_named(one.task)}"
    )
    if one.spec.failed_task not in (None, one.task):
        words = f"{trouble}. It was asked again when it had freed the image"
        return _failed(one, Reason.IMPORT_FAILED, words)
    if one.tries >= MAX_TRIES:
        words = f"{trouble}. It keeps the image locked for longer than [sync] import_lock_time"
        return _failed(one, Reason.IMPORT_FAILED, words)
    trouble += ". It will be asked again when it frees the image"
    lock_time = _ms(patience.lock_time)
    if one.spec.failed_task is not None:
        return _pending(one, now, now + int(lock_time * LOCKED_SHARE), trouble)
    due = max((_changed_at(task) or now) + lock_time, now)
    spec = dataclasses.replace(one.spec, failed_task=one.task)
    return dataclasses.replace(_pending(one, now, due, trouble), spec=spec)


def after_refusal(one: Progress, error: exception.ImageRequestRejected) -> Progress | Ended:
    """Return what is known of a copy's data after Glance has refused to import them.

    409 is no failure: an import of the image is under way, or it has data by now.
    """
    if error.status == 409:
        return after_request(one)
    if error.status == 404:
        words = f"The copy can't be found in {one.target} any more"
        return _failed(one, Reason.IMPORT_FAILED, words)
    reason = _REFUSALS.get(error.status, Reason.IMPORT_FAILED)
    words = error.message
    if reason is Reason.IMPORT_NOT_ENABLED:
        words = f"{NOT_ENABLED.format(region=one.target)} ({words})"
    return Ended(_outcome(one, reason, words), DataState.NONE, one.task)


def after_request(one: Progress) -> Progress:
    """Return what is known of a copy's data after Glance has been asked to import them."""
    return dataclasses.replace(one, tries=one.tries + 1, due=None, trouble=None)


def unreachable(
    one: Progress, now: int, patience: Patience, error: exception.KingbirdError
) -> Progress | Ended:
    """Return what is known of a copy's data while its region can't be asked."""
    if now <= patience.deadline(one):
        return one
    return _failed(one, Reason.REGION_UNAVAILABLE, error.message)


def cancelled(one: Progress) -> Ended:
    """Return the end of an import that runs when its job is cancelled."""
    return _failed(one, Reason.CANCELLED, GOES_ON)


def _arrived(one: Progress, image: Image, now: int, patience: Patience) -> Ended:
    verdict = verify(one.spec, image)
    seconds = (now - one.since) / 1000 if one.is_importing else None
    if verdict is Verdict.DIFFERENT and one.target not in patience.converting:
        words = (
            f"The data in {one.target} are not those in {one.source}, though the formats are the "
            "same. They are left alone. If the Glance there changes data at import, "
            "[sync] regions_that_convert has to name the region"
        )
        outcome = _outcome(one, Reason.DATA_DIFFERS, words)
        return Ended(outcome, DataState.FAILED, one.task, seconds)
    reason = one.reason
    if reason in compare.AGREEING and one.is_importing:
        reason = Reason.IMPORTED
    outcome = _outcome(one, reason)
    if verdict in (Verdict.CONVERTED, Verdict.DIFFERENT):
        outcome = outcome.with_note(CONVERTED)
    elif verdict is Verdict.UNKNOWN:
        outcome = outcome.with_note(NOT_COMPARED)
    return Ended(outcome, DataState.ACTIVE, one.task, seconds)


def _stuck(one: Progress, arrival: Arrival) -> Ended:
    what = {
        Arrival.WAITING: f"The import waits in the Glance of {one.target}",
        Arrival.UPLOADING: f"Somebody uploads data into the copy in {one.target}",
    }.get(arrival, f"The Glance of {one.target} imports the data")
    return _failed(
        one,
        Reason.IMPORT_STUCK,
        f"{what} for longer than [sync] import_timeout allows. If that Glance was stopped "
        "meanwhile, it does not go on, and no call ends it: an operator has to set the image "
        f"free{_named(one.task)}",
    )


def _pending(one: Progress, now: int, due: int | None, trouble: str | None = None) -> Progress:
    return dataclasses.replace(one, data=DataState.PENDING, since=now, due=due, trouble=trouble)


def _failed(one: Progress, reason: Reason, words: str) -> Ended:
    data = DataState.FAILED if one.is_importing or one.tries else DataState.NONE
    return Ended(Outcome(reason, words, one.image_id), data, one.task)


def _outcome(one: Progress, reason: str, message: str | None = None) -> Outcome:
    """Return the outcome of a copy, whose record is in order."""
    return Outcome(reason, one.spec.note if message is None else message, one.image_id)


def _named(task_id: str | None) -> str:
    return f" (task {task_id})" if task_id else ""


def _limit(task: Mapping[str, Any] | None) -> str | None:
    """Return the sentence of a task that failed because its project is over a limit."""
    message = str((task or {}).get("message"))
    return next((line for line in message.splitlines() if _OVER_LIMIT in line), None)


def _ms(seconds: float) -> int:
    return int(1000 * seconds)


def _changed_at(task: Mapping[str, Any] | None) -> int | None:
    """Return the time of a task's last change in milliseconds, or ``None`` if it can't be read."""
    try:
        moment = datetime.fromisoformat(str((task or {}).get("updated_at")))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
