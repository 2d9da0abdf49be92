"""A listener starts without waiting for anything, and stops within bounds."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from oslo_config import cfg

from kingbird.conf.listener import options_of, region_group
from kingbird.listener import consumer as consumers
from kingbird.listener import service
from kingbird.tests.unit.listener.fakes import FakeDatabase
from kingbird.tests.unit.listener.messages import payload
from kingbird.tests.waiting import bounded, wait_for


class Broker:
    """A server of oslo.messaging that passes on what a test tells it.

    :param silent: whether start and stop wait for a broker that does not answer.
    """

    def __init__(self, endpoint: Any, silent: threading.Event | None = None) -> None:
        self.endpoint, self.silent = endpoint, silent
        self.listener = None
        self.stopped = False

    def start(self, override_pool_size: int) -> None:
        assert override_pool_size == 1
        if self.silent is not None:
            self.silent.wait()

    def stop(self) -> None:
        self.stopped = True

    def wait(self) -> None:
        pass


@pytest.fixture
def silent() -> Iterator[threading.Event]:
    made = threading.Event()
    yield made
    made.set()


@pytest.fixture
def scene(
    conf: cfg.ConfigOpts, rows: FakeDatabase, silent: threading.Event, monkeypatch: Any
) -> Any:
    """Give a listener of two regions; the broker of R2 does not answer."""
    made = SimpleNamespace(brokers={}, announced=0, rows=rows)

    def create(_: Any, broker: Any, endpoint: Any) -> Broker:
        (region,) = broker.regions
        made.brokers[region] = Broker(endpoint, silent if region == "R2" else None)
        return made.brokers[region]

    def announce() -> None:
        made.announced += 1

    monkeypatch.setattr(consumers, "create_server", create)
    monkeypatch.setattr(service, "STOP_TIMEOUT", 0.5)
    conf.set_override("regions", ["R1", "R2"], group="listener")
    for region in ("R1", "R2"):
        options_of(conf, region)
        url = f"rabbit://{region}/"
        conf.set_override("transport_url", url, group=region_group(region))
    unused: Any = None
    made.listener = service.Listener(conf, announce=announce, keystone=unused, clients=unused)
    return made


def test_a_broker_that_is_away_disturbs_no_other(scene: Any) -> None:
    scene.listener.start()
    wait_for(lambda: scene.rows.beats and scene.rows.beats[-1]["regions"]["R1"]["connected"])
    wait_for(lambda: "R2" in scene.brokers)
    assert not scene.rows.beats[-1]["regions"]["R2"]["connected"]
    answer = scene.brokers["R1"].endpoint.info({}, "image.x", "image.update", payload(), {})
    assert answer == "handled"
    wait_for(lambda: scene.announced == 1)
    assert scene.rows.beats[-1]["id"] == scene.listener.id
    with bounded("the listener stops", lambda: None):
        scene.listener.stop()
    assert scene.brokers["R1"].stopped
    assert not scene.brokers["R2"].stopped, "it never started"
    assert scene.rows.gone == [scene.listener.id]


def test_its_report(scene: Any) -> None:
    found = scene.listener.describe()
    assert found["regions"].keys() == {"R1", "R2"}
    assert "rabbit://" not in str(found)
    assert not found["stopping"]


def test_a_second_stop(scene: Any) -> None:
    scene.listener.start()
    scene.listener.stop()
    scene.listener.stop()
    assert scene.rows.gone == [scene.listener.id]
