"""Consume the messages of one broker, in a thread that no other broker disturbs."""

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import oslo_messaging
from oslo_config import cfg

from kingbird import exception
from kingbird.db import api as db
from kingbird.listener.brokers import Broker
from kingbird.listener.health import Hearing
from kingbird.listener.marks import Endpoint

LOG = logging.getLogger(__name__)

#: Seconds between two looks at the connection.
WATCH_INTERVAL = 1.0
#: Seconds after a failed start until the next one.
RETRY_DELAY = 10.0
#: Seconds after which a start that waits for its broker is reported.
START_TIMEOUT = 5.0


@dataclass(eq=False, repr=False)
class Consumer:
    """The listener of one broker, from its start until the service stops."""

    conf: cfg.ConfigOpts
    broker: Broker
    endpoint: Endpoint
    hearing: Hearing
    stopping: threading.Event
    _server: Any = field(default=None, init=False)
    _started: threading.Event = field(default_factory=threading.Event, init=False)
    _is_away: bool = field(default=False, init=False)
    #: Regions of which a full run is due, because messages may have been lost.
    _lossy: set[str] = field(default_factory=set, init=False)

    @property
    def names(self) -> str:
        """Return the names of the broker's regions, for the log."""
        return ", ".join(self.broker.regions)

    def run(self) -> None:
        """Start to consume as soon as the broker is there, and watch the connection."""
        threading.Thread(target=self._report_start, daemon=True).start()
        while not self.stopping.is_set():
            server: Any = None
            try:
                server = create_server(self.conf, self.broker, self.endpoint)
                # This blocks while the broker is unreachable.
                server.start(override_pool_size=1)
            except Exception as error:
                self._note_away(f"{type(error).__name__}: {error}")
                with contextlib.suppress(Exception):
                    server.transport.cleanup()
                self.stopping.wait(RETRY_DELAY)
            else:
                self._server = server
                self._started.set()
                self._watch(server)

    def stop(self) -> None:
        """Stop to consume.  What was not processed is delivered again.

        This waits for a broker that became unreachable.
        """
        if self._started.is_set():
            self._server.stop()
            self._server.wait()

    def _report_start(self) -> None:
        if not self._started.wait(START_TIMEOUT) and not self.stopping.is_set():
            self._note_away("unreachable")

    def _watch(self, server: Any) -> None:
        known = connection_of(server)
        self._note_back()
        while not self.stopping.wait(WATCH_INTERVAL):
            current = connection_of(server)
            if current is None:
                self._note_away("connection lost")
            elif current is not known:
                # A connection that was replaced between two looks was lost too.
                self._lossy.update(self.broker.regions)
                known = current
                self._note_back()
            self._catch_up()

    def _note_away(self, reason: str) -> None:
        if not self._is_away:
            LOG.warning("The broker of %s is not heard: %s", self.names, reason)
        self._is_away = True
        self.hearing.connected(self.broker.regions, False)

    def _note_back(self) -> None:
        if self._is_away:
            # Glance drops what it can't send at once.
            self._lossy.update(self.broker.regions)
        LOG.info("Listening to the broker of %s", self.names)
        self._is_away = False
        self.hearing.connected(self.broker.regions, True)

    def _catch_up(self) -> None:
        make_full_runs_due(self._lossy)


def make_full_runs_due(regions: set[str]) -> None:
    """Let rules run in full whose sources were not heard for a while.

    :param regions: regions, which are removed when it is done.  The rest is for the next call.
    """
    for region in sorted(regions):
        try:
            number = db.rule_runs.full_run_due(region)
        except exception.Unavailable:
            LOG.debug("Full runs for %s wait for the database", region)
            return
        except Exception:
            LOG.exception("Unable to make full runs for %s due", region)
            return
        regions.discard(region)
        if number:
            LOG.info("Messages of %s may be lost, full runs due: %d", region, number)


def create_server(conf: cfg.ConfigOpts, broker: Broker, endpoint: Endpoint) -> Any:
    """Return oslo.messaging's listener for a broker."""
    bus = oslo_messaging.get_notification_transport(conf, url=broker.url)
    options = conf.listener
    # Without its exchange a pool would be bound to one to which nobody sends.
    target = oslo_messaging.Target(topic=options.topic, exchange=options.exchange)
    server = oslo_messaging.get_notification_listener(
        bus, [target], [endpoint], allow_requeue=True, pool=options.pool or None
    )
    server.dispatcher.dispatch = _never_raise(server.dispatcher.dispatch)
    return server


def _never_raise(dispatch: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Drop messages on whose envelope oslo.messaging fails; it would repeat them for ever."""

    def call(incoming: Any) -> Any:
        try:
            return dispatch(incoming)
        except Exception as error:
            LOG.warning("Dropped a malformed message: %s", type(error).__name__)
            return oslo_messaging.NotificationResult.HANDLED

    return call


def connection_of(server: Any) -> Any:
    """Return the present connection to the broker, or ``None`` if it is lost.

    oslo.messaging tells nobody that a connection was lost, so this looks into its RabbitMQ
    driver.  With another driver, a server that has started counts as connected.
    """
    poller = getattr(server.listener, "_poll_style_listener", None)
    context = getattr(poller, "conn", None)
    connection = getattr(getattr(context, "connection", None), "connection", None)
    if connection is None or not hasattr(connection, "connected"):
        return server
    # The property ``connection`` would connect.
    return getattr(connection, "_connection", server) if connection.connected else None
