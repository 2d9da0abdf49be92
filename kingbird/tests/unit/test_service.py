"""Trace only when configured, and cost nothing otherwise."""

import logging
import os

import pytest
import sqlalchemy as sa
from osprofiler import notifier, web

from kingbird.api import app
from kingbird.conf import tracing
from kingbird.db import api as db
from kingbird.db import connection
from kingbird.rpc import transport
from kingbird.service import configure_tracing
from kingbird.tests.api.world import World
from kingbird.tests.unit.tracing.conftest import KEY, restored  # noqa: F401  a fixture
from kingbird.tests.waiting import wait_for
from kingbird.tracing import spans, statements


@pytest.fixture
def wanted(conf, restored, monkeypatch):  # noqa: F811
    """Give a configuration that asks for traces, of a program that does not run."""
    monkeypatch.setattr(os, "register_at_fork", lambda **_: None)
    conf.prog = "kingbird-test"
    conf.set_override("enabled", True, group="profiler")
    conf.set_override("hmac_keys", f" {KEY} , another", group="profiler")
    # In these tests nothing is sent.
    conf.set_override("connection_string", "redis://:pass-of-redis@127.0.0.1:1", group="profiler")
    return conf


def layers(application):
    """Return the types of an application's layers, from the outside in."""
    found = []
    while application is not None:
        found.append(type(application))
        inner = vars(application)
        application = inner.get("_application") or inner.get("application")
    return found


def built():
    with World() as world:
        return layers(
            app.build(
                world.conf, keystone=world.keystone, regions=world.regions, engines=world.engines
            )
        )


def listens():
    return sa.event.contains(connection.get_engine(), "do_execute", statements._start)


def test_by_default_there_is_nothing(conf, restored, database):  # noqa: F811
    before = notifier.get()
    configure_tracing(conf)
    assert not spans.is_enabled()
    assert notifier.get() is before
    assert web.WsgiMiddleware not in built()
    db.configure(conf)
    assert not listens()


@pytest.mark.parametrize("asked", [True, False])
def test_what_is_asked_for(wanted, database, asked):
    wanted.set_override("trace_sqlalchemy", asked, group="profiler")
    configure_tracing(wanted)
    assert spans.is_enabled()
    order = [layer.__name__ for layer in built()]
    assert order.index("PathNormalizer") + 1 == order.index("TraceHeaderFilter")
    assert order.index("TraceHeaderFilter") + 1 == order.index("WsgiMiddleware")
    assert order.index("WsgiMiddleware") + 1 == order.index("AuthPublicRoutes")
    db.configure(wanted)
    assert listens() is asked


@pytest.mark.parametrize("keys", ["", " , ", tracing.DEFAULT_KEY, f"{KEY},{tracing.DEFAULT_KEY}"])
def test_everybody_knows_the_default_key(wanted, keys, caplog):
    wanted.set_override("hmac_keys", keys, group="profiler")
    configure_tracing(wanted)
    assert not spans.is_enabled()
    assert "hmac_keys has to be a secret" in caplog.text


@pytest.mark.parametrize("url", [transport.IN_PROCESS, "nonsense"])
def test_spans_need_a_broker(wanted, url, caplog):
    wanted.set_override("connection_string", "messaging://", group="profiler")
    transport.use_in_process_transport(wanted)
    wanted.set_override("transport_url", url)
    configure_tracing(wanted)
    assert not spans.is_enabled()
    assert "Tracing is disabled: [oslo_messaging_notifications] transport_url" in caplog.text


def test_the_connection_string_is_a_secret(wanted, caplog):
    caplog.set_level(logging.DEBUG)
    wanted.log_opt_values(logging.getLogger(), logging.DEBUG)
    assert "profiler.connection_string" in caplog.text
    assert "profiler.hmac_keys" in caplog.text
    configure_tracing(wanted)
    wanted.set_override("connection_string", "nosuch://:pass-of-redis@host", group="profiler")
    with spans.attach({"base_id": "b", "parent_id": "p"}), spans.span("one"):
        pass
    wait_for(lambda: "Unable to send trace spans: ValueError" in caplog.text)
    assert "pass-of-redis" not in caplog.text
    assert KEY not in caplog.text
