"""A region without a broker is asked for what has changed."""

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from oslo_config import cfg

from kingbird import exception
from kingbird.listener.events import Event
from kingbird.listener.health import Hearing
from kingbird.listener.polling import Poller
from kingbird.tests.doubles.glance import FakeGlance, unavailable
from kingbird.tests.unit.listener.fakes import FakeDatabase
from kingbird.tests.waiting import PATIENCE, wait_for

PROJECT = "0123456789abcdef0123456789abcdef"


class Scene:
    """A region that is polled, with Keystone and the written events."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        conf.set_override("poll_interval", 0.01, group="listener")
        self.now = datetime.now(UTC)
        self.glance = FakeGlance("R1", lambda: self.now)
        self.written: list[str] = []
        self.hearing, self.stopping = Hearing(["R1"]), threading.Event()
        self.urls = {"R1": "http://r1"}
        self.poller = Poller(
            conf,
            "R1",
            self,  # type: ignore[arg-type]
            self,  # type: ignore[arg-type]
            self._write,
            self.hearing,
            self.stopping,
        )

    def _write(self, heard: Sequence[Event]) -> bool:
        self.written += [event.image["name"] for event in heard]
        return True

    @contextlib.contextmanager
    def own_credentials(self) -> Iterator[Any]:
        yield None

    def regions(self, auth: Any) -> Mapping[str, str]:
        return self.urls

    def clients_for(self, urls: Mapping[str, str], auth: Any) -> dict[str, Any]:
        assert urls == self.urls
        return {"R1": self.glance.images_for("service", is_admin=True)}

    def make(self, name: str, **fields: Any) -> Any:
        body = {"name": name, "disk_format": "raw", "container_format": "bare", **fields}
        return self.glance.images_for(PROJECT).create(body)

    def ask(self) -> list[str]:
        """Return the images that an answer tells of."""
        self.written.clear()
        self.poller.ask()
        return sorted(self.written)

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def scene(conf: cfg.ConfigOpts) -> Scene:
    return Scene(conf)


def test_each_change_is_told_once(scene: Scene) -> None:
    image = scene.make("one")
    scene.make("hidden", os_hidden=True)
    assert scene.ask() == ["hidden", "one"]
    assert scene.ask() == []
    # The second change has the same second as the first one.
    scene.glance.upload(image["id"], b"data")
    assert scene.ask() == ["one"]
    scene.later(3600)
    assert scene.ask() == []
    scene.make("later")
    assert scene.ask() == ["later"]


def test_a_change_that_is_seen_late(scene: Scene) -> None:
    scene.make("one")
    scene.later(600)
    scene.make("two")
    assert scene.ask() == ["one", "two"]
    scene.later(-20)
    scene.make("committed late")
    assert scene.ask() == ["committed late"]


def test_what_is_old_is_left_to_full_runs(scene: Scene) -> None:
    scene.later(-3600)
    scene.make("old")
    scene.later(3600)
    assert scene.ask() == []


def test_more_than_a_page(scene: Scene) -> None:
    scene.glance.page_size = 2
    names = [f"image-{number}" for number in range(5)]
    for name in names:
        scene.make(name)
    assert scene.ask() == names


def test_a_region_that_is_away_is_asked_again(scene: Scene) -> None:
    scene.make("one")
    scene.glance.fail("list", unavailable())
    with pytest.raises(exception.RegionUnavailable):
        scene.ask()
    assert scene.ask() == ["one"]


def test_a_region_that_left_the_catalog(scene: Scene) -> None:
    scene.urls = {}
    with pytest.raises(exception.RegionUnavailable, match="no image service"):
        scene.ask()


def test_the_thread(scene: Scene, rows: FakeDatabase, caplog: pytest.LogCaptureFixture) -> None:
    scene.glance.fail("list", unavailable(), times=None)
    thread = threading.Thread(target=scene.poller.run, daemon=True)
    thread.start()
    wait_for(lambda: len(scene.glance.calls) > 3)
    assert not scene.hearing.describe()["R1"]["connected"]
    assert caplog.text.count("Unable to poll R1") == 1
    scene.make("one")
    scene.glance.heal()
    wait_for(lambda: scene.written == ["one"])
    wait_for(lambda: scene.hearing.describe()["R1"]["connected"])
    # Changes before the start are not known.
    wait_for(lambda: rows.full_runs == ["R1"])
    scene.stopping.set()
    thread.join(PATIENCE)
