"""Events of this process, for metrics and notifications.

The code that emits an event does not know the subscribers.  Without a subscriber an event costs
next to nothing.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

LOG = logging.getLogger(__name__)

#: The code of a call without a response.
NO_ANSWER = "none"


class ApiRequest(NamedTuple):
    """The API has answered a request.

    :ivar route: the path's template, never the path itself.
    """

    method: str
    route: str
    code: str
    seconds: float


class GlanceCall(NamedTuple):
    """An HTTP request to a region's Glance.

    :ivar code: the HTTP status, or :data:`NO_ANSWER`.
    :ivar seconds: the time until the response began.
    """

    region: str
    method: str
    code: str
    seconds: float


class KeystoneCall(NamedTuple):
    """An HTTP request to Keystone, otherwise as :class:`GlanceCall`.

    keystonemiddleware's requests, which validate tokens, emit no event.
    """

    method: str
    code: str
    seconds: float


class RegionCallRetried(NamedTuple):
    """A call to a region failed and is about to be retried."""

    region: str


class BreakerChanged(NamedTuple):
    """The circuit breaker of a region opened or closed.

    :ivar is_open: True if the breaker opened.
    """

    region: str
    is_open: bool


class LeaseTakenOver(NamedTuple):
    """An engine has claimed work whose lease had expired in another engine.

    :ivar kind: ``job`` or ``task``.
    """

    kind: str


class ItemsEnded(NamedTuple):
    """Outcomes of some items of a job were stored.

    :ivar region: the target region.
    """

    region: str
    status: str
    reason: str
    number: int


class ImportEnded(NamedTuple):
    """The import of a copy's data has ended, and its item with it.

    :ivar region: the target region.
    :ivar reason: ``imported`` if the data are there, else why they are not.
    :ivar size: the bytes that have come.
    :ivar seconds: the time that the import took, if its data have come.
    """

    region: str
    reason: str
    size: int
    seconds: float | None


class JobStarted(NamedTuple):
    """An engine begins a run of a job.  The event may rarely come twice for a run.

    :ivar job: the row, a :class:`kingbird.db.models.Job`; also in the events below.
    """

    job: Any


class JobProgress(NamedTuple):
    """A part of a job was done and stored."""

    job: Any


class JobEnded(NamedTuple):
    """A job has ended.  The engine that closed it emits the event once.

    :ivar reason: the reason for which Kingbird gave the job up, or ``None``.
    :ivar ended_at: the time of the end, by the same clock as the times of the row.
    """

    job: Any
    state: str
    reason: str | None
    ended_at: datetime


class RuleStateChanged(NamedTuple):
    """The end of a run has changed the state of its rule.  The event comes once a change.

    :ivar change: a :class:`kingbird.db.rule_ends.RuleChange`.
    :ivar changed_at: the time of the end, by the database's clock.
    """

    change: Any
    changed_at: datetime


class NotificationHeard(NamedTuple):
    """A listener got a message of a region's Glance, or found a change when it polled."""

    region: str


class NotificationDropped(NamedTuple):
    """A message made no mark.

    :ivar region: the region, or ``unknown``.
    :ivar reason: a :class:`kingbird.listener.events.Drop`.
    """

    region: str
    reason: str


class MarksWritten(NamedTuple):
    """A listener wrote marks: images that rules have to look at.

    :ivar number: the marks that are new or due again.
    """

    number: int


Subscriber = Callable[[Any], None]

_lock = threading.Lock()
_subscribers: tuple[Subscriber, ...] = ()


def subscribe(subscriber: Subscriber) -> None:
    """Call ``subscriber`` with every event, in the thread that emits it.

    The subscriber must not block.
    """
    global _subscribers  # noqa: PLW0603  the one list of this process
    with _lock:
        _subscribers = (*_subscribers, subscriber)


def unsubscribe(subscriber: Subscriber) -> None:
    """Stop calling ``subscriber``."""
    global _subscribers  # noqa: PLW0603
    with _lock:
        _subscribers = tuple(known for known in _subscribers if known != subscriber)


def emit(event: Any) -> None:
    """Call the subscribers with an event.  Never raises."""
    for subscriber in _subscribers:
        try:
            subscriber(event)
        except Exception:
            LOG.exception("Event subscriber failed")
