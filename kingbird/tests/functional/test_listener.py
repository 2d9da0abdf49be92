"""A listener hears of images from real Glances over RabbitMQ.

There is no engine, so the marks that a listener writes stay.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kingbird.tests.functional import services
from kingbird.tests.functional.deployment import Deployment, Kind, deploy
from kingbird.tests.functional.kingbird_api import KingbirdAPI, wildcard
from kingbird.tests.functional.people import RAW, Person, unique
from kingbird.tests.functional.programs import Program, eventually
from kingbird.tests.functional.relay import Relay

DATA = b"some data"
#: Seconds between two heartbeats.  A change of a connection is stored at once.
HEARTBEAT = 1
#: Seconds until a stopping listener has waited for all that does not answer.
STOP = 30


class Site:
    """A Kingbird whose listener can be stopped and started.

    :ivar relay: between the listener and the broker of RegionOne and RegionTwo.
    :ivar hole: a broker of RegionThree that accepts connections and answers nothing.
    """

    def __init__(self, running: Deployment, cloud: Any, relay: Relay, hole: Relay) -> None:
        self.running = running
        self.relay = relay
        self._folder = running.config.parent
        self._number = 0
        self.listener: Program | None = None
        running.change(
            "listener",
            regions="RegionOne, RegionTwo, RegionThree",
            topic=cloud.broker.topic,
            heartbeat_interval=HEARTBEAT,
        )
        for region in ("RegionOne", "RegionTwo", "RegionThree"):
            url = hole.url if region == "RegionThree" else relay.url
            running.change(
                f"listener:{region}",
                # Kingbird's own queues go with their consumers, and Glance's stay.
                transport_url=f"{url}?amqp_auto_delete=false",
                publisher_id=cloud.broker.publisher(region).replace(".", r"\."),
            )

    def start(self) -> Program:
        self._number += 1
        log = self._folder / f"kingbird-listener-{self._number}.log"
        command = ["kingbird-listener", "--config-file", str(self.running.config)]
        self.listener = Program(command, log, backend=self.running.kind.backend)
        return self.listener

    def stop(self) -> None:
        if self.listener is not None:
            self.listener.stop()

    def marks(self, rule_id: str) -> set[str]:
        """Return the images that a rule has to look at."""
        assert self.listener is not None
        self.listener.check()
        return {
            row["image_id"]
            for row in self._query(
                "SELECT image_id FROM marks JOIN rules ON rules.pk = marks.rule_pk "
                "WHERE rules.id = :rule",
                rule=rule_id,
            )
        }

    def next_run(self, rule_id: str) -> int:
        """Return when a rule runs in full."""
        (row,) = self._query("SELECT next_run FROM rules WHERE id = :rule", rule=rule_id)
        return int(row["next_run"])

    def regions(self) -> dict[str, Any]:
        """Return what the last heartbeat tells of each region."""
        rows = self.running.rows()["listeners"]
        newest = max(rows, key=lambda row: row["seen"], default={"regions": "{}"})
        found: dict[str, Any] = json.loads(newest["regions"])
        return found

    def hears(self, region: str) -> bool:
        return bool(self.regions().get(region, {}).get("connected"))

    def forget(self) -> None:
        """Take all marks, as an engine would."""
        self._query("DELETE FROM marks")

    def _query(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        engine = sa.create_engine(self.running.database_url)
        try:
            with engine.begin() as connection:
                answer = connection.execute(sa.text(statement), values)
                return [dict(row) for row in answer.mappings()] if answer.returns_rows else []
        finally:
            engine.dispose()


@pytest.fixture(scope="module")
def site(cloud: Any, glances: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run a Kingbird without an engine, and a listener."""
    services.require("RabbitMQ", "MariaDB")
    folder: Path = tmp_path_factory.mktemp("listener")
    with ExitStack() as stack:
        relay = stack.enter_context(Relay(cloud.broker.transport_url))
        hole = stack.enter_context(Relay(cloud.broker.transport_url))
        hole.stall()
        running = stack.enter_context(
            deploy(Kind("MariaDB", broker=True, engines=0, relayed=True), cloud, folder)
        )
        made = Site(running, cloud, relay, hole)
        stack.callback(made.stop)
        made.start()
        eventually("the listener hears RegionOne", lambda: made.hears("RegionOne"))
        yield made


@pytest.fixture
def rule(site: Site, newcomer: Person) -> Callable[..., str]:
    """Give a function that makes a rule with events about the images of a new project."""

    def make(**fields: Any) -> str:
        body = {"name": unique("rule"), "interval": 3600, "events": True}
        body |= wildcard(**{"source": "*", "target": "*", **fields})
        answer = KingbirdAPI(site.running.url, newcomer).call(
            "POST", "-rules", json={"rule": body}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["rule"]["id"])

    return make


def test_what_makes_a_mark(site: Site, rule: Callable[..., str], newcomer: Person) -> None:
    everywhere, from_one = rule(), rule(source="RegionOne")
    without_data = newcomer.make("RegionOne", **RAW)
    newcomer.images("RegionOne").update(
        without_data["id"], [{"op": "replace", "path": "/name", "value": "new"}]
    )
    image = newcomer.make("RegionOne", DATA)
    eventually("the upload is marked", lambda: site.marks(from_one))
    # Messages of a broker come in order.
    assert site.marks(everywhere) == site.marks(from_one) == {image["id"]}

    # Two regions on one broker.
    second = newcomer.make("RegionTwo", DATA)
    eventually("its upload is marked", lambda: second["id"] in site.marks(everywhere))
    assert site.marks(from_one) == {image["id"]}

    # An image by Kingbird, with data.
    provenance = {"kingbird_source_region": "RegionOne", "kingbird_source_id": image["id"]}
    site.forget()
    newcomer.make("RegionTwo", DATA, id=image["id"], **provenance)
    third = newcomer.make("RegionTwo", DATA)
    eventually("the next upload is marked", lambda: site.marks(everywhere))
    assert site.marks(everywhere) == {third["id"]}

    site.forget()
    newcomer.images("RegionOne").update(
        image["id"], [{"op": "add", "path": "/os_distro", "value": "debian"}]
    )
    eventually("the change is marked", lambda: site.marks(from_one) == {image["id"]})

    fourth = newcomer.make("RegionOne", DATA)
    eventually("the upload is marked", lambda: fourth["id"] in site.marks(from_one))
    newcomer.delete("RegionOne", fourth["id"])
    eventually("the deletion is heard", lambda: fourth["id"] not in site.marks(from_one))


def test_what_a_listener_tells_of_itself(site: Site, newcomer: Person) -> None:
    newcomer.make("RegionTwo", DATA)
    eventually(
        "both regions are heard",
        lambda: all(site.regions()[name]["heard"] for name in ("RegionOne", "RegionTwo")),
    )
    # The broker of RegionThree disturbs no other.
    silent = site.regions()["RegionThree"]
    assert (silent["connected"], silent["heard"]) == (False, None)


def test_a_listener_that_is_killed_loses_nothing(
    site: Site, rule: Callable[..., str], newcomer: Person
) -> None:
    everywhere = rule()
    made: list[str] = []

    def upload() -> None:
        for _ in range(12):
            made.append(newcomer.make("RegionOne", DATA)["id"])

    uploading = threading.Thread(target=upload)
    uploading.start()
    eventually("some uploads are marked", lambda: len(site.marks(everywhere)) >= 2)
    assert site.listener is not None
    site.listener.kill()
    uploading.join()
    site.start()
    eventually("all uploads are marked", lambda: site.marks(everywhere) == set(made))
    assert len(made) == 12


def test_a_message_outlasts_a_database_that_is_away(
    site: Site, rule: Callable[..., str], newcomer: Person
) -> None:
    everywhere = rule()
    eventually("RegionOne is heard", lambda: site.hears("RegionOne"))
    site.running.relays["database"].cut()
    try:
        images = {newcomer.make("RegionOne", DATA)["id"] for _ in range(2)}
        first = site.listener
        assert first is not None
        eventually("it waits", lambda: "Messages wait for the database" in first.log.read_text())
        assert first.stop() == 0, first.tail()
        site.start()
    finally:
        site.running.relays["database"].mend()
    eventually("the uploads are marked", lambda: site.marks(everywhere) == images)


def test_a_broker_that_goes_and_comes_back(
    site: Site, rule: Callable[..., str], newcomer: Person
) -> None:
    everywhere = rule()
    eventually("RegionOne is heard", lambda: site.hears("RegionOne"))
    due = site.next_run(everywhere)
    site.relay.cut()
    eventually("RegionOne is not heard", lambda: not site.hears("RegionOne"))
    assert site.next_run(everywhere) == due
    site.relay.mend()
    eventually("RegionOne is heard again", lambda: site.hears("RegionOne"))
    eventually("a full run is due", lambda: site.next_run(everywhere) < due)
    image = newcomer.make("RegionOne", DATA)
    eventually("the upload is marked", lambda: image["id"] in site.marks(everywhere))


def test_an_orderly_stop(site: Site) -> None:
    assert site.listener is not None
    pids = site.listener.pids
    began = time.monotonic()
    assert site.listener.stop() == 0, site.listener.tail()
    assert time.monotonic() - began < STOP
    # The row of the one that was killed is there still.
    assert not pids & {row["pid"] for row in site.running.rows()["listeners"]}
    log = site.listener.log.read_text()
    assert "guest@" not in log
    assert "Traceback" not in log, site.listener.tail()


def test_images_spread_by_themselves(
    cloud: Any, newcomer: Person, deploy_own: Callable[[Kind], Deployment]
) -> None:
    """kingbird-standalone hears RegionOne over the broker, and polls RegionTwo."""
    services.require("RabbitMQ")
    running = deploy_own(
        Kind(
            options={
                "listener": {
                    "regions": "RegionOne, RegionTwo",
                    "topic": cloud.broker.topic,
                    "poll_interval": 1,
                },
                "listener:RegionOne": {
                    "transport_url": f"{cloud.broker.transport_url}?amqp_auto_delete=false",
                    "publisher_id": cloud.broker.publisher("RegionOne"),
                },
            }
        )
    )
    api = KingbirdAPI(running.url, newcomer)
    body = {"name": unique("rule"), "interval": 3600, "events": True, **wildcard()}
    made = api.call("POST", "-rules", json={"rule": body}).json()["rule"]
    api.wait(made["last_job"])
    for source in ("RegionOne", "RegionTwo"):
        image = newcomer.make(source, DATA)
        for target in cloud.regions:
            eventually(
                f"the image of {source} is in {target}",
                partial(newcomer.images(target).get, image["id"]),
            )
    shown = api.call("GET", f"-rules/{made['id']}").json()["rule"]
    assert shown["state"] == "OK"
    assert shown["hears"]["RegionOne"]
    assert shown["hears"]["RegionTwo"]
