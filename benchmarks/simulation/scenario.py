"""The jobs of a simulation, and the cloud that they are about."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from kingbird.conf import sync

#: Relative sizes of projects, and of jobs: a few are large.
PROJECT_SHAPE, JOB_SPREAD = 1.2, 1.0


@dataclass(frozen=True)
class JobRequest:
    """A request for a job: named images of the source region that its targets lack.

    :ivar at: the time of the request.
    """

    at: float
    project: str
    images: int
    source: str
    targets: Sequence[str]


@dataclass(frozen=True)
class Cloud:
    """The services around the engines.

    :ivar record: seconds of a Glance for a record.
    :ivar page: seconds of a Glance for a list of up to a hundred images.
    :ivar workers: calls that the Glance of a region works on at the same time.
    :ivar shared: the share of images that are shared, and whose members are listed.
    :ivar databases: transactions that the database works on at the same time.
    :ivar keystones: requests that Keystone works on at the same time.
    """

    regions: Sequence[str]
    record: float
    page: float
    workers: float
    shared: float = 0.25
    databases: int = 8
    keystones: int = 8


def jobs(
    seed: int, images: int, number: int, projects: int, regions: Sequence[str], within: float
) -> list[JobRequest]:
    """Return jobs from the first region to all others.

    :param images: of all jobs together.
    :param number: of jobs.
    :param within: the seconds in which all jobs are asked for.
    """
    chance = random.Random(seed)
    sizes = [chance.lognormvariate(0, JOB_SPREAD) for _ in range(number)]
    owners = [chance.paretovariate(PROJECT_SHAPE) for _ in range(projects)]
    most = _max_jobs()
    # Each project has a job.  Beyond its limit it would be answered with 429.
    left = [most - 1] * projects
    of = list(range(min(projects, number)))
    while len(of) < number:
        (one,) = chance.choices(range(projects), owners)
        if left[one] or not any(left):
            left[one] -= 1
            of.append(one)
    total = sum(sizes)
    counts = [max(1, round(images * size / total)) for size in sizes]
    # Rounding must not change the sum.
    counts[counts.index(max(counts))] += images - sum(counts)
    moments = sorted(chance.uniform(0, within) for _ in range(number))
    chance.shuffle(of)
    return [
        JobRequest(at, f"project {owner}", count, regions[0], regions[1:])
        for at, owner, count in zip(moments, of, counts, strict=True)
    ]


def _max_jobs() -> int:
    return next(
        int(option.default) for option in sync.OPTS if option.name == "max_jobs_per_project"
    )
