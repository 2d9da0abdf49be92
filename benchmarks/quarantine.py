"""Time from an image's deactivation at home to that in all regions, by a rule and events."""

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from minicloud import Cloud

from benchmarks.arrivals import REGIONS, deactivated
from benchmarks.events import histogram
from benchmarks.rounds import median
from benchmarks.rule_scene import make_rule
from benchmarks.table import Row
from benchmarks.world import World
from kingbird.tests.functional.deployment import Kind, deploy
from kingbird.tests.functional.kingbird_api import KingbirdAPI
from kingbird.tests.functional.listening import listener
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually

#: Milliseconds that the slowest image may take.
AT_MOST = 2000
#: Seconds between the last upload and the deactivation: each upload is an event, too.
APART = 2.0


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Deactivate images that are active in three regions, each in another one in turn."""
    count = 6 if quick else 20
    with tempfile.TemporaryDirectory(prefix="kingbird-bench-") as name:
        folder = Path(name)
        cloud = Cloud(folder, regions=[*REGIONS], free_ports=True)
        cloud.up()
        try:
            if cloud.broker is None or not world.is_complete:
                return
            seconds = _measure(cloud, folder, count)
        finally:
            cloud.down()
    yield Row(
        "one image by a rule, from its deactivation at home to that in two regions, worst of "
        f"{count}",
        1000 * max(seconds),
        AT_MOST,
        f"median {1000 * median(seconds):.0f} ms; images up to {histogram(seconds)}",
        unit="ms",
    )


def _measure(cloud: Cloud, folder: Path, count: int) -> list[float]:
    """Return the seconds from the answer to each deactivation to the last region's event."""
    kind = Kind("MariaDB", broker=True, workers=1, options={"DEFAULT": {"debug": "false"}})
    broker = cloud.broker
    assert broker is not None
    with (
        deploy(kind, cloud, folder) as running,
        listener(running, cloud, REGIONS),
        deactivated(broker.transport_url, broker.topic) as quarantines,
    ):
        person = Person(cloud, "demo")
        api = KingbirdAPI(running.url, person)
        make_rule(running.url, person, on_drift="update")
        found = []
        for number in range(-len(REGIONS), count):
            home = REGIONS[number % len(REGIONS)]
            image_id = person.make(home, b"data")["id"]
            for region in REGIONS:
                if region != home:
                    there = partial(person.images(region).get, image_id)
                    eventually(f"the image is in {region}", there)
                    person.upload(region, image_id, b"data")
            eventually("no job is in progress", lambda: not api.jobs("/active"))
            time.sleep(APART)
            person.deactivate(home, image_id)
            begin = time.monotonic()
            seconds = quarantines.wait(image_id, home) - begin
            if number >= 0:
                # The first round makes connections and fills caches.
                found.append(seconds)
    return found
