"""The figures that a simulation has found."""

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.simulation.engine import Job
from benchmarks.simulation.run import Simulation


@dataclass(frozen=True)
class Spread:
    """The median, the value that 95 % stay below, and the worst."""

    median: float
    most: float
    worst: float

    def __str__(self) -> str:
        return " / ".join(map(duration, (self.median, self.most, self.worst)))


@dataclass(frozen=True)
class Figures:
    """The figures of a simulation.

    :ivar seconds: from the first request to the last end.
    :ivar taken: seconds until a project's job is taken up, its median, over the projects.
    :ivar ended: likewise until a project's job has ended.
    :ivar statements: of the database in a second.
    :ivar transactions: likewise.
    :ivar database: the share of the time that the database works, of all that it can do at once.
    :ivar engines: likewise the processors of the engines.
    :ivar keystone: likewise Keystone.
    :ivar calls: of Glance in a target region, on average.
    :ivar members: lists of members in the source region.
    """

    seconds: float
    taken: Spread
    ended: Spread
    statements: float
    transactions: float
    database: float
    engines: float
    keystone: float
    calls: float
    members: int

    def __str__(self) -> str:
        return (
            f"a project's job is taken up after {self.taken} (median, 95 %, worst of the "
            f"projects) and has ended after {self.ended}; {self.statements:.0f} statements and "
            f"{self.transactions:.0f} transactions a second; {self.calls:.0f} calls a region; "
            f"busy: database {self.database:.0%}, engines {self.engines:.0%}, "
            f"Keystone {self.keystone:.0%}"
        )


def figures(done: Simulation) -> Figures:
    """Return the figures of a simulation that has run."""
    first = min(job.request.at for job in done.all_jobs)
    seconds = max(job.ended_at for job in done.all_jobs) - first
    # The renewals of all leases of an engine are two statements more than its sign of life.
    renewals = len(done.engines) * seconds / (done.options.lease * done.options.renew_fraction)
    renew = done.costs.renew.times(renewals)
    source = done.all_jobs[0].request.source
    targets = [region for name, region in done.regions.items() if name != source]
    return Figures(
        seconds=seconds,
        taken=_by_project(done.all_jobs, [job.taken_at for job in done.all_jobs]),
        ended=_by_project(done.all_jobs, [job.ended_at for job in done.all_jobs]),
        statements=(done.database.statements + renew.statements) / seconds,
        transactions=(done.database.ended + renew.ended) / seconds,
        database=(done.database.busy + renew.database) / seconds / done.cloud.databases,
        engines=sum(one.processor.busy for one in done.engines) / seconds / len(done.engines),
        keystone=done.keystone.busy / seconds / done.cloud.keystones,
        calls=sum(region.calls for region in targets) / len(targets),
        members=sum(
            len(job.read_by) * round(job.request.images * done.cloud.shared)
            for job in done.all_jobs
        ),
    )


def _by_project(jobs: Sequence[Job], moments: Sequence[float]) -> Spread:
    waits = defaultdict(list)
    for job, moment in zip(jobs, moments, strict=True):
        waits[job.request.project].append(moment - job.request.at)
    medians = sorted(map(statistics.median, waits.values()))
    return Spread(
        statistics.median(medians), medians[math.ceil(0.95 * len(medians)) - 1], medians[-1]
    )


def duration(seconds: float) -> str:
    """Return a time as a text."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
