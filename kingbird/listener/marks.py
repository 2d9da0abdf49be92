"""Make marks of what is heard: images that rules have to look at.

A message is acknowledged after its marks are written, so a listener that is killed loses none.  A
message that comes twice makes the same marks.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from oslo_config import cfg
from oslo_messaging import NotificationResult

from kingbird import events, exception
from kingbird.db import api as db
from kingbird.listener.brokers import Broker
from kingbird.listener.events import Drop, Event, read
from kingbird.listener.health import Hearing
from kingbird.listener.matching import RuleSet

LOG = logging.getLogger(__name__)

#: Seconds for which rules are not read again.  A new rule begins with a full run, which lists the
#: images of that time later than that.
RULES_TTL = 0.1
#: Seconds between two tries while the database is away: the first, and the longest.
FIRST_DELAY, LAST_DELAY = 0.2, 5.0
#: Tries of events that can't be written although the database answers.
TRIES = 3


@dataclass(eq=False, repr=False)
class MarkWriter:
    """Write the marks of events.  Safe for threads.

    :ivar wake: called after marks were written.
    :ivar stopping: set when the listener stops.
    """

    conf: cfg.ConfigOpts
    wake: Callable[[], None]
    stopping: threading.Event
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _fingerprint: tuple[Any, ...] | None = field(default=None, init=False)
    _read_at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._rules = RuleSet([])

    def write(self, heard: Sequence[Event]) -> bool:
        """Write the marks of some events.  While the database is away, wait for it.

        :returns: False if the listener stops before the database is back.
        """
        delay, failed, is_reported = FIRST_DELAY, 0, False
        while True:
            try:
                self._write(heard)
                if is_reported:
                    LOG.info("The database is back")
                return True
            except exception.Unavailable as error:
                if not is_reported:
                    LOG.warning("Messages wait for the database: %s", error.message)
                is_reported = True
            except Exception:
                failed += 1
                if failed == TRIES:
                    LOG.exception("Unable to write the marks of %d events", len(heard))
                    for event in heard:
                        events.emit(events.NotificationDropped(event.region, Drop.ERROR))
                    return True
            if self.stopping.wait(delay):
                return False
            delay = min(delay * 2, LAST_DELAY)

    def _write(self, heard: Sequence[Event]) -> None:
        rules = self._current_rules()
        pairs: set[tuple[int, str]] = set()
        dropped: list[tuple[str, Drop]] = []
        written = 0
        for event in heard:
            found = rules.match(event)
            if isinstance(found, Drop):
                dropped.append((event.region, found))
            elif event.deleted:
                db.marks.clear(event.image_id, found)
            else:
                pairs.update((pk, event.image_id) for pk in found)
        if pairs:
            written = db.marks.add(pairs, settle=self.conf.listener.settle)
        for region, reason in dropped:
            events.emit(events.NotificationDropped(region, reason))
        if written:
            events.emit(events.MarksWritten(written))
            self.wake()

    def _current_rules(self) -> RuleSet:
        with self._lock:
            now = time.monotonic()
            if self._fingerprint is None or now - self._read_at > RULES_TTL:
                fingerprint = db.marks.fingerprint()
                if fingerprint != self._fingerprint:
                    # A change between the two calls is found by the next ones.
                    self._rules = RuleSet(db.marks.rules_to_match())
                    self._fingerprint = fingerprint
                self._read_at = now
            return self._rules


@dataclass(eq=False, repr=False)
class Endpoint:
    """Take the messages of a broker.  oslo.messaging calls the method of a message's priority."""

    broker: Broker
    hearing: Hearing
    write: Callable[[Sequence[Event]], bool]

    def info(
        self, context: Any, publisher_id: Any, event_type: Any, payload: Any, metadata: Any
    ) -> str:
        """Write the marks of a message.  Never raises, as oslo.messaging would repeat for ever.

        :returns: whether the message is done, or the next listener has to get it.
        """
        try:
            done = self._take(publisher_id, event_type, payload)
        except Exception:
            LOG.exception("Unable to process a message")
            events.emit(events.NotificationDropped("unknown", Drop.ERROR))
            done = True
        return NotificationResult.HANDLED if done else NotificationResult.REQUEUE

    def _take(self, publisher_id: Any, event_type: Any, payload: Any) -> bool:
        regions = self.broker.regions_of(publisher_id)
        if not regions:
            events.emit(events.NotificationDropped("unknown", Drop.PUBLISHER))
        heard = []
        for region in regions:
            self.hearing.heard(region)
            events.emit(events.NotificationHeard(region))
            event = read(region, event_type, payload)
            if isinstance(event, Event):
                heard.append(event)
            else:
                events.emit(events.NotificationDropped(region, event))
        return not heard or self.write(heard)
