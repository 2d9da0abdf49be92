"""What is logged of notifications that a broker does not take: little, and nothing secret."""

import logging

import oslo_messaging
import pytest
from oslo_config import cfg

from kingbird import log_filters
from kingbird.tests.unit.engine.scene import wait_for
from kingbird.tracing.exporter import Sender


@pytest.fixture
def bounded(monkeypatch):
    """Begin anew, and leave nothing behind."""
    monkeypatch.setattr(log_filters, "_notifications", log_filters.Notifications())
    monkeypatch.setattr(log_filters, "_connections", log_filters.Connections())
    loggers = [logging.getLogger(name) for name in (*log_filters.NOTIFIERS, log_filters.DRIVER)]
    for logger in loggers:
        monkeypatch.setattr(logger, "filters", [])
    log_filters.bound()
    return loggers


@pytest.fixture
def notifier():
    """Give one of oslo.messaging's, whose broker is away."""
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    transport = oslo_messaging.get_notification_transport(
        conf, url="rabbit://me:pass-of-rabbit@127.0.0.1:1/"
    )
    yield lambda topic: oslo_messaging.Notifier(
        transport, publisher_id="p", driver="messagingv2", topics=[topic], retry=0
    )
    transport.cleanup()


def test_a_broker_that_is_away(bounded, notifier, caplog, monkeypatch):
    for topic in ("profiler", "notifications"):
        sending = notifier(topic)
        for _ in range(5):
            sending.info({}, "kingbird.sync.start", {"about": "a-payload"})
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        f"No notification to {topic}: OperationalError; others since the last such line: 0"
        for topic in ("profiler", "notifications")
    ]
    monkeypatch.setattr(log_filters, "EVERY", 0)
    log_filters._notifications._next.clear()
    sending.error({}, "kingbird.sync.error", {"about": "a-payload"})
    assert caplog.records[-1].getMessage().endswith(": 4")
    for secret in ("a-payload", "pass-of-rabbit", "Traceback"):
        assert secret not in caplog.text


def test_other_drivers(bounded, caplog):
    logger = logging.getLogger(log_filters.NOTIFIERS[1])
    for _ in range(3):
        try:
            raise OSError("kafka://me:secret@broker/")
        except OSError as error:
            logger.exception(
                "Problem '%(e)s'. Payload=%(payload)s", {"e": error, "payload": "secret"}
            )
    assert [record.getMessage() for record in caplog.records] == [
        "No notification to -: OSError; others since the last such line: 0"
    ]
    assert "secret" not in caplog.text
    logger.warning("Something else: %s", "this")
    assert caplog.records[-1].getMessage() == "Something else: this"


def test_lines_about_connections(bounded, caplog):
    """Those of a thread that sends spans are bounded, as each span makes two."""

    class Driver:
        def notify(self, payload):
            logging.getLogger(log_filters.DRIVER).error("Unable to connect")
            got.append(payload)

    got = []
    sending = Sender(Driver)
    for _ in range(5):
        sending({"name": "one-start", "info": {}})
    wait_for(lambda: len(got) == 5)
    assert caplog.text.count("Unable to connect") == 1
    for _ in range(2):
        logging.getLogger(log_filters.DRIVER).error("Unable to connect")
    assert caplog.text.count("Unable to connect") == 3


def test_doing_it_twice_does_no_harm(bounded):
    log_filters.bound()
    assert [len(logger.filters) for logger in bounded] == [1, 1, 1]
