"""Run jobs with real engines, to check the simulation against them."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from standin import Standin
from standin.images import image_id

from benchmarks.counting import Counted, command, read
from benchmarks.rule_scene import cpu
from benchmarks.service import Job, Service
from benchmarks.simulation.scenario import JobRequest
from benchmarks.world import World
from kingbird.tests.functional.kingbird_api import sync
from kingbird.tests.functional.people import Person

#: The users whose projects ask for jobs, in turns.
PROJECTS = ("demo", "other")


@dataclass(frozen=True)
class Shape:
    """Some jobs.

    :ivar images: of each job.
    :ivar latency: milliseconds of each answer.
    """

    jobs: int
    images: int
    regions: int
    latency: float


@dataclass(frozen=True)
class Measured:
    """A run with real engines.

    :ivar seconds: from the first request to the last end.
    :ivar calls: of Glance in a target region, on average.
    :ivar members: lists of members in the source region.
    :ivar spent: the database calls of all engines.
    :ivar cpu: seconds of processor time of all engines.
    :ivar requests: the jobs as they were asked for.
    """

    seconds: float
    calls: float
    members: int
    spent: Counted
    cpu: float
    requests: Sequence[JobRequest]


def run(world: World, engines: int, shape: Shape) -> Measured:
    """Run jobs of two projects with a number of engines that count their statements."""
    people = [Person(world.cloud, name) for name in PROJECTS]
    with (
        TemporaryDirectory(prefix="kingbird-counts-") as folder,
        world.glances(
            shape.regions, keystone=world.cloud.auth_url, token=world.person().token
        ) as glances,
        world.kingbird(engines=0) as kingbird,
    ):
        files = [Path(folder) / str(number) for number in range(engines)]
        for file in files:
            kingbird.deployment.start_engine(*command(file, "engine"))
        kingbird.deployment.wait_until_ready()
        warm = _start(kingbird, glances, people[:1], Shape(1, 1, shape.regions, 0), "warm")
        kingbird.wait(warm[0])
        glances.latency(None, shape.latency)
        glances.reset_counts()
        before = [read(file) for file in files]
        used = _cpu(kingbird)
        jobs = [kingbird.wait(one) for one in _start(kingbird, glances, people, shape, "run")]
        used = _cpu(kingbird) - used
        # The counts go on, as engines renew and poll.
        spent = [read(file).since(one) for file, one in zip(files, before, strict=True)]
        counts = glances.counts()
        source, *targets = glances.urls
    first = min(job.created for job in jobs)
    return Measured(
        max(job.closed for job in jobs) - first,
        sum(sum(counts[region].values()) for region in targets) / len(targets),
        counts[source]["members"],
        Counted(*map(sum, zip(*spent, strict=True))),
        used,
        _requests(jobs, first, shape, source, targets),
    )


def _start(
    kingbird: Service, glances: Standin, people: Sequence[Person], shape: Shape, salt: str
) -> list[str]:
    """Start jobs of different images, all at once."""
    source, *targets = glances.urls
    asked = []
    for number in range(shape.jobs):
        person = people[number % len(people)]
        name = f"{salt}-{number}"
        glances.seed(source, shape.images, salt=name, project=person.project_id)
        ids = [image_id(index, name) for index in range(shape.images)]
        asked.append((person, sync(*ids, source=source, target=targets)))
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda pair: kingbird.start(*pair), asked))


def _requests(
    jobs: Sequence[Job], first: float, shape: Shape, source: str, targets: Sequence[str]
) -> list[JobRequest]:
    return [
        JobRequest(
            job.created - first, PROJECTS[number % len(PROJECTS)], shape.images, source, targets
        )
        for number, job in enumerate(jobs)
    ]


def _cpu(kingbird: Service) -> float:
    return sum(map(cpu, kingbird.deployment.engines))


def token_seconds(world: World, times: int = 5) -> float:
    """Return the median of the seconds that Keystone takes for a token."""
    seconds = []
    for _ in range(times):
        begun = time.monotonic()
        assert Person(world.cloud, "demo").token
        seconds.append(time.monotonic() - begun)
    return sorted(seconds)[times // 2]
