"""Casts: wake-ups that never fail a request, and tokens that have to arrive."""

import socket
import time
from unittest import mock

import oslo_messaging
import pytest
from oslo_config import cfg

from kingbird import concurrency, exception
from kingbird import conf as kingbird_conf
from kingbird.context import RequestContext
from kingbird.db import api as db
from kingbird.rpc import transport, version_cap
from kingbird.tests.waiting import eventually


@pytest.fixture(scope="module")
def client_of():
    """Make clients; oslo.messaging works with the global configuration only."""
    concurrency.setup()
    from kingbird.rpc.client import EngineClient

    def make(url, level=version_cap.VERSION):
        kingbird_conf.register_opts(cfg.CONF)
        cfg.CONF([], project="kingbird", default_config_files=[], default_config_dirs=[])
        cfg.CONF.set_override("transport_url", url) if "transport_url" in cfg.CONF else None
        # No database is at hand that could tell.
        cfg.CONF.set_override("engine", level, group="upgrade_levels")
        bus = oslo_messaging.get_rpc_transport(cfg.CONF, url=url)
        return EngineClient(cfg.CONF, bus), bus

    return make


#: The version that a next release may add.
NEXT = "1.3"

CONTEXT = RequestContext(auth_token="secret", request_id="req-1")


class Engine:
    """Notes what the endpoint hands on."""

    def __init__(self, name="engine"):
        self.id = name
        self.calls = []

    def wake(self):
        self.calls.append("wake")

    def cancel(self, job_id):
        self.calls.append(f"cancel {job_id}")

    def look_at_rules(self):
        self.calls.append("look at rules")

    def accept_token_job(self, job_id, token, endpoints, request_id):
        self.calls.append((job_id, token, endpoints, request_id))


def test_a_broker_that_is_down_fails_no_wake_up_and_costs_no_time(client_of, monkeypatch):
    client, _ = client_of("rabbit://guest:guest@127.0.0.1:1/")
    attempts = []
    connect = socket.socket.connect
    monkeypatch.setattr(
        socket.socket, "connect", lambda *args: (attempts.append(args[1]), connect(*args))
    )
    client.job_ready(CONTEXT, "j")
    client.tasks_ready("j")
    client.job_cancelled("j")
    assert len(attempts) == 3, "each is tried once"


def test_only_a_message_with_a_token_is_retried(client_of, monkeypatch):
    """A wake-up that is lost costs one poll; none may wait for ever."""
    client, _ = client_of(transport.IN_PROCESS)
    made = mock.MagicMock()
    monkeypatch.setattr(oslo_messaging, "get_rpc_client", made)
    client.job_ready(CONTEXT, "j")
    client.tasks_ready("j")
    client.job_cancelled("j")
    client.job_with_token(CONTEXT, "j", {})
    assert [call.kwargs["retry"] for call in made.call_args_list] == [0, 0, 0, 1]


def test_a_token_that_cannot_be_handed_over_is_an_error(client_of):
    client, _ = client_of("rabbit://guest:guest@127.0.0.1:1/")
    with pytest.raises(exception.Unavailable, match="broker") as caught:
        client.job_with_token(CONTEXT, "j", {})
    assert "secret" not in str(caught.value)


def test_messages_arrive_at_the_endpoint(client_of):
    from kingbird.rpc import server

    client, bus = client_of(transport.IN_PROCESS)
    engine = Engine()
    serving = server.create(cfg.CONF, engine, bus)
    serving.start()
    try:
        client.job_ready(CONTEXT, "j")
        client.tasks_ready("j")
        client.job_cancelled("j")
        client.marks_ready()
        client.job_with_token(CONTEXT, "j", {"R1": "http://r1"})
        eventually("all messages have come", lambda: len(engine.calls) >= 5)
    finally:
        serving.stop()
        serving.wait()
    assert sorted(engine.calls, key=str) == [
        ("j", "secret", {"R1": "http://r1"}, "req-1"),
        "cancel j",
        "look at rules",
        "wake",
        "wake",
    ]


@pytest.mark.parametrize(
    ("level", "received"),
    [
        # An engine that gets what it does not know drops it.
        (NEXT, ["news"]),
        (version_cap.VERSION, []),
    ],
)
def test_engines_of_two_releases_side_by_side(client_of, level, received):
    """While an upgrade goes on, a message of the next release is sent where it may be."""
    import oslo_messaging

    from kingbird.rpc import server

    class NextEndpoint(server.Endpoint):
        """Understands one message more."""

        target = oslo_messaging.Target(version=NEXT)

        def news(self, context):
            self._engine.calls.append("news")

    client, bus = client_of(transport.IN_PROCESS, level)
    old, new = Engine("old"), Engine("new")
    servings = [server.create(cfg.CONF, old, bus)]
    with mock.patch.object(server, "Endpoint", NextEndpoint):
        servings.append(server.create(cfg.CONF, new, bus))
    for serving in servings:
        serving.start()
    try:
        assert client._cast(None, "news", {"fanout": True, "version": NEXT}) is bool(received)
        client.tasks_ready("j")
        jobs = [f"j{number}" for number in range(20)]
        for job_id in jobs:
            client.job_with_token(CONTEXT, job_id, {})
        wanted = 22 + len(received)
        eventually("all messages have come", lambda: len(old.calls + new.calls) >= wanted)
        # One too many would come now.
        time.sleep(0.1)
    finally:
        for serving in servings:
            serving.stop()
            serving.wait()
    # Each token has reached one engine, of whatever release.
    tokens = [call[0] for call in old.calls + new.calls if isinstance(call, tuple)]
    assert sorted(tokens) == sorted(jobs)
    assert [call for call in new.calls if isinstance(call, str)] == [*received, "wake"]
    assert [call for call in old.calls if isinstance(call, str)] == ["wake"]


def test_a_newer_message_waits_until_all_engines_understand_it(client_of, database, monkeypatch):
    monkeypatch.setattr(version_cap, "VERSION", NEXT)
    monkeypatch.setattr(version_cap, "CACHE_TTL", -1)
    client, _ = client_of(transport.IN_PROCESS, "auto")
    for name, rpc_version in (("old", version_cap.BASE_VERSION), ("new", NEXT)):
        db.engines.heartbeat(name, host="h", pid=1, version="1", rpc_version=rpc_version)
    assert not client._cast(None, "news", {"fanout": True, "version": NEXT})
    assert client._cast(None, "tasks_ready", {"fanout": True}, job_id="j")
    db.engines.deregister("old")
    assert client._cast(None, "news", {"fanout": True, "version": NEXT})


def test_a_database_that_says_something_odd_fails_no_wake_up(client_of, monkeypatch):
    """Such as one whose tables were not brought up to date."""
    client, _ = client_of(transport.IN_PROCESS)
    monkeypatch.setattr(version_cap.VersionCap, "get", mock.Mock(side_effect=ValueError("odd")))
    client.job_ready(CONTEXT, "j")
    client.tasks_ready("j")
    with pytest.raises(exception.Unavailable):
        client.job_with_token(CONTEXT, "j", {})


@pytest.mark.parametrize(
    "url", ["nosuch://guest:s3cret@h/", "rabbit://a:s3cret@h:port/", "s3cret"]
)
def test_a_transport_url_that_cannot_be_used_is_named_without_its_text(url):
    kingbird_conf.register_opts(cfg.CONF)
    cfg.CONF([], project="kingbird", default_config_files=[], default_config_dirs=[])
    transport.use_in_process_transport(cfg.CONF)
    transport.check(cfg.CONF)
    cfg.CONF.set_override("transport_url", url)
    with pytest.raises(exception.ConfigurationError, match="transport_url") as caught:
        transport.check(cfg.CONF)
    assert "s3cret" not in str(caught.value)
