"""Log records are short, single-line and hold no secrets."""

import io
import json
import logging
import subprocess
import sys

import oslo_messaging
import pytest
import sqlalchemy as sa
from oslo_config import cfg
from oslo_log import formatters, log
from sqlalchemy import pool

from kingbird import log_filters
from kingbird.tests.waiting import PATIENCE, wait_for
from kingbird.tracing.exporter import SpanExporter


@pytest.fixture
def bounded(monkeypatch):
    """Begin anew, and leave nothing behind."""
    monkeypatch.setattr(log_filters, "_notify_failures", log_filters.NotifyFailureFilter())
    monkeypatch.setattr(log_filters, "_tracing_connections", log_filters.TracingConnectionFilter())
    names = (*log_filters.NOTIFIERS, log_filters.DRIVER, log_filters.POOLS)
    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        monkeypatch.setattr(logger, "filters", [])
    log_filters.install()
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
        f"Unable to send notification to {topic}: OperationalError, similar messages suppressed: 0"
        for topic in ("profiler", "notifications")
    ]
    monkeypatch.setattr(log_filters, "INTERVAL", 0)
    log_filters._notify_failures._next.clear()
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
        "Unable to send notification to -: OSError, similar messages suppressed: 0"
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
    sending = SpanExporter(Driver)
    for _ in range(5):
        sending({"name": "one-start", "info": {}})
    wait_for(lambda: len(got) == 5)
    assert caplog.text.count("Unable to connect") == 1
    for _ in range(2):
        logging.getLogger(log_filters.DRIVER).error("Unable to connect")
    assert caplog.text.count("Unable to connect") == 3


def test_lines_of_the_driver_are_limited_by_broker(bounded, caplog, monkeypatch):
    monkeypatch.setattr(log_filters, "_driver_lines", log_filters.DriverFilter())
    log_filters.limit_driver_lines()
    log_filters.limit_driver_lines()
    logger = logging.getLogger(log_filters.DRIVER)
    for _ in range(3):
        for host in ("one", "two"):
            logger.error(
                "AMQP server on %(hostname)s:%(port)s is unreachable",
                {"hostname": host, "port": 5672},
            )
        with caplog.at_level(logging.DEBUG):
            logger.debug("Something else")
    assert caplog.text.count("one:5672") == caplog.text.count("two:5672") == 1
    assert caplog.text.count("Something else") == 3


def test_doing_it_twice_does_no_harm(bounded):
    log_filters.install()
    assert [len(logger.filters) for logger in bounded] == [1, 1, 1, 1]


class OperationalError(Exception):
    """As drivers call theirs."""


class Connection:
    """A driver's connection that is gone when it is given back."""

    def __init__(self, error):
        self.error = error

    def rollback(self):
        raise self.error

    def close(self):
        pass


def give_back(error, caplog):
    """Return what is logged when a connection can't be reset."""
    given = pool.QueuePool(lambda: Connection(error))
    given._dialect = sa.create_engine("sqlite://").dialect
    log_filters.install()
    connection = given.connect()
    with caplog.at_level(logging.ERROR):
        connection.close()
    return caplog.text


def test_a_lost_connection_is_one_line(caplog):
    text = give_back(OperationalError(2013, "Lost connection to 192.0.2.1"), caplog)
    assert "Exception during reset or similar: OperationalError" in text
    assert "Traceback" not in text
    assert "192.0.2.1" not in text


def test_another_fault_keeps_its_traceback(caplog):
    assert "Traceback" in give_back(ZeroDivisionError(), caplog)


FORGED = "2026-11-23 10:00:00.000 1 INFO kingbird.api [-] Job deleted by admin"
ENDS = ["\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"]


@pytest.fixture
def written():
    """Yield a logger as programs have it, and what it wrote."""
    conf = cfg.ConfigOpts()
    log.register_options(conf)
    conf([], project="kingbird")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatters.ContextFormatter(config=conf, project="kingbird"))
    log_filters.install_formatter([handler])
    logger = logging.getLogger("kingbird.tests.log_filters")
    logger.propagate = False
    logger.addHandler(handler)
    yield logger, stream.getvalue
    logger.removeHandler(handler)


@pytest.mark.parametrize("end", ENDS)
def test_a_message_is_one_line(written, end):
    logger, text = written
    logger.warning("No image %s here", f"x{end}{FORGED}")
    (line,) = text().splitlines()
    assert line.endswith(f"{FORGED} here")
    assert not line.startswith(FORGED)


@pytest.mark.parametrize("end", ENDS)
def test_what_an_exception_says(written, end):
    logger, text = written
    try:
        raise RuntimeError(f"x{end}{FORGED}")
    except RuntimeError as error:
        logger.exception("It failed")
        logger.warning("It failed: %s", error)
    lines = text().splitlines()
    assert any("Traceback (most recent call last)" in line for line in lines)
    assert sum(FORGED in line for line in lines) >= 3
    assert not [line for line in lines if line.startswith(FORGED)]
    assert all(
        "test_log_filters" in line or "kingbird.tests.log_filters" in line for line in lines
    )


def test_a_terminal_gets_no_control_characters(written):
    logger, text = written
    logger.warning("%s", "a\x1b[2K\x1b[1A\x07\x9b2Jb\u202ec\td")
    assert r"a\x1b[2K\x1b[1A\x07\x9b2Jb\u202ec" in text()
    assert text().endswith("\td\n")


def test_half_a_character_is_written(written):
    logger, text = written
    logger.warning("%s", "x\ud800y")
    assert r"x\ud800y" in text()


def test_text_stays_as_it_is(written):
    logger, text = written
    logger.warning("Ünïcode %s %s", "日本 🐦", r"C:\new")
    assert text().endswith("Ünïcode 日本 🐦 C:\\new\n")


def test_a_record_has_a_bound(written):
    logger, text = written
    logger.warning("No image %s here", "x" * 10**6)
    (line,) = text().splitlines()
    assert len(line) <= log_filters.MAX_RECORD
    assert line.endswith("x here")


def test_a_traceback_has_a_bound_and_ends_with_the_error(written):
    logger, text = written
    try:
        raise RuntimeError("x" * 10**6 + "the end")
    except RuntimeError:
        logger.exception("It failed")
    assert len(text()) <= 3 * log_filters.MAX_RECORD
    assert "Traceback (most recent call last)" in text()
    assert text().count("xthe end\n") == 2


def test_programs_have_it():
    code = (
        "import logging; from kingbird.conf import prepare_service; from oslo_config import cfg;"
        "prepare_service(['--config-file', '/dev/null'], prog='t', conf=cfg.ConfigOpts());"
        f"logging.getLogger('kingbird').warning('%s', 'x\\n{FORGED}')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    lines = f"{done.stdout}{done.stderr}".splitlines()
    assert [line for line in lines if FORGED in line]
    assert not [line for line in lines if line.startswith(FORGED)]


AS_JSON = """
import logging, sys
from kingbird.conf import prepare_service
from oslo_config import cfg
prepare_service(["--config-file", sys.argv[1]], prog="t", conf=cfg.ConfigOpts())
log = logging.getLogger("kingbird")
hostile = sys.stdin.read()
log.warning("No image %s here", hostile)
try:
    raise RuntimeError(hostile)
except RuntimeError:
    log.exception("It failed")
log.info("The end")
"""


def test_programs_write_lines_of_json(tmp_path):
    config = tmp_path / "kingbird.conf"
    config.write_text("[DEFAULT]\nuse_json = true\n")
    hostile = f'"}}{"".join(ENDS)}{FORGED}\x00\x1b[2K\x7f\x9b\u202e\\x Ünïcode 🐦'
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", AS_JSON, config],
        input=hostile.encode(),
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    # Lines as whoever reads logs may understand them.
    lines = (done.stdout + done.stderr).decode().splitlines()
    message, failure, end = [json.loads(line) for line in lines]
    assert message["message"] == f"No image {hostile} here"
    assert failure["message"] == "It failed"
    assert failure["error_summary"] == f"RuntimeError: {hostile}"
    assert failure["traceback"].startswith("Traceback (most recent call last):")
    # The formatter joins the lines of a traceback anew.
    assert failure["traceback"].splitlines()[-1].startswith(FORGED)
    assert end["message"] == "The end"
    assert {line["levelname"] for line in (message, failure, end)} == {"WARNING", "ERROR", "INFO"}


def test_long_records_of_json_stay_json(tmp_path):
    config = tmp_path / "kingbird.conf"
    config.write_text("[DEFAULT]\nuse_json = true\n")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", AS_JSON, config],
        input=b"x" * 10**6,
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    message, failure, _ = map(json.loads, (done.stdout + done.stderr).splitlines())
    assert len(json.dumps(message)) < 3 * log_filters.MAX_RECORD
    assert len(json.dumps(failure)) < 3 * log_filters.MAX_RECORD
    assert message["message"].startswith("No image xxx")
    assert message["message"].endswith("x here")
    assert failure["traceback"].startswith("Traceback (most recent call last):")
