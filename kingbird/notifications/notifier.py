"""Notifications: tells other services, over a message broker, how jobs get on.

``[oslo_messaging_notifications] driver`` says whether and how.  What a message holds is told in
:data:`PAYLOAD` and in the administrator's guide.
"""

import logging
import socket
import threading
import time
from collections import OrderedDict, deque
from datetime import datetime
from typing import Any, NamedTuple

import oslo_messaging
from oslo_config import cfg

from kingbird import events, exception
from kingbird.db import api as db
from kingbird.rpc import transport

LOG = logging.getLogger(__name__)

START = "kingbird.sync.start"
PROGRESS = "kingbird.sync.progress"
END = "kingbird.sync.end"
ERROR = "kingbird.sync.error"

#: Seconds between two notifications of one job's progress by one engine.
PROGRESS_EVERY = 10.0
#: Notifications that may wait to be sent; beyond that the oldest go.
WAITING = 1000
#: Seconds for which a stopping engine still sends what waits.
DRAIN = 3.0

_COUNTS = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_NAMES = {"type": ["array", "null"], "items": {"type": "string"}}

#: JSON Schema of a notification's payload: consumers rely on it, so it only ever grows.
PAYLOAD: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "job_id": {"type": "string"},
        "project_id": {"type": "string"},
        "user_id": {"type": "string"},
        "request_id": _TEXT_OR_NULL,
        "global_request_id": _TEXT_OR_NULL,
        "resource_type": _TEXT_OR_NULL,
        "source_regions": _NAMES,
        "target_regions": _NAMES,
        "all_projects": {"type": "boolean"},
        "dry_run": {"type": ["boolean", "null"]},
        "run": {"type": "integer", "minimum": 1},
        "state": {"enum": ["IN_PROGRESS", "SUCCESS", "FAILURE", "CANCELLED"]},
        "reason": _TEXT_OR_NULL,
        "created_at": {"type": "string"},
        "ended_at": _TEXT_OR_NULL,
        "statuses": {"anyOf": [_COUNTS, {"type": "null"}]},
        "outcomes": {"anyOf": [_COUNTS, {"type": "null"}]},
    },
    "additionalProperties": False,
}
PAYLOAD["required"] = sorted(PAYLOAD["properties"])


def start(conf: cfg.ConfigOpts) -> "Notifications | None":
    """Begin to notify, in a thread of its own, if the configuration wants it.

    Call it in the process that works, after any fork.

    :returns: what :meth:`Notifications.stop` is called on, or ``None`` if nobody is notified.
    """
    transport.register_notifications(conf)
    drivers = set(conf[transport.NOTIFICATIONS].driver) - {"", "noop"}
    if not drivers:
        return None
    try:
        transport.check_notifications(conf, need_broker=drivers != {"log"})
        bus = oslo_messaging.get_notification_transport(conf)
    except exception.ConfigurationError as error:
        # Work goes on without.
        LOG.error("Nobody is notified: %s", error.message)
        return None
    notifications = Notifications(
        oslo_messaging.Notifier(bus, publisher_id=f"kingbird-engine.{socket.gethostname()}")
    )
    events.listen(notifications)
    return notifications


class Told(NamedTuple):
    """What happened to a job, until it is sent.

    :ivar about: the fields of the payload that don't change while the job runs.
    :ivar state: the state that the job is in.
    :ivar reason: why Kingbird gave it up.
    :ivar ended_at: when it ended, in UTC.
    """

    event_type: str
    about: dict[str, Any]
    state: str
    reason: str | None
    ended_at: str | None


def note(job: Any, event_type: str, state: str, reason: str | None = None) -> Told:
    """Note what happens to a job now.

    :param job: its row, of which a request of up to a megabyte is not to be kept.
    """
    return Told(
        event_type,
        {
            "job_id": job.id,
            "project_id": job.project_id,
            "user_id": job.user_id,
            "request_id": job.request_id,
            "global_request_id": job.global_request_id,
            "all_projects": job.all_projects,
            "run": job.runs,
            "created_at": _text(job.created_at),
        },
        state,
        reason,
        None if state == db.jobs.IN_PROGRESS else _text(db.utcnow()),
    )


class Notifications:
    """Listens to events and notifies of those that are about jobs.  Safe for threads.

    Work waits neither for the broker nor for the counts: both is left to a thread.  What comes
    faster than it can be sent waits, and when that is too much the oldest go.  oslo.messaging

    :param notifier: an oslo.messaging ``Notifier``.
    """

    def __init__(self, notifier: Any) -> None:
        self._notifier = notifier
        self._changed = threading.Condition()
        self._waiting: deque[Told] = deque()
        self._dropped = 0
        self._progressed: OrderedDict[str, float] = OrderedDict()
        self._stopping = False
        self._thread = threading.Thread(
            target=self._run, name="kingbird-notifications", daemon=True
        )
        self._thread.start()

    def __call__(self, event: Any) -> None:
        """Take an event; it is sent soon."""
        match event:
            case events.JobBegan(job):
                self._put(note(job, START, db.jobs.IN_PROGRESS))
            case events.JobProgressed(job):
                if self._is_due(job.id):
                    self._put(note(job, PROGRESS, db.jobs.IN_PROGRESS))
            case events.JobEnded(job, state, reason):
                gave_up = reason not in (None, "cancelled")
                self._put(note(job, ERROR if gave_up else END, state, reason))

    def stop(self, seconds: float) -> None:
        """Listen no more, and send what waits.

        :param seconds: how long that may take; what waits then is dropped.
        """
        events.ignore(self)
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(seconds)
        with self._changed:
            left = len(self._waiting) + self._dropped + self._thread.is_alive()
            self._waiting.clear()
        if left:
            LOG.warning("The engine stops with notifications unsent: %d", left)

    def _is_due(self, job_id: str) -> bool:
        now = time.monotonic()
        with self._changed:
            while self._progressed:
                oldest, since = next(iter(self._progressed.items()))
                if now - since < PROGRESS_EVERY:
                    break
                del self._progressed[oldest]
            if job_id in self._progressed:
                return False
            self._progressed[job_id] = now
            return True

    def _put(self, told: Told) -> None:
        with self._changed:
            if len(self._waiting) >= WAITING:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(told)
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopping)
                if not self._waiting:
                    return
                waiting = self._waiting.popleft()
                dropped, self._dropped = self._dropped, 0
            if dropped:
                LOG.warning("Notifications came faster than they went; dropped: %d", dropped)
            try:
                self._send(waiting)
            except Exception as error:
                # Its words may hold the broker's address.
                LOG.warning("A notification was not sent: %s", type(error).__name__)

    def _send(self, told: Told) -> None:
        content = payload(told)
        if content is None:
            return
        context = {name: content[name] for name in ("request_id", "global_request_id")}
        send = self._notifier.error if told.event_type == ERROR else self._notifier.info
        send(context, told.event_type, content)


def payload(told: Told) -> dict[str, Any] | None:
    """Return what is sent, as :data:`PAYLOAD` says.

    What is read from the database is of now, and ``None`` while it is away, or when it is about
    a later run.

    :returns: ``None`` for the progress of a job that has ended, or is tried again, by now.
    """
    now = statuses = outcomes = None
    try:
        now = _row(told)
        if told.event_type == PROGRESS and (now is None or now.status != told.state):
            return None
        if now is not None:
            statuses, outcomes, _ = db.jobs.counts(now)
    except exception.Unavailable as error:
        LOG.debug("A notification goes without numbers: %s", error.message)
    # An engine's own row of a job may be without it.
    request = now.request if now is not None else None
    return {
        **told.about,
        "resource_type": request and request[0]["resource_type"],
        "source_regions": request and _union(request, "sources"),
        "target_regions": request and _union(request, "targets"),
        "dry_run": request and all(bool(entry.get("dry_run")) for entry in request),
        "state": told.state,
        "reason": told.reason,
        "ended_at": told.ended_at,
        "statuses": statuses,
        "outcomes": outcomes,
    }


def _row(told: Told) -> db.Job | None:
    """Return the job's row, if it is there and still about the same run."""
    about = told.about
    job = db.jobs.get(about["project_id"], about["job_id"], with_all_projects=True)
    return job if job is not None and job.runs == about["run"] else None


def _union(request: list[dict[str, Any]], field: str) -> list[str]:
    return sorted({name for entry in request for name in entry[field]})


def _text(moment: datetime) -> str:
    return f"{moment.isoformat(timespec='microseconds')}Z"
