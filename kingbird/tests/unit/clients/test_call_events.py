"""Each call tells subscribers its region, method, status and time."""

import pytest
import requests
import requests_mock
from keystoneauth1 import exceptions as ksa_exc

from kingbird import events
from kingbird.clients.session import RegionSessions, glance_session, keystone_session

URL = "http://service.test"


@pytest.fixture
def told():
    """Give the events that are emitted."""
    found = []
    events.subscribe(found.append)
    yield found
    events.unsubscribe(found.append)


@pytest.fixture
def http(monkeypatch):
    """Answer below the adapter, which emits the events."""
    adapter = requests_mock.Adapter()
    monkeypatch.setattr(
        "keystoneauth1.session.TCPKeepAliveAdapter.send",
        lambda self, request, **kwargs: adapter.send(request, **kwargs),
    )
    return adapter


def call(session, method="GET", path="/v2/images"):
    return session.request(f"{URL}{path}", method, authenticated=False, raise_exc=False)


@pytest.mark.parametrize("status", [200, 404, 503])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_a_call_to_a_region(conf, told, http, status, method):
    http.register_uri(method, f"{URL}/v2/images", status_code=status)
    call(glance_session(conf, "R1", connections=1), method)
    (event,) = told
    assert isinstance(event, events.GlanceCall)
    assert (event.region, event.method, event.code) == ("R1", method, str(status))
    assert event.seconds > 0


def test_a_token_that_is_renewed_over_a_regions_session_is_keystones(conf, told, http):
    http.register_uri("POST", f"{URL}/v3/auth/tokens", status_code=201)
    call(glance_session(conf, "R1", connections=1), "POST", "/v3/auth/tokens")
    (event,) = told
    assert isinstance(event, events.KeystoneCall)
    assert (event.method, event.code) == ("POST", "201")
    assert event.seconds > 0


def test_a_call_to_keystone(conf, told, http):
    http.register_uri("GET", f"{URL}/v3/OS-TRUST/trusts", status_code=403)
    call(keystone_session(conf, connections=1), path="/v3/OS-TRUST/trusts")
    (event,) = told
    assert isinstance(event, events.KeystoneCall)
    assert (event.method, event.code) == ("GET", "403")


def test_a_call_without_an_answer(conf, told, http):
    http.register_uri("GET", f"{URL}/v2/images", exc=requests.ConnectionError)
    with pytest.raises(ksa_exc.ConnectFailure):
        call(glance_session(conf, "R1", connections=1))
    assert [event.code for event in told] == [events.NO_ANSWER]


@pytest.mark.parametrize(("own", "timeout", "expected"), [(60, None, 60), (60, 2, 2), (1, 2, 1)])
def test_a_call_to_a_region_takes_no_longer_than_both_limits(conf, own, timeout, expected):
    conf.set_override("call_timeout", own, group="glance")
    sessions = RegionSessions(conf, timeout=timeout)
    assert sessions.get("R1").call_timeout == expected
    assert sessions.get("R1") is sessions.get("R1"), "connections are shared"
    assert sessions.get("R1") is not sessions.get("R2")


def test_each_worker_of_a_region_keeps_a_connection(conf):
    conf.set_override("region_concurrency", 37, group="sync")
    session = RegionSessions(conf).get("R1").session
    for scheme in ("http://", "https://"):
        assert session.get_adapter(scheme).poolmanager.connection_pool_kw["maxsize"] == 37
    assert not session.trust_env
