"""``/healthcheck``: what is checked, how often, and what is told."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import webob

from kingbird import cached_check, exception
from kingbird.api import app, health_checks
from kingbird.db import api as db
from kingbird.rpc import transport
from kingbird.tests.api.world import World
from kingbird.tests.threads import begun_threads
from kingbird.tests.unit.api.conftest import caller
from kingbird.tests.waiting import PATIENCE, bounded, eventually

PATH = "/healthcheck"

Ask = Callable[..., webob.Response]


def build(world: World) -> Any:
    return app.build(
        world.conf,
        keystone=world.keystone,  # type: ignore[arg-type]
        regions=world.regions,  # type: ignore[arg-type]
        engines=world.engines,
    )


@pytest.fixture
def healthy(world: World) -> World:
    """Give a world with an engine, and checks that remember nothing."""
    db.engines.heartbeat("here:1", host="secret-host", pid=1, version="1", rpc_version="1.0")
    world.conf.set_override("cache_time", 0, group="healthcheck")
    transport.use_in_process_transport(world.conf)
    return world


@pytest.fixture
def ask(healthy: World) -> Ask:
    """Give a function that asks."""
    application = build(healthy)

    def asked(path: str = PATH, method: str = "GET", **headers: str) -> webob.Response:
        request = webob.Request.blank(path, method=method, headers=headers)
        response = request.get_response(application)
        assert response.headers["X-Openstack-Request-Id"].startswith("req-")
        return response

    return asked


def test_all_is_well(ask: Ask) -> None:
    response = ask()
    assert response.status_int == 200
    assert response.content_type == "text/plain"
    assert response.text.split("\n") == ["database: OK", "broker: OK", "engine: OK"]


@pytest.mark.parametrize("path", [f"{PATH}/", f"/{PATH}//"])
def test_slashes_make_no_difference(ask: Ask, path: str) -> None:
    assert ask(path).status_int == 200


def test_json(ask: Ask) -> None:
    response = ask(Accept="application/json")
    assert response.json == {
        "detailed": False,
        "reasons": ["database: OK", "broker: OK", "engine: OK"],
    }


def test_head(ask: Ask) -> None:
    response = ask(method="HEAD")
    assert (response.status_int, response.body) == (204, b"")
    db.engines.deregister("here:1")
    response = ask(method="HEAD")
    assert (response.status_int, response.body) == (503, b"")


def test_other_methods_and_paths_are_no_way_past_the_token(ask: Ask) -> None:
    assert ask(method="POST").status_int == 401
    assert ask(f"{PATH}/x").status_int == 401
    assert ask(f"/v1.0{PATH}").status_int == 401


def test_no_engine(ask: Ask) -> None:
    db.engines.deregister("here:1")
    response = ask()
    assert response.status_int == 503
    assert response.text.split("\n")[2] == "engine: none is alive"
    assert ask(Accept="application/json").status_int == 503


def test_the_database_is_away(ask: Ask, healthy: World) -> None:
    healthy.conf.set_override("connection", "sqlite:////nowhere/secret.db", group="database")
    db.configure(healthy.conf)
    response = ask()
    assert response.status_int == 503
    assert response.text.split("\n") == [
        "database: can't be reached",
        "broker: OK",
        "engine: not known, as the database can't be reached",
    ]


def test_the_broker_is_away(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """test_broker_check tries the check itself."""

    def fail(*_: Any) -> None:
        raise OSError("amqp://me:secret@127.0.0.1:1/")

    monkeypatch.setattr(health_checks.Broker, "check", fail)
    response = ask()
    assert response.status_int == 503
    assert response.text.split("\n") == [
        "database: OK",
        "broker: can't be reached",
        "engine: OK",
    ]


def test_nothing_is_shown_that_helps_an_attacker(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("secret://user:password@host")

    monkeypatch.setattr(db, "ping", fail)
    for accept in ("text/plain", "application/json"):
        response = ask(Accept=accept)
        assert response.status_int == 503
        assert "database: can't be reached" in response.text
        assert "secret" not in response.text
    assert "secret" not in caplog.text


def test_a_check_that_hangs_is_waited_for_once(
    healthy: World, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, calls = threading.Event(), []

    def hang() -> None:
        calls.append(1)
        gate.wait(PATIENCE)

    monkeypatch.setattr(db, "ping", hang)
    healthy.conf.set_override("timeout", 0.2, group="healthcheck")
    with bounded("probes are answered", gate.set):
        for _ in range(20):
            response = ask()
            assert response.status_int == 503
            assert "database: does not answer" in response.text
    assert len(calls) == 1
    gate.set()
    eventually("the database answers", lambda: ask().status_int == 200)


def test_a_thousand_probes_make_one_check(
    healthy: World, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    monkeypatch.setattr(db, "ping", lambda: calls.append(1))
    healthy.conf.set_override("cache_time", 60, group="healthcheck")
    threads = [threading.Thread(target=lambda: [ask() for _ in range(125)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1


def test_what_was_found_is_forgotten(
    healthy: World, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(cached_check, "time", SimpleNamespace(monotonic=lambda: now[0]))
    healthy.conf.set_override("cache_time", 2, group="healthcheck")
    assert ask().status_int == 200
    db.engines.deregister("here:1")
    now[0] += 1
    assert ask().status_int == 200
    now[0] += 1
    assert ask().status_int == 503


def test_an_operator_chooses_the_checks(healthy: World) -> None:
    db.engines.deregister("here:1")
    healthy.conf.set_override("backends", ["kingbird_database"], group="healthcheck")
    response = webob.Request.blank(PATH).get_response(build(healthy))
    assert (response.status_int, response.text) == (200, "database: OK")


def test_a_check_that_is_not_there(healthy: World) -> None:
    healthy.conf.set_override("backends", ["kingbird_datbase"], group="healthcheck")
    with pytest.raises(exception.ConfigurationError, match="kingbird_datbase"):
        build(healthy)


def test_only_for_some_addresses(healthy: World) -> None:
    healthy.conf.set_override("allowed_source_ranges", ["192.0.2.0/24"], group="healthcheck")
    application = build(healthy)
    for address, status in (("192.0.2.7", 200), ("198.51.100.7", 401)):
        request = webob.Request.blank(PATH, environ={"REMOTE_ADDR": address})
        assert request.get_response(application).status_int == status


def test_checks_say_what_they_check() -> None:
    names = {each.name for each in health_checks._Check.__subclasses__()}
    assert names == {"database", "broker", "engine"}


def test_nothing_is_shared_by_a_fork(healthy: World) -> None:
    """A server may load the application and fork then: nothing runs, and no transport is made."""
    with begun_threads() as begun:
        build(healthy)
    assert begun == []


def test_errors_of_kingbird_go_through_the_same_layers(healthy: World) -> None:
    assert caller(build(healthy))("/nowhere", token=None).status_int == 401
