"""What happens in Kingbird that somebody may want to count or to pass on.

Who makes something happen tells of it here, and knows nothing of who listens: the metrics, and
the notifications to other services.  Without a listener an event costs next to nothing.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

LOG = logging.getLogger(__name__)

#: The code of a call that got no answer.
NO_ANSWER = "none"


class ApiRequest(NamedTuple):
    """The API has answered.

    :ivar route: the path's template, never the path itself.
    :ivar code: the HTTP status.
    """

    method: str
    route: str
    code: str
    seconds: float


class GlanceCall(NamedTuple):
    """One HTTP request to a region's Glance, as it went over the wire.

    :ivar code: the HTTP status, or :data:`NO_ANSWER`.
    :ivar seconds: until the answer began.
    """

    region: str
    method: str
    code: str
    seconds: float


class KeystoneCall(NamedTuple):
    """One HTTP request to Keystone; otherwise as :class:`GlanceCall`.

    Those of keystonemiddleware, which validates tokens, are not told of.
    """

    method: str
    code: str
    seconds: float


class RegionCallRetried(NamedTuple):
    """A call to a region failed for the moment, and is about to be made again."""

    region: str


class BreakerChanged(NamedTuple):
    """A region is left alone from now on, or not any more.

    :ivar is_open: whether it is left alone.
    """

    region: str
    is_open: bool


class LeaseTakenOver(NamedTuple):
    """An engine has taken work whose lease another one let run out.

    :ivar kind: ``job`` or ``task``.
    """

    kind: str


class ItemsEnded(NamedTuple):
    """Some items of a job have an outcome; they are told of once it is stored.

    :ivar region: the target.
    """

    region: str
    status: str
    reason: str
    number: int


class JobStarted(NamedTuple):
    """An engine begins with a run of a job: once, or seldom twice for one that is tried again.

    :ivar job: its row, a :class:`kingbird.db.models.Job`; here and below.
    """

    job: Any


class JobProgress(NamedTuple):
    """Something of a job was done and stored."""

    job: Any


class JobEnded(NamedTuple):
    """A job has ended: told of once, by the one that closed it.

    :ivar state: the state in which it ended.
    :ivar reason: why Kingbird gave it up; ``None`` if it was worked through.
    """

    job: Any
    state: str
    reason: str | None


Listener = Callable[[Any], None]

_lock = threading.Lock()
_listeners: tuple[Listener, ...] = ()


def subscribe(listener: Listener) -> None:
    """Call ``listener`` with every event from now on, in the thread that tells of it.

    It must not block.
    """
    global _listeners  # noqa: PLW0603  the one list of this process
    with _lock:
        _listeners = (*_listeners, listener)


def unsubscribe(listener: Listener) -> None:
    """Call ``listener`` no more."""
    global _listeners  # noqa: PLW0603
    with _lock:
        _listeners = tuple(each for each in _listeners if each != listener)


def has_subscribers() -> bool:
    """Whether anybody listens: what is told of only for listeners need not be found out else."""
    return bool(_listeners)


def emit(event: Any) -> None:
    """Tell of an event.  Never raises."""
    for listener in _listeners:
        try:
            listener(event)
        except Exception:
            LOG.exception("Event subscriber failed")
