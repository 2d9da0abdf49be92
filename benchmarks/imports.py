"""Imports of data: jobs on real Glances, imports that wait, and uploads that a rule brings."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from minicloud import Cloud

from benchmarks import import_loop, import_wait
from benchmarks.arrivals import REGIONS, activated
from benchmarks.rounds import median
from benchmarks.rule_scene import make_rule
from benchmarks.table import Row
from benchmarks.world import World
from kingbird.tests.functional.deployment import Kind, deploy
from kingbird.tests.functional.listening import listener
from kingbird.tests.functional.people import Person

MIB = 2**20
#: Milliseconds from the upload's end.
AT_MOST = 5000
#: Seconds between two uploads.
APART = 1.0


def _by_rule(cloud: Cloud, folder: Path, count: int) -> list[float]:
    """Return the seconds of each image from its upload's end until it is active everywhere."""
    kind = Kind("MariaDB", broker=True, workers=1, options={"DEFAULT": {"debug": "false"}})
    broker = cloud.broker
    assert broker is not None
    with (
        deploy(kind, cloud, folder) as running,
        listener(running, cloud, REGIONS),
        activated(broker.transport_url, broker.topic) as arrivals,
    ):
        person = Person(cloud, "demo")
        make_rule(running.url, person, data="import")
        data = bytes(MIB)
        seconds = []
        for number in range(-len(REGIONS), count):
            home = REGIONS[number % len(REGIONS)]
            image = person.make(home, data, visibility="private")
            begin = time.monotonic()
            taken = arrivals.wait(image["id"], home) - begin
            time.sleep(APART)
            if number >= 0:
                # The first round makes connections and fills caches.
                seconds.append(taken)
    return seconds


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Measure jobs, imports that wait, and uploads that a rule brings with their data."""
    yield from import_loop.measure(world, quick=quick)
    yield from import_wait.measure(world, quick=quick)
    count = 6 if quick else 20
    with tempfile.TemporaryDirectory(prefix="kingbird-bench-") as name:
        folder = Path(name)
        cloud = Cloud(folder, regions=[*REGIONS], free_ports=True)
        cloud.up()
        try:
            if cloud.broker is None or not world.is_complete:
                return
            seconds = _by_rule(cloud, folder, count)
        finally:
            cloud.down()
    yield Row(
        f"data: an upload of 1 MiB, from its end to active in two regions by a rule, median of "
        f"{count}",
        1000 * median(seconds),
        AT_MOST,
        f"{1000 * min(seconds):.0f} to {1000 * max(seconds):.0f} ms",
        unit="ms",
    )
