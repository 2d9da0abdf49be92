"""Time from an upload's end to records in all other regions, by a rule and Glance's events."""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import urllib3
from minicloud import Cloud

from benchmarks.arrivals import REGIONS, created
from benchmarks.rounds import median
from benchmarks.table import Row
from benchmarks.world import World
from kingbird.clients.image_lists import PAGE_SIZE
from kingbird.tests.functional.deployment import Kind, deploy
from kingbird.tests.functional.kingbird_api import KingbirdAPI, wildcard
from kingbird.tests.functional.listening import listener
from kingbird.tests.functional.people import RAW, Person, unique

#: Milliseconds that the slowest image may take, and the ratio of the medians.
AT_MOST, RATIO = 2000, 3.0
#: Seconds between two uploads: a rule pauses after images in quick succession.
APART = 0.5
#: Milliseconds of a bar of the histogram.
BAR = 100


class _Bare:
    """The calls that an image needs: lists of all regions at once, then a POST to each other one.

    The token is at hand, and connections are kept.
    """

    def __init__(self, cloud: Cloud, person: Person) -> None:
        self._urls = {region: cloud.glance_urls[region] for region in REGIONS}
        self._headers = {"X-Auth-Token": person.token, "Content-Type": "application/json"}
        self._pool = urllib3.PoolManager(num_pools=len(REGIONS), maxsize=2)
        self._workers = ThreadPoolExecutor(2 * len(REGIONS))

    def __call__(self, home: str, image: Mapping[str, Any]) -> float:
        record = {name: image[name] for name in ("id", "name", "visibility", *RAW)}
        begin = time.monotonic()
        lists = [(region, hidden) for region in REGIONS for hidden in ("false", "true")]
        list(self._workers.map(lambda one: self._list(image["id"], *one), lists))
        others = [region for region in REGIONS if region != home]
        list(self._workers.map(lambda region: self._post(region, record), others))
        return time.monotonic() - begin

    def _list(self, image_id: str, region: str, hidden: str) -> None:
        query = f"id=in:{image_id}&visibility=all&limit={PAGE_SIZE}&os_hidden={hidden}"
        self._call("GET", f"{self._urls[region]}/v2/images?{query}", 200)

    def _post(self, region: str, record: Mapping[str, Any]) -> None:
        self._call("POST", f"{self._urls[region]}/v2/images", 201, body=json.dumps(record))

    def _call(self, method: str, url: str, expected: int, **options: Any) -> None:
        answer = self._pool.request(method, url, headers=self._headers, **options)
        if answer.status != expected:
            raise RuntimeError(f"The bare loop was answered {answer.status}: {answer.data!r}")
        json.loads(answer.data)


def histogram(seconds: Sequence[float]) -> str:
    """Return the number of images by time, as a text."""
    bars = Counter(int(1000 * each / BAR) for each in seconds)
    return ", ".join(f"{BAR * (bar + 1)} ms: {bars[bar]}" for bar in sorted(bars))


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Upload images in each region in turn, beside a bare loop about images of another project."""
    count = 9 if quick else 99
    with tempfile.TemporaryDirectory(prefix="kingbird-bench-") as name:
        folder = Path(name)
        cloud = Cloud(folder, regions=[*REGIONS], free_ports=True)
        cloud.up()
        try:
            if cloud.broker is None or not world.is_complete:
                return
            by_rule, loops = _measure(cloud, folder, count)
        finally:
            cloud.down()
    yield Row(
        f"one image by a rule, from its upload's end to records in two regions, worst of {count}",
        1000 * max(by_rule),
        AT_MOST,
        f"median {1000 * median(by_rule):.0f} ms; images up to {histogram(by_rule)}",
        unit="ms",
    )
    yield Row(
        "the median of these, against a bare loop with the token at hand",
        median(by_rule) / median(loops),
        RATIO,
        f"bare loop {1000 * median(loops):.0f} ms ({1000 * min(loops):.0f} to "
        f"{1000 * max(loops):.0f})",
    )


def _measure(cloud: Cloud, folder: Path, count: int) -> tuple[list[float], list[float]]:
    """Return the seconds of each image by a rule, and of each round of the bare loop."""
    options = {"DEFAULT": {"debug": "false"}}
    kind = Kind("MariaDB", broker=True, workers=1, options=options)
    broker = cloud.broker
    assert broker is not None
    with (
        deploy(kind, cloud, folder) as running,
        listener(running, cloud, REGIONS),
        created(broker.transport_url, broker.topic) as creations,
    ):
        person, other = Person(cloud, "demo"), Person(cloud, "other")
        api = KingbirdAPI(running.url, person)
        body = {"name": unique("rule"), "interval": 0, **wildcard(source="*", target="*")}
        made = api.call("POST", "-rules", json={"rule": body}).json()["rule"]
        api.wait(made["last_job"])
        bare = _Bare(cloud, other)
        by_rule, loops = [], []
        for number in range(-len(REGIONS), count):
            home = REGIONS[number % len(REGIONS)]
            image = person.make(home, b"data")
            begin = time.monotonic()
            seconds = creations.wait(image["id"], home) - begin
            loop = bare(home, other.make(home, b"data"))
            time.sleep(APART)
            if number >= 0:
                # The first round makes connections and fills caches.
                by_rule.append(seconds)
                loops.append(loop)
    return by_rule, loops
