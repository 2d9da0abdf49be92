"""Tell other services, over a message broker, how jobs proceed and whether rules work.

``[oslo_messaging_notifications] driver`` enables it.  The administrator's guide describes
the messages.
"""

import logging
import socket
import threading
import time
from collections import OrderedDict
from datetime import datetime
from typing import Any, NamedTuple

import oslo_messaging
from oslo_config import cfg

from kingbird import events, exception
from kingbird.background_queue import BackgroundQueue
from kingbird.db import api as db
from kingbird.rpc import transport
from kingbird.states import JobState, Reason, RuleState

LOG = logging.getLogger(__name__)

START = "kingbird.sync.start"
PROGRESS = "kingbird.sync.progress"
END = "kingbird.sync.end"
ERROR = "kingbird.sync.error"
RULE_STATE = "kingbird.rule.state"

#: Seconds between two notifications of one job's progress by one engine.
PROGRESS_INTERVAL = 10.0
#: Notifications that may wait to be sent; beyond that the oldest go.
QUEUE_SIZE = 1000
#: Seconds for which a stopping engine still sends waiting notifications.
DRAIN = 3.0


def start(conf: cfg.ConfigOpts) -> "EventNotifier | None":
    """Start to notify in a background thread, if notifications are configured.

    Call this after any fork.

    :returns: the notifier, to be stopped, or ``None`` if notifications are off.
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
        LOG.error("Notifications are disabled: %s", error.message)
        return None
    notifications = EventNotifier(
        oslo_messaging.Notifier(bus, publisher_id=f"kingbird-engine.{socket.gethostname()}")
    )
    events.subscribe(notifications)
    return notifications


class Notification(NamedTuple):
    """A notification that waits to be sent.

    :ivar content: the fields of the payload that are known already.
    :ivar is_error: whether it has the priority ERROR.
    """

    event_type: str
    content: dict[str, Any]
    is_error: bool = False


def build_notification(
    job: Any,
    event_type: str,
    state: str,
    reason: str | None = None,
    ended_at: datetime | None = None,
) -> Notification:
    """Return a notification about a job.

    :param job: its row.  The request, of up to a megabyte, is not kept.
    """
    return Notification(
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
            "state": state,
            "reason": reason,
            "ended_at": None if ended_at is None else _text(ended_at),
        },
        is_error=event_type == ERROR,
    )


def rule_notification(change: db.RuleChange, changed_at: datetime) -> Notification:
    """Return the notification about a change of a rule's state, which is complete."""
    return Notification(
        RULE_STATE,
        {**change._asdict(), "changed_at": _text(changed_at)},
        is_error=change.state != RuleState.OK,
    )


class EventNotifier:
    """Send notifications about jobs and rules when events are emitted.  Thread-safe.

    A background thread reads the counts and sends, so work waits neither for the broker nor for
    the database.  oslo.messaging drops what it cannot send.

    :param notifier: an oslo.messaging ``Notifier``.
    """

    def __init__(self, notifier: Any) -> None:
        self._notifier = notifier
        self._lock = threading.Lock()
        self._progressed: OrderedDict[str, float] = OrderedDict()
        self._queue = BackgroundQueue(
            "kingbird-notifications", "notifications", self._send, QUEUE_SIZE
        )

    def __call__(self, event: Any) -> None:
        """Queue the notification of an event."""
        match event:
            case events.JobStarted(job):
                self._queue.put(build_notification(job, START, JobState.IN_PROGRESS))
            case events.JobProgress(job):
                if self._is_due(job.id):
                    self._queue.put(build_notification(job, PROGRESS, JobState.IN_PROGRESS))
            case events.JobEnded(job, state, reason, ended_at):
                gave_up = reason not in (None, Reason.CANCELLED)
                event_type = ERROR if gave_up else END
                self._queue.put(build_notification(job, event_type, state, reason, ended_at))
            case events.RuleStateChanged(change, changed_at):
                self._queue.put(rule_notification(change, changed_at))

    def stop(self, seconds: float) -> None:
        """Ignore further events, and send waiting notifications for at most ``seconds``."""
        events.unsubscribe(self)
        if left := self._queue.stop(seconds):
            LOG.warning("Engine stopped before notifications were sent, dropped: %d", left)

    def _is_due(self, job_id: str) -> bool:
        now = time.monotonic()
        with self._lock:
            while self._progressed:
                oldest, since = next(iter(self._progressed.items()))
                if now - since < PROGRESS_INTERVAL:
                    break
                del self._progressed[oldest]
            if job_id in self._progressed:
                return False
            self._progressed[job_id] = now
            return True

    def _send(self, notification: Notification) -> None:
        content = payload(notification)
        if content is None:
            return
        # A rule has no request.
        context = {name: content.get(name) for name in ("request_id", "global_request_id")}
        send = self._notifier.error if notification.is_error else self._notifier.info
        send(context, notification.event_type, content)


def payload(notification: Notification) -> dict[str, Any] | None:
    """Return the payload of a notification.

    Fields that are read from the database have the present values.  They are ``None`` while the
    database is unavailable, or if the row is of a later run.

    :returns: ``None`` for the progress of a job that has ended or is retried by now.
    """
    event_type, content, _ = notification
    if event_type == RULE_STATE:
        return content
    now = statuses = outcomes = None
    try:
        now = db.jobs.get(content["project_id"], content["job_id"], with_all_projects=True)
        if now is not None and now.runs != content["run"]:
            now = None
        if event_type == PROGRESS and (now is None or now.status != content["state"]):
            return None
        if now is not None:
            statuses, outcomes, _ = db.jobs.outcome_counts(now)
    except exception.Unavailable as error:
        LOG.debug("Unable to read a job's counts for a notification: %s", error.message)
    # An engine's own row of a job may be without it.
    request = now.request if now is not None else None
    return {
        **content,
        "resource_type": request and request[0]["resource_type"],
        "source_regions": request and _union(request, "sources"),
        "target_regions": request and _union(request, "targets"),
        "dry_run": request and all(entry["dry_run"] for entry in request),
        "statuses": statuses,
        "outcomes": outcomes,
    }


def _union(request: list[dict[str, Any]], field: str) -> list[str]:
    return sorted({name for entry in request for name in entry[field]})


def _text(moment: datetime) -> str:
    return f"{moment.isoformat(timespec='microseconds')}Z"
