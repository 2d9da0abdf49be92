"""A storm: many uploads by some users in a minute, which rules spread over three regions."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import urllib3
from standin.notifications import UPLOAD

from benchmarks import bare
from benchmarks.rounds import median
from benchmarks.rule_scene import SHARED_TOPIC, Scene, scene
from benchmarks.table import Row
from benchmarks.world import World
from kingbird.clients.image_lists import IDS_PER_CALL
from kingbird.tests.functional.listening import Consumer
from kingbird.tests.functional.people import RAW, Person, unique
from kingbird.tests.functional.programs import eventually

UPLOADS, SECONDS = 1000, 60
#: Jobs are fewer than 60.
JOBS = 59
#: Milliseconds of processor time an image.
CPU = 20
#: Calls, against those of one job that names the images.
CALLS = 1.3
#: Seconds between two looks at the marks that wait.
POLL = 0.5
#: Seconds after which a message that did not come is lost.
SETTLE = 5.0
#: Any caller of the stand-in with the rights of an admin.
ADMIN = "any:admin,member,reader"


@dataclass
class _Waiting:
    """The most marks that waited at a time, and the greatest age of one in seconds."""

    most: int = 0
    oldest: float = 0.0
    ended: threading.Event = field(default_factory=threading.Event)

    def watch(self, storm: Scene) -> None:
        """Look at the marks until it has ended."""
        query = (
            "SELECT COUNT(*), UNIX_TIMESTAMP(NOW(3)) * 1000 - MIN(since) FROM marks "
            "WHERE job_pk IS NULL"
        )
        while not self.ended.wait(POLL):
            ((number, age),) = storm.kingbird.query(query)
            self.most = max(self.most, number)
            self.oldest = max(self.oldest, float(age or 0) / 1000)


def _upload_all(storm: Scene, people: Sequence[Person], count: int, seconds: float) -> float:
    """Let each user upload the same number of images, evenly over a time.

    :returns: the seconds that it took.
    """
    pool = urllib3.PoolManager(num_pools=len(storm.regions), maxsize=len(people))
    begin = time.monotonic()

    def upload(position: int) -> None:
        person, token = people[position], people[position].token
        for number in range(position, count, len(people)):
            time.sleep(max(0.0, begin + seconds * number / count - time.monotonic()))
            region = storm.regions[number // len(people) % len(storm.regions)]
            answer = pool.request(
                "POST",
                f"{storm.glances.urls[region]}/v2/images",
                body=json.dumps({"name": unique(person.name), "tags": ["golden"], **RAW}),
                headers={"X-Auth-Token": token, "Content-Type": "application/json"},
            )
            if answer.status != 201:
                raise RuntimeError(f"An image was refused: {answer.status} {answer.data!r}")
            storm.glances.upload(region, answer.json()["id"], b"data")

    with ThreadPoolExecutor(len(people)) as workers:
        list(workers.map(upload, range(len(people))))
    return time.monotonic() - begin


def _wrong(storm: Scene, count: int) -> int:
    """Return the number of records that are missing, or there more than once."""
    pool = urllib3.PoolManager()
    wrong = 0
    for url in storm.glances.urls.values():
        found = [
            image["name"] for page in bare.pages(pool, url, ADMIN, bare.VISIBLE) for image in page
        ]
        wrong += count - len(set(found)) + len(found) - len(set(found))
    return wrong


def _came(other: Consumer, sent: int) -> int:
    """Return the number of messages that another service got, as soon as no more come."""
    came = -1
    while sent > len(other.ids) > came:
        came = len(other.ids)
        time.sleep(SETTLE)
    return len(other.ids)


def _least(storm: Scene, count: int) -> int:
    """Return the calls of a job that names the images, as if no list had to be repeated."""
    lists = -(-count // IDS_PER_CALL)
    targets = len(storm.regions) - 1
    # Visible and hidden images of each region, and images of the same names; a record for each
    # target, and the members of each image, which is shared by default.
    return len(storm.regions) * 3 * lists + targets * count + count


def growth(sizes: Sequence[int], parts: int = 4) -> str:
    """Return the median of images a job at the begin, in the middle and at the end."""
    step = max(1, -(-len(sizes) // parts))
    medians = [median(sizes[begin : begin + step]) for begin in range(0, len(sizes), step)]
    return ", then ".join(f"{each:.0f}" for each in medians)


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Upload images at a rate, and count what became of them."""
    if not world.is_complete:
        return
    count = 100 if quick else UPLOADS
    pace = SECONDS * count / UPLOADS
    with scene(world) as storm, Consumer(storm.broker.transport_url, SHARED_TOPIC) as other:
        admin = storm.person("admin")
        # The fourth user is another one of the first project.
        people = [storm.person("demo"), storm.person("other"), admin.with_new_project("reader")]
        for person in people:
            storm.rule(person)
        people.append(storm.person("admin", "demo"))
        last = storm.number("SELECT MAX(pk) FROM jobs")
        storm.glances.reset_counts()
        waiting, before = _Waiting(), storm.spent()
        with ThreadPoolExecutor(1) as watching:
            watch = watching.submit(waiting.watch, storm)
            took = _upload_all(storm, people, count, pace)
            begin = time.monotonic()
            eventually(
                "all records are there",
                lambda: min(storm.glances.sizes().values()) >= count or watch.done(),
            )
            later = time.monotonic() - begin
            storm.wait_until_done()
            waiting.ended.set()
            watch.result()
        after = storm.spent()
        calls = sum(map(Counter, storm.glances.counts().values()), Counter[str]())
        # Users have created the images.
        calls["create"] -= count
        jobs = storm.kingbird.query(
            "SELECT status, request FROM jobs WHERE pk > :last ORDER BY pk", last=last
        )
        wrong = _wrong(storm, count)
        # An image and each of its records are created, and its upload has messages too.
        sent = count * (len(storm.regions) + len(UPLOAD))
        eventually("all is sent", lambda: sum(storm.glances.sent().values()) == sent)
        lost = sent - _came(other, sent)
        least = _least(storm, count)
    what = f"{count} uploads in {pace:.0f} s by {len(people)} users under 3 rules"
    yield Row(
        f"{what}: records that are missing in a region, or there twice",
        wrong,
        0,
        f"uploads took {took:.1f} s, and the last record came {later:.1f} s after the last one",
        unit="of them",
    )
    sizes = [len(json.loads(request)[0]["resources"]) for _, request in jobs]
    yield Row(
        f"{what}: jobs",
        len(jobs),
        JOBS,
        f"images a job: {growth(sizes)}; at most {waiting.most} marks waited, at most "
        f"{waiting.oldest:.1f} s",
        unit="of them",
    )
    failed = sum(status != "SUCCESS" for status, _ in jobs)
    yield Row(f"{what}: jobs that failed", failed, 0, f"{len(jobs)} ended", unit="of them")
    engine, listener = (
        after.engine_cpu - before.engine_cpu,
        after.listener_cpu - before.listener_cpu,
    )
    yield Row(
        f"{what}: processor time of engine and listener, an image",
        1000 * (engine + listener) / count,
        CPU,
        f"engine {1000 * engine / count:.1f} ms, listener {1000 * listener / count:.1f} ms; "
        f"statements an image: engine {after.engine.since(before.engine).statements / count:.1f}, "
        f"listener {after.listener.since(before.listener).statements / count:.1f}; "
        f"{after.engine.since(before.engine).connections} new connections of the engine",
        unit="ms",
    )
    yield Row(
        f"{what}: calls of Glance, against one job that names all",
        sum(calls.values()) / least,
        CALLS,
        ", ".join(f"{kind} {number}" for kind, number in sorted(calls.items())),
    )
    yield Row(
        f"{what}: messages that another service with a queue of its own did not get",
        lost,
        0,
        f"{sent} messages, {sent / count:.1f} an image",
        unit="of them",
    )
